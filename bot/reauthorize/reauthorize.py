"""Verb 3, reauthorize: a person comes back from the platform's consent page, is checked, and only then believed."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.memory.entrances import LINK_OVER, GuestLink
from bot.memory.memory import Memory, Tx
from bot.outages.calling import first_in_slack
from bot.outages.gathering import Facts
from bot.outages.marks import stopped_flows
from bot.people.people import Begun, Ending, NotFound, Outcome, StartPage
from bot.reauthorize.patience import patient
from bot.reauthorize.restore import Proof, Restore, Restored
from bot.words.connection import Cause, Connection, Consent, Event, Outage, Reach, Secret, TokenSet
from bot.words.errors import AccessDenied, Fenced, RedkeyError, Refused
from bot.words.interfaces import Clock, Gateway
from bot.words.tenant import Tenant

log = structlog.get_logger()

GUEST = "guest"  # the purpose of a consent that somebody outside Slack was asked for; its ref is the link
STATE_LIVES = timedelta(minutes=10)


def digest(secret: str) -> str:
    """What is stored of a state, a browser cookie or a link: enough to recognise it, useless to a thief."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


async def use_up(memory: Memory, platform: str, state: str, browser: str, now: datetime) -> Consent | None:
    """The consent of that state, once. Looked for before it is taken: what a stranger makes up waits for no writer."""
    async with memory.read() as tx:
        if not await tx.consents.under_way(digest(state)):
            return None
    async with memory.begin() as tx:
        return await tx.consents.take(platform, digest(state), digest(browser), now)


class Consents:
    """The way out to a platform's consent page, and the way back: state, browser and PKCE checked, code traded."""

    def __init__(self, memory: Memory, gateways: Mapping[str, Gateway], tenant: Tenant, now: Clock) -> None:
        self._memory = memory
        self._gateways = gateways
        self._tenant = tenant
        self._now = now

    def redirect_uri(self, platform: str) -> str:
        return f"{self._tenant.callbacks}/oauth/callback/{platform}"

    async def begin(self, platform: str, purpose: str, ref: str, *, login_hint: str, who: str) -> Begun:
        gateway, now = self._gateways[platform], self._now()
        state, browser = self._tenant.state(secrets.token_urlsafe(32)), secrets.token_urlsafe(32)
        verifier = Secret(secrets.token_urlsafe(64)) if gateway.platform.oauth.pkce else None
        consent = Consent(f"cns_{secrets.token_hex(12)}", platform, purpose, ref, verifier, now, who)
        async with self._memory.begin() as tx:
            await tx.consents.begin(consent, digest(state), digest(browser), now + STATE_LIVES)
            tx.audit.note("consent_begun", who=who, subject=ref, platform=platform)
        url = gateway.consent_url(
            state=state, redirect_uri=self.redirect_uri(platform), verifier=verifier, login_hint=login_hint
        )
        return Begun(url, browser)

    async def take(self, platform: str, params: Mapping[str, str], browser: str | None) -> Consent | None:
        """Use the state up. None unless it is ours, unused, of this platform and of this browser, and `iss` fits."""
        gateway, state = self._gateways.get(platform), params.get("state", "")
        if gateway is None or not state or not browser:
            return None
        issuer = gateway.platform.oauth.issuer
        if issuer and params.get("iss", issuer) != issuer:
            log.warning("callback names another issuer", platform=platform)
            return None
        return await use_up(self._memory, platform, state, browser, self._now())

    async def trade(self, consent: Consent, code: str) -> TokenSet:
        return await self._gateways[consent.platform].exchange(
            code=Secret(code), redirect_uri=self.redirect_uri(consent.platform), verifier=consent.verifier
        )


class Reauthorize:
    """The start page behind a Reauthorize button, and what happens when its person comes back."""

    def __init__(
        self,
        memory: Memory,
        gateways: Mapping[str, Gateway],
        facts: Facts,
        consents: Consents,
        restore: Restore,
        now: Clock,
    ) -> None:
        self._memory = memory
        self._gateways = gateways
        self._facts = facts
        self._consents = consents
        self._restore = restore
        self._now = now

    async def start_page(self, ref: str) -> StartPage | None:
        """`ref` may be an outage or a connection; whatever is open now for it is what the page offers."""
        async with self._memory.read() as tx:
            made_for = await tx.outages.get(ref)
            ids = made_for.connection_ids if made_for else (ref,)
            connections = [c for c in await tx.connections.some(ids) if c.removed_at is None]
            if not connections or connections[0].platform not in self._gateways:
                return None
            open_now = made_for.id if made_for and not made_for.closed_at else _open_outage(connections)
            current = await tx.outages.get(open_now) if open_now else None
            shown = await tx.connections.some(current.connection_ids) if current else connections
            return StartPage(
                ref=current.id if current else connections[0].id,
                platform=connections[0].platform,
                platform_name=self._gateways[connections[0].platform].platform.name,
                login=shown[0].login,
                accounts=tuple(c.account for c in shown),
                outage=await self._facts.gather(tx, current) if current else None,
                closed=await self._facts.gather(tx, made_for) if made_for and made_for.closed_at else None,
            )

    async def begin(self, ref: str, who: str = "", *, another: bool = False) -> Begun:
        """The platform is told whose login we expect, unless it is another one that helps."""
        page = await self.start_page(ref)
        if page is None:
            raise NotFound(ref)
        another = another or (page.outage is not None and page.outage.outage.remedy == AccessDenied.__name__)
        hint = "" if another else page.login
        return await self._consents.begin(page.platform, "reauthorize", page.ref, login_hint=hint, who=who)

    async def finish(self, consent: Consent, code: str) -> Outcome:
        """Trade the code, prove the login, swap. Whatever fails leaves the old grant as it was.

        Somebody outside Slack is led to no page of ours afterwards.
        """
        if consent.purpose != GUEST:
            return await self._finish(consent, code, None)
        link = await self._guest(consent)
        if link is None:
            return replace(self._outcome(Ending.FAILED, consent, why=LINK_OVER), ref="")
        return replace(await self._finish(replace(consent, ref=link.outage_id), code, link), ref="")

    @patient
    async def _guest(self, consent: Consent) -> GuestLink | None:
        async with self._memory.read() as tx:
            return await tx.consents.guest_by_id(consent.ref, self._now())

    async def _finish(self, consent: Consent, code: str, guest: GuestLink | None) -> Outcome:
        try:
            tokens = await self._consents.trade(consent, code)
        except RedkeyError as error:
            return self._outcome(Ending.FAILED, consent, why=in_words(error))
        proof: Proof | None = None
        try:
            proof = await self._restore.prove(consent.platform, tokens)
            outcome, stored = await self._judge(consent, proof, guest)
        except (RedkeyError, Fenced) as error:
            log.warning("reauthorization failed", platform=consent.platform, why=str(error))
            outcome, stored = self._outcome(Ending.FAILED, consent, why=in_words(error)), False
        if not stored:
            await self._restore.discard(consent.platform, tokens, proof.identity if proof else None)
        return outcome

    async def _judge(self, consent: Consent, proof: Proof, guest: GuestLink | None) -> tuple[Outcome, bool]:
        """The outcome, and whether the new tokens were stored."""
        outage, expected, others = await self._expected(consent.ref)
        if outage is not None and (outage.reauthorized_at or outage.closed_at):
            return self._already(consent, outage, proof), False
        if guest is not None and guest.same_login and not await self._is_that_login(outage, proof):
            await self._tell_wrong(outage, expected, proof)
            return self._wrong(consent, expected, proof), False
        siblings = await self._restore.siblings(consent.platform, proof)
        wider = {c.id: c for c in [*expected, *others, *siblings]}
        reached = await self._restore.usable(consent.platform, proof, list(wider.values()))
        if not {c.id for c in reached} & {c.id for c in expected}:
            await self._tell_wrong(outage, expected, proof)
            return self._wrong(consent, expected, proof), False
        return await self._let_in(consent, outage, proof, reached, guest)

    @patient
    async def _let_in(
        self,
        consent: Consent,
        outage: Outage | None,
        proof: Proof,
        reached: Sequence[Connection],
        guest: GuestLink | None,
    ) -> tuple[Outcome, bool]:
        async with self._memory.begin() as tx:
            await self._restore.hold(tx, consent.platform, proof, reached)
            again = await tx.outages.held(outage.id) if outage else None
            if again is not None and (again.reauthorized_at or again.closed_at):
                return self._already(consent, again, proof), False
            if guest is not None:
                await self._used(tx, guest, proof)
            restored = await self._restore.swap(tx, consent.platform, proof, reached, proof.identity.login)
            who = "" if guest else first_in_slack(consent.started_by, again.claimed_by if again else None)
            if who:
                await tx.grants.authorized_by(restored.grant.id, who)
            tx.audit.note("reauthorized", who=proof.identity.login, subject=consent.ref, grant=restored.grant.id)
        log.info(
            "reauthorized", platform=consent.platform, grant=restored.grant.id, outage=outage.id if outage else None
        )
        return self._restored(consent, restored, proof), True

    @patient
    async def _is_that_login(self, outage: Outage | None, proof: Proof) -> bool:
        async with self._memory.read() as tx:
            grant = await tx.grants.get(outage.grant_id) if outage else None
        return grant is not None and grant.identity.id == proof.identity.id

    async def _used(self, tx: Tx, guest: GuestLink, proof: Proof) -> None:
        """The link is used up in the transaction that lets the login in. Raises Refused if it is not good any more."""
        login, now = proof.identity.login, self._now()
        if not await tx.consents.guest_over(guest.id, now):
            raise Refused(LINK_OVER, code="link")
        tx.audit.note("guest_used", who=login, subject=guest.id, outage=guest.outage_id, asked_by=guest.asked_by)
        revision = await tx.outages.event(guest.outage_id, Event(now, "guest_used", login))
        await tx.outbox.say_reply(guest.outage_id, "guest_used", revision, {"who": login}, now)

    @patient
    async def _expected(self, ref: str) -> tuple[Outage | None, list[Connection], list[Connection]]:
        """The outage, the connections of which a login must reach at least one to be the right one, and others that may
        come along: those of the same login that are not in its outage, because they are paused.

        An outage that is over leads to the one that is open now, as the start page does.
        """
        async with self._memory.read() as tx:
            outage = await tx.outages.get(ref)
            if outage is None:
                connection = await tx.connections.get(ref)
                if connection is None or connection.removed_at is not None:
                    return None, [], []
                siblings = await tx.connections.of_grant(connection.grant_id)
                return None, [connection], [c for c in siblings if c.id != connection.id]
            expected = await tx.connections.some(outage.connection_ids)
            if outage.closed_at is not None and (open_now := _open_outage(expected)):
                outage = await tx.outages.get(open_now) or outage
                expected = await tx.connections.some(outage.connection_ids)
            others = await tx.connections.of_grant(outage.grant_id) if outage.reach is Reach.GRANT else []
            return outage, expected, [c for c in others if c.id not in outage.connection_ids]

    @patient
    async def _tell_wrong(self, outage: Outage | None, expected: Sequence[Connection], proof: Proof) -> None:
        if outage is None:
            return
        detail = {
            "used_login": proof.identity.login,
            "expected_login": outage.login,
            "expected_account": ", ".join(c.account.name for c in expected),
        }
        async with self._memory.begin() as tx:
            event = Event(self._now(), "wrong_account", proof.identity.login, detail["expected_account"])
            revision = await tx.outages.event(outage.id, event)
            tx.audit.note("wrong_account", who=proof.identity.login, subject=outage.id)
            await tx.outbox.say_reply(outage.id, "wrong_account", revision, detail, self._now())

    @patient
    async def declined(self, consent: Consent) -> Outcome:
        """The person said no on the platform's page. Nothing has changed; the timeline remembers it."""
        async with self._memory.begin() as tx:
            outage = await tx.outages.get(consent.ref)
            tx.audit.note("declined", who=consent.started_by, subject=consent.ref)
            if outage is not None and outage.closed_at is None:
                await tx.outages.event(outage.id, Event(self._now(), "declined", consent.started_by))
        told = self._outcome(Ending.DECLINED, consent)
        return replace(told, ref="") if consent.purpose == GUEST else told

    def _outcome(self, ending: Ending, consent: Consent, *, why: str = "") -> Outcome:
        name = self._gateways[consent.platform].platform.name
        return Outcome(ending, consent.platform, name, ref=consent.ref, why=why)

    def _already(self, consent: Consent, outage: Outage, proof: Proof) -> Outcome:
        name = self._gateways[consent.platform].platform.name
        return Outcome(
            Ending.ALREADY,
            consent.platform,
            name,
            used_login=proof.identity.login,
            who=outage.reauthorized_by or "",
            ref=consent.ref,
        )

    def _wrong(self, consent: Consent, expected: Sequence[Connection], proof: Proof) -> Outcome:
        return Outcome(
            Ending.WRONG_ACCOUNT,
            consent.platform,
            self._gateways[consent.platform].platform.name,
            used_login=proof.identity.login,
            expected_login=expected[0].login if expected else "",
            accounts=tuple(c.account for c in expected),
            ref=consent.ref,
        )

    def _restored(self, consent: Consent, restored: Restored, proof: Proof) -> Outcome:
        return Outcome(
            Ending.PARTLY if restored.missing else Ending.RESTORED,
            consent.platform,
            self._gateways[consent.platform].platform.name,
            used_login=proof.identity.login,
            accounts=tuple(c.account for c in restored.reached),
            missing=tuple(c.account for c in restored.missing),
            stopped=tuple(stopped_flows(self._gateways[consent.platform].platform, proof.tokens.scopes)),
            ref=consent.ref,
        )


def _open_outage(connections: Sequence[Connection]) -> str | None:
    return next((c.outage_id for c in connections if c.outage_id), None)


def in_words(error: Exception) -> str:
    """Why it failed and, where that is known, what cures it."""
    cause = getattr(error, "cause", None)
    if not isinstance(cause, Cause):
        return str(error)
    return f"{cause.words} {cause.cure}" + (f" ({cause.code})" if cause.code else "")
