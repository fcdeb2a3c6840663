"""The practice Microsoft's ads: downloaded whole or what changed, updated one by one, each refusal named."""

import json
from datetime import timedelta

import pytest
from practice_microsoft_advertising import at_the_desk, calling
from practice_microsoft_calls import ADS, DOWNLOAD, STATUS, as_person, download, fault, unpacked

from sandbox.microsoft_advertising import AMERICAS, BEN, EMEA


@pytest.fixture
async def desk():
    async with at_the_desk() as desk:
        yield desk


@pytest.fixture
async def ada(desk):
    async with calling(desk) as caller:
        yield caller


# Bulk


async def downloaded(ada, **changes):
    number = (await ada.call(*DOWNLOAD, download(**changes))).json()["DownloadRequestId"]
    first = (await ada.call(*STATUS, {"RequestId": number})).json()
    assert (first["RequestStatus"], first["ResultFileUrl"]) == ("InProgress", None)
    told = (await ada.call(*STATUS, {"RequestId": number})).json()
    assert (told["RequestStatus"], told["PercentComplete"]) == ("Completed", 100)
    return (await unpacked(told["ResultFileUrl"]))[1]


async def test_a_full_download_holds_the_account_and_what_was_asked_for(desk, ada):
    rows = await downloaded(ada, DownloadEntities=["Campaigns", "AdGroups", "Ads"])
    assert [row["Type"] for row in rows[:2]] == ["Format Version", "Account"]
    kinds = [row["Type"] for row in rows]
    assert (kinds.count("Campaign"), kinds.count("Ad Group")) == (4, 6)
    assert len([kind for kind in kinds if kind.endswith(" Ad")]) == 24
    assert json.loads(next(row["Headline"] for row in rows if row["Headline"]))[1]["text"] == "靴"
    assert {row["Type"] for row in await downloaded(ada)}.isdisjoint({"Campaign", "Ad Group"})


async def test_a_download_of_changes_holds_what_changed_deleted_ads_too(desk, ada):
    desk.clock.moment += timedelta(minutes=30)
    (made,) = desk.sandbox.add_ads(EMEA, 1)
    gone = next(iter(desk.sandbox.account(EMEA).ads))
    desk.sandbox.remove_ad(EMEA, gone)
    rows = await downloaded(ada, LastSyncTimeInUTC="2026-11-23T09:15:00Z")
    assert {row["Id"]: row["Status"] for row in rows if row["Type"].endswith(" Ad")} == {
        made.id: "Active",
        gone: "Deleted",
    }
    assert gone not in {row["Id"] for row in await downloaded(ada)}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"AccountIds": []}, 3306),
        ({"AccountIds": ...}, 3306),
        ({"AccountIds": [EMEA, AMERICAS]}, 3201),
        ({"AccountIds": [AMERICAS]}, 106),
        ({"AccountIds": [int(EMEA)]}, 100),
        ({"DownloadEntities": []}, 3210),
        ({"DownloadEntities": ["Nonsense"]}, 3211),
        ({"FormatVersion": ...}, 3219),
        ({"FormatVersion": "5.0"}, 3217),
        ({"DataScope": "QualityScoreData"}, 3228),
        ({"LastSyncTimeInUTC": "yesterday"}, 100),
        ({"LastSyncTimeInUTC": "2026-11-23T09:00:01Z"}, 3208),
        ({"LastSyncTimeInUTC": "2026-10-24T08:59:59"}, 3603),
        ({"Nonsense": 1}, 100),
    ],
)
async def test_a_download_that_microsoft_would_not_make_is_refused(ada, changes, code):
    assert fault(await ada.call(*DOWNLOAD, download(**changes)))[2] == code


async def test_only_who_ordered_a_download_may_ask_after_it(desk, ada):
    number = (await ada.call(*DOWNLOAD, download())).json()["DownloadRequestId"]
    desk.sandbox.oauth.people[BEN].accounts.append(EMEA)
    await as_person(desk, ada, BEN)
    assert fault(await ada.call(*STATUS, {"RequestId": number})) == (400, "ApiFaultDetail", 4201)
    assert fault(await ada.call(*STATUS, {"RequestId": "7"}))[2] == 4201


# Ads


def update(*ads, group=None):
    return {"AdGroupId": group or ads[0].group.id, "Ads": [sent(ad) for ad in ads]}


def sent(ad, **changes):
    return {"Id": ad.id, "Type": "ResponsiveSearch", "FinalUrlSuffix": "a=b"} | changes


def group_of(desk):
    """The responsive search ads of one ad group that nothing is special about."""
    ads = list(desk.sandbox.account(EMEA).ads.values())
    return [ad for ad in ads[8:] if ad.group is ads[12].group and ad.kind == "Responsive Search Ad"]


async def test_an_update_changes_what_it_names_and_answers_with_no_errors(desk, ada):
    one, two = group_of(desk)[:2]
    answer = await ada.call(*ADS, update(one, two), method="PUT")
    assert (answer.status_code, answer.json()) == (200, {"PartialErrors": []})
    assert (one.final_url_suffix, two.final_url_suffix) == ("a=b", "a=b")
    await ada.call(*ADS, {"AdGroupId": one.group.id, "Ads": [sent(one, FinalUrlSuffix=None)]}, method="PUT")
    await ada.call(*ADS, {"AdGroupId": one.group.id, "Ads": [sent(two, FinalUrlSuffix="")]}, method="PUT")
    assert (one.final_url_suffix, two.final_url_suffix) == ("a=b", "")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Id": None}, 1303),
        ({"Id": "79000000000999"}, 1308),
        ({"Type": "ExpandedText"}, 1308),
        ({"FinalUrlSuffix": "?a=b"}, 4626),
        ({"FinalUrlSuffix": "a=b c"}, 4626),
        ({"FinalUrlSuffix": "u={unescapedlpurl}"}, 4627),
        ({"FinalUrlSuffix": "u={ignore}"}, 4627),
        ({"FinalUrlSuffix": "a" * 2049}, 4629),
    ],
)
async def test_one_wrong_ad_is_named_by_its_place_and_the_others_are_changed(desk, ada, changes, code):
    one, two = group_of(desk)[:2]
    body = {"AdGroupId": one.group.id, "Ads": [sent(one), sent(two, **changes)]}
    (error,) = (await ada.call(*ADS, body, method="PUT")).json()["PartialErrors"]
    assert (error["Index"], error["Code"], error["Type"]) == (1, code, "BatchError")
    assert (one.final_url_suffix, two.final_url_suffix) == ("a=b", "")


async def test_an_ad_of_another_group_or_named_twice_is_not_changed(desk, ada):
    one = group_of(desk)[0]
    other = next(ad for ad in desk.sandbox.account(EMEA).ads.values() if ad.group is not one.group)
    errors = (await ada.call(*ADS, update(one, other, one), method="PUT")).json()["PartialErrors"]
    assert [(error["Index"], error["Code"]) for error in errors] == [(1, 1308), (2, 1309)]


async def test_a_product_ad_takes_no_suffix(desk, ada):
    product = next(ad for ad in desk.sandbox.account(EMEA).ads.values() if ad.kind == "Product Ad")
    body = {"AdGroupId": product.group.id, "Ads": [sent(product, Type="Product")]}
    assert (await ada.call(*ADS, body, method="PUT")).json()["PartialErrors"][0]["Code"] == 4625


async def test_a_call_that_is_wrong_as_a_whole_changes_nothing(desk, ada):
    one = group_of(desk)[0]
    for body, code in (
        (update(one, group="1"), 1201),
        ({"AdGroupId": int(one.group.id), "Ads": [sent(one)]}, 100),
        ({"AdGroupId": one.group.id, "Ads": []}, 1310),
        ({"AdGroupId": one.group.id, "Ads": [sent(one)] * 51}, 1311),
        ({"AdGroupId": one.group.id, "Ads": [{"Id": one.id, "FinalUrlSuffix": "a=b"}]}, 100),
        ({"AdGroupId": one.group.id, "Ads": [sent(one, Nonsense=1)]}, 100),
    ):
        assert fault(await ada.call(*ADS, body, method="PUT"))[2] == code
    assert one.final_url_suffix == ""
