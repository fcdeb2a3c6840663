"""Connections that break: the server side of an answer that never arrives."""

from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

ABORT = "redkey.abort"


class DroppingProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which also hands each request a way to break its own connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app = self._with_abort(self.app)

    def _with_abort(self, app: ASGIApp) -> ASGIApp:
        async def hand_over(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[ABORT] = self.transport.abort
            await app(scope, receive, send)

        return hand_over


async def drop_connection(scope: Scope, receive: Receive) -> None:
    """Break the connection under this request at once; whatever was not sent yet is never seen by the client.

    Must be the last thing a request does. Waits until uvicorn has noticed, else it would log an unfinished answer.
    """
    scope["extensions"][ABORT]()
    while (await receive())["type"] != "http.disconnect":
        pass
