"""Whom a message calls: those who can fix it, and never somebody who has left or is at it already."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from bot.memory.memory import Tx
from bot.memory.routes import Routes
from bot.words.announced import EndingFacts, EndingsFacts, LeaverFacts
from bot.words.connection import Connection, Outage
from bot.words.facts import OutageFacts

JUST_NOW = timedelta(hours=1)
STORM_LOOKED_AT = 1_000  # accounts of a storm whose owners are looked for
STORM_CALLED = 15
_PERSON = re.compile(r"[UW][A-Z0-9]{2,}")
OURS = {"reminded", "escalated", "claim_lapsed", "soon_gone"}  # lines of a timeline that tell of a call, not of an act
Called = TypeVar("Called", OutageFacts, EndingFacts | EndingsFacts | LeaverFacts)


def first_in_slack(*known: str | None) -> str:
    """The first of these that is a person in Slack: others are logins, or nobody. "" where there is none."""
    return next((who for who in known if who and _PERSON.fullmatch(who)), "")


class Presence(Protocol):
    async def gone(self, who: str) -> bool:
        """Whether Slack says that this person is deactivated. False for a group, and where it cannot be told."""


async def who_can_fix(tx: Tx, connections: Sequence[Connection], routes: Routes) -> list[str]:
    """Who authorized these accounts last, where that is known, then their owners. The first has the login at hand."""
    grants = [await tx.grants.get(grant_id) for grant_id in dict.fromkeys(c.grant_id for c in connections)]
    authorized = [grant.authorized_by for grant in grants if grant is not None and grant.authorized_by]
    return list(dict.fromkeys([*authorized, *(owner for c in connections for owner in routes.owners(c))]))


async def who_can_fix_a_storm(tx: Tx, outage: Outage, routes: Routes) -> list[str]:
    """Those of all its logins that are still lost, owners first: few people own many logins. Bounded: all hear it."""
    lost = await tx.storms.people(outage.id, STORM_LOOKED_AT)
    owners = [owner for connection_id, _ in lost for owner in routes.owners_of(outage.platform, connection_id)]
    return list(dict.fromkeys([*owners, *(who for _, who in lost if who)]))[:STORM_CALLED]


def just_acted(outage: Outage, now: datetime) -> set[str]:
    """Nobody is pinged for what they do."""
    return {
        event.who for event in outage.timeline if event.who and event.what not in OURS and now - event.at < JUST_NOW
    }


async def present(facts: Called, presence: Presence | None) -> Called:
    """The same facts, calling only people who are there; where nobody is left, those who are called for want of others."""
    for chosen in (facts.mentions, facts.otherwise):
        here = [who for who in chosen if presence is None or not await presence.gone(who)]
        if here:
            return replace(facts, mentions=tuple(here))
    return replace(facts, mentions=())
