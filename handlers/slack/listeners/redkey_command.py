"""/redkey: lists, a check, and windows for what changes something. Every answer is private."""

from collections.abc import Awaitable, Callable

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.people.people import Desk
from bot.words.connection import Json
from bot.words.facts import ConnectionFacts
from handlers.slack.listeners.choose_window import CHOICES, choose_window
from handlers.slack.listeners.power_window import paused_lines, resumed_lines
from handlers.slack.listeners.private_answers import private
from handlers.slack.listeners.remove_window import ask_window
from handlers.slack.listeners.route_window import route_form
from handlers.slack.looks.connection_lists import in_order, list_checks, list_connections, list_outages
from handlers.slack.looks.markup import link, plain
from handlers.words import Words

COMMAND = "/redkey"
Answer = Callable[[str, str], Awaitable[list[str]]]


def register(app: AsyncApp, desk: Desk, words: Words) -> None:
    counter = Counter(desk, words)

    @app.command(COMMAND)
    async def on_command(ack: AsyncAck, command: Json, respond: AsyncRespond, client: AsyncWebClient) -> None:
        await ack()
        text = str(command.get("text") or "")
        if (window := await counter.window(text)) is not None:
            await client.views_open(trigger_id=str(command["trigger_id"]), view=window)
            return
        lines = await counter.answer(text, str(command["user_id"]))
        await respond(private(*lines))


class Counter:
    """One method for each thing that can be asked; the answers are lines."""

    def __init__(self, desk: Desk, words: Words) -> None:
        self._desk = desk
        self._words = words

    async def answer(self, text: str, who: str) -> list[str]:
        verb, _, rest = text.strip().partition(" ")
        answers: dict[str, Answer] = {
            "connections": self._connections,
            "connect": self._connect,
            "check": self._check,
            "outages": self._outages,
            "pause": self._pause,
            "resume": self._resume,
            "routes": self._unknown,
            "remove": self._unknown,
        }
        if (asked := answers.get(verb.lower())) is not None:
            return await asked(rest.strip(), who)
        unknown = verb and verb.lower() != "help"
        first = (
            [self._words.say("There is no {command} here.", command=f"`{COMMAND} {plain(verb, 40)}`")]
            if unknown
            else []
        )
        return [*first, *self._help()]

    def _help(self) -> list[str]:
        words = self._words
        known = [
            ("connections", words.say("what is connected, and how it is")),
            ("outages", words.say("what is down now")),
            ("connect [PLATFORM]", words.say("a link that connects a new login")),
            ("check [ID]", words.say("probe one connection, or all, now")),
            ("pause [ID]", words.say("switch a connection off; everything is kept")),
            ("resume [ID]", words.say("switch it on again")),
            ("remove [ID]", words.say("take a connection out for good; asks first")),
            ("routes [ID]", words.say("which channel hears of which connection, and who is asked first")),
        ]
        return [words.say("What I can do for you:"), *(f"• `{COMMAND} {verb}` {what}" for verb, what in known)]

    async def _connections(self, _rest: str, _who: str) -> list[str]:
        return list_connections(await self._desk.connections(), self._words)

    async def _outages(self, _rest: str, _who: str) -> list[str]:
        return list_outages(await self._desk.outages(open_only=True), self._words)

    async def _connect(self, rest: str, who: str) -> list[str]:
        platforms, key = self._desk.platforms(), self._platform(rest)
        if key is None:
            if not platforms:
                return [self._words.say("No platform is switched on yet. Whoever runs Redkey can change that.")]
            asked = [f"• `{COMMAND} connect {k}` {name}" for k, name in sorted(platforms.items())]
            return [self._words.say("Which platform?"), *asked]
        url = await self._desk.connect_link(key, who)
        label = self._words.say("Connect {platform}", platform=platforms[key])
        return [link(url, label), self._words.say("The link is for you: it can be used once, and it expires.")]

    async def _check(self, rest: str, _who: str) -> list[str]:
        found = await self._named(rest) if rest else None
        if rest and found is None:
            return await self._unknown(rest)
        answers = await self._desk.check(found.connection.id if found else None)
        return list_checks(answers, self._desk.platforms(), self._words)

    async def _pause(self, rest: str, who: str) -> list[str]:
        found = await self._named(rest)
        if found is None:
            return await self._unknown(rest)
        return paused_lines(await self._desk.pause(found.connection.id, who), self._words)

    async def _resume(self, rest: str, who: str) -> list[str]:
        if not rest:  # there was nothing to choose from
            return [self._words.say("No connection is paused.")]
        found = await self._named(rest)
        if found is None:
            return await self._unknown(rest)
        return resumed_lines(await self._desk.resume(found.connection.id, who), self._words)

    async def window(self, text: str) -> Json | None:
        """What is answered with a window: a question which one, or the one that was named."""
        verb, _, rest = text.strip().partition(" ")
        verb, rest = verb.lower(), rest.strip()
        if verb in CHOICES and not rest:
            connections = [] if verb == "connect" else await self._desk.connections()
            return choose_window(verb, connections, self._desk.platforms(), self._words)
        if verb == "routes" and (platform := self._platform(rest)) is not None:
            return route_form(await self._desk.route(platform), self._words)
        found = await self._named(rest) if verb in {"remove", "routes"} else None
        if found is None:
            return None
        if verb == "remove":
            return ask_window(found, self._words)
        return route_form(await self._desk.route("", found.connection.id), self._words)

    def _platform(self, asked: str) -> str | None:
        wanted = asked.lower().replace("-", "_").replace(" ", "_")
        found = self._desk.platforms().items()
        return next((k for k, name in found if wanted in {k, name.lower().replace(" ", "_")}), None)

    async def _named(self, asked: str) -> ConnectionFacts | None:
        """By its id, or by the account's id or name where only one has it."""
        connections = await self._desk.connections()
        exact = [c for c in connections if c.connection.id == asked]
        if exact:
            return exact[0]
        same = [c for c in connections if asked.casefold() in _names(c)]
        return same[0] if len(same) == 1 else None

    async def _unknown(self, asked: str, _who: str = "") -> list[str]:
        connections = in_order(await self._desk.connections())
        if asked:
            first = self._words.say("There is no connection {id}. These there are:", id=plain(asked, 60))
        else:
            first = self._words.say("Which connection? These there are:")
        return [first, *list_connections(connections, self._words)]


def _names(facts: ConnectionFacts) -> set[str]:
    account = facts.connection.account
    return {account.id.casefold(), account.name.casefold()} - {""}
