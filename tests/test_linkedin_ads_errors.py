"""LinkedIn's errors, a row each, and its settings."""

import pytest
from practice_gateway import NOW, answered

from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, Refused, SetupError, TryLater
from platforms import read_settings
from platforms.linkedin_ads import LinkedinAds, LinkedinAdsSettings

PLATFORM = LinkedinAds(LinkedinAdsSettings(), lambda: NOW)

API_ERRORS = [
    (401, {"code": "REVOKED_ACCESS_TOKEN", "serviceErrorCode": 65601}, AuthorizationLost, "revoked"),
    (401, {"code": "REVOKED_ACCESS_TOKEN", "serviceErrorCode": 65600}, AuthorizationLost, "revoked"),
    (401, {"code": "EXPIRED_ACCESS_TOKEN", "serviceErrorCode": 65602}, AuthorizationLost, "expired"),
    (401, {"code": "INVALID_ACCESS_TOKEN", "serviceErrorCode": 65600}, AuthorizationLost, "token"),
    (401, {"code": "EMPTY_ACCESS_TOKEN", "serviceErrorCode": 65604}, AuthorizationLost, "token"),
    (401, {"serviceErrorCode": 65600}, AuthorizationLost, "token"),
    (401, {"code": "BRAND_NEW"}, AuthorizationLost, "does not know"),
    (403, {"code": "ACCESS_DENIED", "serviceErrorCode": 100}, AccessDenied, "a role"),
    (403, {"serviceErrorCode": 100}, AccessDenied, "a role"),
    (403, {"code": "BRAND_NEW"}, AccessDenied, "does not know"),
    (404, {"code": "RESOURCE_NOT_FOUND"}, AccessDenied, "does not exist"),
    (404, {"code": "NOT_FOUND", "serviceErrorCode": 65600}, AccessDenied, "does not exist"),
    (426, {"code": "NONEXISTENT_VERSION"}, Misconfigured, "version"),
    (426, {"code": "BRAND_NEW"}, Misconfigured, "version"),
    (400, {"code": "VERSION_MISSING"}, Misconfigured, "version"),
    (429, {"code": "TOO_MANY_REQUESTS", "serviceErrorCode": 101}, TryLater, ""),
    (429, {}, TryLater, ""),
    (409, {"code": "CONFLICT"}, TryLater, ""),
    (500, {"code": "INTERNAL_SERVER_ERROR"}, TryLater, ""),
    (503, {"code": "SERVICE_UNAVAILABLE"}, TryLater, ""),
    (504, {"code": "GATEWAY_TIMEOUT"}, TryLater, ""),
    (504, {"code": "REVOKED_ACCESS_TOKEN"}, TryLater, ""),
    (400, {"code": "ILLEGAL_ARGUMENT"}, Refused, ""),
    (404, {}, Refused, ""),
    (414, {"code": "URI_TOO_LONG"}, Refused, ""),
    (422, {"serviceErrorCode": 65600}, Refused, ""),
]


@pytest.mark.parametrize(("status", "body", "kind", "words"), API_ERRORS, ids=[f"{e[0]}-{e[1]}" for e in API_ERRORS])
def test_the_api_s_errors_are_read(status, body, kind, words):
    found = PLATFORM.read_error(answered(status, {"status": status, "message": "LinkedIn's words"} | body))
    assert type(found) is kind
    if not isinstance(found, TryLater | Refused):
        assert (found.cause.code, found.cause.vendor) == (
            body.get("code") or str(body["serviceErrorCode"]),
            "LinkedIn's words",
        )
        assert words in found.cause.words
        assert found.cause.words.endswith(".")
        assert found.cause.cure.endswith(".")


def test_an_unknown_code_is_shown_as_it_is_and_claims_no_cause():
    found = PLATFORM.read_error(answered(418, {"code": "TEAPOT", "message": "short and stout"}))
    assert (found.code, str(found)) == ("TEAPOT", "LinkedIn refused the request (TEAPOT): short and stout")


TOKEN_ERRORS = [
    (400, "invalid_grant", "", AuthorizationLost),
    (401, "invalid_grant", "", AuthorizationLost),
    (
        400,
        "invalid_request",
        "The provided authorization grant or refresh token is invalid, expired or revoked",
        "lost",
    ),
    (401, "invalid_request", "Unable to retrieve access token: authorization code not found", "code"),
    (400, "invalid_redirect_uri", "… does not match authorization code. Or authorization code expired. Or …", "code"),
    (400, "invalid_request", 'A required parameter "client_id" is missing', Misconfigured),
    (400, "invalid_redirect_uri", "The redirect_uri does not match the registered value", Misconfigured),
    (400, "refresh_token_client_mismatch", "The passed in client_id does not own it", AuthorizationLost),
    (401, "invalid_client", "Client authentication failed", Misconfigured),
    (400, "invalid_client_id", "The passed in client_id is invalid", Misconfigured),
    (400, "unauthorized_client", "", Misconfigured),
    (400, "unsupported_grant_type", "", Misconfigured),
    (400, "invalid_scope", "", Misconfigured),
    (400, "unauthorized_scope_error", "", Misconfigured),
    (400, "brand_new", "", TryLater),
    (400, ["invalid_grant"], "", TryLater),
]


@pytest.mark.parametrize(("status", "error", "said", "kind"), TOKEN_ERRORS)
def test_the_token_endpoint_s_refusals_are_read(status, error, said, kind):
    found = PLATFORM.read_refusal(answered(status, {"error": error, "error_description": said}))
    assert type(found) is (AuthorizationLost if isinstance(kind, str) else kind)
    if kind == "code":
        assert "login code" in found.cause.words
    if not isinstance(found, TryLater):
        assert (found.cause.code, found.cause.vendor) == (error, said)
        assert found.cause.cure.endswith(".")


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"version": "v202608"}, "version"),
        ({"version": "202613"}, "version"),
        ({"utm": "?a=b"}, "utm"),
        ({"restate_days": 91}, "restate_days"),
        ({"domains": ["a.example"]}, "domains"),
        ({"introspect_url": "http://linkedin.example"}, "introspect_url"),
        ({"userinfo_url": "ftp://127.0.0.1"}, "userinfo_url"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_named(wrong, key):
    with pytest.raises(SetupError, match=f"platforms.linkedin_ads.{key}"):
        read_settings({"linkedin_ads": wrong})


def test_settings_may_come_as_text_from_the_environment():
    given = {"scopes": "r_ads, r_ads_reporting", "restate_days": "3", "autotagging": "false", "version": "202611"}
    found = read_settings({"linkedin_ads": given})["linkedin_ads"]
    assert (found.scopes, found.restate_days, found.autotagging) == (("r_ads", "r_ads_reporting"), 3, False)
    assert LinkedinAds(found).autotagging is False
