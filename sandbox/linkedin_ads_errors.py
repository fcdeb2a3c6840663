"""LinkedIn saying no, in its own words and shapes.

https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling
"""

from typing import Any

from starlette.responses import JSONResponse, Response

TOKENS = {
    "unknown": (65600, "INVALID_ACCESS_TOKEN", "Invalid access token"),
    "revoked": (65601, "REVOKED_ACCESS_TOKEN", "The token used in the request has been revoked by the user"),
    "expired": (65602, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired"),
    "missing": (65604, "EMPTY_ACCESS_TOKEN", "Empty oauth2 access token"),
}
DAY = "Resource level throttle APPLICATION_AND_MEMBER DAY limit for calls to this resource is reached."
SHORT = "Resource level throttle limit for calls to this resource is reached."


class ApiError(Exception):
    """One refusal. The gateway's own have neither a number nor details, the resources' may lack a code."""

    def __init__(self, status: int, code: str, message: str, *, number: int | None = None, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.body = {"status": status} | ({"serviceErrorCode": number} if number is not None else {})
        self.body |= ({"code": code} if code else {}) | {"message": message} | more

    def answer(self) -> Response:
        return JSONResponse(self.body, self.status)


def bad_token(reason: str) -> ApiError:
    number, code, message = TOKENS[reason]
    return ApiError(401, code, message, number=number)


def denied(resource: str) -> ApiError:
    return ApiError(403, "ACCESS_DENIED", f"Not enough permissions to access: {resource}", number=100)


def bad_version(version: str) -> ApiError:
    if not version:
        words = "A version must be present. Please specify a version by adding the LinkedIn-Version header."
        return ApiError(400, "VERSION_MISSING", words)
    return ApiError(426, "NONEXISTENT_VERSION", f"Requested version {version}01 is not active")


def bad_param(name: str, *, known: bool = True) -> ApiError:
    """A parameter that cannot be read, or that the call does not have."""
    words = ("Invalid value for param; wrong type or other syntax error", "PARAM_INVALID")
    if not known:
        words = ("Query param not allowed", "QUERY_PARAM_NOT_ALLOWED")
    error = {"description": words[0], "input": {"inputPath": {"fieldPath": name}}, "code": words[1]}
    return ApiError(
        400,
        "ILLEGAL_ARGUMENT",
        "Invalid param. Please see errorDetails for more information.",
        errorDetailType="com.linkedin.common.error.BadRequest",
        errorDetails={"inputErrors": [error]},
    )


def bad_path() -> ApiError:
    return ApiError(400, "ILLEGAL_ARGUMENT", "Syntax exception in path variables")


def bad_body(path: str, words: str) -> ApiError:
    return ApiError(422, "", f"ERROR :: {path} :: {words}")


def not_found(what: str) -> ApiError:
    return ApiError(404, "RESOURCE_NOT_FOUND", what)


def too_long() -> ApiError:
    return ApiError(414, "URI_TOO_LONG", "The request URI is too long.")


def throttled(*, day: bool) -> ApiError:
    return ApiError(429, "TOO_MANY_REQUESTS", DAY if day else SHORT, number=101)
