"""Bare Bolt behind Starlette, as its documentation shows it: one button, acknowledged, and nothing else in the process."""

import sys

import uvicorn
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.routing import Route


def main() -> None:
    port, api_url, token, secret = sys.argv[1:]
    app = AsyncApp(client=AsyncWebClient(token, base_url=api_url), signing_secret=secret)

    @app.action("reauthorize")
    async def on_click(ack: AsyncAck) -> None:
        await ack()

    routes = [Route("/slack/events", AsyncSlackRequestHandler(app).handle, methods=["POST"])]
    uvicorn.run(Starlette(routes=routes), port=int(port), log_level="error")


if __name__ == "__main__":
    main()
