"""HTTP mode: the workspace posts to the app's request URL, signed, and again when an event fails."""

import pytest_asyncio
from practice_slack import bolt, client, practice
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from sandbox.served import served
from sandbox.slack import ANNA, MARKETING

BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go", "value": "1"}


@pytest_asyncio.fixture
async def slack():
    async with practice() as workspace:
        yield workspace


def endpoint(app):
    handler = AsyncSlackRequestHandler(app)
    return Starlette(routes=[Route("/slack/events", handler.handle, methods=["POST"])])


async def post_button(slack):
    blocks = [{"type": "actions", "elements": [BUTTON]}]
    return (await client(slack).chat_postMessage(channel=MARKETING, text="x", blocks=blocks))["ts"]


async def test_clicks_commands_and_events_arrive_signed(slack):
    app = bolt(slack)

    @app.action("go")
    async def clicked(ack, respond):
        await ack()
        await respond("clicked")

    @app.command("/redkey")
    async def command(ack, command):
        await ack({"response_type": "in_channel", "text": f"said {command['text']} & more"})

    @app.event("app_home_opened")
    async def opened(event, client):
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [{"type": "divider"}]})

    async with served(endpoint(app)) as url:
        slack.use_request_url(url + "/slack/events")
        assert await slack.verify_request_url()
        answer = await slack.click(MARKETING, await post_button(slack), "go")
        await slack.wait_for(lambda: answer.messages)
        assert (answer.acked, answer.text) == (True, "clicked")
        assert (await slack.command("/redkey", "all: ä&=+")).acked
        assert slack.messages()[-1].text == "said all: ä&=+ & more"
        assert (await slack.open_home(ANNA)).blocks[0]["type"] == "divider"


async def test_a_wrong_signing_secret_is_a_click_that_fails(slack):
    app = bolt(slack)

    @app.action("go")
    async def clicked(ack):
        await ack()

    async with served(endpoint(app)) as url:
        slack.use_request_url(url + "/slack/events")
        slack.state.signing_secret = "another"
        answer = await slack.click(MARKETING, await post_button(slack), "go")
    assert (answer.acked, answer.reason) == (False, "http_401")


async def test_a_failed_event_comes_three_times_more_unless_the_app_says_no(slack):
    seen, wanted = [], {}

    async def fail(request):
        seen.append((request.headers.get("x-slack-retry-num"), request.headers.get("x-slack-retry-reason")))
        return Response(status_code=500, headers=wanted)

    slack.delivery.retry_after = (0.0, 0.0, 0.0)
    async with served(Starlette(routes=[Route("/", fail, methods=["POST"])])) as url:
        slack.use_request_url(url + "/")
        slack.archive(MARKETING)
        await slack.wait_for(lambda: not slack.delivery.busy)
        wanted["X-Slack-No-Retry"] = "1"
        slack.archive(MARKETING)
        await slack.wait_for(lambda: not slack.delivery.busy)
    assert seen == [(None, None), *[(str(n), "http_error") for n in (1, 2, 3)], (None, None)]


async def test_an_unreachable_app_is_a_click_that_fails(slack):
    slack.use_request_url("http://127.0.0.1:9/slack/events")
    answer = await slack.click(MARKETING, await post_button(slack), "go")
    assert (answer.acked, answer.reason) == (False, "dispatch_failed")
    assert slack.messages()[0].warnings == {"go"}
