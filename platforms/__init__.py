"""Whom we talk to: one file is one platform, found by its presence."""

import difflib
import inspect
import ipaddress
import pkgutil
from collections.abc import Iterable, Mapping
from datetime import timedelta
from importlib import import_module
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import httpx2
from pydantic import ValidationError

from bot.words.errors import SetupError
from bot.words.interfaces import Clock, Platform, PlatformSettings
from platforms._http import Wire, open_pool
from platforms._oauth import OAuthGateway


def load() -> dict[str, type[Platform]]:
    """Every platform there is, by its key: the name of its file."""
    found = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        if not name.startswith("_"):
            platform = _platform_in(import_module(f"{__name__}.{name}"))
            platform.key = name
            found[name] = platform
    return found


class Gateways(dict[str, OAuthGateway]):
    """The platforms that are switched on, by key, over one connection pool."""

    def __init__(self, gateways: Mapping[str, OAuthGateway], pool: httpx2.AsyncBaseTransport) -> None:
        super().__init__(gateways)
        self._pool = pool

    async def aclose(self) -> None:
        await self._pool.aclose()


def read_settings(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, PlatformSettings]:
    """Check `[platforms.*]`: one validated settings value per section. Raises SetupError with the full key's name."""
    known = load()
    checked = {}
    for key, section in sections.items():
        if key not in known:
            raise SetupError(f"platforms.{key} is not a platform{_instead(key, known)}")
        if not isinstance(section, Mapping):
            raise SetupError(f"platforms.{key} must be a table of settings, [platforms.{key}]")
        checked[key] = _checked(key, known[key].Settings, section)
    return checked


def open_gateways(sections: Mapping[str, Mapping[str, Any]], *, timeout: timedelta, now: Clock) -> Gateways:
    """Build a gateway for every platform that has a client_id. Raises SetupError. Close it with `aclose`."""
    known, checked = load(), read_settings(sections)
    pool = open_pool(_hosts(checked.values()))
    wires = {"token_wire": Wire.for_tokens(pool, timeout), "api_wire": Wire.for_api(pool, timeout)}
    opened = {
        key: OAuthGateway(known[key](settings, now), **wires, now=now)
        for key, settings in checked.items()
        if settings.client_id
    }
    return Gateways(opened, pool)


def _hosts(settings: Iterable[PlatformSettings]) -> set[str]:
    """Every host that an operator has written down. A platform's own, which stand there by default, are none of these."""
    urls = [getattr(each, name) for each in settings for name in each.model_fields_set if name.endswith("_url")]
    return {urlsplit(url).hostname or "" for url in urls if url}


def _platform_in(module: ModuleType) -> type[Platform]:
    named = getattr(module, "PLATFORM", None)
    if isinstance(named, type) and issubclass(named, Platform):
        return named
    for _, value in inspect.getmembers(module, inspect.isclass):
        if issubclass(value, Platform) and value.__module__ == module.__name__:
            return value
    raise SetupError(f"{module.__name__} holds no platform: it needs one class that extends Platform")


def _checked(key: str, model: type[PlatformSettings], section: Mapping[str, Any]) -> PlatformSettings:
    try:
        settings = model.model_validate(dict(section))
    except ValidationError as error:
        raise SetupError(_first_problem(key, model, error)) from None
    for name in model.model_fields:
        if name.endswith("_url"):
            _check_url(f"platforms.{key}.{name}", getattr(settings, name))
    if settings.client_id and not settings.client_secret.get_secret_value():
        raise SetupError(f"platforms.{key}.client_secret is missing: it comes with the client_id from the platform")
    return settings


def _first_problem(key: str, model: type[PlatformSettings], error: ValidationError) -> str:
    """One line without the value: it may be a secret that stands under the wrong name."""
    problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"platforms.{key}.{where} is not a setting{_instead(where, model.model_fields)}"
    return f"platforms.{key}.{where}: {problem['msg'].removeprefix('Value error, ')}"


def _instead(wrong: str, names: Iterable[str]) -> str:
    names = sorted(names)
    close = difflib.get_close_matches(wrong, names, n=1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return f"{meant}; expected one of: {', '.join(names)}"


def _check_url(key: str, url: str) -> None:
    """Tokens travel to these addresses, so they go in the clear only where no network is crossed."""
    if not url:
        return
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise SetupError(f"{key} is not an address: expected https://host/path") from error
    if not host or parts.username is not None or parts.fragment or any(c.isspace() for c in url):
        raise SetupError(f"{key} is not an address: expected https://host/path, without a user name or a #")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise SetupError(f"{key} must begin with https:// (plain http only on this machine, such as http://127.0.0.1)")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
