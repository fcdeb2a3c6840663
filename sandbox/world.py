"""The practice world: a small Slack workspace and the platforms, all on one server on this machine."""

import contextlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from sandbox.dynamics_365 import Dynamics365Sandbox
from sandbox.faults import Faults
from sandbox.google_ads import GoogleAdsSandbox
from sandbox.hubspot import HubspotSandbox
from sandbox.ledger import Ledger, utc_now
from sandbox.levers import Lever
from sandbox.linkedin_ads import LinkedinAdsSandbox
from sandbox.meta_ads import MetaAdsSandbox
from sandbox.microsoft_advertising import MicrosoftAdvertisingSandbox
from sandbox.oauth import AuthorizationServer
from sandbox.salesforce import SalesforceSandbox
from sandbox.served import served
from sandbox.slack import MARKETING, SlackWorkspace
from sandbox.toml import as_toml


class PlatformSandbox(Protocol):
    """What the world needs from each platform's sandbox."""

    key: str
    name: str
    demo_login: str
    ledger: Ledger
    faults: Faults
    levers: list[Lever]

    @property
    def app(self) -> ASGIApp: ...
    @property
    def oauth(self) -> AuthorizationServer: ...
    def settings(self, base_url: str) -> dict[str, object]: ...


class AdSandbox(PlatformSandbox, Protocol):
    """What a practice ad platform tells beside that: where a cost table differs from what was really spent."""

    def disagreements(self, rows: Sequence[Mapping[str, Any]]) -> list[str]: ...


class CrmSandbox(PlatformSandbox, Protocol):
    """What a practice CRM tells beside that: its records by external id, and how often each was written."""

    @property
    def writes(self) -> Mapping[str, Any]: ...
    def records(self) -> Mapping[str, Any]: ...


class World:
    """`async with World.open() as world:` runs it; `world.url` is its page, with the Slack channel and the levers."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self.slack = SlackWorkspace(now)
        self.google_ads = GoogleAdsSandbox(Ledger(now))
        self.salesforce = SalesforceSandbox(Ledger(now))
        self.hubspot = HubspotSandbox(Ledger(now))
        self.dynamics_365 = Dynamics365Sandbox(Ledger(now))
        self.microsoft_advertising = MicrosoftAdvertisingSandbox(Ledger(now))
        self.meta_ads = MetaAdsSandbox(Ledger(now))
        self.linkedin_ads = LinkedinAdsSandbox(Ledger(now))
        self.platforms: list[PlatformSandbox] = [
            self.google_ads,
            self.microsoft_advertising,
            self.meta_ads,
            self.linkedin_ads,
            self.salesforce,
            self.dynamics_365,
            self.hubspot,
        ]
        self.ad_platforms: list[AdSandbox] = [
            self.google_ads,
            self.microsoft_advertising,
            self.meta_ads,
            self.linkedin_ads,
        ]
        self.crms: list[CrmSandbox] = [self.salesforce, self.dynamics_365, self.hubspot]
        self.url = ""
        self._levers: dict[str, list[Lever]] = {}
        for platform in self.platforms:
            self.add_levers(platform.key, platform.name, platform.levers)
        self._app: ASGIApp = Starlette(
            routes=[
                Route("/sandbox/levers", self._show_levers, methods=["GET"]),
                Route("/sandbox/levers/{platform}/{key}", self._pull_lever, methods=["POST"]),
                Mount("/slack", self.slack.app),
                *(Mount(f"/{platform.key}", platform.app) for platform in self.platforms),
                Mount("/", self.slack.page),
            ]
        )

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, port: int = 0, now: Callable[[], datetime] = utc_now) -> AsyncIterator[Self]:
        """A running world on loopback; port 0 takes a free one. It ends cleanly even while requests hang."""
        async with cls(now).live(port) as world:
            yield world

    @contextlib.asynccontextmanager
    async def live(self, port: int = 0) -> AsyncIterator[Self]:
        """Run this world."""
        async with served(self._app, port) as self.url:
            self.slack.live_at(f"{self.url}/slack", f"{self.url}/")
            try:
                yield self
            finally:
                for platform in self.platforms:
                    platform.faults.clear()
                await self.slack.close()

    # Settings

    def settings(self, public_url: str = "http://127.0.0.1:8080", **sections: Mapping[str, Any]) -> dict[str, Any]:
        """Everything for a redkey.toml that points at this world; `sections` add to it or replace single keys.

        Registers the redirect URIs of a bot at `public_url` with the platforms.
        """
        for platform in self.platforms:
            platform.oauth.register_redirect(f"{public_url.rstrip('/')}/oauth/callback/{platform.key}")
        self.slack.openid.redirect_uris.add(f"{public_url.rstrip('/')}/signin/callback")
        self.slack.installs.redirect_uris.add(f"{public_url.rstrip('/')}/slack/oauth_redirect")
        found: dict[str, Any] = {
            "secrets": {"keys": ["k1:" + urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")]},
            "web": {"host": "127.0.0.1", "public_url": public_url},
            "slack": {
                "api_url": f"{self.url}/slack/api/",
                "bot_token": self.slack.bot_token,
                "app_token": self.slack.app_token,
                "signing_secret": self.slack.signing_secret,
                "client_id": self.slack.openid.client_id,
                "client_secret": self.slack.openid.client_secret,
                "channel": MARKETING,
            },
            "platforms": {platform.key: platform.settings(self.url) for platform in self.platforms},
        }
        return _merged(found, sections)

    def write_settings(
        self,
        path: Path,
        public_url: str = "http://127.0.0.1:8080",
        sections: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Write `settings` as TOML; gives what it wrote."""
        found = self.settings(public_url, **(sections or {}))
        path.write_text(as_toml(found), encoding="utf-8")
        return found

    # Levers

    def add_levers(self, key: str, name: str, levers: Sequence[Lever]) -> None:
        """More things to break, for the page and for `pull`: `key` is whose they are, `name` their heading."""
        named = [Lever(_short(key, each.key), each.label, each.pull, each.group or name) for each in levers]
        self._levers.setdefault(key, []).extend(named)
        self.slack.levers += [Lever(f"{key}.{each.key}", each.label, each.pull, each.group) for each in named]

    async def pull(self, platform: str, key: str) -> str:
        """Pull one lever: the sentence of what happened. Raises KeyError."""
        for lever in self._all_levers().get(platform, []):
            if lever.key == _short(platform, key):
                return await lever.pull()
        raise KeyError(f"{platform} has no lever {key}")

    def _all_levers(self) -> dict[str, list[Lever]]:
        own = {each.key for each in self.slack.levers}
        slack = [each for each in self.slack.all_levers() if each.key not in own]
        shown = [Lever(_short("slack", each.key), each.label, each.pull, each.group) for each in slack]
        return self._levers | {"slack": shown}

    async def _show_levers(self, _request: Request) -> Response:
        return JSONResponse(
            [
                {"platform": platform, "key": lever.key, "label": lever.label, "group": lever.group}
                for platform, levers in self._all_levers().items()
                for lever in levers
            ]
        )

    async def _pull_lever(self, request: Request) -> Response:
        try:
            happened = await self.pull(request.path_params["platform"], request.path_params["key"])
        except KeyError as unknown:
            return JSONResponse({"error": str(unknown.args[0])}, status_code=404)
        return JSONResponse({"happened": happened})

    # Truth

    def disagreements(self, costs_ndjson: str) -> list[str]:
        """Where `redkey costs export --format ndjson` differs from what was really spent, one sentence each."""
        rows = [json.loads(line) for line in costs_ndjson.splitlines() if line.strip()]
        return [
            problem
            for platform in self.ad_platforms
            for problem in platform.disagreements([row for row in rows if row["platform"] == platform.key])
        ]

    def secrets(self) -> set[str]:
        """Every token, code and client secret in use here, for tests that look for leaks."""
        found = {self.slack.bot_token, self.slack.app_token, self.slack.signing_secret, *self.slack.rotation.made}
        found |= self.slack.installs.made
        return found.union(*(platform.oauth.secrets() for platform in self.platforms))


def _short(platform: str, key: str) -> str:
    """`revoke`, whether it was called that, `salesforce_revoke` or `slack.revoke`."""
    return key.removeprefix(platform).lstrip("_.") if key.startswith((f"{platform}_", f"{platform}.")) else key


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(old)
    for key, value in new.items():
        inner = found.get(key)
        both = isinstance(inner, Mapping) and isinstance(value, Mapping)
        found[key] = _merged(inner, value) if both and inner is not None else value
    return found
