"""Meta Ads against the practice world: accounts, cost to the micro, reports, tags on the right ads only and once."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
from practice_gateway import NOW, session
from practice_meta_ads import UTM, at_desk, by_day

from bot.connection import Account, Ad, TagChange
from bot.errors import AccessDenied, AuthorizationLost, TryLater
from bot.interfaces import Answer
from bot.utm import plan
from platforms._meta_ads_creatives import ads_of
from platforms._meta_ads_insights import micros
from platforms.meta_ads import MetaAds, MetaAdsSettings
from sandbox.faults import Fault, Kind
from sandbox.meta_ads import ADA, BEN, CLEO, EMEA, GULF, SHOES
from sandbox.meta_ads_data import Account as Held

SINCE, UNTIL = date(2026, 11, 1), date(2026, 11, 23)


@pytest.fixture
async def desk():
    async with at_desk() as desk:
        yield desk


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("platforms._meta_ads_insights._PAUSES", (0.0,) * 30)


def answered(body, status=200, headers=None):
    return Answer(status, MappingProxyType(headers or {}), json.dumps(body).encode())


# Logins and accounts


async def test_a_login_is_known_by_metas_id_and_shown_by_its_name(desk):
    identity = await desk.platform.identify(desk.fetch)
    assert (identity.id, identity.login) == (desk.sandbox.oauth.people[ADA].sub, "Ada Marsh")


async def test_accounts_are_listed_with_currency_and_time_zone(desk):
    assert desk.accounts == {
        EMEA: Account(EMEA, "Acme EMEA", "EUR", "Europe/Berlin"),
        GULF: Account(GULF, "أكمي الخليج", "AED", "Asia/Dubai"),
    }
    fetch, _ = await session(desk.gateway, BEN)
    assert await desk.platform.accounts(fetch) == [Account(SHOES, "日本橋シューズ", "JPY", "Asia/Tokyo")]


async def test_all_accounts_are_listed_however_small_the_pages_are(desk):
    desk.sandbox.page_size = 2
    for number in range(1, 6):
        desk.sandbox.add_account(Held(f"31829{number}", f"A{number}", "USD", "America/Lima", "x.example"), ADA, ads=0)
    accounts = await desk.platform.accounts(desk.fetch)
    assert [account.id for account in accounts] == ["318291", "318292", "318293", "318294", "318295", EMEA, GULF]


async def test_a_person_without_ad_accounts_has_none(desk):
    fetch, _ = await session(desk.gateway, CLEO)
    assert await desk.platform.accounts(fetch) == []


async def test_closed_accounts_are_not_offered(desk):
    desk.sandbox.set_status(GULF, 101)
    assert [account.id for account in await desk.platform.accounts(desk.fetch)] == [EMEA]


@pytest.mark.parametrize("status", [2, 3, 7, 101])
async def test_an_account_whose_ads_were_stopped_is_lost_with_the_reason(desk, status):
    desk.sandbox.set_status(EMEA, status)
    with pytest.raises(AccessDenied) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.cause.code == f"account_status.{status}"
    assert caught.value.cause.cure.endswith(".")


@pytest.mark.parametrize("status", [1, 8, 9, 100, 201])
async def test_an_account_whose_ads_still_run_is_well(desk, status):
    desk.sandbox.set_status(EMEA, status)
    await desk.platform.probe(desk.fetch, desk.account)


async def test_one_withdrawn_account_is_no_lost_login(desk):
    desk.sandbox.withdraw(GULF)
    with pytest.raises(AccessDenied) as caught:
        await desk.platform.probe(desk.fetch, desk.accounts[GULF])
    assert caught.value.cause.code == "100.33"
    with pytest.raises(AccessDenied) as caught:
        await desk.cost(SINCE, UNTIL, desk.accounts[GULF])
    assert caught.value.cause.code == "200"
    await desk.platform.probe(desk.fetch, desk.account)
    assert desk.tokens.refreshes == 0


async def test_a_platform_that_is_down_or_over_its_limit_is_no_lost_login(desk):
    desk.sandbox.take_down()
    with pytest.raises(TryLater):
        await desk.platform.probe(desk.fetch, desk.account)
    desk.sandbox.bring_up()
    desk.sandbox.limit_rate(1, minutes=7)
    with pytest.raises(TryLater) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.after == timedelta(minutes=7)
    await desk.platform.probe(desk.fetch, desk.account)


@pytest.mark.parametrize("kind", [Kind.HTML, Kind.GARBAGE, Kind.EMPTY, Kind.CUT, Kind.DROP])
async def test_garbage_is_no_lost_login(desk, kind):
    desk.sandbox.faults.add(Fault(match="act_", kind=kind))
    with pytest.raises(TryLater):
        await desk.platform.probe(desk.fetch, desk.account)


# Cost


@pytest.mark.parametrize("account", [EMEA, GULF])
async def test_cost_equals_the_account_s_own_to_the_micro_deleted_ads_included(desk, account):
    chosen = desk.accounts[account]
    pages = await desk.cost(SINCE, UNTIL, chosen)
    truth = desk.sandbox.totals(account, SINCE, UNTIL)
    assert by_day(pages) == truth
    assert len(truth) == 23
    assert await desk.platform.cost_totals(desk.fetch, chosen, SINCE, UNTIL) == truth
    assert {row.currency for page in pages for row in page.rows} == {chosen.currency}
    gone = {ad.id for ad in desk.sandbox.account(account).ads.values() if ad.status in ("ARCHIVED", "DELETED")}
    assert gone <= {row.ad for page in pages for row in page.rows}


async def test_a_currency_without_cents_is_read_as_it_is(desk):
    fetch, _ = await session(desk.gateway, BEN)
    (account,) = await desk.platform.accounts(fetch)
    pages = [page async for page in desk.platform.cost(fetch, account, SINCE, UNTIL)]
    assert by_day(pages) == desk.sandbox.totals(SHOES, SINCE, UNTIL)
    assert {row.cost_micros % 1_000_000 for page in pages for row in page.rows} == {0}


async def test_cost_is_whole_with_pages_of_two(desk):
    desk.sandbox.page_size = 2
    since = UNTIL - timedelta(days=2)
    assert by_day(await desk.cost(since, UNTIL)) == desk.sandbox.totals(EMEA, since, UNTIL)


async def test_cost_comes_in_whole_days_oldest_first_and_says_how_far(desk):
    pages = await desk.cost(SINCE, UNTIL)
    assert [page.through for page in pages] == [date(2026, 11, day) for day in (7, 14, 21, 23)]
    days = [row.day for page in pages for row in page.rows]
    assert days == sorted(days)
    assert all(row.day <= page.through for page in pages for row in page.rows)


async def test_a_row_names_campaign_ad_set_and_ad(desk):
    row = (await desk.cost(SINCE, SINCE))[0].rows[0]
    ad = desk.held.ads[row.ad]
    assert (row.ad_group, row.campaign, row.campaign_name) == (
        ad.adset.id,
        ad.adset.campaign.id,
        ad.adset.campaign.name,
    )
    assert row.impressions > row.clicks > 0


async def test_days_without_cost_are_passed_too(desk):
    since = date(2024, 1, 1)
    assert [(page.rows, page.through) for page in await desk.cost(since, since)] == [([], since)]


async def test_restated_days_are_read_as_they_are_now(desk):
    yesterday = UNTIL - timedelta(days=1)
    before = by_day(await desk.cost(yesterday, yesterday))
    desk.clock.moment += timedelta(days=1)
    after = by_day(await desk.cost(yesterday, yesterday))
    assert after != before
    assert after == desk.sandbox.totals(EMEA, yesterday, yesterday)


async def test_days_are_the_account_s_own(desk):
    desk.clock.moment = datetime(2026, 11, 23, 22, tzinfo=UTC)
    today = desk.clock.moment.astimezone(ZoneInfo("Asia/Dubai")).date()
    assert today == date(2026, 11, 24)
    assert today in by_day(await desk.cost(UNTIL, today, desk.accounts[GULF]))


async def test_the_last_day_of_the_look_back_is_still_told(desk):
    earliest = UNTIL - timedelta(days=MetaAds.look_back_days)
    assert [page.through for page in await desk.cost(earliest, earliest)] == [earliest]


async def test_what_is_too_much_at_once_is_read_from_a_report(desk):
    desk.sandbox.api.insights.rows_at_once = 50
    pages = await desk.cost(SINCE, UNTIL)
    assert by_day(pages) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    calls = [entry["call"] for entry in desk.sandbox.ledger.where("api_call")]
    assert calls.count(f"POST act_{EMEA}/insights") == 4
    assert calls.count(f"GET act_{EMEA}/insights") == 1


async def test_many_rows_are_read_from_a_report_too(desk, monkeypatch):
    monkeypatch.setattr("platforms._meta_ads_insights._ROWS_AT_ONCE", 30)
    desk.sandbox.page_size = 10
    assert by_day(await desk.cost(SINCE, UNTIL)) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    assert desk.sandbox.ledger.count("api_call", call=f"POST act_{EMEA}/insights") == 4


async def test_while_a_report_runs_pages_without_rows_say_that_we_are_at_it(desk):
    desk.sandbox.api.insights.rows_at_once = 50
    pages = await desk.cost(SINCE, date(2026, 11, 7))
    *waiting, last = pages
    assert len(waiting) == 3
    assert {(tuple(page.rows), page.through) for page in waiting} == {((), date(2026, 10, 31))}
    assert last.through == date(2026, 11, 7)


async def test_a_report_that_is_too_much_is_ordered_for_fewer_days(desk):
    desk.sandbox.api.insights.rows_at_once = 50
    desk.sandbox.api.insights.rows_per_report = 70
    pages = await desk.cost(SINCE, date(2026, 11, 7))
    assert by_day(pages) == desk.sandbox.totals(EMEA, SINCE, date(2026, 11, 7))
    assert [page.through for page in pages if page.rows] == [date(2026, 11, day) for day in (3, 6, 7)]


@pytest.mark.parametrize(
    "failure", [(2, None, "Service temporarily unavailable"), (2601, 7, "?"), (190, 463, "expired"), (80000, None, "x")]
)
async def test_a_report_that_failed_is_tried_later(desk, failure):
    desk.sandbox.api.insights.rows_at_once = 50
    desk.sandbox.api.insights.failures.append(failure)
    with pytest.raises(TryLater):
        await desk.cost(SINCE, UNTIL)
    assert by_day(await desk.cost(SINCE, UNTIL)) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


async def test_a_report_that_failed_for_lack_of_rights_says_so(desk):
    desk.sandbox.api.insights.rows_at_once = 50
    desk.sandbox.api.insights.failures.append((200, None, "(#200) no"))
    with pytest.raises(AccessDenied):
        await desk.cost(SINCE, UNTIL)


async def test_a_report_that_never_ends_is_given_up_for_now(desk):
    desk.sandbox.api.insights.rows_at_once = 50
    desk.sandbox.api.insights.running_looks = 10_000
    with pytest.raises(TryLater):
        await desk.cost(SINCE, UNTIL)


async def test_a_report_that_cannot_be_found_at_first_is_looked_for_again_but_not_for_ever(desk):
    desk.sandbox.api.insights.rows_at_once = 50
    desk.sandbox.api.insights.unknown_looks = 3
    assert by_day(await desk.cost(SINCE, UNTIL)) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    desk.sandbox.api.insights.unknown_looks = 10_000
    with pytest.raises(AccessDenied):
        await desk.cost(SINCE, UNTIL)


async def test_pages_that_lead_round_in_a_circle_are_no_answer(desk):
    async def fetch(*_, **__):
        paging = {"cursors": {"after": "x"}, "next": "https://evil.example"}
        return answered({"data": [], "paging": paging})

    with pytest.raises(TryLater):
        await desk.platform.cost_totals(fetch, desk.account, SINCE, UNTIL)


@pytest.mark.parametrize("spend", ["NaN", "Infinity", "1e400000", "", "1,5", "٣", 5.3, None, "1" * 40])
def test_what_is_no_amount_is_no_money(spend):
    with pytest.raises(ValueError, match="money"):
        micros(spend)


def test_money_is_exact():
    assert [micros(s) for s in ("53.39", "0.1", "1204", "-0.05", "0.000001")] == [
        53_390_000,
        100_000,
        1_204_000_000,
        -50_000,
        1,
    ]


# Tagging


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


async def test_a_login_that_died_is_a_loss_wherever_it_shows(desk):
    desk.sandbox.revoke()
    for call in (desk.cost(SINCE, UNTIL), desk.ads(), desk.platform.accounts(desk.fetch)):
        with pytest.raises(AuthorizationLost):
            await call
