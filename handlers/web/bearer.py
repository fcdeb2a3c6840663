"""Programs show a bearer key: RFC 6750."""

from starlette.exceptions import HTTPException
from starlette.requests import Request

from bot.settings.api_keys import ApiKey, KeyRing

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="redkey"'}


def shown(request: Request, ring: KeyRing, setting: str) -> ApiKey:
    """The key that a request shows. Raises 401, which names the setting that a key of ours would stand in."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    key = ring.of(given.strip())
    if scheme.lower() != "bearer" or key is None:
        raise HTTPException(401, f"Send {setting} as: Authorization: Bearer KEY", CHALLENGE)
    return key
