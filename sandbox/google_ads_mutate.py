"""Changing ads: the ads:mutate call of the practice world's Google Ads, with its partial failures.

https://developers.google.com/google-ads/api/docs/mutating/overview
"""

import re
from typing import Any

from sandbox.google_ads_data import Account, Ad, Book
from sandbox.google_ads_errors import AdsError, BadPayload, failure
from sandbox.ledger import Ledger

MOST_OPERATIONS = 10_000
MOST_CHARACTERS = 2_048
FIELDS = {
    "finalUrlSuffix": "final_url_suffix",
    "trackingUrlTemplate": "tracking_url_template",
    "finalUrls": "final_urls",
    "name": "name",
}
RESOURCE = re.compile(r"customers/(\d+)/ads/(\d+)")
TAG = re.compile(r"\{([^{}]*)\}")
# https://support.google.com/google-ads/answer/6305348 lists the ValueTrack parameters.
TAGS = {
    "adgroupid",
    "adposition",
    "campaignid",
    "creative",
    "device",
    "devicemodel",
    "extensionid",
    "feeditemid",
    "gclid",
    "gbraid",
    "wbraid",
    "keyword",
    "loc_interest_ms",
    "loc_physical_ms",
    "matchtype",
    "merchant_id",
    "network",
    "placement",
    "product_channel",
    "product_country",
    "product_id",
    "product_language",
    "product_partition_id",
    "random",
    "sourceid",
    "store_code",
    "target",
    "targetid",
}
TEMPLATE_TAGS = TAGS | {"lpurl", "lpurl+2", "lpurl+3", "unescapedlpurl", "escapedlpurl", "ignore"}


class Mutation:
    """One ads:mutate request. `refused` holds, by ad id, what the platform objects to whatever is sent."""

    def __init__(self, book: Book, account: Account, ledger: Ledger, refused: dict[str, AdsError]) -> None:
        self._book = book
        self._account = account
        self._ledger = ledger
        self._refused = refused

    def run(self, body: dict[str, Any], version: str, request_id: str) -> dict[str, Any]:
        """The answer. Raises AdsErrors when something is wrong and partialFailure was not asked for."""
        operations = body.get("operations")
        if not isinstance(operations, list) or not operations:
            raise AdsError(400, "requestError", "REQUIRED_FIELD_MISSING", "Required field is missing", path=_at(None))
        if len(operations) > MOST_OPERATIONS:
            raise AdsError(
                400, "requestError", "TOO_MANY_MUTATE_OPERATIONS", "Request contains too many mutate operations."
            )
        checked = self._checked(operations)
        errors = [each for each in checked if isinstance(each, AdsError)]
        if errors and not body.get("partialFailure"):
            raise AdsErrors(errors)
        results = (
            []
            if body.get("validateOnly")
            else [{} if isinstance(each, AdsError) else self._carry_out(*each) for each in checked]
        )
        answer: dict[str, Any] = {"results": results} if results else {}
        if errors:
            answer["partialFailureError"] = {
                "code": 3,
                "message": f"Multiple errors in ‘details’. First error: {errors[0].message}",  # noqa: RUF001
                "details": [failure(errors, version, request_id)],
            }
        return answer

    def _checked(self, operations: list[Any]) -> list[tuple[Ad, dict[str, Any]] | AdsError]:
        seen: set[str] = set()
        checked: list[tuple[Ad, dict[str, Any]] | AdsError] = []
        for index, operation in enumerate(operations):
            try:
                ad, changes = self._read(operation)
                if ad.id in seen:
                    raise _mutate_error("ID_EXISTS_IN_MULTIPLE_MUTATES", "Multiple operations name the same resource.")
                seen.add(ad.id)
                checked.append((ad, changes))
            except AdsError as error:
                error.path = (("operations", index), *(each for each in error.path if each[0] != "operations"))
                checked.append(error)
        return checked

    def _read(self, operation: Any) -> tuple[Ad, dict[str, Any]]:
        """The ad and its new values by attribute name. Raises AdsError."""
        if not isinstance(operation, dict) or set(operation) - {"update", "updateMask", "policyValidationParameter"}:
            raise BadPayload('Invalid JSON payload received. Unknown name at "operations".')
        update, mask = operation.get("update"), operation.get("updateMask")
        if not isinstance(update, dict):
            raise AdsError(400, "requestError", "REQUIRED_FIELD_MISSING", "Required field is missing")
        if not mask:
            raise AdsError(400, "fieldMaskError", "FIELD_MASK_MISSING", "The field mask must be provided.")
        ad = self._find(update.get("resourceName"))
        changes: dict[str, Any] = {}
        for path in str(mask).split(","):
            if path not in FIELDS:
                raise AdsError(
                    400, "fieldMaskError", "FIELD_NOT_FOUND", f"The field mask contains an invalid field: {path}"
                )
            changes[FIELDS[path]] = update.get(path) or None
        self._judge(ad, changes)
        return ad, changes

    def _find(self, name: Any) -> Ad:
        match = RESOURCE.fullmatch(name) if isinstance(name, str) else None
        if match is None:
            raise AdsError(400, "requestError", "RESOURCE_NAME_MALFORMED", "Resource name is malformed.")
        if match[1] != self._account.id:
            raise _mutate_error("MUTATE_NOT_ALLOWED", "The resource belongs to another customer.")
        if match[2] not in self._account.ads:
            raise _mutate_error("RESOURCE_NOT_FOUND", "Resource was not found.")
        return self._account.ads[match[2]]

    def _judge(self, ad: Ad, changes: dict[str, Any]) -> None:
        if ad.id in self._refused:
            refused = self._refused[ad.id]
            raise AdsError(refused.http, refused.kind, refused.code, refused.message)
        if ad.status == "REMOVED":
            raise AdsError(400, "contextError", "OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE", "The ad was removed.")
        if suffix := changes.get("final_url_suffix"):
            _check_suffix(suffix)
        if template := changes.get("tracking_url_template"):
            _check_template(template)

    def _carry_out(self, ad: Ad, changes: dict[str, Any]) -> dict[str, str]:
        before = {name: getattr(ad, name) for name in changes}
        for name, value in changes.items():
            setattr(ad, name, value)
        self._book.touch(self._account, ad)
        self._ledger.record("ad.changed", customer=self._account.id, ad=ad.id, before=before, after=dict(changes))
        return {"resourceName": f"customers/{self._account.id}/ads/{ad.id}"}


class AdsErrors(Exception):
    """Several errors of one request."""

    def __init__(self, errors: list[AdsError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


def _at(index: int | None) -> tuple[tuple[str, int | None], ...]:
    return (("operations", index),)


def _mutate_error(code: str, message: str) -> AdsError:
    return AdsError(400, "mutateError", code, message)


def _url_error(code: str, message: str, field: str, value: str) -> AdsError:
    return AdsError(400, "urlFieldError", code, message, trigger=value, path=(("update", None), (field, None)))


def _check_suffix(suffix: Any) -> None:
    """https://developers.google.com/google-ads/api/reference/rpc/v26/UrlFieldErrorEnum.UrlFieldError."""
    where = "final_url_suffix"
    if not isinstance(suffix, str):
        raise BadPayload(f'Invalid value at "operations.update.{where}" (TYPE_STRING)')
    if suffix[0] in "?&" or any(sign in suffix for sign in " #\n\t"):
        raise _url_error("FINAL_URL_SUFFIX_MALFORMED", "The final url suffix is malformed.", where, suffix)
    if len(suffix) > MOST_CHARACTERS:
        raise AdsError(400, "stringLengthError", "TOO_LONG", "Too long.", path=(("update", None), (where, None)))
    if wrong := _wrong_tags(suffix, TAGS):
        raise _url_error("INVALID_TAG_IN_FINAL_URL_SUFFIX", "The final url suffix has an invalid tag.", where, wrong)


def _check_template(template: Any) -> None:
    where = "tracking_url_template"
    if not isinstance(template, str):
        raise BadPayload(f'Invalid value at "operations.update.{where}" (TYPE_STRING)')
    if len(template) > MOST_CHARACTERS:
        raise AdsError(400, "stringLengthError", "TOO_LONG", "Too long.", path=(("update", None), (where, None)))
    if "lpurl" not in template:
        raise _url_error(
            "MISSING_TRACKING_URL_TEMPLATE_TAG", "The tracking url template is missing a tag.", where, template
        )
    if wrong := _wrong_tags(template, TEMPLATE_TAGS):
        raise _url_error(
            "INVALID_TAG_IN_TRACKING_URL_TEMPLATE", "The tracking url template has an invalid tag.", where, wrong
        )


def _wrong_tags(text: str, known: set[str]) -> str | None:
    """The first tag in braces that is no ValueTrack parameter, `{if…:…}` or custom parameter (`{_name}`)."""
    for tag in TAG.findall(text):
        if tag not in known and not tag.startswith(("_", "if", "param")):
            return f"{{{tag}}}"
    return None
