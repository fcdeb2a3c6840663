"""Announcements as people meet them, for the tests of messages: what ends soon, in every state."""

from dataclasses import replace
from datetime import timedelta

from sample_facts import ANNA, CHANNEL, NOW

from bot.memory.announcements import Announcement
from bot.words.announced import (
    Announced,
    BlindFacts,
    BorrowedFacts,
    DigestEnding,
    DigestFacts,
    DigestOutage,
    EndingFacts,
    EndingsFacts,
    EndpointFacts,
    LeaverFacts,
    LeaverLine,
    MutedFacts,
    PlatformDownFacts,
    StandstillFacts,
    Strip,
)

SOON = EndingFacts(
    what="login",
    at=NOW + timedelta(days=6, hours=20),
    days=7,
    state="soon",
    platform_name="LinkedIn Ads",
    now=NOW,
    login="ana@acme.com",
    accounts=("Acme EMEA", "Acme US"),
    renew_url="https://redkey.example.com/reauthorize/con_1",
    mentions=(ANNA, "S0MARKETIN"),
)
APP = replace(SOON, what="client secret", login="", accounts=(), renew_url="", mentions=(), platform_name="HubSpot")
RENEWED = replace(SOON, state="renewed", renewed_by="ben@acme.com", next_at=NOW + timedelta(days=365))
TOGETHER = EndingsFacts(
    lines=(
        SOON,
        replace(
            SOON, login="cy@acme.com", accounts=("Acme APAC",), renew_url="https://redkey.example.com/reauthorize/con_7"
        ),
        replace(
            SOON, what="data access", platform_name="Meta Ads", renew_url="https://redkey.example.com/reauthorize/con_8"
        ),
    ),
    days=7,
    connections_url="https://redkey.example.com/connections",
    mentions=(ANNA, "S0MARKETIN"),
)
BLIND = BlindFacts(NOW - timedelta(hours=2, minutes=15), NOW - timedelta(hours=1), watched=12, checked=3, lost=0)
URL = "https://redkey.example.com"
LINES = (
    LeaverLine("rests", "Google Ads", "anna@acme.com", ("Acme EMEA", "Acme US"), f"{URL}/reauthorize/con_1"),
    LeaverLine("rests", "Salesforce", "integration@acme.com", ("Acme Sales",), f"{URL}/reauthorize/con_9"),
)
LEAVER = LeaverFacts("Anna Berg", LINES, f"{URL}/connections", ("S0MARKETIN",))
MOVED = replace(LINES[0], state="moved", login="ben@acme.com"), replace(LINES[1], state="off")
ROW = ("none",) * 4 + ("green",) * 16
STRIPS = (
    Strip("Acme EMEA", "Google Ads", (*ROW, *["red"] * 2, *["amber"] * 1, *["green"] * 7)),
    Strip("Acme Sales", "Salesforce", (*ROW, *["green"] * 10)),
)
BROKE = DigestOutage(
    "Google Ads",
    ("Acme EMEA", "Acme US"),
    timedelta(days=1, hours=3),
    "caught_up",
    "ana@acme.com",
    {"ads_untagged": 5, "clicks": 32, "cost_micros": {"EUR": 18_400_000}},
    f"{URL}/reauthorize/out_google",
)
DOWN = DigestOutage("Salesforce", ("Acme Sales",), timedelta(hours=5), "open", "", {}, f"{URL}/reauthorize/out_sales")
DIGEST = DigestFacts(
    since=NOW - timedelta(days=7),
    until=NOW,
    outages=(BROKE, DOWN),
    endings=(
        DigestEnding("login", "LinkedIn Ads", "ana@acme.com", NOW + timedelta(days=6)),
        DigestEnding("client secret", "HubSpot", "", NOW + timedelta(days=20)),
    ),
    strips=STRIPS,
    connections=12,
    url=f"{URL}/connections",
)
SILENT = PlatformDownFacts("Google Ads", NOW - timedelta(minutes=42), waiting=12)
BACK = replace(SILENT, back_at=NOW)
ANNOUNCED: dict[str, Announced] = {
    "ending_login": SOON,
    "ending_many_accounts": replace(SOON, accounts=tuple(f"Acme {n}" for n in range(40))),
    "ending_data_access": replace(SOON, what="data access", platform_name="Meta Ads", days=1, mentions=()),
    "ending_token": replace(SOON, what="token", platform_name="Meta Ads", mentions=()),
    "ending_client_secret": APP,
    "ending_version": replace(APP, what="API version"),
    "ending_renewed": replace(SOON, state="renewed", renewed_by="ben@acme.com", next_at=NOW + timedelta(days=365)),
    "ending_replaced": replace(APP, state="renewed"),
    "ending_lost": replace(SOON, state="lost"),
    "ending_paused": replace(SOON, state="paused"),
    "ending_passed": replace(APP, state="passed"),
    "endings": TOGETHER,
    "endings_many": replace(TOGETHER, lines=TOGETHER.lines * 6),
    "endings_partly": replace(TOGETHER, lines=(RENEWED, *TOGETHER.lines[1:2], replace(SOON, state="paused"))),
    "endings_renewed": replace(TOGETHER, lines=(RENEWED, RENEWED)),
    "endings_passed": replace(TOGETHER, lines=(RENEWED, replace(SOON, state="passed"))),
    "endings_over": replace(TOGETHER, lines=(RENEWED, replace(SOON, state="lost"))),
    "muted": MutedFacts(NOW + timedelta(hours=2), well=False),
    "muted_no_more": MutedFacts(NOW + timedelta(hours=2), well=True),
    "standstill": StandstillFacts(NOW - timedelta(minutes=2), over=False),
    "standstill_over": StandstillFacts(None, over=True),
    "borrowed": BorrowedFacts("U0BEN0000", "ada@acme.com", "Google Ads", ("Acme <EMEA>", "Acme APAC")),
    "webhook_off": EndpointFacts("statuspage.example.com", "it answered HTTP 410: nothing more is wanted there", False),
    "webhook_on": EndpointFacts("statuspage.example.com", "it answered HTTP 503", True),
    "blind_checking": BLIND,
    "blind_all_well": replace(BLIND, checked=12),
    "blind_one_lost": replace(BLIND, checked=12, lost=1),
    "digest": DIGEST,
    "digest_quiet": replace(DIGEST, outages=(), endings=(), strips=STRIPS[1:]),
    "digest_many": replace(DIGEST, outages=(BROKE,) * 10, more=7, endings=DIGEST.endings * 5, strips=STRIPS * 12),
    "leaver": LEAVER,
    "leaver_nameless": replace(LEAVER, name="", lines=LINES[1:], mentions=()),
    "leaver_partly": replace(LEAVER, lines=(MOVED[0], LINES[1])),
    "leaver_many": replace(LEAVER, lines=LINES * 20),
    "leaver_over": replace(LEAVER, lines=MOVED),
    "platform_down": SILENT,
    "platform_back": BACK,
}
REPLIED: dict[str, Announced] = {
    "ending_step": replace(SOON, days=2, at=NOW + timedelta(days=2)),
    "endings_step": replace(
        TOGETHER, lines=tuple(replace(line, at=NOW + timedelta(days=2)) for line in TOGETHER.lines)
    ),
    "platform_back": BACK,
}


def announcement(**more: object) -> Announcement:
    given = {"key": "ending:gra_1", "kind": "ending", "channel": CHANNEL, "about": {}, "revision": 1, "fence": 1}
    return Announcement(**given | more)
