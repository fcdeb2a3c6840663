"""Tags at Meta Ads: on the right ads only, once, with one review an ad, and nothing without the opt-in."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from practice_gateway import NOW
from practice_meta_ads import UTM, at_desk

from bot.catch_up.utm import plan
from bot.words.errors import AccessDenied, TryLater
from bot.words.freight import Ad, TagChange
from platforms._meta_ads_creatives import ads_of
from platforms.meta_ads import MetaAdsSettings
from sandbox.faults import Fault, Kind
from sandbox.meta_ads import ADA, EMEA


@pytest.fixture
async def desk():
    async with at_desk() as desk:
        yield desk


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("platforms._meta_ads_insights._PAUSES", (0.0,) * 30)


def wanting(desk, ads):
    """What the engine asks for."""
    plans = [plan(ad, UTM, desk.platform.domains) for ad in ads.values()]
    return [TagChange(p.ad, p.ad.suffix, p.wanted) for p in plans if p.wanted is not None]


async def test_every_ad_whose_clicks_leave_meta_is_listed_in_pages_but_not_those_that_are_gone(desk):
    desk.sandbox.page_size = 2
    ads = await desk.ads()
    every = list(desk.held.ads.values())
    assert set(ads) == {ad.id for ad in every} - {every[1].id, every[8].id, every[9].id}
    paused = every[5]
    assert ads[paused.id].urls == tuple(paused.links)
    assert ads[every[2].id].suffix == "promo=autumn&site={{site_source_name}}"
    assert ads[every[4].id].urls == ()


async def test_only_ads_made_or_changed_since_then_are_listed_with_the_moment_they_were_made(desk):
    desk.clock.moment += timedelta(hours=3)
    made = desk.sandbox.add_ads(EMEA, 3)
    changed = next(iter(desk.held.ads.values()))
    desk.sandbox.book.change(changed, name="new name")
    ads = await desk.ads(NOW + timedelta(hours=2))
    assert set(ads) == {ad.id for ad in made} | {changed.id}
    assert {ads[ad.id].created_at for ad in made} == {desk.clock.moment}


async def test_ads_are_asked_for_in_smaller_pages_when_meta_has_too_much_of_them(desk):
    reduce = json.dumps({"error": {"code": 1, "message": "Please reduce the amount of data you're asking for"}})
    desk.sandbox.faults.add(Fault(match="/ads", status=500, times=2, body=reduce))
    assert len(await desk.ads()) == 13


async def test_the_right_ads_are_tagged_and_nothing_else_is_changed(desk):
    before = {ad.id: ad.creative for ad in desk.held.ads.values()}
    due = {ad.id for ad in desk.sandbox.untagged(EMEA)}
    ads = await desk.ads()
    results = await desk.tag(*wanting(desk, ads))
    every = list(desk.held.ads.values())
    foreign, partly, dynamic, instagram = (every[n].id for n in (0, 3, 6, 7))
    assert {ad for ad, problem in results.items() if problem} == {dynamic, instagram}
    assert {ad for ad, problem in results.items() if not problem} == due | {foreign, partly}
    assert every[3].creative.url_tags == "utm_content={{ad.id}}"
    assert desk.sandbox.untagged(EMEA) == []
    for ad in every:
        assert ad.creative.story == before[ad.id].story
        if ad.id not in due | {foreign, partly}:
            assert ad.creative is before[ad.id]
    suffixed = every[2].creative
    assert suffixed.url_tags == "promo=autumn&site={{site_source_name}}&" + UTM
    assert suffixed.spec["degrees_of_freedom_spec"] == before[every[2].id].spec["degrees_of_freedom_spec"]


async def test_what_tagging_costs_is_one_review_an_ad_and_never_a_second_one(desk):
    changes = wanting(desk, await desk.ads())
    results = await desk.tag(*changes)
    tagged = sum(not problem for problem in results.values())
    assert desk.sandbox.price(EMEA) == (tagged, tagged)
    creatives = len(desk.held.creatives)
    assert await desk.tag(*changes) == results
    assert desk.sandbox.price(EMEA) == (tagged, tagged)
    assert len(desk.held.creatives) == creatives
    remaining = wanting(desk, await desk.ads())
    assert {change.ad.id for change in remaining} == {ad for ad, problem in results.items() if problem}


async def test_without_the_opt_in_nothing_is_touched_and_each_ad_is_left_to_a_person(desk):
    careful = desk.platform_with(tag_by_recreating=False)
    changes = wanting(desk, await desk.ads())
    calls = desk.sandbox.ledger.count("api_call")
    results = await desk.tag(*changes, platform=careful)
    assert set(results) == {change.ad.id for change in changes}
    assert all("person" in results[change.ad.id] for change in changes)
    assert all(change.wanted in results[change.ad.id] for change in changes)
    assert desk.sandbox.ledger.count("api_call") == calls
    assert desk.sandbox.price(EMEA) == (0, 0)


def test_the_opt_in_is_off_unless_the_operator_says_so():
    assert MetaAdsSettings().tag_by_recreating is False
    assert MetaAdsSettings().restate_days == 28
    assert MetaAdsSettings().utm == UTM


@pytest.mark.parametrize("kind", [Kind.DROP, Kind.CUT])
async def test_a_creative_made_before_a_crash_is_taken_and_not_made_again(desk, kind):
    change = wanting(desk, await desk.ads())[0]
    desk.sandbox.faults.add(Fault(match="/adcreatives", kind=kind, method="POST"))
    with pytest.raises(TryLater):
        await desk.tag(change)
    assert desk.sandbox.ledger.count("creative.made") == 1
    assert await desk.tag(change) == {change.ad.id: ""}
    assert desk.sandbox.ledger.count("creative.made") == 1
    assert desk.held.ads[change.ad.id].creative.url_tags == change.wanted


async def test_an_exchange_whose_answer_was_lost_is_found_done(desk):
    change = wanting(desk, await desk.ads())[0]
    desk.sandbox.faults.add(Fault(match=f"/{change.ad.id}", kind=Kind.DROP, method="POST"))
    with pytest.raises(TryLater):
        await desk.tag(change)
    assert await desk.tag(change) == {change.ad.id: ""}
    assert desk.sandbox.price(EMEA) == (1, 1)


async def test_where_creatives_cannot_be_searched_by_name_ads_are_tagged_all_the_same(desk):
    desk.sandbox.api.ads.name_search = False
    change = wanting(desk, await desk.ads())[0]
    assert await desk.tag(change) == {change.ad.id: ""}


async def test_a_creative_of_the_same_name_that_shows_something_else_is_not_taken(desk):
    change = wanting(desk, await desk.ads())[0]
    await desk.tag(change)
    made = desk.held.ads[change.ad.id].creative
    undo = TagChange(change.ad, change.wanted, change.before)
    assert await desk.tag(undo) == {change.ad.id: ""}
    made.url_tags = "utm_source=elsewhere"
    assert await desk.tag(change) == {change.ad.id: ""}
    assert desk.held.ads[change.ad.id].creative.url_tags == change.wanted


async def test_tags_can_be_taken_back(desk):
    change = wanting(desk, await desk.ads())[0]
    await desk.tag(change)
    assert await desk.tag(TagChange(change.ad, change.wanted, change.before)) == {change.ad.id: ""}
    assert desk.held.ads[change.ad.id].creative.url_tags == ""


async def test_an_ad_that_someone_changed_meanwhile_or_that_is_gone_is_left_alone(desk):
    changed, gone, fine = wanting(desk, await desk.ads())[:3]
    desk.held.ads[changed.ad.id].creative.url_tags = "by=hand"
    desk.sandbox.end_ad(EMEA, gone.ad.id)
    results = await desk.tag(changed, gone, fine)
    assert "meanwhile" in results[changed.ad.id]
    assert "any more" in results[gone.ad.id]
    assert results[fine.ad.id] == ""
    assert desk.held.ads[changed.ad.id].creative.url_tags == "by=hand"


async def test_a_refused_ad_is_named_with_metas_words_and_the_others_are_tagged(desk):
    one, two, three = wanting(desk, await desk.ads())[:3]
    desk.sandbox.refuse_ad(two.ad.id)
    results = await desk.tag(one, two, three)
    assert (results[one.ad.id], results[three.ad.id]) == ("", "")
    assert "100.1487390" in results[two.ad.id]


async def test_missing_rights_to_write_concern_the_ads_and_not_the_connection(desk):
    change = wanting(desk, await desk.ads())[0]
    desk.sandbox.oauth.decline(ADA, "ads_management")
    assert "ads_management" in (await desk.tag(change))[change.ad.id]
    desk.sandbox.withdraw(EMEA)
    with pytest.raises(AccessDenied):
        await desk.tag(change)


async def test_more_ads_than_one_read_takes_are_tagged_in_several(desk, monkeypatch):
    monkeypatch.setattr("platforms._meta_ads_creatives._AT_ONCE", 4)
    await desk.tag(*wanting(desk, await desk.ads()))
    assert desk.sandbox.untagged(EMEA) == []


async def test_with_domains_an_ad_whose_link_cannot_be_seen_is_left_to_a_person(desk):
    careful = desk.platform_with(domains=("acme.example",))
    post = list(desk.held.ads.values())[4]
    change = TagChange(Ad(post.id, "", ()), "", UTM)
    assert "cannot see" in (await desk.tag(change, platform=careful))[post.id]
    assert desk.sandbox.price(EMEA) == (0, 0)


async def test_an_id_that_is_no_number_reaches_no_address(desk):
    with pytest.raises(ValueError, match="number"):
        await desk.tag(TagChange(Ad("7/../8", "", ()), "", "a=b"))
    with pytest.raises(ValueError, match="number"):
        await desk.platform.probe(desk.fetch, replace(desk.account, id="1/../2"))


@pytest.mark.parametrize(
    ("spec", "urls"),
    [
        ({"link_data": {"link": "https://a.example"}}, ("https://a.example",)),
        (
            {"link_data": {"link": "https://a.example", "child_attachments": [{"link": "https://b.example/?x=1"}]}},
            ("https://a.example", "https://b.example/?x=1"),
        ),
        ({"video_data": {"call_to_action": {"value": {"link": "https://v.example"}}}}, ("https://v.example",)),
        ({"video_data": {"call_to_action": {"value": {"link": 7}}}}, ()),
        ({"link_data": {"link": "https://[no"}, "video_data": {"link": "app://open"}}, ()),
    ],
)
def test_landing_pages_are_found_wherever_meta_keeps_them(spec, urls):
    (ad,) = ads_of([{"id": "1", "creative": {"object_story_spec": spec}}])
    assert ad.urls == urls


@pytest.mark.parametrize(
    "link", ["http://fb.me/", "https://m.me/acme", "https://www.facebook.com/acme", "https://wa.me/1"]
)
def test_ads_whose_clicks_never_leave_meta_are_not_listed(link):
    assert ads_of([{"id": "1", "creative": {"object_story_spec": {"link_data": {"link": link}}}}]) == []
