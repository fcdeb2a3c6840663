"""What `redkey doctor --live` does in Slack: post a message as an alert is posted, edit it, find it, take it back."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.line.checkup import TIMEOUT, Finding
from handlers.slack.line.slack_answers import code_of
from handlers.slack.line.tokens import NETWORK
from handlers.slack.looks.blocks import sections
from handlers.slack.looks.card import EVENT_TYPE, GREY

TEXT = "A test by redkey doctor. It goes away by itself."
CURES = {
    "channel_not_found": "copy the id from the end of the channel's details, and invite the bot into a private channel",
    "not_in_channel": "invite the bot into the channel",
    "is_archived": "unarchive it, or set another channel",
    "restricted_action": "a workspace rule forbids the bot to post there: ask an administrator, or set another channel",
    "missing_scope": "paste manifest.yml anew at api.slack.com/apps, and install the app again",
}
NO_CURE = "see docs/troubleshooting.md"


async def rehearse(bot_token: str, api_url: str, channels: Sequence[str]) -> list[Finding]:
    """Everything an alert needs, done once in each channel. Nothing of it stays there."""
    client = AsyncWebClient(token=bot_token, base_url=api_url, timeout=TIMEOUT, retry_handlers=[])
    return [await _rehearse(client, channel) for channel in channels]


async def _rehearse(client: AsyncWebClient, channel: str) -> Finding:
    what = f"slack alert in {channel}"
    doing, place = "post", ""
    try:
        posted = await client.chat_postMessage(channel=channel, **_message())
        channel, place = str(posted["channel"]), str(posted["ts"])
        doing = "edit"
        await client.chat_update(channel=channel, ts=place, **_message())
        doing = "find"
        found = await _found(client, channel, place)
        doing = "delete"
        await client.chat_delete(channel=channel, ts=place)
    except SlackApiError as error:
        if place and doing != "delete":
            await _take_back(client, channel, place)
        return Finding(what, f"cannot {doing}: {code_of(error)}", CURES.get(code_of(error), NO_CURE))
    except (*NETWORK, ValueError) as error:
        return Finding(what, f"cannot {doing}: {type(error).__name__}", "check the network, a proxy, and slack.api_url")
    if not found:
        return Finding(what, "posted, but not to be found again by its metadata", CURES["missing_scope"])
    return Finding(what, "posted, edited, found, deleted")


async def _found(client: AsyncWebClient, channel: str, ts: str) -> bool:
    """As after a post whose outcome is unclear: without this, an alert could come twice."""
    since = datetime.fromtimestamp(float(ts), UTC) - timedelta(seconds=1)
    asked: dict[str, Any] = {"oldest": f"{since.timestamp():.6f}", "include_all_metadata": True, "limit": 20}
    messages = (await client.conversations_history(channel=channel, **asked)).get("messages") or []
    held = [message.get("metadata") or {} for message in messages if message.get("ts") == ts]
    return any(metadata.get("event_type") == EVENT_TYPE for metadata in held)


async def _take_back(client: AsyncWebClient, channel: str, ts: str) -> None:
    try:
        await client.chat_delete(channel=channel, ts=ts)
    except (SlackApiError, *NETWORK, ValueError):
        return  # what is wrong is told already


def _message() -> dict[str, Any]:
    blocks = sections([TEXT])
    return {
        "text": TEXT,
        "blocks": blocks,
        "attachments": [{"color": GREY, "blocks": blocks}],
        "metadata": {"event_type": EVENT_TYPE, "event_payload": {"outage": "rehearsal", "revision": 0}},
    }
