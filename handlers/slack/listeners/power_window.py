"""Pause and resume in a window: it asks before it pauses, and says what became of it."""

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.people.people import Desk
from bot.words.connection import Json
from bot.words.facts import ConnectionFacts
from handlers.slack.listeners.home_tab import HomeTab
from handlers.slack.listeners.windows import answer_in_time, remembered, told, window
from handlers.slack.looks.blocks import sections
from handlers.slack.looks.connection_lists import title_of
from handlers.slack.looks.markup import plain
from handlers.words import Words

POWER = "power"


def register(app: AsyncApp, desk: Desk, words: Words, tab: HomeTab) -> None:
    @app.view(POWER)
    async def on_yes(ack: AsyncAck, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
        about, who = remembered(view), str(context.user_id)

        async def pause() -> Json:
            return paused(await desk.pause(about.get("connection", ""), who), words)

        await answer_in_time(ack, client, view, words.say("Pause"), words, pause())
        await tab.again(client, who, about.get("home", ""))


def pause_window(facts: ConnectionFacts, words: Words, home: str = "") -> Json:
    lines = [
        words.say("Pause {connection}?", connection=f"*{title_of(facts, words)}*"),
        words.say("It is no longer checked, nothing is moved and nothing is reported, until someone resumes it."),
    ]
    about = {"connection": facts.connection.id, "home": home}
    return window(words.say("Pause"), sections(lines), words, then=POWER, submit=words.say("Pause"), **about)


def paused_lines(facts: ConnectionFacts, words: Words) -> list[str]:
    again = f"/redkey resume {plain(facts.connection.id, 60)}"
    return [
        words.say("{connection} is paused.", connection=title_of(facts, words)),
        words.say("To resume: {command}", command=again),
    ]


def resumed_lines(facts: ConnectionFacts, words: Words) -> list[str]:
    status = words.status(facts.connection.status)
    return [words.say("{connection} is on again: {status}.", connection=title_of(facts, words), status=status)]


def paused(facts: ConnectionFacts, words: Words) -> Json:
    return told(words.say("Pause"), paused_lines(facts, words), words)


def resumed(facts: ConnectionFacts, words: Words) -> Json:
    return told(words.say("Resume"), resumed_lines(facts, words), words)
