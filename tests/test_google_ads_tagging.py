"""Tags at Google Ads: on the right ads only, each refusal named, and no change missed."""

import json
from datetime import timedelta

import pytest
from practice_gateway import NOW, answered
from practice_google_ads import desk_of_ada

from bot.words.errors import TryLater
from bot.words.freight import Ad, TagChange
from platforms._google_ads_errors import partial_failures
from sandbox.google_ads import EMEA


@pytest.fixture
async def desk():
    async with desk_of_ada() as opened:
        yield opened


async def test_every_ad_but_removed_ones_is_listed_in_pages(desk):
    desk.sandbox.api.page_rows = 2
    removed, *rest = desk.sandbox.account(EMEA).ads
    desk.sandbox.remove_ad(EMEA, removed)
    assert set(await desk.ads()) == set(rest)


async def test_paused_ads_are_listed_and_urls_come_along(desk):
    ads = await desk.ads()
    paused = next(ad for ad in desk.sandbox.account(EMEA).ads.values() if ad.status == "PAUSED")
    assert ads[paused.id].urls == tuple(paused.final_urls)


async def test_the_nearest_template_and_suffix_are_in_force(desk):
    account = desk.sandbox.account(EMEA)
    levels = [next(reversed(account.ads.values()))]
    levels += [levels[0].group, levels[0].group.campaign, account]
    for level in reversed(levels):
        level.final_url_suffix = f"level={type(level).__name__}"
        level.tracking_url_template = f"{{lpurl}}?level={type(level).__name__}"
        ad = (await desk.ads())[levels[0].id]
        assert ad.suffix == level.final_url_suffix
        assert ad.template == level.tracking_url_template


async def test_only_ads_made_or_changed_since_then_are_listed_with_the_moment_they_were_made(desk):
    desk.clock.moment += timedelta(hours=3)
    made = desk.sandbox.add_ads(EMEA, 3)
    since = NOW + timedelta(hours=2)
    ads = await desk.ads(since)
    assert set(ads) == {ad.id for ad in made}
    assert {ad.created_at for ad in ads.values()} == {desk.clock.moment}


async def test_a_changed_ad_is_listed_without_a_moment_of_making_and_a_removed_one_is_not(desk):
    desk.clock.moment += timedelta(hours=3)
    changed, removed, *_ = desk.sandbox.account(EMEA).ads.values()
    desk.sandbox.book.touch(desk.sandbox.account(EMEA), changed)
    desk.sandbox.remove_ad(EMEA, removed.id)
    ads = await desk.ads(NOW + timedelta(hours=2))
    assert {ad.id: ad.created_at for ad in ads.values()} == {changed.id: None}


@pytest.mark.parametrize("limit", [2, 3, 50])
async def test_more_changes_than_one_answer_holds_are_read_on(desk, monkeypatch, limit):
    monkeypatch.setattr("platforms.google_ads._CHANGES_LIMIT", limit)
    made = []
    for _ in range(7):
        desk.clock.moment += timedelta(minutes=90)
        made += desk.sandbox.add_ads(EMEA, 1)
    assert set(await desk.ads(NOW + timedelta(hours=1, minutes=15))) == {ad.id for ad in made}


async def test_when_more_ads_changed_in_one_second_than_one_answer_holds_all_are_listed(desk, monkeypatch):
    monkeypatch.setattr("platforms.google_ads._CHANGES_LIMIT", 2)
    desk.clock.moment += timedelta(hours=3)
    desk.sandbox.add_ads(EMEA, 5)
    assert set(await desk.ads(NOW + timedelta(hours=2))) == set(desk.sandbox.account(EMEA).ads)


async def test_after_longer_than_the_platform_remembers_all_ads_are_listed(desk):
    assert set(await desk.ads(NOW - timedelta(days=120))) == set(desk.sandbox.account(EMEA).ads)


@pytest.mark.parametrize("moment", ["2026-10-25T00:59:30+00:00", "2026-03-29T00:59:30+00:00"])
async def test_no_change_is_missed_when_the_clocks_change(desk, moment):
    desk.clock.moment = NOW.fromisoformat(moment)
    (made,) = desk.sandbox.add_ads(EMEA, 1)
    since = desk.clock.moment - timedelta(seconds=10)
    desk.clock.moment += timedelta(hours=1)
    assert made.id in await desk.ads(since)


async def test_tags_are_written_to_the_named_ads_only(desk):
    ads = list((await desk.ads()).values())
    chosen = ads[6:9]
    assert await desk.tag(*[TagChange(ad, ad.suffix, "utm_source=google") for ad in chosen]) == {
        ad.id: "" for ad in chosen
    }
    held = desk.sandbox.account(EMEA).ads
    assert {ad.id for ad in held.values() if ad.final_url_suffix == "utm_source=google"} == {ad.id for ad in chosen}


async def test_each_refused_ad_is_named_and_the_others_are_tagged(desk):
    one, two, three = list((await desk.ads()).values())[6:9]
    desk.sandbox.refuse_ad(two.id)
    results = await desk.tag(*[TagChange(ad, "", "utm_source=google") for ad in (one, two, three)])
    assert (results[one.id], results[three.id]) == ("", "")
    assert results[two.id].startswith("POLICY_FINDING: ")
    assert desk.sandbox.account(EMEA).ads[three.id].final_url_suffix == "utm_source=google"


async def test_more_ads_than_one_call_takes_are_tagged_in_several(desk, monkeypatch):
    monkeypatch.setattr("platforms.google_ads._MUTATE_LIMIT", 5)
    ads = list((await desk.ads()).values())[6:18]
    assert set((await desk.tag(*[TagChange(ad, "", "utm_source=google") for ad in ads])).values()) == {""}
    assert desk.sandbox.ledger.count("api_call", call="mutate") == 3


async def test_a_tag_that_is_taken_back_leaves_no_suffix(desk):
    ad = list((await desk.ads()).values())[6]
    await desk.tag(TagChange(ad, "", "utm_source=google"))
    await desk.tag(TagChange(ad, "utm_source=google", ""))
    assert not desk.sandbox.account(EMEA).ads[ad.id].final_url_suffix


async def test_an_ad_that_google_says_nothing_about_is_not_called_tagged(desk):
    async def fetch(*_, **__):
        return answered(200, json.dumps({"results": [{"resourceName": "customers/1/ads/1"}]}))

    changes = [TagChange(Ad(str(n), "", ()), "", "a=b") for n in (1, 2)]
    results = await desk.platform.tag(fetch, desk.account, changes)
    assert [bool(result.problem) for result in results] == [False, True]


async def test_the_default_tag_is_accepted(desk):
    ad = list((await desk.ads()).values())[6]
    assert await desk.tag(TagChange(ad, "", desk.platform.utm)) == {ad.id: ""}


def test_a_failure_that_passes_by_itself_is_tried_later():
    error = {"errorCode": {"databaseError": "CONCURRENT_MODIFICATION"}, "message": "x"}
    with pytest.raises(TryLater):
        partial_failures({"partialFailureError": {"details": [{"errors": [error]}]}})


def test_a_failure_without_a_place_concerns_every_change():
    assert partial_failures({"partialFailureError": {"message": "all of it"}}) == {None: "all of it"}


async def test_an_id_that_is_no_number_reaches_no_address(desk):
    with pytest.raises(ValueError, match="number"):
        await desk.tag(TagChange(Ad("7/../8", "", ()), "", "a=b"))
