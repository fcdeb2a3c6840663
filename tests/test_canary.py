"""No secret leaves its place: looked for in the bytes, at the end of every story; and a leak that is planted is found."""

import copy
import logging
import pickle

import pytest
import structlog
from canary import Leak, guarded, known, search, stored_bytes
from deployment import deployed

from bot.words.connection import Secret, TokenSet
from storage import make_place, open_memory


async def test_no_secret_leaves_its_place_in_a_whole_story(tmp_path, sqlite_url):
    """`deployed` looks at the end of every story; here it is seen that there was something to be found."""
    async with deployed(tmp_path, sqlite_url) as redkey:
        await redkey.connect("salesforce")
        alert = await redkey.drop("salesforce")
        await redkey.log_in(alert, redkey.world.salesforce.demo_login)
        canaries = known(redkey.world, redkey.app)
        kinds = {secret[:5] for secret in canaries}
        async with redkey.app.memory.read() as tx:
            held = [t for grant in await tx.grants.all() if (t := await tx.grants.tokens(grant.id))]

        assert {"xoxb-", "xapp-"} <= kinds
        assert "practice-key-0123456789" in canaries
        assert held
        for tokens in held:
            assert {tokens.access_token.reveal(), tokens.refresh_token.reveal()} <= canaries


@pytest.mark.parametrize("place", ["log", "stdlib log", "traceback", "database", "Slack"])
async def test_a_planted_leak_is_caught(tmp_path, sqlite_url, place):
    async with deployed(tmp_path, sqlite_url, guard=False) as redkey:
        token = redkey.app.settings.platforms["salesforce"]["client_secret"]
        with pytest.raises(Leak):
            async with guarded(redkey.world, redkey.app):
                await plant(redkey, place, token)


async def plant(redkey, place, token):
    if place == "log":
        structlog.get_logger().info("connected", with_what=token)
    elif place == "stdlib log":
        logging.getLogger("somebody").warning("tried %s", token)
    elif place == "traceback":
        try:
            raise ValueError(token)
        except ValueError:
            logging.getLogger("somebody").exception("it broke")
    elif place == "database":
        async with redkey.app.memory.begin() as tx:
            tx.audit.note("connected", who=token)
    else:
        await redkey.app.desk.connect_link("salesforce", "U0ANNA000")
        redkey.world.slack.state.calls.append(call_with(token, redkey.world.slack.state.calls))


def call_with(token, calls):
    from sandbox.slack.state import Call

    return Call("chat.postMessage", {"text": f"the secret is {token}"}, None, 200, {})


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_leak_into_the_database_of_another_workspace_is_caught(kind, tmp_path, keys, clock, request):
    home = f"sqlite:///{tmp_path}/redkey.db" if kind == "sqlite" else request.getfixturevalue("new_postgres")("leak")
    for url in (home, await make_place(home, "T0NORTH01")):
        memory = await open_memory(url, keys, on_due=None, now=clock)
        async with memory.begin() as tx:
            tx.audit.note("connected", who="the-refresh-token-0001" if url != home else "nobody")
        await memory.close()
    with pytest.raises(Leak, match="'the-re'"):
        search("the database", stored_bytes(home), {"the-refresh-token-0001"})


def test_a_secret_that_is_sealed_is_not_found_and_one_that_is_not_is(tmp_path):
    (tmp_path / "x.db").write_bytes(b"SQLite" + b"\0" * 5000 + b"the-refresh-token-0001" + b"\0" * 5000)
    with pytest.raises(Leak, match="'the-re'"):
        search("the database", [(tmp_path / "x.db").read_bytes()], {"the-refresh-token-0001"})
    search("the database", [repr(Secret("the-refresh-token-0001"))], {"the-refresh-token-0001"})
    assert stored_bytes


def test_a_secret_shows_in_no_text_and_goes_into_no_pickle_nor_copy():
    held = TokenSet(Secret("the-canary"))

    assert "canary" not in f"{held!r} {held} {held.access_token}"
    for leave in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="neither pickled nor copied"):
            leave(held)
