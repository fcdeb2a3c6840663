"""HubSpot's errors, a row each, and its settings."""

from datetime import timedelta

import pytest
from practice_gateway import answered

from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, Refused, SetupError, TryLater
from platforms import read_settings
from platforms._hubspot_errors import is_passing
from platforms.hubspot import Hubspot, HubspotSettings

TOKEN_ERRORS = {
    "BAD_REFRESH_TOKEN": AuthorizationLost,
    "BAD_AUTH_CODE": AuthorizationLost,
    "BAD_HUB": AccessDenied,
    "BAD_CLIENT_ID": Misconfigured,
    "BAD_CLIENT_SECRET": Misconfigured,
    "BAD_REDIRECT_URI": Misconfigured,
    "BAD_GRANT_TYPE": Misconfigured,
}
RFC_ERRORS = {
    "invalid_grant": AuthorizationLost,
    "unauthorized": AuthorizationLost,
    "UNAUTHORIZED": AuthorizationLost,
    "invalid_client": Misconfigured,
    "invalid_request": Misconfigured,
    "unauthorized_client": Misconfigured,
    "unsupported_grant_type": Misconfigured,
    "invalid_scope": Misconfigured,
}
PLATFORM = Hubspot(HubspotSettings())


@pytest.mark.parametrize(("status", "kind"), TOKEN_ERRORS.items(), ids=TOKEN_ERRORS)
@pytest.mark.parametrize("rfc", [{}, {"error": "invalid_grant"}, {"error": "never_heard_of"}], ids=str)
def test_hubspot_s_own_status_decides_at_the_token_endpoint(status, kind, rfc):
    error = PLATFORM.read_refusal(answered(400, {"status": status, "message": "m", "correlationId": "c"} | rfc))
    assert type(error) is kind
    assert (error.cause.code, error.cause.vendor) == (status, "m")
    assert error.cause.words.endswith(".")
    assert error.cause.cure.endswith(".")


@pytest.mark.parametrize(("code", "kind"), RFC_ERRORS.items(), ids=RFC_ERRORS)
def test_the_standard_error_decides_where_hubspot_s_own_is_missing(code, kind):
    error = PLATFORM.read_refusal(answered(400, {"error": code, "error_description": "d"}))
    assert type(error) is kind
    assert (error.cause.code, error.cause.vendor) == (code, "d")


@pytest.mark.parametrize(
    "body",
    [
        {"status": "BAD_WEATHER", "message": "m"},
        {"status": "error", "category": "VALIDATION_ERROR", "message": "m"},
        {"message": "You have reached your secondly limit."},
        {"status": ["BAD_REFRESH_TOKEN"]},
        [{"status": "BAD_REFRESH_TOKEN"}],
    ],
    ids=str,
)
def test_a_refusal_nobody_knows_is_no_verdict_on_the_login(body):
    assert isinstance(PLATFORM.read_refusal(answered(400, body)), TryLater)


def test_an_unknown_refusal_is_shown_as_it_is():
    error = PLATFORM.read_refusal(answered(400, {"status": "BAD_WEATHER", "error": "x"}))
    assert "BAD_WEATHER" in str(error)


API_ERRORS = [
    (401, {"category": "EXPIRED_AUTHENTICATION"}, AuthorizationLost, "access token"),
    (401, {"category": "INVALID_AUTHENTICATION"}, AuthorizationLost, "access token"),
    (401, {"category": "NEW_ONE"}, AuthorizationLost, "does not know"),
    (403, {"category": "MISSING_SCOPES"}, AuthorizationLost, "permissions"),
    (403, {"category": "NEW_ONE"}, AccessDenied, "does not know"),
    (
        404,
        {"category": "OBJECT_NOT_FOUND", "subCategory": "PROPERTY_DOESNT_EXIST"},
        AccessDenied,
        "external id property",
    ),
    (400, {"message": "Unable to infer object type from: widgets"}, AccessDenied, "external id property"),
    (400, {"message": "Invalid object or event type id: 2-9"}, AccessDenied, "external id property"),
    (
        400,
        {"category": "VALIDATION_ERROR", "message": "Unable to perform update/upsert by non-unique 2-1 property x"},
        AccessDenied,
        "unique",
    ),
]


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"), API_ERRORS, ids=[f"{row[0]} {row[1]}" for row in API_ERRORS]
)
def test_api_errors_that_a_person_must_act_on(status, body, kind, words):
    error = PLATFORM.read_error(answered(status, {"status": "error", "message": "m", "correlationId": "c"} | body))
    assert type(error) is kind
    assert words in error.cause.words
    assert error.cause.cure.endswith(".")
    assert error.cause.code == body.get("category", "unknown")


LATER = [
    (429, {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}, {}, timedelta(seconds=10)),
    (429, {"errorType": "RATE_LIMIT", "policyName": "SECONDLY"}, {}, timedelta(seconds=1)),
    (429, {"errorType": "RATE_LIMIT", "policyName": "DAILY"}, {}, timedelta(hours=1)),
    (429, {"category": "RATE_LIMITS"}, {}, timedelta(seconds=10)),
    (429, {"category": "RATE_LIMITS"}, {"retry_after": "3"}, None),
    (400, {"category": "RATE_LIMITS"}, {}, timedelta(seconds=10)),
    (423, {"category": "LOCKED"}, {}, timedelta(seconds=2)),
    (477, {}, {"retry_after": "3600"}, None),
    (502, {}, {}, None),
    (503, {}, {}, None),
    (504, {}, {}, None),
    (500, {"category": "INTERNAL_ERROR", "message": "m"}, {}, None),
]


@pytest.mark.parametrize(("status", "body", "headers", "after"), LATER, ids=[f"{r[0]} {r[1]} {r[2]}" for r in LATER])
def test_api_errors_that_pass_by_themselves(status, body, headers, after):
    """Where HubSpot says how long to wait, the wire reads it: `after` stays empty here."""
    error = PLATFORM.read_error(answered(status, body, **headers))
    assert isinstance(error, TryLater)
    assert error.after == after
    assert error.unclear == (status >= 500)


@pytest.mark.parametrize("category", ["INTERNAL_ERROR", "LOCKED", "TIMEOUT", "SERVICE_UNAVAILABLE", "RATE_LIMITS"])
def test_what_is_no_fault_of_the_record_passes_by_itself(category):
    assert is_passing(category)
    assert not is_passing("VALIDATION_ERROR")


def test_other_refusals_are_about_the_request():
    error = PLATFORM.read_error(answered(400, {"category": "VALIDATION_ERROR", "message": "m"}))
    assert isinstance(error, Refused)
    assert (error.code, str(error)) == ("VALIDATION_ERROR", "VALIDATION_ERROR: m")


def test_missing_scopes_are_named_wherever_hubspot_puts_them():
    body = {
        "category": "MISSING_SCOPES",
        "message": "m",
        "context": {"missingScopes": ["a.read"]},
        "errors": [{"context": {"requiredGranularScopes": ["b.write", 7, "<x>"]}}, None],
    }
    assert PLATFORM.read_error(answered(403, body)).cause.vendor == "m Missing: a.read, b.write."


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"batch_size": 101}, "batch_size"),
        ({"object": "../contacts"}, "object"),
        ({"object": ""}, "object"),
        ({"external_id": "Touchpoint Id"}, "external_id"),
        ({"version": "v3"}, "version"),
        ({"fields": "{"}, "fields"),
        ({"introspect_url": "https://x.example"}, "introspect_url"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_named(settings, key):
    with pytest.raises(SetupError, match=f"platforms.hubspot.{key}"):
        read_settings({"hubspot": settings})


def test_settings_may_come_as_text_from_the_environment():
    text = {"fields": '{"medium": "utm_medium"}', "optional_scopes": "a.read, b.read", "batch_size": "50"}
    read = read_settings({"hubspot": text | {"date_field": "", "email_field": ""}})["hubspot"]
    assert (read.fields, read.optional_scopes, read.batch_size) == ({"medium": "utm_medium"}, ("a.read", "b.read"), 50)
    assert (read.date_field, read.email_field) == ("", "")
