"""Asking Salesforce which touchpoints it holds: every page, exact ids, and no way out of the quotes."""

import json

import pytest
from practice_gateway import answered
from practice_salesforce_desk import desk_of_ada, touch, touches

from bot.words.connection import Account
from bot.words.errors import TryLater
from platforms._salesforce_records import quoted
from platforms.salesforce import Salesforce, SalesforceSettings


@pytest.fixture
async def desk():
    async with desk_of_ada() as opened:
        yield opened


async def test_find_tells_which_ids_are_there_and_only_those_exactly(desk):
    await desk.push(touches(5))
    assert await desk.find([touch(1), touch(7), touch(3)]) == {"TP2_1", "TP2_3"}
    other_case = touch(1)._replace(id="tp2_1")
    assert await desk.find([other_case]) == set()


async def test_find_reads_long_lists_in_several_queries(desk):
    many = [touch(n)._replace(id=f"TP2_{n}_" + "x" * 200) for n in range(200)]
    await desk.push(many)
    before = desk.sandbox.ledger.count("api.call")
    assert len(await desk.find(many)) == 200
    assert desk.sandbox.ledger.count("api.call") - before > 3


def paged(next_url):
    """A Salesforce that answers a query in two pages."""
    asked = []

    async def fetch(method, url, **more):
        asked.append(url)
        last = len(asked) > 1
        record = {"bizible2__UniqueId__c": f"TP2_{len(asked)}"}
        body = {"done": last, "records": [record]} | ({} if last else {"nextRecordsUrl": next_url})
        return answered(200, json.dumps(body))

    return fetch, asked


async def test_find_reads_every_page():
    fetch, asked = paged("/services/data/v66.0/query/01g-2000")
    platform = Salesforce(SalesforceSettings())
    assert await platform.find(fetch, Account("o", "o"), touches(4)) == {"TP2_1", "TP2_2"}
    assert asked == ["/services/data/v66.0/query", "/services/data/v66.0/query/01g-2000"]


@pytest.mark.parametrize("url", ["https://evil.example/services/data/", "//evil.example/", "@evil.example/"])
async def test_a_next_page_elsewhere_is_not_asked_for(url):
    fetch, asked = paged(url)
    with pytest.raises(TryLater):
        await Salesforce(SalesforceSettings()).find(fetch, Account("o", "o"), touches(4))
    assert len(asked) == 1


@pytest.mark.parametrize("odd", ["O'Neil", "back\\slash", "'); DELETE", "a%_b", "日本", 'say "hi"', "a&b=c#d"])
async def test_find_quotes_what_ids_may_hold(desk, odd):
    touchpoint = touch(1)._replace(id=odd)
    await desk.push([touchpoint])
    assert await desk.find([touchpoint, touch(2)]) == {odd}


def test_quoting_escapes_quotes_backslashes_and_breaks():
    assert quoted("a'b\\c\nd") == "'a\\'b\\\\c\\nd'"
