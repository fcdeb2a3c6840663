"""Google Ads saying no, in its own words and shapes.

https://developers.google.com/google-ads/api/docs/best-practices/error-types
"""

import json
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
MESSAGES = {
    400: "Request contains an invalid argument.",
    401: "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
    403: "The caller does not have permission",
    404: "Requested entity was not found.",
    429: "Resource has been exhausted (e.g. check quota).",
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
}


@dataclass
class AdsError(Exception):
    """One error. `kind` and `code` as in `{"errorCode": {"authenticationError": "OAUTH_TOKEN_REVOKED"}}`."""

    http: int
    kind: str
    code: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)
    trigger: str | None = None
    path: tuple[tuple[str, int | None], ...] = ()

    def as_item(self) -> dict[str, Any]:
        item: dict[str, Any] = {"errorCode": {self.kind: self.code}, "message": self.message}
        if self.trigger is not None:
            item["trigger"] = {"stringValue": self.trigger}
        if self.path:
            elements = [
                {"fieldName": name} if index is None else {"fieldName": name, "index": index}
                for name, index in self.path
            ]
            item["location"] = {"fieldPathElements": elements}
        if self.details:
            item["details"] = self.details
        return item


class MissingScope(Exception):
    """The token lacks the adwords scope: refused by Google's front, before Google Ads sees the request."""


class MissingToken(Exception):
    """No Authorization header at all: refused by Google's front too."""


def query_error(code: str, message: str) -> AdsError:
    return AdsError(400, "queryError", code, message)


def failure(errors: list[AdsError], version: str, request_id: str) -> dict[str, Any]:
    return {
        "@type": f"type.googleapis.com/google.ads.googleads.{version}.errors.GoogleAdsFailure",
        "errors": [error.as_item() for error in errors],
        "requestId": request_id,
    }


def error_body(http: int, details: list[dict[str, Any]]) -> dict[str, Any]:
    return {"error": {"code": http, "message": MESSAGES[http], "status": STATUSES[http], "details": details}}


def front_error(http: int, reason: str) -> dict[str, Any]:
    """What Google's front says, in the shape of every Google API."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "googleads.googleapis.com"},
    }
    body = error_body(http, [info])
    if reason == "CREDENTIALS_MISSING":
        body["error"]["message"] = "Request is missing required authentication credential."
    if reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
        body["error"]["message"] = "Request had insufficient authentication scopes."
    return body


def answer(body: Any, status: int, request_id: str) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    headers = {"content-type": "application/json; charset=UTF-8", "request-id": request_id}
    return Response(text, status_code=status, headers=headers)


class BadPayload(Exception):
    """The JSON does not fit the call; refused before Google Ads looks at it."""


def bad_payload(description: str) -> dict[str, Any]:
    detail = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"description": description}],
    }
    body = error_body(400, [detail])
    body["error"]["message"] = description
    return body
