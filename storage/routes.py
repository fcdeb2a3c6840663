"""Routes that people made in Slack: for a platform or for one connection, its channel and its owners."""

from datetime import datetime

from sqlalchemy import Column, Table, delete, select

from bot.memory.routes import Route
from storage.columns import JsonText, UtcDateTime, Words
from storage.tables import metadata
from storage.transaction import Transaction

# One of `platform` and `connection` is empty. A connection's route outlives its removal, for it may come back.
routes = Table(
    "routes",
    metadata,
    Column("platform", Words, primary_key=True),
    Column("connection", Words, primary_key=True),
    Column("channel", Words, nullable=False),
    Column("owners", JsonText, nullable=False),
    Column("made_by", Words, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)


class RouteRows:
    """Implements bot.memory.routes.MadeRoutes."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def all(self) -> list[Route]:
        rows = await self._tx.all(select(routes).order_by(routes.c.platform, routes.c.connection))
        return [
            Route(r.platform, r.connection, r.channel, tuple(r.owners), made_by=r.made_by, made_at=r.made_at)
            for r in rows
        ]

    async def put(self, route: Route, who: str, now: datetime) -> None:
        if route.empty:
            subject = routes.c.platform == route.platform, routes.c.connection == route.connection
            await self._tx.change(delete(routes).where(*subject))
            return
        says = {"channel": route.channel, "owners": list(route.owners), "made_by": who, "made_at": now}
        row = self._tx.insert(routes).values(platform=route.platform, connection=route.connection, **says)
        await self._tx.change(row.on_conflict_do_update(index_elements=["platform", "connection"], set_=says))
