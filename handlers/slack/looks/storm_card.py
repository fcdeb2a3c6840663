"""The digest of a storm: many logins of one platform lost at once, told by one message that counts down as they heal."""

from bot.words.connection import Json
from bot.words.facts import OutageFacts, Storm, StormLine
from handlers.slack.looks.blocks import bulleted, section, sections
from handlers.slack.looks.card import AMBER, GREEN, RED, Card
from handlers.slack.looks.loss import losses, losses_in_sentences
from handlers.slack.looks.markup import link, plain
from handlers.slack.looks.receipt_card import in_sentences, what_became_of_it
from handlers.words import Words


def storm_card(facts: OutageFacts, storm: Storm, words: Words) -> Card:
    what, mark, colour = _state(facts, storm, words)
    blocks = [section(_more(facts, storm, words)), *_listed(facts, storm, words)]
    return Card(
        text=" ".join([what, *_in_sentences(facts, storm, words)]),
        headline=f"{mark} *{link(facts.connections_url, what)}*",
        colour=colour,
        blocks=[*sections(_told(storm, words)), *blocks],
    )


def _more(facts: OutageFacts, storm: Storm, words: Words) -> str:
    """What to do, or where they are all listed."""
    if not storm.lost:
        return link(facts.connections_url, words.say("the page of connections"))
    return words.say("*What to do:* {cure}", cure=_cure(facts, words))


def _cure(facts: OutageFacts, words: Words) -> str:
    return plain(words.look_up(facts.outage.cause.cure), 600)


def _told(storm: Storm, words: Words) -> list[str]:
    """What is being lost, or what became of it: of all of them together."""
    if storm.as_one is None:
        return []
    return losses(storm.as_one, words) if storm.lost else what_became_of_it(storm.as_one, words)


def _in_sentences(facts: OutageFacts, storm: Storm, words: Words) -> list[str]:
    if storm.lost:
        return [*(losses_in_sentences(storm.as_one, words) if storm.as_one else ()), _cure(facts, words)]
    return in_sentences(storm.as_one, words) if storm.as_one else []


def storm_state(facts: OutageFacts, storm: Storm, words: Words) -> str:
    """One sentence: how many of them are still lost."""
    return _state(facts, storm, words)[0]


def storm_page(facts: OutageFacts, storm: Storm, words: Words) -> tuple[str, list[Json]]:
    """One continuation in the thread: its text and its blocks. It is not edited later; the message above counts down."""
    title = words.many("{n} more login of this message", "{n} more logins of this message", len(storm.lines))
    return title, sections([title, *bulleted([_line(facts, line) for line in storm.lines])])


def _state(facts: OutageFacts, storm: Storm, words: Words) -> tuple[str, str, str]:
    """The sentence, its sign and its colour."""
    name, all_of_them = facts.platform_name, storm.every
    if storm.lost:
        return _lost(facts, storm.lost, words), "🔴", RED
    if storm.going:
        told = words.many(
            "{n} {platform} login is catching up.", "{n} {platform} logins are catching up.", storm.going, platform=name
        )
        return told, "🟠", AMBER
    told = words.many(
        "{n} {platform} login is caught up.", "{n} {platform} logins are caught up.", all_of_them, platform=name
    )
    return told, "🟢", GREEN


def _lost(facts: OutageFacts, lost: int, words: Words) -> str:
    name = facts.platform_name
    if facts.outage.remedy != "AuthorizationLost":  # logging in again would not help
        return words.many("{n} {platform} login is cut off.", "{n} {platform} logins are cut off.", lost, platform=name)
    return words.many(
        "{n} {platform} login needs reauthorization.",
        "{n} {platform} logins need reauthorization.",
        lost,
        platform=name,
    )


def _listed(facts: OutageFacts, storm: Storm, words: Words) -> list[Json]:
    lines = bulleted([_line(facts, line) for line in storm.lines])
    more = storm.lost - len(storm.lines)
    if more:
        page = link(facts.connections_url, words.say("the page of connections"))
        lines.append(
            words.many(
                "And {n} more: in the thread and on {page}.",
                "And {n} more: in the thread and on {page}.",
                more,
                page=page,
            )
        )
    return sections(lines)


def _line(facts: OutageFacts, line: StormLine) -> str:
    name = plain(line.account, 60) + (f" +{line.accounts - 1}" if line.accounts > 1 else "")
    start = facts.start_url.removesuffix(facts.outage.id) + line.outage_id
    return f"{link(start, name)} ({plain(line.login, 60)})"
