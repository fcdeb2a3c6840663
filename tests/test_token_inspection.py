"""Platforms that are asked about each token they gave (Meta): what they say counts, and what they say back is hidden."""

import json
from datetime import timedelta

import pytest
from practice_gateway import NOW, gateway_to, served
from practice_gateway_server import SECRETS, Server, exchange, refresh, said

from bot.words.errors import AuthorizationLost, Misconfigured, TryLater
from platforms._http import LONGEST_WAIT

NEW = "canary-new-token"
GIVEN = {"access_token": NEW, "token_type": "bearer", "expires_in": 3600}


@pytest.fixture
async def server():
    server = Server()
    async with served(server.app) as server.url:
        yield server


@pytest.fixture
async def gateway(server):
    settings = {"client_id": "redkey", "client_secret": SECRETS["client secret"], "api_url": server.url}
    async with gateway_to("meta_ads", settings) as gateway:
        yield gateway


def looked_at(**told):
    return said({"data": {"is_valid": True, **told}})


def fault(code, message="", **headers):
    return said({"error": {"message": message, "code": code}}, 400, **headers)


ECHO = f"sent {NEW} as redkey|{SECRETS['client secret']} with {SECRETS['client secret']}"
REFUSED = fault(1, f"Error validating client secret: {ECHO}")
INVALID = said({"data": {"is_valid": False, "error": {"code": 190, "message": ECHO}}})


@pytest.mark.parametrize(("answer", "error"), [(REFUSED, Misconfigured), (INVALID, AuthorizationLost)])
async def test_no_error_repeats_the_new_token_or_what_was_sent_to_ask_about_it(server, gateway, answer, error):
    server.api_answers = [said(GIVEN), answer]
    with pytest.raises(error) as told:
        await refresh(gateway)
    assert told.value.cause.vendor.lower().endswith("sent *** as *** with ***")


async def test_the_end_that_is_told_of_a_token_goes_before_the_life_it_came_with(server, gateway):
    later = NOW + timedelta(days=5)
    server.api_answers = [said(GIVEN), looked_at(expires_at=int(later.timestamp())), said(GIVEN), looked_at()]
    assert later == (await refresh(gateway)).expires_at
    assert NOW + timedelta(hours=1) == (await refresh(gateway)).expires_at


async def test_a_token_of_whose_permissions_nothing_is_told_has_those_asked_for_at_the_consent_alone(server, gateway):
    server.api_answers = [said(GIVEN), said(GIVEN), looked_at(), said(GIVEN), looked_at()]
    assert gateway.platform.oauth.scopes == (await exchange(gateway)).scopes
    assert () == (await refresh(gateway)).scopes


RATE, UNKNOWN = 4, 987654
USED_UP = json.dumps({"7": [{"estimated_time_to_regain_access": 300}]})


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (fault(RATE, retry_after="7"), timedelta(minutes=1)),
        (fault(UNKNOWN, retry_after="7"), timedelta(seconds=7)),
        (fault(UNKNOWN), None),
        (fault(RATE, x_business_use_case_usage=USED_UP), LONGEST_WAIT),
    ],
    ids=["its code says when", "its header says when", "nothing says when", "five hours"],
)
async def test_a_refusal_is_followed_by_the_pause_that_its_words_ask_for_or_else_its_header(
    server, gateway, answer, wait
):
    server.api_answers = [answer]
    with pytest.raises(TryLater) as told:
        await refresh(gateway)
    assert wait == told.value.after
