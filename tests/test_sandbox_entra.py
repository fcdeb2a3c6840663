"""The practice world's Entra is as strict as the real one: tenants, consent, superseded tokens, exact refusals."""

import base64
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from practice_gateway import CALLBACK, VERIFIER, Clock, served
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox.entra import Entra, Tenant
from sandbox.entra_words import Speaker
from sandbox.ledger import Ledger
from sandbox.person import ConsentFailed, consent
from sandbox.tokens import Client, Person

ADA, BEN = "ada@acme.example", "ben@globex.example"
SCOPE = "https://crm.example/user_impersonation"
BACK = CALLBACK.format("dynamics_365")
CHALLENGE = "TVNpsISPsAPa4qIq1W2FlmzKgfyQ8x4bYQWvMBGT31g"


class Office:
    """An Entra behind a real socket, and an app that asks it for tokens."""

    def __init__(self, entra, clock, browser, url):
        self.entra, self.clock, self.browser, self.url = entra, clock, browser, url

    def authorize_url(self, tenant="organizations", **more):
        asked = {
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": BACK,
            "scope": f"{SCOPE} offline_access",
            "state": "s",
        }
        asked = {name: value for name, value in (asked | more).items() if value is not None}
        return f"{self.url}/{tenant}/oauth2/v2.0/authorize?{urlencode(asked)}"

    async def code(self, person=ADA, tenant="organizations", **more):
        back = await consent(self.browser, self.authorize_url(tenant, **more), person)
        return parse_qs(urlsplit(back).query)

    async def token(self, tenant="organizations", **form):
        base = {"client_id": "app", "client_secret": "secret"}
        answer = await self.browser.post(f"{self.url}/{tenant}/oauth2/v2.0/token", data=base | form)
        return answer.status_code, answer.json()

    async def log_in(self, person=ADA, **more):
        code = (await self.code(person, **more))["code"][0]
        status, body = await self.token(grant_type="authorization_code", code=code, redirect_uri=BACK)
        assert status == 200, body
        return body

    async def refresh(self, tokens, **more):
        return await self.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"], **more)


def number(answer):
    status, body = answer
    assert body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: ")
    return status, body["error"], body["error_codes"][0]


@pytest.fixture
async def office():
    clock = Clock()
    entra = Entra(
        Ledger(clock),
        client=Client("app", "secret", {BACK}),
        tenants=[Tenant("acme.example", "Acme"), Tenant("globex.example", "Globex")],
        people=[Person("oid-1", ADA, "Ada Marsh"), Person("oid-2", BEN, "Ben Okoro")],
        offers=lambda scope: scope == SCOPE,
    )
    app = Starlette(routes=[Mount("/", routes=entra.routes())])
    # Nothing here speaks TLS, and loading certificates takes longer than most of these tests.
    async with served(app) as url, httpx2.AsyncClient(verify=False) as browser:
        yield Office(entra, clock, browser, url)


async def test_tokens_come_with_the_service_s_scopes_and_a_lasting_one_only_if_asked(office):
    tokens = await office.log_in()
    assert tokens["scope"] == SCOPE
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == tokens["ext_expires_in"] == 3599
    assert "id_token" not in tokens
    assert "refresh_token" not in await office.log_in(scope=SCOPE)


async def test_an_id_token_tells_who_it_was(office):
    tokens = await office.log_in(scope=f"{SCOPE} openid profile offline_access")
    claims = json.loads(base64.urlsafe_b64decode(tokens["id_token"].split(".")[1] + "=="))
    assert (claims["preferred_username"], claims["name"], claims["oid"]) == (ADA, "Ada Marsh", "oid-1")
    assert claims["tid"] in claims["iss"]


async def test_a_refresh_token_is_superseded_and_not_revoked(office):
    first = await office.log_in()
    status, second = await office.refresh(first)
    assert (status, second["scope"]) == (200, SCOPE)
    assert second["refresh_token"] != first["refresh_token"]
    assert office.entra.superseded(first["refresh_token"])
    assert not office.entra.superseded(second["refresh_token"])
    assert (await office.refresh(first))[0] == 200
    assert (await office.refresh(second))[0] == 200
    assert office.entra.ledger.count("token.reused") == 1


async def test_a_refresh_token_dies_after_ninety_days_unused(office):
    tokens = await office.log_in()
    office.clock.moment += timedelta(days=89)
    _, fresh = await office.refresh(tokens)
    office.clock.moment += timedelta(days=90)
    assert number(await office.refresh(fresh)) == (400, "invalid_grant", 700082)


@pytest.mark.parametrize(
    ("lever", "told", "suberror"),
    [
        ("require_mfa", 50076, "basic_action"),
        ("withdraw_consent", 65001, "consent_required"),
        ("block", 53003, "message_only"),
        ("disable", 50057, "message_only"),
    ],
)
async def test_what_an_administrator_does_is_met_at_the_next_refresh(office, lever, told, suberror):
    tokens, other = await office.log_in(), await office.log_in(BEN)
    getattr(office.entra, lever)(ADA)
    status, body = await office.refresh(tokens)
    assert number((status, body)) == (400, "invalid_grant", told)
    assert body["suberror"] == suberror
    assert ("claims" in body) == (told in {50076, 53003})
    assert office.entra.check(tokens["access_token"]).ok  # access tokens live out their time
    assert (await office.refresh(other))[0] == 200
    office.entra.forgive(ADA)
    assert (await office.refresh(tokens))[0] == 200


async def test_a_new_login_cures_a_second_factor_and_a_withdrawn_consent(office):
    for lever in (office.entra.require_mfa, office.entra.withdraw_consent):
        before = await office.log_in()
        lever(ADA)
        after = await office.log_in()
        assert (await office.refresh(before))[0] == 400
        assert (await office.refresh(after))[0] == 200


@pytest.mark.parametrize("lever", ["block", "disable"])
async def test_a_new_login_does_not_cure_a_block(office, lever):
    getattr(office.entra, lever)(ADA)
    with pytest.raises(ConsentFailed) as caught:
        await office.code()
    assert "AADSTS5" in caught.value.page


async def test_revoked_sessions_and_changed_passwords(office):
    for act in (office.entra.revoke_user, office.entra.change_password):
        tokens = await office.log_in()
        act(ADA)
        assert number(await office.refresh(tokens)) == (400, "invalid_grant", 50173)


async def test_clients_are_told_what_is_wrong_with_them(office):
    tokens = await office.log_in()
    assert number(await office.refresh(tokens, client_secret="x")) == (401, "invalid_client", 7000215)
    assert number(await office.refresh(tokens, client_id="x")) == (400, "unauthorized_client", 700016)
    office.entra.secret_expired = True
    assert number(await office.refresh(tokens)) == (401, "invalid_client", 7000222)
    office.entra.secret_expired = False
    office.entra.app_disabled = True
    assert number(await office.refresh(tokens)) == (400, "unauthorized_client", 7000112)


async def test_refusals_have_ids_for_support_that_are_the_same_in_every_run(office):
    _, body = await office.token(grant_type="refresh_token", refresh_token="x")
    assert body["timestamp"] == "2026-11-23 09:00:00Z"
    assert f"Trace ID: {body['trace_id']}\r\nCorrelation ID: {body['correlation_id']}" in body["error_description"]
    again = Speaker("app").body(9002313, office.clock())[1]
    assert again["trace_id"] == body["trace_id"]


async def test_malformed_token_requests_are_refused(office):
    tokens = await office.log_in()
    asked = {"grant_type": "authorization_code", "redirect_uri": BACK}
    assert number(await office.token()) == (400, "invalid_request", 900144)
    assert number(await office.token(grant_type="refresh_token")) == (400, "invalid_request", 900144)
    assert number(await office.token(grant_type="password")) == (400, "unsupported_grant_type", 70003)
    assert number(await office.token(**asked, code="x")) == (400, "invalid_grant", 9002313)
    assert number(await office.refresh(tokens, scope="https://other.example/x")) == (400, "invalid_grant", 65001)
    assert number(await office.token("nowhere", grant_type="refresh_token")) == (400, "invalid_request", 90002)
    assert (await office.refresh(tokens, scope=f"{SCOPE} offline_access"))[0] == 200


async def test_a_code_is_good_once_for_its_verifier_and_address(office):
    code = (await office.code(code_challenge=CHALLENGE, code_challenge_method="S256"))["code"][0]
    asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    wrong = {"code_verifier": "w" * 64}
    assert number(await office.token(**asked, **wrong)) == (400, "invalid_grant", 50148)
    assert number(await office.token(**asked)) == (400, "invalid_grant", 50148)
    elsewhere = {**asked, "redirect_uri": "http://127.0.0.1/x", "code_verifier": VERIFIER.reveal()}
    assert number(await office.token(**elsewhere)) == (401, "invalid_client", 500112)
    code = (await office.code())["code"][0]
    asked["code"] = code
    assert (await office.token(**asked))[0] == 200
    assert number(await office.token(**asked)) == (400, "invalid_grant", 54005)


async def test_codes_expire_after_ten_minutes(office):
    code = (await office.code())["code"][0]
    office.clock.moment += timedelta(minutes=10)
    answer = await office.token(grant_type="authorization_code", code=code, redirect_uri=BACK)
    assert number(answer) == (400, "invalid_grant", 70008)


@pytest.mark.parametrize(
    ("more", "error", "told"),
    [
        ({"scope": "https://other.example/x offline_access"}, "invalid_resource", "AADSTS500011"),
        ({"scope": "nonsense"}, "invalid_scope", "AADSTS70011"),
        ({"prompt": "always"}, "invalid_request", "AADSTS90023"),
    ],
)
async def test_wrong_requests_go_back_to_the_app(office, more, error, told):
    back = await office.code(**more)
    assert (back["error"], back["state"]) == ([error], ["s"])
    assert back["error_description"][0].startswith(told)


@pytest.mark.parametrize(
    ("tenant", "more"),
    [
        ("nowhere.example", {}),
        ("organizations", {"redirect_uri": "http://127.0.0.1:8080/elsewhere"}),
        ("organizations", {"client_id": "another"}),
        ("organizations", {"redirect_uri": "http://127.0.0.1:8080/elsewhere", "prompt": "always"}),
    ],
)
async def test_nothing_is_sent_to_an_address_that_is_not_known_to_be_the_app_s(office, tenant, more):
    with pytest.raises(ConsentFailed):
        await office.code(tenant=tenant, **more)


async def test_a_tenant_admits_its_own_people(office):
    own = office.entra.tenants[0]
    for tenant in ("acme.example", own.id, "organizations", "common"):
        assert "code" in await office.code(ADA, tenant=tenant)
    with pytest.raises(ConsentFailed) as caught:
        await office.code(BEN, tenant="acme.example")
    assert "AADSTS50020" in caught.value.page


async def test_an_app_of_one_tenant_is_not_offered_to_all(office):
    office.entra.multi_tenant = False
    with pytest.raises(ConsentFailed) as caught:
        await office.code()
    assert "AADSTS50194" in caught.value.page
    assert "code" in await office.code(tenant="acme.example")


async def test_there_is_no_revocation_and_no_userinfo_here(office):
    for path in ("/revoke", "/userinfo", "/organizations/oauth2/v2.0/logout"):
        assert (await office.browser.post(office.url + path)).status_code == 404
