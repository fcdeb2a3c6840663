"""msads, Microsoft's own Python client, at work in the sandbox Microsoft Advertising: what it reads is what is there."""

import asyncio
import csv
import io
import json
import sys
import types
import warnings
import zipfile
from collections import Counter
from datetime import date
from decimal import Decimal

import httpx2
import pytest
from practice_microsoft_advertising import at_the_desk
from practice_node import imported
from pydantic import BaseModel

from sandbox.ad_costs import moment, ordinals
from sandbox.microsoft_advertising import ADA, AMERICAS, EMEA

PACKAGE = "msads"
PATCHED = ("__getattr__", "__setattr__")
SINCE, UNTIL = date(2026, 11, 15), date(2026, 11, 21)
IDS = ["CampaignId", "CampaignName", "AdGroupId", "AdGroupName", "AdId", "AdTitle"]
COLUMNS = ["TimePeriod", "AccountId", "CurrencyCode", *IDS]
MEASURES = ["Impressions", "Clicks", "Spend"]

pytestmark = [
    # OAuthTokens notes the time with datetime.utcnow, which Python deprecates from 3.12 on.
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning:bingads"),
    # Its models look for their own names by way of the instance, which pydantic deprecates from 2.11 on.
    pytest.mark.filterwarnings("ignore:Accessing the 'model_fields' attribute:DeprecationWarning:openapi_client"),
]


class Unasked(types.ModuleType):
    """Stands for the part of msads that speaks to a service not asked here: over a thousand models, five seconds of work."""

    __all__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return object


@pytest.fixture
def sdk(_sdk, monkeypatch):
    """Its import gives every pydantic model of this process other attribute access: ours get theirs back afterwards."""
    client, patched = _sdk
    for name, method in patched.items():
        monkeypatch.setattr(BaseModel, name, method)
    return client


@pytest.fixture(scope="session")
def _sdk():
    before = {name: getattr(BaseModel, name) for name in PATCHED}
    client = _imported()
    patched = {name: getattr(BaseModel, name) for name in PATCHED}
    for name, method in before.items():
        setattr(BaseModel, name, method)
    return client, patched


def _imported():
    for service in ("ad_insight", "bulk", "campaign_management", "customer_billing"):
        sys.modules.setdefault(name := f"openapi_client.api.{service}_service_api", Unasked(name))
    for service in ("adinsight", "billing", "bulk", "campaign"):
        sys.modules.setdefault(name := f"openapi_client.models.{service}", Unasked(name))
    with warnings.catch_warnings():
        # Its generated models define __get_validators__, which pydantic 2 deprecates, in hundreds of classes.
        warnings.filterwarnings("ignore", "`__get_validators__` is deprecated", DeprecationWarning)
        return imported("bingads.service_client", PACKAGE)


class Client:
    """The client with Ada's login. Its calls block, so they run beside the sandbox."""

    def __init__(self, sdk, desk, token=None, developer_token=None):
        self.sdk, self.desk, self.sandbox = sdk, desk, desk.sandbox
        from bingads.authorization import AuthorizationData, OAuthTokens, OAuthWebAuthCodeGrant
        from openapi_client.exceptions import ApiException

        self.error = ApiException
        token = token or desk.tokens.tokens.access_token.reveal()
        grant = OAuthWebAuthCodeGrant(
            desk.settings.client_id, "not asked for", "http://127.0.0.1", oauth_tokens=OAuthTokens(token, 3600, None)
        )
        self._authorization = AuthorizationData(
            account_id=int(EMEA),
            customer_id=int(desk.account.parent),
            developer_token=developer_token or desk.sandbox.entrance.developer_token,
            authentication=grant,
        )

    def service(self, name, at):
        return self.sdk.ServiceClient(name, 13, self._authorization, location=at)

    @property
    def customers(self):
        return self.service("CustomerManagementService", self.desk.settings.customer_url)

    @property
    def reports(self):
        return self.service("ReportingService", self.desk.settings.reporting_url)

    async def refused(self, call, request):
        with pytest.raises(self.error) as caught:
            await asyncio.to_thread(call, request)
        return caught.value


@pytest.fixture
async def desk():
    async with at_the_desk() as desk:
        yield desk


@pytest.fixture
async def client(sdk, desk):
    return Client(sdk, desk)


def names(value):
    """What is said, without what it is: times are written differently once they were read."""
    if isinstance(value, dict):
        return {name: names(each) for name, each in value.items() if each is not None}
    return [names(each) for each in value] if isinstance(value, list) else ...


async def known(call, request):
    """What the call gives, once it is clear that msads knows everything in the answer."""
    answer = await asyncio.to_thread(call, request)
    assert names(json.loads(answer.raw_data)) == names(answer.data.to_dict())
    return answer.data


def report(kind="AdPerformanceReportRequest", **more):
    from openapi_client.models import reporting

    def day(given):
        return reporting.Date(day=given.day, month=given.month, year=given.year)

    scopes = {
        "AdPerformanceReportRequest": reporting.AccountThroughAdGroupReportScope,
        "CampaignPerformanceReportRequest": reporting.AccountThroughCampaignReportScope,
    }

    asked = {
        "report_name": "cost",
        "format": "Csv",
        "format_version": "2.0",
        "exclude_report_header": True,
        "exclude_report_footer": True,
        "return_only_complete_data": False,
        "aggregation": "Daily",
        "scope": scopes[kind](account_ids=[EMEA]),
        "time": reporting.ReportTime(custom_date_range_start=day(SINCE), custom_date_range_end=day(UNTIL)),
        "columns": [*COLUMNS, *MEASURES],
    }
    return reporting.SubmitGenerateReportRequest(report_request=getattr(reporting, kind)(**asked | more))


def poll(number):
    from openapi_client.models.reporting import PollGenerateReportRequest

    return PollGenerateReportRequest(report_request_id=number)


async def test_it_reads_who_is_logged_in(client):
    from openapi_client.models.customer import GetUserRequest

    told = await known(client.customers.get_user_with_http_info, GetUserRequest(user_id=None))

    assert (told.user.id, told.user.user_name) == (client.sandbox.entrance.users[ADA], ADA)
    assert {client.desk.account.parent} <= {role.customer_id for role in told.customer_roles}


async def test_it_lists_the_accounts_of_a_person(client):
    from openapi_client.models.customer import Paging, Predicate, SearchAccountsRequest

    asked = SearchAccountsRequest(
        predicates=[Predicate(field="UserId", operator="Equals", value=client.sandbox.entrance.users[ADA])],
        page_info=Paging(index=0, size=100),
    )
    told = await known(client.customers.search_accounts_with_http_info, asked)

    held = [client.sandbox.account(number) for number in (EMEA, AMERICAS)]
    assert {(each.id, each.name, each.currency_code, each.time_zone) for each in told.accounts} == {
        (account.id, account.name, account.currency, account.time_zone) for account in held
    }


async def ordered(client, asked):
    """The rows of the report and what was said about it until it was there."""
    number = (await asyncio.to_thread(client.reports.submit_generate_report, asked)).report_request_id
    seen = []
    while not seen or seen[-1].status == "Pending":
        told = await asyncio.to_thread(client.reports.poll_generate_report, poll(number))
        seen.append(told.report_request_status)
    async with httpx2.AsyncClient(trust_env=False, verify=False) as browser:
        packed = (await browser.get(seen[-1].report_download_url)).content
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        (name,) = archive.namelist()
        rows = list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"))))
    return rows, [each.status for each in seen]


def by_day(rows):
    """Micros by day."""
    days = Counter()
    for row in rows:
        days[date.fromisoformat(row["TimePeriod"])] += int(Decimal(row["Spend"].replace(",", "")) * 1_000_000)
    return dict(days)


async def test_the_cost_of_campaigns_in_the_report_it_orders_was_really_spent(client):
    rows, seen = await ordered(client, report("CampaignPerformanceReportRequest", columns=["TimePeriod", *MEASURES]))

    assert ["Pending", "Success"] == seen
    assert client.sandbox.totals(EMEA, SINCE, UNTIL) == by_day(rows)


async def test_the_cost_of_ads_in_the_report_it_orders_was_really_spent(client):
    rows, _ = await ordered(client, report())

    account = client.sandbox.account(EMEA)
    now, spent = moment(client.sandbox.ledger.now(), account.zone), Counter()
    for ad in account.ads.values():
        for day in ordinals(SINCE, UNTIL):
            spent[date.fromordinal(day)] += account.ad_figures(ad, day, now).cost_micros
    assert dict(spent) == by_day(rows)
    assert [*COLUMNS, *MEASURES] == list(rows[0])


def fault(service, error):
    """As the service's own models read it; which of them the client itself takes depends on the order of its imports."""
    models = imported(f"openapi_client.models.{service}", PACKAGE)
    told = models.ApplicationFault.from_json(error.body)
    assert names(json.loads(error.body)) == names(told.to_dict()), "the sandbox sends what msads does not know"
    return told


async def test_a_report_that_nobody_ordered_is_a_fault_of_the_operation(client):
    error = await client.refused(client.reports.poll_generate_report, poll("30000000000000001"))
    told = fault("reporting", error)

    assert (error.status, type(error).__name__, type(told).__name__) == (400, "BadRequestException", "ApiFaultDetail")
    assert [(2100, [])] == [(each.code, told.batch_errors) for each in told.operation_errors]


async def test_a_search_by_something_else_is_a_fault_of_the_customer_service(client):
    from openapi_client.models.customer import Paging, Predicate, SearchAccountsRequest

    asked = SearchAccountsRequest(
        predicates=[Predicate(field="Nonsense", operator="Equals", value="1")], page_info=Paging(index=0, size=100)
    )
    error = await client.refused(client.customers.search_accounts, asked)
    told = fault("customer", error)

    assert (error.status, type(told).__name__) == (400, "ApiFault")
    assert [100] == [each.code for each in told.operation_errors]


@pytest.mark.parametrize(
    ("breaks", "status", "code"),
    [
        (lambda client: client.sandbox.oauth.expire_access_tokens(ADA), 401, 109),
        (lambda client: client.sandbox.entrance.identity.update({ADA: 122}), 401, 122),
        (lambda client: setattr(client.sandbox.entrance, "over_limit", 1), 400, 117),
        (lambda client: client.sandbox.withdraw(EMEA), 403, 106),
    ],
)
async def test_what_concerns_the_login_or_the_pace_is_a_fault_of_the_api(client, breaks, status, code):
    breaks(client)
    error = await client.refused(client.reports.submit_generate_report, report())
    told = fault("reporting", error)

    assert (error.status, type(told).__name__) == (status, "AdApiFaultDetail")
    assert [code] == [each.code for each in told.errors]
    assert told.tracking_id == error.headers["trackingid"]


@pytest.mark.parametrize("wrong", [{"token": "not-a-token"}, {"developer_token": "NOT0A0TOKEN"}])
async def test_a_wrong_login_and_a_wrong_developer_token_are_both_105(sdk, desk, wrong):
    client = Client(sdk, desk, **wrong)
    error = await client.refused(client.reports.submit_generate_report, report())

    assert (error.status, type(error).__name__) == (401, "UnauthorizedException")
    assert [105] == [each.code for each in fault("reporting", error).errors]
