"""Dynamics 365 against the practice world: who logged in and where, how a login is lost, and the settings."""

import json
from datetime import timedelta

import pytest
from practice_dynamics_365 import desk_of_ada, states, touch, touches
from practice_gateway import NOW, answered, log_in, session

from bot.words.connection import Account, Flow
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, Refused, SetupError, TryLater
from bot.words.freight import PushState
from platforms import read_settings
from platforms.dynamics_365 import Dynamics365, Dynamics365Settings
from sandbox.dynamics_365 import ADA, ADVENTURE, BEN, CLEO, Dynamics365Sandbox
from sandbox.faults import Fault, Kind


@pytest.fixture
async def desk():
    async with desk_of_ada() as opened:
        yield opened


# Logging in


async def test_a_login_is_known_by_environment_and_user_and_reaches_its_environment(desk):
    identity = await desk.platform.identify(desk.fetch)
    assert identity.login == ADA
    assert identity.id.partition("/")[0] == desk.account.id == desk.sandbox.org.id
    assert desk.account.name == "Adventure Works Zürich · 冒険工房"
    await desk.probe()


async def test_two_people_of_one_environment_are_told_apart_and_share_it(desk):
    fetch, _ = await session(desk.gateway, BEN)
    (account,) = await desk.platform.accounts(fetch)
    assert account == desk.account
    assert await desk.platform.identify(fetch) != await desk.platform.identify(desk.fetch)


async def test_the_service_s_own_scope_is_granted_and_all_that_pushing_needs(desk):
    assert desk.platform.oauth.scopes == (*desk.tokens.tokens.scopes, "offline_access")
    assert desk.platform.needs == {Flow.TOUCHPOINTS: desk.tokens.tokens.scopes}


async def test_a_login_lasts_ninety_days_unused(desk):
    assert desk.tokens.tokens.refresh_token is not None
    assert desk.tokens.tokens.refresh_expires_at == NOW + timedelta(days=90)


async def test_each_refresh_brings_a_new_token_and_ninety_more_days(desk):
    before = desk.tokens.refresh_token
    desk.clock.moment += timedelta(days=60)
    fresh = await desk.gateway.refresh(before)
    assert fresh.refresh_token not in {None, before}
    assert fresh.refresh_expires_at == NOW + timedelta(days=150)


async def test_a_lost_answer_to_a_refresh_costs_nothing_as_the_old_token_still_works(desk):
    desk.sandbox.faults.add(Fault(match="/token", kind=Kind.DROP))
    with pytest.raises(TryLater):
        await desk.gateway.refresh(desk.tokens.refresh_token)
    assert not desk.platform.oauth.rotates
    assert (await desk.gateway.refresh(desk.tokens.refresh_token)).refresh_token is not None


async def test_an_expired_token_is_renewed_in_passing(desk):
    desk.sandbox.oauth.expire_access_tokens()
    await desk.probe()
    assert desk.tokens.refreshes == 1


async def test_a_revoked_login_is_a_loss(desk):
    desk.sandbox.revoke()
    with pytest.raises(AuthorizationLost) as caught:
        await desk.probe()
    assert caught.value.cause.code == "AADSTS50173"
    assert desk.tokens.refreshes == 1


async def test_claims_that_a_refresh_does_not_bring_are_a_loss(desk):
    desk.sandbox.challenge()
    with pytest.raises(AuthorizationLost) as caught:
        await desk.probe()
    assert caught.value.cause.code == "insufficient_claims"
    assert desk.tokens.refreshes == 1
    fetch, _ = await session(desk.gateway, ADA)
    await desk.platform.probe(fetch, desk.account)


async def test_a_second_factor_asked_for_is_a_loss_that_a_new_login_cures(desk):
    desk.sandbox.oauth.require_mfa(ADA)
    await desk.probe()  # the access token lives out its time
    desk.sandbox.oauth.expire_access_tokens()
    with pytest.raises(AuthorizationLost) as caught:
        await desk.probe()
    assert "second factor" in caught.value.cause.cure
    fetch, tokens = await session(desk.gateway, ADA)
    await desk.platform.probe(fetch, desk.account)
    assert (await desk.gateway.refresh(tokens.refresh_token)).refresh_token is not None


async def test_an_expired_client_secret_is_the_operator_s(desk):
    desk.sandbox.oauth.secret_expired = True
    with pytest.raises(Misconfigured) as caught:
        await desk.gateway.refresh(desk.tokens.refresh_token)
    assert caught.value.cause.code == "AADSTS7000222"
    assert "secret" in caught.value.cause.cure


async def test_a_person_removed_from_the_environment_needs_an_administrator(desk):
    desk.sandbox.remove_user()
    for call in (desk.probe, lambda: desk.push([touch(1)]), lambda: desk.platform.identify(desk.fetch)):
        with pytest.raises(AccessDenied) as caught:
            await call()
        assert caught.value.cause.code == "0x80072560"
        assert "add the user" in caught.value.cause.cure
    assert desk.tokens.refreshes == 0


async def test_withdrawn_rights_are_no_lost_login(desk):
    desk.sandbox.withdraw_access()
    with pytest.raises(AccessDenied):
        await desk.probe()
    with pytest.raises(AccessDenied):
        await desk.push(touches(3))
    assert (await desk.platform.identify(desk.fetch)).login == ADA


async def test_a_platform_that_is_down_is_no_lost_login(desk):
    desk.sandbox.take_down()
    for call in (desk.probe, lambda: desk.push([touch(1), touch(2)]), lambda: desk.find([touch(1)])):
        with pytest.raises(TryLater):
            await call()
    desk.sandbox.bring_up()
    assert states(await desk.push([touch(1)])) == {PushState.SENT}


async def test_garbage_is_no_verdict(desk):
    for kind in (Kind.HTML, Kind.GARBAGE, Kind.EMPTY, Kind.REDIRECT, Kind.CUT):
        fault = desk.sandbox.faults.add(Fault(match="/api/data/", kind=kind, times=None))
        for call in (desk.probe, lambda: desk.push(touches(2)), lambda: desk.find(touches(2))):
            with pytest.raises(TryLater):
                await call()
        desk.sandbox.faults.remove(fault)


async def test_an_answer_to_a_push_that_is_not_dataverse_s_settles_nothing(desk):
    for kind in (Kind.HTML, Kind.GARBAGE, Kind.EMPTY):
        desk.sandbox.faults.add(Fault(match="UpsertMultiple", kind=kind))
        with pytest.raises(TryLater):
            await desk.push(touches(2))
    assert not desk.sandbox.writes


async def test_a_person_of_another_environment_is_told_apart(desk):
    fetch, _ = await session(desk.gateway, CLEO)
    with pytest.raises(AccessDenied):  # Cleo is no user of the environment that org_url names
        await desk.platform.accounts(fetch)


async def test_a_consent_that_was_refused_brings_no_code(desk):
    with pytest.raises(KeyError):
        await log_in(desk.gateway, ADA, allow=False)


async def test_an_address_that_leads_to_another_environment_stops_everything(desk):
    account = Account("00000000-0000-0000-0000-000000000001", "Another")
    for call in (
        lambda: desk.platform.probe(desk.fetch, account),
        lambda: desk.platform.push(desk.fetch, account, [touch(1)], desk.notes),
        lambda: desk.platform.find(desk.fetch, account, [touch(1)]),
    ):
        with pytest.raises(Misconfigured, match="other_organization"):
            await call()
    assert not desk.sandbox.writes


async def test_without_the_right_to_read_names_a_login_is_still_known():
    org, user = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"

    async def fetch(_method, url, **_):
        if url.endswith("WhoAmI"):
            body = json.dumps({"OrganizationId": org.upper(), "UserId": user, "BusinessUnitId": org})
            return answered(200, body)
        raise Refused("404")

    platform = Dynamics365(Dynamics365Settings())
    assert (await platform.identify(fetch)).login == f"user {user}"
    assert await platform.accounts(fetch) == [Account(org, f"Dynamics 365 organization {org}")]


def test_the_sandbox_is_the_environment_that_the_settings_name():
    sandbox = Dynamics365Sandbox()
    assert str(sandbox.settings("http://127.0.0.1:1")["org_url"]).endswith(f"/org/{ADVENTURE}")


# Settings

ORG = "https://contoso.crm4.dynamics.com"
CLIENT = {"client_id": "id", "client_secret": "canary-secret"}


def test_the_environment_s_address_is_needed_and_said_so():
    with pytest.raises(SetupError, match=r"platforms.dynamics_365.org_url.*contoso.crm4.dynamics.com") as caught:
        read_settings({"dynamics_365": CLIENT})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://contoso.crm.dynamics.com", "http://10.0.0.1", "ftp://x", "https://u@x", "https://x?y", "x"]
)
def test_the_token_goes_over_https_or_stays_on_this_machine(url):
    with pytest.raises(SetupError, match=r"platforms\.dynamics_365\.org_url"):
        read_settings({"dynamics_365": CLIENT | {"org_url": url}})


def test_addresses_follow_from_tenant_and_environment():
    read = read_settings({"dynamics_365": CLIENT | {"org_url": f"{ORG}/", "tenant": "contoso.example"}})
    platform = Dynamics365(read["dynamics_365"])
    assert platform.base_url({}) == ORG
    assert platform.oauth.scopes[0] == f"{ORG}/user_impersonation"
    assert platform.oauth.authorize_url == ("https://login.microsoftonline.com/contoso.example/oauth2/v2.0/authorize")
    assert platform.oauth.token_url == "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tenant", "../evil"),
        ("object", "a b"),
        ("external_id", "x'"),
        ("batch_size", 1_001),
        ("batch_size", 0),
        ("daily_credits", -1),
        ("version", "9.2"),
        ("fields", "{"),
    ],
)
def test_a_wrong_setting_is_named(key, value):
    with pytest.raises(SetupError, match=f"platforms.dynamics_365.{key}"):
        read_settings({"dynamics_365": CLIENT | {"org_url": ORG, key: value}})


def test_schema_names_may_be_used_as_they_are_shown():
    own = Dynamics365Settings(external_id="bizible2_UniqueId", date_field="Bizible2_Touchpoint_Date")
    assert (own.external_id, own.date_field) == ("bizible2_uniqueid", "bizible2_touchpoint_date")
