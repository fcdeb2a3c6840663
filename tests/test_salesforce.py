"""Logins at Salesforce: renewed in passing, lost for a reason that is told, and a token that only Salesforce gets."""

from datetime import timedelta

import pytest
from practice_gateway import NOW, log_in, session
from practice_salesforce_desk import desk_of_ada, states, touch

from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, TryLater
from bot.words.freight import PushState
from platforms.salesforce import Salesforce, SalesforceSettings
from sandbox.salesforce import ADA, CLEO


@pytest.fixture
async def desk():
    async with desk_of_ada() as opened:
        yield opened


async def test_a_login_is_known_by_org_and_user_and_reaches_its_org(desk):
    identity = await desk.platform.identify(desk.fetch)
    assert identity.login == ADA
    assert identity.id == f"{desk.sandbox.org.id}/{desk.sandbox.oauth.people[ADA].sub}"
    assert desk.account.id == desk.sandbox.org.id
    assert len(desk.account.id) == 18
    await desk.platform.probe(desk.fetch, desk.account)


async def test_tokens_carry_the_instance_and_a_lifetime_of_our_own(desk):
    tokens = desk.tokens.tokens
    assert tokens.kept["instance_url"].endswith("/salesforce/org/acme")
    assert tokens.expires_at == NOW + timedelta(minutes=90)
    assert tokens.refresh_token is not None


async def test_a_rotated_refresh_token_is_handed_over(desk):
    before = desk.tokens.refresh_token
    fresh = await desk.gateway.refresh(before)
    assert fresh.refresh_token not in {None, before}


async def test_an_expired_session_is_renewed_in_passing(desk):
    desk.sandbox.expire_sessions()
    await desk.platform.probe(desk.fetch, desk.account)
    assert desk.tokens.refreshes == 1


async def test_an_expired_session_at_the_identity_page_is_renewed_too(desk):
    desk.sandbox.expire_sessions()
    assert (await desk.platform.identify(desk.fetch)).login == ADA


async def test_a_revoked_login_is_a_loss(desk):
    desk.sandbox.revoke()
    with pytest.raises(AuthorizationLost) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.cause.code == "invalid_grant"


async def test_a_deactivated_user_needs_an_administrator(desk):
    desk.sandbox.deactivate()
    with pytest.raises(AccessDenied) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.cause.code == "inactive_user"


async def test_withdrawn_rights_are_no_lost_login(desk):
    desk.sandbox.withdraw_access()
    with pytest.raises(AccessDenied):
        await desk.platform.probe(desk.fetch, desk.account)
    with pytest.raises(AccessDenied):
        await desk.push([touch(1)])


async def test_a_platform_that_is_down_or_out_of_calls_is_no_lost_login(desk):
    desk.sandbox.take_down()
    with pytest.raises(TryLater):
        await desk.platform.probe(desk.fetch, desk.account)
    desk.sandbox.bring_up()
    desk.sandbox.org.use_up_calls()
    with pytest.raises(TryLater):
        await desk.push([touch(1)])
    desk.sandbox.org.give_calls_back()
    assert states(await desk.push([touch(1)])) == {PushState.SENT}


async def test_revoking_twice_is_fine(desk):
    token = desk.tokens.tokens.refresh_token
    await desk.gateway.revoke(token)
    await desk.gateway.revoke(token)
    with pytest.raises(AuthorizationLost):
        await desk.gateway.refresh(token)


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.my.salesforce.com",
        "https://acme--uat.sandbox.my.salesforce.com/",
        "https://ACME.my.salesforce.com:443",
        "https://acme.cloudforce.com",
        "https://login.example.com/org",
    ],
)
def test_instances_of_salesforce_and_of_the_login_host_get_the_token(url):
    platform = Salesforce(SalesforceSettings(login_url="https://login.example.com"))
    assert platform.base_url({"instance_url": url}) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.my.salesforce.com",
        "https://salesforce.com.evil.example",
        "https://evilsalesforce.com",
        "https://acme.my.salesforce.com@evil.example",
        "https://user@acme.my.salesforce.com",
        "https://acme.my.salesforce.com:8443",
        "https://evil.example#.salesforce.com",
        "https://evil.example?.salesforce.com",
        "https://evil.example\\.salesforce.com",
        "https://169.254.169.254",
        "http://127.0.0.1:8080",
        "http://2130706433",
        "http://[::ffff:10.0.0.1]/",
        "file:///etc/passwd",
        "gopher://x.salesforce.com",
        "https://login.salesforce.com:99999999",
        "https://[x.salesforce.com",
        "//acme.my.salesforce.com",
    ],
)
def test_other_hosts_do_not_get_the_token(url):
    platform = Salesforce(SalesforceSettings())
    with pytest.raises(Misconfigured):
        platform.base_url({"instance_url": url})


async def test_a_person_of_another_org_is_told_apart(desk):
    fetch, _ = await session(desk.gateway, CLEO)
    (account,) = await desk.platform.accounts(fetch)
    assert account.id != desk.account.id


async def test_a_consent_that_was_refused_brings_no_code(desk):
    with pytest.raises(KeyError):
        await log_in(desk.gateway, ADA, allow=False)
