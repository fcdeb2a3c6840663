"""LinkedIn's campaigns get their tracking parameters, and keep those they have."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from practice_gateway import NOW, session
from practice_linkedin_ads import SINCE, UNTIL, at_the_desk, by_day

from bot.catch_up.utm import conflicts
from bot.words.errors import AccessDenied, SetupError, TryLater
from bot.words.freight import Ad, TagChange
from platforms import read_settings
from platforms._linkedin_ads_tracking import PLACEHOLDERS, Entry, entries_of, merged, suffix_of
from platforms.linkedin_ads import LinkedinAds, LinkedinAdsSettings
from sandbox.faults import Fault, Kind
from sandbox.linkedin_ads import ADA, EMEA
from sandbox.linkedin_ads_data import Tracking

PLATFORM = LinkedinAds(LinkedinAdsSettings(), lambda: NOW)


@pytest.fixture
async def desk():
    async with at_the_desk() as desk:
        yield desk


async def test_a_campaign_is_an_ad_with_its_parameters_as_the_suffix(desk):
    kept = next(each for each in desk.held.campaigns.values() if each.tracking)
    ad = (await desk.ads())[kept.id]
    assert ad.name == kept.name
    assert ad.created_at == kept.created_at
    assert ad.suffix == "utm_source=li&promo=autumn%20%26%20winter&li_campaign={{CAMPAIGN_NAME}}"
    assert conflicts(ad, desk.platform.utm) == ["utm_source"]


@pytest.mark.parametrize("page_size", [2, 1000])
async def test_the_right_campaigns_are_tagged_once_and_what_was_there_stays(desk, page_size):
    desk.sandbox.api.page_size = page_size
    kept, text, message, *_ = desk.held.campaigns.values()
    changes = await desk.changes()
    assert set((await desk.tag(*changes)).values()) == {""}
    assert desk.sandbox.untagged(EMEA) == []
    assert kept.tracking.custom == {"utm_source": "li", "promo": "autumn & winter", "utm_medium": "paid"}
    assert kept.tracking.dynamic == {
        "li_campaign": "CAMPAIGN_NAME",
        "utm_campaign": "CAMPAIGN_ID",
        "utm_content": "CREATIVE_ID",
    }
    # Its text ads carry a source and a medium of their own.
    assert text.tracking.custom == {}
    assert message.tracking is None
    written = desk.sandbox.ledger.count("tracking.written")
    assert written == len(changes)
    assert await desk.changes() == []
    assert set((await desk.tag(*changes)).values()) == {""}
    assert desk.sandbox.ledger.count("tracking.written") == written


async def test_paused_campaigns_are_listed_and_removed_and_message_ones_are_not(desk):
    _, _, message, paused, _, removed, *_ = desk.held.campaigns.values()
    ads = await desk.ads()
    assert paused.id in ads
    assert not {message.id, removed.id} & set(ads)


async def test_only_campaigns_made_or_changed_since_then_are_listed(desk):
    desk.clock.moment += timedelta(hours=3)
    made = desk.sandbox.add_ads(EMEA, 3)
    changed = list(desk.held.campaigns.values())[7]
    desk.sandbox.touch(changed)
    ads = await desk.ads(NOW + timedelta(hours=2))
    assert {ad.id: ad.created_at for ad in ads.values()} == {
        **{campaign.id: desk.clock.moment for campaign in made},
        changed.id: changed.created_at,
    }


async def test_a_creative_made_later_needs_no_tag_of_its_own(desk):
    await desk.tag(*await desk.changes())
    campaign = list(desk.held.campaigns.values())[7]
    desk.sandbox.book.add_creatives(desk.held, campaign, 3)
    assert desk.sandbox.untagged(EMEA) == []


async def test_tags_can_be_taken_back_to_what_was_there(desk):
    before = {each.id: each.tracking for each in desk.held.campaigns.values()}
    changes = await desk.changes()
    await desk.tag(*changes)
    await desk.tag(*[TagChange(each.ad, each.wanted, each.before) for each in changes])
    assert {each.id: each.tracking for each in desk.held.campaigns.values()} == before
    assert desk.sandbox.ledger.count("tracking.deleted") == len(changes) - 1


async def test_what_a_person_sets_between_looking_and_writing_is_kept(desk):
    changes = {change.ad.id: change for change in await desk.changes()}
    campaign = list(desk.held.campaigns.values())[7]
    campaign.tracking = Tracking({"utm_campaign": "CAMPAIGN_NAME"}, {"hsa_src": "li"})
    await desk.tag(changes[campaign.id])
    assert campaign.tracking == Tracking(
        {"utm_campaign": "CAMPAIGN_NAME", "utm_content": "CREATIVE_ID"},
        {"hsa_src": "li", "utm_source": "linkedin", "utm_medium": "paid"},
    )


async def test_a_role_that_may_only_look_is_a_problem_of_the_tags_and_no_lost_account(desk):
    desk.sandbox.set_role("VIEWER")
    changes = await desk.changes()
    problems = await desk.tag(*changes)
    assert len(problems) == len(changes)
    assert set(problems.values()) == {
        "The role of this login in the ad account is VIEWER; tagging needs Campaign Manager."
    }
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    desk.sandbox.set_role("CAMPAIGN_MANAGER")
    assert set((await desk.tag(*changes)).values()) == {""}


async def test_a_login_without_the_permission_to_write_is_told_so(desk):
    desk.sandbox.oauth.withheld = {"rw_ads"}
    desk.fetch, _ = await session(desk.gateway, ADA)
    problems = await desk.tag(*await desk.changes())
    assert {"rw_ads" in problem for problem in problems.values()} == {True}
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


async def test_parameters_that_may_not_even_be_seen_do_not_lose_the_account(desk):
    denied = json.dumps({"status": 403, "code": "ACCESS_DENIED", "message": "tier", "serviceErrorCode": 100})
    desk.sandbox.faults.add(Fault(match="adTrackingParameters", kind=Kind.STATUS, status=403, body=denied, times=None))
    changes = await desk.changes()
    assert {"rw_ads: tier" in problem for problem in (await desk.tag(*changes)).values()} == {True}
    desk.sandbox.faults.clear()
    assert desk.sandbox.ledger.count("tracking.written") == 0


async def test_a_role_that_is_gone_is_a_lost_account_for_the_tagger_too(desk):
    changes = await desk.changes()
    desk.sandbox.withdraw(EMEA)
    with pytest.raises(AccessDenied):
        await desk.tag(*changes)
    with pytest.raises(AccessDenied):
        await desk.ads()


async def test_each_refused_campaign_is_named_and_the_others_are_tagged(desk):
    one, two, three, *_ = await desk.changes()
    desk.sandbox.api.tracking.refused.add(two.ad.id)
    results = await desk.tag(one, two, three)
    assert (results[one.ad.id], results[three.ad.id]) == ("", "")
    assert "locked for this campaign" in results[two.ad.id]


@pytest.mark.parametrize("utm", ["a={{FOO}}", "a=x-{{CAMPAIGN_ID}}", "a={{campaign_id}}"])
async def test_what_linkedin_cannot_fill_in_is_named_and_not_written(desk, utm):
    one, *_ = await desk.changes(utm)
    assert utm in (await desk.tag(one))[one.ad.id]
    with pytest.raises(SetupError, match="utm"):
        read_settings({"linkedin_ads": {"utm": utm}})


async def test_an_odd_parameter_that_is_there_already_is_no_hindrance(desk):
    campaign = list(desk.held.campaigns.values())[7]
    campaign.tracking = Tracking({}, {"odd": "{{FOO}}", "empty": ""})
    changes = {change.ad.id: change for change in await desk.changes()}
    assert await desk.tag(changes[campaign.id]) == {campaign.id: ""}
    assert campaign.tracking.custom == {
        "odd": "{{FOO}}",
        "empty": "",
        "utm_source": "linkedin",
        "utm_medium": "paid",
    }


async def test_trouble_while_tagging_is_tried_later(desk):
    changes = await desk.changes()
    desk.sandbox.faults.add(Fault(match="adTrackingParameters", kind=Kind.DROP, method="PUT"))
    with pytest.raises(TryLater):
        await desk.tag(*changes)
    assert set((await desk.tag(*changes)).values()) == {""}
    assert desk.sandbox.ledger.count("tracking.written") == len(changes)


async def test_an_id_that_is_no_number_reaches_no_address(desk):
    with pytest.raises(ValueError, match="number"):
        await desk.tag(TagChange(Ad("7/../8", "", ()), "", "a=b"))


keys = st.sampled_from(["utm_source", "utm_medium", "utm_campaign", "k", "ü"])
entries = st.dictionaries(
    keys,
    st.builds(Entry, st.just(False), st.text("abc&# %é{", max_size=4))
    | st.builds(Entry, st.just(True), st.sampled_from(sorted(PLACEHOLDERS))),
)


@settings(max_examples=300, deadline=None)
@given(entries, entries)
def test_adding_keeps_everything_and_repeats_nothing(there, added):
    before = suffix_of(there)
    wanted = "&".join(filter(None, [before, *(f"{k}={e.shown()}" for k, e in added.items() if k not in there)]))
    after = merged(there, before, wanted)
    assert {key: after[key] for key in there} == there
    assert list(after)[: len(there)] == list(there)
    assert set(after) == set(there) | set(added)
    assert merged(after, before, wanted) == after
    assert {k: e.shown() for k, e in merged(after, wanted, before).items()} == {k: e.shown() for k, e in there.items()}


def test_a_suffix_is_read_as_linkedin_has_it():
    assert entries_of("utm_source=linkedin&utm_campaign={{CAMPAIGN_ID}}&a=1=2&&b&a=3") == {
        "utm_source": Entry(False, "linkedin"),
        "utm_campaign": Entry(True, "CAMPAIGN_ID"),
        "a": Entry(False, "1=2"),
        "b": Entry(False, ""),
    }
    assert suffix_of(entries_of(PLATFORM.utm)) == PLATFORM.utm
