"""What Google's error codes mean, at its token endpoint and in the Google Ads API, and what cures them."""

from collections.abc import Iterator
from datetime import timedelta

from bot.words.connection import Json
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, RedkeyError, Refused, TryLater
from bot.words.interfaces import Answer
from platforms._answers import expected
from platforms._verdicts import Verdict, decoded, not_understood, plain_code, plain_text, table

_AGAIN = "Log in to Google Ads again."

_REVOKED = Verdict(AuthorizationLost, "Google says that this login has expired or was revoked.", _AGAIN)
_TESTING = Verdict(
    AuthorizationLost,
    "Google ended this login. While the app's consent screen is in testing, every login ends after 7 days.",
    "Log in again, and ask whoever runs Redkey to publish the consent screen in the Google Cloud console.",
)
_SESSION = Verdict(
    AuthorizationLost,
    "The Google Workspace organization ends logins after a set time, and that time is over.",
    "Log in again. A Workspace administrator can exempt this app from the session length rule.",
)
_ACCOUNT_DELETED = Verdict(
    AuthorizationLost,
    "The Google account that had logged in was deleted.",
    "Log in with another Google account that has access.",
)
_OPERATOR = "Whoever runs Redkey must check the OAuth client in the Google Cloud console."
_CLIENT = Verdict(Misconfigured, "Google does not accept Redkey's client id and client secret.", _OPERATOR)
_REQUEST = Verdict(Misconfigured, "Google does not accept how Redkey asks for tokens.", _OPERATOR)
_POLICY = Verdict(
    AccessDenied,
    "The Google Workspace organization does not allow this app.",
    "Ask the Google Workspace administrator to trust this app.",
)
_INTERNAL = Verdict(
    Misconfigured,
    "The app's consent screen admits only members of its own Google Workspace organization.",
    "Whoever runs Redkey must set the consent screen to External in the Google Cloud console.",
)
_TOKEN_VERDICTS = table(
    (_REVOKED, "invalid_grant"),
    (_CLIENT, "invalid_client deleted_client disabled_client"),
    (_REQUEST, "unauthorized_client redirect_uri_mismatch invalid_request invalid_scope unsupported_grant_type"),
    (_POLICY, "admin_policy_enforced"),
    (_INTERNAL, "org_internal"),
)

_TOKEN = Verdict(AuthorizationLost, "Google does not accept this login's token any more.", _AGAIN)
_EXPIRED = Verdict(AuthorizationLost, "This login has expired.", _AGAIN)
_TAKEN_BACK = Verdict(AuthorizationLost, "Access was revoked, by the person or by an administrator.", _AGAIN)
_ACCOUNT_LOGIN = Verdict(AuthorizationLost, "Google asks the person to log in to their Google account again.", _AGAIN)
_TWO_STEPS = Verdict(
    AuthorizationLost,
    "The Google account has no 2-Step Verification, which Google Ads requires.",
    "Turn on 2-Step Verification for that Google account first, then log in again.",
)
_PROTECTION = Verdict(
    AuthorizationLost,
    "The Google account is not in the Advanced Protection Program, which this Google Ads account requires.",
    "Enrol that Google account in the Advanced Protection Program first, then log in again.",
)
_BOXES = Verdict(
    AuthorizationLost,
    "The login did not give permission to manage Google Ads.",
    "Log in again and tick the box for Google Ads on Google's page.",
)
_NO_ACCESS = Verdict(
    AccessDenied,
    "This login has no access to the Google Ads account.",
    "Ask an administrator of the Google Ads account to give this login access.",
)
_NOT_ENOUGH = Verdict(
    AccessDenied,
    "This login may not do that in the Google Ads account.",
    "Ask an administrator of the Google Ads account to give this login standard access.",
)
_NOT_A_USER = Verdict(
    AccessDenied,
    "This Google account is not a Google Ads user.",
    "Ask an administrator of the Google Ads account to invite it.",
)
_CLOSED = Verdict(
    AccessDenied,
    "The Google Ads account is not active: it is closed, suspended, or was never set up to the end.",
    "Reactivate the account in Google Ads, or pause this connection.",
)
_TERMS = Verdict(
    AccessDenied,
    "The Google Ads account has terms of service that nobody has accepted yet.",
    "Ask an administrator of the Google Ads account to accept them in Google Ads.",
)
_PROJECT = Verdict(
    Misconfigured,
    "The Google Cloud project behind Redkey's OAuth client may not use Google Ads in this way.",
    "Whoever runs Redkey must check the project's Google Ads API access level in the Google Cloud console.",
)
_DEVELOPER_TOKEN = Verdict(
    Misconfigured,
    "Google does not accept the developer token.",
    "Whoever runs Redkey should remove developer_token from [platforms.google_ads]: it is not needed any more.",
)
_MANAGER = Verdict(
    Misconfigured,
    "The Google Ads account cannot be reached through the manager account that is set.",
    "Whoever runs Redkey must check login_customer_id in [platforms.google_ads].",
)
_VERSION = Verdict(
    Misconfigured,
    "This version of the Google Ads API has been switched off.",
    "Whoever runs Redkey must set a newer version in [platforms.google_ads].",
)
_UNKNOWN_LOGIN = Verdict(AuthorizationLost, "Google refuses this login, with a code that Redkey does not know.", _AGAIN)
_UNKNOWN_ACCESS = Verdict(
    AccessDenied,
    "Google refuses access to this account, with a code that Redkey does not know.",
    "Ask an administrator of the Google Ads account to look at this login's access.",
)
# google-ads 34.0.0, v26: AuthenticationErrorEnum, AuthorizationErrorEnum, RequestErrorEnum; and google.rpc.ErrorInfo.
_API_VERDICTS = table(
    (_TOKEN, "OAUTH_TOKEN_INVALID OAUTH_TOKEN_DISABLED"),
    (_EXPIRED, "OAUTH_TOKEN_EXPIRED"),
    (_TAKEN_BACK, "OAUTH_TOKEN_REVOKED"),
    (_ACCOUNT_LOGIN, "GOOGLE_ACCOUNT_COOKIE_INVALID GOOGLE_ACCOUNT_AUTHENTICATION_FAILED"),
    (_ACCOUNT_LOGIN, "LOGIN_COOKIE_INVALID LOGIN_COOKIE_REQUIRED"),
    (_TWO_STEPS, "TWO_STEP_VERIFICATION_NOT_ENROLLED"),
    (_PROTECTION, "ADVANCED_PROTECTION_NOT_ENROLLED"),
    (_BOXES, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
    (_NOT_A_USER, "NOT_ADS_USER GOOGLE_ACCOUNT_USER_AND_ADS_USER_MISMATCH"),
    (_NO_ACCESS, "USER_PERMISSION_DENIED SERVICE_ACCESS_DENIED"),
    (_NOT_ENOUGH, "ACTION_NOT_PERMITTED METRIC_ACCESS_DENIED ACCESS_DENIED_FOR_ACCOUNT_TYPE"),
    (_CLOSED, "CUSTOMER_NOT_FOUND CUSTOMER_NOT_ENABLED INCOMPLETE_SIGNUP"),
    (_CLOSED, "ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT"),
    (_TERMS, "MISSING_TOS"),
    (_ACCOUNT_DELETED, "GOOGLE_ACCOUNT_DELETED"),
    (_DEVELOPER_TOKEN, "DEVELOPER_TOKEN_NOT_ON_ALLOWLIST DEVELOPER_TOKEN_PROHIBITED DEVELOPER_TOKEN_NOT_APPROVED"),
    (_DEVELOPER_TOKEN, "DEVELOPER_TOKEN_INVALID DEVELOPER_TOKEN_PARAMETER_MISSING"),
    (_PROJECT, "PROJECT_DISABLED CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION CLOUD_PROJECT_NOT_UNDER_ORGANIZATION"),
    (_PROJECT, "CLOUD_PROJECT_NOT_FOUND ORGANIZATION_NOT_RECOGNIZED ORGANIZATION_NOT_APPROVED SERVICE_DISABLED"),
    (_PROJECT, "ORGANIZATION_NOT_ASSOCIATED_WITH_DEVELOPER_TOKEN"),
    (_MANAGER, "INVALID_LOGIN_CUSTOMER_ID_SERVING_CUSTOMER_ID_COMBINATION LOGIN_CUSTOMER_ID_PARAMETER_MISSING"),
    (_MANAGER, "CLIENT_CUSTOMER_ID_INVALID"),
    (_VERSION, "UNSUPPORTED_VERSION"),
)
_LATER = frozenset(
    [
        "RESOURCE_EXHAUSTED",
        "RESOURCE_TEMPORARILY_EXHAUSTED",
        "EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION",
        "EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION",
        "INTERNAL_ERROR",
        "TRANSIENT_ERROR",
        "DEADLINE_EXCEEDED",
        "CONCURRENT_MODIFICATION",
    ]
)


def read_token_error(answer: Answer, *, testing: bool) -> RedkeyError:
    """https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors"""
    body = decoded(answer)
    code = plain_code(body.get("error")) if isinstance(body, dict) else "unknown"
    if not isinstance(body, dict) or code not in _TOKEN_VERDICTS:
        return TryLater(f"Google's token endpoint answered HTTP {answer.status} ({code})")
    said = plain_text(body.get("error_description"))
    verdict = _TOKEN_VERDICTS[code]
    if code == "invalid_grant":
        if body.get("error_subtype") == "invalid_rapt":
            code, verdict = "invalid_rapt", _SESSION
        elif "deleted" in said:
            verdict = _ACCOUNT_DELETED
        elif testing:
            verdict = _TESTING
    return verdict.error(code, said)


def read_api_error(answer: Answer) -> RedkeyError:
    """https://developers.google.com/google-ads/api/docs/best-practices/error-types"""
    body = decoded(answer)
    body = body[0] if isinstance(body, list) and body else body  # searchStream wraps the error in a list
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return not_understood(answer)
    try:
        with expected("Google's error"):
            found = list(_codes(error))
    except TryLater as garbled:
        return garbled
    for code, message, delay in found:
        if code in _LATER:
            return TryLater(f"Google asks to come back later ({code})", after=delay)
        if code in _API_VERDICTS:
            return _API_VERDICTS[code].error(code, message)
    general = (plain_code(error.get("status")), plain_text(error.get("message")), None)
    return _by_status(answer, *(found or [general])[0][:2])


def _by_status(answer: Answer, code: str, message: str) -> RedkeyError:
    """For codes we do not know: they are shown as they are, and no cause is claimed."""
    if answer.status in {401, 403}:
        return (_UNKNOWN_LOGIN if answer.status == 401 else _UNKNOWN_ACCESS).error(code, message)
    if answer.status == 429 or answer.status >= 500:
        return not_understood(answer)
    return Refused(f"Google refused the request ({code}): {message[:300]}", code=code)


def partial_failures(said: Json) -> dict[int | None, str]:
    """What went wrong with which operation; None stands for all of them. Raises TryLater where a repeat will help."""
    problems: dict[int | None, str] = {}
    failure = said.get("partialFailureError") or {}
    for detail in failure.get("details") or []:
        for each in detail.get("errors") or []:
            code, message, delay = _read(each)
            if code in _LATER:
                raise TryLater(f"Google asks to come back later ({code})", after=delay)
            path = (each.get("location") or {}).get("fieldPathElements") or []
            index = next((int(step.get("index", 0)) for step in path if step.get("fieldName") == "operations"), None)
            problems.setdefault(index, f"{code}: {message}"[:500])
    if failure and not problems:
        problems[None] = plain_text(failure.get("message"))[:500] or "Google refused the change."
    return problems


def _codes(error: Json) -> Iterator[tuple[str, str, timedelta | None]]:
    """Every code an error carries: Google Ads' own ones first, as Google's general ones say less."""
    details = [detail for detail in error.get("details") or [] if isinstance(detail, dict)]
    for detail in details:
        yield from (_read(each) for each in detail.get("errors") or [])
    for detail in details:
        if "reason" in detail:
            yield plain_code(detail["reason"]), plain_text(error.get("message")), None


def _read(each: Json) -> tuple[str, str, timedelta | None]:
    code = plain_code(next(iter((each.get("errorCode") or {}).values()), None))
    quota = (each.get("details") or {}).get("quotaErrorDetails") or {}
    delay = str(quota.get("retryDelay", "")).removesuffix("s")
    seconds = float(delay) if delay.replace(".", "", 1).isdigit() and delay.isascii() else None
    return code, plain_text(each.get("message")), timedelta(seconds=min(seconds, 86_400)) if seconds else None
