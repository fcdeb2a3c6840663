"""What happens to the workspace around us. Events are hints: what is true is asked, or shows when we next speak."""

from collections.abc import Callable

import structlog
from slack_bolt.async_app import AsyncApp

from bot.words.connection import Json

log = structlog.get_logger()

TROUBLE = (
    "app_uninstalled",
    "channel_archive",
    "channel_deleted",
    "channel_id_changed",
    "channel_left",
    "group_archive",
    "group_deleted",
    "group_left",
    "tokens_revoked",
)


TOKENS = {"app_uninstalled", "tokens_revoked"}


def register(app: AsyncApp, on_tokens: Callable[[], None]) -> None:
    """`on_tokens`: our own token may be dead, look at it now."""

    async def note(event: Json) -> None:
        channel = event.get("channel") or event.get("old_channel_id") or ""
        log.warning("something changed in Slack that may silence alerts", what=event["type"], channel=str(channel))
        if event["type"] in TOKENS:
            on_tokens()

    for name in TROUBLE:
        app.event(name)(note)
