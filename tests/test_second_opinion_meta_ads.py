"""facebook-business, Meta's own Python client, at work in the sandbox Meta: the cost it reads was really spent."""

import asyncio
from collections import Counter
from datetime import date
from decimal import Decimal

import pytest
from practice_meta_ads import at_meta
from practice_node import imported

from sandbox.meta_ads import ADA, EMEA, GULF
from sandbox.meta_ads_data import GONE

PACKAGE = "facebook-business"
SINCE, UNTIL = date(2026, 11, 15), date(2026, 11, 21)
FIELDS = [
    *("account_currency", "campaign_id", "campaign_name", "adset_id", "adset_name", "ad_id", "ad_name"),
    *("spend", "impressions", "clicks"),
]


class Client:
    """The client with Ada's long-lived token. Its calls block, so they run beside the sandbox."""

    def __init__(self, app, token, secret):
        self.app, self.sandbox = app, app.sandbox
        imported("facebook_business", PACKAGE)
        from facebook_business.adobjects.adaccount import AdAccount
        from facebook_business.adobjects.adreportrun import AdReportRun
        from facebook_business.adobjects.user import User
        from facebook_business.api import FacebookAdsApi
        from facebook_business.exceptions import FacebookRequestError
        from facebook_business.session import FacebookSession

        self.account, self.report, self.user = AdAccount, AdReportRun, User
        self.error = FacebookRequestError

        class Session(FacebookSession):
            GRAPH = app.at

        session = Session(app.settings["client_id"], secret, token)
        self.session = session.requests
        session.requests.trust_env = False
        self.api = FacebookAdsApi(session, api_version="v26.0")

    def at(self, kind, number):
        return kind(number, api=self.api)

    async def every(self, call, *args, **named):
        """All pages, as the client's cursor follows them."""
        return await asyncio.to_thread(lambda: [each.export_all_data() for each in call(*args, **named)])

    async def refused(self, call, *args, **named):
        with pytest.raises(self.error) as caught:
            await self.every(call, *args, **named)
        return caught.value


@pytest.fixture
async def app():
    async with at_meta() as app:
        yield app


@pytest.fixture
async def client(app):
    client = Client(app, (await app.login()).token, app.settings["client_secret"])
    yield client
    client.session.close()


def asked(**more):
    days = {"since": SINCE.isoformat(), "until": UNTIL.isoformat()}
    return {"level": "ad", "time_increment": 1, "time_range": days} | more


def by_day(rows):
    """Micros by day."""
    days = Counter()
    for row in rows:
        days[date.fromisoformat(row["date_start"])] += int(Decimal(row["spend"]) * 1_000_000)
    return dict(days)


async def test_it_lists_the_accounts_of_a_person(client):
    fields = ["account_id", "name", "account_status", "currency", "timezone_name"]
    accounts = await client.every(client.at(client.user, "me").get_ad_accounts, fields)

    held = {number: client.sandbox.account(number) for number in (EMEA, GULF)}
    assert {
        each["account_id"]: (each["id"], each["name"], each["account_status"], each["currency"]) for each in accounts
    } == {number: (f"act_{number}", account.name, 1, account.currency) for number, account in held.items()}


@pytest.mark.parametrize("page_size", [500, 2])
async def test_the_cost_it_reads_was_really_spent_whatever_the_page_size(client, page_size):
    client.sandbox.page_size = page_size
    account = client.at(client.account, f"act_{EMEA}")
    rows = await client.every(account.get_insights, FIELDS, asked(limit=page_size))

    assert client.sandbox.totals(EMEA, SINCE, UNTIL) == by_day(rows)
    assert len({(row["ad_id"], row["date_start"]) for row in rows}) == len(rows) > 50
    assert set(FIELDS) <= set(rows[0])


async def test_a_report_made_in_the_background_holds_the_same(client):
    client.sandbox.api.insights.unknown_looks = 0  # the client does not know that a new report may not be found at once
    account = client.at(client.account, f"act_{EMEA}")
    run = await asyncio.to_thread(account.get_insights, FIELDS, asked(), is_async=True)
    for _ in range(20):
        told = await asyncio.to_thread(run.api_get)
        if (told["async_status"], told["async_percent_completion"]) == ("Job Completed", 100):
            break
    rows = await client.every(run.get_insights, [], {"limit": 500})

    assert told["async_status"] == "Job Completed"
    assert client.sandbox.totals(EMEA, SINCE, UNTIL) == by_day(rows)


async def test_it_reads_ads_with_their_creatives(client):
    account = client.at(client.account, f"act_{EMEA}")
    ads = await client.every(account.get_ads, ["id", "name", "created_time", "creative"], {"limit": 100})

    held = [ad for ad in client.sandbox.account(EMEA).ads.values() if ad.status not in GONE]
    told = {each["id"]: (each["name"], each["creative"]["id"]) for each in ads}
    assert told == {ad.id: (ad.name, ad.creative.id) for ad in held}


async def test_a_changed_password_is_190_460(client):
    client.sandbox.change_password(ADA)
    error = await client.refused(client.at(client.account, f"act_{EMEA}").get_insights, FIELDS, asked())

    assert (error.http_status(), error.api_error_code(), error.api_error_subcode()) == (400, 190, 460)
    assert error.api_error_type() == "OAuthException"
    assert error.api_transient_error() in (None, False)


async def test_a_role_that_was_taken_away_is_200_and_no_matter_of_the_login(client):
    client.sandbox.withdraw(GULF)
    error = await client.refused(client.at(client.account, f"act_{GULF}").get_insights, FIELDS, asked())

    assert (error.http_status(), error.api_error_code()) == (403, 200)


async def test_too_many_calls_are_named_as_such(client):
    client.sandbox.limit_rate(1)
    error = await client.refused(client.at(client.account, f"act_{EMEA}").get_insights, FIELDS, asked())

    assert (error.api_error_code(), error.api_error_subcode()) == (80004, 2446079)
    assert "ads_" in error.http_headers()["x-business-use-case-usage"]


async def test_a_proof_made_with_another_secret_is_refused(app):
    client = Client(app, (await app.login()).token, "not-the-secret")
    error = await client.refused(client.at(client.user, "me").get_ad_accounts, ["id"])
    client.session.close()

    assert (error.http_status(), error.api_error_code()) == (400, 100)
    assert "appsecret_proof" in error.api_error_message()
