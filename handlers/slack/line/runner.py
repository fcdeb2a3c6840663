"""Runs Bolt's listeners: whoever clicked is answered in the moment a listener acknowledges, and a stop lets all finish."""

import asyncio
from contextlib import suppress
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_bolt.listener.async_listener import AsyncListener
from slack_bolt.listener.asyncio_runner import AsyncioListenerRunner
from slack_bolt.response import BoltResponse

log = structlog.get_logger()


class _Ack(AsyncAck):
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.said = asyncio.Event()

    async def __call__(self, *args: Any, **named: Any) -> BoltResponse:
        response = await super().__call__(*args, **named)
        self.said.set()
        return response


class Runner(AsyncioListenerRunner):
    """Bolt 1.30's own looks every 10 ms whether a listener has acknowledged, and forgets it where the listener fails before
    that look (asyncio_runner.py). Here the acknowledgement itself says so, and it stands.
    """

    def __init__(self, app: AsyncApp) -> None:
        bolts = app.listener_runner
        super().__init__(
            bolts.logger,
            bolts.process_before_response,
            bolts.listener_error_handler,
            bolts.listener_start_handler,
            bolts.listener_completion_handler,
            bolts.lazy_listener_runner,
        )
        self._running: set[asyncio.Task[None]] = set()
        app._async_listener_runner = self  # noqa: SLF001 - Bolt has no other way to give it one

    async def run(
        self,
        request: AsyncBoltRequest,
        response: BoltResponse | None,
        listener_name: str,
        listener: AsyncListener,
        starting_time: float | None = None,
    ) -> BoltResponse | None:
        """None where the listener ended, or went on for three seconds, without a word."""
        ack = request.context["ack"] = _Ack()
        if listener.auto_acknowledgement:
            await ack()
        running = asyncio.create_task(self._listen(request, response, listener, ack))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        with suppress(TimeoutError):
            async with asyncio.timeout(listener.ack_timeout):
                await ack.said.wait()
        if ack.response is None:
            log.warning("a listener did not acknowledge", listener=listener_name)
        return response or ack.response

    async def _listen(
        self, request: AsyncBoltRequest, response: BoltResponse | None, listener: AsyncListener, ack: _Ack
    ) -> None:
        try:
            await listener.run_ack_function(request=request, response=response)  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001 - `on_error` tells the person, and the log
            failed = None if ack.response else BoltResponse(status=500)
            await self.listener_error_handler.handle(error=error, request=request, response=failed)
            ack.response = ack.response or failed
        finally:
            ack.said.set()

    async def finished(self, within: float) -> bool:
        """Wait until nothing runs; False if that takes longer than `within` seconds."""
        try:
            async with asyncio.timeout(within):
                while self._running:
                    await asyncio.wait(self._running)
        except TimeoutError:
            return False
        return True
