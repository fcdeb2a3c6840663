"""How Meta's Graph API says no: one envelope for everything, codes and subcodes inside.

https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

import itertools
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.tokens import Problem

_traces = itertools.count(1)
REDUCE = "Please reduce the amount of data you're asking for, then retry your request"


class GraphError(Exception):
    """One `error` object and its HTTP status."""

    def __init__(
        self,
        http: int,
        code: int,
        message: str,
        subcode: int | None = None,
        *,
        kind: str = "OAuthException",
        transient: bool | None = None,
        user_msg: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.http = http
        self.code = code
        self.message = message
        self.subcode = subcode
        self.kind = kind
        self.transient = transient
        self.user_msg = user_msg
        self.headers = headers or {}

    @property
    def name(self) -> str:
        """How the ledger calls it: 190.460 is subcode 460 of code 190."""
        return f"{self.code}.{self.subcode}" if self.subcode else str(self.code)

    def body(self) -> dict[str, Any]:
        told: dict[str, Any] = {"message": self.message, "type": self.kind, "code": self.code}
        if self.subcode is not None:
            told["error_subcode"] = self.subcode
        if self.transient is not None:
            told["is_transient"] = self.transient
        if self.user_msg:
            told |= {"error_user_title": "Something is wrong", "error_user_msg": self.user_msg}
        return {"error": told | {"fbtrace_id": f"Asandbox{next(_traces):012d}"}}

    def answer(self) -> Response:
        headers = {**self.headers, "facebook-api-version": "v26.0"}
        if self.code == 190:
            headers["www-authenticate"] = f'OAuth "Facebook Platform" "invalid_token" "{self.message}"'
        return JSONResponse(self.body(), self.http, headers)


_PASSWORD = (
    "The session has been invalidated because the user changed their password or Facebook has changed the session for "
    "security reasons."
)
_SESSION = "Error validating access token: "
_DEAD = {
    Problem.REVOKED: (458, "The user has not authorized application {app}."),
    Problem.SESSION_ENDED: (
        459,
        "You cannot access the app till you log in to www.facebook.com and follow the steps given.",
    ),
    Problem.PASSWORD_CHANGED: (
        460,
        _PASSWORD,
    ),
    Problem.IDLE: (463, "Session has expired on {expired}. The current time is {now}."),
    Problem.PERSON_LOCKED: (464, "Sessions for the user are not allowed because the user is not a confirmed user."),
    Problem.ACCOUNT_DELETED: (467, "The session is invalid because the user logged out."),
}


def dead_token(why: Problem, **words: str) -> GraphError:
    """What a token of a login that ended is answered, by the reason it ended for."""
    subcode, text = _DEAD.get(why, _DEAD[Problem.REVOKED])
    return GraphError(400, 190, _SESSION + text.format(**words), subcode)


def unknown_token() -> GraphError:
    return GraphError(400, 190, "Invalid OAuth access token - Cannot parse access token")


def missing_token() -> GraphError:
    return GraphError(400, 104, "An access token is required to request this resource.")


def not_there(what: str, verb: str = "get") -> GraphError:
    """For what does not exist and for what one may not see: Meta does not say which."""
    words = (
        f"Unsupported {verb} request. Object with ID '{what}' does not exist, cannot be loaded due to missing permissions, "
        "or does not support this operation. Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api"
    )
    return GraphError(400, 100, words, 33, kind="GraphMethodException")


def bad_parameter(message: str, user_msg: str = "") -> GraphError:
    return GraphError(400, 100, f"(#100) {message}", user_msg=user_msg)


def not_granted() -> GraphError:
    return GraphError(403, 200, "(#200) Ad account owner has NOT grant ads_management or ads_read permission")


def too_much() -> GraphError:
    return GraphError(500, 1, REDUCE)


def unknown_path(path: str) -> GraphError:
    return GraphError(400, 2500, f"Unknown path components: /{path}")
