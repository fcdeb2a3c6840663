"""[[webhooks]] in the settings: who subscribes to what, and the secrets that sign it."""

import base64
import binascii
import re
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, model_validator

from bot.memory.notices import FALLBACK
from bot.settings.values import Section, a_list, a_webhook, shown
from bot.webhooks.happenings import Happening, Subscriptions

SECRET_BYTES = range(24, 65)  # https://github.com/standard-webhooks/standard-webhooks, "Signature scheme"


def _a_name(value: Any) -> Any:
    """Check the name of an endpoint. It stands in logs and in commands."""
    if not isinstance(value, str) or (value and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value)):
        raise ValueError(f'{shown(value)} is not a name such as "warehouse"')
    if value == FALLBACK:
        raise ValueError(f'"{FALLBACK}" is the name of [fallback] webhook; give it another')
    return value


def _an_event(value: Any) -> Any:
    if value not in set(Happening):
        raise ValueError(f"{shown(value)} is not one of {', '.join(Happening)}")
    return str(value)


def _a_secret(value: Any) -> Any:
    """Check that receivers' libraries will take it. It is never shown."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    try:
        raw = base64.b64decode(str(text).removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raw = b""
    if not str(text).startswith("whsec_") or len(raw) not in SECRET_BYTES:
        raise ValueError('is not "whsec_" and 24 to 64 bytes in base64; "redkey webhooks secret" makes one')
    return value


class WebhookSettings(Section):
    """One endpoint. Its `url` may itself be a secret, so it is never shown; `name` is what is shown."""

    name: Annotated[str, BeforeValidator(_a_name)] = ""
    url: Annotated[SecretStr, BeforeValidator(a_webhook)]
    secrets: Annotated[tuple[Annotated[SecretStr, BeforeValidator(_a_secret)], ...], BeforeValidator(a_list)]
    events: Annotated[tuple[Annotated[str, BeforeValidator(_an_event)], ...], BeforeValidator(a_list)] = tuple(
        Happening
    )
    private: bool = False
    """It may be inside our own network."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        """By its host, where it has no name of its own."""
        if not isinstance(data, dict) or data.get("name") or not isinstance(data.get("url"), str):
            return data
        try:
            host = urlsplit(data["url"]).hostname or ""
        except ValueError:
            return data
        return {**data, "name": re.sub(r"[^A-Za-z0-9.-]+", "-", host).strip("-.")}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.url.get_secret_value():
            raise ValueError("url: is missing; expected where the webhooks are posted")
        if not self.secrets:
            raise ValueError('secrets: is missing; "redkey webhooks secret" makes one')
        return self

    @property
    def is_public(self) -> bool:
        """It must be reached at a public address. Plain http is for this machine only, so that says the same as `private`."""
        return not self.private and urlsplit(self.url.get_secret_value()).scheme == "https"


def with_names(found: tuple[WebhookSettings, ...]) -> tuple[WebhookSettings, ...]:
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two endpoints are called {shown(name)}; give each a name of its own")
    return found


Webhooks = Annotated[tuple[WebhookSettings, ...], BeforeValidator(a_list), AfterValidator(with_names)]


def subscriptions(webhooks: tuple[WebhookSettings, ...], public_url: str) -> Subscriptions:
    return Subscriptions({each.name: frozenset(each.events) for each in webhooks}, public_url.rstrip("/"))
