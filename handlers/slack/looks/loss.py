"""What is being lost while a connection is down, in plain sentences: what comes back, and what never does."""

from datetime import timedelta

from bot.words.facts import AccountFact, OutageFacts, Progress
from handlers.slack.looks.blocks import bulleted
from handlers.slack.looks.markup import plain
from handlers.words import Words

NAMED = 10  # accounts named in a message; the rest are counted


def name_of(account: AccountFact, limit: int = 80) -> str:
    return plain(account.name, limit) or plain(account.account_id, limit)


def who_is_hit(facts: OutageFacts, words: Words) -> str:
    """The account, or how many there are: the subject of every headline."""
    if len(facts.accounts) == 1:
        return name_of(facts.accounts[0])
    return words.many("{n} account", "{n} accounts", len(facts.accounts))


def titled(facts: OutageFacts, what: str, words: Words) -> str:
    """The label of a headline's link."""
    return words.say("{platform}: {what}", platform=facts.platform_name, what=what)


def accounts_line(facts: OutageFacts, words: Words) -> str:
    """Every account by name, up to ten."""
    named = [f"{name_of(a)} ({plain(a.account_id, 40)})" for a in facts.accounts[:NAMED]]
    more = len(facts.accounts) - len(named)
    if more > 0:
        return words.many("{names} and {n} more", "{names} and {n} more", more, names=", ".join(named))
    return ", ".join(named)


def will_be_recovered(facts: OutageFacts, words: Words, *, headed: bool = False) -> list[str]:
    """`headed`: it stands under these very words, and need not say them again."""
    lines = []
    if facts.cost_since is not None:
        lines.append(f"{_cost_is_missing(facts, words)} {_until_when(facts, words, headed=headed)}".strip())
    if facts.waiting == 0:
        lines.append(words.say("No touchpoint waits yet. Those that come in will all be pushed."))
    elif facts.waiting is not None:
        lines.append(
            words.many(
                "{n} touchpoint waits. It will be pushed.",
                "{n} touchpoints wait. All of them will be pushed.",
                facts.waiting,
            )
        )
    return lines


def _cost_is_missing(facts: OutageFacts, words: Words) -> str:
    assert facts.cost_since is not None
    day, loss = words.day(facts.cost_since), facts.loss
    if not loss.late:
        return words.say("Cost has been missing since {day}.", day=day)
    late, a_day = words.about(loss.late), words.about(loss.a_day)
    return words.say(
        "Cost has been missing since {day}: about {late}, usually {a_day} a day.", day=day, late=late, a_day=a_day
    )


def _until_when(facts: OutageFacts, words: Words, *, headed: bool) -> str:
    until = facts.loss.told_until
    if until is None or facts.loss.soon(facts.now) or facts.loss.days_gone:
        return "" if headed else words.say("It will be recovered.")
    if headed:
        return words.say("{platform} keeps it until {day}.", platform=facts.platform_name, day=words.day(until))
    return words.say(
        "It will be recovered; {platform} keeps it until {day}.", platform=facts.platform_name, day=words.day(until)
    )


def soon_gone(facts: OutageFacts, words: Words) -> list[str]:
    """The last day on which the platform still tells the first of the missing days, once it is near."""
    until, loss, platform = facts.loss.told_until, facts.loss, facts.platform_name
    if until is None or facts.cost_since is None or not loss.soon(facts.now):
        return []
    if loss.days_gone:
        return [words.say("From now on each day takes another day of cost with it.")]
    left = max((until - facts.now.date()).days, 0)
    day, last = words.day(facts.cost_since), words.day(until)
    return [
        words.many(
            "{platform} gives the cost of {day} only until {last}: {n} day left. Then each day takes another one with it.",
            "{platform} gives the cost of {day} only until {last}: {n} days left. Then each day takes another one with it.",
            left,
            platform=platform,
            day=day,
            last=last,
        )
    ]


def gone_for_good(facts: OutageFacts, words: Words) -> list[str]:
    lines = []
    if facts.loss.days_gone:
        lines.append(
            words.many(
                "{n} day of cost is lost: {platform} no longer gives it.",
                "{n} days of cost are lost: {platform} no longer gives them.",
                facts.loss.days_gone,
                platform=facts.platform_name,
            )
        )
    if facts.untagged:
        lines.append(_ran_untagged(facts, words) if facts.outage.reauthorized_at else _run_untagged(facts, words))
    return lines


def _run_untagged(facts: OutageFacts, words: Words) -> str:
    """Nobody can look while the login is lost, so it is as many as usual."""
    if not facts.loss.ads:
        return words.say("New ads run without UTM tags. Clicks on them can never be attributed, not even later.")
    told = words.many(
        "By now about {n} new ad runs without UTM tags.",
        "By now about {n} new ads run without UTM tags.",
        facts.loss.ads,
    )
    if not facts.loss.clicks:
        return f"{told} {words.say('Clicks on them can never be attributed, not even later.')}"
    clicks = words.many(
        "About {n} click on them can never be attributed, not even later.",
        "About {n} clicks on them can never be attributed, not even later.",
        facts.loss.clicks,
    )
    return f"{told} {clicks}"


def _ran_untagged(facts: OutageFacts, words: Words) -> str:
    if not facts.loss.counted:
        return words.say(
            "Ads made while it was down ran without UTM tags. Clicks on them until now can never be attributed."
        )
    return words.many(
        "{n} ad made while it was down ran without UTM tags. Clicks on it until now can never be attributed.",
        "{n} ads made while it was down ran without UTM tags. Clicks on them until now can never be attributed.",
        facts.loss.ads,
    )


def losses(facts: OutageFacts, words: Words) -> list[str]:
    """All of it, for a message: under headings, point by point."""
    lines = []
    if back := will_be_recovered(facts, words, headed=True):
        lines += [f"*{words.say('Will be recovered')}*", *bulleted(back)]
    if soon := soon_gone(facts, words):
        lines += [f"*{words.say('Soon gone')}*", *bulleted(soon)]
    if gone := gone_for_good(facts, words):
        lines += [f"*{words.say('Gone for good')}*", *bulleted(gone)]
    return lines


def losses_in_sentences(facts: OutageFacts, words: Words) -> list[str]:
    return [*will_be_recovered(facts, words), *soon_gone(facts, words), *gone_for_good(facts, words)]


def snooze_costs(facts: OutageFacts, length: timedelta, words: Words) -> str:
    """What a snooze of so long lets happen; empty where nothing is known of it."""
    loss, parts = facts.loss, []
    if late := loss.more_late(length):
        parts.append(words.say("about {amount} of cost late", amount=words.about(late)))
    if touches := loss.more_touches(length):
        parts.append(words.many("about {n} touchpoint late", "about {n} touchpoints late", touches))
    if facts.untagged and (ads := loss.more_ads(length)):
        parts.append(words.many("{n} more ad untagged", "{n} more ads untagged", ads))
    elif facts.untagged:
        parts.append(words.say("new ads untagged"))
    return ", ".join(parts)


def progress_line(facts: OutageFacts, part: Progress, words: Words) -> str:
    """One transfer: how far it is, of how much, and whether the platform agrees already."""
    counted = _counted(part, words)
    if len(facts.accounts) > 1:
        counted = words.say("{account}: {counted}", account=plain(part.account), counted=counted)
    if part.verified:
        return words.say("{counted}, checked with {platform}", counted=counted, platform=facts.platform_name)
    if part.passed:
        return words.say("{counted}, now being checked", counted=counted)
    if part.total:
        share = words.percent(min(part.done / part.total, 1.0))
        return words.say("{counted} ({percent})", counted=counted, percent=share)
    return counted


def missing_line(facts: OutageFacts, part: Progress, words: Words) -> str:
    """What one transfer still lacks."""
    check = words.say("the check with {platform}", platform=facts.platform_name)
    missing = check if part.passed else _missing(part, words)
    if len(facts.accounts) > 1:
        return words.say("{account}: {counted}", account=plain(part.account), counted=missing)
    return missing


def _missing(part: Progress, words: Words) -> str:
    left = max(part.total - part.done, 0)
    if part.flow == "cost":
        return words.many("{n} day of cost", "{n} days of cost", left) if left else words.say("the latest cost")
    if part.flow == "tagging":
        return words.many("the UTM tags of {n} ad", "the UTM tags of {n} ads", left) if left else words.say("UTM tags")
    return words.many("{n} touchpoint", "{n} touchpoints", left) if left else words.say("the latest touchpoints")


def _counted(part: Progress, words: Words) -> str:
    done = words.number(part.done)
    if part.flow == "cost":
        if part.total:
            return words.many("{done} of {n} day of cost", "{done} of {n} days of cost", part.total, done=done)
        return words.many("{n} day of cost", "{n} days of cost", part.done)
    if part.flow == "tagging":
        if part.total:
            return words.many("{done} of {n} ad tagged", "{done} of {n} ads tagged", part.total, done=done)
        return words.many("{n} ad tagged", "{n} ads tagged", part.done)
    if part.total:
        return words.many("{done} of {n} touchpoint", "{done} of {n} touchpoints", part.total, done=done)
    return words.many("{n} touchpoint", "{n} touchpoints", part.done)
