"""Long answers, piece by piece; whoever leaves in the middle ends the work on it, once and cleanly."""

import asyncio

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class Streamed(StreamingResponse):
    """Starlette's own cancels again and again until nothing runs any more, so that not even what a database driver does to
    close its connection gets to its end. Here it is told once, and waited for.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        telling = asyncio.ensure_future(self._told(send))
        leaving = asyncio.ensure_future(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait({telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not telling.done():
                telling.cancel()
                await asyncio.wait({telling})
            if not telling.cancelled():
                telling.result()
        finally:
            telling.cancel()
            leaving.cancel()

    async def _told(self, send: Send) -> None:
        try:
            await self.stream_response(send)
        finally:
            if (end := getattr(self.body_iterator, "aclose", None)) is not None:
                await end()
