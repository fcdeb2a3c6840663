"""The practice HubSpot behind a real socket: an app that calls it plainly, and a logged-in Ada; for the tests."""

import base64
import hashlib
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
from practice_gateway import NOW, Clock, HeldNotes, sandboxed, session
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.words.freight import PushState, Touchpoint
from sandbox.hubspot import ADA, WRITING, HubspotSandbox
from sandbox.hubspot_schema import TOUCHPOINT, TOUCHPOINT_ID
from sandbox.ledger import Ledger
from sandbox.person import consent
from sandbox.served import served

CALLBACK = "http://127.0.0.1:8080/oauth/callback/hubspot"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
OPTIONAL = f"crm.objects.custom.read {WRITING} crm.objects.owners.read"


class Hub:
    """An app and its users at the sandbox HubSpot, by plain HTTP."""

    def __init__(self, sandbox, url, client, clock):
        self.sandbox, self.client, self.clock = sandbox, client, clock
        self.settings = sandbox.settings(url)
        self.at = self.settings["api_url"]

    def authorize_url(self, **changes):
        asked = {
            "client_id": self.settings["client_id"],
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "oauth",
            "optional_scope": OPTIONAL,
            "state": "s",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        } | changes
        present = {name: value for name, value in asked.items() if value}
        return f"{self.settings['authorize_url']}?{urlencode(present)}"

    async def code(self, person=ADA, **changes):
        back = await consent(self.client, self.authorize_url(**changes), person)
        return parse_qs(urlsplit(back).query)["code"][0]

    async def post_form(self, path, **form):
        client = {name: self.settings[name] for name in ("client_id", "client_secret")}
        return await self.client.post(f"{self.at}/oauth/2026-03/token{path}", data=client | form)

    async def token(self, person=ADA, **changes):
        form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        answer = await self.post_form("", code=await self.code(person, **changes), **form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refresh(self, token):
        return await self.post_form("", grant_type="refresh_token", refresh_token=token["refresh_token"])

    async def call(self, token, method, path, **more):
        headers = {"authorization": f"Bearer {token['access_token']}"} if token else {}
        headers |= more.pop("headers", {})
        return await self.client.request(method, self.at + path, headers=headers, **more)

    async def upsert(self, token, *inputs, path="/crm/objects/2026-03", kind=TOUCHPOINT):
        return await self.call(token, "POST", f"{path}/{kind}/batch/upsert", json={"inputs": list(inputs)})

    async def read(self, token, *ids, key=TOUCHPOINT_ID, kind=TOUCHPOINT):
        body = {"idProperty": key, "inputs": [{"id": each} for each in ids], "properties": [TOUCHPOINT_ID]}
        body["propertiesWithHistory"] = []
        return await self.call(token, "POST", f"/crm/objects/2026-03/{kind}/batch/read", json=body)


@asynccontextmanager
async def open_hub():
    clock = Clock()
    sandbox = HubspotSandbox(Ledger(clock))
    sandbox.oauth.register_redirect(CALLBACK)
    async with (
        served(Starlette(routes=[Mount("/hubspot", app=sandbox.app)])) as url,
        httpx2.AsyncClient(verify=False) as client,
    ):
        yield Hub(sandbox, url, client, clock)
        sandbox.faults.clear()


def row(number, trace=True, key=TOUCHPOINT_ID, **properties):
    made = {"id": f"TP2_{number}", "idProperty": key, "properties": {"medium": "cpc"} | properties}
    return made | ({"objectWriteTraceId": f"trace-{number}"} if trace else {})


def refusal(answer):
    body = answer.json()
    assert body["status"] == "error"
    assert len(body["correlationId"]) == 36
    return answer.status_code, body.get("category")


OWNERS = "crm.objects.owners.read"
SENT, RETRY, SET_ASIDE = PushState.SENT, PushState.RETRY, PushState.SET_ASIDE


class Desk:
    """A logged-in Ada at Acme's portal."""

    def __init__(self, sandbox, gateway, fetch, tokens, account, clock):
        self.sandbox, self.gateway, self.platform = sandbox, gateway, gateway.platform
        self.fetch, self.tokens, self.account, self.clock = fetch, tokens, account, clock

    async def push(self, touchpoints):
        results = await self.platform.push(self.fetch, self.account, touchpoints, HeldNotes())
        assert [result.id for result in results] == [touchpoint.id for touchpoint in touchpoints]
        return {result.id: result for result in results}

    async def find(self, touchpoints):
        return await self.platform.find(self.fetch, self.account, touchpoints)

    def set(self, **settings):
        self.platform.settings = self.platform.settings.model_copy(update=settings)

    def upserts(self):
        return self.sandbox.ledger.where("records.written")


@asynccontextmanager
async def at_the_desk():
    clock = Clock()
    sandbox = HubspotSandbox(Ledger(clock))
    async with sandboxed(sandbox, clock) as gateway:
        fetch, tokens = await session(gateway, ADA)
        (account,) = await gateway.platform.accounts(fetch)
        yield Desk(sandbox, gateway, fetch, tokens, account, clock)


def touch(number, kind="touchpoint", **fields):
    return Touchpoint(f"TP2_{number}", NOW, "ben@customer.example", kind, {"medium": "cpc"} | fields)


def touches(count):
    return [touch(number) for number in range(count)]


def states(results):
    return {result.state for result in results.values()}
