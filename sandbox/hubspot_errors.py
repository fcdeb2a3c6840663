"""The sandbox HubSpot's refusals: one envelope, with a category and words of its own.

https://developers.hubspot.com/docs/api-reference/error-handling
"""

import itertools
import json
import uuid
from collections.abc import Mapping, Sequence

from starlette.responses import JSONResponse, Response

from sandbox.hubspot_schema import Invalid

_SCOPES = "https://developers.hubspot.com/scopes"
_NUMBERS = itertools.count(1)


def correlation_id() -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"hubspot-{next(_NUMBERS)}"))


class ApiError(Exception):
    """Why a call is refused. `more` holds further fields of the body, `headers` of the answer."""

    def __init__(
        self,
        status: int,
        category: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.category = category
        self.message = message
        self.headers = dict(headers or {})
        self.more = more

    def answer(self) -> Response:
        body: dict[str, object] = {"status": "error", "message": self.message, "correlationId": correlation_id()}
        body |= self.more
        if self.category:
            body["category"] = self.category
        return JSONResponse(body, self.status, headers=self.headers)


def wrong(message: str, **more: object) -> ApiError:
    return ApiError(400, "VALIDATION_ERROR", message, **more)  # type: ignore[arg-type]


def not_json(reason: str) -> ApiError:
    """The parser's complaints carry no category."""
    return ApiError(400, "", f"Invalid input JSON on line 1, column 1: {reason}")


def unset(*names: str) -> ApiError:
    words = f"Invalid input JSON on line 1, column 1. Some required fields were not set: [{', '.join(names)}]"
    return wrong(words)


def not_found(message: str = "resource not found", **more: object) -> ApiError:
    return ApiError(404, "OBJECT_NOT_FOUND", message, **more)  # type: ignore[arg-type]


def no_credentials() -> ApiError:
    words = (
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
        "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
    )
    return ApiError(401, "INVALID_AUTHENTICATION", words)


def invalid_token() -> ApiError:
    return ApiError(401, "INVALID_AUTHENTICATION", "The OAuth token used to make this call is invalid.")


def expired(seconds: int, at: str) -> ApiError:
    words = f"The OAuth token used to make this call expired {seconds} second(s) ago."
    return ApiError(401, "EXPIRED_AUTHENTICATION", words, context={"expire time": [at]})


def missing_scopes(needed: Sequence[str]) -> ApiError:
    words = (
        "This app hasn't been granted all required scopes to make this call. "
        f"Read more about required scopes here: {_SCOPES}."
    )
    detail = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": list(needed)},
    }
    return ApiError(403, "MISSING_SCOPES", words, errors=[detail], links={"scopes": _SCOPES})


def rate_limited(policy: str) -> ApiError:
    """A 429 carries a policy and an error type instead of a category."""
    words = f"You have reached your {policy.lower()} limit."
    return ApiError(429, "", words, errorType="RATE_LIMIT", policyName=policy)


def locked() -> ApiError:
    return ApiError(423, "LOCKED", "The resource is locked, because too much of it is being written.")


def migrating(seconds: int) -> ApiError:
    words = "This account is being moved to another data hosting location."
    return ApiError(477, "", words, headers={"retry-after": str(seconds)})


def no_such_type(asked: str) -> ApiError:
    if asked[:1].isdecimal():
        return ApiError(400, "", f"Invalid object or event type id: {asked}")
    return ApiError(400, "", f"Unable to infer object type from: {asked}")


def not_unique(type_id: str, name: str, hub_id: int) -> ApiError:
    return wrong(f"Unable to perform update/upsert by non-unique {type_id} property {name} in portal ID {hub_id}")


def values_not_valid(problems: Sequence[Invalid]) -> str:
    """The message embeds JSON: the problems, one entry per property."""
    return f"Property values were not valid: {json.dumps(list(problems), separators=(',', ':'))}"
