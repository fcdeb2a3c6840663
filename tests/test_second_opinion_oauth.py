"""Our OAuth code and the refresh protocol against npm's oidc-provider: a strict server that none of us wrote."""

import asyncio
import base64
import hashlib
import itertools
from datetime import timedelta

import pytest
from practice_elsewhere import CALLBACK, TIMEOUT, VERIFIER, at_peer, refresh_token, refresher_of, stored
from practice_node import running
from practice_story import sqlite_only

from bot.logins.refresh import GrantTokens
from bot.words.connection import Secret
from bot.words.errors import AuthorizationLost, Misconfigured, Refused, TryLater

accounts = (f"person-{number}" for number in itertools.count(1))


@pytest.fixture(scope="session")
def issuer():
    with running("oidc_server.mjs") as program:
        yield program.first["issuer"]


@pytest.fixture
async def peer(issuer, clock):
    async with at_peer(issuer, next(accounts), clock) as peer:
        yield peer


async def lost(awaited):
    with pytest.raises(AuthorizationLost) as caught:
        await awaited
    return caught.value.cause.code


async def test_a_code_is_traded_for_tokens_with_pkce_and_the_issuer_comes_back(peer, clock):
    back = await peer.back()
    tokens = await peer.exchange(**back)

    assert back["state"] == "s"
    assert back["iss"] == peer.gateway.platform.oauth.issuer == peer.issuer
    assert clock() + timedelta(hours=1) == tokens.expires_at
    assert ("openid", "offline_access") == tokens.scopes
    assert tokens.refresh_token


async def test_the_challenge_is_the_hash_of_the_verifier(peer):
    digest = hashlib.sha256(VERIFIER.reveal().encode()).digest()
    url = peer.gateway.consent_url(state="s", redirect_uri=CALLBACK, verifier=VERIFIER)

    assert f"code_challenge={base64.urlsafe_b64encode(digest).decode().rstrip('=')}" in url
    assert "code_challenge_method=S256" in url


@pytest.mark.parametrize("verifier", [Secret("w" * 64), None])
async def test_without_the_right_verifier_the_code_is_refused(peer, verifier):
    with pytest.raises(Refused) as caught:
        await peer.exchange(verifier)

    assert caught.value.code == "invalid_grant"


async def test_a_code_works_once_and_a_second_use_ends_what_it_gave(peer):
    back = await peer.back()
    tokens = await peer.exchange(**back)
    with pytest.raises(Refused):
        await peer.exchange(**back)

    assert "invalid_grant" == await lost(peer.gateway.refresh(tokens.refresh_token))


async def test_a_wrong_client_secret_is_the_operators_matter_and_harms_no_login(peer):
    tokens = await peer.exchange()
    wrong = peer.with_secret("not-the-secret")
    with pytest.raises(Misconfigured) as caught:
        await wrong.refresh(tokens.refresh_token)
    assert caught.value.cause.code == "invalid_client"

    assert (await peer.gateway.refresh(tokens.refresh_token)).refresh_token != tokens.refresh_token


async def test_the_peer_ends_a_whole_family_when_a_refresh_token_is_used_twice(peer):
    """What all the care in bot/logins/refresh.py is about, shown on the peer itself."""
    first = await peer.exchange()
    second = await peer.gateway.refresh(first.refresh_token)

    assert "invalid_grant" == await lost(peer.gateway.refresh(first.refresh_token))
    assert "invalid_grant" == await lost(peer.gateway.refresh(second.refresh_token))


async def test_each_refresh_stores_the_new_token_and_sends_only_the_newest(peer, memory, clock):
    grant = await stored(peer, memory, clock)
    refresher = refresher_of(peer, memory, clock)
    held = [await refresh_token(memory, grant)]
    for generation in (1, 2, 3):
        assert generation + 1 == (await refresher.renewed(grant.id, generation)).generation
        held.append(await refresh_token(memory, grant))

    assert len(set(held)) == 4
    assert [(token.reveal(), "ok") for token in held[:3]] == [
        pair for pair in await peer.seen() if pair[0] in {token.reveal() for token in held}
    ]


async def test_twenty_callers_at_once_send_one_refresh_token_once(peer, memory, clock):
    grant = await stored(peer, memory, clock)
    first, second = refresher_of(peer, memory, clock), refresher_of(peer, memory, clock)
    before = await refresh_token(memory, grant)
    for generation in (1, 2):
        asked = [each.renewed(grant.id, generation) for each in (first, second) for _ in range(10)]
        tokens = await asyncio.gather(*asked)
        assert {generation + 1} == {token.generation for token in tokens}

    ours = [sent for sent, _ in await peer.seen()]
    assert ours.count(before.reveal()) == 1
    assert ours.count((await refresh_token(memory, grant)).reveal()) == 0


@sqlite_only
async def test_a_request_that_never_arrived_costs_nothing_but_the_wait(peer, memory, clock):
    grant = await stored(peer, memory, clock)
    refresher = refresher_of(peer, memory, clock)
    peer.lossy.lose = "request"
    with pytest.raises(TryLater) as caught:
        await refresher.renewed(grant.id, 1)
    assert caught.value.unclear

    clock.advance(TIMEOUT * 2)
    assert 2 == (await refresher.renewed(grant.id, 1)).generation


@sqlite_only
async def test_after_a_lost_answer_nothing_is_sent_until_it_cannot_arrive_any_more_and_then_once(peer, memory, clock):
    """The peer has rotated and the new token is gone with the connection: one honest try, and the login is lost."""
    grant = await stored(peer, memory, clock)
    refresher = refresher_of(peer, memory, clock)
    token = (await refresh_token(memory, grant)).reveal()
    peer.lossy.lose = "answer"
    asked = [refresher.renewed(grant.id, 1) for _ in range(20)]
    assert all(isinstance(each, TryLater) for each in await asyncio.gather(*asked, return_exceptions=True))
    await asyncio.gather(*(refresher.renewed(grant.id, 1) for _ in range(20)), return_exceptions=True)
    assert [(token, "ok")] == [pair for pair in await peer.seen() if pair[0] == token]

    clock.advance(TIMEOUT * 2)
    assert "lost_in_transfer" == await lost(refresher.renewed(grant.id, 1))
    assert [(token, "ok"), (token, "invalid_grant")] == [pair for pair in await peer.seen() if pair[0] == token]


@sqlite_only
async def test_a_consent_withdrawn_at_the_peer_is_a_lost_authorization(peer, memory, clock):
    """The access token is refused, a refresh is tried once, and only its refusal is believed."""
    grant = await stored(peer, memory, clock)
    refresher = refresher_of(peer, memory, clock)
    fetch = peer.gateway.fetch(GrantTokens(refresher, grant.id, grant.generation))
    assert peer.account == (await peer.gateway.platform.identify(fetch)).id

    token = (await refresh_token(memory, grant)).reveal()
    await peer.withdraw()
    assert "invalid_grant" == await lost(peer.gateway.platform.probe(fetch, None))
    assert [(token, "invalid_grant")] == [pair for pair in await peer.seen() if pair[0] == token]


@sqlite_only
async def test_an_access_token_that_ended_early_is_renewed_without_anybody_noticing(peer, memory, clock):
    grant = await stored(peer, memory, clock)
    await peer.end_access()
    fetch = peer.gateway.fetch(GrantTokens(refresher_of(peer, memory, clock), grant.id, grant.generation))

    assert peer.account == (await peer.gateway.platform.identify(fetch)).id


async def test_revoking_a_refresh_token_ends_the_login_and_doing_it_twice_is_no_error(peer):
    tokens = await peer.exchange()
    await peer.gateway.revoke(tokens.refresh_token)
    await peer.gateway.revoke(tokens.refresh_token)

    assert "invalid_grant" == await lost(peer.gateway.refresh(tokens.refresh_token))


async def test_a_new_consent_after_a_withdrawn_one_is_a_living_login(peer):
    await peer.exchange()
    await peer.withdraw()
    tokens = await peer.exchange()

    assert (await peer.gateway.refresh(tokens.refresh_token)).refresh_token != tokens.refresh_token
