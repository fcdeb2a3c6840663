"""Adding the app to another workspace: to Slack, back with a state that counts once, and a row that brings it into service."""

import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

import structlog

from bot.memory.installed import Installed
from bot.memory.memory import Memory
from bot.people.people import Begun
from bot.reauthorize.reauthorize import STATE_LIVES, digest, use_up
from bot.words.connection import Consent, Secret
from bot.words.errors import Refused, TryLater
from bot.words.interfaces import Clock
from bot.words.tenant import tenant_address

log = structlog.get_logger()

STATE_OF = "slack_install"  # beside the platforms' own keys, so that no other state can be used here


class How(Enum):
    """What became of it."""

    INSTALLED = auto()
    DECLINED = auto()
    OVER = auto()
    ORG_WIDE = auto()
    NOT_LISTED = auto()
    HOME = auto()
    REFUSED = auto()
    LATER = auto()


@dataclass(frozen=True)
class Installation:
    how: How
    name: str = ""
    address: str = ""


class Vendor(Protocol):
    """Slack, as far as installing goes."""

    def consent_url(self, state: str) -> str: ...
    async def trade(self, code: Secret) -> Installed:
        """Raises Refused, and TryLater."""

    async def give_back(self, token: Secret) -> None: ...


class Installing:
    """`listed`: which workspaces may come in; None: all. `own_team`: home, which is set up by its settings."""

    def __init__(
        self,
        memory: Memory,
        vendor: Vendor,
        listed: Collection[str] | None,
        own_team: Callable[[], Awaitable[str]],
        public_url: str,
        now: Clock,
    ) -> None:
        self._memory = memory
        self._vendor = vendor
        self._listed = listed
        self._own_team = own_team
        self._public_url = public_url
        self._now = now

    async def begin(self) -> Begun:
        state, browser, now = secrets.token_urlsafe(32), secrets.token_urlsafe(32), self._now()
        consent = Consent(f"cns_{secrets.token_hex(12)}", STATE_OF, "install", "", None, now)
        async with self._memory.begin() as tx:
            await tx.consents.begin(consent, digest(state), digest(browser), now + STATE_LIVES)
        return Begun(self._vendor.consent_url(state), browser)

    async def finish(self, params: Mapping[str, str], browser: str | None) -> Installation:
        """The state is used up first, whatever else the query says."""
        state = params.get("state", "")
        ours = bool(state and browser)
        if not ours or await use_up(self._memory, STATE_OF, state, str(browser), self._now()) is None:
            return Installation(How.OVER)
        if not params.get("code"):
            return Installation(How.DECLINED if params.get("error") == "access_denied" else How.REFUSED)
        try:
            return await self._taken(await self._vendor.trade(Secret(params["code"])))
        except Refused as refusal:
            log.warning("an installation was refused", why=str(refusal))
            return Installation(How.ORG_WIDE if refusal.code == "org_wide" else How.REFUSED)
        except TryLater as error:
            log.warning("an installation was not finished", why=str(error))
            return Installation(How.LATER)

    async def _taken(self, installed: Installed) -> Installation:
        team = installed.team
        if team == await self._own_team():
            return Installation(How.HOME, installed.name)
        if self._listed is not None and team not in self._listed:
            await self._vendor.give_back(installed.bot_token)
            log.warning("an installation was refused", why="the workspace is not in [[workspaces]]", team=team)
            return Installation(How.NOT_LISTED, installed.name)
        now = self._now()
        async with self._memory.begin() as tx:
            await tx.workspaces.install(installed, now)
            tx.audit.note("workspace_installed", who=installed.installer, subject=team)
        log.info("a workspace installed the app", team=team)
        return Installation(How.INSTALLED, installed.name, tenant_address(self._public_url, team) + "/connections")
