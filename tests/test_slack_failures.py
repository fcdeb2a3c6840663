"""Slack's own bad days: no alert is lost, none is told twice, and whoever must know is told."""

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from deployment import deployed
from sample_facts import ANNA, REPLIES
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from bot import errands
from handlers.slack.looks.messages import SlackComposer
from sandbox.demo import GREEN, RED
from sandbox.served import served
from sandbox.slack import MARKETING
from sandbox.visitor import Visitor

SALES = "C0SALES000"
SECRET = "whsec_" + base64.b64encode(b"a practice secret of 32 bytes ..").decode()


@pytest.fixture(autouse=True)
def quick_rounds(monkeypatch):
    monkeypatch.setattr(errands, "ELSEWHERE_EVERY", timedelta(milliseconds=100))


class Receiver:
    """What stands behind the fallback webhook. `answers` are given first, then 204."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.app = Starlette(routes=[Route("/hook", self.take, methods=["POST"])])

    async def take(self, request):
        self.got.append((dict(request.headers), await request.body()))
        return Response(status_code=self.answers.pop(0) if self.answers else 204)

    @property
    def bodies(self):
        return [json.loads(body) for _, body in self.got]

    @property
    def states(self):
        return [body["state"] for body in self.bodies]


@pytest.fixture
async def receiver():
    made = Receiver()
    async with served(made.app) as url:
        made.url = f"{url}/hook"
        yield made


def sections(slack=None, receiver=None, routes=None):
    made = {}
    if slack:
        made["slack"] = slack
    if receiver:
        made["fallback"] = {"webhook": receiver.url, "secret": SECRET}
    if routes:
        made["routes"] = routes
    return made


async def pulled(redkey, platform):
    await redkey.world.pull(platform, "revoke")


async def readiness(redkey):
    async with httpx2.AsyncClient(verify=False) as client:
        answer = await client.get(f"{redkey.app.settings.web.public_url}/readyz")
    return answer.status_code, answer.json()["slack"]


# The channel


async def test_an_alert_for_an_archived_channel_goes_to_the_default_one_and_says_why(tmp_path, sqlite_url):
    routes = [{"platform": "salesforce", "channel": SALES}]
    async with deployed(tmp_path, sqlite_url, sections=sections(routes=routes)) as redkey:
        slack = redkey.world.slack
        await redkey.connect("salesforce")
        slack.archive(SALES)
        alert = await redkey.drop("salesforce")

        assert (alert.channel, alert.color) == (MARKETING, RED)
        assert "it is archived" in alert.words
        assert f"<#{SALES}>" in json.dumps(alert.attachments)
        (told,) = await redkey.app.desk.outages()
        assert (told.outage.channel, told.outage.ts) == (MARKETING, alert.ts)
        assert ["disconnected", "moved"] == [e.what for e in told.outage.timeline]

        await redkey.log_in(alert, redkey.world.salesforce.demo_login)
        await redkey.receipt("salesforce", alert)
        assert slack.messages(SALES) == []
        assert 1 == len(redkey.posts())


async def test_a_channel_archived_under_a_standing_alert_moves_it_with_its_thread(tmp_path, sqlite_url):
    routes = [{"platform": "salesforce", "channel": SALES}]
    async with deployed(tmp_path, sqlite_url, sections=sections(routes=routes)) as redkey:
        slack = redkey.world.slack
        await redkey.connect("salesforce")
        await pulled(redkey, "salesforce")
        first = await slack.wait_for(lambda: slack.messages(SALES))
        slack.archive(SALES)
        await slack.click(SALES, first[0].ts, "claim")
        alert = await redkey.message("Salesforce", RED)
        replies = await slack.wait_for(lambda: redkey.replies(alert))

        assert "taking care of it" in alert.words
        assert ["Anna Berg takes care of this."] == replies
        (told,) = await redkey.app.desk.outages()
        assert (told.outage.channel, told.outage.ts) == (MARKETING, alert.ts)


async def test_when_the_default_channel_is_gone_the_installer_gets_a_direct_message(tmp_path, sqlite_url):
    async with deployed(tmp_path, sqlite_url, sections=sections({"installer": ANNA})) as redkey:
        slack = redkey.world.slack
        await redkey.connect("salesforce")
        slack.archive(MARKETING)
        await pulled(redkey, "salesforce")
        (told,) = await slack.wait_for(lambda: slack.direct_messages(ANNA))

        assert told.color == RED
        assert "it is archived" in told.words
        await redkey.until(redkey.alerted)
        url = (await slack.click(told.channel, told.ts, "reauthorize")).url
        async with Visitor() as visitor:
            await visitor.log_in(url, redkey.world.salesforce.demo_login)
        await slack.wait_for(lambda: told.color == GREEN, 30)
        assert 1 == len(slack.direct_messages(ANNA))
        assert slack.messages() == []


async def test_with_nowhere_left_to_go_the_alert_waits_and_the_webhook_gets_it_at_once(tmp_path, sqlite_url, receiver):
    async with deployed(tmp_path, sqlite_url, sections=sections(receiver=receiver)) as redkey:
        slack = redkey.world.slack
        await redkey.connect("salesforce")
        slack.archive(MARKETING)
        await pulled(redkey, "salesforce")
        await redkey.until(lambda: got(receiver, 1))
        slack.unarchive(MARKETING)
        alert = await redkey.message("Salesforce", RED)

        assert ["disconnected"] == receiver.states
        assert alert.channel == MARKETING


async def test_a_deleted_alert_is_posted_anew(tmp_path, sqlite_url):
    async with deployed(tmp_path, sqlite_url) as redkey:
        slack = redkey.world.slack
        await redkey.connect("salesforce")
        alert = await redkey.drop("salesforce")
        slack.delete_message(MARKETING, alert.ts)
        (facts,) = await redkey.app.desk.outages()
        await redkey.app.desk.claim(facts.outage.id, ANNA)
        again = await redkey.message("Salesforce", RED)

        assert again.ts != alert.ts
        assert "taking care of it" in again.words
        assert 1 == len(await slack.wait_for(lambda: redkey.replies(again)))


# Slack itself


async def got(receiver, count):
    return len(receiver.got) >= count


async def failed(redkey):
    """The first failure is on record: from it the two minutes count."""
    async with redkey.app.memory.read() as tx:
        return await tx.notices.overdue(redkey.clock() + timedelta(days=1), 1)


async def test_with_a_revoked_token_alerts_wait_and_the_webhook_gets_each_state_once(tmp_path, sqlite_url, receiver):
    async with deployed(tmp_path, sqlite_url, sections=sections(receiver=receiver)) as redkey:
        slack, salesforce = redkey.world.slack, redkey.world.salesforce
        receiver.answers = [500, 503]
        await redkey.connect("salesforce")
        slack.revoke_token()
        await pulled(redkey, "salesforce")
        await redkey.until(lambda: got(receiver, 3))

        assert (503, "refused") == await readiness(redkey)
        assert {"disconnected"} == set(receiver.states)
        assert 1 == len({headers["webhook-id"] for headers, _ in receiver.got})
        (facts,) = await redkey.app.desk.outages()
        assert facts.start_url == receiver.bodies[0]["start_url"]
        assert facts.outage.id == receiver.bodies[0]["outage"]
        assert "Salesforce is disconnected" in receiver.bodies[0]["text"]

        async with Visitor() as visitor:
            await visitor.log_in(facts.start_url, salesforce.demo_login)

        async def healed():
            return receiver.states[-1] == "caught_up"

        await redkey.until(healed, 30)
        redkey.clock.advance(minutes=5)
        slack.restore_tokens()
        await redkey.message("Salesforce", GREEN)

        ids = [headers["webhook-id"] for headers, _ in receiver.got[2:]]
        assert len(ids) == len(set(ids))
        assert receiver.states[2:] in (["disconnected", "caught_up"], ["disconnected", "catching_up", "caught_up"])
        assert 1 == len(redkey.posts())


async def test_slack_away_for_two_minutes_is_told_to_the_webhook_and_not_before(tmp_path, sqlite_url, receiver):
    async with deployed(tmp_path, sqlite_url, sections=sections(receiver=receiver)) as redkey:
        slack = redkey.world.slack
        await redkey.connect("salesforce")
        slack.down()
        await pulled(redkey, "salesforce")
        await redkey.until(lambda: failed(redkey))
        redkey.clock.advance(seconds=100)
        await asyncio.sleep(0.4)  # some rounds
        assert receiver.got == []

        redkey.clock.advance(seconds=130)
        await redkey.until(lambda: got(receiver, 1))
        assert (200, "connecting") == await readiness(redkey)
        slack.up()
        await redkey.message("Salesforce", RED)
        redkey.clock.advance(minutes=3)
        await asyncio.sleep(0.4)
        assert ["disconnected"] == receiver.states


async def test_an_alert_that_slack_has_taken_is_not_told_elsewhere_when_slack_goes_later(
    tmp_path, sqlite_url, receiver
):
    async with deployed(tmp_path, sqlite_url, sections=sections(receiver=receiver)) as redkey:
        slack = redkey.world.slack
        await redkey.connect("salesforce")
        await redkey.drop("salesforce")
        slack.revoke_token()
        for _ in range(3):
            redkey.clock.advance(minutes=2)
            await asyncio.sleep(0.4)
        assert receiver.got == []


async def test_the_webhook_is_signed(tmp_path, sqlite_url, receiver):
    async with deployed(tmp_path, sqlite_url, sections=sections(receiver=receiver)) as redkey:
        await redkey.connect("salesforce")
        redkey.world.slack.revoke_token()
        await pulled(redkey, "salesforce")
        await redkey.until(lambda: got(receiver, 1))

    headers, body = receiver.got[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    seal = hmac.new(base64.b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(seal).decode()
    assert headers["content-type"].startswith("application/json")


# Looks


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_blocks_too_long", "invalid_attachments"])
async def test_looks_that_slack_refuses_are_said_as_plain_text_at_once_and_can_be_found(tmp_path, sqlite_url, error):
    async with deployed(tmp_path, sqlite_url) as redkey:
        slack = redkey.world.slack
        await redkey.connect("salesforce")
        slack.fail("chat.postMessage", error)
        await pulled(redkey, "salesforce")
        (alert,) = await slack.wait_for(redkey.posts)
        await redkey.until(redkey.alerted)
        (facts,) = await redkey.app.desk.outages()

        assert alert.history[0].blocks == []
        assert "Salesforce is disconnected" in alert.history[0].text
        assert facts.start_url in alert.history[0].text
        assert alert.history[0].metadata["event_payload"]["outage"] == facts.outage.id


async def test_a_plain_text_post_whose_answer_is_lost_is_found_and_not_repeated(tmp_path, sqlite_url):
    async with deployed(tmp_path, sqlite_url) as redkey:
        slack = redkey.world.slack
        await redkey.connect("salesforce")
        slack.fail("chat.postMessage", "invalid_blocks")
        slack.drop_after("chat.postMessage")
        await pulled(redkey, "salesforce")
        await slack.wait_for(redkey.posts)
        await redkey.until(redkey.alerted)

        assert 1 == len(redkey.posts())


def test_the_detour_is_said_in_both_languages():
    facts, _ = REPLIES["claimed"]
    event = facts.outage.timeline[0]
    moved = replace(event, what="moved", detail="C0SALES000 is_archived")
    facts = replace(facts, outage=replace(facts.outage, timeline=(event, moved)))
    for language, words in (("en", "it is archived"), ("fr", "il est archivé")):
        first = SlackComposer(language).outage(facts).attachments[0]["blocks"][0]["text"]["text"]
        assert words in first
        assert "<#C0SALES000>" in first
