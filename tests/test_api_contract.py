"""The API keeps what its OpenAPI document says: scopes, pages, and nothing that schemathesis could find."""

import hmac

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from practice_web import KEY, connection, facts, outage, website, website_in_a_thread
from pydantic import SecretStr

from bot.settings.api_keys import SCOPES, KeyRing, a_bearer, read_api_key
from handlers.web.openapi import document

AUTH = {"Authorization": f"Bearer {KEY}"}
SCHEMA = schemathesis.openapi.from_dict(document())
CHECKS = {check.__name__: check for check in schemathesis.checks.CHECKS.get_all()}
# Our own rules go beyond a schema: from before to, a cursor of ours, a field that the CRM has.
NOT_OURS = [CHECKS["positive_data_acceptance"]]
# What is wrong with a query may be nothing any more once it is an address (format=[]), and the key is sent all the same.
NOT_OF_AN_ADDRESS = [*NOT_OURS, CHECKS["negative_data_rejection"]]


@pytest.fixture(scope="module")
def site():
    with website_in_a_thread() as (site, base):
        site.desk.listed = [connection(id=f"con_{n}") for n in range(3)]
        site.desk.told = [facts(outage=outage(id=f"out_{n}")) for n in range(3)]
        yield base


def tried(case, base):
    case.headers = {**(case.headers or {}), **AUTH}
    unheeded = NOT_OURS if case.method == "POST" else NOT_OF_AN_ADDRESS
    case.call_and_validate(base_url=base, excluded_checks=unheeded, verify=False)


@SCHEMA.parametrize()
@settings(max_examples=12, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_nothing_that_the_document_allows_or_forbids_breaks_it(case, site):
    tried(case, site)


@pytest.mark.sweep
@pytest.mark.timeout(1200)
@SCHEMA.parametrize()
@settings(max_examples=2000, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_two_thousand_tries_at_each_call_break_nothing(case, site):
    tried(case, site)


async def test_the_document_is_served_and_names_every_call():
    async with website() as site:
        answer = await site.client.get("/api/v1/openapi.json")

        assert answer.status_code == 200
        assert answer.json() == document()
        for path, calls in answer.json()["paths"].items():
            for method in calls:
                there = await site.client.request(method, path.format(connection="con_acme"))
                assert there.status_code == 401


@pytest.mark.parametrize("path", ["connections", "outages"])
async def test_a_long_list_comes_in_pages(path):
    async with website() as site:
        site.desk.listed = [connection(id=f"con_{n:03d}") for n in range(25)]
        site.desk.told = [facts(outage=outage(id=f"out_{n:03d}")) for n in range(25)]
        seen, url = [], f"/api/v1/{path}?limit=10"
        while url:
            answer = await site.client.get(url, headers=AUTH)
            seen += [item["id"] for item in answer.json()]
            link = answer.headers.get("link", "")
            url = f"/api/v1/{path}{link[1:].partition('>')[0]}" if link else ""

        assert len(seen) == len(set(seen)) == 25


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "cursor=", "cursor=%00", "cursor=_w"]
)
async def test_a_page_that_cannot_be_is_refused(query):
    async with website() as site:
        answer = await site.client.get(f"/api/v1/connections?{query}", headers=AUTH)

        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


CALLS = {
    "connections": ("GET", "/api/v1/connections"),
    "outages": ("GET", "/api/v1/outages"),
    "costs": ("GET", "/api/v1/costs"),
    "freshness": ("GET", "/api/v1/freshness/con_acme"),
    "touchpoints": ("POST", "/api/v1/touchpoints"),
}


async def test_a_key_may_do_what_its_scopes_say():
    keys = ["all-of-it", "reader:read", "gate:freshness", "pusher:touchpoints+costs"]
    may = {"all-of-it": set(CALLS), "reader": set(CALLS) - {"touchpoints"}, "gate": {"freshness"}}
    may["pusher"] = {"touchpoints", "costs"}
    async with website(api_keys=keys) as site:
        for key, allowed in may.items():
            for scope, (method, path) in CALLS.items():
                answer = await site.client.request(method, path, headers={"Authorization": f"Bearer {key}"})
                assert (answer.status_code != 403) == (scope in allowed)
                if scope not in allowed:
                    assert answer.headers["www-authenticate"].endswith(f'error="insufficient_scope", scope="{scope}"')
                    assert scope in answer.json()["detail"]
        whole = await site.client.get("/api/v1/connections", headers={"Authorization": "Bearer reader:read"})
        assert whole.status_code == 401


@pytest.mark.parametrize("text", ["", "two words", "key:", "key:reed", "key:read+", "key:read:costs", "clé"])
def test_a_key_that_cannot_be_is_refused_without_being_shown(text):
    with pytest.raises(ValueError, match="scope") as refused:
        read_api_key(text)
    assert "key" not in str(refused.value).replace("a key", "").replace("KEY", "")


def test_a_token_for_the_metrics_that_cannot_be_sent_is_refused_without_being_shown():
    with pytest.raises(ValueError, match="letters, digits") as refused:
        a_bearer(SecretStr("two words"))
    assert "two words" not in str(refused.value)


def test_only_digests_of_keys_are_kept():
    ring = KeyRing(["the-very-secret-key:read"])
    assert ring.of("the-very-secret-key").scopes == {"read"}
    assert "the-very-secret-key" not in repr(vars(ring)) + repr(ring.of("the-very-secret-key"))
    assert KeyRing(["plain"]).of("plain").scopes == set(SCOPES)


@pytest.mark.parametrize("given", ["first-key", "last-key", "no-key-at-all", ""])
def test_every_key_is_compared_whichever_fits(monkeypatch, given):
    """So that how long it takes tells neither which key it is nor how much of it is right."""
    ring, compared, compare = KeyRing(["first-key", "second-key", "last-key"]), [], hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda *two: compared.append(two) or compare(*two))
    assert bool(ring.of(given)) == (given in {"first-key", "last-key"})
    assert len(compared) == 3
