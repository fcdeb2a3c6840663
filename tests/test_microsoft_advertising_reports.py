"""Files of Microsoft Advertising that are not what was asked for: too large, half, or garbage."""

import pytest
from practice_microsoft_advertising import SINCE, UNTIL, at_the_desk, by_day, zipped

from bot.words.connection import Account
from bot.words.errors import TryLater
from platforms._microsoft_advertising_files import rows_of
from platforms._microsoft_advertising_reports import Report, cost_rows, number
from platforms._unfolding import TooLarge
from sandbox.microsoft_advertising import AMERICAS, EMEA


@pytest.fixture
async def desk():
    async with at_the_desk() as desk:
        yield desk


HEADER = '"TimePeriod","AccountId","CurrencyCode","Spend"\r\n'


GOOD = f'{HEADER}"2026-11-01","{EMEA}","EUR","1,204.50"\r\n'


def test_a_report_s_file_is_read():
    (row,) = Report.OF_ACCOUNT.read(zipped(GOOD + "\r\n"), Account(EMEA, "A"), SINCE, UNTIL)
    assert (row.day, row.currency, row.cost_micros) == (SINCE, "EUR", 1_204_500_000)


@pytest.mark.parametrize(
    "file",
    [
        b"not a zip",
        zipped(GOOD)[:-30],
        zipped(GOOD, GOOD),
        zipped(""),
        zipped(b"\xff\xfe" + GOOD.encode()),
        zipped(GOOD.replace("Spend", "Cost")),
        zipped(GOOD.replace('"CurrencyCode",', "").replace('"EUR",', "")),
        zipped(HEADER.replace('"Spend"', '"Spend","Clicks"')),
        zipped('"Spend","TimePeriod","AccountId","CurrencyCode"\r\n'),
        zipped(GOOD.replace('"EUR",', "")),
        zipped(GOOD.replace("2026-11-01", "2026-10-31")),
        zipped(GOOD.replace("2026-11-01", "11/1/2026")),
        zipped(GOOD.replace(EMEA, AMERICAS)),
        zipped(GOOD.replace("1,204.50", "1.204,50")),
        zipped(GOOD.replace("1,204.50", "NaN")),
        zipped(GOOD.replace("1,204.50", "1e9")),
        zipped(GOOD.replace("1,204.50", "")),
        zipped(GOOD + '"©2026 Microsoft Corporation. All rights reserved. "\r\n'),
        zipped(GOOD.replace('"EUR"', '"E"UR"')),
        zipped(HEADER + '"' + "x" * 200_000 + '"\r\n'),
    ],
)
def test_a_file_that_is_not_what_was_asked_for_is_garbage(file):
    with pytest.raises(TryLater) as caught:
        list(Report.OF_ACCOUNT.read(file, Account(EMEA, "A"), SINCE, UNTIL))
    assert not isinstance(caught.value, TooLarge)


def test_a_file_that_unfolds_without_end_is_left_whatever_it_says_of_its_size():
    bomb = zipped(HEADER + "\r\n" * 5_000_000)
    assert len(bomb) < 100_000
    with pytest.raises(TooLarge):
        list(rows_of(bomb, Report.OF_ACCOUNT.columns, exactly=True, limit=1_000_000))
    lying = bytearray(bomb)
    directory = lying.rindex(b"PK\x01\x02")
    lying[directory + 24 : directory + 28] = (1_000).to_bytes(4, "little")
    with pytest.raises(TryLater):
        list(rows_of(bytes(lying), Report.OF_ACCOUNT.columns, exactly=True, limit=1_000_000))


async def test_what_is_too_large_is_asked_for_in_smaller_parts(desk, monkeypatch):
    asked = []

    def narrow(campaigns, ads, account, since, until):
        asked.append((until - since).days + 1)
        if asked[-1] > 8:
            raise TooLarge("too large")
        return cost_rows(campaigns, ads, account, since, until)

    monkeypatch.setattr("platforms.microsoft_advertising.cost_rows", narrow)
    assert by_day(await desk.cost()) == desk.sandbox.totals(EMEA, SINCE, UNTIL)
    assert asked == [23, 15, 7, 7, 7, 2]
    monkeypatch.setattr("platforms.microsoft_advertising.cost_rows", lambda *_: (_ for _ in ()).throw(TooLarge("x")))
    with pytest.raises(TooLarge):
        await desk.cost()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("17", "17"),
        ("1,204", "1204"),
        ("1,234,567.89", "1234567.89"),
        ("-0.05", "-0.05"),
        ("1204.5", "1204.5"),
    ],
)
def test_numbers_are_read_with_and_without_separators(text, value):
    assert str(number(text)) == value


@pytest.mark.parametrize(
    "text", ["", "1,20", "12,34", ",5", "1.", "--", "+1", "1 204", "١٢", "0x1", "Infinity", "1,2045"]
)
def test_what_is_no_number_is_garbage(text):
    with pytest.raises(ValueError, match="number"):
        number(text)


ADS = '"TimePeriod","AccountId","CurrencyCode","CampaignId","CampaignName","AdGroupId","AdId","Impressions","Clicks","Spend"'


CAMPAIGNS = '"TimePeriod","AccountId","CurrencyCode","CampaignId","CampaignName","Impressions","Clicks","Spend"'


def of_ad(campaign, ad, spend, name="C"):
    return f'"2026-11-01","{EMEA}","EUR","{campaign}","{name}","5","{ad}","10","1","{spend}"'


def of_campaign(campaign, spend):
    return f'"2026-11-01","{EMEA}","EUR","{campaign}","C","10","1","{spend}"'


def test_cost_the_ads_do_not_explain_stays_with_the_campaign_and_double_rows_are_one():
    ads = zipped(
        "\r\n".join([ADS, of_ad("9", "71", "0.60", "old"), of_ad("9", "71", "0.10"), of_ad("8", "73", "0.50")])
    )
    campaigns = zipped("\r\n".join([CAMPAIGNS, of_campaign("9", "0.80"), of_campaign("8", "0.50")]))
    days = cost_rows(campaigns, ads, Account(EMEA, "A"), SINCE, SINCE)
    assert [(row.campaign, row.ad_group, row.ad, row.cost_micros) for row in days[SINCE]] == [
        ("8", "5", "73", 500_000),
        ("9", "", "", 100_000),
        ("9", "5", "71", 700_000),
    ]
