"""Cost at Microsoft Advertising: to the micro through reports, which are ordered once and waited for politely."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from practice_gateway import NOW, answered, session
from practice_microsoft_advertising import SINCE, UNTIL, at_the_desk, by_day

from bot.words.errors import Misconfigured, TryLater
from platforms._microsoft_advertising_orders import LONG_PAUSES, PAUSES
from sandbox.faults import Fault, Kind
from sandbox.microsoft_advertising import AMERICAS, BEN, EMEA


@pytest.fixture
async def desk():
    async with at_the_desk() as desk:
        yield desk


DAY = timedelta(days=1)


async def test_the_last_day_of_the_look_back_is_still_told(desk):
    earliest = UNTIL - timedelta(days=desk.platform.look_back_days)
    assert {page.through for page in await desk.cost(earliest, earliest)} == {earliest}


@pytest.mark.parametrize("account", [EMEA, AMERICAS])
async def test_cost_equals_what_was_spent_to_the_micro_and_so_do_the_totals(desk, account):
    truth = desk.sandbox.totals(account, SINCE, UNTIL)
    pages = await desk.cost(account=desk.accounts[account])
    assert len(truth) == 23
    assert by_day(pages) == truth == await desk.totals(account=desk.accounts[account])
    assert {row.currency for page in pages for row in page.rows} == {desk.accounts[account].currency}


async def test_days_that_microsoft_restated_are_right_when_read_again(desk):
    before = by_day(await desk.cost())
    desk.clock.moment += 2 * DAY
    again = by_day(await desk.cost())
    assert again == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    assert {day for day in again if again[day] != before[day]} == {date(2026, 11, d) for d in range(20, 24)}


async def test_performance_max_is_counted_once_and_per_campaign(desk):
    rows = [row for page in await desk.cost() for row in page.rows]
    adless = [row for row in rows if not row.ad]
    assert {(row.campaign_name, row.ad_group) for row in adless} == {("Performance Max", "")}
    assert len({row.day for row in adless}) == 23
    assert set(Counter((row.day, row.campaign, row.ad_group, row.ad) for row in rows).values()) == {1}


async def test_cost_comes_in_weeks_oldest_first_and_a_year_in_months_of_reports(desk):
    pages = await desk.cost(date(2026, 9, 1), UNTIL)
    assert by_day(pages) == desk.sandbox.totals(EMEA, date(2026, 9, 1), UNTIL)
    throughs = [page.through for page in pages]
    assert throughs == sorted(set(throughs))
    assert throughs[-1] == UNTIL
    assert max(b - a for a, b in pairwise(throughs)) <= 7 * DAY
    assert desk.called("submit") == 2 * 3


async def test_a_report_without_rows_has_no_file(desk):
    pages = await desk.cost(date(2024, 1, 1), date(2024, 1, 3))
    assert [(page.rows, page.through) for page in pages] == [([], date(2024, 1, 3))]
    assert await desk.totals(date(2024, 1, 1), date(2024, 1, 3)) == {}
    assert desk.downloads() == []


async def test_each_account_has_its_own_day(desk):
    desk.clock.moment = NOW.replace(hour=3)
    assert desk.sandbox.today(AMERICAS) == date(2026, 11, 22)
    pages = await desk.cost(until=date(2026, 11, 22), account=desk.accounts[AMERICAS])
    assert by_day(pages) == desk.sandbox.totals(AMERICAS, SINCE, date(2026, 11, 22))
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


async def test_while_a_report_is_made_it_is_told_that_we_are_at_it(desk):
    desk.sandbox.reports.looks = 4
    pages = [page async for page in desk.platform.cost(desk.fetch, desk.account, SINCE, UNTIL)]
    assert [(page.rows, page.through) for page in pages[:4]] == [((), date(2026, 10, 31))] * 4
    assert desk.slept == list(PAUSES[:4])
    assert by_day(pages) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


async def test_a_report_that_takes_too_long_is_asked_after_later_and_not_ordered_anew(desk):
    desk.sandbox.reports.looks = 20
    with pytest.raises(TryLater) as caught:
        await desk.cost()
    assert caught.value.after == timedelta(seconds=30)
    assert desk.slept == list(LONG_PAUSES)
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    assert desk.called("submit") == 2
    desk.sandbox.reports.looks = 1
    await desk.cost()
    assert desk.called("submit") == 4


async def test_without_a_sign_of_life_a_report_is_waited_for_less_than_a_minute(desk):
    desk.sandbox.reports.looks = 20
    with pytest.raises(TryLater):
        await desk.totals()
    assert sum(desk.slept) < 45


async def test_an_order_of_long_ago_is_not_waited_for(desk):
    desk.sandbox.reports.looks = 99
    with pytest.raises(TryLater):
        await desk.cost()
    desk.sandbox.reports.looks = 0
    desk.clock.moment += timedelta(minutes=51)
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    assert desk.called("submit") == 4


async def test_what_another_person_ordered_is_ordered_anew(desk):
    desk.sandbox.reports.looks = 99
    with pytest.raises(TryLater):
        await desk.cost()
    desk.sandbox.reports.looks = 1
    desk.sandbox.oauth.people[BEN].accounts.append(EMEA)
    fetch, _ = await session(desk.gateway, BEN)
    assert by_day(await desk.cost(fetch=fetch)) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


async def test_a_report_that_fails_is_tried_later_and_ordered_anew(desk):
    desk.sandbox.reports.broken = 1
    with pytest.raises(TryLater, match="could not prepare"):
        await desk.cost()
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


async def test_a_lost_answer_to_an_order_costs_nothing_but_the_order(desk):
    desk.sandbox.faults.add(Fault("GenerateReport/Submit", Kind.DROP))
    with pytest.raises(TryLater):
        await desk.cost()
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)


async def test_too_many_reports_at_once_wait_for_a_minute(desk):
    desk.sandbox.reports.looks = 99
    for n in range(2):
        with pytest.raises(TryLater):
            await desk.cost(SINCE - n * DAY)
    with pytest.raises(TryLater) as caught:
        await desk.cost(SINCE - 2 * DAY)
    assert caught.value.after == timedelta(minutes=1)


async def test_a_link_that_has_ended_is_asked_for_again(desk):
    desk.sandbox.storage.dead_links = 2
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    assert sorted(desk.downloads()) == ["ended", "ended", "ok", "ok"]


async def test_links_that_never_live_are_tried_later(desk):
    desk.sandbox.storage.dead_links = 99
    with pytest.raises(TryLater, match="ended"):
        await desk.cost()


async def test_no_token_is_shown_to_where_files_are_kept(desk):
    await desk.cost()
    await desk.ads()
    assert set(desk.downloads()) == {"ok"}  # it refuses whoever shows one


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://evil.example/report.zip", Misconfigured),
        ("https://evilbingads.microsoft.com.example/x", Misconfigured),
        ("https://notbingads.microsoft.com/x", Misconfigured),
        ("https://169.254.169.254/latest/meta-data", Misconfigured),
        ("https://evil.blob.core.windows.net/x", Misconfigured),
        ("http://download.api.bingads.microsoft.com/x", TryLater),
        ("https://bingads.microsoft.com:8443/x", TryLater),
        ("https://bingads.microsoft.com@evil.example/x", TryLater),
        ("file:///etc/passwd", TryLater),
        ("https:///x", TryLater),
        ("//evil.example/x", TryLater),
        ("https://[::1", TryLater),
        ("nonsense", TryLater),
    ],
)
async def test_files_are_fetched_from_known_hosts_only(desk, url, error):
    asked = []

    async def fetch(method, at, **more):
        asked.append(at)
        answer = await desk.fetch(method, at, **more)
        if "Poll" not in at:
            return answer
        return answered(200, {"ReportRequestStatus": {"Status": "Success", "ReportDownloadUrl": url}})

    with pytest.raises(error) as caught:
        await desk.cost(fetch=fetch)
    assert url not in asked
    if error is Misconfigured:
        assert caught.value.cause.vendor == urlsplit(url).hostname
        assert "download_hosts" in caught.value.cause.cure


@pytest.mark.parametrize(
    "url",
    [
        "https://bingadsappsstorageprod.blob.core.windows.net:443/reports/1.zip?sig=x",
        "https://download.api.bingads.microsoft.com/ReportDownload/Download.aspx?q=x",
    ],
)
async def test_files_are_fetched_from_where_microsoft_keeps_them(desk, url):
    desk.platform.orders._check(url)
