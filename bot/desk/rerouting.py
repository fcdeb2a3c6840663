"""Changing from Slack which channel hears of a platform or a connection, and who is asked first."""

from collections.abc import Mapping
from dataclasses import replace

from bot.memory.memory import Memory, Tx
from bot.memory.routes import Route, Routes
from bot.people.people import NotFound, RouteFacts
from bot.reauthorize.connect import Connect
from bot.words.facts import ConnectionFacts
from bot.words.interfaces import Clock, Gateway


class Rerouting:
    """Alerts that stand already stay where they are; the next ones go by what is chosen here."""

    def __init__(
        self, memory: Memory, gateways: Mapping[str, Gateway], connect: Connect, routes: Routes, now: Clock
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._connect = connect
        self._routes = routes
        self._now = now

    async def look(self, platform: str, connection_id: str = "") -> RouteFacts:
        async with self._memory.read() as tx:
            return await self._facts(tx, platform, connection_id)

    async def change(self, platform: str, connection_id: str, to: Route, who: str) -> RouteFacts:
        async with self._memory.begin() as tx:
            await self._facts(tx, platform, connection_id)
            subject = replace(to, platform="" if connection_id else platform, connection=connection_id)
            await tx.routes.put(subject, who, self._now())
            told = {"channel": to.channel, "owners": ",".join(to.owners)}
            tx.audit.note("routed", who=who, subject=connection_id or platform, **told)
            return await self._facts(tx, platform, connection_id)

    async def _facts(self, tx: Tx, platform: str, connection_id: str) -> RouteFacts:
        connection: ConnectionFacts | None = None
        if connection_id:
            found = await tx.connections.get(connection_id)
            there = [found] if found is not None and found.removed_at is None else []
            connection = next(iter(await self._connect.listed(tx, there)), None)
            platform = connection.connection.platform if connection else ""
        if platform not in self._gateways:
            raise NotFound(f"there is no {connection_id or platform or 'such thing'} to route")
        routes = self._routes.over(await tx.routes.all())
        return RouteFacts(
            platform,
            self._gateways[platform].platform.name,
            connection,
            routes.channel_of(platform, connection_id),
            routes.owners_of(platform, connection_id),
            routes.made_for(platform, connection_id),
        )
