"""What a person can press under an alert. The ids are a contract: messages of old versions carry them for ever."""

from datetime import timedelta

from bot.words.connection import Json, Status
from bot.words.facts import AccountFact, OutageFacts
from handlers.slack.looks.blocks import LABEL_LIMIT, words_only
from handlers.slack.looks.loss import snooze_costs
from handlers.slack.looks.markup import bare
from handlers.words import Words

REAUTHORIZE = "reauthorize"
CLAIM = "claim"
SNOOZE = "snooze"
DETAILS = "details"
PAUSE = "pause"
ASK = "ask_someone"
TAKE_BACK = "take_back"
SNOOZES = {"4h": 4, "1d": 24, "3d": 72}  # hours
OVERFLOW_MOST = 5  # https://docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element


def buttons(facts: OutageFacts, words: Words) -> list[Json]:
    """For an outage that nobody has ended yet. The first one is what helps: a login only where a login is the cure."""
    reauthorize, details = _reauthorize(facts, words), _details(facts, words)
    claim, snooze = _claim(facts, words), _snooze(facts, words)
    if facts.outage.remedy == "AccessDenied":
        found = [_ask_for_access(facts, words), reauthorize, claim, *snooze, _ask(facts, words)]
    elif facts.outage.remedy == "Misconfigured":
        found = [{**details, "style": "primary"}, claim, *snooze, reauthorize]
    else:
        found = [{**reauthorize, "style": "primary"}, claim, *snooze, details, _ask(facts, words)]
    return [*found, *_pause(facts, words)]


def only_details(facts: OutageFacts, words: Words) -> list[Json]:
    return [_details(facts, words)]


def reauthorize_link(url: str, value: str, spoken: str, words: Words) -> Json:
    """A link to our own start page. It works while our socket is down; its click must be acknowledged all the same."""
    label = words.say("Reauthorize")
    button = _button(REAUTHORIZE, label, value, spoken)
    return {**button, "url": url}


def renew_link(url: str, platform: str, label: str, words: Words) -> Json:
    """The same for a login that still lives."""
    spoken = words.say("Renew the login at {platform}", platform=platform)
    return {**reauthorize_link(url, url.rpartition("/")[2], spoken, words), "text": words_only(label)}


def _button(action_id: str, label: str, value: str, spoken: str = "") -> Json:
    button: Json = {"type": "button", "action_id": action_id, "text": words_only(label), "value": value}
    return {**button, "accessibility_label": bare(spoken, LABEL_LIMIT)} if spoken else button


def _reauthorize(facts: OutageFacts, words: Words) -> Json:
    first = facts.accounts[0] if facts.accounts else None
    if len(facts.accounts) == 1 and first is not None:
        spoken = words.say(
            "Reauthorize {platform} account {account}", platform=facts.platform_name, account=bare(_name(first), 40)
        )
    else:
        spoken = words.say("Reauthorize {platform}", platform=facts.platform_name)
    return reauthorize_link(facts.start_url, facts.outage.id, spoken, words)


def _claim(facts: OutageFacts, words: Words) -> Json:
    label = words.say("Take it over") if facts.outage.claimed_by else words.say("I'll take it")
    return _button(CLAIM, label, facts.outage.id)


def _details(facts: OutageFacts, words: Words) -> Json:
    return _button(DETAILS, words.say("Details"), facts.outage.id)


def _ask(facts: OutageFacts, words: Words) -> Json:
    return _button(ASK, words.say("Ask someone else"), facts.outage.id)


def take_back(link_id: str, words: Words) -> Json:
    return _button(TAKE_BACK, words.say("Take the link back"), link_id)


def _ask_for_access(facts: OutageFacts, words: Words) -> Json:
    return {**_button(DETAILS, words.say("Ask for access"), facts.outage.id), "style": "primary"}


def _snooze(facts: OutageFacts, words: Words) -> list[Json]:
    """Each choice says what it costs. None reaches into the last day on which the missing days can be had."""
    labels = {"4h": words.say("4 hours"), "1d": words.say("1 day"), "3d": words.say("3 days")}
    options, last = [], facts.loss.snooze_until
    for length, label in labels.items():
        long = timedelta(hours=SNOOZES[length])
        if last is not None and facts.now + long > last:
            continue
        option: Json = {"text": words_only(label), "value": f"{length}:{facts.outage.id}"}
        if costs := snooze_costs(facts, long, words):
            option["description"] = words_only(bare(costs, LABEL_LIMIT))
        options.append(option)
    if not options:
        return []
    placeholder = words_only(words.say("Snooze"))
    return [{"type": "static_select", "action_id": SNOOZE, "placeholder": placeholder, "options": options}]


def _pause(facts: OutageFacts, words: Words) -> list[Json]:
    """One connection: a button. More: a menu. What does not fit there is paused with /redkey pause."""
    paused = [a for a in facts.accounts if a.status is not Status.DISCONNECTED][:OVERFLOW_MOST]
    if not paused:
        return []
    confirm = {
        "title": words_only(words.say("Pause this connection?")),
        "text": words_only(
            words.say("It is no longer checked, nothing is moved and nothing is reported, until someone resumes it.")
        ),
        "confirm": words_only(words.say("Pause")),
        "deny": words_only(words.say("Cancel")),
    }
    if len(paused) == 1:
        return [{**_button(PAUSE, words.say("Pause"), paused[0].connection_id), "confirm": confirm}]
    options = [
        {
            "text": words_only(bare(words.say("Pause {account}", account=_name(account)), LABEL_LIMIT)),
            "value": account.connection_id,
        }
        for account in paused
    ]
    return [{"type": "overflow", "action_id": PAUSE, "options": options, "confirm": confirm}]


def _name(account: AccountFact) -> str:
    return account.name or account.account_id
