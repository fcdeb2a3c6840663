"""What Google's errors mean: who has to act, or that nobody has to."""

import json

import pytest
from practice_gateway import answered

from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, Refused, TryLater
from platforms.google_ads import GoogleAds, GoogleAdsSettings


def failed(status, kind, code, *, listed=False):
    errors = [{"errorCode": {kind: code}, "message": "Google's words"}]
    body = {"error": {"code": status, "status": "X", "details": [{"@type": "…GoogleAdsFailure", "errors": errors}]}}
    return answered(status, json.dumps([body] if listed else body))


API_ERRORS = [
    (401, "authenticationError", "OAUTH_TOKEN_INVALID", AuthorizationLost),
    (401, "authenticationError", "OAUTH_TOKEN_EXPIRED", AuthorizationLost),
    (401, "authenticationError", "OAUTH_TOKEN_DISABLED", AuthorizationLost),
    (401, "authenticationError", "OAUTH_TOKEN_REVOKED", AuthorizationLost),
    (401, "authenticationError", "GOOGLE_ACCOUNT_COOKIE_INVALID", AuthorizationLost),
    (401, "authenticationError", "GOOGLE_ACCOUNT_AUTHENTICATION_FAILED", AuthorizationLost),
    (401, "authenticationError", "LOGIN_COOKIE_INVALID", AuthorizationLost),
    (401, "authenticationError", "LOGIN_COOKIE_REQUIRED", AuthorizationLost),
    (401, "authenticationError", "TWO_STEP_VERIFICATION_NOT_ENROLLED", AuthorizationLost),
    (401, "authenticationError", "ADVANCED_PROTECTION_NOT_ENROLLED", AuthorizationLost),
    (401, "authenticationError", "NOT_ADS_USER", AccessDenied),
    (401, "authenticationError", "GOOGLE_ACCOUNT_USER_AND_ADS_USER_MISMATCH", AccessDenied),
    (401, "authenticationError", "GOOGLE_ACCOUNT_DELETED", AuthorizationLost),
    (401, "authenticationError", "CUSTOMER_NOT_FOUND", AccessDenied),
    (401, "authenticationError", "CLIENT_CUSTOMER_ID_INVALID", Misconfigured),
    (401, "authenticationError", "LOGIN_CUSTOMER_ID_PARAMETER_MISSING", Misconfigured),
    (401, "authenticationError", "CLOUD_PROJECT_NOT_FOUND", Misconfigured),
    (401, "authenticationError", "DEVELOPER_TOKEN_INVALID", Misconfigured),
    (401, "authenticationError", "DEVELOPER_TOKEN_PARAMETER_MISSING", Misconfigured),
    (401, "authenticationError", "ORGANIZATION_NOT_RECOGNIZED", Misconfigured),
    (401, "authenticationError", "ORGANIZATION_NOT_APPROVED", Misconfigured),
    (403, "authorizationError", "USER_PERMISSION_DENIED", AccessDenied),
    (403, "authorizationError", "ACTION_NOT_PERMITTED", AccessDenied),
    (403, "authorizationError", "SERVICE_ACCESS_DENIED", AccessDenied),
    (403, "authorizationError", "METRIC_ACCESS_DENIED", AccessDenied),
    (403, "authorizationError", "ACCESS_DENIED_FOR_ACCOUNT_TYPE", AccessDenied),
    (403, "authorizationError", "INCOMPLETE_SIGNUP", AccessDenied),
    (403, "authorizationError", "ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT", AccessDenied),
    (403, "authorizationError", "CUSTOMER_NOT_ENABLED", AccessDenied),
    (403, "authorizationError", "MISSING_TOS", AccessDenied),
    (403, "authorizationError", "DEVELOPER_TOKEN_PROHIBITED", Misconfigured),
    (403, "authorizationError", "DEVELOPER_TOKEN_NOT_APPROVED", Misconfigured),
    (403, "authorizationError", "DEVELOPER_TOKEN_NOT_ON_ALLOWLIST", Misconfigured),
    (403, "authorizationError", "PROJECT_DISABLED", Misconfigured),
    (403, "authorizationError", "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION", Misconfigured),
    (403, "authorizationError", "CLOUD_PROJECT_NOT_UNDER_ORGANIZATION", Misconfigured),
    (403, "authorizationError", "ORGANIZATION_NOT_ASSOCIATED_WITH_DEVELOPER_TOKEN", Misconfigured),
    (403, "authorizationError", "INVALID_LOGIN_CUSTOMER_ID_SERVING_CUSTOMER_ID_COMBINATION", Misconfigured),
    (400, "requestError", "UNSUPPORTED_VERSION", Misconfigured),
    (429, "quotaError", "RESOURCE_EXHAUSTED", TryLater),
    (429, "quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED", TryLater),
    (429, "quotaError", "EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION", TryLater),
    (429, "quotaError", "EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION", TryLater),
    (500, "internalError", "INTERNAL_ERROR", TryLater),
    (503, "internalError", "TRANSIENT_ERROR", TryLater),
    (504, "internalError", "DEADLINE_EXCEEDED", TryLater),
    (500, "brandNewError", "BRAND_NEW", TryLater),
    (429, "brandNewError", "BRAND_NEW", TryLater),
    (401, "brandNewError", "BRAND_NEW", AuthorizationLost),
    (403, "brandNewError", "BRAND_NEW", AccessDenied),
    (400, "queryError", "UNRECOGNIZED_FIELD", Refused),
]


@pytest.mark.parametrize("listed", [False, True], ids=["plain", "listed"])
@pytest.mark.parametrize(("status", "kind", "code", "error"), API_ERRORS, ids=[f"{e[0]}-{e[2]}" for e in API_ERRORS])
def test_the_api_s_errors_are_read(status, kind, code, error, listed):
    found = GoogleAds(GoogleAdsSettings()).read_error(failed(status, kind, code, listed=listed))
    assert type(found) is error
    if not isinstance(found, TryLater | Refused):
        assert (found.cause.code, found.cause.vendor) == (code, "Google's words")


def test_a_project_without_the_api_is_the_operator_s():
    """Google's front answers this, before Google Ads is asked: it has a reason, and no code of Google Ads."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "SERVICE_DISABLED",
        "domain": "googleapis.com",
    }
    error = {"code": 403, "status": "PERMISSION_DENIED", "message": "Google's words", "details": [info]}
    found = GoogleAds(GoogleAdsSettings()).read_error(answered(403, json.dumps({"error": error})))
    assert type(found) is Misconfigured
    assert found.cause.code == "SERVICE_DISABLED"


def test_an_unknown_code_is_shown_as_it_is_and_claims_no_cause():
    found = GoogleAds(GoogleAdsSettings()).read_error(failed(403, "authorizationError", "BRAND_NEW"))
    assert found.cause.code == "BRAND_NEW"
    assert "does not know" in found.cause.words


TOKEN_ERRORS = [
    (400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, AuthorizationLost),
    (400, {"error": "invalid_grant", "error_subtype": "invalid_rapt"}, AuthorizationLost),
    (400, {"error": "invalid_grant", "error_description": "Account has been deleted"}, AuthorizationLost),
    (401, {"error": "invalid_client"}, Misconfigured),
    (401, {"error": "deleted_client"}, Misconfigured),
    (401, {"error": "disabled_client"}, Misconfigured),
    (400, {"error": "unauthorized_client"}, Misconfigured),
    (400, {"error": "redirect_uri_mismatch"}, Misconfigured),
    (400, {"error": "invalid_request"}, Misconfigured),
    (400, {"error": "invalid_scope"}, Misconfigured),
    (400, {"error": "unsupported_grant_type"}, Misconfigured),
    (400, {"error": "admin_policy_enforced"}, AccessDenied),
    (403, {"error": "org_internal"}, Misconfigured),
    (403, {"error": "rate_limit_exceeded"}, TryLater),
    (400, {"error": "internal_failure"}, TryLater),
    (400, {"error": {"code": 400}}, TryLater),
    (400, {}, TryLater),
    (400, [], TryLater),
]


@pytest.mark.parametrize(("status", "body", "error"), TOKEN_ERRORS)
def test_the_token_endpoint_s_refusals_are_read(status, body, error):
    assert type(GoogleAds(GoogleAdsSettings()).read_refusal(answered(status, json.dumps(body)))) is error


def test_in_testing_the_seven_days_are_named():
    found = GoogleAds(GoogleAdsSettings(testing=True)).read_refusal(answered(400, '{"error":"invalid_grant"}'))
    assert "7 days" in found.cause.words
