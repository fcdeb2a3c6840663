"""The sandbox Salesforce logs people in and out as the real one does, and can be broken on purpose."""

from datetime import timedelta

import pytest
from practice_salesforce import CALLBACK, VERIFIER, World, refusal, touch

from sandbox.salesforce import ADA, BEN, CLEO
from sandbox.salesforce_schema import TOUCHPOINT


@pytest.fixture
async def world():
    async with World() as opened:
        yield opened


async def test_a_login_answers_the_org_and_the_user_but_no_expiry(world):
    tokens = (await world.login()).tokens

    org = world.salesforce.org
    assert "expires_in" not in tokens
    assert len(org.id) == 18
    assert tokens["id"] == f"{world.url}/salesforce/id/{org.id}/{world.salesforce.oauth.people[ADA].sub}"
    assert tokens["instance_url"] == f"{world.url}/salesforce/org/acme"
    assert {"access_token", "refresh_token", "signature", "issued_at", "token_type", "scope"} <= set(tokens)


async def test_identity_pages_name_the_person(world):
    session = await world.login(BEN)
    headers = {"authorization": f"Bearer {session.tokens['access_token']}"}

    info = (await world.client.get(f"{world.oauth}/userinfo", headers=headers)).json()
    identity = (await world.client.get(session.tokens["id"], headers=headers)).json()
    stranger = await world.client.get(f"{world.oauth}/userinfo", headers={"authorization": "Bearer x"})

    assert (info["preferred_username"], info["organization_id"]) == (BEN, world.salesforce.org.id)
    assert identity["user_id"] == info["user_id"]
    assert (stranger.status_code, stranger.text) == (403, "Bad_OAuth_Token")


async def test_people_of_one_org_share_it_and_others_do_not(world):
    ada, ben, cleo = [await world.login(person) for person in (ADA, BEN, CLEO)]

    assert ada.instance == ben.instance != cleo.instance
    cleo.instance = ada.instance
    assert refusal(await cleo.call("GET", "/limits")) == (401, "INVALID_SESSION_ID")


async def test_a_refresh_token_works_once_and_its_reuse_kills_the_family(world):
    session = await world.login()

    first = (await session.refresh()).json()
    again = await session.refresh()
    family = await world.token(grant_type="refresh_token", refresh_token=first["refresh_token"])

    expired = {"error": "invalid_grant", "error_description": "expired access/refresh token"}
    assert first["refresh_token"] != session.tokens["refresh_token"]
    assert (again.status_code, again.json()) == (400, expired)
    assert (family.status_code, family.json()) == (400, expired)
    assert world.salesforce.ledger.count("token.reused") == 1


async def test_without_rotation_the_refresh_token_stays(world):
    world.salesforce.rotate_refresh_tokens(on=False)
    session = await world.login()

    answers = [(await session.refresh()).json() for _ in range(2)]

    assert all("refresh_token" not in each and each["access_token"] for each in answers)


async def test_the_sixth_approval_silently_kills_the_oldest(world):
    sessions = [await world.login() for _ in range(6)]

    statuses = [(await each.refresh()).status_code for each in sessions]

    assert statuses == [400, 200, 200, 200, 200, 200]


async def test_refusals_of_the_token_endpoint_are_worded_as_salesforce_does(world):
    code = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    old = await world.code()
    world.clock.moment += timedelta(minutes=16)

    answers = [
        await world.token(code=old, **code),
        await world.token(code="none", **code),
        await world.token(code=await world.code(), **code | {"code_verifier": "w" * 64}),
        await world.token(grant_type="refresh_token", refresh_token="none", client_id="none"),
        await world.token(grant_type="refresh_token", refresh_token="none", client_secret="none"),
        await world.token(grant_type="refresh_token", refresh_token="none"),
        await world.token(grant_type="magic"),
    ]

    assert {each.status_code for each in answers} == {400}
    assert [(each.json()["error"], each.json()["error_description"]) for each in answers] == [
        ("invalid_grant", "expired authorization code"),
        ("invalid_grant", "invalid authorization code"),
        ("invalid_grant", "invalid code verifier"),
        ("invalid_client_id", "client identifier invalid"),
        ("invalid_client", "invalid client credentials"),
        ("invalid_grant", "expired access/refresh token"),
        ("unsupported_grant_type", "grant type not supported"),
    ]


async def test_a_deactivated_user_is_named_so_and_can_come_back(world):
    session = await world.login()
    world.salesforce.deactivate(ADA)

    assert (await session.refresh()).json()["error"] == "inactive_user"
    assert refusal(await session.call("GET", "/limits")) == (401, "INVALID_SESSION_ID")

    world.salesforce.reactivate(ADA)
    assert (await session.refresh()).status_code == 200


async def test_revoking_the_access_token_leaves_the_refresh_token(world):
    session = await world.login()

    gone = await world.client.post(f"{world.oauth}/revoke", data={"token": session.tokens["access_token"]})

    assert gone.status_code == 200
    assert refusal(await session.call("GET", "/limits")) == (401, "INVALID_SESSION_ID")
    session.tokens |= (await session.refresh()).json()
    await world.client.post(f"{world.oauth}/revoke", data={"token": session.tokens["refresh_token"]})
    assert (await session.refresh()).status_code == 400
    unknown = await world.client.post(f"{world.oauth}/revoke", data={"token": "none"})
    assert (unknown.status_code, unknown.json()["error"]) == (400, "invalid_token")


async def test_introspection_tells_when_a_session_ends(world):
    session = await world.login()
    form = {name: world.settings[name] for name in ("client_id", "client_secret")}
    form["token"] = session.tokens["access_token"]

    alive = (await world.client.post(f"{world.oauth}/introspect", data=form)).json()
    world.clock.moment += timedelta(hours=2)
    dead = (await world.client.post(f"{world.oauth}/introspect", data=form)).json()

    assert alive["exp"] == int(world.clock.moment.timestamp())
    assert dead == {"active": False}
    assert refusal(await session.call("GET", "/limits")) == (401, "INVALID_SESSION_ID")


async def test_daily_calls_are_told_and_end(world):
    session = await world.login()
    world.salesforce.org.daily_limit = 2

    first = await session.call("GET", "/limits")
    await session.call("GET", "/sobjects")
    third = await session.call("GET", "/limits")

    assert first.headers["sforce-limit-info"] == "api-usage=1/2"
    assert first.json()["DailyApiRequests"] == {"Max": 2, "Remaining": 1}
    assert refusal(third) == (403, "REQUEST_LIMIT_EXCEEDED")
    world.clock.moment += timedelta(days=1)
    session.tokens |= (await session.refresh()).json()
    assert (await session.call("GET", "/limits")).status_code == 200


async def test_switched_off_apis_and_withdrawn_rights_are_refused_by_name(world):
    session = await world.login()
    soql = f"SELECT COUNT() FROM {TOUCHPOINT}"

    world.salesforce.withdraw_access(ADA)
    assert refusal(await session.query(soql)) == (403, "INSUFFICIENT_ACCESS")
    assert refusal(await session.upsert(touch(1))) == (403, "INSUFFICIENT_ACCESS")
    world.salesforce.give_access_back(ADA)
    world.salesforce.org.api_enabled = False
    assert refusal(await session.query(soql)) == (403, "API_DISABLED_FOR_ORG")


async def test_errors_of_the_address_are_salesforces_too(world):
    session = await world.login()
    base = f"{session.instance}/services/data"

    assert (await world.client.get(base)).json()[-1]["url"].startswith("/services/data/v")
    assert refusal(await world.client.get(f"{base}/v66.0/limits")) == (401, "INVALID_SESSION_ID")
    assert refusal(await session.call("GET", "/nothing")) == (404, "NOT_FOUND")
    assert refusal(await session.call("DELETE", "/limits")) == (405, "METHOD_NOT_ALLOWED")
    at_login = await world.client.get(f"{world.url}/salesforce/services/data/v66.0/limits")
    assert refusal(at_login) == (401, "INVALID_SESSION_ID")


async def test_levers_break_things_and_put_them_right(world):
    session = await world.login()
    levers = {lever.key: lever for lever in world.salesforce.levers}

    await levers["salesforce_down"].pull()
    assert refusal(await session.call("GET", "/limits")) == (503, "SERVER_UNAVAILABLE")
    await levers["salesforce_up"].pull()
    await levers["salesforce_limit"].pull()
    assert refusal(await session.call("GET", "/limits")) == (403, "REQUEST_LIMIT_EXCEEDED")
    await levers["salesforce_limit"].pull()
    assert (await session.call("GET", "/limits")).status_code == 200
    await levers["salesforce_revoke"].pull()
    assert (await session.refresh()).json()["error_description"] == "expired access/refresh token"
    await levers["salesforce_deactivate"].pull()
    assert ADA not in world.salesforce.oauth.people
