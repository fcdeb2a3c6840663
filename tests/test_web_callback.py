"""Back from the platform: the result pages, the cookie, and what strangers may send."""

from urllib.parse import quote

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from practice_pages import text_of
from practice_web import BETA, CONSENT, outcome, website, website_in_a_thread

from bot.people.people import ConnectPage, Ending
from bot.words.errors import TryLater

CALLBACK = "/oauth/callback/google_ads"


async def come_back(ending, **changes):
    async with website() as site:
        site.door.ending = outcome(ending, **changes)
        state = await site.begin()
        answer = await site.client.get(CALLBACK, params={"state": state, "code": "c0de-of-the-platform"})
        assert "c0de-of-the-platform" not in answer.text
        assert state not in answer.text
        return answer


@pytest.mark.parametrize(
    ("ending", "status", "says"),
    [
        (Ending.RESTORED, 200, "Google Ads is connected again"),
        (Ending.PARTLY, 200, "Some accounts are still missing"),
        (Ending.ALREADY, 200, "Already restored by bob@acme.example"),
        (Ending.WRONG_ACCOUNT, 409, "That was a different account"),
        (Ending.DECLINED, 200, "Nothing has changed"),
        (Ending.UNKNOWN, 400, "This login attempt is over"),
        (Ending.FAILED, 503, "Google Ads did not complete the login"),
    ],
)
async def test_each_ending_has_its_page_its_status_and_a_way_on(ending, status, says):
    answer = await come_back(ending, who="bob@acme.example", missing=(BETA,))

    assert answer.status_code == status
    assert says in text_of(answer.text)
    assert 'href="/connections"' in answer.text
    assert 'data-clean="/reauthorize/out_1"' in answer.text


async def test_the_wrong_account_page_names_both_logins_the_account_and_a_retry():
    answer = await come_back(Ending.WRONG_ACCOUNT)
    text = text_of(answer.text)

    assert "You logged in as eve@other.example" in text
    assert "Expected login ada@acme.example" in text
    assert "Acme EMEA 123-456-7890" in text
    assert 'method="post" action="/reauthorize/out_1"' in answer.text
    assert "http://127.0.0.1:9" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("ending", [Ending.FAILED, Ending.DECLINED, Ending.UNKNOWN])
async def test_a_failed_first_login_is_no_dead_end_either(ending):
    answer = await come_back(ending, ref="")

    assert 'href="/connections"' in answer.text
    assert "open it again" in answer.text


async def test_a_restored_login_leads_to_the_catch_up_and_a_renewed_one_has_none():
    restored, renewed = await come_back(Ending.RESTORED), await come_back(Ending.RESTORED, ref="con_well")

    assert "Watch the catch-up" in restored.text
    assert "catch" not in text_of(renewed.text)
    assert "uses this login from now on" in renewed.text


async def test_a_login_that_is_in_is_said_to_be_in_even_if_the_database_is_away_a_moment_later():
    async with website() as site:
        state = await site.begin()
        site.door.breaks = TryLater("the database did not answer")
        answer = await site.client.get(CALLBACK, params={"state": state, "code": "c0de"})
    assert 200 == answer.status_code
    assert "Google Ads is connected again" in text_of(answer.text)


async def test_a_new_login_ends_in_the_choice_of_accounts():
    page = ConnectPage("lnk_2", "google_ads", "Google Ads", "ada", (BETA,))
    answer = await come_back(Ending.CHOOSE, connect=page)

    assert answer.status_code == 200
    assert 'action="/connect/lnk_2/accounts"' in answer.text


async def test_a_finished_state_is_dropped_from_the_cookie_and_a_replay_is_refused():
    async with website() as site:
        state = await site.begin()
        first = await site.client.get(CALLBACK, params={"state": state, "code": "x"})
        again = await site.client.get(CALLBACK, params={"state": state, "code": "x"})

        assert (first.status_code, again.status_code) == (200, 400)
        assert "Max-Age=0" in first.headers["set-cookie"]


async def test_consents_begun_in_two_tabs_both_come_back():
    async with website() as site:
        first, second = await site.begin(), await site.begin()

        for state in (first, second):
            answer = await site.client.get(CALLBACK, params={"state": state, "code": "x"})
            assert answer.status_code == 200


async def test_many_begun_consents_do_not_grow_the_cookie_without_end():
    async with website() as site:
        states = [await site.begin() for _ in range(25)]

        assert len(site.client.cookies["redkey_state"]) < 1000
        oldest, newest = states[0], states[-1]
        assert (await site.client.get(CALLBACK, params={"state": oldest, "code": "x"})).status_code == 400
        assert (await site.client.get(CALLBACK, params={"state": newest, "code": "x"})).status_code == 200


async def test_another_browser_is_refused_and_uses_nothing_up():
    async with website() as site:
        state = await site.begin()
        async with httpx2.AsyncClient(base_url=site.client.base_url, verify=False) as stranger:
            refused = await stranger.get(CALLBACK, params={"state": state, "code": "x"})

        assert refused.status_code == 400
        assert (await site.client.get(CALLBACK, params={"state": state, "code": "x"})).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "state={state}&code=x&code=y",
        "state={state}&state={state}&code=x",
        "state={state}&iss=a&iss=b&code=x",
        "state={state}&code=" + "x" * 5000,
        "state={state}&code=x&more=" + "y" * 9000,
        "state={state}&" + "&".join(f"p{n}=1" for n in range(40)),
    ],
)
async def test_a_doubled_or_oversized_parameter_is_refused_before_anything_is_used(query):
    async with website() as site:
        state = await site.begin()
        answer = await site.client.get(f"{CALLBACK}?{query.format(state=state)}")

        assert answer.status_code == 400
        assert site.door.finished == []
        assert (await site.client.get(CALLBACK, params={"state": state, "code": "x"})).status_code == 200


async def test_a_head_request_uses_up_no_state():
    async with website() as site:
        state = await site.begin()

        assert (await site.client.head(CALLBACK, params={"state": state, "code": "x"})).status_code == 405
        assert (await site.client.get(CALLBACK, params={"state": state, "code": "x"})).status_code == 200


async def test_a_refusal_with_line_breaks_as_microsoft_sends_it_is_understood():
    async with website() as site:
        site.door.ending = outcome(Ending.DECLINED)
        state = await site.begin()
        told = quote("AADSTS65004: declined\r\nTrace ID: 1\x00\u202e")
        answer = await site.client.get(f"{CALLBACK}?state={state}&error=access_denied&error_description={told}")

        assert answer.status_code == 200
        assert site.door.finished[0]["error_description"] == "AADSTS65004: declined Trace ID: 1"
        assert "AADSTS" not in answer.text


@pytest.mark.parametrize("path", ["/oauth/callback/meta_ads", "/oauth/callback/%00", "/oauth/callback/..%2f"])
async def test_an_unknown_platform_is_not_found(path):
    async with website() as site:
        assert (await site.client.get(path)).status_code == 404


async def test_no_parameter_chooses_where_a_person_is_sent():
    async with website() as site:
        state = await site.begin()
        for name in ("redirect_uri", "next", "return_to"):
            answer = await site.client.post(f"/reauthorize/out_1?{name}=https://evil.example")
            assert answer.headers["location"].startswith(CONSENT)
            assert "evil" not in answer.headers["location"]
        answer = await site.client.get(CALLBACK, params={"state": state, "code": "x", "next": "https://evil.example"})
        assert "location" not in answer.headers
        assert "evil" not in answer.text


NAMES = st.sampled_from(["state", "code", "error", "error_description", "iss", "scope", "hd", "x", ""])
VALUES = st.text(max_size=60) | st.binary(max_size=30).map(lambda raw: raw.decode("latin-1"))


def test_whatever_a_stranger_sends_to_the_callback_is_never_an_error_of_ours():
    with website_in_a_thread() as (site, base), httpx2.Client(base_url=base, verify=False) as client:

        @settings(deadline=None, max_examples=150)
        @given(
            st.lists(st.tuples(NAMES, VALUES), max_size=8),
            st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
            st.binary(max_size=20),
        )
        def callback(pairs, cookie, raw):
            query = "&".join(f"{name}={quote(value)}" for name, value in pairs) + "&" + quote(raw)
            headers = {"Cookie": f"redkey_state={cookie}"}
            answer = client.get(f"{CALLBACK}?{query}", headers=headers)
            assert answer.status_code == 400

        callback()
        assert site.door.changes == 0
