"""A sandbox Salesforce behind a real socket, and people who use it; for the tests."""

import base64
import hashlib
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox.ledger import Ledger
from sandbox.person import consent
from sandbox.salesforce import ADA, SalesforceSandbox
from sandbox.salesforce_schema import TOUCHPOINT, UNIQUE_ID
from sandbox.served import served

CALLBACK = "http://127.0.0.1:8080/oauth/callback/salesforce"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
MEDIUM, DATE, EMAIL = "bizible2__Medium__c", "bizible2__Touchpoint_Date__c", "bizible2__Email__c"


class Clock:
    def __init__(self):
        self.moment = datetime(2026, 11, 23, 9, tzinfo=UTC)

    def __call__(self):
        return self.moment


class World:
    """One sandbox Salesforce behind a real socket, and a client of it."""

    def __init__(self):
        self.clock = Clock()
        self.salesforce = SalesforceSandbox(Ledger(self.clock))
        self.salesforce.oauth.register_redirect(CALLBACK)
        self.client = httpx2.AsyncClient(timeout=10, verify=False)
        self._served = served(Starlette(routes=[Mount("/salesforce", app=self.salesforce.app)]))

    async def __aenter__(self):
        self.url = await self._served.__aenter__()
        self.oauth = f"{self.url}/salesforce/services/oauth2"
        self.settings = self.salesforce.settings(self.url)
        return self

    async def __aexit__(self, *_):
        self.salesforce.faults.clear()
        await self.client.aclose()
        await self._served.__aexit__(None, None, None)

    async def code(self, person=ADA, **more):
        asked = {
            "response_type": "code",
            "client_id": self.settings["client_id"],
            "redirect_uri": CALLBACK,
            "scope": "api refresh_token openid",
            "state": "s",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        back = await consent(self.client, f"{self.oauth}/authorize?{urlencode(asked | more)}", person)
        return parse_qs(urlsplit(back).query)["code"][0]

    async def token(self, **form):
        client = {name: self.settings[name] for name in ("client_id", "client_secret")}
        return await self.client.post(f"{self.oauth}/token", data=client | form)

    async def login(self, person=ADA):
        form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        answer = await self.token(code=await self.code(person), **form)
        assert answer.status_code == 200, answer.text
        return Session(self, answer.json())


class Session:
    def __init__(self, world, tokens):
        self.world = world
        self.tokens = tokens
        self.instance = tokens["instance_url"]

    async def refresh(self):
        return await self.world.token(grant_type="refresh_token", refresh_token=self.tokens["refresh_token"])

    async def call(self, method, path, **more):
        headers = {"authorization": f"Bearer {self.tokens['access_token']}"} | more.pop("headers", {})
        url = f"{self.instance}/services/data/v66.0{path}"
        return await self.world.client.request(method, url, headers=headers, **more)

    async def query(self, soql):
        return await self.call("GET", "/query", params={"q": soql})

    async def upsert(self, *records, all_or_none=False):
        rows = [{"attributes": {"type": TOUCHPOINT}, **each} for each in records]
        body = {"allOrNone": all_or_none, "records": rows}
        return await self.call("PATCH", f"/composite/sobjects/{TOUCHPOINT}/{UNIQUE_ID}", json=body)


def touch(number, **fields):
    return {UNIQUE_ID: f"TP2_{number}", MEDIUM: "cpc", **fields}


def refusal(answer):
    return answer.status_code, answer.json()[0]["errorCode"]
