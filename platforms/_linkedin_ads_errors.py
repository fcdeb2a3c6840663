"""What LinkedIn's errors mean, at its token endpoint and in the Marketing API, and what cures them."""

from datetime import UTC, datetime, time, timedelta

from bot.words.connection import Json
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, RedkeyError, Refused, TryLater
from bot.words.interfaces import Answer
from platforms._verdicts import Verdict, decoded, not_understood, plain_code, plain_text, table

_AGAIN = "Log in to LinkedIn again."
_OPERATOR = "Whoever runs Redkey must check the app in the LinkedIn Developer Portal."

_ENDED = Verdict(
    AuthorizationLost,
    "LinkedIn says that this login is invalid, has expired or was revoked.",
    "Log in to LinkedIn again. LinkedIn ends every login a year after it was made, however often it was used.",
)
_CODE = Verdict(
    AuthorizationLost, "LinkedIn does not accept this login code: it was used already, or it is too old.", _AGAIN
)
_OTHER_APP = Verdict(AuthorizationLost, "This login was made with another LinkedIn app than Redkey uses now.", _AGAIN)
_CLIENT = Verdict(Misconfigured, "LinkedIn does not accept Redkey's client id and client secret.", _OPERATOR)
_REDIRECT = Verdict(
    Misconfigured,
    "LinkedIn does not accept the address that people are sent back to.",
    "Whoever runs Redkey must add the redirect URL to the app in the LinkedIn Developer Portal.",
)
_REQUEST = Verdict(Misconfigured, "LinkedIn does not accept how Redkey asks for tokens.", _OPERATOR)
_SCOPE = Verdict(
    Misconfigured,
    "LinkedIn has not approved the app for all the permissions that Redkey asks for.",
    "Whoever runs Redkey must get them approved in the LinkedIn Developer Portal, or leave them out of scopes in "
    "[platforms.linkedin_ads].",
)
# https://learn.microsoft.com/en-us/linkedin/shared/authentication/programmatic-refresh-tokens#api-error-details
_TOKEN_VERDICTS = table(
    (_ENDED, "invalid_grant"),
    (_OTHER_APP, "refresh_token_client_mismatch"),
    (_CLIENT, "invalid_client invalid_client_id"),
    (_REDIRECT, "invalid_redirect_uri"),
    (_REQUEST, "invalid_request unauthorized_client unsupported_grant_type"),
    (_SCOPE, "invalid_scope unauthorized_scope_error"),
)
# LinkedIn says invalid_request, and invalid_redirect_uri, of tokens and codes that are merely over.
_BY_WORDS = (
    ("authorization grant or refresh token is invalid", _ENDED),
    ("authorization code not found", _CODE),
    ("authorization code expired", _CODE),
)

_TOKEN = Verdict(AuthorizationLost, "LinkedIn does not accept this login's token any more.", _AGAIN)
_TAKEN_BACK = Verdict(AuthorizationLost, "Access was revoked, by the person or by LinkedIn.", _AGAIN)
_EXPIRED = Verdict(
    AuthorizationLost,
    "This login has expired.",
    "Log in to LinkedIn again. A login lasts a year, but only 60 days where LinkedIn gives the app no refresh tokens.",
)
_DENIED = Verdict(
    AccessDenied,
    "LinkedIn refuses this login: it lacks a role in the ad account, or a permission.",
    "Ask an administrator of the ad account to give this login a role there. If it has one, log in to LinkedIn again and "
    "allow everything that LinkedIn asks.",
)
_NOT_THERE = Verdict(
    AccessDenied,
    "LinkedIn says that the ad account does not exist, or that this login may not see it.",
    "Ask an administrator of the ad account to give this login a role there.",
)
_NO_ROLE = Verdict(
    AccessDenied,
    "This login has no role in the LinkedIn ad account.",
    "Ask an administrator of the ad account to give this login a role there: Viewer is enough for costs, tagging needs "
    "Campaign Manager.",
)
_VERSION = Verdict(
    Misconfigured,
    "This version of the LinkedIn API has been switched off, or does not exist.",
    "Whoever runs Redkey must set a newer version in [platforms.linkedin_ads], as year and month.",
)
_UNKNOWN_LOGIN = Verdict(
    AuthorizationLost, "LinkedIn refuses this login, with a code that Redkey does not know.", _AGAIN
)
_UNKNOWN_ACCESS = Verdict(
    AccessDenied,
    "LinkedIn refuses access, with a code that Redkey does not know.",
    "Ask an administrator of the LinkedIn ad account to look at this login's access.",
)
# By `code` alone: public code disagrees on what the numbers beside it (656xx) mean.
# https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling
_API_VERDICTS = table(
    (_TAKEN_BACK, "REVOKED_ACCESS_TOKEN"),
    (_EXPIRED, "EXPIRED_ACCESS_TOKEN"),
    (_TOKEN, "INVALID_ACCESS_TOKEN EMPTY_ACCESS_TOKEN"),
    (_DENIED, "ACCESS_DENIED"),
    (_NOT_THERE, "NOT_FOUND RESOURCE_NOT_FOUND"),
    (_VERSION, "NONEXISTENT_VERSION VERSION_MISSING"),
)
# https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads/account-structure/create-and-manage-account-users
EDITORS = frozenset({"ACCOUNT_BILLING_ADMIN", "ACCOUNT_MANAGER", "CAMPAIGN_MANAGER"})


def no_role() -> RedkeyError:
    return _NO_ROLE.error("no_role")


def may_not_tag(role: str, denied: AccessDenied) -> str:
    """Why tagging was refused to somebody who can see the account: a note beside the ad, not an outage."""
    if role not in EDITORS:
        return f"The role of this login in the ad account is {plain_code(role)}; tagging needs Campaign Manager."
    said = denied.cause.vendor[:300] or denied.cause.code
    return f"The role {role} is enough, but the app or this login lacks the permission rw_ads: {said}"


def read_token_error(answer: Answer) -> RedkeyError:
    body = decoded(answer)
    code = plain_code(body.get("error")) if isinstance(body, dict) else "unknown"
    if not isinstance(body, dict) or code not in _TOKEN_VERDICTS:
        return TryLater(f"LinkedIn's token endpoint answered HTTP {answer.status} ({code})")
    said = plain_text(body.get("error_description"))
    if code in {"invalid_request", "invalid_redirect_uri"}:
        for words, verdict in _BY_WORDS:
            if words in said:
                return verdict.error(code, said)
    return _TOKEN_VERDICTS[code].error(code, said)


def read_api_error(answer: Answer, now: datetime) -> RedkeyError:
    body = decoded(answer)
    if not isinstance(body, dict) or not {"code", "message", "serviceErrorCode"} & body.keys():
        return not_understood(answer)
    code, message = _code(body), plain_text(body.get("message"))
    if answer.status == 429 or code == "TOO_MANY_REQUESTS":
        # Nothing else tells a day's quota from a short one: there is no Retry-After, nor a header with what is left.
        wait = _until_midnight(now) if " DAY " in message else None
        return TryLater(f"LinkedIn allows no more calls just now ({code})", after=wait)
    if answer.status >= 500:
        return not_understood(answer)
    if answer.status == 409:
        return TryLater(f"somebody else is changing the same thing at LinkedIn ({code})")
    if code in _API_VERDICTS:
        return _API_VERDICTS[code].error(code, message)
    return _by_status(answer.status, body, code, message)


def _by_status(status: int, body: Json, code: str, message: str) -> RedkeyError:
    """For codes we do not know: they are shown as they are, and no cause is claimed."""
    if status == 401:
        return (_UNKNOWN_LOGIN if "code" in body else _TOKEN).error(code, message)
    if status == 403:
        return (_UNKNOWN_ACCESS if "code" in body else _DENIED).error(code, message)
    if status == 426:
        return _VERSION.error(code, message)
    return Refused(f"LinkedIn refused the request ({code}): {message[:300]}", code=code)


def _code(body: Json) -> str:
    """LinkedIn's word for the error; where there is none, its number, which is only shown."""
    number = body.get("serviceErrorCode")
    shown = str(number) if isinstance(number, int) and not isinstance(number, bool) else ""
    return plain_code(body.get("code") or shown)


def _until_midnight(now: datetime) -> timedelta:
    """Daily quotas come back at midnight UTC: https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/rate-limits."""
    today = now.astimezone(UTC).date()
    return datetime.combine(today + timedelta(days=1), time(), UTC) - now
