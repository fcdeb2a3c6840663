"""Connecting an account from a window: the platform is chosen, then a login is given on our own page."""

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.connection import Json
from bot.people import Desk
from handlers.slack.blocks import actions, sections, words_only
from handlers.slack.markup import plain
from handlers.slack.windows import window
from handlers.words import Words

OPEN = "connect_open"  # a link; its click must be acknowledged all the same


async def connect_form(desk: Desk, platform: str, who: str, words: Words) -> Json:
    name = desk.platforms().get(platform, platform)
    url = await desk.connect_link(platform, who)
    lines = [
        words.say("Log in at {platform} as whoever can see the accounts.", platform=f"*{plain(name)}*"),
        words.say("Afterwards you choose which accounts are watched."),
        words.say("The link is for you: it can be used once, and it expires."),
    ]
    button = {
        "type": "button",
        "action_id": OPEN,
        "style": "primary",
        "url": url,
        "text": words_only(words.say("Connect {platform}", platform=name)),
    }
    return window(words.say("Connect an account"), [*sections(lines), actions([button])], words)


def nothing_to_connect(words: Words) -> Json:
    nothing = words.say("No platform is switched on yet. Whoever runs Redkey can change that.")
    return window(words.say("Connect an account"), sections([nothing]), words)


def register(app: AsyncApp) -> None:
    @app.action(OPEN)
    async def on_link(ack: AsyncAck) -> None:
        await ack()
