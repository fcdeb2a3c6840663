"""The practice workspace's Web API, asked by Slack's own client."""

import json

import aiohttp
import httpx2
import pytest
import pytest_asyncio
from practice_slack import client, practice
from slack_sdk.errors import SlackApiError

from sandbox.slack import MARKETING, SlackWorkspace

BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go"}


@pytest_asyncio.fixture
async def slack():
    async with practice() as workspace:
        yield workspace


def section(text):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


async def refusal(call):
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


async def test_a_posted_message_is_there_with_its_blocks_and_a_ts(slack: SlackWorkspace):
    posted = await client(slack).chat_postMessage(channel=MARKETING, text="Hello", blocks=[section("*Hello*")])
    (message,) = slack.messages(MARKETING)
    assert (message.ts, message.text, message.words) == (posted["ts"], "Hello", "*Hello*")
    assert posted["message"]["blocks"][0]["block_id"]
    assert posted["channel"] == MARKETING


async def test_a_form_body_with_json_strings_says_the_same_as_json(slack: SlackWorkspace):
    form = {"token": slack.bot_token, "channel": "#marketing-data", "text": "x", "blocks": json.dumps([section("b")])}
    async with httpx2.AsyncClient(verify=False) as http:
        answer = await http.post(slack.state.base_url + "/api/chat.postMessage", data=form)
    assert answer.json()["ok"]
    assert slack.messages()[0].words == "b"
    assert "token" not in slack.calls[-1].args


async def test_attachments_keep_their_colour_and_come_back_without_the_hash(slack: SlackWorkspace):
    attachment = {"color": "#D92D20", "blocks": [section("lost"), {"type": "actions", "elements": [BUTTON]}]}
    posted = await client(slack).chat_postMessage(channel=MARKETING, text="Lost", attachments=[attachment])
    assert slack.messages()[0].color == "#D92D20"
    assert slack.messages()[0].action_ids == ["go"]
    assert posted["message"]["attachments"][0]["color"] == "D92D20"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C0NOWHERE"}, "channel_not_found"),
        ({"text": ""}, "no_text"),
        ({"blocks": "not json"}, "invalid_blocks_format"),
        ({"blocks": [{"type": "bogus"}]}, "invalid_blocks"),
        ({"blocks": [section("x" * 2900)] * 5}, "msg_blocks_too_long"),
        ({"attachments": [{"text": "x"}] * 101}, "too_many_attachments"),
        ({"attachments": [{"color": "red", "blocks": [section("x")]}]}, "invalid_attachments"),
        ({"metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        ({"metadata": {"event_type": "x", "event_payload": {"a": "b" * 9000}}}, "metadata_too_large"),
    ],
)
@pytest.mark.filterwarnings("ignore:The top-level", "ignore:Additionally")
async def test_a_bad_message_is_refused_as_slack_refuses_it(slack: SlackWorkspace, arguments, error):
    answer = await refusal(client(slack).chat_postMessage(**{"channel": MARKETING, "text": "x"} | arguments))
    assert (answer["error"], answer.status_code) == (error, 200)
    assert slack.messages() == []


@pytest.mark.parametrize(
    ("token", "error"),
    [("xoxb-wrong", "invalid_auth"), ("xapp-1-sandbox-0000-redkey", "not_allowed_token_type")],
)
async def test_wrong_tokens_are_refused(slack: SlackWorkspace, token, error):
    assert (await refusal(client(slack, token).auth_test()))["error"] == error


async def test_a_bot_token_cannot_open_a_socket_and_no_token_is_not_authed(slack: SlackWorkspace):
    assert (await refusal(client(slack).apps_connections_open(app_token=slack.bot_token)))["error"] == (
        "not_allowed_token_type"
    )
    async with httpx2.AsyncClient(verify=False) as http:
        assert (await http.get(slack.state.base_url + "/api/auth.test")).json()["error"] == "not_authed"
        assert (await http.get(slack.state.base_url + "/api/what.ever")).json()["error"] == "unknown_method"


async def test_a_revoked_token_is_refused_everywhere(slack: SlackWorkspace):
    slack.revoke_token("account_inactive")
    assert (await refusal(client(slack).auth_test()))["error"] == "account_inactive"
    slack.restore_tokens()
    assert (await client(slack).auth_test())["user_id"] == slack.state.bot.id


async def test_a_missing_scope_is_named(slack: SlackWorkspace):
    slack.state.scopes.remove("users:read")
    answer = await refusal(client(slack).users_info(user="U0ANNA000"))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "users:read")
    assert "users:read" not in answer.headers["x-oauth-scopes"].split(",")


async def test_an_archived_channel_takes_no_messages(slack: SlackWorkspace):
    slack.archive(MARKETING)
    assert (await refusal(client(slack).chat_postMessage(channel=MARKETING, text="x")))["error"] == "is_archived"


async def test_text_alone_takes_the_blocks_away_and_attachments_stay_until_emptied(slack: SlackWorkspace):
    web = client(slack)
    attachments = [{"color": "#D92D20", "blocks": [section("bar")]}]
    ts = (await web.chat_postMessage(channel=MARKETING, text="1", blocks=[section("1")], attachments=attachments))["ts"]
    await web.chat_update(channel=MARKETING, ts=ts, text="2")
    (message,) = slack.messages()
    assert (message.text, message.blocks, message.color) == ("2", [], "#D92D20")
    assert message.edited_at
    await web.chat_update(channel=MARKETING, ts=ts, text="3", attachments=[])
    assert message.attachments == []
    assert [v.text for v in message.history] == ["1", "2", "3"]
    assert len(message.edits) == 2


async def test_only_own_messages_can_be_edited(slack: SlackWorkspace):
    theirs = await slack.say(MARKETING, "hi & <bye>")
    assert theirs.text == "hi &amp; &lt;bye&gt;"
    web = client(slack)
    assert (await refusal(web.chat_update(channel=MARKETING, ts=theirs.ts, text="x")))["error"] == "cant_update_message"
    assert (await refusal(web.chat_update(channel=MARKETING, ts="1.0", text="x")))["error"] == "message_not_found"
    assert (await refusal(web.chat_delete(channel=MARKETING, ts=theirs.ts)))["error"] == "cant_delete_message"


async def test_a_reply_to_a_deleted_parent_becomes_a_message_of_its_own(slack: SlackWorkspace):
    web = client(slack)
    ts = (await web.chat_postMessage(channel=MARKETING, text="parent"))["ts"]
    reply = await web.chat_postMessage(channel=MARKETING, text="reply", thread_ts=ts)
    assert reply["message"]["thread_ts"] == ts
    assert [m.text for m in slack.thread(MARKETING, ts)] == ["reply"]
    slack.delete_message(MARKETING, ts)
    orphan = await web.chat_postMessage(channel=MARKETING, text="late", thread_ts=ts)
    assert orphan["ok"]
    assert "thread_ts" not in orphan["message"]


async def test_metadata_is_shown_only_when_asked_for(slack: SlackWorkspace):
    web = client(slack)
    metadata = {"event_type": "redkey_outage", "event_payload": {"outage": "o1", "revision": 1}}
    ts = (await web.chat_postMessage(channel=MARKETING, text="x", metadata=metadata))["ts"]
    await web.chat_postMessage(channel=MARKETING, text="reply", thread_ts=ts, metadata=metadata)
    plain = await web.conversations_history(channel=MARKETING)
    told = await web.conversations_history(channel=MARKETING, include_all_metadata=True, oldest="0")
    thread = await web.conversations_replies(channel=MARKETING, ts=ts, include_all_metadata=True)
    assert "metadata" not in plain["messages"][0]
    assert told["messages"][0]["metadata"] == metadata
    assert [m.get("metadata") for m in thread["messages"]] == [metadata, metadata]
    assert told["messages"][0]["reply_count"] == 1


async def test_history_comes_newest_first_and_in_pages(slack: SlackWorkspace):
    slack.rates.on = False
    web = client(slack)
    for n in range(5):
        await web.chat_postMessage(channel=MARKETING, text=str(n))
    first = await web.conversations_history(channel=MARKETING, limit=3)
    rest = await web.conversations_history(channel=MARKETING, limit=3, cursor=first["response_metadata"]["next_cursor"])
    assert [m["text"] for m in [*first["messages"], *rest["messages"]]] == ["4", "3", "2", "1", "0"]
    assert not rest["has_more"]


async def test_people_have_a_language_and_a_direct_message(slack: SlackWorkspace):
    web = client(slack)
    slack.state.scopes += ["im:write", "usergroups:read"]  # our manifest asks for neither
    found = await web.users_lookupByEmail(email="chloe@practice.example")
    told = await web.users_info(user=found["user"]["id"], include_locale=True)
    assert told["user"]["locale"] == "fr-FR"
    room = (await web.conversations_open(users="U0CHLOE00"))["channel"]["id"]
    await web.chat_postMessage(channel="U0CHLOE00", text="psst")
    assert [m.text for m in slack.messages(room)] == ["psst"]
    assert (await web.usergroups_list())["usergroups"][0]["id"] == "S0MARKETIN"


async def test_more_than_a_burst_of_messages_is_rate_limited_with_a_time_to_wait(slack: SlackWorkspace):
    web = client(slack)
    for _ in range(slack.rates.burst):
        await web.chat_postMessage(channel=MARKETING, text="x")
    answer = await refusal(web.chat_postMessage(channel=MARKETING, text="x"))
    assert (answer["error"], answer.status_code, answer.headers["Retry-After"]) == ("ratelimited", 429, "1")
    await web.chat_postMessage(channel="C0SALES000", text="another channel is free")
    slack.rates.on = False
    await web.chat_postMessage(channel=MARKETING, text="x")


async def test_a_planned_refusal_strikes_as_often_as_told(slack: SlackWorkspace):
    slack.fail("chat.postMessage", "ratelimited", times=1, retry_after=7)
    slack.fail("chat.postMessage", "internal_error", times=1, done=True)
    web = client(slack)
    limited = await refusal(web.chat_postMessage(channel=MARKETING, text="a"))
    unclear = await refusal(web.chat_postMessage(channel=MARKETING, text="b"))
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    assert unclear["error"] == "internal_error"
    assert [m.text for m in slack.messages()] == ["b"]
    assert (await web.chat_postMessage(channel=MARKETING, text="c"))["ok"]


async def test_a_lost_answer_breaks_the_connection_after_the_work_is_done(slack: SlackWorkspace):
    slack.drop_after("chat.postMessage")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client(slack).chat_postMessage(channel=MARKETING, text="posted all the same")
    assert [m.text for m in slack.messages()] == ["posted all the same"]
    assert slack.calls[-1].result is None


async def test_while_slack_is_down_nothing_works(slack: SlackWorkspace):
    slack.down(503)
    assert (await refusal(client(slack).chat_postMessage(channel=MARKETING, text="x"))).status_code == 503
    slack.up()
    assert (await client(slack).chat_postMessage(channel=MARKETING, text="x"))["ok"]


async def test_it_works_without_a_prefix_and_permalinks_lead_to_the_page():
    async with practice(prefix="/anywhere/else") as slack:
        ts = (await client(slack).chat_postMessage(channel=MARKETING, text="x"))["ts"]
        link = (await client(slack).chat_getPermalink(channel=MARKETING, message_ts=ts))["permalink"]
        assert link == f"{slack.state.page_url}archives/{MARKETING}/p{ts.replace('.', '')}"
