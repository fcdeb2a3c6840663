"""Microsoft Advertising against the practice world: the right ads get their parameters, and no others."""

import dataclasses
import json
from datetime import timedelta
from types import MappingProxyType

import pytest
from practice_gateway import NOW
from practice_microsoft_advertising import at_the_desk

from bot.catch_up.utm import plan
from bot.words.errors import AccessDenied, TryLater
from bot.words.freight import Ad, TagChange
from bot.words.interfaces import Answer
from platforms._microsoft_advertising_ads import _moment
from platforms._microsoft_advertising_orders import PAUSES
from platforms.microsoft_advertising import MicrosoftAdvertising
from sandbox.faults import Fault, Kind
from sandbox.microsoft_advertising import ADA, EMEA

UTM = "utm_source=bing&utm_medium=cpc"


@pytest.fixture
async def desk():
    async with at_the_desk() as desk:
        yield desk


def plain_ads(desk):
    """Ads that nothing is special about, in groups whose campaigns have no suffix."""
    return [ad for ad in list(desk.sandbox.account(EMEA).ads.values())[8:] if not ad.group.campaign.final_url_suffix]


async def chosen(desk, *held):
    ads = await desk.ads()
    return [ads[ad.id] for ad in held]


def written(desk):
    return [(entry["ad"], entry["after"]) for entry in desk.sandbox.ledger.where("ad.changed")]


# Which ads there are


async def test_every_ad_but_deleted_ones_is_listed_with_its_addresses(desk):
    removed, *rest = desk.sandbox.account(EMEA).ads.values()
    desk.sandbox.remove_ad(EMEA, removed.id)
    ads = await desk.ads()
    assert {ad.id: ad.urls for ad in ads.values()} == {ad.id: tuple(ad.final_urls) for ad in rest}
    assert "Paused" in {ad.status for ad in rest}
    assert max(len(ad.urls) for ad in ads.values()) == 2
    assert {ad.name for ad in ads.values()} >= {
        "Brand / Brand A",
        'Übergrößen, "Spezial" & 靴 / Übergrößen, "Spezial" & 靴 B',
    }


@pytest.mark.parametrize("written", ["", "yesterday", "2026-11-23T09:00:00"])
def test_a_moment_that_cannot_be_read_is_left_out(written):
    assert _moment(written) is None


async def test_ads_come_in_pages(desk, monkeypatch):
    monkeypatch.setattr("platforms.microsoft_advertising._ADS_PER_PAGE", 2)
    pages = [page async for page in desk.platform.ads(desk.fetch, desk.account, None) if page]
    assert {len(page) for page in pages} == {2}
    assert len({ad.id for page in pages for ad in page}) == 24


async def test_the_nearest_template_and_suffix_are_in_force(desk):
    held = plain_ads(desk)[0]
    account = desk.sandbox.account(EMEA)
    for level in (account, held.group.campaign, held.group, held):
        level.final_url_suffix = f"level={type(level).__name__}"
        level.tracking_template = f"{{lpurl}}?level={type(level).__name__}"
        (ad,) = await chosen(desk, held)
        assert (ad.suffix, ad.template) == (level.final_url_suffix, level.tracking_template)


async def test_only_ads_made_or_changed_since_then_are_listed_with_what_they_inherit(desk):
    desk.clock.moment += timedelta(hours=3)
    made = desk.sandbox.add_ads(EMEA, 6)
    ads = await desk.ads(NOW + timedelta(hours=2))
    assert set(ads) == {ad.id for ad in made}
    assert {ads[ad.id].suffix for ad in made} == {"", "season=autumn"}
    assert {ad.created_at for ad in ads.values()} == {desk.clock.moment}
    assert desk.called("download") == 2


async def test_where_nothing_changed_what_ads_inherit_is_not_asked_for(desk):
    desk.clock.moment += timedelta(hours=3)
    desk.sandbox.remove_ad(EMEA, plain_ads(desk)[0].id)
    assert await desk.ads(NOW + timedelta(hours=2)) == {}
    assert desk.called("download") == 1


@pytest.mark.parametrize("days", [29, 30, 31, 400])
async def test_after_longer_than_microsoft_remembers_all_ads_are_listed(desk, days):
    desk.sandbox.add_ads(EMEA, 1)
    ads = await desk.ads(NOW - timedelta(days=days, minutes=1))
    assert len(ads) == 25
    assert desk.called("download") == 1


async def test_when_microsoft_wants_everything_to_be_read_anew_it_is(desk):
    desk.sandbox.bulk.full_sync_needed = 1
    assert len(await desk.ads(NOW - timedelta(days=1))) == 24


async def test_when_microsoft_forgets_sooner_than_it_says_everything_is_read(desk, monkeypatch):
    monkeypatch.setattr("sandbox.microsoft_advertising_bulk.REMEMBERED", timedelta(hours=1))
    assert len(await desk.ads(NOW - timedelta(days=1))) == 24


async def test_while_a_list_is_made_it_is_told_that_we_are_at_it(desk):
    desk.sandbox.bulk.looks = 3
    pages = [page async for page in desk.platform.ads(desk.fetch, desk.account, None)]
    assert [len(page) for page in pages] == [0, 0, 0, 24]


async def test_a_list_that_takes_too_long_is_asked_after_later_and_not_ordered_anew(desk):
    desk.sandbox.bulk.looks = 10
    with pytest.raises(TryLater) as caught:
        await desk.ads()
    assert (caught.value.after, desk.slept) == (timedelta(seconds=30), list(PAUSES))
    assert len(await desk.ads()) == 24
    assert desk.called("download") == 1


async def test_a_list_that_fails_is_tried_later(desk):
    desk.sandbox.bulk.broken = 1
    with pytest.raises(TryLater):
        await desk.ads()
    assert len(await desk.ads()) == 24


async def test_too_many_downloads_wait_for_a_quarter_of_an_hour(desk):
    desk.sandbox.bulk.over_limit = 1
    with pytest.raises(TryLater) as caught:
        await desk.ads()
    assert caught.value.after == timedelta(minutes=15)


async def test_an_account_that_was_taken_away_is_denied(desk):
    desk.sandbox.withdraw(EMEA, ADA)
    with pytest.raises(AccessDenied):
        await desk.ads()


# Writing


async def test_tags_are_written_to_the_named_ads_only(desk):
    held = plain_ads(desk)[:3]
    ads = await chosen(desk, *held)
    assert set((await desk.tag(*[TagChange(ad, ad.suffix, UTM) for ad in ads])).values()) == {""}
    assert sorted(written(desk)) == sorted((ad.id, UTM) for ad in held)


async def test_each_call_is_for_one_ad_group_and_at_most_fifty_ads(desk):
    desk.sandbox.add_ads(EMEA, 330)
    held = plain_ads(desk)
    groups = {ad.group.id for ad in held}
    ads = await chosen(desk, *held)
    assert set((await desk.tag(*[TagChange(ad, "", UTM) for ad in ads])).values()) == {""}
    assert desk.called("ads") == 2 * len(groups)


async def test_each_refused_ad_is_named_and_the_others_are_tagged(desk):
    held = [ad for ad in plain_ads(desk) if ad.group is plain_ads(desk)[0].group]
    one, two, three = await chosen(desk, *held[:3])
    desk.sandbox.campaigns.refused[two.id] = 4629
    results = await desk.tag(*[TagChange(ad, "", UTM) for ad in (one, two, three)])
    assert (results[one.id], results[three.id]) == ("", "")
    assert results[two.id] == "FinalUrlSuffixTooLong: The Final Url Suffix is too long"


@pytest.mark.parametrize(
    ("suffix", "name"),
    [
        ("?a=b", "FinalUrlSuffixInvalidCharacters"),
        ("&a=b", "FinalUrlSuffixInvalidCharacters"),
        ("#a", "FinalUrlSuffixInvalidCharacters"),
        ("u={lpurl}", "FinalUrlSuffixInvalidParameters"),
        ("a=" + "x" * 2_100, "FinalUrlSuffixTooLong"),
    ],
)
async def test_a_suffix_that_microsoft_does_not_take_is_named(desk, suffix, name):
    (ad,) = await chosen(desk, plain_ads(desk)[0])
    assert (await desk.tag(TagChange(ad, "", suffix)))[ad.id].startswith(name)
    assert written(desk) == []


async def test_an_ad_of_a_kind_without_suffix_is_named_and_not_written(desk):
    product = next(ad for ad in desk.sandbox.account(EMEA).ads.values() if ad.kind == "Product Ad")
    (ad,) = await chosen(desk, product)
    assert "takes no final URL suffix" in (await desk.tag(TagChange(ad, "", UTM)))[ad.id]
    assert desk.called("ads") == 0


async def test_an_ad_group_that_is_gone_does_not_hold_up_the_others(desk):
    one, two = plain_ads(desk)[0], next(ad for ad in plain_ads(desk) if ad.group is not plain_ads(desk)[0].group)
    first, second = await chosen(desk, one, two)
    desk.sandbox.account(EMEA).groups.remove(one.group)
    results = await desk.tag(TagChange(first, "", UTM), TagChange(second, "", UTM))
    assert "1201" in results[first.id]
    assert results[second.id] == ""


async def test_a_lost_answer_is_repeated_without_harm(desk):
    (ad,) = await chosen(desk, plain_ads(desk)[0])
    desk.sandbox.faults.add(Fault("CampaignManagement/v13/Ads", Kind.DROP))
    with pytest.raises(TryLater):
        await desk.tag(TagChange(ad, "", UTM))
    assert await desk.tag(TagChange(ad, "", UTM)) == {ad.id: ""}
    assert desk.sandbox.account(EMEA).ads[ad.id].final_url_suffix == UTM


async def test_a_tag_that_is_taken_back_leaves_no_suffix(desk):
    (ad,) = await chosen(desk, plain_ads(desk)[0])
    await desk.tag(TagChange(ad, "", UTM))
    await desk.tag(TagChange(ad, UTM, ""))
    assert not desk.sandbox.account(EMEA).ads[ad.id].final_url_suffix


async def test_after_a_restart_ads_are_found_again_by_their_id_alone(desk):
    one, two = plain_ads(desk)[:2]
    desk.sandbox.remove_ad(EMEA, two.id)
    fresh = MicrosoftAdvertising(desk.settings, desk.clock)
    fresh.orders.sleep = desk.platform.orders.sleep
    changes = [TagChange(Ad(each, "", ()), "", UTM) for each in (one.id, two.id, "7/../8")]
    results = await fresh.tag(desk.fetch, desk.account, changes)
    gone = "Microsoft does not know this ad any more."
    assert [result.problem for result in results] == ["", gone, gone]
    assert written(desk) == [(one.id, UTM)]


async def test_what_is_trouble_for_more_than_one_ad_is_raised(desk):
    (ad,) = await chosen(desk, plain_ads(desk)[0])

    async def fetch(*_, **__):
        error = {"Code": 117, "ErrorCode": "CallRateExceeded", "Index": 0, "Message": "x", "Type": "BatchError"}
        return Answer(200, MappingProxyType({}), json.dumps({"PartialErrors": [error]}).encode())

    with pytest.raises(TryLater):
        await desk.platform.tag(fetch, desk.account, [TagChange(ad, "", UTM)])


async def test_an_answer_that_says_nothing_about_errors_is_not_called_tagged(desk):
    (ad,) = await chosen(desk, plain_ads(desk)[0])

    async def fetch(*_, **__):
        return Answer(200, MappingProxyType({}), b"{}")

    with pytest.raises(TryLater):
        await desk.platform.tag(fetch, desk.account, [TagChange(ad, "", UTM)])


async def test_the_whole_account_is_tagged_with_the_default_parameters_and_then_left_alone(desk):
    """As the bot does it: what is there stays, other domains and third parties are left alone, and a repeat writes nothing."""

    async def walk():
        domains, changes = ("acme.example",), []
        async for ads in desk.platform.ads(desk.fetch, desk.account, None):
            plans = [plan(ad, desk.platform.utm, domains) for ad in ads]
            wanted = [TagChange(p.ad, p.ad.suffix, p.wanted) for p in plans if p.wanted is not None]
            results = await desk.platform.tag(desk.fetch, desk.account, wanted)
            changes += [result for result in results if not result.problem]
        return changes

    before = {ad.id: dataclasses.replace(ad) for ad in desk.sandbox.account(EMEA).ads.values()}
    other, redirected, promoted = list(before)[:3]
    assert len(await walk()) == 21
    assert desk.sandbox.untagged(EMEA) == []
    after = desk.sandbox.account(EMEA).ads
    assert (after[other].final_url_suffix, after[redirected].final_url_suffix) == ("", "")
    assert after[promoted].final_url_suffix.startswith("promo=autumn&shop={Network}&utm_source=bing&")
    inherited = [ad for ad in after.values() if ad.group.campaign.final_url_suffix and ad.final_url_suffix]
    assert inherited
    assert all(ad.final_url_suffix.startswith("season=autumn&") or ad.id == promoted for ad in inherited)
    assert all(after[ad].final_urls == before[ad].final_urls for ad in before)
    assert await walk() == []
    desk.clock.moment += timedelta(hours=1)
    made = desk.sandbox.add_ads(EMEA, 4)
    assert {ad.id for ad in desk.sandbox.untagged(EMEA)} == {ad.id for ad in made}
    assert len(await walk()) == 4
