"""Accounts of which it is known what they usually do: so much cost and so many new ads a day, until yesterday."""

from datetime import timedelta

from practice_memory import a_grant, an_account
from practice_story import GOOGLE

from bot.words.connection import Account, Flow
from bot.words.freight import Ad, CostRow, TagChange
from bot.words.interfaces import TagResult

DAY = timedelta(days=1)


def cost(day, micros, clicks=10, ad="7"):
    return CostRow(day, "1", "Search", "2", ad, "EUR", micros, clicks, 100)


def ad(number, made):
    return TagChange(Ad(str(number), f"Ad {number}", (), created_at=made), "", "utm_source=google")


async def stored(story, *, days=10, micros=300_000_000, ads_a_day=2, person="ada", account="111", currency="EUR"):
    """A login whose one account has had so much cost and so many new ads a day until yesterday."""
    now, today = story.clock(), story.clock().date()
    flows = (Flow.COST, Flow.TAGGING)
    async with story.memory.begin() as tx:
        grant = await a_grant(tx, now, person, GOOGLE)
        connection = await an_account(tx, grant, now, account, flows)
        await tx.connections.set_account(connection.id, Account(account, "Acme", currency, "UTC"))
        past = [today - n * DAY for n in range(1, days + 1)]
        rows = [cost(day, micros) for day in past]
        if rows:
            await tx.costs.store(connection.id, rows, past[-1], past[0], now)
        made = [ad(f"{n}-{i}", now - n * DAY) for n in range(1, days + 1) for i in range(ads_a_day)]
        await tx.tags.plan(connection.id, made, now)
        await tx.tags.applied(connection.id, [TagResult(change.ad.id) for change in made], now)
    return grant, connection
