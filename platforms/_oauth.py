"""OAuth as every platform needs it: consent address, code and refresh for tokens, revocation. Authlib speaks it.

Authlib by itself takes any JSON object without an `error` key for a token and keeps it, a 429's body included. So one
strict hook reads every token answer first, and Authlib is only shown what passed.
"""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from bot.words.connection import Json, Secret, TokenSet
from bot.words.errors import AuthorizationLost, Misconfigured, RedkeyError, Refused, TryLater
from bot.words.interfaces import Answer, Clock, Fetch, Platform
from bot.words.oauth import Tokens
from platforms._clock import OwnClock
from platforms._http import LONGEST_WAIT, AuthorizedFetch, Wire, answer_of, proof_of, retry_after
from platforms._verdicts import decoded, plain_code, without

_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")  # RFC 6749 A.12, as long as a header can carry
_LONGEST_LIFE = 10 * 366 * 86_400
_REVOKED_ALREADY = {"invalid_token", "invalid_grant", "unsupported_token_type"}
# The bodies hold secrets, and answers are small: nothing is compressed, so nothing can unfold into gigabytes.
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
    "User-Agent": "Redkey",
}


class OAuthGateway:
    """A platform with its wires (bot.words.interfaces.Gateway)."""

    def __init__(self, platform: Platform, *, token_wire: Wire, api_wire: Wire, now: Clock) -> None:
        self.platform = platform
        self._token_wire = token_wire
        self._api_wire = api_wire
        self._now = now
        self._clock = OwnClock(platform.key, now)

    @property
    def rotates(self) -> bool:
        return self.platform.oauth.rotates

    def consent_url(self, *, state: str, redirect_uri: str, verifier: Secret | None, login_hint: str = "") -> str:
        oauth = self.platform.oauth
        extra = dict(oauth.authorize_params) | ({"login_hint": login_hint} if login_hint else {})
        url, _ = self._client().create_authorization_url(
            oauth.authorize_url,
            state=state,
            redirect_uri=redirect_uri,
            scope=" ".join(oauth.scopes),
            code_verifier=verifier.reveal() if verifier and oauth.pkce else None,
            **extra,
        )
        return str(url)

    async def exchange(self, *, code: Secret, redirect_uri: str, verifier: Secret | None) -> TokenSet:
        def ask(client: Any) -> Awaitable[Any]:
            proof = {"code_verifier": verifier.reveal()} if verifier and self.platform.oauth.pkce else {}
            return client.fetch_token(  # type: ignore[no-any-return]
                self.platform.oauth.token_url,
                grant_type="authorization_code",
                code=code.reveal(),
                redirect_uri=redirect_uri,
                headers=_HEADERS,
                **proof,
            )

        try:
            tokens = await self._tokens(ask, code, verifier, consented=True)
            extends = bool(self.platform.oauth.extends)
            return await (self._extended(tokens.access_token, consented=True) if extends else self._inspected(tokens))
        except AuthorizationLost as error:
            why = f"the login code was refused: it was used, it is too old, or it is not ours ({error.cause.code})"
            raise Refused(why, code=error.cause.code) from error

    async def refresh(self, refresh_token: Secret) -> TokenSet:
        if self.platform.oauth.extends:
            return await self._extended(refresh_token, consented=False)

        oauth = self.platform.oauth
        scope = {"scope": " ".join(oauth.scopes)} if oauth.scope_on_refresh else {}

        def ask(client: Any) -> Awaitable[Any]:
            return client.refresh_token(  # type: ignore[no-any-return]
                oauth.token_url, refresh_token=refresh_token.reveal(), headers=dict(_HEADERS), **scope
            )

        return await self._inspected(await self._tokens(ask, refresh_token, None, consented=False))

    async def revoke(self, token: Secret) -> None:
        oauth = self.platform.oauth
        if not oauth.revoke_url:
            return
        if oauth.revoke_method == "DELETE":
            url = httpx2.URL(oauth.revoke_url).copy_merge_params(proof_of(self.platform, token.reveal()))
            answer = await self._bare("DELETE", url, token)
        else:
            headers = dict(_HEADERS)
            answer = answer_of(
                await self._client().revoke_token(oauth.revoke_url, token=token.reveal(), headers=headers)
            )
        if 200 <= answer.status < 300:
            return
        body = decoded(answer)
        code = plain_code(body.get("error")) if isinstance(body, dict) else "unknown"
        dead = oauth.revoke_method == "DELETE" and isinstance(self.platform.read_error(answer), AuthorizationLost)
        if 400 <= answer.status < 500 and (dead or code in _REVOKED_ALREADY):
            return
        told = f"the login was not revoked (HTTP {answer.status}, {code})"
        raise without(TryLater(told, after=retry_after(answer.headers, self._now())), token.reveal(), self._secret())

    def fetch(self, tokens: Tokens) -> Fetch:
        return AuthorizedFetch(self.platform, self._api_wire, tokens, self._now, self._clock)

    def _secret(self) -> str:
        return self.platform.settings.client_secret.get_secret_value()

    def _client(self) -> Any:
        """A client for one request: Authlib keeps the token on the client, so none may serve two logins."""
        settings = self.platform.settings
        return AsyncOAuth2Client(
            client_id=settings.client_id,
            client_secret=self._secret(),
            token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the name of a method
            revocation_endpoint_auth_method="client_secret_post",
            code_challenge_method="S256" if self.platform.oauth.pkce else None,
            transport=self._token_wire,
            trust_env=False,
            follow_redirects=False,
        )

    async def _extended(self, token: Secret, *, consented: bool) -> TokenSet:
        """Trade a living token for a longer-lived one, which stands for the refresh token too: it can be traded again."""
        oauth = self.platform.oauth

        def ask(client: Any) -> Awaitable[Any]:
            grant = {"grant_type": oauth.extends, oauth.extends: token.reveal()}
            return client.fetch_token(oauth.token_url, headers=_HEADERS, **grant)  # type: ignore[no-any-return]

        tokens = await self._tokens(ask, token, None, consented=consented)
        return await self._inspected(replace(tokens, refresh_token=tokens.access_token))

    async def _inspected(self, tokens: TokenSet) -> TokenSet:
        """Complete new tokens with what the platform says about them, where it must be asked."""
        oauth, token = self.platform.oauth, tokens.access_token
        if oauth.inspect is None:
            return tokens
        answer = await self._bare(
            "POST", oauth.inspect.url, oauth.inspect.bearer, {oauth.inspect.field: token.reveal()}
        )
        try:
            if not 200 <= answer.status < 300:
                error = self._verdict(answer, _unambiguous(answer))
                # This was about us, not about the token: whatever it says, the login may be alive.
                raise (
                    error
                    if isinstance(error, Misconfigured | TryLater)
                    else TryLater("the new login was not looked at")
                )
            told = self.platform.read_inspection(answer)
        except RedkeyError as error:
            raise without(error, token.reveal(), oauth.inspect.bearer.reveal(), self._secret()) from None
        return replace(
            tokens,
            expires_at=told.expires_at or tokens.expires_at,
            refresh_expires_at=told.refresh_expires_at or tokens.refresh_expires_at,
            scopes=told.scopes or tokens.scopes,
        )

    async def _bare(self, method: str, url: Any, bearer: Secret, form: Json | None = None) -> Answer:
        """One call beside the token endpoint, over its wire."""
        headers = _HEADERS | {"Authorization": f"Bearer {bearer.reveal()}"}
        request = httpx2.Request(method, url, headers=headers, data=form)
        return answer_of(await self._token_wire.handle_async_request(request))

    async def _tokens(
        self, ask: Callable[[Any], Awaitable[Any]], spent: Secret, verifier: Secret | None, *, consented: bool
    ) -> TokenSet:
        passed: list[Json] = []

        def strict(response: httpx2.Response) -> httpx2.Response:
            passed.append(self._read(answer_of(response)))
            return httpx2.Response(200, json={"access_token": "checked", "token_type": "Bearer"})

        client = self._client()
        client.register_compliance_hook("access_token_response", strict)
        client.register_compliance_hook("refresh_token_response", strict)
        try:
            await ask(client)
        except RedkeyError as error:
            raise without(error, spent.reveal(), verifier.reveal() if verifier else "", self._secret()) from None
        except (OAuthError, ValueError) as error:
            raise TryLater(f"the token request failed ({type(error).__name__})", unclear=True) from None
        return self._token_set(passed[0], consented=consented)

    def _read(self, answer: Answer) -> Json:
        """Let a token answer pass, or raise what it means."""
        self._clock.compare(answer.headers)
        body = _unambiguous(answer)
        if not 200 <= answer.status < 300:
            raise self._verdict(answer, body)
        if body is None or not _is_token(body):
            after = retry_after(answer.headers, self._now())
            raise TryLater("the token endpoint's answer is no token", unclear=True, after=after)
        return body

    def _verdict(self, answer: Answer, body: Json | None) -> RedkeyError:
        """What an answer without a token means. Only a readable 4xx can be a verdict on the login."""
        after = retry_after(answer.headers, self._now())
        if 300 <= answer.status < 400:
            return TryLater(f"the token endpoint answered with a redirect (HTTP {answer.status})", after=after)
        if answer.status == 429 or answer.status >= 500 or body is None:
            unclear = answer.status >= 500 and not (body and isinstance(body.get("error"), str))
            return TryLater(f"the token endpoint answered HTTP {answer.status}", after=after, unclear=unclear)
        error = self.platform.read_refusal(answer)
        if isinstance(error, TryLater):
            wait = error.after or after
            error.after = min(wait, LONGEST_WAIT) if wait else None
        return error

    def _token_set(self, body: Json, *, consented: bool) -> TokenSet:
        oauth, now = self.platform.oauth, self._now()
        refresh = body.get("refresh_token") or None
        lives = _seconds(body.get("expires_in")) or oauth.access_ttl
        ends = _seconds(body.get("refresh_token_expires_in"))
        if ends is None and (consented or oauth.refresh_slides):
            ends = oauth.refresh_ttl
        granted = body.get("scope", body.get("scopes"))  # HubSpot gives a list, under a name of its own
        listed = granted.replace(",", " ").split() if isinstance(granted, str) else granted  # commas: LinkedIn
        asked = oauth.scopes if consented else ()
        return TokenSet(
            access_token=Secret(body["access_token"]),
            refresh_token=Secret(refresh) if refresh else None,
            expires_at=now + timedelta(seconds=lives) if lives else None,
            refresh_expires_at=now + timedelta(seconds=ends) if ends else None,
            # RFC 6749 5.1: a server that leaves `scope` out has given what was asked for.
            scopes=tuple(str(scope) for scope in listed) if isinstance(listed, list) and listed else asked,
            kept={key: str(body[key]) for key in oauth.keep if isinstance(body.get(key), str | int)},
        )


def _unambiguous(answer: Answer) -> Json | None:
    """The answer's JSON object, or None. One that names a key twice means two things, so it means nothing."""

    def once(pairs: list[tuple[str, Any]]) -> Json:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key stands twice")
        return found

    try:
        body = json.loads(answer.body.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _is_token(body: Json) -> bool:
    token, refresh, kind = body.get("access_token"), body.get("refresh_token"), body.get("token_type", "Bearer")
    return (
        "error" not in body
        and isinstance(token, str)
        and _TOKEN.fullmatch(token) is not None
        and (not refresh or (isinstance(refresh, str) and _TOKEN.fullmatch(refresh) is not None))
        and isinstance(kind, str)
        and kind.lower() == "bearer"
        and ("expires_in" not in body or _seconds(body["expires_in"]) is not None)
    )


def _seconds(value: object) -> int | None:
    """A believable lifetime. Microsoft has sent it as text, so digits are read; anything else is not one."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value <= _LONGEST_LIFE else None
