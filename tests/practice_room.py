"""A practice workspace with our own Slack side in it, listening over a real socket, and a desk in memory behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from practice_desk import PracticeDesk
from practice_slack import practice
from sample_facts import NOW, google

from bot.words.facts import OutageFacts
from handlers.slack.workspace import Workspace
from sandbox.slack import SlackWorkspace


@dataclass
class Room:
    """Everything a test needs: Slack, our place in it, and the desk behind."""

    slack: SlackWorkspace
    ours: Workspace
    desk: PracticeDesk

    async def alert(self, facts: OutageFacts | None = None) -> str:
        _, ts = await self.ours.voice.post(self.ours.composer.outage(facts or google()))
        return ts


def place_in(slack: SlackWorkspace, **settings: object) -> Workspace:
    given = {
        "bot_token": slack.bot_token,
        "app_token": slack.app_token,
        "api_url": slack.state.base_url + "/api/",
        "timeout": 5,
        "now": lambda: NOW,
        **settings,
    }
    return Workspace(**given)


@asynccontextmanager
async def opened(**settings: object) -> AsyncIterator[Room]:
    async with practice() as slack:
        slack.rates.on = False
        ours, desk = place_in(slack, **settings), PracticeDesk()
        ours.serve(desk)
        await ours.start()
        await slack.wait_for(lambda: slack.sockets.sockets)
        try:
            yield Room(slack, ours, desk)
        finally:
            await ours.stop()
