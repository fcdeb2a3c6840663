"""The cookie that binds a consent to its browser: unreadable to scripts and neighbours, one entry for each tab."""

from http.cookies import SimpleCookie

import pytest
from starlette.requests import Request
from starlette.responses import Response

from bot.people.people import Begun
from handlers.web.callback import LONGEST_QUERY, LONGEST_VALUE, MOST_PARAMETERS, read_query
from handlers.web.state_cookie import StateCookie

TABS = 10


class Browser:
    """Holds what it is told to hold."""

    def __init__(self, public_url="https://redkey.example.com"):
        self.cookie, self.held, self.told = StateCookie(public_url), "", None

    @property
    def request(self):
        header = f"{self.cookie.name}={self.held}".encode()
        return Request({"type": "http", "method": "GET", "path": "/", "headers": [(b"cookie", header)]})

    def takes(self, response):
        for header in response.headers.getlist("set-cookie"):
            (self.told,) = SimpleCookie(header).values()
            self.held = self.told.value if self.told["max-age"] != "0" else ""

    def leaves(self, state, given):
        response = self.cookie.send_away(self.request, Begun(f"https://platform.example/?a=1&state={state}", given))
        self.takes(response)
        return response

    def is_back(self, state):
        found, response = self.cookie.browser(self.request, state), Response()
        self.cookie.forget(self.request, response, state)
        self.takes(response)
        return found


def test_whoever_leaves_is_sent_away_without_what_was_posted_and_with_a_cookie_that_stays_ours():
    browser = Browser()
    response = browser.leaves("s1", "given-1")

    assert (303, "https://platform.example/?a=1&state=s1") == (response.status_code, response.headers["location"])
    assert "__Host-redkey_state" == browser.told.key
    told = {name: browser.told[name] for name in ("path", "max-age", "httponly", "secure", "samesite", "domain")}
    assert ("/", "600", True, True, "lax", "") == tuple(told.values())


def test_on_this_machine_without_https_the_name_promises_nothing():
    browser = Browser("http://127.0.0.1:8080")
    browser.leaves("s1", "given-1")

    assert ("redkey_state", "", True) == (browser.told.key, browser.told["secure"], browser.told["httponly"])


def test_each_tab_comes_back_once_and_the_last_one_takes_the_cookie_along():
    browser = Browser()
    browser.leaves("s1", "given-1")
    browser.leaves("s2", "given-2")
    assert ["given-1", None, "given-2"] == [browser.is_back(state) for state in ("s1", "s1", "s2")]
    assert ("", "0") == (browser.held, browser.told["max-age"])

    browser.told = None
    assert browser.is_back("s3") is None
    assert browser.told is None, "what is not there needs no forgetting"


def test_the_oldest_of_many_tabs_makes_room_and_one_that_left_again_holds_what_it_got_last():
    browser = Browser()
    for tab in range(TABS + 1):
        browser.leaves(f"s{tab}", f"given-{tab}")
    browser.leaves("s5", "given-again")

    found = [browser.cookie.browser(browser.request, f"s{tab}") for tab in range(TABS + 1)]
    assert [None, *(f"given-{tab}" for tab in (1, 2, 3, 4)), "given-again"] == found[:6]
    assert [f"given-{tab}" for tab in range(6, TABS + 1)] == found[6:]


def test_what_a_stranger_writes_into_the_cookie_or_the_state_is_nobodys():
    browser = Browser()
    browser.held = "garbage.." + "0" * 16 + ":" + "x" * 201
    assert browser.is_back("s1") is None
    browser.leaves("s1", "given-1")
    assert browser.is_back("\ud800") is None
    assert "given-1" == browser.is_back("s1")


@pytest.mark.parametrize("longest", [b"state=", b"a=1&state="])
def test_a_query_as_long_as_any_platforms_is_read_and_a_longer_one_is_not(longest):
    value = b"x" * LONGEST_VALUE
    assert "x" * LONGEST_VALUE == read_query(longest + value)["state"]
    assert read_query(longest + value + b"x") is None
    rest = LONGEST_QUERY - len(longest + value + b"&code=")
    full = longest + value + b"&code=" + b"y" * rest
    assert {"state", "code"} <= set(read_query(full))
    assert read_query(full + b"&") is None


def test_a_query_says_each_thing_once_and_an_empty_thing_too():
    assert {"state": "s", "code": ""} == read_query(b"state=s&code=")
    assert read_query(b"state=s&state=t") is None
    assert read_query(b"state=\xff") is None
    many = [b"a%d=1" % number for number in range(MOST_PARAMETERS)]
    assert MOST_PARAMETERS == len(read_query(b"&".join(many)))
    assert read_query(b"&".join([*many, b"b=1"])) is None
