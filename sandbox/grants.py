"""All consents of one authorization server of the practice world: issuing, using up, rotating and killing tokens."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime

from sandbox.ledger import Ledger
from sandbox.tokens import AccessToken, Checked, Code, Grant, Lifetimes, Person, Problem, RefreshToken, Refusal


class Grants:
    """All grants of one authorization server."""

    def __init__(
        self, ledger: Ledger, now: Callable[[], datetime], lifetimes: Lifetimes, prefixes: tuple[str, str]
    ) -> None:
        self.ledger = ledger
        self.now = now
        self.lifetimes = lifetimes
        self.all: list[Grant] = []
        self.codes: dict[str, Code] = {}
        self.access: dict[str, AccessToken] = {}
        self.refresh: dict[str, tuple[Grant, RefreshToken]] = {}
        self._prefixes = prefixes

    def secrets(self) -> set[str]:
        """The text of everything ever issued, for tests that look for leaks."""
        return set(self.codes) | set(self.access) | set(self.refresh)

    def alive(self, email: str | None = None, client_id: str | None = None) -> Iterator[Grant]:
        for grant in self.all:
            if grant.dead is None and email in {None, grant.person.email} and client_id in {None, grant.client_id}:
                yield grant

    def open(self, person: Person, client_id: str, scopes: tuple[str, ...]) -> Grant:
        grant = Grant(f"grant-{len(self.all) + 1}", person, client_id, scopes)
        self.all.append(grant)
        self.ledger.record("grant.opened", grant=grant.name, person=person.email, scopes=scopes)
        return grant

    def kill(self, grant: Grant, why: Problem) -> None:
        """Everything of this grant stops working at once, access tokens too."""
        if grant.dead is None:
            grant.dead = why
            self.ledger.record("grant.revoked", grant=grant.name, person=grant.person.email, why=why.value)

    def kill_refresh(self, grant: Grant, why: Problem) -> None:
        """No refresh any more; access tokens live out their time."""
        for token in grant.refresh:
            if token.dead is None:
                token.dead = why
                self.ledger.record("token.revoked", token=token.name, grant=grant.name, why=why.value)

    def issue_code(self, grant: Grant, redirect_uri: str, challenge: str | None, **more: object) -> Code:
        code = Code(
            "4/" + secrets.token_urlsafe(32),
            grant,
            redirect_uri,
            challenge,
            self.now() + self.lifetimes.code,
            offline=bool(more.get("offline")),
            nonce=str(more["nonce"]) if more.get("nonce") else None,
        )
        self.codes[code.text] = code
        self.ledger.record("code.issued", grant=grant.name, person=grant.person.email)
        return code

    def redeem(self, text: str, client_id: str, redirect_uri: str, verifier: str | None) -> Code:
        """Use a code up. Raises Refusal; a second use takes the whole grant down (RFC 6749 §4.1.2)."""
        code = self.codes.get(text)
        if code is None:
            raise Refusal(Problem.UNKNOWN_CODE)
        if code.used:
            self.kill(code.grant, Problem.REVOKED)
            raise Refusal(Problem.USED_CODE)
        if code.grant.client_id != client_id:
            raise Refusal(Problem.FOREIGN_CODE)
        if self.now() >= code.expires_at:
            raise Refusal(Problem.EXPIRED_CODE)
        if code.redirect_uri != redirect_uri:
            raise Refusal(Problem.WRONG_REDIRECT)
        _prove(code.challenge, verifier)
        code.used = True
        if code.grant.dead is not None:
            raise Refusal(code.grant.dead)
        return code

    def issue_access(self, grant: Grant) -> AccessToken:
        token = AccessToken(
            self._prefixes[0] + secrets.token_urlsafe(40),
            f"at-{len(self.access) + 1}",
            grant,
            self.now() + self.lifetimes.access,
        )
        self.access[token.text] = token
        self.ledger.record("token.issued", kind="access", token=token.name, grant=grant.name)
        return token

    def issue_refresh(self, grant: Grant) -> RefreshToken:
        self._push_out(grant)
        text = self._prefixes[1] + secrets.token_urlsafe(40)
        token = RefreshToken(text, f"rt-{len(self.refresh) + 1}", self.now(), self.now())
        grant.refresh.append(token)
        self.refresh[text] = (grant, token)
        self.ledger.record("token.issued", kind="refresh", token=token.name, grant=grant.name)
        return token

    def _push_out(self, newest: Grant) -> None:
        """The oldest grants beyond the limit die without a word to anyone."""
        if self.lifetimes.live_refresh is None:
            return
        live = [grant for grant in self.alive(newest.person.email, newest.client_id) if grant.live_refresh]
        others = [grant for grant in live if grant is not newest]
        for grant in others[: max(0, len(others) + 1 - self.lifetimes.live_refresh)]:
            self.kill_refresh(grant, Problem.PUSHED_OUT)

    def use_refresh(self, text: str, client_id: str, *, reuse_kills: bool) -> tuple[Grant, RefreshToken]:
        """The grant of a refresh token that may be used now. Raises Refusal."""
        if text not in self.refresh:
            raise Refusal(Problem.UNKNOWN_REFRESH)
        grant, token = self.refresh[text]
        if grant.client_id != client_id:
            raise Refusal(Problem.FOREIGN_REFRESH)
        if token.dead is Problem.REUSED:
            self.ledger.record("token.reused", token=token.name, grant=grant.name, person=grant.person.email)
            if reuse_kills:
                self.kill(grant, Problem.REUSED)
        if (why := grant.dead or token.dead) is not None:
            raise Refusal(why)
        if self.lifetimes.idle is not None and self.now() >= token.used_at + self.lifetimes.idle:
            token.dead = Problem.IDLE
            raise Refusal(Problem.IDLE)
        token.used_at = self.now()
        return grant, token

    def rotate(self, grant: Grant, old: RefreshToken) -> RefreshToken:
        """A new refresh token for the old one, which dies at once: seeing it again means theft or a lost answer."""
        old.dead = Problem.REUSED
        new = self.issue_refresh(grant)
        self.ledger.record("token.rotated", old=old.name, new=new.name, grant=grant.name)
        return new

    def expire_access(self, email: str | None = None) -> int:
        now = self.now()
        live = [token for token in self.access.values() if token.dead is None and token.expires_at > now]
        chosen = [token for token in live if email in {None, token.grant.person.email}]
        for token in chosen:
            token.expires_at = now
        return len(chosen)

    def check(self, bearer: str | None) -> Checked:
        if not bearer:
            return Checked(None, None, reason="missing")
        token = self.access.get(bearer)
        if token is None:
            return Checked(None, None, reason="unknown")
        person, grant = token.grant.person, token.grant
        if grant.dead is not None or token.dead is not None:
            return Checked(person, grant, grant.scopes, "revoked")
        if self.now() >= token.expires_at:
            return Checked(person, grant, grant.scopes, "expired")
        return Checked(person, grant, grant.scopes)


def _prove(challenge: str | None, verifier: str | None) -> None:
    """RFC 7636 §4.6, S256 only. A verifier without a challenge is refused too (RFC 9700 §4.8.2: downgrade)."""
    if challenge is None:
        if verifier:
            raise Refusal(Problem.WRONG_VERIFIER)
        return
    if not verifier:
        raise Refusal(Problem.MISSING_VERIFIER)
    digest = hashlib.sha256(verifier.encode()).digest()
    if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
        raise Refusal(Problem.WRONG_VERIFIER)
