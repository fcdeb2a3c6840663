"""What Microsoft Advertising's error codes mean, and what cures them.

https://learn.microsoft.com/advertising/guides/operation-error-codes
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.words.connection import Json
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, RedkeyError, Refused, TryLater
from bot.words.interfaces import Answer
from platforms._answers import expected
from platforms._verdicts import Verdict, decoded, not_understood, plain_code, plain_text, table

_AGAIN = "Log in to Microsoft Advertising again."

_EXPIRED = Verdict(AuthorizationLost, "Microsoft Advertising does not accept this login's token any more.", _AGAIN)
_AMBIGUOUS = Verdict(
    AuthorizationLost,
    "Microsoft Advertising refuses the login, the developer token or the account, and does not say which.",
    "Log in to Microsoft Advertising again. If that does not help, whoever runs Redkey must check developer_token in "
    "[platforms.microsoft_advertising].",
)
_STRANGER = Verdict(
    AuthorizationLost,
    "Microsoft Advertising does not know this login.",
    "Log in with a Microsoft account that is a user of Microsoft Advertising.",
)
INACTIVE = Verdict(
    AccessDenied,
    "The Microsoft Advertising account is not active.",
    "Ask Microsoft Advertising support to reactivate the account, or pause this connection.",
)
_COMPROMISED = Verdict(
    AuthorizationLost,
    "Microsoft has locked this login because somebody else may have used it.",
    "Set a new password for the Microsoft account first, then log in again.",
)
_MERGED = Verdict(
    AuthorizationLost,
    "This login was merged into another one of the same person.",
    "Log in with the person's primary Microsoft account.",
)
_WORK = Verdict(
    AuthorizationLost,
    "Microsoft Advertising wants this person's work account, and the login was made with the personal one.",
    "Log in again and choose the work or school account.",
)
_PERSONAL = Verdict(
    AuthorizationLost,
    "Microsoft Advertising wants this person's personal account, and the login was made with the work account.",
    "Log in again and choose the personal account.",
)
_OTHER_IDENTITY = Verdict(
    AuthorizationLost,
    "Microsoft Advertising knows this e-mail address with another kind of account.",
    "Log in with the kind of account that this person uses at Microsoft Advertising.",
)
_NO_ACCESS = Verdict(
    AccessDenied,
    "This login may not do that in the Microsoft Advertising account.",
    "Ask a Super Admin of the Microsoft Advertising account to give this login access.",
)
NO_ACCOUNT = Verdict(
    AccessDenied,
    "Microsoft Advertising does not find this account for this login.",
    "Ask a Super Admin of the Microsoft Advertising account to give this login access.",
)
_VERSION = Verdict(
    Misconfigured,
    "This version of the Microsoft Advertising API has been switched off.",
    "Whoever runs Redkey must install a newer version of Redkey.",
)
_UNKNOWN_LOGIN = Verdict(
    AuthorizationLost, "Microsoft Advertising refuses this login, with a code that Redkey does not know.", _AGAIN
)
_UNKNOWN_ACCESS = Verdict(
    AccessDenied,
    "Microsoft Advertising refuses access to this account, with a code that Redkey does not know.",
    "Ask a Super Admin of the Microsoft Advertising account to look at this login's access.",
)
UNKNOWN_HOST = Verdict(
    Misconfigured,
    "Microsoft offers its files at an address that Redkey does not know.",
    "If the address is Microsoft's, whoever runs Redkey must add its host to download_hosts in "
    "[platforms.microsoft_advertising].",
)
_VERDICTS = table(
    (_AMBIGUOUS, "105"),
    (_NO_ACCESS, "106"),
    (_COMPROMISED, "108"),
    (_EXPIRED, "109"),
    (_MERGED, "120"),
    (_WORK, "122 124 125"),
    (_PERSONAL, "123"),
    (_OTHER_IDENTITY, "126"),
    (_VERSION, "205 303"),
    (NO_ACCOUNT, "208 1102 2003 2035"),
)
# 105 stands for several things; its detail, where there is one, says for which.
_DETAILS = table((INACTIVE, "AccountInactive"), (_STRANGER, "UserNotFound"))
_MINUTE = timedelta(minutes=1)
_LATER: Mapping[str, timedelta | None] = {
    "0": None,  # an internal error
    "117": _MINUTE,  # too many calls in one minute
    "207": _MINUTE,  # too many reports at once
    "3227": timedelta(minutes=15),  # too many bulk requests
    "4204": timedelta(minutes=15),
}
FULL_SYNC = frozenset({"3603", "3209"})  # what changed since then is not known any more


@dataclass(frozen=True)
class Fault:
    """One error: its number, Microsoft's words for it, and which of several items it is about."""

    code: str
    name: str
    said: str
    detail: str
    index: int | None = None

    @property
    def vendor(self) -> str:
        return f"{self.said} ({self.detail})" if self.detail else self.said


def read_api_error(answer: Answer) -> RedkeyError:
    body = decoded(answer)
    if not isinstance(body, dict):
        return not_understood(answer)
    try:
        with expected("Microsoft's error"):
            faults = list(_faults(body))
    except TryLater as garbled:
        return garbled
    for fault in faults:
        if error := read_fault(fault):
            return error
    return _by_status(answer, faults[0] if faults else Fault("unknown", "", "", ""))


def read_fault(fault: Fault) -> RedkeyError | None:
    """None for a code that is not in the tables."""
    if fault.code in _LATER:
        return TryLater(f"Microsoft asks to come back later ({fault.code})", after=_LATER[fault.code])
    if fault.code not in _VERDICTS:
        return None
    detailed = (verdict for detail, verdict in _DETAILS.items() if detail in fault.vendor)
    verdict = next(detailed, _AMBIGUOUS) if fault.code == "105" else _VERDICTS[fault.code]
    return verdict.error(fault.code, fault.vendor)


def _by_status(answer: Answer, fault: Fault) -> RedkeyError:
    """For codes we do not know: they are shown as they are, and no cause is claimed."""
    if answer.status in {401, 403}:
        verdict = _UNKNOWN_LOGIN if answer.status == 401 else _UNKNOWN_ACCESS
        return verdict.error(fault.code, fault.vendor)
    if answer.status == 429 or answer.status >= 500:
        return not_understood(answer)
    return Refused(f"Microsoft refused the request ({fault.code}): {fault.vendor[:300]}", code=fault.code)


def partial_errors(said: Json) -> dict[int | None, str]:
    """What went wrong with which item; None stands for all of them. Raises what concerns more than the item."""
    problems: dict[int | None, str] = {}
    for each in said.get("PartialErrors") or []:
        if each is None:
            continue
        fault = _fault(each)
        if error := read_fault(fault):
            raise error
        problems.setdefault(fault.index, f"{fault.name or fault.code}: {fault.vendor}"[:500])
    return problems


def _faults(body: Json) -> Iterator[Fault]:
    """An AdApiFaultDetail has Errors, an ApiFaultDetail OperationErrors and BatchErrors."""
    for name in ("Errors", "OperationErrors", "BatchErrors"):
        yield from (_fault(each) for each in body.get(name) or [] if each is not None)


def _fault(each: Json) -> Fault:
    number, index = each.get("Code"), each.get("Index")
    return Fault(
        code=plain_code(str(number) if isinstance(number, int) else number),
        name=plain_text(each.get("ErrorCode")),
        said=plain_text(each.get("Message")),
        detail=plain_text(each.get("Detail") or each.get("Details")),
        index=index if isinstance(index, int) else None,
    )
