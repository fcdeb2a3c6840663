"""What is appended to an ad's address, and when an ad is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.catch_up.utm import conflicts, keys_of, plan
from bot.words.freight import Ad

UTM = "utm_source=google&utm_medium=cpc&utm_campaign={campaignid}&utm_content={creative}"


def ad(url="https://acme.example/", **more):
    return Ad(id="1", name="Ad", urls=(url,), **more)


def test_an_untagged_ad_gets_all_parameters():
    assert UTM == plan(ad(), UTM).wanted


def test_what_is_in_the_suffix_stays_in_front_and_in_order():
    assert "b=2&a=1&" + UTM == plan(ad(suffix="b=2&a=1"), UTM).wanted


@pytest.mark.parametrize(
    "tagged",
    [
        ad(suffix=UTM),
        ad(url="https://acme.example/?" + UTM),
        ad(template="{lpurl}?" + UTM),
        ad(template="{lpurl}&" + UTM),
    ],
    ids=["suffix", "url", "template with ?", "template with &"],
)
def test_an_ad_that_carries_the_parameters_is_left_alone_without_a_note(tagged):
    planned = plan(tagged, UTM)

    assert planned.wanted is None
    assert planned.note == ""


def test_a_key_with_another_value_is_neither_repeated_nor_changed_but_noted():
    own = ad(url="https://acme.example/?utm_source=newsletter")

    wanted = plan(own, UTM).wanted

    assert "utm_source" not in keys_of(wanted)
    assert "utm_medium" in keys_of(wanted)
    assert ["utm_source"] == conflicts(own, UTM)


def test_a_third_party_redirect_is_left_alone_because_two_taggers_would_fight():
    planned = plan(ad(template="https://tracker.example/?url={lpurl}"), UTM)

    assert planned.wanted is None
    assert "third-party redirect" in planned.note


def test_another_domain_is_skipped():
    planned = plan(ad(url="https://partner.example/x"), UTM, ["acme.example"])

    assert planned.wanted is None
    assert "another domain" in planned.note


def test_a_subdomain_is_ours_but_a_lookalike_is_not():
    assert plan(ad(url="https://shop.acme.example/"), UTM, ["acme.example"]).wanted
    assert plan(ad(url="https://notacme.example/"), UTM, ["acme.example"]).wanted is None


pairs = st.lists(
    st.tuples(st.text("abcxyz_", min_size=1, max_size=6), st.text("019{}%+-.", max_size=8)), max_size=6
).map(lambda found: "&".join(f"{key}={value}" for key, value in found))


@given(suffix=pairs, query=pairs, utm=pairs.filter(bool))
def test_whatever_was_there_stays_and_a_second_time_changes_nothing(suffix, query, utm):
    before = ad(url=f"https://acme.example/p?{query}#top", suffix=suffix)
    wanted = plan(before, utm).wanted
    if wanted is None:
        return

    assert wanted.startswith(suffix)
    assert not wanted.startswith(("?", "&", "#"))
    assert set(keys_of(utm)) <= {*keys_of(wanted), *keys_of(query)}
    assert plan(ad(url=before.urls[0], suffix=wanted), utm).wanted is None
