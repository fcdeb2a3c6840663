"""What happens to the workspace around us. Hints for the log: what they mean shows when we next speak."""

import structlog
from slack_bolt.async_app import AsyncApp

from bot.connection import Json

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


def register(app: AsyncApp) -> None:
    async def note(event: Json) -> None:
        channel = event.get("channel") or event.get("old_channel_id") or ""
        log.warning("something changed in Slack that may silence alerts", what=event["type"], channel=str(channel))

    for name in TROUBLE:
        app.event(name)(note)
