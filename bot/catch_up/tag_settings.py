"""How one connection tags its ads: switched on or off, with which parameters, and what they would make of real ads."""

import re
from collections.abc import Mapping
from dataclasses import replace

from bot.catch_up.utm import plan
from bot.memory.memory import Memory
from bot.people.people import NotFound
from bot.people.showing import Previewed
from bot.watch.watch import Watch
from bot.words.connection import Connection
from bot.words.errors import Refused
from bot.words.freight import Ad
from bot.words.interfaces import AdTagger, Clock, Gateway

SAMPLES = 5
LONGEST = 1000
_PAIR = re.compile(r"[A-Za-z0-9_.-]{1,64}=[!$%'-;=?-~]{0,300}")  # one parameter: no space, quote, #, & or angle bracket


class TagSettings:
    """Implements bot.people.showing.TagDesk."""

    def __init__(self, memory: Memory, gateways: Mapping[str, Gateway], watch: Watch, now: Clock) -> None:
        self._memory = memory
        self._gateways = gateways
        self._watch = watch
        self._now = now

    async def save(self, connection_id: str, *, autotagging: bool, utm: str) -> None:
        _, tagger = await self._of(connection_id)
        written, now = checked(utm), self._now()
        async with self._memory.begin() as tx:
            await tx.connections.set_utm(connection_id, "" if written == tagger.utm else written)
            await tx.connections.set_autotagging(connection_id, autotagging)
            if autotagging:
                await tx.transfers.hurry([connection_id], now)

    async def preview(self, connection_id: str, utm: str) -> list[Previewed]:
        """Reads a few ads at the platform and writes nothing there."""
        connection, tagger = await self._of(connection_id)
        written = checked(utm) or tagger.utm
        if not connection.authorized or not connection.enabled:
            raise Refused("a preview needs a connection that works", code="not_connected")
        ads: list[Ad] = []
        async with self._watch.using(connection) as fetch:
            async for some in tagger.ads(fetch, connection.account, None):
                ads += some
                if len(ads) >= SAMPLES:
                    break
        return [_previewed(ad, written, tagger) for ad in ads[:SAMPLES]]

    async def _of(self, connection_id: str) -> tuple[Connection, AdTagger]:
        async with self._memory.read() as tx:
            connection = await tx.connections.get(connection_id)
        gateway = self._gateways.get(connection.platform) if connection else None
        if connection is None or connection.removed_at or gateway is None or not isinstance(gateway.platform, AdTagger):
            raise NotFound(f"there is no connection {connection_id} with ads")
        return connection, gateway.platform


def checked(utm: str) -> str:
    """The template as it is kept; empty for the platform's own. Raises Refused."""
    text = utm.strip().lstrip("?&")
    if text and (len(text) > LONGEST or not all(_PAIR.fullmatch(pair) for pair in text.split("&"))):
        raise Refused("the parameters must look like utm_source=google&utm_medium=cpc", code="utm")
    return text


def _previewed(ad: Ad, utm: str, tagger: AdTagger) -> Previewed:
    planned = plan(ad, utm, tagger.domains)
    url = ad.urls[0] if ad.urls else ""
    before = with_suffix(url, ad.suffix)
    if planned.wanted is None:
        return Previewed(ad.name or ad.id, before, before, planned.note)
    tagged = replace(ad, suffix=planned.wanted)
    return Previewed(ad.name or ad.id, before, with_suffix(url, tagged.suffix))


def with_suffix(url: str, suffix: str) -> str:
    """Where a click leads: the suffix goes behind the query and before the fragment."""
    if not suffix:
        return url
    page, mark, fragment = url.partition("#")
    joint = "" if page.endswith(("?", "&")) else "&" if "?" in page else "?"
    return f"{page}{joint}{suffix}{mark}{fragment}"
