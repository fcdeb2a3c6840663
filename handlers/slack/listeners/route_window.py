"""/redkey routes: a window in which people choose the channel that hears of a connection, and who is asked first."""

import asyncio
import re
from collections.abc import Sequence

import aiohttp
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.memory.routes import Route
from bot.people.people import Desk, RouteFacts
from bot.words.connection import Json
from handlers.slack.listeners.home_tab import HomeTab
from handlers.slack.listeners.windows import answer_in_time, remembered, told, window
from handlers.slack.looks.blocks import context, section, words_only
from handlers.slack.looks.connection_lists import title_of
from handlers.slack.looks.markup import GROUP, USER, mention, moment, plain
from handlers.words import Words

ROUTE = "route"
CHANNEL, PEOPLE, GROUPS, FORGET = "route_channel", "route_people", "route_groups", "route_forget"  # and the blocks' ids
PATIENCE = 1.0  # seconds to look at the channel; whoever submits waits
UNSEEN = {"channel_not_found", "not_in_channel", "no_permission"}
MOST = 20  # people and groups


def register(app: AsyncApp, desk: Desk, words: Words, tab: HomeTab) -> None:
    @app.view(ROUTE)
    async def on_submit(ack: AsyncAck, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
        to = _chosen(view["state"]["values"])
        if wrong := _wrong(to.owners, words) or await _unfit(client, to.channel, words):
            await ack(response_action="errors", errors=wrong)
            return
        about, who = remembered(view), str(context.user_id)

        async def change() -> Json:
            facts = await desk.reroute(about.get("platform", ""), about.get("connection", ""), to, who)
            return told(words.say("Routes"), [words.say("Saved."), *_now(facts, words), _stays(words)], words)

        await answer_in_time(ack, client, view, words.say("Routes"), words, change())
        await tab.again(client, who, about.get("home", ""))


def _chosen(values: Json) -> Route:
    if FORGET in values and values[FORGET][FORGET].get("selected_options"):
        return Route()
    channel = str(values[CHANNEL][CHANNEL].get("selected_conversation") or "")
    people = values[PEOPLE][PEOPLE].get("selected_users") or []
    groups = re.split(r"[\s,;]+", str(values[GROUPS][GROUPS].get("value") or ""))
    return Route(channel=channel, owners=tuple(dict.fromkeys([*people, *filter(None, groups)])))


def _wrong(owners: Sequence[str], words: Words) -> dict[str, str]:
    strange = [o for o in owners if not USER.fullmatch(o) and not GROUP.fullmatch(o)]
    if strange:
        shown = plain(strange[0], 40)
        return {GROUPS: words.say("{id} is not the id of a user group, such as S0456ABCD.", id=shown)}
    if len(owners) > MOST:
        return {PEOPLE: words.say("These are too many to mention: {n} at most.", n=str(MOST))}
    return {}


async def _unfit(client: AsyncWebClient, channel: str, words: Words) -> dict[str, str]:
    """What is known to be wrong with the channel. When Slack does not say in time, the person is believed."""
    if not channel:
        return {}
    try:
        answer = await asyncio.wait_for(client.conversations_info(channel=channel), PATIENCE)
    except SlackApiError as error:
        unseen = error.response.get("error") in UNSEEN
        return {CHANNEL: _invite(words)} if unseen else {}
    except (aiohttp.ClientError, TimeoutError, OSError):
        return {}
    found = answer.get("channel") or {}
    if found.get("is_archived"):
        return {CHANNEL: words.say("This channel is archived.")}
    if found.get("is_private") and not found.get("is_member"):
        return {CHANNEL: _invite(words)}
    return {}


def _invite(words: Words) -> str:
    return words.say("I am not in this channel. Invite me there first: {command}", command="/invite @Redkey")


def route_form(facts: RouteFacts, words: Words, home: str = "") -> Json:
    made = facts.made or Route()
    blocks = [section("\n".join(_now(facts, words))), *_inputs(made, words)]
    blocks.append(context(words.say("What you leave empty is as the settings say."), _stays(words)))
    connection = facts.connection.connection.id if facts.connection else ""
    about = {"platform": facts.platform, "connection": connection, "home": home}
    return window(words.say("Routes"), blocks, words, then=ROUTE, submit=words.say("Save"), **about)


def _inputs(made: Route, words: Words) -> list[Json]:
    groups = [o for o in made.owners if GROUP.fullmatch(o)]
    people = [o for o in made.owners if o not in groups]
    channel: Json = {
        "type": "conversations_select",
        "placeholder": words_only(words.say("Choose a channel")),
        "filter": {"include": ["public", "private"], "exclude_bot_users": True},
    }
    mentioned: Json = {"type": "multi_users_select", "placeholder": words_only(words.say("Choose people"))}
    typed: Json = {"type": "plain_text_input", "placeholder": words_only("S0456ABCD")}
    channel |= {"initial_conversation": made.channel} if made.channel else {}
    mentioned |= {"initial_users": people} if people else {}
    typed |= {"initial_value": ", ".join(groups)} if groups else {}
    forget = {"text": words_only(words.say("Forget what was chosen here")), "value": "forget"}
    found = [
        _input(CHANNEL, words.say("Channel for the alerts"), channel),
        _input(PEOPLE, words.say("Who is mentioned first"), mentioned),
        _input(GROUPS, words.say("User groups that are mentioned, by id"), typed),
    ]
    if not made.empty:
        found.append(_input(FORGET, words.say("Take it back"), {"type": "checkboxes", "options": [forget]}))
    return found


def _input(name: str, label: str, element: Json) -> Json:
    element = {**element, "action_id": name}
    return {"type": "input", "block_id": name, "optional": True, "label": words_only(label), "element": element}


def _now(facts: RouteFacts, words: Words) -> list[str]:
    what = title_of(facts.connection, words) if facts.connection else plain(facts.platform_name)
    lines = [f"*{what}*", words.say("Its alerts go to {channel}.", channel=f"<#{facts.channel}>")]
    if facts.owners:
        asked = words.listing(mention(o) for o in facts.owners)
        lines.append(words.say("Mentioned first: {people}.", people=asked))
    if facts.made is not None and facts.made.made_at is not None:
        at = moment(words, facts.made.made_at)
        lines.append(words.say("Chosen by {who}, {at}.", who=mention(facts.made.made_by), at=at))
    return lines


def _stays(words: Words) -> str:
    return words.say("Alerts that stand already stay where they are.")
