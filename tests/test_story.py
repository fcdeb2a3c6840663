"""The story: drop, alert, reauthorize, catch up, confirm. Told with the real bot over real sockets."""

import json

import pytest
from deployment import AMBER, ShiftedClock, deployed, redeployed

from sandbox.demo import RED, message_of
from sandbox.faults import Fault, Kind
from sandbox.google_ads import ADA as GOOGLE_ADA
from sandbox.google_ads import AMERICAS, EMEA
from sandbox.slack import MARKETING
from sandbox.visitor import Visitor
from sandbox.world import World

# What is said to a person is the same on each database; what must be kept is told on both,
# all of it among the sweeps.
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
sqlite_first = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.sweep)], indirect=True
)

TROUBLE = [
    {"kind": Kind.STATUS, "status": 500},
    {"kind": Kind.STATUS, "status": 503},
    {"kind": Kind.STATUS, "status": 429, "retry_after": "1"},
    {"kind": Kind.HTML, "status": 200},
    {"kind": Kind.HTML, "status": 502},
    {"kind": Kind.GARBAGE},
    {"kind": Kind.EMPTY},
    {"kind": Kind.RESET},
    {"kind": Kind.REDIRECT},
]


@pytest.fixture
async def redkey(tmp_path, database_url):
    async with deployed(tmp_path, database_url) as deployment:
        yield deployment


def words(message):
    """Everything a person can read in a message."""
    return json.dumps([message.text, message.blocks, message.attachments], ensure_ascii=False)


async def test_google_ads_drops_is_reauthorized_catches_up_and_says_so(redkey):
    """The whole story of an ad platform."""
    google = redkey.world.google_ads
    await redkey.connect("google_ads")
    before = {c.connection.id for c in await redkey.app.desk.connections()}

    alert = await redkey.drop("google_ads")
    await redkey.world.pull("google_ads", "new_ads")

    assert "Cost has been missing since" in words(alert)
    assert "can never be attributed" in words(alert)
    assert "Acme EMEA" in words(alert)
    assert "Acme Americas" in words(alert)

    page = await redkey.log_in(alert, google.demo_login)

    assert page.status == 200

    receipt = await redkey.receipt("google_ads", alert)

    assert [] == redkey.world.disagreements(await exported(redkey))
    assert [] == google.untagged(EMEA) + google.untagged(AMERICAS)
    assert "caught up" in receipt.text
    assert 1 == len([m for m in redkey.posts() if "Google Ads" in m.text])
    assert before == {c.connection.id for c in await redkey.app.desk.connections()}
    (told,) = await redkey.app.desk.outages()
    assert told.outage.lost["ads_untagged"] >= 20
    assert ["disconnected", "reauthorized", "caught_up"] == [e.what for e in told.outage.timeline]


async def test_salesforce_drops_and_every_touchpoint_that_waited_is_pushed_once(redkey):
    """The whole story of a CRM, small enough for collections and large enough for a bulk job."""
    salesforce = redkey.world.salesforce
    await redkey.connect("salesforce")
    await redkey.send(5, "before")
    await redkey.until(lambda: held(salesforce, 5))

    alert = await redkey.drop("salesforce")
    await redkey.send(2_500, "during")
    redkey.clock.advance(seconds=61)
    counted = await redkey.world.slack.wait_for(
        lambda: "2,500" in words(latest(redkey, alert)) and latest(redkey, alert)
    )

    assert "2,500 touchpoints wait" in words(counted)

    await redkey.log_in(alert, salesforce.demo_login)
    receipt = await redkey.receipt("salesforce", alert)

    assert 2_505 == len(salesforce.records())
    assert {1} == {w.total for w in salesforce.writes.values()}
    assert "2,500" in words(receipt)
    assert 1 == len(await redkey.world.slack.wait_for(lambda: caught_up(redkey, alert)))


@sqlite_first
async def test_the_wrong_account_is_refused_and_the_old_grant_stays_untouched(redkey):
    """Cleo works for another company: her login must not take Acme's place."""
    salesforce = redkey.world.salesforce
    await redkey.connect("salesforce")
    alert = await redkey.drop("salesforce")
    issued = salesforce.ledger.count("token.issued")

    page = await redkey.log_in(alert, "cleo.vance@globex.example")

    assert page.status == 409
    assert "cleo.vance@globex.example" in page.html
    assert salesforce.demo_login in page.html
    said = await redkey.world.slack.wait_for(lambda: [r for r in redkey.replies(alert) if "cleo.vance" in clean(r)])
    assert salesforce.demo_login in clean(said[0])
    assert salesforce.ledger.count("token.issued") > issued
    assert salesforce.ledger.count("grant.revoked", person="cleo.vance@globex.example") == 1
    assert message_of(redkey.world, "Salesforce", RED, alert.ts)

    await redkey.log_in(alert, salesforce.demo_login)

    assert await redkey.receipt("salesforce", alert)


@sqlite_only
async def test_another_person_with_access_may_reauthorize_and_the_connection_keeps_its_id(redkey):
    await redkey.connect("salesforce")
    (before,) = await redkey.app.desk.connections()
    alert = await redkey.drop("salesforce")

    await redkey.log_in(alert, "ben.okoro@acme.example")
    await redkey.receipt("salesforce", alert)

    (after,) = await redkey.app.desk.connections()
    assert before.connection.id == after.connection.id
    assert "ben.okoro@acme.example" == after.connection.login


@sqlite_only
async def test_a_declined_consent_changes_nothing_and_the_button_works_again(redkey):
    await redkey.connect("google_ads")
    alert = await redkey.drop("google_ads")

    page = await redkey.log_in(alert, GOOGLE_ADA, allow=False)

    assert page.status == 200
    assert message_of(redkey.world, "Google Ads", RED, alert.ts)

    assert (await redkey.log_in(alert, GOOGLE_ADA)).status == 200
    assert await redkey.receipt("google_ads", alert)


@sqlite_only
async def test_two_people_finish_at_once_and_the_second_is_told_who_was_quicker(redkey):
    await redkey.connect("salesforce")
    alert = await redkey.drop("salesforce")
    url = await redkey.start_url(alert)
    async with Visitor() as ada, Visitor() as ben:
        from sandbox.person import consent

        ways = [
            (v, await v.to_consent(url), e)
            for v, e in ((ada, "ada.marsh@acme.example"), (ben, "ben.okoro@acme.example"))
        ]
        backs = [(v, await consent(v.client, way, email)) for v, way, email in ways]
        pages = [await v.open(back) for v, back in backs]

    assert [200, 200] == [page.status for page in pages]
    assert "ada.marsh@acme.example" in pages[1].html
    assert await redkey.receipt("salesforce", alert)


@sqlite_only
async def test_trouble_at_the_token_endpoint_is_no_drop_and_overwrites_no_token(redkey):
    """Nobody is woken for what passes by itself, whatever it is."""
    google = redkey.world.google_ads
    await redkey.connect("google_ads")

    async def well():
        return ["", ""] == [a.problem for a in await redkey.app.desk.check()]

    async def asked_again():
        return google.ledger.count("fault") >= asked + 2

    for trouble in TROUBLE:
        asked = google.ledger.count("fault")
        google.faults.add(Fault(match="token", times=None, **trouble))
        google.oauth.expire_access_tokens()
        await redkey.soon(asked_again)
        google.faults.clear()

        await redkey.soon(well)
        assert [] == await redkey.app.desk.outages(), trouble
        assert [] == redkey.posts(), trouble


@sqlite_first
async def test_a_second_drop_during_the_catch_up_goes_on_in_the_same_message(redkey):
    salesforce = redkey.world.salesforce
    await redkey.connect("salesforce")
    alert = await redkey.drop("salesforce")
    await redkey.send(2_500, "during")
    from sandbox.salesforce_job import Slowness

    salesforce.bulk.slowness = Slowness(polls=100_000, seconds=3)
    await redkey.log_in(alert, salesforce.demo_login)
    await redkey.message("Salesforce", AMBER, alert.ts)

    async def uploaded():
        return any(job.closed for job in salesforce.bulk.jobs.values())

    await redkey.until(uploaded)
    await redkey.world.pull("salesforce", "revoke")
    await redkey.message("Salesforce", RED, alert.ts)
    salesforce.bulk.slowness = Slowness()
    await redkey.log_in(alert, salesforce.demo_login)
    await redkey.receipt("salesforce", alert)

    assert 2_500 == len(salesforce.records())
    assert 1 == len([m for m in redkey.posts() if "Salesforce" in m.text])
    assert 1 == len(await redkey.world.slack.wait_for(lambda: caught_up(redkey, alert)))


@sqlite_first
async def test_a_bot_that_was_stopped_finds_the_story_where_it_left_it(tmp_path, database_url):
    """Stopped while the login was dead, started again, reauthorized: one message, one outage."""
    clock = ShiftedClock()
    async with World.open(now=clock) as world:
        async with redeployed(world, tmp_path, database_url, clock) as redkey:
            await redkey.connect("salesforce")
            alert = await redkey.drop("salesforce")
            await redkey.send(30, "during")
        async with redeployed(world, tmp_path, database_url, clock) as again:
            await again.log_in(alert, world.salesforce.demo_login)
            await again.receipt("salesforce", alert)

        assert 30 == len(world.salesforce.records())
        assert 1 == len([m for m in world.slack.messages(MARKETING) if "Salesforce" in m.text])


def caught_up(redkey, alert):
    return [reply for reply in redkey.replies(alert) if "caught up" in reply.lower()]


async def held(salesforce, count):
    return len(salesforce.records()) == count


def latest(redkey, alert):
    return next(m for m in redkey.posts() if m.ts == alert.ts)


def clean(text):
    """A message's words without the invisible breaks that keep Slack from linking a platform's text."""
    return "".join(c for c in text if c not in "\u200b\u2060\ufeff\u200c\u200d")


async def exported(redkey):
    rows = [
        {
            "platform": c.platform,
            "connection": c.id,
            "account": c.account.id,
            "date": r.day.isoformat(),
            "campaign": r.campaign,
            "campaign_name": r.campaign_name,
            "ad_group": r.ad_group,
            "ad": r.ad,
            "currency": r.currency,
            "cost_micros": r.cost_micros,
            "clicks": r.clicks,
            "impressions": r.impressions,
            "complete": complete,
        }
        async for c, r, complete in redkey.app.ledger.costs(None, None)
    ]
    return "\n".join(json.dumps(row) for row in rows)
