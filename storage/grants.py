"""What we remember of grants: who consented, the sealed tokens, and which generation they are."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from bot.memory.memory import SealBroken, Work
from bot.words.connection import SLACK, Grant, Identity, Secret, TokenSet
from bot.words.errors import Fenced
from storage.ids import new_id
from storage.tables import grants
from storage.transaction import Transaction

HELD_FOR = timedelta(minutes=5)  # a renewal nobody finished is taken up again after this


class GrantRows:
    """Implements bot.memory.memory.Grants."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def get(self, grant_id: str) -> Grant | None:
        row = await self._tx.one(select(grants).where(grants.c.id == grant_id))
        return _grant(row) if row else None

    async def held(self, grant_id: str) -> Grant | None:
        row = await self._tx.one(select(grants).where(grants.c.id == grant_id).with_for_update())
        return _grant(row) if row else None

    async def all(self) -> list[Grant]:
        rows = await self._tx.all(
            select(grants).where(grants.c.platform != SLACK).order_by(grants.c.created_at, grants.c.id)
        )
        return [_grant(row) for row in rows]

    async def of_identity(self, platform: str, identity_id: str) -> Grant | None:
        one = select(grants).where(grants.c.platform == platform, grants.c.identity_id == identity_id)
        row = await self._tx.one(one)
        return _grant(row) if row else None

    async def living(self, platform: str, identity_id: str) -> Grant | None:
        one = grants.c.platform == platform, grants.c.identity_id == identity_id
        row = await self._tx.one(select(grants).where(*one, grants.c.tokens.is_not(None), grants.c.lost_at.is_(None)))
        return _grant(row) if row else None

    async def add(self, platform: str, identity: Identity, tokens: TokenSet, now: datetime) -> Grant:
        """Raises Fenced if this person's grant was added by someone else meanwhile."""
        grant_id = new_id("gra")
        first = {"id": grant_id, "platform": platform, "generation": 1, "created_at": now}
        values = first | _identified(identity) | self._stored(grant_id, tokens, now)
        made = self._tx.insert(grants).values(values).on_conflict_do_nothing().returning(grants)
        row = await self._tx.one(made)
        if row is None:
            raise Fenced("this login was stored by someone else just now")
        return _grant(row)

    async def tokens(self, grant_id: str) -> TokenSet | None:
        row = await self._tx.one(select(grants).where(grants.c.id == grant_id))
        return self._opened(row) if row else None

    async def opened(self, grant_ids: Sequence[str]) -> dict[str, tuple[Grant, TokenSet | SealBroken | None]]:
        rows = await self._tx.all(select(grants).where(grants.c.id.in_(grant_ids)))
        return {row.id: (_grant(row), self._tried(row)) for row in rows}

    def _tried(self, row: Row[Any]) -> TokenSet | SealBroken | None:
        try:
            return self._opened(row)
        except SealBroken as broken:
            return broken

    async def replace(
        self, grant: Grant, tokens: TokenSet, now: datetime, *, identity: Identity | None = None
    ) -> Grant:
        """Another person's refresh token, scopes and kept fields are never carried over."""
        same_one = grants.c.id == grant.id, grants.c.generation == grant.generation
        row = await self._tx.one(select(grants).where(*same_one).with_for_update())
        if row is None:
            raise Fenced("the login has newer tokens already")
        if identity is None or identity.id == row.identity_id:
            tokens = self._completed(tokens, row)
        values = self._stored(grant.id, tokens, now) | {"generation": grant.generation + 1}
        values |= {"refresh_started_at": None, "lost_at": None} | (_identified(identity) if identity else {})
        try:
            stored = await self._tx.one(update(grants).where(*same_one).values(values).returning(grants))
        except IntegrityError as error:
            raise Fenced("that person's login is stored in another place") from error
        assert stored is not None  # the row was locked above
        return _grant(stored)

    def _completed(self, tokens: TokenSet, row: Row[Any]) -> TokenSet:
        """Where the answer has no refresh token, no scopes or not all kept fields, the old ones go on."""
        refresh, refresh_expires = tokens.refresh_token, tokens.refresh_expires_at
        if refresh is None and row.refreshable:
            refresh, refresh_expires = self._old_refresh(row), refresh_expires or row.refresh_expires_at
        return TokenSet(
            access_token=tokens.access_token,
            refresh_token=refresh,
            expires_at=tokens.expires_at,
            refresh_expires_at=refresh_expires,
            scopes=tokens.scopes or tuple(row.scopes),
            kept={**row.kept, **tokens.kept},
        )

    def _old_refresh(self, row: Row[Any]) -> Secret | None:
        """None where the old tokens do not open any more: new ones must not be refused because of that."""
        try:
            old = self._opened(row)
        except SealBroken:
            return None
        return old.refresh_token if old else None

    async def begin_refreshes(self, some: Sequence[Grant], now: datetime) -> set[str]:
        """Locked in the order of their ids, as all who change many do, lest they wait for each other for ever."""
        those = _of_generations(some)
        await self._tx.all(select(grants.c.id).where(those).order_by(grants.c.id).with_for_update())
        begun = update(grants).where(those, grants.c.refresh_started_at.is_(None)).values(refresh_started_at=now)
        return {row.id for row in await self._tx.all(begun.returning(grants.c.id))}

    async def end_refreshes(self, some: Sequence[Grant]) -> None:
        those = _of_generations(some)
        await self._tx.all(select(grants.c.id).where(those).order_by(grants.c.id).with_for_update())
        await self._tx.change(update(grants).where(those).values(refresh_started_at=None))

    async def mark_lost(self, grant: Grant, now: datetime) -> bool:
        """A lost grant is not renewed either: its next_refresh_at is taken away."""
        living = _of_generation(grant).where(grants.c.lost_at.is_(None))
        lost = living.values(lost_at=now, refresh_started_at=None, next_refresh_at=None)
        return await self._tx.change(lost) == 1

    async def claim_renewals(self, now: datetime, limit: int, owner: str | None = None) -> list[Grant]:
        rows = await self._tx.claim(
            grants,
            where=[grants.c.next_refresh_at <= now, grants.c.tokens.is_not(None)],
            order=[grants.c.next_refresh_at],
            limit=limit,
            values={"next_refresh_at": now + HELD_FOR, "renewal_owner": owner},
        )
        return [_grant(row) for row in rows]

    async def authorized_by(self, grant_id: str, who: str) -> None:
        await self._tx.change(update(grants).where(grants.c.id == grant_id).values(authorized_by=who))

    async def renew_at(self, grant_id: str, at: datetime | None) -> None:
        again = {"next_refresh_at": at, "renewal_owner": None}
        await self._tx.change(update(grants).where(grants.c.id == grant_id).values(again))
        if at is not None:
            self._tx.becomes_due(Work.RENEW, at)

    async def forget(self, grant_id: str) -> None:
        """The generation moves too, so that a refresh still under way cannot bring tokens back."""
        gone: dict[str, Any] = dict.fromkeys(
            ("tokens", "tokens_key", "expires_at", "refresh_expires_at", "refresh_started_at", "next_refresh_at")
        )
        gone |= {"refreshable": False, "generation": grants.c.generation + 1}
        await self._tx.change(update(grants).where(grants.c.id == grant_id).values(gone))

    def _stored(self, grant_id: str, tokens: TokenSet, now: datetime) -> dict[str, Any]:
        secrets = {"access": tokens.access_token.reveal()}
        if tokens.refresh_token is not None:
            secrets["refresh"] = tokens.refresh_token.reveal()
        return {
            "tokens": self._tx.keys.seal("grants", grant_id, "tokens", json.dumps(secrets)),
            "tokens_key": self._tx.keys.newest,
            "refreshable": tokens.refresh_token is not None,
            "scopes": list(tokens.scopes),
            "kept": dict(tokens.kept),
            "expires_at": tokens.expires_at,
            "refresh_expires_at": tokens.refresh_expires_at,
            "refreshed_at": now,
        }

    def _opened(self, row: Row[Any]) -> TokenSet | None:
        if row.tokens is None:
            return None
        secrets: Mapping[str, str] = json.loads(
            self._tx.keys.open("grants", row.id, "tokens", row.tokens, row.tokens_key)
        )
        return TokenSet(
            access_token=Secret(secrets["access"]),
            refresh_token=Secret(secrets["refresh"]) if "refresh" in secrets else None,
            expires_at=row.expires_at,
            refresh_expires_at=row.refresh_expires_at,
            scopes=tuple(row.scopes),
            kept=row.kept,
        )


def _of_generations(some: Sequence[Grant]) -> Any:
    """For a pair alone SQLite walks through all logins there are: the ids show it the way."""
    pairs = [(each.id, each.generation) for each in some]
    return grants.c.id.in_([grant_id for grant_id, _ in pairs]) & tuple_(grants.c.id, grants.c.generation).in_(pairs)


def _of_generation(grant: Grant) -> Any:
    return update(grants).where(grants.c.id == grant.id, grants.c.generation == grant.generation)


def _identified(identity: Identity) -> dict[str, Any]:
    return {"identity_id": identity.id, "login": identity.login}


def _grant(row: Row[Any]) -> Grant:
    return Grant(
        id=row.id,
        platform=row.platform,
        identity=Identity(row.identity_id, row.login),
        generation=row.generation,
        scopes=tuple(row.scopes),
        kept=row.kept,
        expires_at=row.expires_at,
        refresh_expires_at=row.refresh_expires_at,
        refreshed_at=row.refreshed_at,
        refresh_started_at=row.refresh_started_at,
        lost_at=row.lost_at,
        refreshable=row.refreshable,
        authorized_by=row.authorized_by,
    )
