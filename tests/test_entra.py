"""What Microsoft Entra's token refusals mean to us."""

import re
from datetime import timedelta

import pytest
from practice_gateway import Clock, answered

from bot.words.errors import AuthorizationLost, Misconfigured, TryLater
from platforms._entra import TENANT, authorize_url, read_token_error, token_url
from sandbox.entra_words import ROWS, Speaker


def refusal(error, number=None, suberror=None, status=400):
    body = {"error": error, "error_description": f"AADSTS{number}: words"}
    body |= {"error_codes": [number]} if number else {}
    body |= {"suberror": suberror} if suberror else {}
    return read_token_error(answered(status, body))


TOKEN_ERRORS = [
    ("invalid_grant", None, None, AuthorizationLost, "does not accept this login"),
    ("interaction_required", None, None, AuthorizationLost, "does not accept this login"),
    ("login_required", None, None, AuthorizationLost, "does not accept this login"),
    ("consent_required", None, None, AuthorizationLost, "consent"),
    ("access_denied", None, None, AuthorizationLost, "does not let this account"),
    ("invalid_grant", 50173, "bad_token", AuthorizationLost, "revoked"),
    ("invalid_grant", 700082, None, AuthorizationLost, "not used for a long time"),
    ("invalid_grant", 70008, None, AuthorizationLost, "expired"),
    ("invalid_grant", 50132, None, AuthorizationLost, "revoked"),
    ("invalid_grant", 50133, None, AuthorizationLost, "revoked"),
    ("invalid_grant", 50055, None, AuthorizationLost, "password"),
    ("interaction_required", 50076, None, AuthorizationLost, "multi-factor"),
    ("invalid_grant", 50076, "basic_action", AuthorizationLost, "multi-factor"),
    ("invalid_grant", 50078, None, AuthorizationLost, "multi-factor"),
    ("invalid_grant", 50079, None, AuthorizationLost, "has not set it up"),
    ("interaction_required", 50072, None, AuthorizationLost, "has not set it up"),
    ("invalid_grant", 70043, None, AuthorizationLost, "sign in anew after a set time"),
    ("invalid_grant", 70044, None, AuthorizationLost, "sign in anew after a set time"),
    ("invalid_grant", 53003, "message_only", AuthorizationLost, "Conditional Access"),
    ("access_denied", 53003, None, AuthorizationLost, "Conditional Access"),
    ("invalid_grant", 65001, "consent_required", AuthorizationLost, "consent"),
    ("invalid_grant", 50057, None, AuthorizationLost, "disabled"),
    ("invalid_grant", 50034, None, AuthorizationLost, "does not exist"),
    ("invalid_grant", 50105, None, AuthorizationLost, "not assigned"),
    ("invalid_grant", None, "message_only", AuthorizationLost, "does not let this account"),
    ("invalid_grant", None, "additional_action", AuthorizationLost, "put something right"),
    ("invalid_grant", None, "user_password_expired", AuthorizationLost, "password"),
    ("invalid_grant", None, "bad_token", AuthorizationLost, "does not accept this login"),
    ("invalid_grant", None, "token_expired", AuthorizationLost, "expired"),
    ("invalid_grant", 123456, "consent_required", AuthorizationLost, "consent"),
    ("invalid_client", None, None, Misconfigured, "client id and client secret"),
    ("invalid_client", 7000215, None, Misconfigured, "client secret"),
    ("invalid_client", 7000222, None, Misconfigured, "secret has expired"),
    ("unauthorized_client", 700016, None, Misconfigured, "does not find this app"),
    ("unauthorized_client", None, None, Misconfigured, "does not find this app"),
    ("unauthorized_client", 7000112, None, Misconfigured, "app is disabled"),
    ("invalid_client", 7000112, None, Misconfigured, "app is disabled"),
    ("invalid_request", 50011, None, Misconfigured, "not registered"),
    ("invalid_client", 500112, None, Misconfigured, "not registered"),
    ("invalid_resource", 500011, None, Misconfigured, "not available in this organization"),
    ("invalid_client", 650052, None, Misconfigured, "not available in this organization"),
    ("invalid_request", 50194, None, Misconfigured, "inside its own organization"),
    ("invalid_request", 900144, None, Misconfigured, "how Redkey asks"),
    ("invalid_scope", 70011, None, Misconfigured, "how Redkey asks"),
    ("unsupported_response_type", None, None, Misconfigured, "how Redkey asks"),
    ("unsupported_grant_type", 70003, None, Misconfigured, "how Redkey asks"),
    ("temporarily_unavailable", None, None, TryLater, "HTTP 400"),
    ("temporarily_unavailable", 90033, None, TryLater, "HTTP 400"),
    ("invalid_grant", 90033, None, TryLater, "HTTP 400"),
    ("invalid_grant", 50196, None, TryLater, "HTTP 400"),
    ("server_error", None, None, TryLater, "HTTP 400"),
    ("brand_new", 50173, None, TryLater, "brand_new"),
]


@pytest.mark.parametrize(
    ("error", "number", "suberror", "kind", "words"),
    TOKEN_ERRORS,
    ids=["-".join(str(part) for part in row[:3] if part) for row in TOKEN_ERRORS],
)
def test_error_and_suberror_decide_and_the_number_explains(error, number, suberror, kind, words):
    found = refusal(error, number, suberror)
    assert type(found) is kind
    if kind is TryLater:
        assert words in str(found)
        return
    assert words in found.cause.words
    assert found.cause.code == (f"AADSTS{number}" if number else error)
    assert found.cause.words.endswith(".")
    assert found.cause.cure.endswith(".")
    assert found.cause.vendor == f"AADSTS{number}: words"


@pytest.mark.parametrize(
    ("error", "number", "kind"),
    [
        ("invalid_grant", 7000222, AuthorizationLost),
        ("invalid_client", 50173, Misconfigured),
        ("invalid_request", 65001, Misconfigured),
    ],
)
def test_a_number_that_contradicts_the_error_explains_nothing(error, number, kind):
    found = refusal(error, number)
    assert type(found) is kind
    assert found.cause.words == refusal(error).cause.words
    assert found.cause.code == f"AADSTS{number}"


def test_a_number_nobody_knows_is_shown_and_claims_no_cause():
    found = refusal("invalid_grant", 1234567)
    assert found.cause.code == "AADSTS1234567"
    assert found.cause.words == refusal("invalid_grant").cause.words


def test_personal_accounts_are_refused_without_a_number():
    words = "The user could not be authenticated or the grant is expired. The user must first sign in and if needed"
    found = read_token_error(answered(400, {"error": "invalid_grant", "error_description": words}))
    assert isinstance(found, AuthorizationLost)
    assert (found.cause.code, found.cause.vendor) == ("invalid_grant", words)


def test_after_a_loop_redkey_waits_a_while():
    assert refusal("invalid_grant", 50196).after == timedelta(minutes=5)
    assert refusal("temporarily_unavailable", 90033).after is None


@pytest.mark.parametrize("codes", [None, "x", 50173, [], ["50173"], [None], [{}], [True], {"a": 1}])
def test_odd_lists_of_numbers_do_no_harm(codes):
    body = {"error": "invalid_grant", "error_codes": codes, "suberror": codes}
    assert isinstance(read_token_error(answered(400, body)), AuthorizationLost)


def test_every_refusal_of_the_practice_world_is_understood():
    clock = Clock()
    for number, row in ROWS.items():
        words = {"detail": "x", "resource": "r", "tenant": "t", "issued": "i"}
        status, body = Speaker("client").body(number, clock(), **words)
        assert (status, body["error"]) == (row.status, row.error)
        found = read_token_error(answered(status, body))
        assert isinstance(found, TryLater) == (number in {90033, 50196})


@pytest.mark.parametrize("tenant", ["organizations", "contoso.onmicrosoft.com", "72f988bf-86f1-41af-91ab-2d7cd011db47"])
def test_addresses_follow_from_the_tenant(tenant):
    assert re.fullmatch(TENANT, tenant)
    assert authorize_url(tenant) == f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize"
    assert token_url(tenant) == f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"


@pytest.mark.parametrize("tenant", ["", "../evil", "a/b", "a b", "a?b", "a#b", "a@b", "é"])
def test_what_is_no_tenant_is_none(tenant):
    assert not re.fullmatch(TENANT, tenant)
