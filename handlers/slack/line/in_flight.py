"""Counts the listeners that are running, so that a stop lets them finish first."""

import asyncio

from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.listener.async_listener_completion_handler import AsyncListenerCompletionHandler
from slack_bolt.listener.async_listener_start_handler import AsyncListenerStartHandler
from slack_bolt.response import BoltResponse


class InFlight(AsyncListenerStartHandler, AsyncListenerCompletionHandler):
    """Bolt calls `handle` when a listener starts and when it has ended; the request tells which."""

    def __init__(self, app: AsyncApp) -> None:
        self._running: set[int] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        app.listener_runner.listener_start_handler = self
        app.listener_runner.listener_completion_handler = self

    async def handle(self, request: AsyncBoltRequest, response: BoltResponse | None) -> None:
        key = id(request)  # the request lives as long as its listener runs
        if key in self._running:
            self._running.discard(key)
        else:
            self._running.add(key)
        if self._running:
            self._idle.clear()
        else:
            self._idle.set()

    async def finished(self, within: float) -> bool:
        """Wait until nothing runs; False if that takes longer than `within` seconds."""
        try:
            await asyncio.wait_for(self._idle.wait(), within)
        except TimeoutError:
            return False
        return True
