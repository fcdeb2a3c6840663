"""Outages as people meet them, for the tests of messages: a Google Ads login and a Salesforce org, in every state."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bot.words.connection import Account, Cause, Connection, Event, Flow, Kind, Outage, Reach, Status
from bot.words.facts import PAGE, AccountFact, ConnectionFacts, OutageFacts, Progress, Reply, Storm, StormLine
from bot.words.loss import Loss

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OPENED = NOW - timedelta(hours=3, minutes=20)
CHANNEL = "C0REDKEY00"
ANNA = "U0ANNA000"
REVOKED = Cause(
    "invalid_grant",
    "Google says that this login has expired or was revoked.",
    "Log in to Google Ads again.",
    "Token has been expired or revoked.",
)
ENDED = Cause(
    "invalid_grant",
    "Salesforce says that this login has expired or was revoked.",
    "Log in to Salesforce again.",
    "expired access/refresh token",
)
NO_ACCESS = Cause(
    "USER_PERMISSION_DENIED",
    "This login has no access to the Google Ads account.",
    "Ask an administrator of the Google Ads account to give this login access.",
)
BAD_CLIENT = Cause(
    "invalid_client",
    "Google does not accept Redkey's client id and client secret.",
    "Whoever runs Redkey must check the OAuth client in the Google Cloud console.",
)


LOSS = Loss(
    late={"EUR": 4_112_000_000},
    a_day={"EUR": 1_370_000_000},
    ads=4,
    ads_a_day=30.0,
    clicks=52,
    told_until=date(2029, 11, 20),
)
NEARLY = replace(LOSS, told_until=date(2026, 11, 25))
GONE = replace(LOSS, told_until=date(2026, 11, 23), days_gone=3)


def google(accounts: int = 1, **outage: Any) -> OutageFacts:
    names = ["Acme EMEA", "Acme US", "Acme Japan"]
    made = tuple(
        AccountFact(
            f"con_{i + 1}",
            f"123-456-78{i:02}",
            names[i] if i < 3 else f"Acme {i + 1}",
            Status.AUTHORIZATION_REQUIRED,
        )
        for i in range(accounts)
    )
    base = Outage(
        id="out_google",
        platform="google_ads",
        reach=Reach.GRANT,
        grant_id="grt_1",
        remedy="AuthorizationLost",
        cause=REVOKED,
        opened_at=OPENED,
        revision=3,
        login="ana@acme.com",
        last_good_at=OPENED - timedelta(minutes=4),
        channel=CHANNEL,
        connection_ids=tuple(a.connection_id for a in made),
        timeline=(Event(OPENED, "opened", "", REVOKED.words),),
    )
    return OutageFacts(
        outage=replace(base, **outage),
        platform_name="Google Ads",
        kind=Kind.ADS,
        accounts=made,
        now=NOW,
        start_url="https://redkey.example.com/reauthorize/out_google",
        cost_since=date(2026, 11, 21),
        untagged=True,
        loss=LOSS,
        checked_at=OPENED,
    )


def told_until_soon(loss: Loss = NEARLY) -> OutageFacts:
    return replace(google(), loss=loss)


def salesforce(waiting: int = 1204, **outage: Any) -> OutageFacts:
    base = Outage(
        id="out_sales",
        platform="salesforce",
        reach=Reach.GRANT,
        grant_id="grt_2",
        remedy="AuthorizationLost",
        cause=ENDED,
        opened_at=OPENED,
        revision=1,
        login="integration@acme.com",
        last_good_at=OPENED - timedelta(seconds=30),
        channel=CHANNEL,
        connection_ids=("con_9",),
        timeline=(Event(OPENED, "opened", "", ENDED.words),),
    )
    return OutageFacts(
        outage=replace(base, **outage),
        platform_name="Salesforce",
        kind=Kind.CRM,
        accounts=(AccountFact("con_9", "00D5g000004xyzEAA", "Acme Sales", Status.AUTHORIZATION_REQUIRED),),
        now=NOW,
        start_url="https://redkey.example.com/reauthorize/out_sales",
        waiting=waiting,
        loss=Loss(touches_a_day=2 * waiting),
        checked_at=OPENED,
    )


def catching_up(facts: OutageFacts, *progress: Progress, eta: timedelta | None = None) -> OutageFacts:
    outage = replace(facts.outage, reauthorized_at=NOW - timedelta(minutes=2), reauthorized_by=facts.outage.login)
    accounts = tuple(replace(a, status=Status.CATCHING_UP) for a in facts.accounts)
    loss = Loss(ads=12, counted=True) if facts.untagged else Loss()
    return replace(facts, outage=outage, progress=progress, eta=eta, accounts=accounts, loss=loss)


def stalled(facts: OutageFacts) -> OutageFacts:
    why = Event(NOW, "stalled", "", "cost: the numbers here and at the platform do not agree yet")
    outage = replace(facts.outage, stalled_at=NOW, timeline=(*facts.outage.timeline, why))
    return replace(facts, outage=outage)


def caught_up(facts: OutageFacts, recovered: dict[str, Any], lost: dict[str, Any]) -> OutageFacts:
    facts = catching_up(facts)
    outage = replace(facts.outage, caught_up_at=NOW, closed_at=NOW, recovered=recovered, lost=lost)
    accounts = tuple(replace(a, status=Status.CONNECTED_WITH_AUTOTAGGING) for a in facts.accounts)
    return replace(facts, outage=outage, accounts=accounts)


GOOGLE_PROGRESS = (
    Progress(Flow.COST, "Acme EMEA", 2, 3, passed=False, verified=False),
    Progress(Flow.TAGGING, "Acme EMEA", 12, 0, passed=True, verified=True),
)
SALESFORCE_PROGRESS = (Progress(Flow.TOUCHPOINTS, "Acme Sales", 400, 1204, passed=False, verified=False),)
GOOGLE_RECEIPT = (
    {"cost_days": 3, "cost_micros": {"EUR": 4_100_250_000, "USD": 12_000_000}, "ads_tagged": 12},
    {"ads_untagged": 5, "clicks": 32, "cost_micros": {"EUR": 18_400_000}},
)
SET_ASIDE = [{"id": f"TP2_{i}", "reason": "REQUIRED_FIELD_MISSING: LastName"} for i in range(7)]
SALESFORCE_RECEIPT = ({"touchpoints": 1197}, {"set_aside": SET_ASIDE, "set_aside_count": 7})

OUTAGES: dict[str, OutageFacts] = {
    "google_disconnected": replace(google(), mentions=(ANNA, "S0MARKETIN")),
    "google_twelve_accounts": google(accounts=12),
    "google_soon_gone": told_until_soon(),
    "google_days_gone": told_until_soon(GONE),
    "google_new_here": replace(google(), loss=Loss(told_until=date(2029, 11, 20))),
    "google_claimed": google(claimed_by=ANNA, claimed_at=NOW - timedelta(minutes=5)),
    "google_snoozed": google(snoozed_until=NOW + timedelta(hours=4)),
    "google_no_access": google(remedy="AccessDenied", reach=Reach.ACCOUNT, cause=NO_ACCESS),
    "google_bad_client": google(remedy="Misconfigured", cause=BAD_CLIENT),
    "google_catching_up": catching_up(google(), *GOOGLE_PROGRESS, eta=timedelta(minutes=12)),
    "google_stalled": stalled(catching_up(google(), *GOOGLE_PROGRESS)),
    "google_caught_up": caught_up(google(claimed_by=ANNA), *GOOGLE_RECEIPT),
    "google_paused": google(closed_at=NOW, timeline=(Event(OPENED, "opened"), Event(NOW, "paused", ANNA, "Acme EMEA"))),
    "salesforce_disconnected": salesforce(),
    "salesforce_nothing_waits": salesforce(waiting=0),
    "salesforce_catching_up": catching_up(salesforce(), *SALESFORCE_PROGRESS),
    "salesforce_caught_up": caught_up(salesforce(), *SALESFORCE_RECEIPT),
}
REPLIES: dict[str, tuple[OutageFacts, Reply]] = {
    "claimed": (OUTAGES["google_claimed"], Reply("claimed", ANNA)),
    "reauthorized": (OUTAGES["google_catching_up"], Reply("reauthorized", "ana@acme.com")),
    "healed_by_itself": (OUTAGES["google_catching_up"], Reply("reauthorized", "")),
    "caught_up": (OUTAGES["google_caught_up"], Reply("caught_up")),
    "stalled": (
        OUTAGES["google_stalled"],
        Reply("stalled", detail={"flow": "cost", "why": "the platform answered HTTP 503"}),
    ),
    "reopened": (OUTAGES["google_disconnected"], Reply("reopened")),
    "wrong_account": (
        OUTAGES["google_disconnected"],
        Reply(
            "wrong_account",
            detail={"used_login": "bob@agency.com", "expected_login": "ana@acme.com", "expected_account": "Acme EMEA"},
        ),
    ),
    "partly": (OUTAGES["google_catching_up"], Reply("partly", detail={"missing": ["Acme US", "Acme Japan"]})),
    "declined": (OUTAGES["google_disconnected"], Reply("declined")),
    "reminded": (replace(OUTAGES["google_disconnected"], mentions=(ANNA, "S0MARKETIN")), Reply("reminded")),
    "soon_gone": (replace(told_until_soon(), mentions=(ANNA,)), Reply("soon_gone")),
    "claim_lapsed": (OUTAGES["google_disconnected"], Reply("claim_lapsed", ANNA)),
    "escalated": (OUTAGES["google_disconnected"], Reply("escalated", "S0MARKETIN")),
    "guest_link": (
        OUTAGES["google_disconnected"],
        Reply("guest_link", ANNA, {"link": "gst_1", "until": int((NOW + timedelta(days=1)).timestamp())}),
    ),
    "guest_used": (OUTAGES["google_disconnected"], Reply("guest_used", "ana@acme.com")),
    "guest_revoked": (OUTAGES["google_disconnected"], Reply("guest_revoked")),
}


def connection(number: int = 1, name: str = "Acme EMEA", **given: Any) -> ConnectionFacts:
    made = Connection(
        id=f"con_{number}",
        platform="google_ads",
        kind=Kind.ADS,
        account=Account(f"123-456-78{number:02}", name, "EUR", "Europe/Paris"),
        grant_id="grt_1",
        login="ana@acme.com",
        enabled=True,
        authorized=True,
        autotagging=True,
        catching_up=False,
        last_data_at=NOW - timedelta(minutes=30),
    )
    made = replace(made, **given)
    return ConnectionFacts(made, "Google Ads", CHANNEL, f"https://redkey.example.com/reauthorize/{made.id}")


def storm(lost: int, of: int, *, over: bool = False, shown: range | None = None) -> OutageFacts:
    """Many logins of one platform that dropped at once, the first `lost` of which are still lost."""
    lines = (
        StormLine(f"out_{n}", f"person{n}@acme.example", f"Acme {n}", 1 + n % 2, lost=n < lost, over=over)
        for n in shown or range(min(lost, PAGE))
    )
    as_one = google(accounts=lost) if lost else caught_up(google(), *GOOGLE_RECEIPT) if over else None
    told = Storm(of, lost, 0 if over else of, tuple(lines), as_one=as_one)
    return replace(OUTAGES["google_disconnected"], storm=told)


OUTAGES |= {"storm": storm(37, 50), "storm_catching_up": storm(0, 50), "storm_over": storm(0, 50, over=True)}
REPLIES["storm_1"] = (storm(50, 50, shown=range(PAGE, 50)), Reply("storm_1", detail={"page": 1}))
