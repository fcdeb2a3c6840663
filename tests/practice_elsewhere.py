"""An authorization server that others wrote, as a platform of its own, and a wire to it that loses answers."""

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
from pydantic import SecretStr

from bot.logins.refresh import Refresher
from bot.words.connection import Cause, Identity, Kind, Secret
from bot.words.errors import AuthorizationLost
from bot.words.interfaces import Platform, PlatformSettings
from bot.words.oauth import OAuth
from platforms._google_ads_errors import read_token_error
from platforms._http import Wire, open_pool
from platforms._oauth import OAuthGateway
from platforms._verdicts import not_understood

CALLBACK = "http://127.0.0.1:8080/oauth/callback/elsewhere"
VERIFIER = Secret("v" * 64)
TIMEOUT = timedelta(seconds=5)
REFUSED = Cause("invalid_token", "The peer refuses the access token.", "Log in again.")


class Elsewhere(Platform):
    """The peer as data. RFC 6749's words mean at Google what they mean there, so Google's table reads them."""

    key = "elsewhere"
    name = "Elsewhere"
    kind = Kind.CRM
    flows = ()

    @property
    def oauth(self):
        at = self.settings.api_url
        return OAuth(
            authorize_url=f"{at}/auth",
            token_url=self.settings.token_url,
            revoke_url=f"{at}/token/revocation",
            scopes=("openid", "offline_access"),
            authorize_params={"prompt": "consent"},
            issuer=at,
            rotates=True,
        )

    async def identify(self, fetch):
        who = (await fetch("GET", "/me")).json()["sub"]
        return Identity(who, who)

    async def accounts(self, fetch):
        return []

    async def probe(self, fetch, account):
        await fetch("GET", "/me")

    def read_error(self, answer):
        return AuthorizationLost(REFUSED) if answer.status == 401 else not_understood(answer)

    def read_refusal(self, answer):
        return read_token_error(answer, testing=False)


class Peer:
    """The server, one account of its own for each test, and our gateway to it."""

    def __init__(self, issuer, gateway, browser, account, lossy):
        self.issuer, self.gateway, self.browser, self.account, self.lossy = issuer, gateway, browser, account, lossy

    async def back(self):
        """Log in and consent on the peer's own pages: what the browser brings back."""
        page = await self.browser.get(self.gateway.consent_url(state="s", redirect_uri=CALLBACK, verifier=VERIFIER))
        while not (location := page.headers.get("location", "")).startswith(CALLBACK):
            if page.is_redirect:
                page = await self.browser.get(urljoin(str(page.url), location))
            else:
                form = {"prompt": _prompt(page.text), "login": self.account, "password": "any"}
                page = await self.browser.post(str(page.url), data=form)
        return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}

    async def exchange(self, verifier=VERIFIER, **back):
        code = (back or await self.back())["code"]
        return await self.gateway.exchange(code=Secret(code), redirect_uri=CALLBACK, verifier=verifier)

    async def withdraw(self):
        """The person takes the consent back on the peer's own pages."""
        answer = await self.browser.get(f"{self.issuer}/control/withdraw", params={"account": self.account})
        assert answer.json() == {"withdrawn": 1}

    async def end_access(self):
        """The access token ends before its time; the login lives on."""
        answer = await self.browser.get(f"{self.issuer}/control/end-access", params={"account": self.account})
        assert answer.json() == {"ended": 1}

    async def seen(self, grant_type="refresh_token"):
        """This account's token requests, as the peer saw them: (what was sent, how it was answered)."""
        everything = (await self.browser.get(f"{self.issuer}/control/seen")).json()
        return [(each["sent"], each.get("error", "ok")) for each in everything if each["grant_type"] == grant_type]

    def with_secret(self, secret):
        platform = Elsewhere(self.gateway.platform.settings.model_copy(update={"client_secret": SecretStr(secret)}))
        gateway = self.gateway
        wires = {"token_wire": gateway._token_wire, "api_wire": gateway._api_wire}
        return OAuthGateway(platform, **wires, now=gateway._now)


def _prompt(page):
    found = []

    class Form(HTMLParser):
        def handle_starttag(self, tag, attrs):
            named = dict(attrs)
            if tag == "input" and named.get("name") == "prompt":
                found.append(named["value"])

    Form().feed(page)
    return found[0]


class LossyWire:
    """A TCP relay to the peer's token endpoint. `lose`: what is lost on the next connection, "request" or "answer"."""

    def __init__(self, port):
        self._port = port
        self.lose = ""

    async def relay(self, reader, writer):
        lose, self.lose = self.lose, ""
        with suppress(ConnectionError):
            request = await _message(reader)
            if lose != "request":
                answer = await self._answer(request)
                if not lose:
                    writer.write(answer)
                    await writer.drain()
        if lose:
            writer.transport.abort()
        writer.close()

    async def _answer(self, request):
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(request)
        answer = await _message(reader)
        writer.close()
        return answer


async def _message(reader):
    """One HTTP message with a length, made the last of its connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if line]
    length = next((int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:")), 0)
    kept = [line for line in lines if not line.lower().startswith((b"connection:", b"keep-alive:"))]
    return b"\r\n".join([*kept, b"Connection: close", b"", b""]) + await reader.readexactly(length)


@asynccontextmanager
async def at_peer(issuer, account, clock):
    lossy = LossyWire(urlsplit(issuer).port)
    server = await asyncio.start_server(lossy.relay, "127.0.0.1", 0)
    token_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"
    settings = PlatformSettings(
        client_id="redkey",
        client_secret=SecretStr("the-secret-of-the-practice-client"),
        api_url=issuer,
        token_url=token_url,
    )
    pool = open_pool({"127.0.0.1"})
    wires = {"token_wire": Wire.for_tokens(pool, TIMEOUT), "api_wire": Wire.for_api(pool, TIMEOUT)}
    async with server, httpx2.AsyncClient(trust_env=False, verify=False) as browser:
        yield Peer(issuer, OAuthGateway(Elsewhere(settings, clock), **wires, now=clock), browser, account, lossy)
        await pool.aclose()


def refresher_of(peer, memory, clock):
    """The real one, on real storage."""
    gateways = {"elsewhere": peer.gateway}
    return Refresher(memory, gateways, clock, request_timeout=TIMEOUT, refresh_ahead=timedelta(minutes=5))


async def stored(peer, memory, clock):
    """A consent, exchanged and stored: its grant."""
    tokens = await peer.exchange()
    async with memory.begin() as tx:
        return await tx.grants.add("elsewhere", Identity(peer.account, peer.account), tokens, clock())


async def refresh_token(memory, grant):
    async with memory.read() as tx:
        return (await tx.grants.tokens(grant.id)).refresh_token
