"""The values a setting may have: durations, addresses, keys, lists. Each says what it expected, and shows no secret."""

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr

from bot.words.tenant import TEAM

UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
KEY_BYTES = 32


class Section(BaseModel):
    """One table of redkey.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True)


def duration(value: Any) -> timedelta:
    """Read "250ms", "90s", "5m", "4h" or "3d". Raises ValueError."""
    if isinstance(value, timedelta):
        return value
    match = (
        re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*(ms|s|m|h|d)", value.strip()) if isinstance(value, str) else None
    )
    if match is None:
        raise ValueError(f'{shown(value)} is not a duration such as "90s", "5m" or "4h"')
    try:
        length = timedelta(**{UNITS[match[2]]: float(match[1])})
    except OverflowError:
        raise ValueError(f"{shown(value)} is too long") from None
    if length <= timedelta(0):
        raise ValueError(f"{shown(value)} is too short: expected more than nothing")
    if length > timedelta(days=3650):
        raise ValueError(f"{shown(value)} is too long: expected ten years at most")
    return length


def hours_of_day(value: Any) -> Any:
    """Check "22:00-07:00"; empty for none."""
    if not isinstance(value, str) or (
        value and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", value)
    ):
        raise ValueError(f'{shown(value)} is not a span of hours such as "22:00-07:00"')
    return value


def a_time_of_day(value: Any) -> Any:
    """Check "09:00"."""
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError(f'{shown(value)} is not a time of day such as "09:00"')
    return value


def a_time_zone(value: Any) -> Any:
    """Check the name of a time zone."""
    try:
        ZoneInfo(value)
    except (TypeError, ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError(f'{shown(value)} is not a time zone such as "Europe/Berlin"') from None
    return value


Duration = Annotated[timedelta, BeforeValidator(duration)]


SHORTEST_KEPT = timedelta(days=30)  # a re-read of what a platform still restates must not meet what was just forgotten


def _long_enough(value: timedelta | None) -> timedelta | None:
    if value is not None and value < SHORTEST_KEPT:
        raise ValueError("must be at least 30d")
    return value


Kept = Annotated[
    timedelta | None,
    BeforeValidator(lambda value: None if value is None else duration(value)),
    AfterValidator(_long_enough),
]


def shown(value: Any) -> str:
    """A value as the person wrote it, short and on one line."""
    return json.dumps(value, ensure_ascii=False, default=str)[:80]


def a_list(value: Any) -> Any:
    """Take a comma separated text for a list, as the environment has no other."""
    if not isinstance(value, str):
        return value
    decoded = json_or_text(value)
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(decoded, str) else decoded


def json_or_text(value: Any) -> Any:
    if not isinstance(value, str) or value.strip()[:1] not in ("[", "{"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def a_database(value: Any) -> Any:
    """Check the address of the database; it may hold a password, so it is never shown."""
    expected = 'expected "sqlite:///redkey.db" or "postgresql://user@host/redkey"'
    if not isinstance(value, str):
        raise ValueError(f"is not text; {expected}")  # noqa: TRY004 - pydantic reports ValueErrors only
    scheme, separator, rest = value.partition("://")
    if scheme == "postgres":  # what many hosts put into DATABASE_URL
        scheme = "postgresql"
    if scheme not in ("sqlite", "postgresql") or not separator:
        raise ValueError(f"is not the address of a database we know; {expected}")
    if scheme == "sqlite" and not rest.startswith("/"):
        raise ValueError(
            'needs three slashes before a relative path, four before an absolute one: "sqlite:///redkey.db"'
        )
    return f"{scheme}://{rest}"


def a_key(value: Any) -> Any:
    """Check one sealing key, "k1:" and 32 bytes in base64url."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    name, _, coded = str(text).partition(":")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", name) or len(_decoded(coded)) != KEY_BYTES:
        raise ValueError('is not a name, a colon and 32 bytes in base64url; "redkey keys new" makes one')
    return value


def _decoded(coded: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z0-9_-]+={0,2}", coded):
        return b""
    bare = coded.rstrip("=")
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        return b""


def a_web_address(value: Any) -> Any:
    """Check an https address (http on this machine only), and take the slash off its end."""
    if not isinstance(value, str) or not value:
        return value
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"{shown(value)} is not an address such as https://redkey.example.com") from None
    if not host or parts.username is not None or parts.query or parts.fragment or re.search(r"\s", value):
        raise ValueError(f"{shown(_bare(value))} is not an address such as https://redkey.example.com")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError(f"{shown(value)} must begin with https:// (plain http only on this machine)")
    return value.rstrip("/")


def _bare(address: str) -> str:
    """Without what may be a password."""
    return re.sub(r"//[^/@]*@", "//…@", address)


def with_slash(address: str) -> str:
    """slack_sdk joins method names to its base address, which must end in a slash."""
    return address if address.endswith("/") else address + "/"


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def a_channel(value: Any) -> Any:
    """Messages are edited by channel id, so a name would not do."""
    if isinstance(value, str) and value and not re.fullmatch(r"[A-Z][A-Z0-9]{2,}", value):
        raise ValueError(
            f'{shown(value)} is not a channel id such as "C0123456789" (at the end of the channel\'s details)'
        )
    return value


def an_owner(value: Any) -> Any:
    """Owners are mentioned, so each must be an id and nothing else."""
    if not isinstance(value, str) or not re.fullmatch(r"[UWS][A-Z0-9]{2,}", value):
        raise ValueError(f'{shown(value)} is not the id of a person or user group, such as "U0123ABCD" or "S0456ABCD"')
    return value


def a_person(value: Any) -> Any:
    """Someone the bot may write to: one person, by id."""
    if not isinstance(value, str) or (value and not re.fullmatch(r"[UW][A-Z0-9]{2,}", value)):
        raise ValueError(f'{shown(value)} is not the id of a person, such as "U0123ABCD"')
    return value


def a_team(value: Any) -> Any:
    """A workspace's id is part of an address, a file's name and a schema's."""
    if not isinstance(value, str) or not TEAM.fullmatch(value):
        raise ValueError(f'{shown(value)} is not the id of a workspace, such as "T0123ABCD"')
    return value


def a_webhook(value: Any) -> Any:
    """Check where alerts are posted. The address may itself be a secret, so it is never shown."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if text == "":
        return value
    expected = 'expected an address such as "https://alerts.example.com/redkey" (plain http only on this machine)'
    try:
        parts = urlsplit(text) if isinstance(text, str) else urlsplit("")
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"is not a web address; {expected}") from None
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not host or not safe or parts.username is not None or parts.fragment or re.search(r"\s", str(text)):
        raise ValueError(f"is not an address alerts can be sent to; {expected}")
    return value


def not_this_token(wrong: str, right: str) -> Callable[[Any], Any]:
    """Slack's two tokens are easily swapped."""

    def check(value: Any) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(text, str) and text.startswith(wrong):
            raise ValueError(
                f"holds the other of Slack's two tokens ({wrong}…): expected the one that begins with {right}"
            )
        return value

    return check
