"""What Dataverse's error codes mean, for a login, for a table and for single records, and what cures them."""

import re

from bot.words.connection import Cause
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, RedkeyError, Refused, TryLater
from bot.words.interfaces import Answer
from platforms._verdicts import Verdict, decoded, not_understood, plain_code, plain_text, table

_ADMIN = "Ask a Power Platform administrator to look at this user's access to the environment."

_TOKEN = Verdict(
    AuthorizationLost, "Dynamics 365 does not accept this login any more.", "Log in to Dynamics 365 again."
)
_CLAIMS = Verdict(
    AuthorizationLost,
    "The organization's security rules ask for a new sign-in: access was revoked, or its conditions changed.",
    "Log in to Dynamics 365 again. If that is refused, ask a Microsoft 365 administrator.",
)
_NOT_MEMBER = Verdict(
    AccessDenied,
    "This user is not a member of the Dynamics 365 environment.",
    "Ask a Power Platform administrator to add the user to the environment and to give them a security role.",
)
_DISABLED = Verdict(
    AccessDenied,
    "The user is disabled in the Dynamics 365 environment.",
    "Ask a Power Platform administrator to enable the user, or log in as another user.",
)
_LICENCE = Verdict(
    AccessDenied,
    "The user has no licence for Dynamics 365.",
    "Ask a Microsoft 365 administrator to give the user a licence, or log in as another user.",
)
_NO_RIGHTS = Verdict(
    AccessDenied,
    "The user has no rights on the table that touchpoints go to.",
    "Ask a Power Platform administrator for a security role that may read, create, write and append on the table.",
)
_NO_KEY = Verdict(
    Misconfigured,
    "The table that touchpoints go to has no alternate key on the column that external_id names.",
    "Whoever runs Redkey must make an alternate key on exactly that column in Power Apps (Tables, Keys), or correct "
    "external_id.",
)
_KEY_WAITS = Verdict(
    Misconfigured,
    "Dataverse is still building the index of the alternate key that touchpoints are known by.",
    "Wait until Power Apps shows the key as Active (Tables, Keys); Redkey goes on by itself.",
)
_KEY_FAILED = Verdict(
    Misconfigured,
    "Dataverse could not build the index of the alternate key that touchpoints are known by.",
    "Whoever runs Redkey must remove rows that hold the same id twice, then reactivate the key in Power Apps "
    "(Tables, Keys).",
)
_NO_TABLE = Verdict(
    Misconfigured,
    "The table that touchpoints go to is not in this environment.",
    "Whoever runs Redkey must install its solution there, or correct object in [platforms.dynamics_365]: it is the "
    "entity set name.",
)
_NO_BULK = Verdict(
    Misconfigured,
    "The table that touchpoints go to does not take several records at once (UpsertMultiple).",
    "Whoever runs Redkey must name a custom table as object in [platforms.dynamics_365].",
)
_OTHER_ORGANIZATION = Verdict(
    Misconfigured,
    "The address org_url now leads to another environment than the one that was connected.",
    "Whoever runs Redkey must correct org_url in [platforms.dynamics_365], or connect the new environment.",
)
_UNKNOWN_LOGIN = Verdict(
    AuthorizationLost,
    "Dynamics 365 refuses this login, with a code that Redkey does not know.",
    "Log in to Dynamics 365 again.",
)
_UNKNOWN_ACCESS = Verdict(AccessDenied, "Dynamics 365 refuses access, with a code that Redkey does not know.", _ADMIN)

# https://learn.microsoft.com/power-apps/developer/data-platform/reference/web-service-error-codes
_API_VERDICTS = table(
    (_TOKEN, "0x8005f101 0x80041d52 0x8004a101"),
    (_NOT_MEMBER, "0x80072560"),
    (_DISABLED, "0x80040225"),
    (_LICENCE, "0x8004d24b"),
    (_NO_RIGHTS, "0x80040220 0x80048306 0x80048405"),
    (_NO_KEY, "0x80060890"),
)
# The three service protection limits: https://learn.microsoft.com/power-apps/developer/data-platform/api-limits
LIMITS = frozenset({"0x80072321", "0x80072322", "0x80072326"})
# An unexpected error, trouble in SQL (deadlocks, time-outs), a record that changed meanwhile.
_STUMBLES = frozenset({"0x80040216", "0x80044150", "0x80044151", "0x80060882"})
_SYNTAX = "0x80060888"  # an address Dataverse cannot read: also a table or a key that is not there
DUPLICATES = frozenset({"0x80040237", "0x80060892", "0x80040333"})
PAYLOAD = frozenset({"0x80048d19", _SYNTAX})
_ONE_RECORD = "0x80048306"
_CHALLENGE = re.compile(r'(?:^|[\s,])error="?([A-Za-z_]+)"?')
_INNER = re.compile(r"-+>\s*InnerException\s*:\s*")
_REASON_LENGTH = 500
_KEY_STATES = {"Pending": _KEY_WAITS, "InProgress": _KEY_WAITS, "Failed": _KEY_FAILED}


class Stumbled(TryLater):
    """Dataverse answered that it met trouble of its own with these records: fewer of them may pass."""


def no_table(name: str) -> RedkeyError:
    return _NO_TABLE.error("no_such_table", name)


def no_key(column: str) -> RedkeyError:
    return _NO_KEY.error("no_such_key", column)


def key_not_active(status: str) -> RedkeyError:
    verdict = _KEY_STATES.get(status)
    if verdict is None:
        return TryLater(f"the alternate key of the table is in a state Redkey does not know ({plain_code(status)})")
    return verdict.error(f"key_{status}")


def other_organization(found: str) -> RedkeyError:
    return _OTHER_ORGANIZATION.error("other_organization", found)


def is_about_one_record(cause: Cause) -> bool:
    """A user may have rights on the table and still not on this record; both come under one code."""
    return cause.code.lower() == _ONE_RECORD and "for record with id" in cause.vendor


def read_api_error(answer: Answer) -> RedkeyError:
    code, message = _told(answer)
    if answer.status == 401:
        return _login(answer, code, message)
    later = _later(answer, code, message)
    if later or not code:
        return later or _wordless(answer)
    verdict = _verdict(answer, code.lower(), message)
    return verdict.error(code, message) if verdict else Refused(f"{code}: {reason(message)}", code=code.lower())


def _later(answer: Answer, code: str, message: str) -> TryLater | None:
    if answer.status == 429 or code.lower() in LIMITS:
        return TryLater(f"Dynamics 365 asks to come back later ({code or 'no code'})")
    if code.lower() in _STUMBLES or (answer.status in {500, 504} and code):
        return Stumbled(f"{code}: {reason(message)}", unclear=answer.status >= 500)
    return not_understood(answer) if answer.status >= 500 and answer.status != 501 else None


def _verdict(answer: Answer, code: str, message: str) -> Verdict | None:
    if answer.status == 501:
        return _NO_BULK
    if code == _SYNTAX and answer.status == 404:
        return _NO_TABLE
    if code == _SYNTAX and "is not valid for resource" in message:
        return _NO_KEY
    return _API_VERDICTS.get(code) or (_UNKNOWN_ACCESS if answer.status == 403 else None)


def reason(message: str) -> str:
    """The part of Dataverse's message that says what is wrong, without the address of a help page around it."""
    return _INNER.split(message)[-1].strip()[:_REASON_LENGTH]


def _login(answer: Answer, code: str, message: str) -> RedkeyError:
    """A 401 is Dataverse's own only with its challenge or its code; any other is some proxy's."""
    challenge = answer.headers.get("www-authenticate", "")
    is_bearer = challenge.lower().startswith("bearer")
    if not (code or is_bearer):
        return not_understood(answer)
    told = _CHALLENGE.search(challenge) if is_bearer else None
    if told and told[1] == "insufficient_claims":
        return _CLAIMS.error("insufficient_claims", message)
    known = not code or (code.lower() in _API_VERDICTS and _API_VERDICTS[code.lower()] is _TOKEN)
    return (_TOKEN if known else _UNKNOWN_LOGIN).error(code or (told[1] if told else "unauthorized"), message)


def _wordless(answer: Answer) -> RedkeyError:
    """Error pages of the web server in front of Dataverse, which have no code."""
    if answer.status == 413:
        return Refused("Dynamics 365 finds the request too large.", code="too_large")
    return not_understood(answer)


def _told(answer: Answer) -> tuple[str, str]:
    body = decoded(answer)
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", ""
    code, message = error.get("code"), plain_text(error.get("message"))
    if not isinstance(code, str) or not (code or message):
        return "", message
    return plain_code(code), message
