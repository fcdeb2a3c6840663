"""The week in one message, and the picture of the last 30 days that stands in its thread."""

from bot.words.announced import DigestFacts, DigestOutage, Strip
from handlers.slack.looks.blocks import bulleted, sections
from handlers.slack.looks.card import GREEN, GREY, RED, Card
from handlers.slack.looks.ending_card import what_ends
from handlers.slack.looks.markup import bare, link, login_name, plain
from handlers.slack.looks.receipt_card import lost_lines
from handlers.words import Words

NAMED = 3
ALT_MOST = 1000  # https://docs.slack.dev/reference/methods/files.getUploadURLExternal


def digest_card(facts: DigestFacts, words: Words) -> Card:
    still = any(outage.state == "open" for outage in facts.outages)
    week = words.say(
        "The week from {since} to {until}", since=words.day(facts.since.date()), until=words.day(facts.until.date())
    )
    count = _count(facts, words)
    lines = [f"*{words.say('What broke')}*", *bulleted(_broke(facts, words))]
    lines += [f"*{words.say('What ends next')}*", *bulleted(_endings(facts, words))]
    lines += [f"*{words.say('The last 30 days')}*", *bulleted(_days(facts, words))]
    return Card(
        text=" ".join([words.under(week, count), *(_broke(facts, words)[:NAMED] if facts.outages else ())]),
        headline=words.under(f"📊 *{link(facts.url, week)}*", count),
        colour=RED if still else GREEN if not facts.outages else GREY,
        blocks=sections(lines),
    )


def alt_text(facts: DigestFacts, words: Words) -> str:
    """What the picture shows, for whoever does not see it."""
    rows = [
        words.under(str(n), f"{bare(strip.name, 40)}, {_lost_days(strip, words)}")
        for n, strip in enumerate(facts.strips, 1)
    ]
    told = words.say("One strip for each connection, one bar for each of the last 30 days.") + " " + "; ".join(rows)
    return told if len(told) <= ALT_MOST else told[: ALT_MOST - 1] + "…"


def legend(facts: DigestFacts, words: Words) -> str:
    """Which number in the picture is whom, and what the bars mean."""
    meaning = words.say(
        "Full and red: down. Half and amber: catching up. Low and green: fine. Grey: not connected yet."
    )
    rows = [f"{n}. {plain(s.name, 60)} ({s.platform_name})" for n, s in enumerate(facts.strips, 1)]
    return "\n".join([words.say("The last 30 days") + ". " + meaning, *rows])


def _count(facts: DigestFacts, words: Words) -> str:
    count = len(facts.outages) + facts.more
    return words.many("{n} outage.", "{n} outages.", count) if count else words.say("nothing broke.")


def _broke(facts: DigestFacts, words: Words) -> list[str]:
    if not facts.outages:
        return [words.say("Nothing.")]
    more = [words.many("and {n} more", "and {n} more", facts.more)] if facts.more else []
    return [*(_outage(outage, words) for outage in facts.outages), *more]


def _outage(outage: DigestOutage, words: Words) -> str:
    named = words.some([plain(name) for name in outage.accounts], NAMED)
    title = words.under(outage.platform_name, link(outage.url, named) if named else "")
    how_long = words.duration(outage.down)
    if outage.state == "open":
        return words.say("{title}, still down after {duration}.", title=title, duration=how_long)
    told = words.say("{title}, down for {duration}.", title=title, duration=how_long)
    if outage.by:
        told += " " + words.say("{login} logged in again.", login=login_name(outage.by))
    if outage.state in {"catching_up", "stalled"}:
        told += " " + words.say("Catching up is not done yet.")
    return " ".join([told, *lost_lines(outage.lost, outage.platform_name, words)])


def _endings(facts: DigestFacts, words: Words) -> list[str]:
    told = [
        what_ends(each.what, each.platform_name, each.at, words)
        + (f" ({login_name(each.login)})" if each.login else "")
        for each in facts.endings
    ]
    return told or [words.say("Nothing that is known, within a month.")]


def _days(facts: DigestFacts, words: Words) -> list[str]:
    troubled = [strip for strip in facts.strips if strip.red]
    fine = facts.connections - len(troubled)
    told = [words.under(f"{plain(s.name)} ({s.platform_name})", _lost_days(s, words)) for s in troubled]
    if fine:
        told.append(words.many("{n} connection was never down", "{n} connections were never down", fine))
    return told


def _lost_days(strip: Strip, words: Words) -> str:
    return words.many("down on {n} day", "down on {n} days", strip.red)
