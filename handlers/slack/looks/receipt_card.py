"""The green message: the receipt. How long, who fixed it, what came back, and what stays lost. Grey when it was paused."""

from bot.words.connection import Json, Status
from bot.words.facts import OutageFacts
from handlers.slack.looks.blocks import bulleted, context, sections
from handlers.slack.looks.buttons import only_details
from handlers.slack.looks.card import GREEN, GREY, Card
from handlers.slack.looks.loss import titled, who_is_hit
from handlers.slack.looks.markup import link, login_name, mention, moment, plain
from handlers.words import Words

SHOWN_RECORDS = 5


def receipt_card(facts: OutageFacts, words: Words) -> Card:
    return Card(
        text=receipt_text(facts, words),
        headline=f"🟢 *{_linked(facts, words)}* · {words.say('caught up')} · {words.status(_status(facts))}",
        colour=GREEN,
        blocks=[
            *sections([_how_long(facts, words), *what_became_of_it(facts, words)]),
            context(*_small(facts, words)),
        ],
        buttons=only_details(facts, words),
    )


def what_became_of_it(facts: OutageFacts, words: Words) -> list[str]:
    """What came back, what is gone and what a CRM refused: under headings, point by point."""
    back, gone, lines = recovered(facts, words), lost(facts, words), []
    if back:
        checked = words.say("Recovered, and checked with {platform}", platform=facts.platform_name)
        lines += [f"*{checked}*", *bulleted(back)]
    if gone:
        lines += [f"*{words.say('Gone for good')}*", *bulleted(gone)]
    if aside := set_aside(facts, words):
        lines += [f"*{words.say('Set aside')}*", *bulleted(aside)]
    elif not gone:
        lines.append(words.say("Nothing stays lost."))
    return lines


def receipt_text(facts: OutageFacts, words: Words) -> str:
    """The whole receipt in sentences."""
    told = [
        words.many(
            "{platform}: {account} is caught up.",
            "{platform}: {account} are caught up.",
            len(facts.accounts),
            platform=facts.platform_name,
            account=who_is_hit(facts, words),
        ),
        _how_long(facts, words),
        *in_sentences(facts, words),
    ]
    return " ".join(told)


def in_sentences(facts: OutageFacts, words: Words) -> list[str]:
    """As `what_became_of_it`."""
    back, gone, aside = recovered(facts, words), lost(facts, words), set_aside(facts, words)
    told = [
        words.say("Recovered: {things}.", things=words.listing(back)) if back else "",
        words.say("Gone for good: {things}", things=" ".join(gone)) if gone else "",
        *(aside or ([] if gone else [words.say("Nothing stays lost.")])),
    ]
    return [part for part in told if part]


def paused_card(facts: OutageFacts, words: Words) -> Card:
    """A person switched it off while it was down: quiet, and honest that nothing was caught up."""
    if facts.outage.timeline and facts.outage.timeline[-1].what == "removed":
        return _removed_card(facts, words)
    event = next((e for e in reversed(facts.outage.timeline) if e.what == "paused"), None)
    lines = [words.say("Nothing is checked, moved or reported until someone resumes it. Everything is kept.")]
    if event is not None and event.who:
        lines.insert(0, words.say("Paused by {who}, {moment}.", who=mention(event.who), moment=moment(words, event.at)))
    ids = " ".join(a.connection_id for a in facts.accounts[:1])
    return Card(
        text=" ".join(
            [
                words.many(
                    "{platform}: {account} is paused.",
                    "{platform}: {account} are paused.",
                    len(facts.accounts),
                    platform=facts.platform_name,
                    account=who_is_hit(facts, words),
                ),
                lines[-1],
            ]
        ),
        headline=f"⚪ *{_linked(facts, words)}* · {words.say('paused')} · {words.status(Status.DISCONNECTED)}",
        colour=GREY,
        blocks=[*sections(lines), context(words.say("To resume: {command}", command=f"/redkey resume {plain(ids)}"))],
        buttons=only_details(facts, words),
    )


def _removed_card(facts: OutageFacts, words: Words) -> Card:
    """The last edit: it was taken out, and by whom."""
    event = facts.outage.timeline[-1]
    account = plain(event.detail)
    lines = [
        words.say("Removed by {who}, {moment}.", who=mention(event.who), moment=moment(words, event.at)),
        words.say("What was missed is not recovered. Its history stays; connecting the account again brings it back."),
    ]
    told = words.say("{platform}: {account} was removed.", platform=facts.platform_name, account=account)
    return Card(
        text=" ".join([told, lines[-1]]),
        headline=f"⚪ *{_linked(facts, words)}* · {words.say('removed')}",
        colour=GREY,
        blocks=sections(lines),
        buttons=only_details(facts, words),
    )


def recovered(facts: OutageFacts, words: Words) -> list[str]:
    found, lines = facts.outage.recovered, []
    if days := int(found.get("cost_days", 0)):
        amount = words.amounts(found.get("cost_micros", {}))
        lines.append(
            words.many("{n} day of cost ({amount})", "{n} days of cost ({amount})", days, amount=amount)
            if amount
            else words.many("{n} day of cost", "{n} days of cost", days)
        )
    if ads := int(found.get("ads_tagged", 0)):
        lines.append(words.many("{n} ad tagged", "{n} ads tagged", ads))
    if pushed := int(found.get("touchpoints", 0)):
        lines.append(words.many("{n} touchpoint pushed", "{n} touchpoints pushed", pushed))
    return lines


def lost(facts: OutageFacts, words: Words) -> list[str]:
    return lost_lines(facts.outage.lost, facts.platform_name, words)


def lost_lines(gone: Json, platform: str, words: Words) -> list[str]:
    lines = []
    if ads := int(gone.get("ads_untagged", 0)):
        lines.append(words.many("{n} ad ran without UTM tags.", "{n} ads ran without UTM tags.", ads))
        clicks, amount = int(gone.get("clicks", 0)), words.amounts(gone.get("cost_micros", {}))
        if clicks:
            spent = f" ({amount})" if amount else ""
            lines[-1] += " " + words.many(
                "{n} click{spent} can never be attributed.",
                "{n} clicks{spent} can never be attributed.",
                clicks,
                spent=spent,
            )
    if days := int(gone.get("cost_days_gone", 0)):
        lines.append(
            words.many(
                "{n} day of cost is too old: {platform} no longer gives it.",
                "{n} days of cost are too old: {platform} no longer gives them.",
                days,
                platform=platform,
            )
        )
    return lines


def set_aside(facts: OutageFacts, words: Words) -> list[str]:
    """Records the CRM refuses. They are kept and tried again, so a person can mend them."""
    records = list(facts.outage.lost.get("set_aside", []))
    count = int(facts.outage.lost.get("set_aside_count", len(records)))
    if not count:
        return []
    shown = [
        f"{plain(str(r['id']), 60)} ({plain(words.look_up(str(r['reason'])), 120)})" for r in records[:SHOWN_RECORDS]
    ]
    if count > len(shown):
        shown.append(words.many("{n} more", "{n} more", count - len(shown)))
    return [
        words.many(
            "{platform} refused {n} touchpoint. It is kept and tried again every day: {records}.",
            "{platform} refused {n} touchpoints. They are kept and tried again every day: {records}.",
            count,
            platform=facts.platform_name,
            records=", ".join(shown),
        )
    ]


def _how_long(facts: OutageFacts, words: Words) -> str:
    outage = facts.outage
    end = outage.reauthorized_at or outage.closed_at or facts.now
    down = words.duration(end - outage.dropped_at)
    by = outage.reauthorized_by
    first = words.say("It was down for {duration}.", duration=down)
    if by:
        second = words.say("{login} logged in again.", login=login_name(by))
    else:
        second = words.say("It came back without a new login.")
    if outage.caught_up_at is None or outage.reauthorized_at is None:
        return f"{first} {second}"
    took = words.duration(outage.caught_up_at - outage.reauthorized_at)
    return f"{first} {second} " + words.say("Catching up took {duration}.", duration=took)


def _small(facts: OutageFacts, words: Words) -> list[str]:
    outage = facts.outage
    small = [words.say("Down since {moment}", moment=moment(words, outage.dropped_at))]
    if outage.caught_up_at:
        small.append(words.say("Caught up {moment}", moment=moment(words, outage.caught_up_at)))
    if outage.claimed_by:
        small.append(words.say("Taken care of by {who}", who=mention(outage.claimed_by)))
    return small


def _linked(facts: OutageFacts, words: Words) -> str:
    return link(facts.start_url, titled(facts, who_is_hit(facts, words), words))


def _status(facts: OutageFacts) -> Status:
    """What it says now, if that is good; a later drop has a message of its own."""
    now = [a.status for a in facts.accounts]
    good = [s for s in now if s in {Status.CONNECTED, Status.CONNECTED_WITH_AUTOTAGGING}]
    return good[0] if good else Status.CONNECTED
