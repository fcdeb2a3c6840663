"""People click, type and fill in; a real Bolt app answers over real sockets."""

import asyncio
import contextlib

import aiohttp
import pytest
import pytest_asyncio
from practice_slack import bolt, client, connected, practice
from slack_sdk.errors import SlackApiError

from sandbox.slack import ANNA, MARKETING, SlackWorkspace

GO = {
    "type": "button",
    "text": {"type": "plain_text", "text": "Reauthorize"},
    "action_id": "reauthorize",
    "url": "https://redkey.example/reauthorize/abc",
    "style": "primary",
}
MORE = {
    "type": "overflow",
    "action_id": "more",
    "options": [
        {"text": {"type": "plain_text", "text": "Snooze 4 hours"}, "value": "4h"},
        {"text": {"type": "plain_text", "text": "Snooze a day"}, "value": "1d"},
    ],
}
ALERT = [{"color": "#D92D20", "blocks": [{"type": "actions", "elements": [GO, MORE]}]}]
MODAL = {
    "type": "modal",
    "callback_id": "ask",
    "title": {"type": "plain_text", "text": "Why?"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "reason"},
        }
    ],
}


@pytest_asyncio.fixture
async def slack():
    async with practice() as workspace:
        yield workspace


async def alert(slack: SlackWorkspace) -> str:
    return (await client(slack).chat_postMessage(channel=MARKETING, text="Lost", attachments=ALERT))["ts"]


async def test_a_click_is_acknowledged_and_its_url_is_told(slack):
    app, seen = bolt(slack), []

    @app.action("reauthorize")
    async def clicked(ack, body):
        await ack()
        seen.append(body)

    async with connected(slack, app):
        ts = await alert(slack)
        answer = await slack.click(MARKETING, ts, "reauthorize")
    assert answer.acked
    assert answer.seconds < 1
    assert answer.url == GO["url"]
    assert seen[0]["container"]["attachment_id"] == 1
    assert seen[0]["message"]["ts"] == ts
    assert slack.messages()[0].warnings == set()


async def test_a_click_that_nobody_acknowledges_leaves_a_warning_and_still_opens_its_url(slack):
    app = bolt(slack)
    slack.delivery.ack_within = 0.2
    async with connected(slack, app):
        answer = await slack.click(MARKETING, await alert(slack), "reauthorize")
    assert (answer.acked, answer.url, answer.reason) == (False, GO["url"], "operation_timeout")
    assert slack.messages()[0].warnings == {"reauthorize"}


async def test_without_a_socket_a_click_fails_at_once(slack):
    answer = await slack.click(MARKETING, await alert(slack), "reauthorize")
    assert (answer.acked, answer.reason) == (False, "dispatch_failed")


async def test_clicking_what_is_not_there_names_what_is(slack):
    ts = await alert(slack)
    with pytest.raises(LookupError, match="reauthorize"):
        await slack.click(MARKETING, ts, "claim")
    with pytest.raises(LookupError, match="4h"):
        await slack.click(MARKETING, ts, "more", value="2h")


async def test_an_overflow_choice_and_the_answer_by_response_url(slack):
    app = bolt(slack)

    @app.action("more")
    async def chosen(ack, action, respond):
        await ack()
        await respond(text=f"Snoozed {action['selected_option']['value']}", replace_original=False)

    async with connected(slack, app):
        answer = await slack.click(MARKETING, await alert(slack), "more", value="1d", user="U0BEN0000")
        await slack.wait_for(lambda: answer.messages)
    assert (answer.text, answer.message.ephemeral_for) == ("Snoozed 1d", "U0BEN0000")
    assert slack.ephemerals == [answer.message]
    assert slack.messages()[0].text == "Lost"


async def test_a_response_url_works_five_times(slack):
    app, statuses, over = bolt(slack), [], asyncio.Event()

    @app.action("more")
    async def chosen(ack, respond):
        await ack()
        statuses.extend([(await respond(text="again", replace_original=True)).status_code for _ in range(6)])
        over.set()

    async with connected(slack, app):
        await slack.click(MARKETING, await alert(slack), "more", value="1d")
        await asyncio.wait_for(over.wait(), 3)
    assert statuses == [200, 200, 200, 200, 200, 404]
    assert slack.messages()[0].text == "again"


@pytest.mark.parametrize("how", ["ack", "respond", "ephemeral"])
async def test_a_command_is_answered_whichever_way_the_app_speaks(slack, how):
    app = bolt(slack)

    @app.command("/redkey")
    async def command(ack, command, respond, client):
        if how == "ack":
            await ack(f"you said {command['text']}")
            return
        await ack()
        if how == "respond":
            await respond(f"you said {command['text']}")
        else:
            who = command["user_id"]
            await client.chat_postEphemeral(channel=command["channel_id"], user=who, text=f"you said {command['text']}")

    async with connected(slack, app):
        answer = await slack.command("/redkey", "help")
    assert (answer.acked, answer.text) == (True, "you said help")
    assert answer.message.ephemeral_for == ANNA


async def test_a_command_without_a_listening_app_is_said_to_have_failed(slack):
    answer = await slack.command("/redkey", "help")
    assert not answer.acked
    assert slack.ephemerals[-1].text == '/redkey failed with the error "dispatch_failed"'
    assert not (await slack.command("/other")).acked


async def test_the_home_tab_is_published_when_it_is_opened(slack):
    app = bolt(slack)

    @app.event("app_home_opened")
    async def opened(event, client):
        blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": f"Hello <@{event['user']}>"}}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    async with connected(slack, app):
        home = await slack.open_home()
    assert home.words == f"Hello <@{ANNA}>"
    assert slack.home(ANNA) is home


async def test_a_modal_opens_complains_and_closes(slack):
    app = bolt(slack)

    @app.action("more")
    async def chosen(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        with contextlib.suppress(SlackApiError):
            await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.view("ask")
    async def submitted(ack, view):
        reason = view["state"]["values"]["why"]["reason"]["value"]
        await ack() if reason == "holiday" else await ack(response_action="errors", errors={"why": "Really?"})

    async with connected(slack, app):
        await slack.click(MARKETING, await alert(slack), "more", value="1d")
        await slack.wait_for(slack.modal)
        await slack.wait_for(lambda: len(slack.calls_of("views.open")) == 2)
        assert (await slack.submit_view()).errors == {"why": "Please complete this required field."}
        assert (await slack.submit_view({"reason": "none"})).errors == {"why": "Really?"}
        assert (await slack.submit_view({"reason": "holiday"})).acked
    assert slack.modal() is None
    assert slack.calls_of("views.open")[1].error == "exchanged_trigger_id"


async def test_an_old_trigger_opens_nothing(slack):
    slack.state.triggers.lifetime = 0.0
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await client(slack).views_open(trigger_id=slack.state.triggers.issue(ANNA), view=MODAL)


async def test_an_older_hash_does_not_overwrite_a_newer_home(slack):
    web, view = client(slack), {"type": "home", "blocks": []}
    old = (await web.views_publish(user_id=ANNA, view=view))["view"]["hash"]
    await web.views_publish(user_id=ANNA, view=view, hash=old)
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await web.views_publish(user_id=ANNA, view=view, hash=old)


async def test_payloads_take_turns_between_sockets_and_ten_is_the_most(slack):
    app = bolt(slack)

    @app.action("reauthorize")
    async def clicked(ack):
        await ack()

    async with connected(slack, app), connected(slack, app):
        ts = await alert(slack)
        for _ in range(4):
            assert (await slack.click(MARKETING, ts, "reauthorize")).acked
        assert [s.sent for s in slack.sockets.sockets] == [2, 2]


async def test_the_app_comes_back_when_it_is_asked_to_refresh(slack):
    app = bolt(slack)

    @app.action("reauthorize")
    async def clicked(ack):
        await ack()

    async with connected(slack, app):
        first = slack.sockets.sockets[0]
        await slack.disconnect("refresh_requested")
        await slack.wait_for(lambda: slack.sockets.sockets and first not in slack.sockets.sockets)
        assert (await slack.click(MARKETING, await alert(slack), "reauthorize")).acked


async def test_a_socket_ticket_is_good_once_and_not_after_the_link_is_disabled(slack):
    web = client(slack)
    opened = await web.apps_connections_open(app_token=slack.app_token)
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(opened["url"]) as socket:
            assert (await socket.receive_json())["num_connections"] == 1
            await slack.disconnect("link_disabled")
            assert (await socket.receive_json())["reason"] == "link_disabled"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(opened["url"])
    with pytest.raises(SlackApiError, match="forbidden"):
        await web.apps_connections_open(app_token=slack.app_token)


async def test_an_event_nobody_acknowledged_comes_again(slack):
    app, attempts = bolt(slack), []
    slack.delivery.ack_within, slack.delivery.retry_after = 0.3, (0.0, 0.0, 0.0)

    @app.middleware
    async def fail_twice(req, next_):
        attempts.append(req.headers.get("x-slack-retry-num", ["0"])[0])
        if len(attempts) > 2:
            await next_()

    @app.event("channel_archive")
    async def archived():
        pass

    async with connected(slack, app):
        slack.archive(MARKETING)
        await slack.wait_for(lambda: not slack.delivery.busy)
    assert len(attempts) == 3


async def test_waiting_for_what_never_comes_tells_what_there_is(slack):
    await alert(slack)
    with pytest.raises(TimeoutError, match="'Lost' \\['reauthorize', 'more'\\]"):
        await slack.wait_for(lambda: False, 0.05)


@pytest.mark.parametrize(
    "said",
    [
        {"response_action": "errors", "errors": {"nowhere": "There is no such block."}},
        {"response_action": "errors", "errors": {}},
        {"response_action": "update"},
        {"response_action": "vanish"},
    ],
)
async def test_an_answer_to_a_view_that_slack_would_not_understand_is_shown_as_trouble(slack, said):
    app = bolt(slack)

    @app.view("ask")
    async def on_submit(ack):
        await ack(**said)

    @app.command("/redkey")
    async def on_command(ack, command, client):
        await ack()
        await client.views_open(trigger_id=command["trigger_id"], view=ASKING)

    async with connected(slack, app):
        await slack.command("/redkey", "")
        answer = await slack.submit_view({"why": "because"})
        assert {"": "We had some trouble connecting. Try again?"} == answer.errors
        assert slack.modal().body["callback_id"] == "ask"


async def test_what_a_person_empties_is_empty_and_not_what_stood_there_at_first(slack):
    heard = []
    app = bolt(slack)

    @app.view("ask")
    async def on_submit(ack, view):
        await ack()
        heard.append(view["state"]["values"]["b"]["why"]["value"])

    @app.command("/redkey")
    async def on_command(ack, command, client):
        await ack()
        await client.views_open(trigger_id=command["trigger_id"], view=ASKING)

    async with connected(slack, app):
        for given in ({}, {"why": ""}):
            await slack.command("/redkey", "")
            await slack.submit_view(given)
    assert ["at first", None] == heard


ASKING = {
    "type": "modal",
    "callback_id": "ask",
    "title": {"type": "plain_text", "text": "Ask"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "b",
            "optional": True,
            "label": {"type": "plain_text", "text": "Why?"},
            "element": {"type": "plain_text_input", "action_id": "why", "initial_value": "at first"},
        }
    ],
}
