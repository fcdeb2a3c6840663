"""Removing a connection: a window asks first, and tells afterwards what became of the login."""

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.people.people import Desk, LoginEnd, NotFound, Removed
from bot.words.connection import Json
from bot.words.facts import ConnectionFacts
from handlers.slack.listeners.home_tab import HomeTab
from handlers.slack.listeners.windows import answer_in_time, remembered, told, window
from handlers.slack.looks.blocks import sections
from handlers.slack.looks.connection_lists import title_of
from handlers.slack.looks.markup import plain
from handlers.words import Words

REMOVE = "remove"


def register(app: AsyncApp, desk: Desk, words: Words, tab: HomeTab) -> None:
    @app.view(REMOVE)
    async def on_yes(ack: AsyncAck, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
        about, who = remembered(view), str(context.user_id)

        async def remove() -> Json:
            try:
                lines = ended(await desk.remove(about.get("connection", ""), who), words)
            except NotFound:
                lines = [words.say("This connection is not there any more.")]
            return told(words.say("Remove"), lines, words)

        await answer_in_time(ack, client, view, words.say("Remove"), words, remove())
        await tab.again(client, who, about.get("home", ""))


def ask_window(facts: ConnectionFacts, words: Words, home: str = "") -> Json:
    lines = [
        words.say("Remove {connection}?", connection=f"*{title_of(facts, words)}*"),
        words.say("Nothing is checked, moved or reported for it any more, and an open alert about it ends."),
        words.say("Its login is revoked at {platform}, unless other connections use it.", platform=facts.platform_name),
        words.say("Its history stays. Connecting the account again brings it back."),
    ]
    about = {"connection": facts.connection.id, "home": home}
    return window(words.say("Remove"), sections(lines), words, then=REMOVE, submit=words.say("Remove"), **about)


def ended(gone: Removed, words: Words) -> list[str]:
    platform = plain(gone.facts.platform_name)
    ends = {
        LoginEnd.REVOKED: words.say("Its login is revoked at {platform}.", platform=platform),
        LoginEnd.SHARED: words.say("Its login stays, because other connections use it."),
        LoginEnd.FORGOTTEN: words.say(
            "Its login is forgotten here. {platform} takes none back: whoever gave it can end it there.",
            platform=platform,
        ),
        LoginEnd.DEAD: words.say("Its login had stopped working, and is forgotten."),
    }
    return [words.say("{connection} is removed.", connection=title_of(gone.facts, words)), ends[gone.login]]
