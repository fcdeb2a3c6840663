"""The bot's own token at Slack, where the app rotates it: kept as a login is kept, and refreshed by the same protocol."""

import asyncio
import hashlib
from datetime import datetime, timedelta

import structlog

from bot.logins.refresh import GrantTokens, Refresher, Renews
from bot.memory.announcements import Announcement
from bot.memory.memory import Memory, Tx
from bot.words.announced import MutedFacts
from bot.words.connection import SLACK, Grant, Identity, Secret, TokenSet
from bot.words.errors import AuthorizationLost, Misconfigured, RedkeyError, TryLater
from bot.words.interfaces import Clock
from bot.words.oauth import AccessToken

log = structlog.get_logger()

KIND = "bot_token"  # of announcement
AHEAD = timedelta(hours=2)  # of twelve: as long has the operator, when a refresh is refused while the old token lives
AGAIN = timedelta(minutes=10)  # a refusal is asked about again: Slack may have been wrong, or a setting
SOON = timedelta(seconds=30)
_SELF = Identity("bot", "")
_SEEDS = "seeds"


class BotToken:
    """Implements bot.words.oauth.Tokens, and its own renewal. The row is shared by all replicas; `first` begins it."""

    def __init__(
        self, memory: Memory, slack: Renews, first: Secret, now: Clock, *, request_timeout: timedelta, channel: str
    ) -> None:
        self._memory = memory
        self._first = first
        self._now = now
        self._channel = channel
        self._refresher = Refresher(memory, {SLACK: slack}, now, request_timeout=request_timeout, refresh_ahead=AHEAD)
        self._tokens: GrantTokens | None = None
        self._turn = asyncio.Lock()
        self.refused = ""  # why Slack renews our token no more; empty while it does

    async def current(self) -> AccessToken:
        return await (await self._begun()).current()

    async def renewed(self, refused: int) -> AccessToken:
        return await (await self._begun()).renewed(refused)

    async def renew(self, grant: Grant) -> None:
        """It is due. What still lives is used to its end, whatever comes of this."""
        try:
            await self._refresher.renewed(grant.id, grant.generation)
            self.refused = ""
        except (AuthorizationLost, Misconfigured) as error:
            self.refused = f"{error.cause.words} {error.cause.cure}"
            log.error("Slack does not renew the bot's token", why=self.refused, until=str(grant.expires_at))
            await self._renew_at(grant, AGAIN, ends=grant.expires_at)
        except RedkeyError as error:
            log.info("refresh of the bot's token put off", why=str(error))
            await self._renew_at(grant, (error.after if isinstance(error, TryLater) else None) or SOON)

    async def drain(self, within: float) -> None:
        await self._refresher.drain(within)

    async def _renew_at(self, grant: Grant, after: timedelta, ends: datetime | None = None) -> None:
        """`ends`: what is refused now goes mute then, and says so as long as it can speak."""
        now = self._now()
        async with self._memory.begin() as tx:
            await tx.grants.renew_at(grant.id, now + after)
            if ends is not None and ends > now:
                about = {"generation": grant.generation, "until": ends.isoformat()}
                await tx.announcements.announce(f"{KIND}:{grant.generation}", KIND, self._channel, about, now)

    async def _begun(self) -> GrantTokens:
        async with self._turn:
            if self._tokens is None:
                async with self._memory.alone(f"first token of {SLACK}"), self._memory.begin() as tx:
                    grant = await self._begin(tx)
                self._tokens = GrantTokens(self._refresher, grant.id, grant.generation)
            return self._tokens

    async def _begin(self, tx: Tx) -> Grant:
        """A refresh token counts once. One that stands in the settings and was used here before begins nothing again, so
        that a replica which still has the older settings cannot bring it back.
        """
        now, seed = self._now(), hashlib.sha256(self._first.reveal().encode()).hexdigest()[:16]
        found = await tx.grants.of_identity(SLACK, _SELF.id)
        used = found.kept.get(_SEEDS, "").split() if found is not None else []
        if found is not None and seed in used:
            return found
        kept = {_SEEDS: " ".join([*used, seed])}
        tokens = TokenSet(
            Secret(""), self._first, expires_at=now, kept=kept
        )  # over already: refreshed before it is used
        if found is None:
            return await tx.grants.add(SLACK, _SELF, tokens, now)
        return await tx.grants.replace(found, tokens, now)


class Muted:
    """A teller of bot/announce/announce.py: the bot will be mute, until its token is renewed again."""

    async def facts(self, tx: Tx, told: Announcement) -> MutedFacts:
        grant = await tx.grants.of_identity(SLACK, _SELF.id)
        well = grant is None or grant.generation > int(told.about["generation"])
        return MutedFacts(datetime.fromisoformat(told.about["until"]), well)
