"""The window behind the Details button: everything we know about an outage, for whoever wants to be sure."""

from bot.words.connection import Event, Json
from bot.words.facts import OutageFacts
from handlers.slack.looks.astray import detour_of
from handlers.slack.looks.blocks import actions, bulleted, context, header, section, sections, words_only
from handlers.slack.looks.buttons import reauthorize_link
from handlers.slack.looks.catch_up_card import what_stalled
from handlers.slack.looks.loss import gone_for_good, name_of, progress_line, soon_gone, will_be_recovered
from handlers.slack.looks.markup import bare, login_name, mention, moment, plain
from handlers.slack.looks.receipt_card import lost, recovered, set_aside
from handlers.turns import turn
from handlers.words import Words

ACCOUNTS_MOST = 100
EVENTS_MOST = 20
TITLE_LIMIT = 24
CLICKED = {"claimed", "claim_lapsed", "escalated", "snoozed", "paused", "removed", "guest_link", "guest_revoked"}


def waiting_view(words: Words) -> Json:
    """Shown at once, because Slack's trigger lives three seconds; the facts follow."""
    return _modal(words.say("Details"), [section(words.say("One moment…"))], words)


def details_view(facts: OutageFacts, words: Words) -> Json:
    outage = facts.outage
    cause = [
        words.say("*Why:* {cause}", cause=plain(words.look_up(outage.cause.words), 600)),
        words.say("*What to do:* {cure}", cure=plain(words.look_up(outage.cause.cure), 600)),
    ]
    if outage.remedy == "AccessDenied":
        cause.append(
            words.say(
                "Whoever administers these accounts can give {login} access again. It is noticed by itself.",
                login=login_name(outage.login) or words.say("this login"),
            )
        )
    blocks = [*sections(cause), *_accounts(facts, words), *_loss(facts, words), *_timeline(facts, words)]
    if outage.reauthorized_at is None and outage.closed_at is None:
        spoken = words.say("Reauthorize {platform}", platform=facts.platform_name)
        blocks.append(actions([reauthorize_link(facts.start_url, outage.id, spoken, words)]))
    blocks.append(context(*_ids(facts, words)))
    return _modal(facts.platform_name, blocks, words)


def nothing_view(words: Words) -> Json:
    return _modal(words.say("Details"), [section(words.say("This outage is not known any more."))], words)


def _modal(title: str, blocks: list[Json], words: Words) -> Json:
    return {
        "type": "modal",
        "title": words_only(bare(title, TITLE_LIMIT)),
        "close": words_only(words.say("Close")),
        "blocks": blocks[:100],
    }


def _accounts(facts: OutageFacts, words: Words) -> list[Json]:
    lines = [
        f"{name_of(a)} ({plain(a.account_id, 40)}) · {words.status(a.status)} · {plain(a.connection_id, 40)}"
        for a in facts.accounts
    ]
    return [header(words.say("Accounts")), *sections(bulleted(words.first(lines, ACCOUNTS_MOST)))] if lines else []


def _loss(facts: OutageFacts, words: Words) -> list[Json]:
    soon: list[str] = []
    if facts.outage.closed_at is not None:
        back, gone = recovered(facts, words), [*lost(facts, words), *set_aside(facts, words)]
    elif facts.outage.reauthorized_at is not None:
        back, gone = [progress_line(facts, p, words) for p in facts.progress[:50]], gone_for_good(facts, words)
    else:
        back, gone = will_be_recovered(facts, words, headed=True), gone_for_good(facts, words)
        soon = soon_gone(facts, words)
    blocks: list[Json] = []
    if back:
        title = words.say("Recovered") if facts.outage.closed_at else words.say("Will be recovered")
        blocks += [header(title), *sections(bulleted(back))]
    if soon:
        blocks += [header(words.say("Soon gone")), *sections(bulleted(soon))]
    if gone:
        blocks += [header(words.say("Gone for good")), *sections(bulleted(gone))]
    return blocks


def _timeline(facts: OutageFacts, words: Words) -> list[Json]:
    events = facts.outage.timeline[-EVENTS_MOST:]
    return [header(words.say("What happened")), *sections([_event(e, words) for e in events])] if events else []


def _event(event: Event, words: Words) -> str:
    """`who` is a Slack user only where a person clicked here; elsewhere it is the platform's text."""
    who = (mention(event.who) if event.what in CLICKED else login_name(event.who)) if event.who else ""
    detail = "" if event.what in {"snoozed", "reminded", "claim_lapsed", "soon_gone"} else _detail(event, words)
    what = turn(event.what, words) or plain(event.what.replace("_", " "), 40)
    return " · ".join(part for part in (moment(words, event.at), what, who, detail) if part)


def _detail(event: Event, words: Words) -> str:
    """What a turn is about, as its reader would say it."""
    if event.what == "stalled":
        flow, why = what_stalled(event, words)
        return words.under(flow, why) if flow else why
    if event.what == "moved":
        detour = detour_of(event, words)
        return words.under(detour["channel"], detour["why"])
    return plain(words.look_up(event.detail), 300)


def _ids(facts: OutageFacts, words: Words) -> list[str]:
    outage = facts.outage
    ids = [words.say("Outage: {id}", id=plain(outage.id, 60))]
    if outage.login:
        ids.append(words.say("Login: {login}", login=login_name(outage.login)))
    if outage.last_good_at:
        ids.append(words.say("Last good call: {moment}", moment=moment(words, outage.last_good_at)))
    if facts.checked_at:
        ids.append(words.say("Last checked: {moment}", moment=moment(words, facts.checked_at)))
    if outage.cause.code:
        ids.append(words.say("Code: {code}", code=plain(outage.cause.code)))
    if outage.cause.vendor:
        said = plain(outage.cause.vendor, 500)
        ids.append(words.say("{platform} says: {said}", platform=facts.platform_name, said=said))
    return ids
