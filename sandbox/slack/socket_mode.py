"""Socket Mode: sockets the app opens, and envelopes that go out on any one of them.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import itertools
import secrets
import time
import uuid
from dataclasses import dataclass, field

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from sandbox.slack.arguments import Arguments
from sandbox.slack.model import Ack, Json
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import APP_ID, WorkspaceState

MOST_SOCKETS = 10
TAKES_ANSWERS = {"interactive", "slash_commands"}


@dataclass(eq=False)
class Socket:
    """One connection of the app; `sent` counts the envelopes it was given."""

    wire: WebSocket
    sent: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def open(self) -> bool:
        return self.wire.client_state == WebSocketState.CONNECTED and not self.closing.is_set()


class SocketMode:
    def __init__(self, state: WorkspaceState) -> None:
        self.state = state
        self.enabled = True
        self.sockets: list[Socket] = []
        self._tickets: set[str] = set()
        self._waiting: dict[str, asyncio.Future[Json | None]] = {}
        self._turn = itertools.count()

    def open_connection(self, state: WorkspaceState, args: Arguments) -> Json:
        """apps.connections.open: an address good for one connection."""
        if not self.enabled:
            raise SlackRefusal("forbidden")
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        root = self.state.base_url.replace("http", "ws", 1)
        return {"url": f"{root}/link?ticket={ticket}&app_id={APP_ID}"}

    async def serve(self, wire: WebSocket) -> None:
        """One connection from hello to goodbye."""
        ticket = wire.query_params.get("ticket", "")
        if ticket not in self._tickets:
            await wire.close(1008)
            return
        self._tickets.discard(ticket)
        await wire.accept()
        if len(self.sockets) >= MOST_SOCKETS:
            await wire.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await wire.close()
            return
        await self._live(Socket(wire))

    async def _live(self, socket: Socket) -> None:
        self.sockets.append(socket)
        await socket.wire.send_json(self._hello())
        self.state.changed()
        reading = asyncio.ensure_future(self._read(socket))
        closing = asyncio.ensure_future(socket.closing.wait())
        try:
            await asyncio.wait({reading, closing}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                await socket.wire.close(1001)
        finally:
            reading.cancel()
            closing.cancel()
            self.sockets.remove(socket)
            self.state.changed()

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.sockets),
            "connection_info": {"app_id": APP_ID},
            "debug_info": {"host": "applink-practice", "approximate_connection_time": 18060},
        }

    async def _read(self, socket: Socket) -> None:
        """Acknowledgements; one may come on another socket than its envelope went out on."""
        try:
            while True:
                said = await socket.wire.receive_json()
                waiting = self._waiting.get(said.get("envelope_id", ""))
                if waiting and not waiting.done():
                    waiting.set_result(said.get("payload"))
        except (WebSocketDisconnect, ValueError, KeyError, RuntimeError):
            return

    async def send(self, kind: str, payload: Json, within: float, attempt: int = 0, reason: str = "") -> Ack:
        """Give one payload to any one open socket and wait for its acknowledgement, `within` seconds."""
        envelope: Json = {"envelope_id": str(uuid.uuid4()), "type": kind, "payload": payload}
        envelope["accepts_response_payload"] = kind in TAKES_ANSWERS
        if kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        waiting: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = waiting
        begun = time.monotonic()
        try:
            if not await self._hand_to_any(envelope):
                return Ack(acked=False, seconds=0.0, reason="dispatch_failed")
            answer = await asyncio.wait_for(waiting, within)
        except TimeoutError:
            return Ack(acked=False, seconds=time.monotonic() - begun, reason="operation_timeout")
        finally:
            del self._waiting[envelope["envelope_id"]]
        return Ack(acked=True, seconds=time.monotonic() - begun, payload=answer)

    async def _hand_to_any(self, envelope: Json) -> bool:
        ready = [s for s in self.sockets if s.open]
        start = next(self._turn)
        for step in range(len(ready)):
            socket = ready[(start + step) % len(ready)]
            try:
                await socket.wire.send_json(envelope)
            except (RuntimeError, WebSocketDisconnect):
                continue
            socket.sent += 1
            return True
        return False

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask every socket to go: "warning", "refresh_requested", "too_many_websockets" or "link_disabled" (the last
        also switches Socket Mode off and closes). The client is expected to open a new one and leave.
        """
        if reason == "link_disabled":
            self.enabled = False
        for socket in [s for s in self.sockets if s.open]:
            await socket.wire.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "practice"}})
            if reason == "link_disabled":
                socket.closing.set()

    def cut(self) -> None:
        """Close every socket without a word."""
        for socket in self.sockets:
            socket.closing.set()
