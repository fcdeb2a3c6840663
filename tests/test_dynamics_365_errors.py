"""Every error of Dataverse's Web API is named by what to do next."""

import json

import pytest
from practice_gateway import answered

from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, Refused, TryLater
from platforms._dynamics_365_errors import Stumbled, key_not_active
from platforms.dynamics_365 import Dynamics365, Dynamics365Settings


def error(code, message="words"):
    return json.dumps({"error": {"code": code, "message": message}})


CHALLENGE = 'Bearer authorization_uri="https://login.microsoftonline.com/x/oauth2/authorize"'
CLAIMS = f'{CHALLENGE}, error="insufficient_claims", claims="eyJ9"'
NOT_VALID = "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.x'."

API_ERRORS = [
    (401, "", {"www-authenticate": CHALLENGE}, AuthorizationLost, "unauthorized"),
    (401, "", {"www-authenticate": CLAIMS}, AuthorizationLost, "insufficient_claims"),
    (401, error("0x8005F101"), {"www-authenticate": CLAIMS}, AuthorizationLost, "insufficient_claims"),
    (401, error("0x8005F101"), {}, AuthorizationLost, "0x8005F101"),
    (401, error("0x80041d52"), {}, AuthorizationLost, "0x80041d52"),
    (401, error("0x8004A101"), {}, AuthorizationLost, "0x8004A101"),
    (401, error("0x80099999"), {}, AuthorizationLost, "0x80099999"),
    (401, "<html>proxy</html>", {}, TryLater, None),
    (401, "", {"www-authenticate": "Basic realm=proxy"}, TryLater, None),
    (403, error("0x80072560", "The user is not a member of the organization."), {}, AccessDenied, "0x80072560"),
    (403, error("0x80040220"), {}, AccessDenied, "0x80040220"),
    (403, error("0x80048306"), {}, AccessDenied, "0x80048306"),
    (403, error("0x80048405"), {}, AccessDenied, "0x80048405"),
    (403, error("0x80040225"), {}, AccessDenied, "0x80040225"),
    (403, error("0x8004D24B"), {}, AccessDenied, "0x8004D24B"),
    (403, error("0x80091234"), {}, AccessDenied, "0x80091234"),
    (403, "<html>firewall</html>", {}, TryLater, None),
    (429, error("0x80072321"), {}, TryLater, None),
    (429, error("0x80072322"), {}, TryLater, None),
    (429, error("0x80072326"), {}, TryLater, None),
    (429, "", {}, TryLater, None),
    (400, error("0x80060890"), {}, Misconfigured, "0x80060890"),
    (400, error("0x80060888", NOT_VALID), {}, Misconfigured, "0x80060888"),
    (404, error("0x80060888", "Resource not found for the segment 'x'."), {}, Misconfigured, "0x80060888"),
    (501, error("0x80040800", "UpsertMultiple has not yet been implemented."), {}, Misconfigured, "0x80040800"),
    (400, error("0x80060888", "Bad Request - Error in query syntax."), {}, Refused, "0x80060888"),
    (400, error("0x80048d19"), {}, Refused, "0x80048d19"),
    (400, error("0x80040265"), {}, Refused, "0x80040265"),
    (400, error("", "odd"), {}, Refused, "unknown"),
    (404, error("0x80040217"), {}, Refused, "0x80040217"),
    (404, error("0x80060891"), {}, Refused, "0x80060891"),
    (412, error("0x80040237"), {}, Refused, "0x80040237"),
    (412, error("0x80060892"), {}, Refused, "0x80060892"),
    (412, error("0x80040333"), {}, Refused, "0x80040333"),
    (412, error("0x80060882"), {}, TryLater, None),
    (413, "too large", {}, Refused, "too_large"),
    (500, error("0x80044151"), {}, Stumbled, None),
    (500, error("0x80040216"), {}, Stumbled, None),
    (500, "<html>", {}, TryLater, None),
    (503, error("0x8005F103"), {}, TryLater, None),
]


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "code"), API_ERRORS, ids=[f"{n}-{row[0]}" for n, row in enumerate(API_ERRORS)]
)
def test_every_error_of_the_api_is_named_by_what_to_do(status, body, headers, kind, code):
    found = Dynamics365(Dynamics365Settings()).read_error(answered(status, body, **headers))
    assert isinstance(found, kind)
    if isinstance(found, Refused):
        assert found.code == code
    elif code:
        assert found.cause.code == code
        assert found.cause.words.endswith(".")
        assert found.cause.cure.endswith(".")


@pytest.mark.parametrize("state", ["Pending", "InProgress", "Failed"])
def test_a_key_that_is_not_active_yet_says_so(state):
    found = key_not_active(state)
    assert type(found) is Misconfigured
    assert (found.cause.code, found.cause.cure[-1]) == (f"key_{state}", ".")


@pytest.mark.parametrize("status", [401, 403])
def test_a_code_nobody_knows_is_shown_as_it_is_and_claims_no_cause(status):
    found = Dynamics365(Dynamics365Settings()).read_error(answered(status, error("0x8009ABCD", "Novel trouble")))
    assert found.cause.code == "0x8009ABCD"
    assert "does not know" in found.cause.words
    assert found.cause.vendor == "Novel trouble"
