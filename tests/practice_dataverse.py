"""A sandbox Dynamics 365 behind a real socket, and a plain client that calls its Web API; for the tests."""

from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
from practice_gateway import CALLBACK, Clock
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox.dynamics_365 import ADA, ADVENTURE, Dynamics365Sandbox
from sandbox.dynamics_365_schema import TOUCHPOINTS, UNIQUE_ID
from sandbox.ledger import Ledger
from sandbox.person import consent
from sandbox.served import served

BACK = CALLBACK.format("dynamics_365")
LOGICAL = "bizible2_bizible_touchpoint"
TYPE = {"@odata.type": f"Microsoft.Dynamics.CRM.{LOGICAL}"}


class World:
    """The sandbox behind a real socket, and a client that logs in and calls."""

    def __init__(self, sandbox, browser, url):
        self.sandbox, self.browser, self.url = sandbox, browser, url
        self.settings = sandbox.settings(url)
        self.token = ""

    async def log_in(self, person=ADA, org=ADVENTURE):
        scope = f"{self.org_url(org)}/user_impersonation offline_access"
        asked = {"response_type": "code", "client_id": self.settings["client_id"], "redirect_uri": BACK, "scope": scope}
        back = await consent(self.browser, f"{self.settings['authorize_url']}?{urlencode(asked)}", person)
        form = {name: self.settings[name] for name in ("client_id", "client_secret")}
        form |= {"grant_type": "authorization_code", "redirect_uri": BACK}
        form["code"] = parse_qs(urlsplit(back).query)["code"][0]
        answer = await self.browser.post(self.settings["token_url"], data=form)
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]
        return answer.json()

    def org_url(self, org=ADVENTURE):
        return str(self.settings["org_url"]).replace(ADVENTURE, org)

    async def call(self, method, path, org=ADVENTURE, **more):
        bearer = {"authorization": f"Bearer {self.token}"} if self.token else {}
        headers = bearer | more.pop("headers", {})
        url = f"{self.org_url(org)}/api/data/v9.2/{path}"
        return await self.browser.request(method, url, headers=headers, **more)

    async def get(self, path, **params):
        return await self.call("GET", path, params={f"${name}": value for name, value in params.items()})

    async def upsert(self, *targets, **body):
        path = f"{TOUCHPOINTS}/Microsoft.Dynamics.CRM.UpsertMultiple"
        return await self.call("POST", path, json={"Targets": list(targets), **body})


def target(touchpoint_id, **fields):
    return {**TYPE, "@odata.id": f"{TOUCHPOINTS}({UNIQUE_ID}='{touchpoint_id}')", **fields}


def refused(answer):
    return answer.status_code, answer.json()["error"]["code"]


@asynccontextmanager
async def at_dataverse():
    sandbox = Dynamics365Sandbox(Ledger(Clock()))
    sandbox.oauth.register_redirect(BACK)
    app = Starlette(routes=[Mount(f"/{sandbox.key}", app=sandbox.app)])
    # Nothing here speaks TLS, and loading certificates takes longer than most of these tests.
    async with served(app) as url, httpx2.AsyncClient(verify=False) as browser:
        opened = World(sandbox, browser, url)
        await opened.log_in()
        yield opened
        sandbox.faults.clear()
