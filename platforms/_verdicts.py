"""How a platform's error codes become ours: tables as data, and the hostile text around them made harmless."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.words.connection import Cause
from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, RedkeyError, Refused, TryLater
from bot.words.interfaces import Answer

_CODE = re.compile(r"[A-Za-z0-9_.:\-]{1,80}")
_VENDOR_LENGTH = 500


@dataclass(frozen=True)
class Verdict:
    """What a code means and what cures it, in plain words. Both are translation keys, so they stay literal."""

    remedy: type[AuthorizationLost | AccessDenied | Misconfigured]
    words: str
    cure: str

    def error(self, code: str, vendor: str = "") -> RedkeyError:
        return self.remedy(Cause(plain_code(code), self.words, self.cure, vendor[:_VENDOR_LENGTH]))


def table(*rows: tuple[Verdict, str]) -> Mapping[str, Verdict]:
    """One verdict for many codes: `(verdict, "CODE_A CODE_B")`."""
    return {code: verdict for verdict, codes in rows for code in codes.split()}


def plain_code(value: object) -> str:
    """The platform's own word for an error, if it looks like one: it is shown to people as it is."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else "unknown"


def plain_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def decoded(answer: Answer) -> Any:
    """The body as JSON, or None when it is none: error pages come as HTML, or as nothing."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def not_understood(answer: Answer) -> TryLater:
    """For an error page that is no verdict on anything. A server's own trouble may come after the work: `unclear`."""
    return TryLater(f"the platform answered HTTP {answer.status}", unclear=answer.status >= 500)


def without(error: RedkeyError, *secrets: str) -> RedkeyError:
    """Take our secrets out of an error: a platform may echo what it was sent."""
    known = [secret for secret in secrets if secret]

    def cleaned(text: object) -> object:
        if isinstance(text, str):
            for secret in known:
                text = text.replace(secret, "***")
        return text

    error.args = tuple(cleaned(each) for each in error.args)
    if isinstance(error, Refused):
        error.code = str(cleaned(error.code))
    if isinstance(error, AuthorizationLost | AccessDenied | Misconfigured):
        cause = error.cause
        error.cause = replace(cause, code=str(cleaned(cause.code)), vendor=str(cleaned(cause.vendor)))
    return error
