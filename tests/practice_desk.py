"""A desk in memory behind the real Protocol: what Slack's listeners call, and a record of what they asked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sample_facts import NOW, connection, google, salesforce

from bot.memory.routes import Route
from bot.people.people import LoginEnd, NotFound, Reachable, Removed, RouteFacts
from bot.words.connection import Event, Outage
from bot.words.facts import CheckAnswer, ConnectionFacts, OutageFacts


class PracticeDesk:
    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.held: dict[str, OutageFacts] = {f.outage.id: f for f in (google(), salesforce())}
        lost = connection(1, authorized=False)
        fine = connection(2, "Acme US")
        self.known: dict[str, ConnectionFacts] = {c.connection.id: c for c in (fine, lost)}
        self.clicks: dict[str, int] = {}
        self.made: dict[str, Route] = {}
        self.logins: list[Reachable] = []
        self.trouble: Exception | None = None

    def _ask(self, *what: str) -> None:
        self.asked.append(what)
        if self.trouble is not None:
            raise self.trouble

    def platforms(self) -> dict[str, str]:
        return {"google_ads": "Google Ads", "salesforce": "Salesforce"}

    async def connections(self) -> list[ConnectionFacts]:
        self._ask("connections")
        return list(self.known.values())

    async def connection(self, connection_id: str) -> ConnectionFacts:
        self._ask("connection", connection_id)
        if connection_id not in self.known:
            raise NotFound(f"there is no connection {connection_id}")
        return self.known[connection_id]

    async def outages(self, *, open_only: bool = False) -> list[OutageFacts]:
        self._ask("outages")
        return [f for f in self.held.values() if not (open_only and f.outage.closed_at)]

    async def past(self, limit: int, after: tuple[datetime, str] | None = None) -> list[Outage]:
        return [facts.outage for facts in self.held.values()][:limit]

    async def outage(self, outage_id: str) -> OutageFacts | None:
        self._ask("outage", outage_id)
        return self.held.get(outage_id)

    async def connect_link(self, platform: str, asked_by: str) -> str:
        self._ask("connect_link", platform, asked_by)
        return "https://redkey.example.com/connect/once"

    async def reachable(self, platform: str) -> list[Reachable]:
        self._ask("reachable", platform)
        return self.logins

    async def watch(self, grant_id: str, account_ids: Sequence[str], who: str) -> list[ConnectionFacts]:
        self._ask("watch", grant_id, *account_ids, who)
        there = {a.id: a for login in self.logins if login.grant_id == grant_id for a in login.accounts}
        for account_id in account_ids:
            one = self.known["con_2"]
            new = replace(one.connection, id=f"con_{account_id}", account=there[account_id])
            self.known[new.id] = replace(one, connection=new)
        return [self.known[f"con_{account_id}"] for account_id in account_ids]

    async def check(self, connection_id: str | None = None) -> list[CheckAnswer]:
        self._ask("check", connection_id or "")
        chosen = [c for c in self.known.values() if connection_id in {None, c.connection.id}]
        problem = "This login has expired."
        return [CheckAnswer(c.connection, "" if c.connection.authorized else problem) for c in chosen]

    async def claim(self, outage_id: str, who: str) -> OutageFacts:
        self._ask("claim", outage_id, who)
        return self._change(outage_id, claimed_by=who, claimed_at=NOW)

    async def snooze(self, outage_id: str, who: str, until: datetime) -> OutageFacts:
        self._ask("snooze", outage_id, who, until.isoformat())
        return self._change(outage_id, snoozed_until=until)

    def _change(self, outage_id: str, **changes: object) -> OutageFacts:
        if outage_id not in self.held:
            raise NotFound(f"there is no outage {outage_id}")
        facts = self.held[outage_id]
        if facts.outage.closed_at is None:
            facts = self.held[outage_id] = replace(facts, outage=replace(facts.outage, **changes))
        return facts

    def close(self, outage_id: str) -> None:
        self._change(outage_id, closed_at=NOW, caught_up_at=NOW, timeline=(Event(NOW, "caught_up"),))

    async def pause(self, connection_id: str, who: str) -> ConnectionFacts:
        self._ask("pause", connection_id, who)
        return self._switch(connection_id, enabled=False)

    async def resume(self, connection_id: str, who: str) -> ConnectionFacts:
        self._ask("resume", connection_id, who)
        return self._switch(connection_id, enabled=True)

    async def remove(self, connection_id: str, who: str) -> Removed:
        self._ask("remove", connection_id, who)
        if connection_id not in self.known:
            raise NotFound(f"there is no connection {connection_id}")
        return Removed(self.known.pop(connection_id), LoginEnd.REVOKED)

    async def route(self, platform: str, connection_id: str = "") -> RouteFacts:
        self._ask("route", platform, connection_id)
        facts = self.known.get(connection_id)
        if (connection_id and facts is None) or (platform and platform not in self.platforms()):
            raise NotFound(f"there is no connection {connection_id}")
        platform = platform or "google_ads"
        made = self.made.get(connection_id or platform)
        channel = made.channel if made and made.channel else "C0REDKEY00"
        return RouteFacts(platform, self.platforms()[platform], facts, channel, made.owners if made else (), made)

    async def reroute(self, platform: str, connection_id: str, to: Route, who: str) -> RouteFacts:
        self._ask("reroute", connection_id or platform, to.channel, *to.owners, who)
        self.made[connection_id or platform] = to
        return await self.route(platform, connection_id)

    async def ask_guest(self, outage_id: str, who: str, *, same_login: bool) -> str:
        self._ask("ask_guest", outage_id, who, "same" if same_login else "any")
        return "https://redkey.example.com/guest/once"

    async def take_back(self, link_id: str, who: str) -> bool:
        self._ask("take_back", link_id, who)
        return False

    async def left(self, who: str, name: str, email: str) -> None:
        self._ask("left", who, name, email)

    async def newest_click(self, subject: str, clicked_micros: int) -> bool:
        newer = clicked_micros > self.clicks.get(subject, 0)
        if newer:
            self.clicks[subject] = clicked_micros
        return newer

    def _switch(self, connection_id: str, *, enabled: bool) -> ConnectionFacts:
        if connection_id not in self.known:
            raise NotFound(f"there is no connection {connection_id}")
        facts = self.known[connection_id]
        changed = replace(facts, connection=replace(facts.connection, enabled=enabled))
        self.known[connection_id] = changed
        return changed
