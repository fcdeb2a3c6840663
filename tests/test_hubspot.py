"""HubSpot's logins against the practice world: a person in a portal, scopes that were not given, trouble."""

import dataclasses
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from practice_gateway import NOW, VERIFIER, HeldNotes, log_in, session
from practice_hubspot import OWNERS, SENT, at_the_desk, states, touch, touches

from bot.words.connection import Account, Flow
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, Refused, TryLater
from platforms.hubspot import Hubspot, HubspotSettings
from sandbox.faults import Fault, Kind
from sandbox.hubspot import ACME, ACME_LABS, ADA, BEN, CLEO, GLOBEX, WRITING
from sandbox.hubspot_schema import TOUCHPOINT, TOUCHPOINT_ID
from sandbox.person import ConsentFailed


@pytest.fixture
async def desk():
    async with at_the_desk() as opened:
        yield opened


async def test_a_login_is_one_person_in_one_portal(desk):
    identity = await desk.platform.identify(desk.fetch)
    assert (identity.id, identity.login) == (f"{ACME}/1001", ADA)
    assert desk.account == Account(ACME, f"HubSpot account {ACME}", "USD", "America/New_York")
    await desk.platform.probe(desk.fetch, desk.account)


async def test_the_same_person_in_another_portal_is_another_login(desk):
    fetch, _ = await session(desk.gateway, f"{ADA}/{ACME_LABS}")
    identity = await desk.platform.identify(fetch)
    (account,) = await desk.platform.accounts(fetch)
    assert (identity.id, identity.login) == (f"{ACME_LABS}/1001", ADA)
    assert (account.id, account.currency, account.time_zone) == (ACME_LABS, "JPY", "Asia/Tokyo")


async def test_tokens_say_which_scopes_were_given_and_for_whom(desk):
    tokens = desk.tokens.tokens
    assert tokens.scopes == ("oauth", "crm.objects.custom.read", WRITING, OWNERS)
    assert tokens.kept == {"hub_id": ACME, "user_id": "1001"}
    assert tokens.expires_at == NOW + timedelta(minutes=30)
    assert tokens.refresh_expires_at is None


async def test_a_portal_whose_plan_lacks_custom_objects_still_gives_a_login_that_says_so(desk):
    desk.sandbox.take_scopes("crm.objects.custom.read", WRITING, hub=GLOBEX, plan=True)
    tokens = await log_in(desk.gateway, CLEO)
    assert tokens.scopes == ("oauth", OWNERS)
    assert set(desk.platform.needs[Flow.TOUCHPOINTS]) - set(tokens.scopes) == {"crm.objects.custom.read", WRITING}


async def test_a_person_who_cannot_be_named_is_known_by_number(desk):
    desk.sandbox.take_scopes(OWNERS)
    identity = await desk.platform.identify(desk.fetch)
    assert (identity.id, identity.login) == (f"{ACME}/1001", f"user 1001 of HubSpot account {ACME}")
    assert desk.tokens.refreshes == 0


async def test_a_token_answer_without_a_user_leaves_the_portal(desk):
    desk.tokens.tokens = dataclasses.replace(desk.tokens.tokens, kept={})
    identity = await desk.platform.identify(desk.fetch)
    assert (identity.id, identity.login) == (ACME, f"HubSpot account {ACME}")


async def test_a_person_who_may_not_connect_apps_gets_no_login(desk):
    with pytest.raises(ConsentFailed) as caught:
        await log_in(desk.gateway, BEN)
    assert "permission to connect apps" in caught.value.page


async def test_the_refresh_token_stays_the_same(desk):
    before = desk.tokens.refresh_token
    fresh = await desk.gateway.refresh(before)
    assert fresh.refresh_token == before
    assert fresh.access_token != desk.tokens.tokens.access_token
    assert fresh.kept == {"hub_id": ACME, "user_id": "1001"}


async def test_an_expired_access_token_is_renewed_in_passing(desk):
    desk.clock.moment += timedelta(minutes=31)
    await desk.platform.probe(desk.fetch, desk.account)
    assert desk.tokens.refreshes == 1


async def test_access_tokens_of_two_seconds_are_enough(desk):
    desk.sandbox.oauth.grants.lifetimes.access = timedelta(seconds=2)
    desk.sandbox.expire_access_tokens()
    for number in range(3):
        desk.clock.moment += timedelta(seconds=3)
        assert states(await desk.push([touch(number)])) == {SENT}
    assert desk.tokens.refreshes == 3


@pytest.mark.parametrize("rfc", [True, False], ids=["with error", "status alone"])
@pytest.mark.parametrize("end", ["revoke", "uninstall"])
async def test_a_login_that_was_ended_is_a_loss(desk, end, rfc):
    desk.sandbox.oauth.rfc_errors = rfc
    getattr(desk.sandbox, end)()
    with pytest.raises(AuthorizationLost) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.cause.code == "BAD_REFRESH_TOKEN"
    fetch, _ = await session(desk.gateway, ADA)
    await desk.platform.probe(fetch, desk.account)


async def test_a_closed_portal_is_not_cured_by_logging_in(desk):
    desk.sandbox.delete_portal()
    with pytest.raises(AccessDenied) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.cause.code == "BAD_HUB"


async def test_a_client_secret_that_was_changed_is_the_operator_s(desk):
    desk.sandbox.oauth.change_secret("another")
    with pytest.raises(Misconfigured) as caught:
        await desk.gateway.refresh(desk.tokens.refresh_token)
    assert caught.value.cause.code == "BAD_CLIENT_SECRET"


async def test_a_used_code_is_refused_and_is_no_lost_login(desk):
    with pytest.raises(Refused, match="BAD_AUTH_CODE"):
        await desk.gateway.exchange(code=VERIFIER, redirect_uri="http://127.0.0.1/", verifier=VERIFIER)


async def test_scopes_that_were_taken_away_are_cured_by_logging_in(desk):
    desk.sandbox.take_scopes(WRITING)
    with pytest.raises(AuthorizationLost) as caught:
        await desk.push([touch(1)])
    cause = caught.value.cause
    assert cause.code == "MISSING_SCOPES"
    assert f"Missing: {WRITING}." in cause.vendor
    fetch, _ = await session(desk.gateway, ADA)
    (result,) = await desk.platform.push(fetch, desk.account, [touch(1)], HeldNotes())
    assert result.state is SENT


async def test_revoking_twice_is_fine(desk):
    token = desk.tokens.refresh_token
    await desk.gateway.revoke(token)
    await desk.gateway.revoke(token)
    with pytest.raises(AuthorizationLost):
        await desk.gateway.refresh(token)


def test_consent_asks_for_what_the_object_needs():
    def asked(**settings):
        oauth = Hubspot(HubspotSettings(**settings)).oauth
        return oauth.scopes, oauth.authorize_params.get("optional_scope")

    reads = "crm.objects.custom.read crm.objects.custom.write"
    contacts = ("oauth", "crm.objects.contacts.read", "crm.objects.contacts.write")
    assert asked() == (("oauth",), f"{reads} {OWNERS}")
    assert asked(object="2-1234567", optional_scopes="") == (("oauth",), reads)
    assert asked(object="contacts") == (contacts, OWNERS)
    assert asked(object="notes", attribution_object="p1_touch") == (contacts, f"{reads} {OWNERS}")
    assert asked(scopes="oauth, a.b", optional_scopes="a.b c") == (("oauth", "a.b"), "c")
    assert asked(object="contacts", optional_scopes="") == (contacts, None)


def test_the_addresses_follow_from_the_api_and_the_version():
    oauth = Hubspot(HubspotSettings()).oauth
    assert oauth.authorize_url == "https://app.hubspot.com/oauth/authorize"
    assert oauth.token_url == "https://api.hubapi.com/oauth/2026-03/token"
    assert oauth.revoke_url == "https://api.hubapi.com/oauth/2026-03/token/revoke"
    other = Hubspot(HubspotSettings(api_url="https://api-eu1.hubapi.com/", version="2026-09")).oauth
    assert other.token_url == "https://api-eu1.hubapi.com/oauth/2026-09/token"


async def test_the_consent_address_carries_pkce_and_the_optional_scopes(desk):
    url = desk.gateway.consent_url(state="s", redirect_uri="https://r.example/", verifier=VERIFIER)
    asked = parse_qs(urlsplit(url).query)
    assert asked["scope"] == ["oauth"]
    assert asked["optional_scope"] == [f"crm.objects.custom.read {WRITING} {OWNERS}"]
    assert asked["code_challenge_method"] == ["S256"]


async def test_a_lost_answer_is_repeated_without_doubling(desk):
    desk.sandbox.faults.add(Fault(match="batch/upsert", kind=Kind.DROP))
    with pytest.raises(TryLater) as caught:
        await desk.push(touches(5))
    assert caught.value.unclear
    assert states(await desk.push(touches(5))) == {SENT}
    assert {(each.created, each.updated) for each in desk.sandbox.writes.values()} == {(1, 1)}


async def test_a_platform_that_is_down_is_no_lost_login(desk):
    desk.sandbox.take_down()
    with pytest.raises(TryLater):
        await desk.platform.probe(desk.fetch, desk.account)
    with pytest.raises(TryLater):
        await desk.gateway.refresh(desk.tokens.refresh_token)
    desk.sandbox.bring_up()
    await desk.platform.probe(desk.fetch, desk.account)


async def test_limits_and_locks_and_moves_are_waited_for(desk):
    waits = []

    async def put_off():
        with pytest.raises(TryLater) as caught:
            await desk.push([touch(1)])
        waits.append(caught.value.after)

    desk.sandbox.portal.limits.most = 0
    await put_off()
    desk.sandbox.portal.limits.most = 110
    desk.sandbox.portal.locks = 1
    await put_off()
    desk.sandbox.portal.migration = 90
    await put_off()
    desk.sandbox.portal.migration = None
    desk.sandbox.portal.use_up_the_day()
    await put_off()
    assert waits == [timedelta(seconds=10), timedelta(seconds=2), timedelta(seconds=90), timedelta(hours=1)]
    desk.clock.moment += timedelta(hours=20)  # past midnight in New York
    assert states(await desk.push([touch(1)])) == {SENT}


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"object": "p_nothing"}, "unknown"),
        ({"object": "2-999"}, "unknown"),
        ({"external_id": "no_such"}, "OBJECT_NOT_FOUND"),
        ({"external_id": "medium"}, "hasUniqueValue"),
    ],
)
async def test_an_object_or_key_that_is_not_there_is_said_when_probing(desk, settings, code):
    desk.set(**settings)
    with pytest.raises(AccessDenied) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.cause.code == code
    assert "[platforms.hubspot]" in caught.value.cause.cure


async def test_a_key_that_stopped_being_unique_is_said_when_pushing(desk):
    desk.sandbox.make_unique(TOUCHPOINT, TOUCHPOINT_ID, unique=False)
    for asking in (desk.push([touch(1)]), desk.find([touch(1)])):
        with pytest.raises(AccessDenied) as caught:
            await asking
        assert "unique" in caught.value.cause.words


@pytest.mark.parametrize("kind", [Kind.HTML, Kind.GARBAGE, Kind.EMPTY])
async def test_garbage_is_no_verdict(desk, kind):
    for match, asking in (
        ("properties", lambda: desk.platform.probe(desk.fetch, desk.account)),
        ("batch/upsert", lambda: desk.push([touch(1)])),
        ("batch/read", lambda: desk.find([touch(1)])),
        ("details", lambda: desk.platform.identify(desk.fetch)),
        ("owners", lambda: desk.platform.identify(desk.fetch)),
    ):
        desk.sandbox.faults.add(Fault(match=match, kind=kind))
        with pytest.raises(TryLater):
            await asking()
