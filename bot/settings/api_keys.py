"""Bearer keys of the API and what each may do: `KEY`, or `KEY:scope+scope`."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import SecretStr

# `read` is all that changes nothing; the others are for a key that should know as little as it can.
SCOPES = ("read", "connections", "outages", "costs", "freshness", "touchpoints")
READ = frozenset({"connections", "outages", "costs", "freshness"})
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # what a bearer key may be made of: RFC 6750 §2.1


@dataclass(frozen=True)
class ApiKey:
    """Only the key's digest is kept."""

    digest: bytes = field(repr=False)
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        return scope in self.scopes or (scope in READ and "read" in self.scopes)


def read_api_key(text: str) -> ApiKey:
    """Raises ValueError, which never shows the key."""
    key, colon, listed = text.strip().partition(":")
    if not TOKEN.fullmatch(key):
        raise ValueError(
            "a key is made of letters, digits and - . _ ~ + / only; scopes follow a colon: KEY:read+touchpoints"
        )
    scopes = [scope.strip() for scope in listed.split("+")] if colon else list(SCOPES)
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        shown = unknown[0][:20] if unknown[0].isalpha() else "what stands there"
        raise ValueError(f"{shown} is not a scope; expected some of {', '.join(SCOPES)}, with + between them")
    return ApiKey(digest_of(key), frozenset(scopes))


def with_scopes(keys: Sequence[SecretStr]) -> Sequence[SecretStr]:
    """Check them. Raises ValueError."""
    for key in keys:
        read_api_key(key.get_secret_value())
    return keys


def a_bearer(token: SecretStr) -> SecretStr:
    """Check that it can be sent. Raises ValueError."""
    if (text := token.get_secret_value()) and not TOKEN.fullmatch(text):
        raise ValueError("expected letters, digits and - . _ ~ + / only, such as `openssl rand -hex 24` prints")
    return token


def digest_of(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


class KeyRing:
    """All keys. Every one is compared, so that timing tells nothing about any."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [read_api_key(key) for key in keys if key]

    def __bool__(self) -> bool:
        return bool(self._keys)

    def of(self, given: str) -> ApiKey | None:
        digest, found = digest_of(given), None
        for key in self._keys:
            if hmac.compare_digest(digest, key.digest):
                found = key
        return found
