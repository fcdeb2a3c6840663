"""One Slack app in several workspaces: what Slack sends says for which, and goes to that one's place."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncBoltRequest

from bot.words.errors import TryLater

log = structlog.get_logger()


class Place(Protocol):
    """Where a workspace beside home takes what Slack sends."""

    async def take(self, request: AsyncBoltRequest) -> BoltResponse: ...


class Others(Protocol):
    """The workspaces beside home."""

    def place(self, team: str) -> Place | None:
        """None for one that is not in service here (yet)."""

    def known(self, team: str) -> bool:
        """Whether it belongs to us, in service or not."""


LATER = BoltResponse(status=503)  # Slack repeats events, and shows whoever clicked that it was not taken
Redirect = Callable[[AsyncBoltRequest], Awaitable[BoltResponse | None]]


def to_others(others: Others, own_team: Callable[[], Awaitable[str]]) -> Redirect:
    """What answers a request that is not home's; None for what is."""

    async def answer(request: AsyncBoltRequest) -> BoltResponse | None:
        team = request.context.team_id
        if not team:
            return None  # Slack's handshakes name none
        place = others.place(team)
        if place is not None:
            return await place.take(request)
        if others.known(team):
            return LATER
        try:
            if team == await own_team():
                return None
        except TryLater:
            return LATER
        log.warning("Slack tells of a workspace where the app is not installed", team=team)
        return BoltResponse(status=200, body="")

    return answer


def again(request: AsyncBoltRequest) -> AsyncBoltRequest:
    """The same request, of which another Bolt app knows nothing yet."""
    body = request.raw_body if request.mode == "http" else request.body
    return AsyncBoltRequest(body=body, headers=request.headers, mode=request.mode)
