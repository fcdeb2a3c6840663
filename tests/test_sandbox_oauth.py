from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from practice_world import CALLBACK, SCOPE, VERIFIER, at_google

from sandbox.google_ads import ADA, BEN
from sandbox.person import ConsentFailed, consent

DEAD = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}


@pytest.fixture
async def google():
    async with at_google() as google:
        yield google


def rules(google, **changes):
    google.sandbox.oauth.rules = replace(google.sandbox.oauth.rules, **changes)


async def test_an_independent_client_gets_tokens_refreshes_and_revokes(google):
    settings = google.settings
    async with AsyncOAuth2Client(
        settings["client_id"],
        settings["client_secret"],
        scope=SCOPE,
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_post",
    ) as client:
        url, state = client.create_authorization_url(
            settings["authorize_url"], code_verifier=VERIFIER, access_type="offline", prompt="consent"
        )
        back = await consent(google.client, url, ADA)
        assert back.startswith(CALLBACK + "?")
        assert parse_qs(urlsplit(back).query)["state"] == [state]
        first = await client.fetch_token(settings["token_url"], authorization_response=back, code_verifier=VERIFIER)
        second = await client.refresh_token(settings["token_url"])
        assert first["expires_in"] == second["expires_in"] == 3599
        assert first["access_token"] != second["access_token"]
        assert second["refresh_token"] == first["refresh_token"]
        assert (await client.get(settings["userinfo_url"])).json()["email"] == ADA
        assert (await client.revoke_token(settings["revoke_url"], token=first["refresh_token"])).status_code == 200
        with pytest.raises(OAuthError, match="invalid_grant"):
            await client.refresh_token(settings["token_url"], refresh_token=first["refresh_token"])


async def test_the_client_may_also_authenticate_with_basic(google):
    code = (await google.back())["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    auth = (google.settings["client_id"], google.settings["client_secret"])
    answer = await google.client.post(google.settings["token_url"], data=form, auth=auth)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"


async def test_the_login_hint_preselects_the_person(google):
    back = await consent(google.client, google.authorize_url(login_hint=BEN))
    assert "code=" in back
    assert google.sandbox.ledger.count("consent", person=BEN) == 1


async def test_denying_sends_the_person_back_with_access_denied(google):
    back = await google.back(allow=False)
    assert back == {"error": "access_denied", "state": "s", "iss": "https://accounts.google.com"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "somebody-else"},
        {"client_id": None},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": CALLBACK + "?x=1"},
        {"redirect_uri": None},
        {"response_type": None},
        {"response_type": "token"},
        {"scope": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge": "short"},
    ],
)
async def test_a_wrong_authorization_request_gets_an_error_page_and_no_redirect(google, wrong):
    with pytest.raises(ConsentFailed) as failed:
        await consent(google.client, google.authorize_url(**wrong), ADA)
    assert failed.value.status == 400
    assert google.sandbox.ledger.count("code.issued") == 0


async def test_a_posted_decision_is_checked_like_the_page(google):
    url = google.authorize_url(redirect_uri="http://127.0.0.1:1/thief")
    answer = await google.client.post(url, data={"person": ADA, "decision": "allow", "scope": SCOPE.split()})
    assert answer.status_code == 400


async def test_parameters_given_twice_are_refused(google):
    with pytest.raises(ConsentFailed):
        await consent(google.client, google.authorize_url() + "&state=other", ADA)


async def test_by_the_book_a_wrong_request_of_a_known_client_goes_back_to_it(google):
    rules(google, errors_to_client=True)
    back = await google.back(response_type="token")
    assert (back["error"], back["state"]) == ("unsupported_response_type", "s")


async def test_a_code_works_once_and_its_second_use_takes_the_grant_down(google):
    code = (await google.back())["code"]
    tokens = (await google.redeem(code)).json()
    again = await google.redeem(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (await google.refresh(tokens["refresh_token"])).json() == DEAD
    assert google.sandbox.oauth.check(tokens["access_token"]).reason == "revoked"


async def test_a_code_dies_after_sixty_seconds(google):
    code = (await google.back())["code"]
    google.clock.pass_by(seconds=60)
    assert (await google.redeem(code)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"redirect_uri": "http://127.0.0.1:1/"}, "redirect_uri_mismatch"),
        ({"code_verifier": "w" * 64}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"client_secret": "guessed"}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
        ({"code": "4/never-issued"}, "invalid_grant"),
    ],
)
async def test_a_code_is_bound_to_client_redirect_uri_and_verifier(google, wrong, error):
    code = (await google.back())["code"]
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER, "code": code}
    answer = await google.token(**form | wrong)
    assert answer.json()["error"] == error
    assert answer.status_code == (401 if error == "invalid_client" else 400)
    assert google.sandbox.ledger.count("token.issued") == 0
    assert (await google.redeem(code)).status_code == 200, "an attempt that was refused does not use the code up"


async def test_google_gives_a_refresh_token_again_only_when_asked_with_prompt_consent(google):
    assert "refresh_token" not in await google.tokens(access_type=None)
    assert "refresh_token" not in await google.tokens(prompt=None)
    assert "refresh_token" in await google.tokens()
    assert "refresh_token" in await google.tokens(BEN, prompt=None), "the first consent brings one without prompt"


async def test_a_person_may_untick_scopes(google):
    tokens = await google.tokens(without_scopes=["https://www.googleapis.com/auth/adwords"])
    assert tokens["scope"] == "openid email"


async def test_access_tokens_end_by_the_clock_and_by_hand(google):
    tokens = await google.tokens()
    google.clock.pass_by(minutes=59)
    assert google.sandbox.oauth.check(tokens["access_token"]).who.email == ADA
    google.clock.pass_by(minutes=1)
    assert google.sandbox.oauth.check(tokens["access_token"]).reason == "expired"
    fresh = (await google.refresh(tokens["refresh_token"])).json()["access_token"]
    assert google.sandbox.oauth.expire_access_tokens(ADA) == 1
    assert google.sandbox.oauth.check(fresh).reason == "expired"
    assert google.sandbox.oauth.check("ya29.guessed").reason == "unknown"
    assert google.sandbox.oauth.check(None).reason == "missing"


async def test_revoking_a_person_kills_all_their_tokens_and_nobody_elses(google):
    ada, ben = await google.tokens(), await google.tokens(BEN)
    assert google.sandbox.oauth.revoke_user(ADA) == 1
    assert (await google.refresh(ada["refresh_token"])).json() == DEAD
    assert google.sandbox.oauth.check(ada["access_token"]).reason == "revoked"
    assert (await google.refresh(ben["refresh_token"])).status_code == 200


async def test_a_changed_password_ends_refreshing_but_not_the_access_token(google):
    tokens = await google.tokens()
    google.sandbox.oauth.change_password(ADA)
    assert google.sandbox.oauth.check(tokens["access_token"]).ok
    assert (await google.refresh(tokens["refresh_token"])).json() == DEAD


async def test_an_ended_workspace_session_says_invalid_rapt(google):
    tokens = await google.tokens()
    google.sandbox.end_session(ADA)
    assert (await google.refresh(tokens["refresh_token"])).json()["error_subtype"] == "invalid_rapt"


async def test_a_changed_client_secret_is_noticed_at_the_next_refresh(google):
    tokens = await google.tokens()
    google.sandbox.oauth.change_secret("another")
    answer = await google.refresh(tokens["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_rotation_hands_out_a_new_token_and_reuse_kills_the_family(google):
    rules(google, rotation=True)
    first = (await google.tokens())["refresh_token"]
    second = (await google.refresh(first)).json()
    assert second["refresh_token"] != first
    assert (await google.refresh(first)).json() == DEAD
    assert (await google.refresh(second["refresh_token"])).json() == DEAD
    assert google.sandbox.oauth.check(second["access_token"]).reason == "revoked"
    assert [google.sandbox.ledger.count(f"token.{what}") for what in ("rotated", "reused")] == [1, 1]


async def test_the_oldest_refresh_token_beyond_the_limit_dies_silently(google):
    google.sandbox.oauth.grants.lifetimes.live_refresh = 2
    oldest, middle, newest = [(await google.tokens())["refresh_token"] for _ in range(3)]
    assert (await google.refresh(oldest)).json() == DEAD
    assert (await google.refresh(middle)).status_code == 200
    assert (await google.refresh(newest)).status_code == 200


async def test_an_idle_refresh_token_dies_and_use_keeps_it_alive(google):
    google.sandbox.oauth.grants.lifetimes.idle = timedelta(days=30)
    token = (await google.tokens())["refresh_token"]
    google.clock.pass_by(days=29)
    assert (await google.refresh(token)).status_code == 200
    google.clock.pass_by(days=29)
    assert (await google.refresh(token)).status_code == 200
    google.clock.pass_by(days=30)
    assert (await google.refresh(token)).json() == DEAD


async def test_revoking_any_token_takes_all_grants_of_that_person_at_google(google):
    first, second = await google.tokens(), await google.tokens()
    answer = await google.client.post(google.settings["revoke_url"], params={"token": first["access_token"]})
    assert (answer.status_code, answer.json()) == (200, {})
    assert (await google.refresh(second["refresh_token"])).json() == DEAD
    again = await google.client.post(google.settings["revoke_url"], data={"token": first["access_token"]})
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")


async def test_the_ledger_tells_every_token_request_and_holds_no_token(google):
    tokens = await google.tokens()
    await google.refresh(tokens["refresh_token"])
    await google.refresh("1//made-up")
    ledger = google.sandbox.ledger
    assert [(e["grant_type"], e["outcome"]) for e in ledger.where("token_request")] == [
        ("authorization_code", "ok"),
        ("refresh_token", "ok"),
        ("refresh_token", "unknown_refresh"),
    ]
    secrets = google.world.secrets()
    assert tokens["refresh_token"] in secrets
    assert not [entry for entry in ledger if any(secret in repr(entry) for secret in secrets)]


async def test_userinfo_answers_whom_a_token_speaks_for(google):
    session = await google.login()
    assert (await session.who()).json() == {
        "sub": "104800000000000000001",
        "email": ADA,
        "email_verified": True,
        "picture": "https://lh3.googleusercontent.com/a/default-user",
    }
    google.sandbox.revoke()
    assert (await session.who()).status_code == 401


async def test_the_consent_page_works_without_a_script_and_escapes_what_it_is_given(google):
    page = await google.client.get(google.authorize_url(scope="<script>alert(1)</script> openid"))
    assert page.status_code == 200
    assert "<script" not in page.text
    assert page.text.count('type="radio"') == 3
    with pytest.raises(httpx2.HTTPStatusError):
        (await google.client.post(google.authorize_url(), data={"decision": "allow"})).raise_for_status()
