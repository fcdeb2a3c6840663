"""Sealed values open only where they were sealed, under a key we have; and keys rotate under a running bot."""

import asyncio
import base64
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as some
from joserfc import jwe
from joserfc.registry import HeaderParameter
from practice_memory import a_grant, tokens

from bot.memory.memory import SealBroken
from bot.words.connection import Consent, Secret
from bot.words.errors import Fenced, SetupError
from storage import Resealed, new_key, open_memory
from storage.sealing import Envelope, Keys

OLD, NEW = new_key(), new_key(["k1:x"])
PLACE = ("grants", "gra_1", "tokens")


@given(some.text(max_size=200).filter(lambda text: text.isprintable()))
def test_what_is_sealed_opens_again(secret):
    keys = Keys([OLD])
    sealed = keys.seal(*PLACE, secret)
    assert keys.open(*PLACE, sealed, "k1") == secret
    header = json.loads(base64.urlsafe_b64decode(sealed.split(".")[0] + "=="))
    assert header == {"alg": "dir", "enc": "A256GCM", "kid": "k1", "tbl": "grants", "row": "gra_1", "col": "tokens"}


@pytest.mark.parametrize(
    "place", [("other", "gra_1", "tokens"), ("grants", "gra_2", "tokens"), ("grants", "gra_1", "x")]
)
def test_a_value_moved_to_another_place_does_not_open(place):
    keys = Keys([OLD])
    with pytest.raises(SealBroken, match="another place"):
        keys.open(*place, keys.seal(*PLACE, "secret"), "k1")


def test_a_value_changed_anywhere_does_not_open():
    keys = Keys([OLD])
    sealed = keys.seal(*PLACE, "secret")
    for at in range(len(sealed)):
        changed = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        if changed.count(".") == 4 and _meaning(changed) == _meaning(sealed):
            continue  # the last letter of a part has bits that mean nothing
        with pytest.raises(SealBroken) as broken:
            keys.open(*PLACE, changed, "k1")
        assert "secret" not in str(broken.value)


def _meaning(sealed):
    return [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in sealed.split(".")]


@pytest.mark.parametrize("garbage", ["", ".", "....", "a.b.c.d.e", "null", "é.é.é.é.é", "eyJ9.....", "x" * 10_000])
def test_garbage_does_not_open(garbage):
    with pytest.raises(SealBroken):
        Keys([OLD]).open(*PLACE, garbage, "k1")


def test_a_header_that_asks_for_another_algorithm_does_not_open():
    keys = Keys([OLD])
    rest = keys.seal(*PLACE, "secret").split(".", 1)[1]
    for change in ({"enc": "A128GCM"}, {"alg": "A256KW"}, {"alg": "none"}, {"zip": "DEF"}):
        header = {
            "alg": "dir",
            "enc": "A256GCM",
            "kid": "k1",
            "tbl": "grants",
            "row": "gra_1",
            "col": "tokens",
        } | change
        forged = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
        with pytest.raises(SealBroken):
            keys.open(*PLACE, f"{forged}.{rest}", "k1")


def test_a_value_that_does_not_say_where_it_belongs_does_not_open():
    keys = Keys([OLD])
    registry = jwe.JWERegistry(header_registry={name: HeaderParameter(name, "str") for name in ("tbl", "row", "col")})
    whole = {"alg": "dir", "enc": "A256GCM", "kid": "k1", "tbl": "grants", "row": "gra_1", "col": "tokens"}
    for missing in ("kid", "tbl", "row", "col"):
        header = {name: value for name, value in whole.items() if name != missing}
        sealed = jwe.encrypt_compact(header, b"secret", keys._keys["k1"], registry=registry)
        with pytest.raises(SealBroken):
            keys.open(*PLACE, sealed, "k1")


def test_the_newest_key_seals_and_older_ones_still_open():
    sealed = Keys([OLD]).seal(*PLACE, "secret")
    both = Keys([NEW, OLD])
    assert both.open(*PLACE, sealed, "k1") == "secret"
    assert both.newest == "k2"
    with pytest.raises(SealBroken, match=r"'k1', which is not in secrets\.keys"):
        Keys([NEW]).open(*PLACE, sealed, "k1")
    with pytest.raises(SealBroken):
        both.open(*PLACE, sealed, "k2")


def test_new_keys_take_the_next_free_name():
    assert [new_key(known).partition(":")[0] for known in ([], [OLD], [OLD, NEW], ["k9:x", "mine:y"])] == [
        "k1",
        "k2",
        "k3",
        "k10",
    ]
    many = {new_key() for _ in range(500)}
    assert (len(many), {len(key) for key in many}) == (500, {len("k1:") + 43}), "32 bytes, whatever they are"
    assert Keys([new_key()]).names == ["k1"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([], "there is no key"),
        (["S3CRETS3CRET"], "entry 1 is not of the form"),
        ([OLD, ":S3CRET"], "entry 2 is not of the form"),
        (["k1:S3CRET%%%"], "key k1 is not base64url"),
        (["k1:S3CRETé"], "key k1 is not base64url"),
        (["k1:"], "key k1 is not base64url"),
        (["k1:S3CRETS"], "key k1"),
        (["k1:S3CRE"], "key k1 is not base64url"),
        (["k1:" + "S3CR" * 10], "key k1 has 30 bytes, not 32"),
        ([OLD, OLD], "two keys are called k1"),
    ],
)
def test_wrong_keys_are_named_but_never_shown(keys, said):
    with pytest.raises(SetupError, match=r"^secrets\.keys: ") as error:
        Keys(keys)
    assert said in str(error.value)
    assert "S3CR" not in str(error.value)
    assert "redkey keys new" in str(error.value) or "name of its own" in str(error.value)
    assert "\n" not in str(error.value)


def test_keys_do_not_show_themselves():
    assert repr(Keys([NEW, OLD])) == "Keys(k2, k1)"


async def test_rotation_seals_everything_under_the_newest_key(memory, clock, database_url, keys):
    async with memory.begin() as tx:
        held = [await a_grant(tx, clock(), f"person-{n}", refresh=f"refresh-{n}") for n in range(450)]
        await tx.grants.forget(held[0].id)
        await tx.revocations.add("google_ads", Secret("to-revoke"), clock())
        consent = Consent("cns_1", "google_ads", "connect", "lnk_1", Secret("verifier"), clock())
        await tx.consents.begin(consent, "s", "b", clock.at.replace(year=2027))
    newer = new_key(keys)
    both = await open_memory(database_url, [newer, *keys], on_due=None, now=clock)
    steps: list[tuple[int, int | None]] = []
    assert await both.reseal_all(lambda *step: steps.append(step)) == Resealed(451, 0)
    assert [(200, 451), (400, 451), (449, 451), (450, 451), (451, 451), (451, 451)] == steps
    assert await both.reseal_all() == Resealed(0, 0), "a second time there is nothing to do"
    await both.close()
    alone = await open_memory(database_url, [newer], on_due=None, now=clock)
    async with alone.begin() as tx:
        opened = await tx.grants.opened([grant.id for grant in held[1:]])
        refresh = [opened[grant.id][1].refresh_token.reveal() for grant in held[1:]]
        assert refresh == [f"refresh-{n}" for n in range(1, 450)]
        assert [token.reveal() for _, _, token, _ in await tx.revocations.claim(clock(), 9)] == ["to-revoke"]
        assert await tx.consents.take("google_ads", "s", "b", clock()) == consent
    await alone.close()


async def test_rotation_leaves_what_it_cannot_open_and_says_so(memory, clock, database_url, keys):
    async with memory.begin() as tx:
        grant = await a_grant(tx, clock())
    stranger = await open_memory(database_url, [new_key(["k7:"])], on_due=None, now=clock)
    assert await stranger.reseal_all() == Resealed(0, 1)
    await stranger.close()
    async with memory.read() as tx:
        assert await tx.grants.tokens(grant.id) == tokens()


async def test_rotation_beside_refreshes_loses_no_token(memory, clock, database_url, keys):
    async with memory.begin() as tx:
        grants = [await a_grant(tx, clock(), f"person-{n}") for n in range(30)]
    both = await open_memory(database_url, [new_key(keys), *keys], on_due=None, now=clock)

    async def refresh(grant):
        for number in range(3):
            try:
                async with memory.begin() as tx:
                    fresh = await tx.grants.get(grant.id)
                    await tx.grants.replace(fresh, tokens(f"{grant.identity.id}-{number}"), clock())
            except Fenced:
                raise AssertionError("nobody else replaces it") from None
            await asyncio.sleep(random.random() / 50)

    await asyncio.gather(*(refresh(grant) for grant in grants), both.reseal_all(), both.reseal_all())
    await both.reseal_all()
    async with both.read() as tx:
        held = [(await tx.grants.tokens(grant.id)).access_token.reveal() for grant in grants]
    await both.close()
    assert held == [f"person-{n}-2" for n in range(30)]


def test_what_leaves_the_house_opens_only_for_its_own_use():
    sealed = Envelope(Keys([NEW, OLD]), "session").seal("U0ANNA000")
    assert "U0ANNA000" not in sealed
    assert Envelope(Keys([NEW]), "session").open(sealed) == "U0ANNA000"
    for keys, purpose, text in (([NEW], "consent", sealed), ([OLD], "session", sealed), ([NEW], "session", "x")):
        with pytest.raises(SealBroken):
            Envelope(Keys(keys), purpose).open(text)


async def test_a_rotation_counts_each_value_once_however_many_do_not_open(
    memory, clock, database_url, keys, monkeypatch
):
    monkeypatch.setattr("storage.reseal.ROWS_AT_ONCE", 3)
    stranger = await open_memory(database_url, [new_key(["k7:"])], on_due=None, now=clock)
    newer = new_key(keys)
    both = await open_memory(database_url, [newer, *keys], on_due=None, now=clock)
    for at, (whose, count) in enumerate(((memory, 3), (stranger, 8), (both, 2))):
        async with whose.begin() as tx:
            for n in range(count):
                await a_grant(tx, clock(), f"person-{at}-{n}")
    totals = set()
    assert await both.reseal_all(lambda _, total: totals.add(total)) == Resealed(3, 8)
    assert totals == {11}, "what is under the newest key already is not counted"
    assert await both.reseal_all() == Resealed(0, 8)
    for each in (stranger, both):
        await each.close()
