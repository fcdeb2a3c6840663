"""Gateways over real sockets, and a login that refreshes in memory; for the tests of platforms/."""

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from urllib.parse import parse_qs, urlsplit

import httpx2
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.words.connection import Secret
from bot.words.interfaces import Answer
from bot.words.oauth import AccessToken
from platforms import open_gateways
from sandbox.person import consent
from sandbox.served import served

VERIFIER = Secret("v" * 64)
CALLBACK = "http://127.0.0.1:8080/oauth/callback/{}"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


class Clock:
    def __init__(self, moment=NOW):
        self.moment = moment

    def __call__(self):
        return self.moment


def answered(status, body, **headers):
    """An answer as a platform's code is handed it; what is no text is sent as JSON."""
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, MappingProxyType(named), content if isinstance(content, bytes) else content.encode())


@asynccontextmanager
async def gateway_to(platform, settings, *, seconds=5.0, now=lambda: NOW):
    gateways = open_gateways({platform: settings}, timeout=timedelta(seconds=seconds), now=now)
    try:
        yield gateways[platform]
    finally:
        await gateways.aclose()


@asynccontextmanager
async def sandboxed(sandbox, clock):
    """A gateway to one platform's sandbox behind a real socket, mounted as the practice world mounts it."""
    async with served(Starlette(routes=[Mount(f"/{sandbox.key}", app=sandbox.app)])) as url:
        sandbox.oauth.register_redirect(CALLBACK.format(sandbox.key))
        async with gateway_to(sandbox.key, sandbox.settings(url), now=clock) as gateway:
            yield gateway
        sandbox.faults.clear()


async def log_in(gateway, email, **more):
    """Go through the consent page as this person, and trade the code."""
    key = gateway.platform.key
    asked = {"state": "s", "redirect_uri": CALLBACK.format(key), "verifier": VERIFIER}
    async with httpx2.AsyncClient(verify=False) as browser:
        back = await consent(browser, gateway.consent_url(**asked), email, **more)
    answer = parse_qs(urlsplit(back).query)
    assert answer["state"] == ["s"]
    return await gateway.exchange(code=Secret(answer["code"][0]), redirect_uri=CALLBACK.format(key), verifier=VERIFIER)


class HeldTokens:
    """What storage and its lock do for the bot: the newest token, refreshed by one at a time."""

    def __init__(self, gateway, tokens):
        self.gateway = gateway
        self.tokens = tokens
        self.refresh_token = tokens.refresh_token
        self.generation = 1
        self.refreshes = 0

    async def current(self):
        return AccessToken(self.tokens.access_token, self.generation, self.tokens.kept)

    async def renewed(self, refused):
        if self.generation == refused:
            self.refreshes += 1
            fresh = await self.gateway.refresh(self.refresh_token)
            self.refresh_token = fresh.refresh_token or self.refresh_token
            self.tokens, self.generation = fresh, self.generation + 1
        return await self.current()


async def session(gateway, email, **more):
    """(fetch, tokens) of a person who has just logged in."""
    tokens = HeldTokens(gateway, await log_in(gateway, email, **more))
    return gateway.fetch(tokens), tokens


class HeldNotes:
    """Notes of one transfer; `saved` holds every state that was saved."""

    def __init__(self):
        self.value = {}
        self.saved = []

    async def save(self, value):
        self.value = value
        self.saved.append(value)
