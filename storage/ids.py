"""Names for rows: opaque, unguessable, with a prefix that says what they name."""

import base64
import secrets

_BYTES = 15  # 120 random bits, 24 characters


def new_id(prefix: str) -> str:
    """`con_x7k2…`: lower-case letters and digits only, so that it survives links, shells and e-mail."""
    return f"{prefix}_{base64.b32encode(secrets.token_bytes(_BYTES)).decode().lower()}"
