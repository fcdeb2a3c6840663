"""Settings: what may be set, what it means and what is asked of it; checked whole, never changed afterwards."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    model_validator,
)

from bot.settings.api_keys import a_bearer, with_scopes
from bot.settings.values import (
    Duration,
    Kept,
    Section,
    a_channel,
    a_database,
    a_key,
    a_list,
    a_person,
    a_team,
    a_time_of_day,
    a_time_zone,
    a_web_address,
    a_webhook,
    an_owner,
    duration,
    hours_of_day,
    is_loopback,
    not_this_token,
    shown,
    with_slash,
)
from bot.settings.webhooks import Webhooks
from bot.words.tenant import Tenant

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
    metrics_token: Annotated[SecretStr, AfterValidator(a_bearer)] = NO_SECRET
    """Opens `/metrics`, which is open to everybody without it."""
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
    install: Literal["off", "listed", "any"] = "off"
    """Which other workspaces may add the app: none, those of [[workspaces]], or whoever finds the page."""


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


class WorkspaceSettings(Section):
    """What is said of a workspace beside home."""

    team: Annotated[str, BeforeValidator(a_team)]
    channel: Annotated[str, BeforeValidator(a_channel)] = ""
    owners: Annotated[tuple[Annotated[str, BeforeValidator(an_owner)], ...], BeforeValidator(a_list)] = ()
    language: Literal["", "en", "fr"] = ""
    api_keys: Annotated[SecretTexts, AfterValidator(with_scopes)] = ()


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
    workspaces: Annotated[tuple[WorkspaceSettings, ...], BeforeValidator(a_list)] = ()
    _tenant: Tenant | None = None

    @property
    def tenant(self) -> Tenant:
        """Home, unless these settings were made for another workspace (bot/settings/tenant.py)."""
        return self._tenant or Tenant("", self.web.public_url)

    def of_tenant(self, tenant: Tenant, **sections: Section | tuple[()]) -> Self:
        """The same for another workspace, with these sections in place of its own."""
        own = self.model_copy(update=sections)
        own._tenant = tenant  # noqa: SLF001 - of the same class
        return own

    def hidden(self) -> list[str]:
        """Every secret in here, for the log's last line of defence."""
        slack = self.slack
        held = [slack.bot_token, slack.app_token, slack.signing_secret, slack.client_secret, slack.refresh_token]
        held += [self.web.metrics_token, self.fallback.webhook, self.fallback.secret, self.fallback.ping]
        held += [*self.secrets.keys, *(s for each in self.webhooks for s in (each.url, *each.secrets))]
        texts = [secret.get_secret_value() for secret in held]
        texts += [text.partition(":")[2] for text in texts if re.match(r"\w+:", text)]
        for keys in (self.web.api_keys, *(each.api_keys for each in self.workspaces)):
            texts += [key.get_secret_value().partition(":")[0] for key in keys]
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
        if slack.install != "off" and not self.web.require_slack_login:
            lines.append(
                "web.require_slack_login: must be true with slack.install, so that no workspace sees another's pages"
            )
        if self.web.require_slack_login:  # a lock that is asked for and cannot be closed must not be passed over
            signs_in = [("slack.client_id", slack.client_id), ("slack.client_secret", slack.client_secret)]
            cure = "web.require_slack_login needs it; the Slack app's page shows it under Basic Information"
            lines += [f"{name}: is missing; {cure}" for name, value in signs_in if not value]
        return lines
