"""Back from the platform: what became of the login, told on a clean page."""

from urllib.parse import parse_qsl

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from bot.people.people import Desk, Door, Ending, NotFound, Outcome
from bot.words.errors import TryLater
from handlers.web.rendering import Pages, tidy
from handlers.web.state_cookie import StateCookie

LONGEST_QUERY = 8192
LONGEST_VALUE = 4096
MOST_PARAMETERS = 30
STATUS = {Ending.WRONG_ACCOUNT: 409, Ending.UNKNOWN: 400, Ending.FAILED: 503}
LEADS_ON = {Ending.PARTLY, Ending.WRONG_ACCOUNT, Ending.DECLINED, Ending.FAILED}


def routes(desk: Desk, door: Door, pages: Pages, cookie: StateCookie) -> APIRouter:
    router = APIRouter()

    @router.get("/oauth/callback/{platform}")
    async def callback(request: Request, platform: str) -> Response:
        """GET alone: a HEAD must not use up a state."""
        if platform not in desk.platforms():
            raise NotFound("there is no such platform here")
        params = read_query(request.scope["query_string"])
        if params is None:
            return pages.problem("malformed", 400)
        state = params.get("state", "")
        outcome = await door.finish(platform, params, cookie.browser(request, state))
        response = _page(pages, outcome, missed=await _missed(door, outcome))
        cookie.forget(request, response, state)
        return response

    return router


def read_query(query: bytes) -> dict[str, str] | None:
    """The parameters, or None for what no platform sends: too much, no text, or one name twice (RFC 6749 §3.1)."""
    if len(query) > LONGEST_QUERY:
        return None
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        return None
    params = dict(pairs)
    if len(params) < len(pairs) or any(len(value) > LONGEST_VALUE for value in params.values()):
        return None
    # Line breaks are usual in Microsoft's error_description; control characters are never part of what counts.
    return {name: tidy(value, LONGEST_VALUE) for name, value in params.items()}


async def _missed(door: Door, outcome: Outcome) -> bool:
    """Whether there was an outage to catch up, or a healthy connection was only renewed."""
    if outcome.ending is not Ending.RESTORED or not outcome.ref:
        return False
    try:
        page = await door.start_page(outcome.ref)
    except TryLater:
        return False  # the login is in all the same
    return page is not None and bool(page.outage or page.closed)


def _page(pages: Pages, outcome: Outcome, *, missed: bool) -> Response:
    if outcome.ending is Ending.CHOOSE and outcome.connect is not None:
        return pages.render("choose.html", page=outcome.connect, none_chosen=False)
    if outcome.ending is Ending.UNKNOWN:
        return pages.keep("result.html", STATUS[outcome.ending], outcome=outcome, missed=False)
    again = outcome.platform if outcome.ref and outcome.ending in LEADS_ON else ""
    return pages.render("result.html", STATUS.get(outcome.ending, 200), leads_to=again, outcome=outcome, missed=missed)
