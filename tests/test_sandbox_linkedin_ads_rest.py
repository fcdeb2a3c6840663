"""The sandbox LinkedIn reads addresses as strictly as the real one, and answers in its shapes."""

from datetime import date

import pytest
from practice_linkedin_ads import COST, opened, parameters, refusal, tracking

from sandbox.linkedin_ads import ADA, AMERICAS, BEN, CLEO, EMEA, TOKYO
from sandbox.linkedin_ads_data import Tracking
from sandbox.linkedin_ads_restli import BadSyntax, read, read_query


@pytest.fixture
async def linkedin():
    async with opened() as linkedin:
        yield linkedin


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("List()", []),
        ("()", {}),
        ("''", ""),
        ("List('',a%2Cb,(k:List(1)))", ["", "a,b", {"k": ["1"]}]),
        ("urn%3Ali%3AsponsoredAccount%3A5", "urn:li:sponsoredAccount:5"),
        ("%E2%82%AC", "€"),
    ],
)
def test_well_formed_values_are_read(text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "a:b", "a,b", "List(a", "List(a,)", "(a)", "(a:)", "(a:b", "a)", "List(a)b", "%", "%zz", "%ff", "é", "'a"],
)
def test_anything_else_is_not_rest_li(text):
    with pytest.raises(BadSyntax):
        read(text)


def test_fields_are_a_bare_list_and_no_parameter_stands_twice():
    assert read_query("fields=a,b&q=x") == {"fields": ["a", "b"], "q": "x"}
    with pytest.raises(BadSyntax):
        read_query("q=x&q=y")


@pytest.mark.parametrize(
    "changes",
    [
        {"accounts": f"List(urn:li:sponsoredAccount:{EMEA})"},
        {"accounts": f"List%28urn%3Ali%3AsponsoredAccount%3A{EMEA}%29"},
        {"accounts": f"urn%3Ali%3AsponsoredAccount%3A{EMEA}"},
        {"accounts": f"List(urn%3Ali%3AsponsoredCampaign%3A{EMEA})"},
        {"accounts": None},
        {"accounts": "List()"},
        {"dateRange": "(start:(year:2026,month:13,day:1))"},
        {"dateRange": "(end:(year:2026,month:11,day:1))"},
        {"dateRange": "%28start%3A%28year%3A2026%29%29"},
        {"dateRange": "2026-11-01"},
        {"dateRange": None, "dateRange.start.year": "2026"},
        {"accounts": None, "accounts[0]": f"urn%3Ali%3AsponsoredAccount%3A{EMEA}"},
        {"pivot": "AD"},
        {"pivot": None},
        {"q": "search"},
        {"timeGranularity": None},
        {"fields": "costInLocalCurrency,nonsense"},
        {"fields": ",".join(["clicks"] * 21)},
        {"pageSize": "10"},
    ],
    ids=str,
)
async def test_a_wrong_report_is_refused(linkedin, changes):
    answer = await linkedin.analytics(await linkedin.token(), **changes)
    assert refusal(answer) == (400, "ILLEGAL_ARGUMENT")
    assert answer.json()["errorDetails"]["inputErrors"][0]["input"]["inputPath"]["fieldPath"]


async def test_structure_in_an_address_needs_the_second_protocol(linkedin):
    token = await linkedin.token()
    path = "adAnalytics?" + "&".join(f"{name}={value}" for name, value in COST.items())
    for headers in ({"X-Restli-Protocol-Version": "1.0.0"}, {"X-Restli-Protocol-Version": ""}):
        answer = await linkedin.call(token, path, headers=headers)
        assert refusal(answer) == (400, "ILLEGAL_ARGUMENT")
        assert answer.json()["message"] == "Invalid query parameters passed to request"


async def test_long_queries_must_be_tunnelled(linkedin):
    token = await linkedin.token()
    urns = ",".join(f"urn%3Ali%3AsponsoredCampaign%3A{number}" for number in range(100_000_000, 100_000_120))
    query = f"q=criteria&campaigns=List({urns})"
    path = f"adAccounts/{EMEA}/creatives"
    form = {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"}

    assert (await linkedin.call(token, f"{path}?{query}")).status_code == 414
    answer = await linkedin.call(token, path, "POST", headers=form, content=query)
    assert (answer.status_code, answer.json()["elements"]) == (200, [])
    for spoiled in ({"Content-Type": "application/json"}, {"X-HTTP-Method-Override": "PATCH"}):
        assert (await linkedin.call(token, path, "POST", headers=form | spoiled, content=query)).status_code == 400
    assert (await linkedin.call(token, path, "POST", content=query)).status_code == 400


# Who sees what


async def test_each_person_sees_the_accounts_they_have_a_role_in(linkedin):
    for person, accounts in (
        (ADA, {EMEA: "CAMPAIGN_MANAGER", AMERICAS: "ACCOUNT_MANAGER"}),
        (BEN, {TOKYO: "VIEWER"}),
        (CLEO, {}),
    ):
        token = await linkedin.token(person)
        users = (await linkedin.call(token, "adAccountUsers?q=authenticatedUser")).json()
        assert {each["account"].rpartition(":")[2]: each["role"] for each in users["elements"]} == accounts
        assert users["paging"]["total"] == len(accounts)
        found = (await linkedin.call(token, "adAccounts?q=search")).json()["elements"]
        assert {str(each["id"]) for each in found} == set(accounts)


async def test_roles_are_paged_by_start_and_the_searches_by_token(linkedin):
    linkedin.sandbox.api.page_size = 1
    token = await linkedin.token()
    second = (await linkedin.call(token, "adAccountUsers?q=authenticatedUser&start=1&count=5")).json()
    assert [each["role"] for each in second["elements"]] == ["ACCOUNT_MANAGER"]
    first = (await linkedin.call(token, "adAccounts?q=search&pageSize=5")).json()
    following = first["metadata"]["nextPageToken"]
    last = (await linkedin.call(token, f"adAccounts?q=search&pageSize=5&pageToken={following}")).json()
    assert [each["name"] for each in first["elements"] + last["elements"]] == ["Acme EMEA", "Acme Américas & Co"]
    assert "nextPageToken" not in last["metadata"]
    for wrong in (f"adAccounts/{EMEA}/creatives?q=criteria&pageToken={following}", "adAccounts?q=search&pageToken=x"):
        assert (await linkedin.call(token, wrong)).status_code == 400
    both = f"adAccounts?q=search&search=(status:(values:List(ACTIVE)))&pageToken={following}"
    assert (await linkedin.call(token, both)).status_code == 400


async def test_campaigns_and_creatives_have_linkedin_s_shape(linkedin):
    token, held = await linkedin.token(), linkedin.sandbox.account(EMEA)
    rows = (await linkedin.call(token, f"adAccounts/{EMEA}/adCampaigns?q=search")).json()["elements"]
    assert "REMOVED" not in {row["status"] for row in rows}
    assert isinstance(rows[0]["id"], int)
    assert (
        rows[0]["changeAuditStamps"]["created"]["time"]
        == int(held.campaigns[str(rows[0]["id"])].created_at.timestamp()) * 1000
    )
    gone = "q=search&search=(status:(values:List(REMOVED)))"
    assert len((await linkedin.call(token, f"adAccounts/{EMEA}/adCampaigns?{gone}")).json()["elements"]) == 1
    removed = next(each for each in held.creatives.values() if each.removed_on)
    listed = (await linkedin.call(token, f"adAccounts/{EMEA}/creatives?q=criteria&pageSize=100")).json()["elements"]
    assert f"urn:li:sponsoredCreative:{removed.id}" not in {row["id"] for row in listed}
    one = f"adAccounts/{EMEA}/creatives/urn%3Ali%3AsponsoredCreative%3A{removed.id}"
    assert (await linkedin.call(token, one)).json()["campaign"] == f"urn:li:sponsoredCampaign:{removed.campaign.id}"
    assert (await linkedin.call(token, one.replace("%3A", ":"))).status_code == 400
    assert (await linkedin.call(token, f"{one}9")).status_code == 404
    assert (await linkedin.call(token, f"adAccounts/{EMEA}/creatives?q=criteria&pageSize=101")).status_code == 400


async def test_a_withdrawn_account_is_denied_by_name_and_unlisted(linkedin):
    token = await linkedin.token()
    linkedin.sandbox.withdraw(EMEA)
    answer = await linkedin.call(token, f"adAccounts/{EMEA}/adCampaigns?q=search")
    assert answer.json() == {
        "status": 403,
        "serviceErrorCode": 100,
        "code": "ACCESS_DENIED",
        "message": "Not enough permissions to access: adCampaigns.FINDER-search.20260801",
    }
    assert len((await linkedin.call(token, "adAccounts?q=search")).json()["elements"]) == 1


async def test_permissions_are_needed_for_each_resource(linkedin):
    reader = await linkedin.token(scope="openid r_ads")
    assert refusal(await linkedin.analytics(reader)) == (403, "ACCESS_DENIED")
    reporter = await linkedin.token(scope="openid r_ads_reporting")
    assert refusal(await linkedin.call(reporter, "adAccounts?q=search")) == (403, "ACCESS_DENIED")
    assert (await linkedin.analytics(reporter)).json()["elements"]


# What it costs


async def test_reports_add_up_to_the_truth_on_every_pivot(linkedin):
    token = await linkedin.token()
    truth = linkedin.sandbox.totals(EMEA, date(2026, 11, 1), date(2026, 11, 7))
    for pivot in ("CREATIVE", "CAMPAIGN", "ACCOUNT"):
        rows = (await linkedin.analytics(token, pivot=pivot)).json()["elements"]
        sums = {}
        for row in rows:
            assert row["dateRange"]["start"] == row["dateRange"]["end"]
            assert isinstance(row["costInLocalCurrency"], str)
            day = date(**row["dateRange"]["start"])
            sums.setdefault(day, []).append(row["costInLocalCurrency"])
        assert len(sums) == 7
        if pivot == "ACCOUNT":
            assert {day: round(float(*costs) * 1_000_000) for day, costs in sums.items()} == truth
    assert {len(each.partition(".")[2]) for each in sums[date(2026, 11, 1)]} == {9}


async def test_only_named_fields_are_told(linkedin):
    token = await linkedin.token()
    row = (await linkedin.analytics(token, fields=None)).json()["elements"][0]
    assert set(row) == {"impressions", "clicks"}


async def test_what_one_answer_does_not_hold_is_left_out_without_a_word_the_earliest_first(linkedin):
    token = await linkedin.token()
    whole = (await linkedin.analytics(token)).json()["elements"]
    linkedin.sandbox.api.analytics.most = 10
    cut = await linkedin.analytics(token)
    assert (cut.status_code, cut.json()["elements"]) == (200, whole[-10:])


async def test_who_may_not_look_is_told_nothing_and_not_that_they_may_not(linkedin):
    token = await linkedin.token()
    linkedin.sandbox.withdraw(EMEA)
    answer = await linkedin.analytics(token)
    assert (answer.status_code, answer.json()["elements"]) == (200, [])
    assert linkedin.sandbox.totals(EMEA, date(2026, 11, 1), date(2026, 11, 7))


# Tracking parameters


async def test_tracking_parameters_are_written_read_and_deleted(linkedin):
    token, (campaign,) = await linkedin.token(), linkedin.sandbox.add_ads(EMEA)
    assert refusal(await linkedin.call(token, tracking(campaign.id))) == (404, "RESOURCE_NOT_FOUND")
    answer = await linkedin.call(token, tracking(campaign.id), "PUT", json=parameters(campaign.id))
    assert (answer.status_code, answer.content) == (204, b"")
    assert campaign.tracking == Tracking({"utm_campaign": "CAMPAIGN_ID"}, {"utm_source": "linkedin"})
    assert (await linkedin.call(token, tracking(campaign.id))).json() == parameters(campaign.id)
    assert (await linkedin.call(token, tracking(campaign.id), "DELETE")).status_code == 204
    assert campaign.tracking is None


@pytest.mark.parametrize(
    "changes",
    [
        {"adEntity": None},
        {"adEntity": "urn:li:sponsoredCampaign:1"},
        {"adEntity": {"sponsoredCampaign": "urn:li:sponsoredCampaign:1"}},
        {"dynamicValueParameters": {"utm_campaign": "{{CAMPAIGN_ID}}"}},
        {"dynamicValueParameters": {"utm_source": "CAMPAIGN_ID"}},
        {"dynamicValueParameters": ["CAMPAIGN_ID"]},
        {"customValueParameters": {"utm_source": 7}},
        {"nonsense": {}},
    ],
    ids=str,
)
async def test_a_wrong_body_is_not_processed(linkedin, changes):
    token, (campaign,) = await linkedin.token(), linkedin.sandbox.add_ads(EMEA)
    body = parameters(campaign.id) | changes
    answer = await linkedin.call(token, tracking(campaign.id), "PUT", json=body)
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("ERROR :: /")
    assert campaign.tracking is None


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("(adEntity:(sponsoredCampaign:urn:li:sponsoredCampaign:{}))", 400),
        ("(adEntity:(sponsoredCampaign:urn%3Ali%3AsponsoredAccount%3A{}))", 400),
        ("urn%3Ali%3AsponsoredCampaign%3A{}", 422),
        ("(sponsoredCampaign:urn%3Ali%3AsponsoredCampaign%3A{})", 422),
        ("(adEntity:urn%3Ali%3AsponsoredCampaign%3A{})", 422),
        ("(adEntity:(sponsoredCampaign:urn%3Ali%3AsponsoredCampaign%3A{}9))", 404),
    ],
)
async def test_the_campaign_must_stand_in_the_address_as_a_union(linkedin, key, status):
    token, (campaign,) = await linkedin.token(), linkedin.sandbox.add_ads(EMEA)
    path = "adTrackingParameters/" + key.format(campaign.id)
    assert (await linkedin.call(token, path, "PUT", json=parameters(campaign.id))).status_code == status
    assert campaign.tracking is None


async def test_writing_needs_the_permission_a_role_and_a_campaign_that_takes_it(linkedin):
    token, (campaign,) = await linkedin.token(), linkedin.sandbox.add_ads(EMEA)
    message = next(
        each for each in linkedin.sandbox.account(EMEA).campaigns.values() if each.type == "SPONSORED_INMAILS"
    )
    put = {"method": "PUT", "json": parameters(message.id)}
    assert (await linkedin.call(token, tracking(message.id), **put)).status_code == 422
    put["json"] = parameters(campaign.id)
    for role, status in (("VIEWER", 403), ("CREATIVE_MANAGER", 403), (None, 403), ("CAMPAIGN_MANAGER", 204)):
        linkedin.sandbox.set_role(role)
        assert (await linkedin.call(token, tracking(campaign.id), **put)).status_code == status
    reader = await linkedin.token(scope="openid r_ads")
    assert (await linkedin.call(reader, tracking(campaign.id))).status_code == 200
    assert refusal(await linkedin.call(reader, tracking(campaign.id), **put)) == (403, "ACCESS_DENIED")
