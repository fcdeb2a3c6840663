"""The sandbox HubSpot lets in whom the real one lets in, and refuses in its words."""

from datetime import timedelta
from pathlib import Path

import pytest
from practice_hubspot import CALLBACK, OPTIONAL, VERIFIER, open_hub, refusal, row

from sandbox.hubspot import ACME, ACME_LABS, ADA, BEN, CLEO, WRITING
from sandbox.hubspot_schema import TOUCHPOINT
from sandbox.person import ConsentFailed


@pytest.fixture
async def hub():
    async with open_hub() as opened:
        yield opened


async def test_a_token_answer_has_hubspot_s_own_fields(hub):
    token = await hub.token()

    assert {key: value for key, value in token.items() if key not in {"access_token", "refresh_token"}} == {
        "token_type": "bearer",
        "token_use": "access_token",
        "expires_in": 1800,
        "hub_id": int(ACME),
        "user_id": 1001,
        "scopes": ["oauth", *OPTIONAL.split()],
    }
    again = (await hub.refresh(token)).json()
    assert again["refresh_token"] == token["refresh_token"]
    assert again["access_token"] != token["access_token"]


async def test_refusals_carry_hubspot_s_status_and_since_2026_the_standard_error(hub):
    token = await hub.token()
    hub.sandbox.uninstall()
    new = (await hub.refresh(token)).json()
    hub.sandbox.oauth.rfc_errors = False
    old = await hub.refresh(token)

    assert (new.pop("error"), new.pop("error_description")) == ("invalid_grant", new["message"])
    assert new["status"] == "BAD_REFRESH_TOKEN"
    assert (old.status_code, set(old.json())) == (400, {"status", "message", "correlationId"})


async def test_wrong_token_requests_are_refused_with_their_status(hub):
    code = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    first = await hub.code()
    answers = {
        "wrong verifier": await hub.post_form("", code=await hub.code(), **code | {"code_verifier": "w" * 64}),
        "no verifier": await hub.post_form("", code=await hub.code(), **code | {"code_verifier": ""}),
        "other redirect": await hub.post_form("", code=await hub.code(), **code | {"redirect_uri": "http://x.example"}),
        "first use": await hub.post_form("", code=first, **code),
        "second use": await hub.post_form("", code=first, **code),
        "unknown code": await hub.post_form("", code="x", **code),
        "wrong client": await hub.post_form("", code="x", **code, client_id="x"),
        "wrong secret": await hub.post_form("", code="x", **code, client_secret="x"),
        "other grant": await hub.post_form("", grant_type="password"),
        "no refresh token": await hub.post_form("", grant_type="refresh_token"),
    }

    assert {name: (each.status_code, each.json().get("status")) for name, each in answers.items()} == {
        "wrong verifier": (400, "BAD_AUTH_CODE"),
        "no verifier": (400, "BAD_AUTH_CODE"),
        "other redirect": (400, "BAD_REDIRECT_URI"),
        "first use": (200, None),
        "second use": (400, "BAD_AUTH_CODE"),
        "unknown code": (400, "BAD_AUTH_CODE"),
        "wrong client": (400, "BAD_CLIENT_ID"),
        "wrong secret": (400, "BAD_CLIENT_SECRET"),
        "other grant": (400, "BAD_GRANT_TYPE"),
        "no refresh token": (400, "BAD_GRANT_TYPE"),
    }


async def test_credentials_are_read_from_a_form_and_from_nowhere_else(hub):
    url = f"{hub.at}/oauth/2026-03/token"
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": hub.settings["client_id"]}

    assert (await hub.client.post(url, json=form)).status_code == 415
    assert (await hub.client.post(url, params=form)).status_code == 415
    assert (await hub.client.post(f"{url}/introspect", json=form)).status_code == 415


async def test_a_person_chooses_the_portal_to_install_the_app_in(hub):
    page = (await hub.client.get(hub.authorize_url())).text
    token = await hub.token(f"{ADA}/{ACME_LABS}")

    assert "アクメ研究所" in page
    assert token["hub_id"] == int(ACME_LABS)
    for person in (f"{ADA}/999", BEN, "nobody@acme.example"):
        with pytest.raises(ConsentFailed):
            await hub.code(person)


async def test_required_scopes_are_all_or_nothing_and_optional_ones_as_far_as_the_plan_goes(hub):
    hub.sandbox.take_scopes(WRITING, plan=True)

    assert WRITING not in (await hub.token())["scopes"]
    for asked in ({"scope": f"oauth {WRITING}"}, {"scope": "oauth no.such.scope"}):
        with pytest.raises(ConsentFailed) as caught:
            await hub.code(**asked)
        assert asked["scope"].split()[1] in caught.value.page


async def test_introspection_says_who_and_where(hub):
    token = await hub.token()
    access = (await hub.post_form("/introspect", token=token["access_token"])).json()
    refresh = (await hub.post_form("/introspect", token=token["refresh_token"])).json()

    known = {"active": True, "hub_id": int(ACME), "hub_domain": "acme.example", "user_id": 1001, "user": ADA}
    assert access | known | {"token_use": "access_token", "expires_in": 1800} == access
    assert refresh | known | {"token_use": "refresh_token"} == refresh
    hub.sandbox.revoke()
    assert (await hub.post_form("/introspect", token=token["access_token"])).json() == {"active": False}
    refused = await hub.post_form("/introspect", token="x", client_secret="x")
    assert refused.json()["status"] == "BAD_CLIENT_SECRET"


async def test_revoking_ends_the_refresh_token_and_leaves_the_access_token_its_time(hub):
    token = await hub.token()

    assert (await hub.post_form("/revoke", token=token["refresh_token"])).status_code == 204
    assert (await hub.refresh(token)).json()["status"] == "BAD_REFRESH_TOKEN"
    assert (await hub.call(token, "GET", "/account-info/2026-03/details")).status_code == 200
    again = await hub.post_form("/revoke", token=token["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


async def test_uninstalling_ends_every_login_of_the_portal_and_no_other(hub):
    ours, theirs = await hub.token(), await hub.token(CLEO)
    hub.sandbox.uninstall()

    assert refusal(await hub.call(ours, "GET", "/account-info/2026-03/details")) == (401, "INVALID_AUTHENTICATION")
    assert (await hub.call(theirs, "GET", "/account-info/2026-03/details")).status_code == 200


# The API's door


async def test_tokens_are_told_apart_when_they_are_missing_wrong_and_expired(hub):
    token, path = await hub.token(), "/account-info/2026-03/details"
    hub.clock.moment += timedelta(minutes=30, seconds=5)
    expired = await hub.call(token, "GET", path)

    assert refusal(await hub.call(None, "GET", path)) == (401, "INVALID_AUTHENTICATION")
    assert refusal(await hub.call({"access_token": "x"}, "GET", path)) == (401, "INVALID_AUTHENTICATION")
    assert refusal(expired) == (401, "EXPIRED_AUTHENTICATION")
    assert "expired 5 second(s) ago" in expired.json()["message"]


async def test_a_call_without_its_scope_names_the_scope(hub):
    token = await hub.token(optional_scope="")
    answers = [
        await hub.upsert(token, row(1)),
        await hub.read(token, "x"),
        await hub.call(token, "GET", f"/crm/objects/2026-03/{TOUCHPOINT}"),
        await hub.call(token, "GET", "/crm/owners/2026-03/1001?idProperty=userId"),
    ]

    assert {refusal(each) for each in answers} == {(403, "MISSING_SCOPES")}
    assert [each.json()["errors"][0]["context"]["requiredGranularScopes"] for each in answers] == [
        [WRITING],
        ["crm.objects.custom.read"],
        ["crm.objects.custom.read"],
        ["crm.objects.owners.read"],
    ]


async def test_calls_are_limited_per_portal_and_the_headers_say_so(hub):
    token, labs, path = await hub.token(), await hub.token(f"{ADA}/{ACME_LABS}"), "/account-info/2026-03/details"
    hub.sandbox.portal.limits.most = 3
    answers = [await hub.call(token, "GET", path) for _ in range(4)]

    assert [each.headers["x-hubspot-ratelimit-remaining"] for each in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["x-hubspot-ratelimit-interval-milliseconds"] == "10000"
    limited = answers[3].json()
    assert answers[3].status_code == 429
    assert (limited["errorType"], limited["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
    assert limited["message"] == "You have reached your ten_secondly_rolling limit."
    assert (await hub.call(labs, "GET", path)).status_code == 200
    hub.clock.moment += timedelta(seconds=10)
    assert (await hub.call(token, "GET", path)).status_code == 200


async def test_a_used_up_day_ends_at_midnight_of_the_portal(hub):
    token, path = await hub.token(), "/account-info/2026-03/details"
    hub.sandbox.portal.use_up_the_day()  # 9:00 UTC is 4:00 in New York
    hub.sandbox.oauth.grants.lifetimes.access = timedelta(days=9)

    assert (await hub.call(token, "GET", path)).json()["policyName"] == "DAILY"
    for hours, status in ((19, 429), (1, 200)):
        hub.clock.moment += timedelta(hours=hours, seconds=1)
        token = (await hub.refresh(token)).json()
        assert (await hub.call(token, "GET", path)).status_code == status


# What a person can break


async def test_every_lever_says_what_it_did(hub):
    await hub.token()
    told = {lever.key: await lever.pull() for lever in hub.sandbox.levers}

    assert all(key.startswith("hubspot_") and words.endswith(".") for key, words in told.items())
    assert told["hubspot_revoke"].startswith("1 login of")
    assert all(lever.group == "HubSpot" for lever in hub.sandbox.levers)
    assert "hubspot_revoke" in told
    assert hub.sandbox.demo_login == ADA


async def test_no_token_is_in_the_ledger(hub):
    token = await hub.token()
    await hub.refresh(token)
    await hub.upsert(token, row(1))
    told = " ".join(str(dict(entry.details)) for entry in hub.sandbox.ledger)
    assert not {secret for secret in hub.sandbox.oauth.secrets() if secret in told}


def test_the_sandbox_stands_alone():
    files = (Path(__file__).parent.parent / "sandbox").glob("hubspot*.py")
    assert not {file.name for file in files for word in ("bot", "platforms") if f"from {word}" in file.read_text()}
