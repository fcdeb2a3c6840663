"""What HubSpot's errors mean, at its token endpoint, in its API and for single records, and what cures them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from bot.words.connection import Json
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, RedkeyError, Refused, TryLater
from bot.words.interfaces import Answer
from platforms._verdicts import Verdict, decoded, not_understood, plain_code, plain_text, table

_AGAIN = "Log in to HubSpot again."
_ADMIN = "Ask a HubSpot super admin to look at this user's access."
_OPERATOR = "Whoever runs Redkey must check the app's settings in HubSpot's developer account."

_ENDED = Verdict(
    AuthorizationLost,
    "HubSpot does not accept this login any more. The app was uninstalled from the HubSpot account, or the login was "
    "revoked.",
    "Log in to HubSpot again; that installs the app again.",
)
_CODE = Verdict(AuthorizationLost, "HubSpot does not accept this login code.", _AGAIN)
_NO_HUB = Verdict(
    AccessDenied,
    "HubSpot does not know this HubSpot account any more.",
    "Ask a HubSpot super admin whether the account was closed; else log in to the account that took its place.",
)
_CLIENT = Verdict(Misconfigured, "HubSpot does not know Redkey's client id.", _OPERATOR)
_SECRET = Verdict(Misconfigured, "HubSpot does not accept Redkey's client secret.", _OPERATOR)
_REDIRECT = Verdict(
    Misconfigured,
    "HubSpot does not accept the address that people are sent back to.",
    "Whoever runs Redkey must add the redirect URL to the app's settings in HubSpot's developer account.",
)
_REQUEST = Verdict(Misconfigured, "HubSpot does not accept how Redkey asks for tokens.", _OPERATOR)
# HubSpot's own `status` says more than the `error` beside it, which it has only since 2026:
# https://developers.hubspot.com/changelog/new-oauth-v3-api-endpoints-and-standardized-error-responses
_TOKEN_VERDICTS = table(
    (_ENDED, "BAD_REFRESH_TOKEN invalid_grant unauthorized UNAUTHORIZED"),
    (_CODE, "BAD_AUTH_CODE"),
    (_NO_HUB, "BAD_HUB"),
    (_CLIENT, "BAD_CLIENT_ID invalid_client"),
    (_SECRET, "BAD_CLIENT_SECRET"),
    (_REDIRECT, "BAD_REDIRECT_URI"),
    (_REQUEST, "BAD_GRANT_TYPE invalid_request unauthorized_client unsupported_grant_type invalid_scope"),
)

_SESSION = Verdict(AuthorizationLost, "HubSpot does not accept this login's access token any more.", _AGAIN)
_SCOPES = Verdict(
    AuthorizationLost,
    "This login was not given all the permissions that pushing touchpoints needs.",
    "Log in to HubSpot again and accept the permissions. If they are not offered, the HubSpot plan lacks them (custom "
    "objects need Enterprise), or the app's settings in HubSpot do not list them.",
)
_NOT_THERE = Verdict(
    AccessDenied,
    "The object that touchpoints go to, or its external id property, is not in this HubSpot account.",
    "Ask a HubSpot super admin to create the object and the property; else the names in [platforms.hubspot] are wrong.",
)
_NOT_UNIQUE = Verdict(
    AccessDenied,
    "The property that holds the touchpoints' ids does not have unique values in this HubSpot account.",
    "Ask a HubSpot super admin to create a property that requires unique values, and name it as external_id in "
    "[platforms.hubspot].",
)
_UNKNOWN_LOGIN = Verdict(
    AuthorizationLost, "HubSpot refuses this login, with a code that Redkey does not know.", _AGAIN
)
_UNKNOWN_ACCESS = Verdict(AccessDenied, "HubSpot refuses access, with a code that Redkey does not know.", _ADMIN)
_API_VERDICTS = table(
    (_SESSION, "EXPIRED_AUTHENTICATION INVALID_AUTHENTICATION"),
    (_SCOPES, "MISSING_SCOPES"),
    (_NOT_THERE, "OBJECT_NOT_FOUND"),
)
# Some refusals are told apart by their words alone: the category is missing, or says only VALIDATION_ERROR.
_BY_WORDS = (
    ("Unable to infer object type from", _NOT_THERE),
    ("Invalid object or event type id", _NOT_THERE),
    ("Unable to perform update/upsert by non-unique", _NOT_UNIQUE),
)

# https://developers.hubspot.com/docs/api-reference/error-handling: locks last 2 seconds.
_LOCKED = timedelta(seconds=2)
# https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines. A day's calls come back at midnight
# in the account's time zone; an hour is the longest that any wait may be.
_WAITS = {
    "SECONDLY": timedelta(seconds=1),
    "TEN_SECONDLY_ROLLING": timedelta(seconds=10),
    "DAILY": timedelta(hours=1),
}
_RATE = {"RATE_LIMITS", "RATE_LIMIT"}
_RECORD_LATER = _RATE | {"INTERNAL_ERROR", "LOCKED", "TIMEOUT", "SERVICE_UNAVAILABLE", "unknown"}


def not_unique(code: str) -> RedkeyError:
    return _NOT_UNIQUE.error(code)


def is_passing(category: str) -> bool:
    """Whether what one record was refused for may pass by itself."""
    return category in _RECORD_LATER


def read_token_error(answer: Answer) -> RedkeyError:
    body = decoded(answer)
    if not isinstance(body, dict):
        return TryLater(f"HubSpot's token endpoint answered HTTP {answer.status}")
    codes = [plain_code(body.get("status")), plain_code(body.get("error"))]
    known = next((code for code in codes if code in _TOKEN_VERDICTS), None)
    if known is None:
        told = next((code for code in codes if code not in {"unknown", "error"}), "unknown")
        return TryLater(f"HubSpot's token endpoint answered HTTP {answer.status} ({told})")
    said = plain_text(body.get("message")) or plain_text(body.get("error_description"))
    return _TOKEN_VERDICTS[known].error(known, said)


def read_api_error(answer: Answer) -> RedkeyError:
    """The same envelope everywhere, all of whose fields may be missing."""
    body = decoded(answer)
    body = body if isinstance(body, dict) else {}
    category, message = plain_code(body.get("category")), plain_text(body.get("message"))
    return (
        _passing(answer, body, category)
        or _lasting(answer, body, category, message)
        or (Refused(f"{category}: {message[:1000]}", code=category) if message else not_understood(answer))
    )


def _lasting(answer: Answer, body: Json, category: str, message: str) -> RedkeyError | None:
    """What a person must act on."""
    for words, verdict in _BY_WORDS:
        if message.startswith(words):
            return verdict.error(category, message)
    if category == "MISSING_SCOPES":
        message = f"{message} Missing: {', '.join(_missing(body)) or 'not named'}."
    if category in _API_VERDICTS:
        return _API_VERDICTS[category].error(category, message)
    if answer.status in {401, 403}:
        return (_UNKNOWN_LOGIN if answer.status == 401 else _UNKNOWN_ACCESS).error(category, message)
    return None


def _passing(answer: Answer, body: Json, category: str) -> TryLater | None:
    """What nobody need act on. Where HubSpot sends Retry-After, that is how long to wait."""
    told = "retry-after" in answer.headers
    if answer.status == 429 or category in _RATE or plain_code(body.get("errorType")) in _RATE:
        policy = plain_code(body.get("policyName"))
        wait = _WAITS.get(policy, _WAITS["TEN_SECONDLY_ROLLING"])
        return TryLater(f"HubSpot allows no more calls just now ({policy})", after=None if told else wait)
    if answer.status == 423:
        return TryLater("HubSpot has locked the records, as many are being written", after=None if told else _LOCKED)
    if answer.status == 477:
        return TryLater("HubSpot is moving this account to another data centre")
    return not_understood(answer) if answer.status >= 500 else None


def _missing(body: Json) -> Iterator[str]:
    """The scopes that are named in `context`, or in the contexts of `errors`."""
    for each in [body, *_listed(body, "errors")]:
        context = each.get("context") if isinstance(each, dict) else None
        for name in ("missingScopes", "requiredGranularScopes"):
            scopes = map(plain_code, _listed(context, name))
            yield from (scope for scope in scopes if scope != "unknown")


def _listed(holder: object, name: str) -> list[Any]:
    """A list that an answer holds under a name; none where there is anything else."""
    found = holder.get(name) if isinstance(holder, dict) else None
    return found if isinstance(found, list) else []
