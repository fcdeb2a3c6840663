"""What can go wrong, named by what to do next.

RedkeyError
├── AuthorizationLost   a person must log in again; the only one a Reauthorize button cures
├── AccessDenied        a person must be given rights; logging in again as the same person does not help
├── Misconfigured       whoever runs this bot must act: a client secret expired, an API version died
├── TryLater            nobody need act: wait and repeat. 429, 5xx, time-outs, DNS, garbage
│   └── MemoryAway      the same, and it was our own database
└── Refused             this one request or record is wrong; repeating it does not help
SetupError              a setting, key, database or token is wrong; stops the command with one line
Fenced                  another worker holds the row now; what this one did is to be dropped

Errors are classified once, at the edge: platforms/_http.py, platforms/_oauth.py and each platform's `read_error`.
"""

from datetime import timedelta

from bot.words.connection import Cause


class RedkeyError(Exception):
    """Whatever a platform did to us, already understood."""


class _Caused(RedkeyError):
    def __init__(self, cause: Cause) -> None:
        super().__init__(f"{cause.words} ({cause.code})")
        self.cause = cause


class AuthorizationLost(_Caused):
    """The login is dead: a person must log in again."""


class AccessDenied(_Caused):
    """The login lives, but has no right to this account: an administrator there must act."""


class Misconfigured(_Caused):
    """The platform refuses this app, not this person: the operator must act."""


class TryLater(RedkeyError):
    """Nothing is known to be wrong. `unclear` means the request may have been carried out all the same."""

    def __init__(self, why: str, *, after: timedelta | None = None, unclear: bool = False) -> None:
        super().__init__(why)
        self.after = after
        self.unclear = unclear


class MemoryAway(TryLater):
    """The database is gone, locked or full: nothing of what was to be written is true."""


class Refused(RedkeyError):
    """This request or record is wrong. `code` is the platform's own word for it."""

    def __init__(self, why: str, *, code: str = "") -> None:
        super().__init__(why)
        self.code = code


class SetupError(Exception):
    """One line that names the thing and the cure."""


class Fenced(Exception):
    """The claim on this row was lost to another worker."""
