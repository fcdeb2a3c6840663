"""New ads and their tags at the practice Google Ads."""

import pytest
from practice_world import at_google, code_of

from sandbox.google_ads import ADA, AMERICAS, EMEA, MANAGER

UTM = "utm_source=google&utm_medium=cpc&utm_campaign={campaignid}&utm_content={creative}"


DAYS = "segments.date BETWEEN '2026-11-01' AND '2026-11-23'"


COST = f"""SELECT customer.currency_code, segments.date, campaign.id, ad_group.id, ad_group_ad.ad.id,
metrics.cost_micros, metrics.clicks, metrics.impressions FROM ad_group_ad WHERE {DAYS}"""


CHANGED = "change_status.last_change_date_time"


CHANGES = f"""SELECT {CHANGED}, change_status.resource_status, change_status.ad_group_ad FROM change_status
WHERE change_status.resource_type = 'AD_GROUP_AD' AND {CHANGED} BETWEEN '2026-11-20' AND '2026-11-24'
ORDER BY {CHANGED} LIMIT 10000"""


@pytest.fixture
async def google():
    async with at_google() as google:
        yield google


@pytest.fixture
async def ada(google):
    return await google.login(ADA)


def tagging(ad_id, suffix=UTM, customer=EMEA, mask="finalUrlSuffix"):
    return {
        "updateMask": mask,
        "update": {"resourceName": f"customers/{customer}/ads/{ad_id}", "finalUrlSuffix": suffix},
    }


async def test_new_ads_show_in_change_status_in_the_accounts_time(google, ada):
    assert await ada.rows(EMEA, CHANGES) == []
    ads = google.sandbox.add_ads(EMEA, 20)
    rows = [row["changeStatus"] for row in await ada.rows(EMEA, CHANGES)]
    assert [row["adGroupAd"].rpartition("~")[2] for row in rows] == [ad.id for ad in ads]
    assert {row["resourceStatus"] for row in rows} == {"ADDED"}
    assert {row["lastChangeDateTime"] for row in rows} == {"2026-11-23 10:30:00.000000"}


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        (f"WHERE {CHANGED} BETWEEN '2026-11-20' AND '2026-11-24'", "LIMIT_NOT_SPECIFIED"),
        (f"WHERE {CHANGED} BETWEEN '2026-11-20' AND '2026-11-24' LIMIT 10001", "INVALID_LIMIT_CLAUSE"),
        ("LIMIT 10", "CHANGE_DATE_RANGE_INFINITE"),
        (f"WHERE {CHANGED} >= '2026-11-20' LIMIT 10", "CHANGE_DATE_RANGE_INFINITE"),
        (f"WHERE {CHANGED} BETWEEN '2026-11-24' AND '2026-11-20' LIMIT 10", "CHANGE_DATE_RANGE_NEGATIVE"),
        (f"WHERE {CHANGED} BETWEEN '2026-08-01' AND '2026-11-20' LIMIT 10", "START_DATE_TOO_OLD"),
    ],
)
async def test_change_status_wants_a_limit_and_a_finite_recent_range(ada, rest, code):
    answer = await ada.search(EMEA, f"SELECT change_status.ad_group_ad FROM change_status {rest}")
    assert code_of(answer) == ("changeStatusError", code)


async def test_tagging_an_ad_changes_it_and_is_itself_a_change(google, ada):
    ad = google.sandbox.add_ads(EMEA)[0]
    assert ad in google.sandbox.untagged(EMEA)
    google.clock.pass_by(minutes=1)
    answer = await ada.mutate(EMEA, tagging(ad.id), partialFailure=True)
    assert answer.json() == {"results": [{"resourceName": f"customers/{EMEA}/ads/{ad.id}"}]}
    assert ad.final_url_suffix == UTM
    assert ad not in google.sandbox.untagged(EMEA)
    assert [row["changeStatus"]["resourceStatus"] for row in await ada.rows(EMEA, CHANGES)] == ["CHANGED"]
    assert google.sandbox.ledger.count("ad.changed", ad=ad.id) == 1


async def test_partial_failures_point_at_their_operations(google, ada):
    good, policy, bad, removed = google.sandbox.add_ads(EMEA, 4)
    google.sandbox.refuse_ad(policy.id)
    google.sandbox.remove_ad(EMEA, removed.id)
    operations = [
        tagging(policy.id),
        tagging(good.id),
        tagging(bad.id, "?" + UTM),
        tagging("1"),
        tagging(good.id),
        tagging(removed.id),
    ]
    answer = (await ada.mutate(EMEA, *operations, partialFailure=True)).json()
    assert answer["results"] == [{}, {"resourceName": f"customers/{EMEA}/ads/{good.id}"}, {}, {}, {}, {}]
    failure = answer["partialFailureError"]
    assert failure["code"] == 3
    errors = failure["details"][0]["errors"]
    assert [error["location"]["fieldPathElements"][0] for error in errors] == [
        {"fieldName": "operations", "index": index} for index in (0, 2, 3, 4, 5)
    ]
    assert [next(iter(error["errorCode"].values())) for error in errors] == [
        "POLICY_FINDING",
        "FINAL_URL_SUFFIX_MALFORMED",
        "RESOURCE_NOT_FOUND",
        "ID_EXISTS_IN_MULTIPLE_MUTATES",
        "OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE",
    ]


async def test_without_partial_failure_one_bad_operation_stops_all(google, ada):
    good, bad = google.sandbox.add_ads(EMEA, 2)
    answer = await ada.mutate(EMEA, tagging(good.id), tagging(bad.id, "a={nonsense}"))
    assert (answer.status_code, code_of(answer)) == (400, ("urlFieldError", "INVALID_TAG_IN_FINAL_URL_SUFFIX"))
    assert good.final_url_suffix is None


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (tagging("1", customer=AMERICAS), "MUTATE_NOT_ALLOWED"),
        (tagging("x"), "RESOURCE_NAME_MALFORMED"),
        (tagging("1", mask=""), "FIELD_MASK_MISSING"),
    ],
)
async def test_a_wrong_operation_is_refused(ada, operation, code):
    assert code_of(await ada.mutate(EMEA, operation))[1] == code


async def test_too_many_or_no_operations_are_refused(ada):
    assert code_of(await ada.mutate(EMEA))[1] == "REQUIRED_FIELD_MISSING"
    many = await ada.mutate(EMEA, *[{}] * 10_001)
    assert code_of(many) == ("requestError", "TOO_MANY_MUTATE_OPERATIONS")


async def test_validate_only_changes_nothing(google, ada):
    ad = google.sandbox.add_ads(EMEA)[0]
    assert (await ada.mutate(EMEA, tagging(ad.id), validateOnly=True)).json() == {}
    assert ad.final_url_suffix is None


async def test_the_ads_that_make_a_tagger_think_are_there(google, ada):
    query = "SELECT ad_group_ad.ad.final_urls, ad_group_ad.ad.tracking_url_template, ad_group_ad.ad.final_url_suffix"
    ads = [row["adGroupAd"]["ad"] for row in await ada.rows(EMEA, f"{query} FROM ad_group_ad LIMIT 6")]
    assert ads[0]["finalUrls"] == ["https://marketplace.example/acme"]
    assert ads[1]["trackingUrlTemplate"].startswith("https://clicks.bid-optimiser.example/")
    assert ads[2]["finalUrlSuffix"] == "promo=autumn&shop={network}"
    assert "utm_source=google" in ads[3]["finalUrls"][0]
    ids = [ad["resourceName"].rpartition("/")[2] for ad in ads]
    left = {ad.id for ad in google.sandbox.untagged(EMEA)}
    assert [each in left for each in ids] == [False, False, True, False, True, True]
    assert len(google.sandbox.untagged(EMEA, everything=True)) == 23


async def test_a_suffix_on_the_campaign_tags_its_ads_unless_they_have_their_own(google):
    account = google.sandbox.account(EMEA)
    before = len(google.sandbox.untagged(EMEA))
    account.campaigns[0].final_url_suffix = UTM
    tagged = [ad for ad in account.ads.values() if ad.group.campaign is account.campaigns[0] and account.is_tagged(ad)]
    assert 0 < before - len(google.sandbox.untagged(EMEA)) <= len(tagged)


async def test_two_thousand_ads_of_a_month_are_answered_at_once(google, ada):
    google.sandbox.add_account("2000000009", "Acme Big", ADA, under=MANAGER, ads=2000)
    parts = (await ada.stream("2000000009", COST)).json()
    assert [len(part["results"]) for part in parts] == [10_000] * 4 + [5_977]
