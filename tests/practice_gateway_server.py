"""A token endpoint and an API that answer what a test tells them to; for the tests of the gateway."""

import json

from practice_gateway import VERIFIER
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.words.connection import Secret
from sandbox.faults import Fault, Faults, Kind
from sandbox.ledger import Ledger

SECRETS = {
    "client secret": "canary-client-secret",
    "refresh token": "canary-refresh-token",
    "code": "canary-code",
    "verifier": VERIFIER.reveal(),
    "access token": "canary-access-token",
}


GOOD = {"access_token": SECRETS["access token"], "token_type": "Bearer", "expires_in": 3599}
TROUBLE = {
    "429": Fault(status=429, body='{"message":"rate"}'),
    "429 with an oauth error": Fault(status=429, body='{"error":"invalid_grant"}'),
    "500": Fault(status=500, body=""),
    "503 with an oauth error": Fault(status=503, body='{"error":"invalid_grant"}'),
    "502 page": Fault(kind=Kind.HTML, status=502),
    "400 page": Fault(kind=Kind.HTML, status=400),
    "401 page": Fault(kind=Kind.HTML, status=401),
    "html": Fault(kind=Kind.HTML),
    "garbage": Fault(kind=Kind.GARBAGE),
    "empty": Fault(kind=Kind.EMPTY),
    "hang": Fault(kind=Kind.HANG),
    "trickle": Fault(kind=Kind.TRICKLE, seconds=0.05),
    "reset": Fault(kind=Kind.RESET),
    "huge": Fault(kind=Kind.HUGE),
}


class Server:
    """A token endpoint and an API that answer what a test tells them to, behind faults."""

    def __init__(self):
        self.token_answers = []
        self.api_answers = []
        self.forms = []
        self.headers = []
        self.calls = []
        self.bodies = []
        self.faults = Faults(Ledger())
        routes = [
            Route("/token", self.token, methods=["POST"]),
            Route("/revoke", self.token, methods=["POST"]),
            Route("/elsewhere", self.elsewhere, methods=["GET", "POST"]),
            Route("/{rest:path}", self.api, methods=["GET", "POST"]),
        ]
        self.app = self.faults.wrap(Starlette(routes=routes))
        self.followed = 0

    async def token(self, request: Request):
        self.headers.append(request.headers)
        self.forms.append(dict(await request.form()) | {"authorization": request.headers.get("authorization")})
        return self.token_answers.pop(0)

    async def api(self, request: Request):
        self.calls.append(request)
        self.bodies.append(await request.body())
        return self.api_answers.pop(0)

    async def elsewhere(self, _: Request):
        self.followed += 1
        return said(GOOD)


def said(body, status=200, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return Response(content, status, headers)


def settings_of(url):
    return {
        "client_id": "redkey",
        "client_secret": SECRETS["client secret"],
        "authorize_url": f"{url}/authorize?already=there",
        "token_url": f"{url}/token",
        "revoke_url": f"{url}/revoke",
        "userinfo_url": f"{url}/userinfo",
        "api_url": url,
    }


def refresh(gateway):
    return gateway.refresh(Secret(SECRETS["refresh token"]))


def exchange(gateway):
    return gateway.exchange(code=Secret(SECRETS["code"]), redirect_uri="http://127.0.0.1/cb", verifier=VERIFIER)
