"""Getting payloads to the app, by socket or by request URL, and events again when nobody acknowledged them."""

import asyncio

from sandbox.slack.model import Ack, Json
from sandbox.slack.request_url import RequestUrl, Sent
from sandbox.slack.socket_mode import SocketMode
from sandbox.slack.state import APP_ID, BOT_USER, WorkspaceState


class Delivery:
    """Over HTTP when a request URL is set, else over Socket Mode."""

    def __init__(self, state: WorkspaceState, sockets: SocketMode, request_url: RequestUrl) -> None:
        self.state = state
        self.sockets = sockets
        self.request_url = request_url
        self.ack_within = 3.0
        self.retry_after: tuple[float, ...] = (0.0, 60.0, 300.0)
        self.subscribed = {
            "app_home_opened",
            "app_uninstalled",
            "channel_archive",
            "channel_deleted",
            "channel_id_changed",
            "channel_left",
            "group_archive",
            "group_deleted",
            "group_left",
            "tokens_revoked",
            "user_change",
        }
        self._running: set[asyncio.Task[None]] = set()

    async def send(self, kind: str, payload: Json) -> Ack:
        """Interactions and commands: once, never again."""
        return (await self._send(kind, payload)).ack

    async def _send(self, kind: str, payload: Json, attempt: int = 0, reason: str = "") -> Sent:
        if self.request_url.url:
            return await self.request_url.send(kind, payload, self.ack_within, attempt, reason)
        ack = await self.sockets.send(kind, payload, self.ack_within, attempt, reason)
        return Sent(ack, wants_no_retry=False, retry_reason="timeout")

    def announce(self, event: Json) -> bool:
        """Send an event now and, unless somebody acknowledges it, up to three times more; all in the background.

        False when the app does not subscribe to it.
        """
        if event["type"] not in self.subscribed:
            return False
        task = asyncio.ensure_future(self._repeat(self._event(event)))
        self._running.add(task)
        task.add_done_callback(self._over)
        return True

    def _over(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self.state.changed()

    def _event(self, event: Json) -> Json:
        now = self.state.now()
        return {
            "type": "event_callback",
            "token": "sandbox",
            "team_id": self.state.team["id"],
            "api_app_id": APP_ID,
            "event": {"event_ts": f"{now.timestamp():.6f}", **event},
            "event_id": self.state.mint("Ev"),
            "event_time": int(now.timestamp()),
            "authorizations": [
                {"team_id": self.state.team["id"], "user_id": BOT_USER, "is_bot": True, "is_enterprise_install": False}
            ],
        }

    async def _repeat(self, payload: Json) -> None:
        sent = await self._send("events_api", payload)
        for attempt, seconds in enumerate(self.retry_after, start=1):
            if sent.ack.acked or sent.wants_no_retry:
                return
            await asyncio.sleep(seconds)
            sent = await self._send("events_api", payload, attempt, sent.retry_reason)

    @property
    def busy(self) -> bool:
        """Whether events are still on their way, or due again."""
        return bool(self._running)

    def stop(self) -> None:
        for task in self._running:
            task.cancel()
