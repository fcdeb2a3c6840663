"""What we remember of consents under way and of connect links: hashes only, each good for one use."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Update, delete, insert, select, update

from bot.memory.entrances import ConnectLink, GuestLink
from bot.memory.memory import SealBroken
from bot.words.connection import Consent, Secret
from storage.tables import consents, guest_links, links
from storage.transaction import Transaction


class ConsentRows:
    """Implements bot.memory.entrances.Consents."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def begin(self, consent: Consent, state_hash: str, browser_hash: str, expires_at: datetime) -> None:
        keys, verifier = self._tx.keys, consent.verifier
        values = {
            "id": consent.id,
            "platform": consent.platform,
            "purpose": consent.purpose,
            "ref": consent.ref,
            "verifier": keys.seal("consents", consent.id, "verifier", verifier.reveal()) if verifier else None,
            "verifier_key": keys.newest if verifier else None,
            "state_hash": state_hash,
            "browser_hash": browser_hash,
            "started_by": consent.started_by,
            "created_at": consent.created_at,
            "expires_at": expires_at,
        }
        await self._tx.change(insert(consents).values(values))

    async def under_way(self, state_hash: str) -> bool:
        return await self._tx.one(select(consents.c.id).where(consents.c.state_hash == state_hash)) is not None

    async def take(self, platform: str, state_hash: str, browser_hash: str, now: datetime) -> Consent | None:
        """Taking is deleting: a row can be deleted once only, and nothing of it is left to steal."""
        fitting = delete(consents).where(
            consents.c.state_hash == state_hash,
            consents.c.browser_hash == browser_hash,
            consents.c.platform == platform,
            consents.c.expires_at > now,
        )
        row = await self._tx.one(fitting.returning(consents))
        if row is None:
            return None
        try:
            verifier = self._opened(row)
        except SealBroken:
            return None  # it was begun under a key that is gone: the person has to begin again
        return Consent(row.id, row.platform, row.purpose, row.ref, verifier, row.created_at, row.started_by)

    def _opened(self, row: Any) -> Secret | None:
        if row.verifier is None:
            return None
        return Secret(self._tx.keys.open("consents", row.id, "verifier", row.verifier, row.verifier_key))

    async def add_link(self, link_id: str, platform: str, token_hash: str, asked_by: str, expires_at: datetime) -> None:
        values = {"id": link_id, "platform": platform, "token_hash": token_hash, "asked_by": asked_by}
        await self._tx.change(insert(links).values(values | {"expires_at": expires_at}))

    async def link(self, token_hash: str, now: datetime) -> ConnectLink | None:
        living = links.c.token_hash == token_hash, links.c.used_at.is_(None), links.c.expires_at > now
        row = await self._tx.one(select(links).where(*living))
        return ConnectLink(row.id, row.platform, row.grant_id or "") if row else None

    async def asked_by(self, link_id: str) -> str:
        return str(await self._tx.value(select(links.c.asked_by).where(links.c.id == link_id)) or "")

    async def link_granted(self, link_id: str, grant_id: str, token_hash: str) -> bool:
        first = _unused(link_id).where(links.c.grant_id.is_(None))
        return await self._tx.change(first.values(grant_id=grant_id, token_hash=token_hash)) == 1

    async def link_used(self, link_id: str, now: datetime) -> bool:
        return await self._tx.change(_unused(link_id).values(used_at=now)) == 1

    async def add_guest(self, link: GuestLink, token_hash: str) -> None:
        values: dict[str, Any] = {
            "id": link.id,
            "outage_id": link.outage_id,
            "token_hash": token_hash,
            "asked_by": link.asked_by,
        }
        values |= {"same_login": link.same_login, "expires_at": link.expires_at}
        await self._tx.change(insert(guest_links).values(values))

    async def guest(self, token_hash: str, now: datetime) -> GuestLink | None:
        return _guest(
            await self._tx.one(select(guest_links).where(guest_links.c.token_hash == token_hash, *_lives(now)))
        )

    async def guest_by_id(self, link_id: str, now: datetime) -> GuestLink | None:
        return _guest(await self._tx.one(select(guest_links).where(guest_links.c.id == link_id, *_lives(now))))

    async def guest_over(self, link_id: str, now: datetime) -> bool:
        over = update(guest_links).where(guest_links.c.id == link_id, *_lives(now))
        return await self._tx.change(over.values(over_at=now)) == 1

    async def sweep(self, now: datetime) -> None:
        await self._tx.change(delete(consents).where(consents.c.expires_at <= now))
        await self._tx.change(delete(links).where(links.c.expires_at <= now))
        await self._tx.change(delete(guest_links).where(guest_links.c.expires_at <= now))


def _unused(link_id: str) -> Update:
    return update(links).where(links.c.id == link_id, links.c.used_at.is_(None))


def _lives(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return guest_links.c.over_at.is_(None), guest_links.c.expires_at > now


def _guest(row: Row[Any] | None) -> GuestLink | None:
    return GuestLink(row.id, row.outage_id, row.asked_by, row.same_login, row.expires_at) if row else None
