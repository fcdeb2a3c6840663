"""What Salesforce's error codes mean, at its token endpoint, in its API and for single records, and what cures them."""

from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, RedkeyError, Refused, TryLater
from bot.words.interfaces import Answer
from platforms._verdicts import Verdict, decoded, not_understood, plain_code, plain_text, table

_AGAIN = "Log in to Salesforce again."
_ADMIN = "Ask a Salesforce administrator to look at this user's access."
_OPERATOR = "Whoever runs Redkey must check the External Client App in Salesforce's setup."

_ENDED = Verdict(AuthorizationLost, "Salesforce says that this login has expired or was revoked.", _AGAIN)
_UNAPPROVED = Verdict(
    AuthorizationLost,
    "This user has not approved the app, or an administrator has withdrawn the approval.",
    "Log in to Salesforce again. If that is refused, ask a Salesforce administrator to approve the app for this user.",
)
_ADDRESS = Verdict(
    AccessDenied,
    "Salesforce does not let this user log in from the address Redkey runs at.",
    "Ask a Salesforce administrator to relax the app's IP restrictions or to allow the address.",
)
_INACTIVE_USER = Verdict(
    AccessDenied,
    "The Salesforce user is inactive.",
    "Ask a Salesforce administrator to activate the user, or log in as another user.",
)
_INACTIVE_ORG = Verdict(
    AccessDenied,
    "The Salesforce org is locked, closed or suspended.",
    "Ask a Salesforce administrator to have the org reactivated.",
)
_CLIENT = Verdict(Misconfigured, "Salesforce does not accept Redkey's client id and client secret.", _OPERATOR)
_REQUEST = Verdict(Misconfigured, "Salesforce does not accept how Redkey asks for tokens.", _OPERATOR)
_BLOCKED = Verdict(
    Misconfigured,
    "A Salesforce administrator has blocked this app, or the app is not installed in the org.",
    "Ask a Salesforce administrator to install and unblock the app.",
)
_TOKEN_VERDICTS = table(
    (_ENDED, "invalid_grant"),
    (_INACTIVE_USER, "inactive_user"),
    (_INACTIVE_ORG, "inactive_org"),
    (_CLIENT, "invalid_client_id invalid_client invalid_client_credentials"),
    (_BLOCKED, "invalid_app_access OAUTH_APP_BLOCKED OAUTH_APP_ACCESS_DENIED"),
    (_REQUEST, "invalid_request redirect_uri_mismatch unsupported_grant_type invalid_scope unauthorized_client"),
)
_BY_DESCRIPTION = (
    ("ip restricted", _ADDRESS),
    ("hasn't approved this consumer", _UNAPPROVED),
    ("inactive user", _INACTIVE_USER),
    ("inactive organization", _INACTIVE_ORG),
)

_SESSION = Verdict(AuthorizationLost, "Salesforce does not accept this login's session any more.", _AGAIN)
_API_OFF = Verdict(
    AccessDenied,
    "The API is switched off for this Salesforce org.",
    "Ask a Salesforce administrator to switch the API on.",
)
_NO_RIGHTS = Verdict(
    AccessDenied,
    "This Salesforce user has no rights on the object that touchpoints go to.",
    "Ask a Salesforce administrator to give this user read, create and edit rights on the object and its fields.",
)
_NOT_THERE = Verdict(
    AccessDenied,
    "The object that touchpoints go to, or its external id field, is not in this org, or this user may not see it.",
    "Ask a Salesforce administrator to install the package or to give this user rights; else the names in "
    "[platforms.salesforce] are wrong.",
)
_VERSION = Verdict(
    Misconfigured,
    "This version of the Salesforce API has been switched off.",
    "Whoever runs Redkey must set a newer version in [platforms.salesforce].",
)
_UNKNOWN_LOGIN = Verdict(
    AuthorizationLost, "Salesforce refuses this login, with a code that Redkey does not know.", _AGAIN
)
_UNKNOWN_ACCESS = Verdict(AccessDenied, "Salesforce refuses access, with a code that Redkey does not know.", _ADMIN)
# https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
_API_VERDICTS = table(
    (_SESSION, "INVALID_SESSION_ID INVALID_AUTH_HEADER Bad_OAuth_Token Missing_OAuth_Token"),
    (_API_OFF, "API_DISABLED_FOR_ORG API_CURRENTLY_DISABLED FUNCTIONALITY_NOT_ENABLED"),
    (_NO_RIGHTS, "INSUFFICIENT_ACCESS INSUFFICIENT_ACCESS_OR_READONLY INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"),
    (_NOT_THERE, "NOT_FOUND INVALID_TYPE INVALIDENTITY"),
    (_VERSION, "UNSUPPORTED_API_VERSION"),
    (_INACTIVE_USER, "INACTIVE_USER"),
    (_INACTIVE_ORG, "ORG_LOCKED INACTIVE_ORG"),
)
_LATER = frozenset(
    {
        "REQUEST_LIMIT_EXCEEDED",
        "SERVER_UNAVAILABLE",
        "UNKNOWN_EXCEPTION",
        "UNABLE_TO_LOCK_ROW",
        "QUERY_TIMEOUT",
        "REQUEST_RUNNING_TOO_LONG",
        "EXCEEDED_MAX_CONCURRENT_REQUESTS",
    }
)
# What a later try of the same record can cure: locks, a concurrent upsert of the same id, a full disk, a busy server.
_RECORD_LATER = _LATER | {
    "DUPLICATE_VALUE",
    "ENTITY_IS_LOCKED",
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "PROCESSING_HALTED",
    "STORAGE_LIMIT_EXCEEDED",
    "INTERNALSERVERERROR",
}


def not_there(code: str, vendor: str = "") -> RedkeyError:
    return _NOT_THERE.error(code, vendor)


def is_passing(code: str, message: str) -> bool:
    """Whether what one record was refused for may pass by itself. A trigger reports its own lock under another code."""
    return code.upper() in _RECORD_LATER or "UNABLE_TO_LOCK_ROW" in message or "Apex CPU time limit" in message


def read_token_error(answer: Answer) -> RedkeyError:
    """https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flow_errors.htm"""
    body = decoded(answer)
    code = plain_code(body.get("error")) if isinstance(body, dict) else "unknown"
    said = plain_text(body.get("error_description")) if isinstance(body, dict) else ""
    if code not in _TOKEN_VERDICTS or "rate exceeded" in said:
        return TryLater(f"Salesforce's token endpoint answered HTTP {answer.status} ({code})")
    verdict = _TOKEN_VERDICTS[code]
    if code == "invalid_grant":
        verdict = next((special for words, special in _BY_DESCRIPTION if words in said.lower()), verdict)
    return verdict.error(code, said)


def read_api_error(answer: Answer) -> RedkeyError:
    """Errors are arrays; the identity pages answer a bare word instead."""
    code, message = _first(answer)
    if code in _LATER or not code:
        return TryLater(f"Salesforce answered HTTP {answer.status} ({code or 'no code'})", unclear=answer.status >= 500)
    if code in _API_VERDICTS:
        return _API_VERDICTS[code].error(code, message)
    if answer.status in {401, 403}:
        return (_UNKNOWN_LOGIN if answer.status == 401 else _UNKNOWN_ACCESS).error(code, message)
    if answer.status == 429 or answer.status >= 500:
        return not_understood(answer)
    return Refused(f"{code}: {message[:300]}", code=code)


def _first(answer: Answer) -> tuple[str, str]:
    body = decoded(answer)
    body = body[0] if isinstance(body, list) and body else body
    if isinstance(body, dict):
        code = body.get("errorCode") or body.get("error")
        message = body.get("message") or body.get("error_description")
        return (plain_code(code) if code else ""), plain_text(message)
    word = answer.text().strip()
    return (word, "") if word in {"Bad_OAuth_Token", "Missing_OAuth_Token"} else ("", "")
