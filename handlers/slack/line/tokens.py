"""Are Slack's tokens good? Asked at the start, because the SDK would retry a bad one for ever."""

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.words.errors import SetupError
from handlers.slack.line.slack_answers import ROTATION_ENDED, TOKEN_DEAD, code_of

NETWORK = (aiohttp.ClientError, TimeoutError, OSError)
NO_SOCKETS = TOKEN_DEAD | {"forbidden", "forbidden_team"}
BOT_CURE = "copy the Bot User OAuth Token (xoxb-…) from api.slack.com/apps, OAuth & Permissions"
ROTATION_CURE = (
    "install the app anew at api.slack.com/apps, OAuth & Permissions, and set the refresh token shown there; "
    "client_id and client_secret stand under Basic Information"
)
APP_CURE = (
    "make an app-level token (xapp-…) with connections:write at api.slack.com/apps, Basic Information, "
    "and switch Socket Mode on"
)


async def check_bot_token(client: AsyncWebClient) -> bool:
    """True: good. False: Slack could not be asked. Raises SetupError when Slack refuses it for good."""
    try:
        await client.auth_test()
    except SlackApiError as error:
        if code_of(error) in ROTATION_ENDED:
            raise SetupError(f"slack.refresh_token: Slack refuses it ({code_of(error)}); {ROTATION_CURE}") from error
        if code_of(error) in TOKEN_DEAD:
            raise SetupError(f"slack.bot_token: Slack refuses it ({code_of(error)}); {BOT_CURE}") from error
        return False
    except NETWORK:
        return False
    return True


async def check_app_token(client: AsyncWebClient, app_token: str) -> bool:
    """As above. Asking for a socket's address opens none."""
    try:
        await client.apps_connections_open(app_token=app_token)
    except SlackApiError as error:
        if code_of(error) in NO_SOCKETS:
            raise SetupError(f"slack.app_token: Slack refuses it ({code_of(error)}); {APP_CURE}") from error
        return False
    except NETWORK:
        return False
    return True
