"""Connecting a new login: a one-time link, the consent, then the accounts to watch."""

import asyncio
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from bot.logins.refresh import GrantTokens, Refresher
from bot.memory.entrances import ConnectLink
from bot.memory.memory import Memory, Tx
from bot.memory.routes import Routes
from bot.outages.calling import first_in_slack
from bot.outages.marks import shown, stopped_flows
from bot.people.people import Begun, ConnectPage, Ending, NotFound, Outcome, Reachable
from bot.reauthorize.borrowed import tell_whose_login
from bot.reauthorize.patience import patient
from bot.reauthorize.reauthorize import Consents, digest, in_words
from bot.reauthorize.restore import Proof, Restore
from bot.words.connection import Account, Connection, Consent, Flow, Grant
from bot.words.errors import Fenced, RedkeyError
from bot.words.facts import ConnectionFacts
from bot.words.interfaces import AdTagger, Clock, Gateway

LINK_LIVES = timedelta(days=1)
ASKED_MOST = 20  # logins that are asked at once what they reach: the newest


class Connect:
    """New logins. A link is used up by a finished consent, not by opening it."""

    def __init__(
        self,
        memory: Memory,
        gateways: Mapping[str, Gateway],
        consents: Consents,
        restore: Restore,
        refresher: Refresher,
        routes: Routes,
        public_url: str,
        autotagging: Mapping[str, bool],
        now: Clock,
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._consents = consents
        self._restore = restore
        self._refresher = refresher
        self._routes = routes
        self._public_url = public_url
        self._autotagging = autotagging
        self._now = now

    async def link(self, platform: str, asked_by: str) -> str:
        if platform not in self._gateways:
            there = ", ".join(sorted(self._gateways))
            which = f"these are: {there}" if there else "none is: give one a client_id in its settings"
            raise NotFound(f"{platform} is not a platform that is switched on; {which}")
        token = secrets.token_urlsafe(32)
        async with self._memory.begin() as tx:
            link_id = f"lnk_{secrets.token_hex(12)}"
            await tx.consents.add_link(link_id, platform, digest(token), asked_by, self._now() + LINK_LIVES)
            tx.audit.note("connect_link", who=asked_by, subject=link_id, platform=platform)
        return f"{self._public_url}/connect/{token}"

    async def page(self, token: str) -> ConnectPage | None:
        async with self._memory.read() as tx:
            link = await self._link(tx, token)
            grant = await _living(tx, link.grant_id) if link else None
        if link is None or (link.grant_id and grant is None):
            return None
        if grant is None:
            return ConnectPage(token, link.platform, self._gateways[link.platform].platform.name)
        accounts = await self._accounts(grant)
        return await self._page(token, grant.platform, grant.identity.login, accounts, grant.scopes)

    async def _link(self, tx: Tx, token: str) -> ConnectLink | None:
        """One that lives, of a platform that is switched on."""
        link = await tx.consents.link(digest(token), self._now())
        return link if link and link.platform in self._gateways else None

    @patient
    async def _page(
        self, token: str, platform: str, login: str, accounts: Sequence[Account], scopes: Sequence[str]
    ) -> ConnectPage:
        """The accounts to choose from. `scopes`: what was granted, which may be less than everything needs."""
        async with self._memory.read() as tx:
            watched = frozenset(c.account.id for c in await tx.connections.all() if c.platform == platform)
        asked = self._gateways[platform].platform
        stopped = tuple(stopped_flows(asked, scopes))
        return ConnectPage(token, platform, asked.name, login, tuple(accounts), watched, stopped)

    async def _accounts(self, grant: Grant) -> list[Account]:
        gateway = self._gateways[grant.platform]
        return await gateway.platform.accounts(gateway.fetch(GrantTokens(self._refresher, grant.id, grant.generation)))

    async def begin(self, token: str) -> Begun:
        async with self._memory.read() as tx:
            link = await self._link(tx, token)
        if link is None or link.grant_id:
            raise NotFound("this link was used already, or it is too old")
        return await self._consents.begin(link.platform, "connect", link.id, login_hint="", who="")

    @patient
    async def declined(self, consent: Consent) -> Outcome:
        """The person said no on the platform's page. Their link still counts, but we do not know it any more."""
        async with self._memory.begin() as tx:
            tx.audit.note("declined", who=consent.started_by, subject=consent.ref)
        return Outcome(Ending.DECLINED, consent.platform, self._gateways[consent.platform].platform.name)

    async def finish(self, consent: Consent, code: str) -> Outcome:
        """Keep the new login, watch nothing yet. If this person's login was lost before, it is restored on the way."""
        name = self._gateways[consent.platform].platform.name
        try:
            tokens = await self._consents.trade(consent, code)
        except RedkeyError as error:
            return Outcome(Ending.FAILED, consent.platform, name, why=in_words(error))
        proof: Proof | None = None
        try:
            proof = await self._restore.prove(consent.platform, tokens)
            token = await self._take_in(consent, proof)
        except (RedkeyError, Fenced) as error:
            await self._restore.discard(consent.platform, tokens, proof.identity if proof else None)
            why = "this link was used already" if isinstance(error, Fenced) else in_words(error)
            return Outcome(Ending.FAILED, consent.platform, name, why=why)
        login = proof.identity.login
        page = await self._page(token, consent.platform, login, proof.accounts, proof.tokens.scopes)
        return Outcome(Ending.CHOOSE, consent.platform, name, used_login=login, connect=page)

    async def _take_in(self, consent: Consent, proof: Proof) -> str:
        """Store the new login; gives the link's next token. Raises Fenced when the link was used meanwhile."""
        siblings = await self._restore.siblings(consent.platform, proof)
        reached = await self._restore.usable(consent.platform, proof, siblings)
        return await self._let_in(consent, proof, reached)

    @patient
    async def _let_in(self, consent: Consent, proof: Proof, reached: Sequence[Connection]) -> str:
        token = secrets.token_urlsafe(32)
        async with self._memory.begin() as tx:
            restored = await self._restore.swap(tx, consent.platform, proof, reached, proof.identity.login)
            if not await tx.consents.link_granted(consent.ref, restored.grant.id, digest(token)):
                raise Fenced
            asked_by = first_in_slack(await tx.consents.asked_by(consent.ref))
            if asked_by:
                await tx.grants.authorized_by(restored.grant.id, asked_by)
            tx.audit.note("consented", who=proof.identity.login, subject=restored.grant.id, link=consent.ref)
        return token

    async def choose(self, token: str, account_ids: Sequence[str]) -> list[ConnectionFacts]:
        """Watch the chosen accounts. One that is watched already through another login moves to this one if that is
        lost. Raises NotFound for a link that is over, or whose login was taken back meanwhile.
        """
        async with self._memory.read() as tx:
            link = await self._link(tx, token)
            grant = await _living(tx, link.grant_id) if link else None
        if link is None or grant is None:
            raise NotFound("this link was used already, or it is too old")
        reached = await self._reached(grant, account_ids)
        async with self._memory.begin() as tx:
            if not await tx.consents.link_used(link.id, self._now()):
                raise NotFound("this link was used already")
            return await self._take(tx, grant, reached, account_ids, grant.identity.login)

    async def reachable(self, platform: str) -> list[Reachable]:
        """What the living logins of a platform reach beyond what is watched. The newest ones are asked; one that does not
        answer now is left out.
        """
        async with self._memory.read() as tx:
            grants = (await self._living(tx, platform))[-ASKED_MOST:]
            watched = {c.account.id for c in await tx.connections.all() if c.platform == platform}
        found = await asyncio.gather(*(self._beyond(grant, watched) for grant in grants))
        return [each for each in found if each is not None]

    async def _beyond(self, grant: Grant, watched: Collection[str]) -> Reachable | None:
        try:
            accounts = await self._accounts(grant)
        except RedkeyError:
            return None
        return Reachable(grant.id, grant.identity.login, tuple(a for a in accounts if a.id not in watched))

    async def _living(self, tx: Tx, platform: str) -> list[Grant]:
        if platform not in self._gateways:
            return []
        found = []
        for grant in await tx.grants.all():
            if grant.platform == platform:
                living = await tx.grants.living(platform, grant.identity.id)
                if living is not None:
                    found.append(living)
        return found

    async def watch(self, grant_id: str, account_ids: Sequence[str], who: str) -> list[ConnectionFacts]:
        """Watch more accounts through a login that is here already."""
        async with self._memory.read() as tx:
            grant = await _living(tx, grant_id)
        if grant is None or grant.platform not in self._gateways:
            raise NotFound(f"there is no living login {grant_id}")
        reached = await self._reached(grant, account_ids)
        async with self._memory.begin() as tx:
            before = {c.id for c in await tx.connections.of_grant(grant.id)}
            taken = await self._take(tx, grant, reached, account_ids, who)
            here = [each.connection for each in taken if each.connection.grant_id == grant.id]
            new = [connection for connection in here if connection.id not in before]
            await tell_whose_login(tx, grant, new, who, self._now())
            return taken

    async def _reached(self, grant: Grant, account_ids: Sequence[str]) -> dict[str, Account]:
        reached = {a.id: a for a in await self._accounts(grant)}
        if unknown := [i for i in account_ids if i not in reached]:
            raise NotFound(f"this login does not reach {', '.join(unknown)}")
        return reached

    async def _take(
        self, tx: Tx, grant: Grant, reached: Mapping[str, Account], account_ids: Sequence[str], who: str
    ) -> list[ConnectionFacts]:
        made = [await self._watch(tx, grant, reached[i]) for i in dict.fromkeys(account_ids)]
        for each in made:
            tx.audit.note("connected", who=who, subject=each.id, account=each.account.id)
        for grant_id in sorted({grant.id, *(c.grant_id for c in made)}):
            await tx.grants.held(grant_id)
        made = [c for each in made if (c := await tx.connections.get(each.id))]
        # One that is paused stays so, whoever may reach it: a person decided that.
        lost = [c for c in made if not c.authorized and c.enabled]
        if lost:
            await self._restore.carry(tx, grant, list(reached.values()), lost, grant.identity.login)
            made = [c for each in made if (c := await tx.connections.get(each.id))]
        return await self.listed(tx, made)

    async def _watch(self, tx: Tx, grant: Grant, account: Account) -> Connection:
        platform = self._gateways[grant.platform].platform
        standing = await tx.connections.of_account(grant.platform, account.id)
        if standing is not None and standing.removed_at is not None:
            await tx.connections.revive(standing.id, grant, account, self._now())
            return standing
        if standing is not None:
            return standing
        try:
            return await tx.connections.add(
                grant,
                platform.kind,
                account,
                autotagging=isinstance(platform, AdTagger) and self._autotagging[platform.key],
                utm=platform.utm if isinstance(platform, AdTagger) else "",
                flows=platform.flows,
                now=self._now(),
            )
        except Fenced:
            # Somebody else was quicker, so it is watched already: this one sees it now that theirs is committed.
            standing = await tx.connections.of_account(grant.platform, account.id)
            assert standing is not None
            return standing

    def _stopped(self, connection: Connection) -> tuple[Flow, ...]:
        return tuple(stopped_flows(self._gateways[connection.platform].platform, connection.scopes))

    async def listed(self, tx: Tx, connections: Sequence[Connection]) -> list[ConnectionFacts]:
        routes = self._routes.over(await tx.routes.all())
        return [
            ConnectionFacts(
                connection=shown(c, self._gateways[c.platform].platform),
                platform_name=self._gateways[c.platform].platform.name,
                channel=routes.channel(c),
                reauthorize_url=f"{self._public_url}/reauthorize/{c.id}",
                owners=routes.owners(c),
                stopped=self._stopped(c),
            )
            for c in connections
            if c.platform in self._gateways
        ]


async def _living(tx: Tx, grant_id: str) -> Grant | None:
    """None for a login that is lost, or was taken back meanwhile: nothing can be watched with it."""
    grant = await tx.grants.get(grant_id)
    return await tx.grants.living(grant.platform, grant.identity.id) if grant else None
