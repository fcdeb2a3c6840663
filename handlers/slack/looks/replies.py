"""The replies in a message's thread: one for each thing that happened, never for progress."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bot.words.facts import OutageFacts, Reply
from handlers.slack.looks.catch_up_card import stalled_because
from handlers.slack.looks.loss import gone_for_good, soon_gone, who_is_hit, will_be_recovered
from handlers.slack.looks.markup import USER, login_name, mention, moment, plain
from handlers.slack.looks.receipt_card import receipt_text
from handlers.slack.looks.storm_card import storm_state
from handlers.words import Words

NameOf = Callable[[str], str | None]  # a Slack user's display name, if we have heard it


def reply_text(facts: OutageFacts, reply: Reply, words: Words, name_of: NameOf) -> str:
    """Plain sentences. A kind of reply that is not known yet is said as it is: a reply is never lost."""
    tellers: dict[str, Callable[[], str]] = {
        "claimed": lambda: _claimed(reply, words, name_of),
        "reauthorized": lambda: _reauthorized(facts, reply, words),
        "caught_up": lambda: receipt_text(facts, words),
        "stalled": lambda: _stalled(facts, reply, words),
        "reopened": lambda: _reopened(facts, words),
        "reminded": lambda: _reminded(facts, words),
        "storm_reminded": lambda: _reminded(facts, words),
        "storm_wrong_account": lambda: _wrong_account(reply, words),
        "storm_stalled": lambda: _of_one(reply, _stalled(facts, reply, words), words),
        "storm_escalated": lambda: _escalated(facts, reply, words),
        "claim_lapsed": lambda: _claim_lapsed(reply, words),
        "soon_gone": lambda: _soon_gone(facts, words),
        "storm_soon_gone": lambda: _reminded(facts, words),
        "escalated": lambda: _escalated(facts, reply, words),
        "guest_link": lambda: _guest_link(reply, words, name_of),
        "guest_used": lambda: words.say(
            "The link for somebody outside Slack was used by {login}.", login=login_name(reply.who)
        ),
        "guest_revoked": lambda: words.say("The link for somebody outside Slack was taken back."),
        "wrong_account": lambda: _wrong_account(reply, words),
        "partly": lambda: _partly(facts, reply, words),
        "declined": lambda: words.say("Someone said no at {platform}. Nothing has changed.", **_at(facts)),
    }
    teller = tellers.get(reply.what)
    return teller() if teller else plain(reply.what.replace("_", " "))


def _at(facts: OutageFacts) -> dict[str, str]:
    return {"platform": facts.platform_name}


def _claimed(reply: Reply, words: Words, name_of: NameOf) -> str:
    """By name and not by mention: nobody is pinged for acting."""
    name = name_of(reply.who) or ("" if USER.fullmatch(reply.who) else reply.who)
    if name:
        return words.say("{name} takes care of this.", name=plain(name))
    return words.say("Someone takes care of this; the message above says who.")


def _guest_link(reply: Reply, words: Words, name_of: NameOf) -> str:
    """By name, not by mention, as they know."""
    name, until = name_of(reply.who), moment(words, datetime.fromtimestamp(int(reply.detail["until"]), UTC))
    ends = words.say("The link is good for one login, until {moment}.", moment=until)
    if name:
        return words.say("{name} asked a person outside Slack to log in.", name=plain(name)) + " " + ends
    return words.say("Somebody asked a person outside Slack to log in.") + " " + ends


def _reauthorized(facts: OutageFacts, reply: Reply, words: Words) -> str:
    """`who` is the login the platform told us, so it is the platform's text."""
    after = words.say("What was missed is being recovered now.")
    if not reply.who:
        return words.say("{platform} works again without a new login.", **_at(facts)) + " " + after
    if facts.outage.reauthorized_at is None:
        return words.say("{login} logged in again.", login=login_name(reply.who)) + " " + after
    down: timedelta = facts.outage.reauthorized_at - facts.outage.dropped_at
    told = words.say(
        "{login} logged in again after {duration}.", login=login_name(reply.who), duration=words.duration(down)
    )
    return f"{told} {after}"


def _stalled(facts: OutageFacts, reply: Reply, words: Words) -> str:
    why = plain(words.look_up(str(reply.detail.get("why", ""))), 300) or stalled_because(facts, words)
    told = words.say("Catching up has stalled. Redkey keeps trying.")
    return told + (" " + words.say("Why: {cause}.", cause=why.rstrip(".")) if why else "")


def _of_one(reply: Reply, told: str, words: Words) -> str:
    """In a storm's thread it must be said whose login it is about."""
    login = str(reply.detail.get("login", ""))
    return words.say("{login}: {told}", login=login_name(login), told=told) if login else told


def _reopened(facts: OutageFacts, words: Words) -> str:
    cause = plain(words.look_up(facts.outage.cause.words), 600)
    cure = plain(words.look_up(facts.outage.cause.cure), 600)
    told = words.say("{platform} is disconnected again. What was recovered so far is kept.", **_at(facts))
    return f"{told} {cause} {cure}"


def _reminded(facts: OutageFacts, words: Words) -> str:
    """Only the owners are called, by mention; whoever acts is not among them any more then."""
    called = " ".join(mention(who) for who in facts.mentions)
    lost = facts.storm.as_one if facts.storm else facts
    loss = " ".join([*will_be_recovered(lost, words), *gone_for_good(lost, words)]) if lost else ""
    return " ".join(part for part in (_still_down(facts, words), loss, called) if part)


def _soon_gone(facts: OutageFacts, words: Words) -> str:
    called = " ".join(mention(who) for who in facts.mentions)
    return " ".join(part for part in (called, _still_down(facts, words), *soon_gone(facts, words)) if part)


def _still_down(facts: OutageFacts, words: Words) -> str:
    if facts.storm:
        return storm_state(facts, facts.storm, words)
    return words.say(
        "{platform} is still disconnected after {duration}: {account}.",
        account=who_is_hit(facts, words),
        duration=words.duration(facts.now - facts.outage.dropped_at),
        **_at(facts),
    )


def _claim_lapsed(reply: Reply, words: Words) -> str:
    if not reply.who:  # whoever it was has left
        return words.say("Nobody is on this any more. It is open to everybody again.")
    who = mention(reply.who) if USER.fullmatch(reply.who) else plain(reply.who)
    return words.say("{who}, are you still on this? It is open to everybody again.", who=who)


def _escalated(facts: OutageFacts, reply: Reply, words: Words) -> str:
    called = mention(reply.who) if reply.who else ""
    return f"{called} {_still_down(facts, words)} {words.say('Nobody has taken it up yet.')}".strip()


def _wrong_account(reply: Reply, words: Words) -> str:
    """Which login was used, and which account was expected: whoever reads it knows what to do differently."""
    used, before, account = (
        str(reply.detail.get(key, "")) for key in ("used_login", "expected_login", "expected_account")
    )
    told = words.say(
        "Someone logged in as {used_login}, but that login does not reach {expected_account}.",
        used_login=login_name(used),
        expected_account=plain(account, 400),
    )
    nothing = words.say("Nothing has changed, and that new access was given back.")
    if not before:
        return f"{told} {nothing}"
    expected = words.say("The login so far was {expected_login}.", expected_login=login_name(before))
    return f"{told} {expected} {nothing}"


def _partly(facts: OutageFacts, reply: Reply, words: Words) -> str:
    missing = [plain(str(name)) for name in reply.detail.get("missing", [])]
    return words.many(
        "{account} is back. This login does not reach {names}, which has a message of its own now.",
        "{account} is back. This login does not reach {names}, which have messages of their own now.",
        len(missing),
        account=who_is_hit(facts, words),
        names=words.some(missing, 10),
    )
