"""Known dates: what ends by itself is known for every login and every app, and reaches the lists, doctor and all who warn."""

from datetime import UTC, date, datetime, timedelta

import pytest
from practice_doctor import settings, told
from practice_story import telling

from bot.announce.dates import Ending, known_dates, of_grant, of_platform
from bot.words.connection import Grant, Identity
from bot.words.listing import connection_item
from platforms import load
from sandbox.world import World

DAYS = {
    "google_ads": None,
    "microsoft_advertising": 90,
    "meta_ads": 90,
    "linkedin_ads": 365,
    "salesforce": 30,
    "dynamics_365": 90,
    "hubspot": None,
}


@pytest.fixture
async def story(memory, clock):
    async with telling(memory, clock, idle_days=30) as story:
        yield story


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_day_a_login_ends_is_stored_and_listed_for_every_platform_that_has_one(story):
    for key in DAYS:
        await story.connect(key, story.sandbox(key).demo_login)
    expected = {key: days and story.clock() + timedelta(days=days) for key, days in DAYS.items()}
    shown = {c.connection.platform: connection_item(c)["expires_at"] for c in await story.desk.connections()}
    iso = {key: at and at.isoformat().replace("+00:00", "Z") for key, at in expected.items()}
    assert iso == shown
    async with story.memory.read() as tx:
        grants = {grant.platform: grant for grant in await tx.grants.all()}
        dates = await known_dates(tx, story.gateways)
    assert expected == {key: grants[key].ends_at for key in DAYS}
    assert dates == sorted(dates, key=lambda known: known.at)
    of_logins = {(d.platform, d.what) for d in dates if d.grant_id}
    assert {("meta_ads", Ending.DATA_ACCESS), ("meta_ads", Ending.TOKEN), ("linkedin_ads", Ending.LOGIN)} <= of_logins


async def test_googles_testing_logins_are_known_to_end_after_a_week():
    google = load()["google_ads"]
    assert 7 * 86_400 == google(google.Settings(testing=True)).oauth.refresh_ttl
    assert google(google.Settings()).oauth.refresh_ttl is None


def test_a_login_without_a_refresh_token_ends_with_its_token_and_a_lost_one_has_no_date():
    linkedin = load()["linkedin_ads"]
    platform, end = linkedin(linkedin.Settings()), datetime(2027, 1, 1, tzinfo=UTC)
    grant = Grant("gra_1", "linkedin_ads", Identity("a", "ada"), 1, expires_at=end)
    assert [(Ending.LOGIN, end)] == [(d.what, d.at) for d in of_grant(grant, platform)]
    lost = Grant("gra_1", "linkedin_ads", Identity("a", "ada"), 1, expires_at=end, lost_at=end)
    assert [] == of_grant(lost, platform)


def test_versions_and_secrets_end_when_the_platform_or_the_settings_say():
    def told_of(key, **given):
        platform = load()[key]
        return {d.what: d.at.date() for d in of_platform(platform(platform.Settings(**given)))}

    assert {Ending.API_VERSION: date(2027, 8, 15)} == told_of("linkedin_ads")
    assert {Ending.API_VERSION: date(2027, 5, 20)} == told_of("meta_ads", version="v22.0")
    assert {Ending.API_VERSION: date(2027, 11, 1)} == told_of("google_ads", version="v26")
    assert {Ending.API_VERSION: date(2027, 3, 1)} == told_of("google_ads", version_ends="2027-03-01")
    assert {Ending.CLIENT_SECRET: date(2027, 6, 30)} == told_of("dynamics_365", client_secret_ends="2027-06-30")
    assert {} == told_of("hubspot")


async def test_doctor_tells_what_ends_and_is_wrong_within_a_month_of_it(tmp_path):
    soon = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
    async with World.open() as world:
        known = world.settings("http://127.0.0.1:8080")["platforms"]
        changed = {"hubspot": {**known["hubspot"], "client_secret_ends": soon}}
        code, lines = await told(settings(world, tmp_path, platforms=changed))
    line = next(line for line in lines if "client secret ends" in line)
    assert 1 == code
    assert line.startswith(f"WRONG platforms.hubspot: the client secret ends on {soon} -> make a new one")
    assert any(line.startswith("ok    platforms.google_ads: the API version ends on 2099-01-31") for line in lines)
