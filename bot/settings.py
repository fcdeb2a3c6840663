"""Settings: redkey.toml and the environment, read once, checked whole, never changed afterwards."""

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bot.api_keys import with_scopes
from bot.errors import SetupError
from bot.setting_values import (
    Duration,
    Kept,
    Section,
    a_channel,
    a_database,
    a_key,
    a_list,
    a_person,
    a_time_of_day,
    a_time_zone,
    a_web_address,
    a_webhook,
    an_owner,
    duration,
    hours_of_day,
    is_loopback,
    json_or_text,
    not_this_token,
    shown,
    with_slash,
)
from bot.webhook_settings import Webhooks
from bot.wrong_settings import PREFIX, SEPARATOR, problem_lines, unknown_variables

DEFAULT_FILE = "redkey.toml"
ALSO_READ = {  # variables that other tools set as well; ours, REDKEY_..., wins over them
    "SLACK_BOT_TOKEN": ("slack", "bot_token"),
    "SLACK_APP_TOKEN": ("slack", "app_token"),
    "SLACK_SIGNING_SECRET": ("slack", "signing_secret"),
    "DATABASE_URL": ("database", "url"),
}
INTERVALS = ("check_every", "cost_every", "tagging_every", "push_every")
NO_SECRET = SecretStr("")

SecretTexts = Annotated[tuple[SecretStr, ...], BeforeValidator(a_list)]


class DatabaseSettings(Section):
    url: Annotated[str, BeforeValidator(a_database)] = Field(default="sqlite:///redkey.db", repr=False)


class SecretsSettings(Section):
    keys: Annotated[tuple[Annotated[SecretStr, BeforeValidator(a_key)], ...], BeforeValidator(a_list)] = ()
    """Newest first: it seals; the older ones still open what they sealed."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [key.get_secret_value().partition(":")[0] for key in self.keys]
        if len(set(names)) < len(names):
            raise ValueError("two keys have the same name; every key needs its own, such as k1 and k2")
        return self


class WebSettings(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: Annotated[str, BeforeValidator(a_web_address)] = ""
    """Where browsers reach us; without a slash at the end. Known even when not set, as long as we listen on loopback."""
    api_keys: Annotated[SecretTexts, AfterValidator(with_scopes)] = ()
    """Each `KEY` or `KEY:scope+scope`."""
    require_slack_login: bool = False

    @model_validator(mode="before")
    @classmethod
    def _known_address(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or data.get("public_url"):
            return data
        host, port = str(data.get("host", "127.0.0.1")), data.get("port", 8080)
        if not is_loopback(host) or not (str(port).isdecimal() and int(port) <= 65535):
            return data
        return {**data, "public_url": f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"}

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not self.public_url:
            raise ValueError(
                f"public_url: is missing, and with host = {shown(self.host)} it cannot be guessed; "
                'expected the address browsers use, such as "https://redkey.example.com"'
            )
        return self


class SlackSettings(Section):
    mode: Literal["socket", "http"] = "socket"
    bot_token: Annotated[SecretStr, BeforeValidator(not_this_token("xapp-", "xoxb-"))] = NO_SECRET
    app_token: Annotated[SecretStr, BeforeValidator(not_this_token("xoxb-", "xapp-"))] = NO_SECRET
    signing_secret: SecretStr = NO_SECRET
    api_url: Annotated[str, BeforeValidator(a_web_address), AfterValidator(with_slash)] = "https://slack.com/api/"
    channel: Annotated[str, BeforeValidator(a_channel)] = ""
    installer: Annotated[str, BeforeValidator(a_person)] = ""
    """Who is told, in a direct message, when even `channel` takes no messages."""
    owners: Annotated[tuple[Annotated[str, BeforeValidator(an_owner)], ...], BeforeValidator(a_list)] = ()
    """Who is mentioned where nobody who could fix it is known, or still there."""
    language: Literal["en", "fr"] = "en"
    client_id: str = ""
    client_secret: SecretStr = NO_SECRET
    refresh_token: Annotated[SecretStr, BeforeValidator(not_this_token("xoxe.", "xoxe-"))] = NO_SECRET
    """Of an app that rotates its tokens: the first one, which the bot trades at its first start."""


class TimingSettings(Section):
    check_every: Duration = timedelta(minutes=5)
    cost_every: Duration = timedelta(hours=1)
    tagging_every: Duration = timedelta(hours=2)
    push_every: Duration = timedelta(seconds=30)
    refresh_ahead: Duration = timedelta(minutes=15)
    remind_after: Annotated[tuple[Duration, ...], BeforeValidator(a_list)] = (
        timedelta(hours=4),
        timedelta(days=1),
        timedelta(days=3),
    )
    claim_for: Duration = timedelta(hours=4)
    quiet_hours: Annotated[str, BeforeValidator(hours_of_day)] = ""
    quiet_zone: Annotated[str, BeforeValidator(a_time_zone)] = "UTC"
    progress_every: Duration = timedelta(seconds=5)
    request_timeout: Duration = timedelta(seconds=30)
    retry_max: Duration = timedelta(minutes=5)
    """The longest back-off; never above ten times the shortest interval that was set."""
    cost_days: int = Field(default=30, ge=1, le=1095)
    storm_after: int = Field(default=5, ge=2)
    storm_window: Duration = timedelta(seconds=30)
    blind_after: Duration = timedelta(minutes=5)
    platform_down_after: Duration = timedelta(minutes=15)

    @model_validator(mode="before")
    @classmethod
    def _short_back_off(cls, data: Any) -> Any:
        """Who looks every second wants to be back soon after a fault, too."""
        if not isinstance(data, Mapping):
            return data
        try:
            shortest = min(duration(data[name]) for name in INTERVALS if name in data)
            longest = duration(data.get("retry_max", cls.model_fields["retry_max"].default))
        except ValueError:  # none was set, or one is wrong: its own check says so
            return data
        return {**data, "retry_max": min(longest, 10 * shortest)}


class KeepSettings(Section):
    """How long what is over is kept. Not set: for ever."""

    cost: Kept = None
    touchpoints: Kept = None
    outages: Kept = None
    audit: Kept = None


class FallbackSettings(Section):
    """Who hears of alerts that Slack does not take."""

    webhook: Annotated[SecretStr, BeforeValidator(a_webhook)] = NO_SECRET
    secret: SecretStr = NO_SECRET
    ping: Annotated[SecretStr, BeforeValidator(a_webhook)] = NO_SECRET
    """A dead man's switch: called once a minute as long as all is well."""


class DigestSettings(Section):
    """The week in one message."""

    day: Literal["off", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    at: Annotated[str, BeforeValidator(a_time_of_day)] = "09:00"
    zone: Annotated[str, BeforeValidator(a_time_zone)] = "UTC"
    channel: Annotated[str, BeforeValidator(a_channel)] = ""


class RouteSettings(Section):
    platform: str = ""
    connection: str = ""
    channel: Annotated[str, BeforeValidator(a_channel)] = ""
    owners: Annotated[tuple[Annotated[str, BeforeValidator(an_owner)], ...], BeforeValidator(a_list)] = ()
    escalate_to: Annotated[str, BeforeValidator(an_owner)] = ""
    escalate_after: Duration = timedelta(days=1)

    @model_validator(mode="after")
    def _whom_and_where(self) -> Self:
        if bool(self.platform) == bool(self.connection):
            raise ValueError(
                'a route is for one platform or one connection: expected platform = "…" or connection = "…"'
            )
        if not (self.channel or self.owners or self.escalate_to):
            raise ValueError("a route needs a channel, owners, or escalate_to")
        return self


class Settings(Section):
    """Everything Redkey can be told. `platforms` is raw here: each platform checks its own section."""

    database: DatabaseSettings = DatabaseSettings()
    secrets: SecretsSettings = SecretsSettings()
    web: WebSettings = Field(default_factory=lambda: WebSettings.model_validate({}))
    slack: SlackSettings = SlackSettings()
    timing: TimingSettings = TimingSettings()
    keep: KeepSettings = KeepSettings()
    fallback: FallbackSettings = FallbackSettings()
    digest: DigestSettings = DigestSettings()
    platforms: dict[str, dict[str, Any]] = Field(default_factory=dict, repr=False)
    routes: Annotated[tuple[RouteSettings, ...], BeforeValidator(a_list)] = ()
    webhooks: Webhooks = ()

    def hidden(self) -> list[str]:
        """Every secret in here, for the log's last line of defence."""
        slack = self.slack
        held = [slack.bot_token, slack.app_token, slack.signing_secret, slack.client_secret, slack.refresh_token]
        held += [self.fallback.webhook, self.fallback.secret, self.fallback.ping]
        held += [*self.secrets.keys, *(s for each in self.webhooks for s in (each.url, *each.secrets))]
        texts = [secret.get_secret_value() for secret in held]
        texts += [text.partition(":")[2] for text in texts if re.match(r"\w+:", text)]
        texts += [key.get_secret_value().partition(":")[0] for key in self.web.api_keys]
        for section in self.platforms.values():
            texts += [
                str(v) for k, v in section.items() if re.search(r"secret|token$|key$", k) and not k.endswith("_url")
            ]
        texts.append(urlsplit(self.database.url).password or "")
        return [text for text in texts if text]

    def missing(self) -> list[str]:
        """What must still be set before the bot can run, one line each with its cure."""
        slack = self.slack
        needs = [
            ("secrets.keys", self.secrets.keys, '"redkey keys new" makes one, for keys = ["…"]'),
            ("slack.bot_token", slack.bot_token, "expected the xoxb-… token of the Slack app's installation"),
            ("slack.channel", slack.channel, 'expected the id of the channel for alerts, such as "C0123456789"'),
        ]
        if slack.refresh_token:
            cure = "a token that rotates is renewed with it; the Slack app's page shows it under Basic Information"
            needs[1:2] = [(f"slack.{name}", getattr(slack, name), cure) for name in ("client_id", "client_secret")]
        elif slack.bot_token.get_secret_value().startswith("xoxe."):
            cure = "a bot token that begins with xoxe. lives twelve hours; OAuth & Permissions shows its refresh token"
            needs.append(("slack.refresh_token", slack.refresh_token, cure))
        if slack.mode == "socket":
            needs.append(("slack.app_token", slack.app_token, "expected the xapp-… token with connections:write"))
        else:
            needs.append(("slack.signing_secret", slack.signing_secret, "it proves that a request came from Slack"))
        lines = [f"{name}: is missing; {cure}" for name, value, cure in needs if not value]
        if self.web.require_slack_login:  # a lock that is asked for and cannot be closed must not be passed over
            signs_in = [("slack.client_id", slack.client_id), ("slack.client_secret", slack.client_secret)]
            cure = "web.require_slack_login needs it; the Slack app's page shows it under Basic Information"
            lines += [f"{name}: is missing; {cure}" for name, value in signs_in if not value]
        return lines


def written_keys(config: Path | None = None) -> list[str]:
    """The sealing keys as they stand, right or wrong: a new key needs a free name before the settings are complete."""
    from_variable = os.environ.get("REDKEY_SECRETS__KEYS")
    section = _written(config).get("secrets")
    listed = a_list(from_variable or (section.get("keys") if isinstance(section, dict) else ()))
    return [key for key in listed if isinstance(key, str)] if isinstance(listed, list) else []


def load(config: Path | None = None) -> Settings:
    """Read redkey.toml, then the environment, which wins. Raises SetupError with one line for each problem."""
    lines = unknown_variables(Settings)
    try:
        settings = _FromOutside(**_written(config))
    except ValidationError as error:
        lines = [*problem_lines(error, Settings, ALSO_READ), *lines]
    if lines:
        raise SetupError("\n".join(lines))
    return settings


def nowhere(config: Path | None) -> str:
    """What to say to somebody who stands in another directory than their settings; empty when anything is set."""
    file = Path(DEFAULT_FILE).absolute()
    if config or file.exists() or any(name.startswith("REDKEY_") or name in ALSO_READ for name in os.environ):
        return ""
    return f"{file}: there is no such file; copy redkey.example.toml there, or name yours with --config"


def _written(config: Path | None) -> dict[str, Any]:
    """What the file says. A file that was named must be there; redkey.toml need not."""
    named = config or (Path(os.environ["REDKEY_CONFIG"]) if os.environ.get("REDKEY_CONFIG") else None)
    return _read(named or Path(DEFAULT_FILE), must_exist=named is not None)


def _read(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        if must_exist:
            raise SetupError(
                f"{path}: there is no such file; copy redkey.example.toml there, or name another"
            ) from error
        return {}
    except UnicodeDecodeError as error:
        raise SetupError(f"{path}: is not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{path}: is not TOML: {str(error)[:200]}") from None
    except OSError as error:
        raise SetupError(f"{path}: cannot be read: {error.strerror}") from error


class _Environment(EnvSettingsSource):
    """REDKEY_SECTION__KEY. Only what looks like JSON is decoded: a client id of digits must stay text."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        return json_or_text(value)


class _AlsoRead(PydanticBaseSettingsSource):
    """The four variables that other tools set as well."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for variable, (section, key) in ALSO_READ.items():
            if os.environ.get(variable):
                found.setdefault(section, {})[key] = os.environ[variable]
        return found


class _FromOutside(Settings, BaseSettings):
    """Settings that also look into the environment. Its keyword arguments are what the file says, the weakest source."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=SEPARATOR, env_ignore_empty=True, extra="forbid", frozen=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return _Environment(settings_cls), _AlsoRead(settings_cls), init_settings
