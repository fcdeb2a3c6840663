"""What Meta's error codes mean, at its token endpoint and in the Marketing API, and what cures them."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from bot.words.connection import Json
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, RedkeyError, Refused, TryLater
from bot.words.interfaces import Answer
from platforms._verdicts import Verdict, decoded, not_understood, plain_text, table

_AGAIN = "Log in again."
_SETTINGS = "Whoever runs Redkey must check {} in [platforms.meta_ads]."

_ENDED = Verdict(
    AuthorizationLost, "Meta does not accept this login any more: it has run out, or access was taken back.", _AGAIN
)
_REMOVED = Verdict(AuthorizationLost, "The person removed Redkey from their Facebook account.", _AGAIN)
_CHECKPOINT = Verdict(
    AuthorizationLost,
    "Facebook wants to check something with the person before any app may work for them.",
    "Log in at facebook.com first and answer what Facebook asks there, then log in again here.",
)
_PASSWORD = Verdict(AuthorizationLost, "The person's Facebook password was changed.", _AGAIN)
_EXPIRED = Verdict(AuthorizationLost, "This login has expired: Meta's logins last about 60 days.", _AGAIN)
_UNCONFIRMED = Verdict(
    AuthorizationLost,
    "The person's Facebook account is not confirmed.",
    "Log in at facebook.com first and confirm the account there, then log in again here.",
)
_INVALID = Verdict(AuthorizationLost, "Meta has ended this login, as after logging out everywhere.", _AGAIN)
_ROLE = Verdict(
    AuthorizationLost,
    "The person has no role any more on the Facebook Page that this login worked for.",
    "Ask an administrator of the Page to give the role back, then log in again.",
)
_CODE = Verdict(AuthorizationLost, "The login code was used already, or it is too old.", _AGAIN)

_CAPABILITY = Verdict(
    AccessDenied,
    "The Meta app behind Redkey may not make this kind of call.",
    "Whoever runs Redkey must get the app advanced access to ads_read and ads_management from Meta.",
)
_NOT_GIVEN = Verdict(
    AccessDenied,
    "This login did not give Redkey the permission that is needed.",
    "Log in again and leave every permission on, or ask an administrator of the ad account for more rights.",
)
_NO_RIGHTS = Verdict(
    AccessDenied,
    "This login may not do that in the ad account.",
    "Ask an administrator of the ad account to give this login the right to see its performance and to manage its ads.",
)
_ADMINS = Verdict(
    AccessDenied,
    "Only administrators of the ad account may do that.",
    "Ask an administrator of the ad account to make this login one, or to log in here.",
)
_NO_MANAGING = Verdict(
    AccessDenied,
    "This login did not give the permission to manage ads (ads_management).",
    "Log in again and leave the permission to manage ads on.",
)
_NOT_THERE = Verdict(
    AccessDenied,
    "Meta says that the ad account does not exist, or that this login may not see it.",
    "Ask an administrator of the ad account to give this login access.",
)
_BLOCKED = Verdict(
    AccessDenied,
    "Meta has blocked this for breaking its rules.",
    "Look in Meta's Account Quality what it objects to. Logging in again does not help.",
)

_APP = Verdict(Misconfigured, "Meta does not know the app.", _SETTINGS.format("client_id"))
_SECRET = Verdict(Misconfigured, "The app secret is wrong.", _SETTINGS.format("client_secret"))
_REDIRECT = Verdict(
    Misconfigured,
    "The address that logins come back to is not allowed for the app.",
    "Whoever runs Redkey must add it to the valid OAuth redirect URIs of the Meta app.",
)
_VERSION = Verdict(
    Misconfigured,
    "This version of Meta's API has been switched off, or does not exist.",
    _SETTINGS.format("version"),
)
_UNKNOWN_LOGIN = Verdict(AuthorizationLost, "Meta refuses this login, with a code that Redkey does not know.", _AGAIN)
_UNKNOWN_ACCESS = Verdict(
    AccessDenied,
    "Meta refuses access to this account, with a code that Redkey does not know.",
    "Ask an administrator of the ad account to look at this login's access.",
)

# https://developers.facebook.com/docs/graph-api/guides/error-handling; the subcodes are those of 190 and 102.
_LOGIN_CODES = {"190", "102"}
_LOGIN_SUBCODES = table(
    (_REMOVED, "458"),
    (_CHECKPOINT, "459"),
    (_PASSWORD, "460"),
    (_EXPIRED, "463"),
    (_UNCONFIRMED, "464"),
    (_INVALID, "467"),
    (_ROLE, "492"),
)
# https://developers.facebook.com/docs/marketing-api/error-reference
_VERDICTS = table(
    (_CAPABILITY, "3"),
    (_NOT_GIVEN, "10"),
    (_ADMINS, "272 273"),
    (_NO_MANAGING, "294"),
    (_NO_RIGHTS, " ".join(str(code) for code in range(200, 300) if code not in {272, 273, 294})),
    (_NOT_THERE, "100.33"),
    (_BLOCKED, "368"),
    (_APP, "101"),
    (_REDIRECT, "191 100.36008"),
    (_CODE, "100.36007 100.36009"),
    (_VERSION, "2635"),
    # RFC 6749's own words, should Meta or a proxy before it ever use them.
    (_ENDED, "invalid_grant"),
    (_APP, "invalid_client"),
)
_SAID = (
    ("1", "Error validating client secret", _SECRET),
    ("100", "appsecret_proof", _SECRET),
    ("100", "Invalid verification code format", _CODE),
    ("2500", "Unknown path components: /v", _VERSION),
)
# https://developers.facebook.com/docs/marketing-api/overview/rate-limiting
_RATE = frozenset("4 17 32 341 613 80000 80001 80002 80003 80004 80005 80006 80008 80009 80014".split())  # noqa: SIM905
_PASSING = frozenset({"1", "2"})
_PASSING_SUBCODES = frozenset({"99"})
_TOO_MUCH = "1487534"
_SOON = timedelta(minutes=1)

# https://developers.facebook.com/docs/marketing-api/reference/ad-account: account_status. 1 is active; 8 and 9 (a payment
# is late, but the ads still run), 100 (to be closed) and 201, 202 are no reason to stop.
STATUSES: Mapping[int, Verdict] = {
    2: Verdict(
        AccessDenied,
        "Meta has disabled the ad account.",
        "Look in Meta's Account Quality for the reason and ask for a review there.",
    ),
    3: Verdict(
        AccessDenied,
        "The ad account has an unpaid balance, so its ads have stopped.",
        "Ask whoever pays for the ad account to settle the balance in Meta's billing settings.",
    ),
    7: Verdict(
        AccessDenied,
        "Meta is reviewing the ad account for risks, so its ads have stopped.",
        "Wait for Meta's review, or ask Meta's support about it.",
    ),
    101: Verdict(
        AccessDenied, "The ad account is closed.", "Open the account again at Meta, or pause this connection."
    ),
}


class TooMuch(TryLater):
    """Meta will not answer this in one go: ask for fewer days, or for a report."""


def read_api_error(answer: Answer) -> RedkeyError:
    error = _error_of(answer)
    if error is None:
        return not_understood(answer)
    found = read_fault(error, answer.headers)
    return found if found is not None else _by_status(answer, error)


def read_token_error(answer: Answer) -> RedkeyError:
    """As above, but only what is known is a verdict, and rights to an account are no matter of tokens."""
    error = _error_of(answer)
    found = read_fault(error, answer.headers) if error else None
    if found is None or isinstance(found, AccessDenied):
        shown = code_of(error) if error else "unknown"
        return TryLater(f"Meta's token endpoint answered HTTP {answer.status} ({shown})")
    return found


def read_fault(error: Json, headers: Mapping[str, str]) -> RedkeyError | None:
    """What Meta's `error` object says, wherever it stands: in an answer, in a failed report, about a token.

    None: a code we do not know.
    """
    code, subcode, message = _number(error.get("code")), _number(error.get("error_subcode")), _message(error)
    for known, words, verdict in _SAID:
        if code == known and words in message:
            return verdict.error(code_of(error), message)
    if subcode == _TOO_MUCH or "reduce the amount of data" in message:
        return TooMuch(f"Meta has too much data for one answer ({code_of(error)})")
    if code in _RATE:
        return TryLater(f"Meta asks to come back later ({code_of(error)})", after=regained(headers) or _SOON)
    if error.get("is_transient") is True or code in _PASSING or subcode in _PASSING_SUBCODES:
        return TryLater(f"Meta has trouble of its own ({code_of(error)})", unclear=True)
    if code in _LOGIN_CODES:
        return _LOGIN_SUBCODES.get(subcode, _ENDED).error(code_of(error), message)
    verdict_of = _VERDICTS.get(f"{code}.{subcode}") or _VERDICTS.get(code)
    return verdict_of.error(code_of(error), message) if verdict_of else None


def _by_status(answer: Answer, error: Json) -> RedkeyError:
    """For codes we do not know: they are shown as they are, and no cause is claimed."""
    if answer.status in {401, 403}:
        return (_UNKNOWN_LOGIN if answer.status == 401 else _UNKNOWN_ACCESS).error(code_of(error), _message(error))
    if answer.status == 429 or answer.status >= 500:
        return not_understood(answer)
    return Refused(f"Meta refused the request ({code_of(error)}): {_message(error)[:300]}", code=code_of(error))


def regained(headers: Mapping[str, str]) -> timedelta | None:
    """How long until Meta takes calls again, as its usage headers say: minutes in one, seconds in the other."""
    waits = [timedelta(minutes=n) for n in _numbers(headers, "x-business-use-case-usage", _MINUTES)]
    waits += [timedelta(seconds=n) for n in _numbers(headers, "x-ad-account-usage", _SECONDS)]
    return max(waits, default=None)


_MINUTES, _SECONDS = "estimated_time_to_regain_access", "reset_time_duration"


def _numbers(headers: Mapping[str, str], header: str, key: str) -> Iterator[int]:
    try:
        told = json.loads(headers.get(header, "{}"))
    except (ValueError, RecursionError):
        return
    for usage in _objects(told):
        wait = usage.get(key)
        if isinstance(wait, int) and not isinstance(wait, bool) and 0 < wait < 1_000_000:
            yield wait


def _objects(told: Any) -> Iterator[Json]:
    """The usage objects: one by itself, or lists of them under the ids of accounts."""
    if isinstance(told, dict):
        yield told
        for inner in told.values():
            if isinstance(inner, list):
                yield from (each for each in inner if isinstance(each, dict))


def code_of(error: Json) -> str:
    """The code as it is shown to people: 190.460 is subcode 460 of code 190."""
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    return f"{code}.{subcode}" if code and subcode else code or "unknown"


def _number(value: object) -> str:
    found = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return found if re.fullmatch(r"-?\d{1,12}|invalid_\w{1,20}", found, re.ASCII) else ""


def _message(error: Json) -> str:
    return plain_text(error.get("message")) or plain_text(error.get("error_user_msg"))


def _error_of(answer: Answer) -> Json | None:
    body = decoded(answer)
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):
        return {"code": error, "message": plain_text(body.get("error_description"))}
    return error if isinstance(error, dict) and error else None
