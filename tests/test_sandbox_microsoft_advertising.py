"""The practice Microsoft Advertising is as strict as the real one: every header, ids as text, who may see which account."""

from datetime import date, timedelta

import pytest
from practice_microsoft_advertising import at_the_desk, calling
from practice_microsoft_calls import ACCOUNT, ADS, DOWNLOAD, SEARCH, SUBMIT, USER, as_person, download, fault, report

from sandbox.microsoft_advertising import ADA, AMERICAS, CLEO, EMEA, TOKYO


@pytest.fixture
async def desk():
    async with at_the_desk() as desk:
        yield desk


@pytest.fixture
async def ada(desk):
    async with calling(desk) as caller:
        yield caller


# Who may call


@pytest.mark.parametrize("header", ["DeveloperToken", "Authorization", "CustomerAccountId", "CustomerId"])
async def test_every_header_is_needed(ada, header):
    assert fault(await ada.call(*SUBMIT, report(), **{header: None})) == (400, "AdApiFaultDetail", 116)


async def test_who_asks_about_people_and_accounts_names_no_account(ada):
    answer = await ada.call(*USER, {"UserId": None}, CustomerAccountId=None, CustomerId=None)
    assert answer.json()["User"]["Id"] == "201714801"
    assert answer.headers["trackingid"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"DeveloperToken": "wrong"}, 105),
        ({"Authorization": "Bearer made-up"}, 105),
        ({"Authorization": "made-up"}, 105),
    ],
)
async def test_a_wrong_token_of_either_kind_is_refused_without_saying_which(ada, headers, code):
    answer = await ada.call(*USER, {"UserId": None}, **headers)
    assert fault(answer) == (401, "AdApiFaultDetail", code)
    assert answer.json()["Errors"][0]["Detail"] is None


async def test_an_expired_token_is_told_from_a_dead_one(desk, ada):
    desk.sandbox.oauth.expire_access_tokens()
    assert fault(await ada.call(*USER, {"UserId": None})) == (401, "AdApiFaultDetail", 109)
    desk.sandbox.revoke()
    assert fault(await ada.call(*USER, {"UserId": None})) == (401, "AdApiFaultDetail", 105)


async def test_people_without_microsoft_advertising_are_not_known(desk, ada):
    await as_person(desk, ada, CLEO)
    answer = await ada.call(*USER, {"UserId": None})
    assert fault(answer) == (401, "AdApiFaultDetail", 105)
    assert answer.json()["Errors"][0]["Detail"] == "UserNotFound"


@pytest.mark.parametrize(
    "headers", [{"CustomerAccountId": TOKYO}, {"CustomerAccountId": "1"}, {"CustomerId": "251000002"}]
)
async def test_another_s_account_is_denied(ada, headers):
    assert fault(await ada.call(*DOWNLOAD, download(), **headers)) == (403, "AdApiFaultDetail", 106)


async def test_accounts_come_and_go(desk, ada):
    desk.sandbox.withdraw(EMEA, ADA)
    assert fault(await ada.call(*ACCOUNT, {"AccountId": EMEA})) == (403, "AdApiFaultDetail", 106)
    desk.sandbox.give_back(EMEA, ADA)
    desk.sandbox.close_account(EMEA)
    answer = await ada.call(*SUBMIT, report())
    assert fault(answer) == (401, "AdApiFaultDetail", 105)
    assert answer.json()["Errors"][0]["Detail"] == "AccountInactive"
    assert (await ada.call(*ACCOUNT, {"AccountId": EMEA})).json()["Account"]["AccountLifeCycleStatus"] == "Inactive"


async def test_the_next_calls_may_be_too_many(desk, ada):
    desk.sandbox.entrance.over_limit = 2
    codes = [fault(await ada.call(*USER, {"UserId": None}))[2] for _ in range(2)]
    assert codes == [117, 117]
    assert (await ada.call(*USER, {"UserId": None})).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"UserID":null}'])
async def test_what_cannot_be_read_is_no_request(ada, body):
    assert fault(await ada.call(*USER, body)) == (400, "ApiFault", 100)


async def test_another_path_or_method_is_not_there(ada):
    assert (await ada.call("campaign", "/CampaignManagement/v12/Ads", {}, method="PUT")).status_code == 404
    assert (await ada.call(*ADS, {}, method="POST")).status_code == 404


# Customer management


def search(value="201714801", index=0, size=1000, field="UserId"):
    predicate = {"Field": field, "Operator": "Equals", "Value": value}
    return {"Predicates": [predicate], "PageInfo": {"Index": index, "Size": size}}


async def test_accounts_are_found_page_by_page(ada):
    pages = [(await ada.call(*SEARCH, search(index=n, size=1))).json()["Accounts"] for n in range(3)]
    assert [[account["Id"] for account in page] for page in pages] == [[EMEA], [AMERICAS], []]
    (account,) = pages[0]
    assert (account["TimeZone"], account["CurrencyCode"]) == ("AmsterdamBerlinBernRomeStockholmVienna", "EUR")
    assert account["ParentCustomerId"] == ada.headers["CustomerId"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (search(201714801), 100),
        (search("201714802"), 106),
        (search(field="CustomerId"), 100),
        (search(size=1001), 100),
        (search(index=-1), 100),
        (search() | {"Predicates": []}, 100),
        ({"PageInfo": {"Index": 0, "Size": 1}}, 100),
    ],
)
async def test_a_search_that_microsoft_does_not_know_is_refused(ada, body, code):
    assert fault(await ada.call(*SEARCH, body))[2] == code


async def test_ids_are_text(ada):
    for number in (int(EMEA), "x1", None):
        assert fault(await ada.call(*ACCOUNT, {"AccountId": number})) == (400, "ApiFault", 100)


# Levers


async def test_every_lever_says_what_happened_and_its_key_begins_with_the_platform_s(desk):
    keys = [lever.key for lever in desk.sandbox.levers]
    assert all(key.startswith("microsoft_advertising_") for key in keys)
    assert {"microsoft_advertising_revoke", "microsoft_advertising_new_ads"} <= set(keys)
    for lever in desk.sandbox.levers:
        assert (await lever.pull()).endswith(".")
    assert len(desk.sandbox.account(EMEA).ads) == 44
    assert not desk.sandbox.is_down


async def test_the_truth_is_the_same_in_every_run_and_settles_as_days_pass(desk):
    async with at_the_desk() as other:
        days = (EMEA, date(2026, 11, 1), date(2026, 11, 23))
        assert desk.sandbox.totals(*days) == other.sandbox.totals(*days)
        before = desk.sandbox.totals(*days)
        desk.clock.moment += timedelta(days=1)
        after = desk.sandbox.totals(*days)
        assert [day.day for day in before if before[day] != after[day]] == [20, 21, 22, 23]


async def test_an_export_that_is_wrong_is_told_apart_from_one_that_is_right(desk):
    truth = desk.sandbox.totals(EMEA, date(2026, 11, 1), date(2026, 11, 22))
    rows = [
        {"platform": "microsoft_advertising", "account": EMEA, "date": day.isoformat(), "cost_micros": micros}
        for day, micros in truth.items()
    ]
    assert ["untagged" in problem for problem in desk.sandbox.disagreements(rows)] == [True]
    assert len(desk.sandbox.disagreements(rows[1:-1])) == 2
