"""/redkey pause, resume, remove, routes or connect without saying which: a window asks."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.people.people import Desk, NotFound
from bot.words.connection import Json
from bot.words.facts import ConnectionFacts
from handlers.slack.listeners.connect_window import connect_form
from handlers.slack.listeners.power_window import paused, resumed
from handlers.slack.listeners.remove_window import ask_window
from handlers.slack.listeners.route_window import route_form
from handlers.slack.listeners.windows import answer_in_time, remembered, window
from handlers.slack.looks.blocks import LABEL_LIMIT, section, sections, words_only
from handlers.slack.looks.connection_lists import in_order, list_routes
from handlers.slack.looks.markup import bare
from handlers.words import Words

CHOOSE, WHICH = "choose", "which"
OPTIONS_MOST = 100  # in one group: https://docs.slack.dev/reference/block-kit/composition-objects/option-group-object
PLATFORM = "platform:"  # before a platform's key, where connections can be chosen too
CHOICES = ("pause", "resume", "remove", "routes", "connect")
Step = Callable[[str, str, str], Awaitable[Json]]  # what was chosen, by whom, and where on the Home tab they came from


def register(app: AsyncApp, desk: Desk, words: Words) -> None:
    async def remove(connection_id: str, _who: str, home: str) -> Json:
        return ask_window(await desk.connection(connection_id), words, home)

    async def route(chosen: str, _who: str, home: str) -> Json:
        by_platform = chosen.startswith(PLATFORM)
        facts = await desk.route(chosen.removeprefix(PLATFORM) if by_platform else "", "" if by_platform else chosen)
        return route_form(facts, words, home)

    async def connect(platform: str, who: str, home: str) -> Json:
        return await connect_form(desk, platform, who, words, home)

    async def pause(connection_id: str, who: str, _home: str) -> Json:
        return paused(await desk.pause(connection_id, who), words)

    async def resume(connection_id: str, who: str, _home: str) -> Json:
        return resumed(await desk.resume(connection_id, who), words)

    steps: dict[str, Step] = {"pause": pause, "resume": resume, "remove": remove, "routes": route, "connect": connect}

    @app.view(CHOOSE)
    async def on_choice(ack: AsyncAck, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
        about = remembered(view)
        verb, home = about.get("verb", ""), about.get("home", "")
        chosen = str((view["state"]["values"][WHICH][WHICH].get("selected_option") or {}).get("value") or "")
        title = titles(words).get(verb, "Redkey")
        step = steps.get(verb)
        if step is None:
            raise NotFound(f"there is nothing called {verb}")
        await answer_in_time(ack, client, view, title, words, step(chosen, str(context.user_id), home))


def titles(words: Words) -> dict[str, str]:
    return {
        "pause": words.say("Pause"),
        "resume": words.say("Resume"),
        "remove": words.say("Remove"),
        "routes": words.say("Routes"),
        "connect": words.say("Connect an account"),
    }


def choose_window(
    verb: str, connections: Sequence[ConnectionFacts], platforms: dict[str, str], words: Words, home: str = ""
) -> Json | None:
    """None where there is nothing to choose from."""
    before: list[str] = []
    groups: list[Json] = []
    if verb == "connect":
        groups = _group(words.say("Platforms"), platforms)
    else:
        fitting = [
            c for c in connections if verb not in {"pause", "resume"} or c.connection.enabled == (verb == "pause")
        ]
        if verb == "routes" and connections:
            before = list_routes(connections, words)
            groups = _group(words.say("Platforms"), {f"{PLATFORM}{key}": name for key, name in platforms.items()})
        groups += _by_platform(fitting)
    if not groups:
        return None
    more = len(connections) > OPTIONS_MOST and verb != "connect"
    blocks = [*sections(_before(verb, words) + before), _menu(groups, words)]
    if more:
        blocks.append(section(words.say("Not in the list? {command}", command=f"`/redkey {verb} ID`")))
    return window(titles(words)[verb], blocks, words, then=CHOOSE, submit=_submit(verb, words), verb=verb, home=home)


def _before(verb: str, words: Words) -> list[str]:
    if verb == "pause":
        return [
            words.say("It is no longer checked, nothing is moved and nothing is reported, until someone resumes it.")
        ]
    return [words.say("Which channel hears of what:")] if verb == "routes" else []


def _submit(verb: str, words: Words) -> str:
    return {"pause": words.say("Pause"), "resume": words.say("Resume")}.get(verb, words.say("Next"))


def _by_platform(connections: Sequence[ConnectionFacts]) -> list[Json]:
    by_name = sorted(in_order(connections), key=lambda c: c.platform_name)
    found = []
    for name, of_it in groupby(by_name, key=lambda c: c.platform_name):
        found += _group(name, {c.connection.id: c.connection.account.name or c.connection.account.id for c in of_it})
    return found


def _group(label: str, options: dict[str, str]) -> list[Json]:
    made = [
        {"text": words_only(bare(text, LABEL_LIMIT) or value[:LABEL_LIMIT]), "value": value}
        for value, text in list(options.items())[:OPTIONS_MOST]
    ]
    return [{"label": words_only(bare(label, LABEL_LIMIT)), "options": made}] if made else []


def _menu(groups: list[Json], words: Words) -> Json:
    menu: Json = {"type": "static_select", "action_id": WHICH, "placeholder": words_only(words.say("Choose"))}
    menu |= {"options": groups[0]["options"]} if len(groups) == 1 else {"option_groups": groups}
    return {"type": "input", "block_id": WHICH, "label": words_only(words.say("Which one?")), "element": menu}
