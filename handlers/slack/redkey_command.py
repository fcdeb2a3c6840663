"""/redkey: lists, a link to connect a login, a check, pause and resume. Every answer is private."""

from collections.abc import Awaitable, Callable

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.connection import Json
from bot.facts import ConnectionFacts
from bot.people import Desk
from handlers.slack.connection_lists import in_order, list_checks, list_connections, list_outages, list_routes, title_of
from handlers.slack.markup import link, plain
from handlers.slack.private_answers import private
from handlers.slack.remove_window import ask_first
from handlers.words import Words

COMMAND = "/redkey"
Answer = Callable[[str, str], Awaitable[list[str]]]


def register(app: AsyncApp, desk: Desk, words: Words) -> None:
    counter = Counter(desk, words)

    @app.command(COMMAND)
    async def on_command(ack: AsyncAck, command: Json, respond: AsyncRespond, client: AsyncWebClient) -> None:
        await ack()
        if (chosen := await counter.to_remove(str(command.get("text") or ""))) is not None:
            await ask_first(client, str(command["trigger_id"]), chosen, words)
            return
        lines = await counter.answer(str(command.get("text") or ""), str(command["user_id"]))
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
            "routes": self._routes,
            "remove": self._remove,
        }
        return await answers.get(verb.lower(), self._help)(rest.strip(), who)

    async def _help(self, _rest: str, _who: str) -> list[str]:
        words = self._words
        known = [
            ("connections", words.say("what is connected, and how it is")),
            ("outages", words.say("what is down now")),
            ("connect PLATFORM", words.say("a link that connects a new login")),
            ("check [ID]", words.say("probe one connection, or all, now")),
            ("pause ID", words.say("switch a connection off; everything is kept")),
            ("resume ID", words.say("switch it on again")),
            ("remove ID", words.say("take a connection out for good; asks first")),
            ("routes", words.say("which channel hears of which connection")),
        ]
        return [words.say("What I can do for you:"), *(f"• `{COMMAND} {verb}` {what}" for verb, what in known)]

    async def _connections(self, _rest: str, _who: str) -> list[str]:
        return list_connections(await self._desk.connections(), self._words)

    async def _outages(self, _rest: str, _who: str) -> list[str]:
        return list_outages(await self._desk.outages(open_only=True), self._words)

    async def _routes(self, _rest: str, _who: str) -> list[str]:
        return list_routes(await self._desk.connections(), self._words)

    async def _connect(self, rest: str, who: str) -> list[str]:
        platforms = self._desk.platforms()
        wanted = rest.lower().replace("-", "_").replace(" ", "_")
        key = next((k for k, name in platforms.items() if wanted in {k, name.lower().replace(" ", "_")}), None)
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
        paused = await self._desk.pause(found.connection.id, who)
        again = f"{COMMAND} resume {plain(paused.connection.id, 60)}"
        return [
            self._words.say("{connection} is paused.", connection=title_of(paused)),
            self._words.say("To resume: {command}", command=again),
        ]

    async def _resume(self, rest: str, who: str) -> list[str]:
        found = await self._named(rest)
        if found is None:
            return await self._unknown(rest)
        resumed = await self._desk.resume(found.connection.id, who)
        status = self._words.status(resumed.connection.status)
        return [
            self._words.say("{connection} is on again: {status}.", connection=title_of(resumed), status=status),
        ]

    async def to_remove(self, text: str) -> ConnectionFacts | None:
        """The connection that `remove ID` names, if it is one."""
        verb, _, rest = text.strip().partition(" ")
        return await self._named(rest.strip()) if verb.lower() == "remove" and rest.strip() else None

    async def _remove(self, rest: str, _who: str) -> list[str]:
        return await self._unknown(rest)

    async def _named(self, asked: str) -> ConnectionFacts | None:
        """By its id, or by the account's id or name where only one has it."""
        connections = await self._desk.connections()
        exact = [c for c in connections if c.connection.id == asked]
        if exact:
            return exact[0]
        same = [c for c in connections if asked.casefold() in _names(c)]
        return same[0] if len(same) == 1 else None

    async def _unknown(self, asked: str) -> list[str]:
        connections = in_order(await self._desk.connections())
        if asked:
            first = self._words.say("There is no connection {id}. These there are:", id=plain(asked, 60))
        else:
            first = self._words.say("Which connection? These there are:")
        return [first, *list_connections(connections, self._words)]


def _names(facts: ConnectionFacts) -> set[str]:
    account = facts.connection.account
    return {account.id.casefold(), account.name.casefold()} - {""}
