"""Webhooks: whoever subscribed hears of an outage's turns, signed, at least once, under ids that stay."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
from deployment import deployed
from practice_memory import a_grant, an_account, connected, drop
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from bot.announce.expiring import Expiring
from bot.subscribers import SUBSCRIBERS
from bot.webhooks.courier import Courier, SwitchedOff
from bot.webhooks.happenings import Happening, Subscriptions
from bot.words.connection import Event
from bot.words.errors import Refused, TryLater
from handlers.webhook import Webhook, new_secret
from platforms import open_gateways
from sandbox.served import served
from storage import open_memory

SECRET = new_secret()
EVERYTHING = Subscriptions(
    {"desk": frozenset(Happening), "wallboard": frozenset({"outage.opened"})}, "https://r.example"
)


class Receiver:
    """A program that subscribed. `answers` are given first, then 204."""

    def __init__(self):
        self.got, self.answers, self.url = [], [], ""
        self.app = Starlette(routes=[Route("/hook", self.take, methods=["POST", "GET"])])

    async def take(self, request):
        self.got.append((request.method, dict(request.headers), await request.body()))
        status, headers = self.answers.pop(0) if self.answers else (204, {})
        return Response(status_code=status, headers=headers)

    @property
    def ids(self):
        return [headers["webhook-id"] for _, headers, _ in self.got]

    @property
    def types(self):
        return [json.loads(body)["type"] for _, _, body in self.got]


@pytest.fixture
async def receiver():
    made = Receiver()
    async with served(made.app) as url:
        made.url = f"{url}/hook"
        yield made


@pytest.fixture
async def heard(database_url, keys, clock):
    """A memory that two endpoints subscribed to."""
    memory = await open_memory(database_url, keys, on_due=None, now=clock, subscriptions=EVERYTHING)
    yield memory
    await memory.close()


def courier(memory, receiver, clock, name="desk"):
    return Courier(memory, name, Webhook(receiver.url, [SECRET]).send, SUBSCRIBERS, clock, "C1")


async def waiting(memory, name="desk"):
    async with memory.read() as tx:
        return await tx.notices.waiting(name)


async def announced(memory):
    """What the channel hears of endpoints that were switched off."""
    async with memory.read() as tx:
        return [(told, await SwitchedOff(["desk"]).facts(tx, told)) for told in await tx.announcements.living(10)]


async def opened(memory, clock):
    connections = await connected(memory, clock())
    async with memory.begin() as tx:
        return await drop(tx, clock(), *connections)


# What is told


async def test_the_turns_of_an_outage_are_told_once_each_and_the_official_library_believes_them(
    tmp_path, database_url, receiver, monkeypatch
):
    monkeypatch.setattr("bot.errands.ELSEWHERE_EVERY", timedelta(milliseconds=100))
    hooks = [{"name": "desk", "url": receiver.url, "secrets": [SECRET]}]
    async with deployed(tmp_path, database_url, sections={"webhooks": hooks}) as redkey:
        await redkey.connect("salesforce")
        alert = await redkey.drop("salesforce")
        await redkey.log_in(alert, redkey.world.salesforce.demo_login)
        await redkey.receipt("salesforce", alert)

        async def all_told():
            return len(receiver.got) >= 3

        await redkey.until(all_told)
        (facts,) = await redkey.app.desk.outages()

    assert ["outage.opened", "outage.reauthorized", "outage.caught_up"] == receiver.types
    assert len(set(receiver.ids)) == 3
    library = standardwebhooks.Webhook(SECRET)
    first, *_, last = [library.verify(body, headers) for _, headers, body in receiver.got]
    assert first["data"]["id"] == last["data"]["id"] == facts.outage.id
    assert first["data"]["reauthorize_url"] == facts.start_url
    assert first["data"]["caught_up_at"] is None
    assert last["data"]["caught_up_at"]
    assert last["data"]["recovered"] == facts.outage.recovered
    assert "timeline" not in last["data"]


async def test_a_webhook_is_written_with_the_state_it_tells_of_or_not_at_all(heard, clock):
    connections = await connected(heard, clock())

    async def powerless():
        async with heard.begin() as tx:
            await drop(tx, clock(), *connections)
            raise RuntimeError("the power goes")

    with pytest.raises(RuntimeError):
        await powerless()
    assert await waiting(heard) == 0

    async with heard.begin() as tx:
        outage = await drop(tx, clock(), *connections)
        await tx.outages.event(outage.id, Event(clock(), "claimed", "U1"))
    assert (await waiting(heard), await waiting(heard, "wallboard")) == (1, 1)

    async with heard.begin() as tx:
        await tx.outages.reauthorized(outage.id, "U1", clock())
        await tx.outages.event(outage.id, Event(clock(), "reauthorized", "U1"))
    assert (await waiting(heard), await waiting(heard, "wallboard")) == (2, 1), "it subscribed to outage.opened only"


async def test_an_outage_that_a_pause_ends_is_told_as_closed_and_a_pause_of_one_account_is_not(heard, clock, receiver):
    outage = await opened(heard, clock)
    clock.advance(minutes=1)
    async with heard.begin() as tx:
        await tx.outages.event(outage.id, Event(clock(), "paused", "U1", "one of several"))
    async with heard.begin() as tx:
        await tx.outages.event(outage.id, Event(clock(), "paused", "U1"))
        await tx.outages.close(outage.id, {}, {}, clock(), caught_up=False)
    await courier(heard, receiver, clock).run()

    assert receiver.types == ["outage.opened", "outage.closed"]


async def test_what_is_lost_again_is_told_as_reopened(heard, clock, receiver):
    outage = await opened(heard, clock)
    for what in ("disconnected", "dropped"):  # the first says only that its cause has changed
        clock.advance(minutes=1)
        async with heard.begin() as tx:
            await tx.outages.event(outage.id, Event(clock(), what))
    await courier(heard, receiver, clock).run()

    assert receiver.types == ["outage.opened", "outage.reopened"]


async def test_a_login_that_ends_within_a_week_is_told_once(heard, clock, receiver):
    section = {"client_id": "x", "client_secret": "y"}
    gateways = open_gateways({"linkedin_ads": section}, timeout=timedelta(seconds=1), now=clock)
    ends = clock() + timedelta(days=20)
    async with heard.begin() as tx:
        grant = await a_grant(tx, clock(), platform="linkedin_ads", refresh_expires_at=ends)
        connection = await an_account(tx, grant, clock())
    ending = Expiring(heard, gateways, EVERYTHING, clock)
    for days in (0, 12):
        clock.advance(days=days)
        await ending.run()
        assert await waiting(heard) == 0

    clock.advance(days=2)
    for _ in range(3):
        await ending.run()
        await courier(heard, receiver, clock).run()
        clock.advance(hours=1)

    assert receiver.types == ["connection.expiring"]
    data = json.loads(receiver.got[0][2])["data"]
    assert [c["id"] for c in data["connections"]] == [connection.id]
    assert data["expires_at"] == "2026-12-13T09:00:00Z"
    assert data["reauthorize_url"] == f"https://r.example/reauthorize/{connection.id}"
    await gateways.aclose()


# That it arrives


async def test_what_is_not_taken_is_sent_again_later_and_later_under_the_same_id_with_a_new_signature(
    heard, clock, receiver
):
    receiver.answers = [(500, {}), (302, {"location": "/hook"}), (429, {"retry-after": "3600"})]
    await opened(heard, clock)
    bring, tried = courier(heard, receiver, clock), []
    for pause in (timedelta(seconds=6), timedelta(minutes=6), timedelta(minutes=35), timedelta(minutes=30)):
        await bring.run()
        clock.advance(seconds=1)
        await bring.run()  # it is too early
        clock.advance(pause)
        tried.append(len(receiver.got))
    await bring.run()

    assert tried == [1, 2, 3, 3], "the last one had asked for an hour"
    assert [method for method, *_ in receiver.got] == ["POST"] * 4, "a redirect is not followed"
    assert len(set(receiver.ids)) == 1
    assert len({headers["webhook-signature"] for _, headers, _ in receiver.got}) == 4
    assert await waiting(heard) == 0
    async with heard.read() as tx:
        assert await tx.notices.endpoints() == {}


async def test_an_endpoint_that_is_gone_is_switched_off_once_and_a_test_that_it_takes_brings_what_waited(
    heard, clock, receiver
):
    receiver.answers = [(410, {})]
    outage = await opened(heard, clock)
    bring = courier(heard, receiver, clock)
    await bring.run()
    async with heard.begin() as tx:
        clock.advance(days=1)
        await tx.outages.event(outage.id, Event(clock(), "reauthorized", "U1"))
    await bring.run()

    assert len(receiver.got) == 1
    async with heard.read() as tx:
        state = (await tx.notices.endpoints())["desk"]
        acts = [act.what async for act in tx.audit.rows()]
    assert (state.state, acts) == ("disabled", ["webhook_disabled"])
    assert "410" in state.why
    assert [(told.channel, off.name, off.idle) for told, off in await announced(heard)] == [("C1", "desk", False)]

    async with heard.begin() as tx:
        await tx.notices.took("desk")
    await bring.run()
    assert receiver.types == ["outage.opened", "outage.reauthorized"]
    assert [off.well for _, off in await announced(heard)] == [True]


async def test_an_endpoint_that_takes_nothing_for_five_days_is_switched_off(heard, clock, receiver):
    receiver.answers = [(503, {})] * 100
    outage = await opened(heard, clock)
    bring = courier(heard, receiver, clock)
    for n in range(12):
        async with heard.begin() as tx:
            await tx.outages.event(outage.id, Event(clock(), "reauthorized", f"U{n}"))
        await bring.run()
        if n == 10:  # four and a half days
            async with heard.read() as tx:
                assert (await tx.notices.endpoints())["desk"].disabled_at is None
        clock.advance(hours=11)
    tried = len(receiver.got)
    await bring.run()

    assert len(receiver.got) == tried
    async with heard.read() as tx:
        assert (await tx.notices.endpoints())["desk"].state == "disabled"


async def test_each_of_two_secrets_signs_so_that_one_can_replace_the_other(receiver):
    old, new = new_secret(), new_secret()
    await Webhook(receiver.url, [new, old]).send("msg_1", datetime.now(UTC), {"type": "webhook.test"})

    ((_, headers, body),) = receiver.got
    for secret in (old, new):
        assert standardwebhooks.Webhook(secret).verify(body, headers) == {"type": "webhook.test"}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(new_secret()).verify(body, headers)


# Where it may lead


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "169.254.169.254", "10.0.0.1", "2130706433"])
async def test_a_webhook_leads_into_no_private_network_unless_that_is_allowed(receiver, host):
    port = receiver.url.split(":")[2]
    with pytest.raises(TryLater):
        await Webhook(f"http://{host}:{port}", [SECRET], public=True).send("m", datetime.now(UTC), {})
    assert receiver.got == []


async def test_gone_is_told_from_away(receiver):
    receiver.answers = [(410, {}), (404, {})]
    hook = Webhook(receiver.url, [SECRET])
    with pytest.raises(Refused):
        await hook.send("m", datetime.now(UTC), {})
    with pytest.raises(TryLater):
        await hook.send("m", datetime.now(UTC), {})
