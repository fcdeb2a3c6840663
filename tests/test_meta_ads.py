"""Accounts at Meta Ads: which a login reaches, and what is a lost login and what is none."""

from datetime import date, timedelta

import pytest
from practice_gateway import session
from practice_meta_ads import at_desk

from bot.words.connection import Account
from bot.words.errors import AccessDenied, AuthorizationLost, TryLater
from sandbox.faults import Fault, Kind
from sandbox.meta_ads import ADA, BEN, CLEO, EMEA, GULF, SHOES
from sandbox.meta_ads_data import Account as Held

SINCE, UNTIL = date(2026, 11, 1), date(2026, 11, 23)


@pytest.fixture
async def desk():
    async with at_desk() as desk:
        yield desk


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("platforms._meta_ads_insights._PAUSES", (0.0,) * 30)


async def test_a_login_is_known_by_metas_id_and_shown_by_its_name(desk):
    identity = await desk.platform.identify(desk.fetch)
    assert (identity.id, identity.login) == (desk.sandbox.oauth.people[ADA].sub, "Ada Marsh")


async def test_accounts_are_listed_with_currency_and_time_zone(desk):
    assert desk.accounts == {
        EMEA: Account(EMEA, "Acme EMEA", "EUR", "Europe/Berlin"),
        GULF: Account(GULF, "أكمي الخليج", "AED", "Asia/Dubai"),
    }
    fetch, _ = await session(desk.gateway, BEN)
    assert await desk.platform.accounts(fetch) == [Account(SHOES, "日本橋シューズ", "JPY", "Asia/Tokyo")]


async def test_all_accounts_are_listed_however_small_the_pages_are(desk):
    desk.sandbox.page_size = 2
    for number in range(1, 6):
        desk.sandbox.add_account(Held(f"31829{number}", f"A{number}", "USD", "America/Lima", "x.example"), ADA, ads=0)
    accounts = await desk.platform.accounts(desk.fetch)
    assert [account.id for account in accounts] == ["318291", "318292", "318293", "318294", "318295", EMEA, GULF]


async def test_a_person_without_ad_accounts_has_none(desk):
    fetch, _ = await session(desk.gateway, CLEO)
    assert await desk.platform.accounts(fetch) == []


async def test_closed_accounts_are_not_offered(desk):
    desk.sandbox.set_status(GULF, 101)
    assert [account.id for account in await desk.platform.accounts(desk.fetch)] == [EMEA]


@pytest.mark.parametrize("status", [2, 3, 7, 101])
async def test_an_account_whose_ads_were_stopped_is_lost_with_the_reason(desk, status):
    desk.sandbox.set_status(EMEA, status)
    with pytest.raises(AccessDenied) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.cause.code == f"account_status.{status}"
    assert caught.value.cause.cure.endswith(".")


@pytest.mark.parametrize("status", [1, 8, 9, 100, 201])
async def test_an_account_whose_ads_still_run_is_well(desk, status):
    desk.sandbox.set_status(EMEA, status)
    await desk.platform.probe(desk.fetch, desk.account)


async def test_one_withdrawn_account_is_no_lost_login(desk):
    desk.sandbox.withdraw(GULF)
    with pytest.raises(AccessDenied) as caught:
        await desk.platform.probe(desk.fetch, desk.accounts[GULF])
    assert caught.value.cause.code == "100.33"
    with pytest.raises(AccessDenied) as caught:
        await desk.cost(SINCE, UNTIL, desk.accounts[GULF])
    assert caught.value.cause.code == "200"
    await desk.platform.probe(desk.fetch, desk.account)
    assert desk.tokens.refreshes == 0


async def test_a_platform_that_is_down_or_over_its_limit_is_no_lost_login(desk):
    desk.sandbox.take_down()
    with pytest.raises(TryLater):
        await desk.platform.probe(desk.fetch, desk.account)
    desk.sandbox.bring_up()
    desk.sandbox.limit_rate(1, minutes=7)
    with pytest.raises(TryLater) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.after == timedelta(minutes=7)
    await desk.platform.probe(desk.fetch, desk.account)


@pytest.mark.parametrize("kind", [Kind.HTML, Kind.GARBAGE, Kind.EMPTY, Kind.CUT, Kind.DROP])
async def test_garbage_is_no_lost_login(desk, kind):
    desk.sandbox.faults.add(Fault(match="act_", kind=kind))
    with pytest.raises(TryLater):
        await desk.platform.probe(desk.fetch, desk.account)


async def test_a_login_that_died_is_a_loss_wherever_it_shows(desk):
    desk.sandbox.revoke()
    for call in (desk.cost(SINCE, UNTIL), desk.ads(), desk.platform.accounts(desk.fetch)):
        with pytest.raises(AuthorizationLost):
            await call
