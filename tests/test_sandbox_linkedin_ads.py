"""The sandbox LinkedIn lets in whom the real one lets in, and refuses in its words."""

from datetime import date, timedelta

import pytest
from practice_gateway import NOW, Clock
from practice_linkedin_ads import (
    opened,
    refusal,
)

from sandbox.ledger import Ledger
from sandbox.linkedin_ads import ADA, EMEA, TOKYO, LinkedinAdsSandbox
from sandbox.linkedin_ads_data import Tracking
from sandbox.person import ConsentFailed


@pytest.fixture
async def linkedin():
    async with opened() as linkedin:
        yield linkedin


# Logging in


async def test_a_token_answer_has_no_type_commas_between_scopes_and_a_year_that_runs_out(linkedin):
    token = await linkedin.token()

    assert {name: found for name, found in token.items() if name not in {"access_token", "refresh_token"}} == {
        "expires_in": 5_184_000,
        "refresh_token_expires_in": 31_536_000,
        "scope": "email,openid,profile,r_ads,r_ads_reporting,rw_ads",
    }
    linkedin.clock.moment += timedelta(days=59)
    later = (await linkedin.refresh(token)).json()
    assert later["refresh_token"] == token["refresh_token"]
    assert (later["expires_in"], later["refresh_token_expires_in"]) == (5_184_000, 306 * 86_400)
    linkedin.clock.moment = NOW + timedelta(days=360)
    last = (await linkedin.refresh(token)).json()
    assert (last["expires_in"], last["refresh_token_expires_in"]) == (5 * 86_400, 5 * 86_400)
    linkedin.clock.moment = NOW + timedelta(days=365)
    assert (await linkedin.refresh(token)).status_code == 400


async def test_only_approved_partners_get_refresh_tokens(linkedin):
    linkedin.sandbox.oauth.programmatic = False

    assert set(await linkedin.token()) == {"access_token", "expires_in", "scope"}


async def test_wrong_token_requests_are_refused_in_linkedin_s_words(linkedin):
    token, code = await linkedin.token(), (await linkedin.back())["code"]
    answers = {
        "unknown code": await linkedin.redeem("x"),
        "other redirect": await linkedin.redeem(code, redirect_uri="http://x.example"),
        "a verifier": await linkedin.redeem((await linkedin.back())["code"], code_verifier="v" * 64),
        "no code": await linkedin.redeem(""),
        "wrong client": await linkedin.redeem(code, client_id="x"),
        "wrong secret": await linkedin.refresh(token, client_secret="x"),
        "other grant": await linkedin.post("token_url", grant_type="password"),
        "made-up token": await linkedin.refresh({"refresh_token": "x"}),
    }

    mismatched = "Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization code."
    assert {name: (each.status_code, *each.json().values()) for name, each in answers.items()} == {
        "unknown code": (401, "invalid_request", "Unable to retrieve access token: authorization code not found"),
        "other redirect": (400, "invalid_redirect_uri", ANY_AFTER(mismatched)),
        "a verifier": (400, "invalid_redirect_uri", ANY_AFTER(mismatched)),
        "no code": (400, "invalid_request", 'A required parameter "code" is missing'),
        "wrong client": (401, "invalid_client", "Client authentication failed"),
        "wrong secret": (401, "invalid_client", "Client authentication failed"),
        "other grant": (400, "unsupported_grant_type", "Unsupported grant type password"),
        "made-up token": (
            400,
            "invalid_grant",
            "The provided authorization grant or refresh token is invalid, expired or revoked",
        ),
    }


class ANY_AFTER(str):  # noqa: N801 - reads as a value
    """Equal to whatever begins so."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other):
        return isinstance(other, str) and other.startswith(str(self))


async def test_consent_is_for_all_permissions_or_none(linkedin):
    assert (await linkedin.back(allow=False))["error"] == "user_cancelled_authorize"
    assert (await linkedin.back(scope="r_ads r_organization_social"))["error"] == "unauthorized_scope_error"
    for wrong in ({"client_id": "x"}, {"redirect_uri": "http://x.example"}):
        with pytest.raises(ConsentFailed):
            await linkedin.back(**wrong)


async def test_other_permissions_than_before_end_the_earlier_login(linkedin):
    first, same = await linkedin.token(), await linkedin.token()
    assert (await linkedin.call(first, "adAccounts?q=search")).status_code == 200
    await linkedin.token(scope="openid r_ads")
    for token in (first, same):
        assert refusal(await linkedin.call(token, "adAccounts?q=search")) == (401, "REVOKED_ACCESS_TOKEN")


async def test_userinfo_tells_what_was_permitted(linkedin):
    async def who(token):
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        return await linkedin.client.get(linkedin.settings["userinfo_url"], headers=headers)

    told = (await who(await linkedin.token())).json()
    assert (told["sub"], told["email"], told["name"]) == ("782bbtaQ01", ADA, "Ada Marsh")
    assert (await who(await linkedin.token(scope="openid"))).json() == {"sub": "782bbtaQ01"}
    assert refusal(await who(await linkedin.token(scope="r_ads"))) == (403, "ACCESS_DENIED")
    assert refusal(await who({"access_token": "x"})) == (401, "INVALID_ACCESS_TOKEN")


async def test_introspection_tells_of_a_token(linkedin):
    token = await linkedin.token()

    async def looked_at(text, **changes):
        return await linkedin.post("introspect_url", token=text, **changes)

    told = (await looked_at(token["access_token"])).json()
    assert (told["active"], told["status"], told["auth_type"]) == (True, "active", "3L")
    assert told["expires_at"] - told["created_at"] == 5_184_000
    linkedin.sandbox.revoke()
    assert (await looked_at(token["access_token"])).json()["status"] == "revoked"
    assert (await looked_at("x")).json() == {"active": False}
    assert (await looked_at("x", client_secret="x")).status_code == 401


async def test_revoking_one_token_ends_the_person_s_logins(linkedin):
    first, second = await linkedin.token(), await linkedin.token()
    assert (await linkedin.post("revoke_url", token=first["access_token"])).status_code == 200
    assert refusal(await linkedin.call(second, "adAccounts?q=search")) == (401, "REVOKED_ACCESS_TOKEN")


# The way in


async def test_a_call_without_a_living_version_is_refused_before_anything_else(linkedin):
    missing = await linkedin.call(None, "adAccounts?q=search", without=["Linkedin-Version"])
    assert missing.json() == {
        "status": 400,
        "code": "VERSION_MISSING",
        "message": "A version must be present. Please specify a version by adding the LinkedIn-Version header.",
    }
    for version in ("202511", "202612", "20260801", "x"):
        dead = await linkedin.call(None, "adAccounts?q=search", headers={"Linkedin-Version": version})
        assert dead.json() == {
            "status": 426,
            "code": "NONEXISTENT_VERSION",
            "message": f"Requested version {version}01 is not active",
        }
    token = await linkedin.token()
    for version in ("202512", "202601", "202611"):
        answer = await linkedin.call(token, "adAccounts?q=search", headers={"Linkedin-Version": version})
        assert answer.status_code == 200


async def test_dead_tokens_are_told_apart(linkedin):
    token = await linkedin.token()
    assert refusal(await linkedin.call(None, "adAccounts?q=search")) == (401, "EMPTY_ACCESS_TOKEN")
    assert refusal(await linkedin.call({"access_token": "x"}, "adAccounts?q=search")) == (401, "INVALID_ACCESS_TOKEN")
    linkedin.sandbox.oauth.expire_access_tokens()
    assert refusal(await linkedin.call(token, "adAccounts?q=search")) == (401, "EXPIRED_ACCESS_TOKEN")
    linkedin.sandbox.revoke()
    answer = await linkedin.call(token, "adAccounts?q=search")
    assert answer.json() == {
        "status": 401,
        "serviceErrorCode": 65601,
        "code": "REVOKED_ACCESS_TOKEN",
        "message": "The token used in the request has been revoked by the user",
    }


async def test_a_used_up_day_says_so(linkedin):
    token = await linkedin.token()
    linkedin.sandbox.limit_rate(1)
    answer = await linkedin.call(token, "adAccounts?q=search")
    assert refusal(answer) == (429, "TOO_MANY_REQUESTS")
    assert " DAY limit " in answer.json()["message"]
    assert "retry-after" not in answer.headers
    assert (await linkedin.call(token, "adAccounts?q=search")).status_code == 200


async def test_unknown_resources_and_parameters_are_refused(linkedin):
    token = await linkedin.token()
    nothing = await linkedin.call(token, "adFoo?q=search")
    assert nothing.json()["message"] == "No root resource defined for path '/adFoo'"
    answer = await linkedin.call(token, "adAccounts?q=search&foo=1")
    assert answer.json()["errorDetails"]["inputErrors"][0]["code"] == "QUERY_PARAM_NOT_ALLOWED"
    assert (await linkedin.client.get(f"{linkedin.at}/v3/foo")).status_code == 404


# What people do


async def test_every_lever_says_what_happened(linkedin):
    assert [lever.key for lever in linkedin.sandbox.levers][:1] == ["linkedin_ads_revoke"]
    assert "linkedin_ads_new_ads" in {lever.key for lever in linkedin.sandbox.levers}
    before = len(linkedin.sandbox.untagged(EMEA))
    for lever in linkedin.sandbox.levers:
        said = await lever.pull()
        assert said.endswith(".")
        assert lever.group == "LinkedIn Ads"
    assert len(linkedin.sandbox.untagged(EMEA)) == before + 20
    assert not linkedin.sandbox.is_down


async def test_while_it_is_down_everything_answers_503(linkedin):
    token = await linkedin.token()
    linkedin.sandbox.take_down()
    assert refusal(await linkedin.call(token, "adAccounts?q=search")) == (503, "SERVICE_UNAVAILABLE")
    assert (await linkedin.refresh(token)).status_code == 503
    linkedin.sandbox.bring_up()
    assert (await linkedin.call(token, "adAccounts?q=search")).status_code == 200


def test_an_export_that_disagrees_with_the_truth_is_named():
    sandbox = LinkedinAdsSandbox(Ledger(Clock()))
    day = date(2026, 11, 20)
    truth = sandbox.totals(EMEA, day, date(2026, 11, 22))
    rows = [
        {"platform": "linkedin_ads", "account": EMEA, "date": each.isoformat(), "cost_micros": cost}
        for each, cost in truth.items()
    ]
    for campaign in sandbox.untagged(EMEA):
        campaign.tracking = Tracking({}, {"utm_source": "linkedin"})
    assert (
        sandbox.disagreements([*rows, {"platform": "google_ads", "account": "1", "date": "x", "cost_micros": 1}]) == []
    )
    rows[1]["cost_micros"] += 1
    assert len(sandbox.disagreements(rows)) == 1


def test_the_same_clock_makes_the_same_world():
    one, two = LinkedinAdsSandbox(Ledger(Clock())), LinkedinAdsSandbox(Ledger(Clock()))
    days = date(2026, 10, 1), date(2026, 11, 23)
    assert one.totals(TOKYO, *days) == two.totals(TOKYO, *days)
    assert [each.name for each in one.account(TOKYO).campaigns.values()] == [
        each.name for each in two.account(TOKYO).campaigns.values()
    ]
