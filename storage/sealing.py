"""Sealed tokens: JWE (RFC 7516) under a key that is kept outside the database.

The header names the table, the row and the column and is authenticated with the text, so a ciphertext that was flipped or
moved to another row does not open. Any key in the list opens, the first one seals: that is how keys rotate online.
"""

import base64
import re
import secrets
from collections.abc import Sequence

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.registry import HeaderParameter

from bot.memory.memory import SealBroken
from bot.words.errors import SetupError

_CURE = "make one with `redkey keys new` and put it first in secrets.keys"
_PLACE = ("tbl", "row", "col")
_REGISTRY = jwe.JWERegistry(
    header_registry={name: HeaderParameter(name, "str", required=True) for name in (*_PLACE, "kid")},
    algorithms=["dir", "A256GCM"],
)
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_KEY_BYTES = 32


class Keys:
    """The keys of `secrets.keys`, newest first."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise SetupError(f"secrets.keys: there is no key; {_CURE}")
        self._keys: dict[str, OctKey] = {}
        for place, key in enumerate(keys, 1):
            name, secret = _read(key, place)
            if name in self._keys:
                raise SetupError(f"secrets.keys: two keys are called {name}; every key needs a name of its own")
            self._keys[name] = OctKey.import_key(secret)
        self.newest = next(iter(self._keys))

    @property
    def names(self) -> list[str]:
        return list(self._keys)

    def __repr__(self) -> str:
        return f"Keys({', '.join(self._keys)})"

    def seal(self, table: str, row: str, column: str, secret: str) -> str:
        header = {"alg": "dir", "enc": "A256GCM", "kid": self.newest, "tbl": table, "row": row, "col": column}
        return jwe.encrypt_compact(header, secret.encode(), self._keys[self.newest], registry=_REGISTRY)

    def open(self, table: str, row: str, column: str, sealed: str, key_id: str) -> str:
        """Raises SealBroken, which names the place and the key but never what is in it."""
        where = f"{table}.{column} of {row}"
        key = self._keys.get(key_id)
        if key is None:
            raise SealBroken(f"{where} is sealed under key {key_id!r}, which is not in secrets.keys")
        try:
            opened = jwe.decrypt_compact(sealed, key, registry=_REGISTRY)
            header = opened.headers()
            if (header["kid"], *(header[name] for name in _PLACE)) != (key_id, table, row, column):
                raise SealBroken(f"{where} holds what was sealed for another place")
            return (opened.plaintext or b"").decode()
        except (JoseError, ValueError, TypeError):
            raise SealBroken(f"{where} does not open: it was changed, or its key was") from None


class Envelope:
    """Seals what leaves the house and comes back: a cookie. `purpose` keeps what was sealed for one use from another."""

    def __init__(self, keys: Keys, purpose: str) -> None:
        self._keys = keys
        self._place = ("outside", purpose, "text")

    def seal(self, text: str) -> str:
        return f"{self._keys.newest}.{self._keys.seal(*self._place, text)}"

    def open(self, sealed: str) -> str:
        """Raises SealBroken."""
        name, _, text = sealed.partition(".")
        return self._keys.open(*self._place, text, name)


def new_key(existing: Sequence[str] = ()) -> str:
    """A fresh key with the next free name, as `secrets.keys` takes it."""
    used = [int(found[1]) for key in existing if (found := re.fullmatch(r"k(\d{1,9})", key.partition(":")[0].strip()))]
    secret = base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode().rstrip("=")
    return f"k{max(used, default=0) + 1}:{secret}"


def _read(key: str, place: int) -> tuple[str, bytes]:
    """Take `k1:BASE64URL32BYTES` apart. Errors name the key by its id or its place in the list, never its text."""
    name, colon, text = key.strip().partition(":")
    if not colon or not _KEY_ID.fullmatch(name):
        raise SetupError(f"secrets.keys: entry {place} is not of the form k1:BASE64URL32BYTES; {_CURE}")
    if not re.fullmatch(r"[A-Za-z0-9_-]+={0,2}", text):
        raise SetupError(f"secrets.keys: key {name} is not base64url; {_CURE}")
    try:
        secret = base64.urlsafe_b64decode(f"{text}==")  # more of them than needed do no harm
    except ValueError:
        raise SetupError(f"secrets.keys: key {name} is not base64url; {_CURE}") from None
    if len(secret) != _KEY_BYTES:
        raise SetupError(f"secrets.keys: key {name} has {len(secret)} bytes, not {_KEY_BYTES}; {_CURE}")
    return name, secret
