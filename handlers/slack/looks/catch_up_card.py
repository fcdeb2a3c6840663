"""The amber message: the login is back, what was missed is being moved. If that stalls, it says what is missing."""

from bot.words.connection import Event, Flow, Status
from bot.words.facts import OutageFacts
from handlers.slack.looks.blocks import bulleted, context, sections
from handlers.slack.looks.buttons import only_details
from handlers.slack.looks.card import AMBER, Card
from handlers.slack.looks.loss import gone_for_good, missing_line, progress_line, titled, who_is_hit
from handlers.slack.looks.markup import link, login_name, moment, plain
from handlers.words import Words

LINES = 12  # transfers listed one by one


def catch_up_card(facts: OutageFacts, words: Words) -> Card:
    gone = gone_for_good(facts, words)
    lines = [f"*{words.say('Being recovered')}*", *bulleted(_progress(facts, words))]
    if gone:
        lines += [f"*{words.say('Gone for good')}*", *bulleted(gone)]
    done = words.percent(min(facts.fraction, 0.99))
    return Card(
        text=" ".join(
            [
                words.many(
                    "{platform}: {account} is connected again and catching up, {percent} done.",
                    "{platform}: {account} are connected again and catching up, {percent} done.",
                    len(facts.accounts),
                    platform=facts.platform_name,
                    account=who_is_hit(facts, words),
                    percent=done,
                ),
                *gone,
                words.say("Nothing needs to be done."),
            ]
        ),
        headline=_headline(facts, words, done),
        colour=AMBER,
        blocks=[*sections(lines), context(*_small(facts, words))],
        buttons=only_details(facts, words),
    )


def stalled_card(facts: OutageFacts, words: Words) -> Card:
    missing = [missing_line(facts, part, words) for part in facts.progress if not part.verified]
    lines = [
        words.say("The login works again, but catching up has stalled. Redkey keeps trying."),
        f"*{words.say('Still missing')}*",
        *bulleted(_first(missing, words)),
    ]
    if why := stalled_because(facts, words):
        lines.append(words.say("*Why:* {cause}", cause=why))
    gone = gone_for_good(facts, words)
    if gone:
        lines += [f"*{words.say('Gone for good')}*", *bulleted(gone)]
    return Card(
        text=" ".join(
            [
                words.many(
                    "{platform}: {account} is connected again, but catching up has stalled.",
                    "{platform}: {account} are connected again, but catching up has stalled.",
                    len(facts.accounts),
                    platform=facts.platform_name,
                    account=who_is_hit(facts, words),
                ),
                words.say("Still missing: {missing}.", missing=words.listing(missing[:3])) if missing else "",
                words.say("Redkey keeps trying."),
            ]
        ),
        headline=_headline(facts, words, words.say("stalled")),
        colour=AMBER,
        blocks=[*sections(lines), context(*_small(facts, words))],
        buttons=only_details(facts, words),
    )


def stalled_because(facts: OutageFacts, words: Words) -> str:
    """The reason of the last stall."""
    last = next((e for e in reversed(facts.outage.timeline) if e.what == "stalled"), None)
    return what_stalled(last, words)[1] if last is not None else ""


def what_stalled(event: Event, words: Words) -> tuple[str, str]:
    """Which flow, and why, as the timeline has it ("flow: reason")."""
    flow, _, why = event.detail.partition(": ")
    told = {
        Flow.COST.value: words.say("Cost"),
        Flow.TAGGING.value: words.say("Tagging"),
        Flow.TOUCHPOINTS.value: words.say("Touchpoints"),
    }
    return (
        (told[flow], plain(words.look_up(why), 300)) if flow in told else ("", plain(words.look_up(event.detail), 300))
    )


def _headline(facts: OutageFacts, words: Words, state: str) -> str:
    what = link(facts.start_url, titled(facts, who_is_hit(facts, words), words))
    return f"🟠 *{what}* · {words.status(Status.CATCHING_UP)} · {state}"


def _progress(facts: OutageFacts, words: Words) -> list[str]:
    return _first([progress_line(facts, part, words) for part in facts.progress], words)


def _first(lines: list[str], words: Words) -> list[str]:
    return words.first(lines, LINES) or [words.say("looking what was missed")]


def _small(facts: OutageFacts, words: Words) -> list[str]:
    outage = facts.outage
    small = []
    if outage.reauthorized_at is not None:
        at = moment(words, outage.reauthorized_at)
        if outage.reauthorized_by:
            login = login_name(outage.reauthorized_by)
            small.append(words.say("Logged in again by {login}, {moment}", login=login, moment=at))
        else:
            small.append(words.say("Works again since {moment}, without a new login", moment=at))
    if facts.eta is not None and outage.stalled_at is None:
        small.append(words.say("About {duration} left", duration=words.duration(facts.eta)))
    return small or [words.say("Login: {login}", login=login_name(outage.login))]
