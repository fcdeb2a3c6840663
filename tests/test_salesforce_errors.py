"""What Salesforce's errors mean: who has to act, or that nobody has to."""

import pytest
from practice_gateway import answered
from practice_salesforce_desk import desk_of_ada, touch, touches

from bot.words.connection import Account
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, Refused, TryLater
from platforms.salesforce import Salesforce, SalesforceSettings


@pytest.fixture
async def desk():
    async with desk_of_ada() as opened:
        yield opened


TOKEN_ERRORS = [
    ("invalid_grant", "expired access/refresh token", AuthorizationLost),
    ("invalid_grant", "user hasn't approved this consumer", AuthorizationLost),
    ("invalid_grant", "ip restricted", AccessDenied),
    ("invalid_grant", "something new", AuthorizationLost),
    ("invalid_grant", "login rate exceeded", TryLater),
    ("inactive_user", "user is inactive", AccessDenied),
    ("inactive_org", "organization is inactive", AccessDenied),
    ("invalid_client_id", "client identifier invalid", Misconfigured),
    ("invalid_client", "invalid client credentials", Misconfigured),
    ("invalid_client_credentials", "client credentials invalid", Misconfigured),
    ("invalid_app_access", "x", Misconfigured),
    ("OAUTH_APP_ACCESS_DENIED", "x", Misconfigured),
    ("OAUTH_APP_BLOCKED", "this app is blocked by admin", Misconfigured),
    ("redirect_uri_mismatch", "x", Misconfigured),
    ("invalid_request", "x", Misconfigured),
    ("invalid_scope", "x", Misconfigured),
    ("unauthorized_client", "x", Misconfigured),
    ("unsupported_grant_type", "x", Misconfigured),
    ("rate_limit_exceeded", "x", TryLater),
    ("unknown_error", "retry your request", TryLater),
    ("brand_new", "x", TryLater),
]


@pytest.mark.parametrize(("code", "said", "error"), TOKEN_ERRORS, ids=[f"{c}-{s}"[:40] for c, s, _ in TOKEN_ERRORS])
def test_the_token_endpoint_s_refusals_are_read(code, said, error):
    body = f'{{"error":"{code}","error_description":"{said}"}}'
    found = Salesforce(SalesforceSettings()).read_refusal(answered(400, body))
    assert type(found) is error
    if not isinstance(found, TryLater):
        assert (found.cause.code, found.cause.vendor) == (code, said)


API_ERRORS = [
    (401, "INVALID_SESSION_ID", AuthorizationLost),
    (401, "INVALID_AUTH_HEADER", AuthorizationLost),
    (401, "BRAND_NEW", AuthorizationLost),
    (403, "REQUEST_LIMIT_EXCEEDED", TryLater),
    (403, "API_DISABLED_FOR_ORG", AccessDenied),
    (403, "API_CURRENTLY_DISABLED", AccessDenied),
    (403, "INSUFFICIENT_ACCESS", AccessDenied),
    (403, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", AccessDenied),
    (403, "INACTIVE_USER", AccessDenied),
    (403, "INACTIVE_ORG", AccessDenied),
    (403, "ORG_LOCKED", AccessDenied),
    (400, "INSUFFICIENT_ACCESS_OR_READONLY", AccessDenied),
    (403, "FUNCTIONALITY_NOT_ENABLED", AccessDenied),
    (403, "BRAND_NEW", AccessDenied),
    (404, "NOT_FOUND", AccessDenied),
    (400, "INVALID_TYPE", AccessDenied),
    (400, "INVALIDENTITY", AccessDenied),
    (410, "UNSUPPORTED_API_VERSION", Misconfigured),
    (503, "SERVER_UNAVAILABLE", TryLater),
    (500, "UNKNOWN_EXCEPTION", TryLater),
    (500, "BRAND_NEW", TryLater),
    (400, "UNABLE_TO_LOCK_ROW", TryLater),
    (400, "QUERY_TIMEOUT", TryLater),
    (400, "REQUEST_RUNNING_TOO_LONG", TryLater),
    (503, "EXCEEDED_MAX_CONCURRENT_REQUESTS", TryLater),
    (400, "MALFORMED_QUERY", Refused),
    (400, "BRAND_NEW", Refused),
]


@pytest.mark.parametrize(("status", "code", "error"), API_ERRORS, ids=[f"{s}-{c}" for s, c, _ in API_ERRORS])
def test_the_api_s_errors_are_read(status, code, error):
    body = f'[{{"errorCode":"{code}","message":"words"}}]'
    found = Salesforce(SalesforceSettings()).read_error(answered(status, body))
    assert type(found) is error


@pytest.mark.parametrize("word", ["Bad_OAuth_Token", "Missing_OAuth_Token"])
def test_the_identity_page_s_bare_words_are_read(word):
    assert isinstance(Salesforce(SalesforceSettings()).read_error(answered(403, word)), AuthorizationLost)


async def test_an_unknown_object_or_external_id_names_the_settings_to_look_at(desk):
    for setting in ("object", "external_id"):
        desk.platform.settings = desk.platform.settings.model_copy(update={setting: "Nothing__c"})
        with pytest.raises(AccessDenied) as caught:
            await desk.push([touch(1)])
        assert "[platforms.salesforce]" in caught.value.cause.cure
        with pytest.raises(AccessDenied):
            await desk.push(touches(2_001))


async def test_an_api_version_that_was_retired_is_the_operator_s(desk):
    platform = Salesforce(desk.platform.settings.model_copy(update={"version": "v20.0"}))
    with pytest.raises(Misconfigured):
        await platform.probe(desk.fetch, Account("x", "x"))
