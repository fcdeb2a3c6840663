"""Compressed answers: what was asked for is unfolded, and nobody can make us hold more than we are willing to."""

import gzip
import tracemalloc
import zlib

import pytest
from practice_gateway import HeldTokens, gateway_to
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from bot.words.connection import Secret, TokenSet
from bot.words.errors import TryLater
from sandbox.served import served

GOOD = b'{"access_token": "at", "token_type": "Bearer", "expires_in": 3599}'
MIB = 2**20


@pytest.fixture
async def server():
    answers = []

    async def answer(_request):
        return answers.pop(0)

    app = Starlette(routes=[Route("/{rest:path}", answer, methods=["GET", "POST"])])
    async with served(app) as app.url:
        app.answers = answers
        yield app


@pytest.fixture
async def gateway(server):
    own = {name: f"{server.url}/{name}" for name in ("authorize_url", "token_url", "revoke_url", "userinfo_url")}
    settings = {"client_id": "redkey", "client_secret": "s", "api_url": server.url, **own}
    async with gateway_to("google_ads", settings, seconds=5) as gateway:
        yield gateway


def folded(body, how):
    return Response(body, 200, {"content-type": "application/json", "content-encoding": how})


@pytest.mark.parametrize(
    ("how", "fold"), [("gzip", gzip.compress), ("X-Gzip", gzip.compress), ("deflate", zlib.compress)]
)
async def test_an_answer_is_unfolded_as_it_says(server, gateway, how, fold):
    server.answers.append(folded(fold(GOOD), how))
    assert "at" == (await gateway.refresh(Secret("rt"))).access_token.reveal()


@pytest.mark.parametrize(
    ("how", "body"),
    [
        ("br", GOOD),
        ("zstd", GOOD),
        ("gzip, gzip", gzip.compress(gzip.compress(GOOD))),
        ("gzip", gzip.compress(GOOD)[:-12]),
        ("gzip", b"no gzip at all"),
    ],
    ids=["br", "zstd", "twice", "cut off", "garbage"],
)
async def test_an_answer_folded_otherwise_or_cut_off_is_no_answer(server, gateway, how, body):
    server.answers.append(folded(body, how))
    with pytest.raises(TryLater) as caught:
        await gateway.refresh(Secret("rt"))
    assert caught.value.unclear


async def test_an_answer_without_a_body_may_say_that_it_is_folded(server, gateway):
    server.answers.append(Response(b"", 204, {"content-encoding": "gzip"}))
    assert 204 == (await gateway.fetch(HeldTokens(gateway, TokenSet(Secret("at"), None, None)))("GET", "/v26/x")).status


async def test_a_bomb_takes_no_more_memory_than_the_answer_may_be_large(server, gateway):
    """A kilobyte of gzip may be a megabyte of spaces, so one piece from the network could be more than all we would hold."""
    bomb = gzip.compress(b" " * 200 * MIB, compresslevel=6)
    server.answers.append(folded(bomb, "gzip"))
    tracemalloc.start()
    try:
        with pytest.raises(TryLater, match="larger than 1 MiB"):
            await gateway.refresh(Secret("rt"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB
