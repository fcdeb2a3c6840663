"""Runs the practice workspace on a real port, with a real Bolt app on its other end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox.served import served
from sandbox.slack import SlackWorkspace


@asynccontextmanager
async def practice(prefix: str = "/slack") -> AsyncIterator[SlackWorkspace]:
    """A workspace on a free port, mounted under `prefix`, with its page at /."""
    workspace = SlackWorkspace()
    async with served(Starlette(routes=[Mount(prefix, workspace.app), Mount("/", workspace.page)])) as url:
        workspace.live_at(url + prefix, url + "/")
        try:
            yield workspace
        finally:
            await workspace.close()


def client(workspace: SlackWorkspace, token: str | None = None) -> AsyncWebClient:
    base_url = workspace.state.base_url + "/api/"
    return AsyncWebClient(token or workspace.bot_token, base_url=base_url, retry_handlers=[], timeout=5)


def bolt(workspace: SlackWorkspace) -> AsyncApp:
    return AsyncApp(client=client(workspace), signing_secret=workspace.signing_secret)


@asynccontextmanager
async def connected(workspace: SlackWorkspace, app: AsyncApp) -> AsyncIterator[AsyncSocketModeHandler]:
    """The app, listening in Socket Mode."""
    handler = AsyncSocketModeHandler(app, workspace.app_token)
    before = len(workspace.sockets.sockets)
    await handler.connect_async()
    try:
        await workspace.wait_for(lambda: len(workspace.sockets.sockets) > before)
        yield handler
    finally:
        await handler.close_async()
