"""Workspaces that installed the app: one row each, with its token sealed as logins are."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select, update

from bot.memory.installed import Installed, Neighbour
from bot.memory.memory import SealBroken
from bot.words.connection import Secret
from storage.tables import workspaces
from storage.transaction import Transaction


class WorkspaceRows:
    """Implements bot.memory.installed.Workspaces."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def install(self, installed: Installed, now: datetime) -> None:
        refresh = installed.refresh_token
        tokens = json.dumps([installed.bot_token.reveal(), refresh.reveal() if refresh else None])
        values = {
            "name": installed.name,
            "channel": installed.channel,
            "installer": installed.installer,
            "tokens": self._tx.keys.seal("workspaces", installed.team, "tokens", tokens),
            "tokens_key": self._tx.keys.newest,
            "installed_at": now,
            "rested_at": None,
        }
        new = self._tx.insert(workspaces).values(id=installed.team, generation=1, **values)
        again = {**values, "generation": workspaces.c.generation + 1}
        await self._tx.change(new.on_conflict_do_update(index_elements=[workspaces.c.id], set_=again))

    async def all(self) -> Sequence[Neighbour]:
        return [_neighbour(row) for row in await self._tx.all(_told().order_by(workspaces.c.id))]

    async def get(self, team: str) -> Neighbour | None:
        row = await self._tx.one(_told().where(workspaces.c.id == team))
        return _neighbour(row) if row else None

    async def tokens(self, team: str) -> tuple[Secret, Secret | None]:
        row = await self._tx.one(select(workspaces.c.tokens, workspaces.c.tokens_key).where(workspaces.c.id == team))
        if row is None or row.tokens is None:
            raise SealBroken(f"there is no token of workspace {team}")
        bot, refresh = json.loads(self._tx.keys.open("workspaces", team, "tokens", row.tokens, row.tokens_key))
        return Secret(bot), Secret(refresh) if refresh else None

    async def rest(self, team: str, generation: int, now: datetime) -> bool:
        same = workspaces.c.id == team, workspaces.c.generation == generation, workspaces.c.rested_at.is_(None)
        over = update(workspaces).where(*same).values(tokens=None, tokens_key=None, rested_at=now)
        return await self._tx.change(over) == 1


def _told() -> Select[Any]:
    """Without the token, which only `tokens` gives away."""
    c = workspaces.c
    return select(c.id, c.name, c.channel, c.installer, c.generation, c.installed_at, c.rested_at)


def _neighbour(row: Row[Any]) -> Neighbour:
    return Neighbour(row.id, row.name, row.channel, row.installer, row.generation, row.installed_at, row.rested_at)
