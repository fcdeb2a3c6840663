"""A small Slack workspace to practise in: what the app talks to, what people click, and what tests ask."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute

from sandbox.levers import Lever
from sandbox.slack import chat_methods, read_methods, view_methods
from sandbox.slack.answers import take_response
from sandbox.slack.delivery import Delivery
from sandbox.slack.file_methods import Files
from sandbox.slack.installs import Installs
from sandbox.slack.mischief import slack_levers
from sandbox.slack.mishaps import Mishap, Mishaps
from sandbox.slack.model import Answer, Call, Channel, Json, Message, View
from sandbox.slack.openid import OpenId
from sandbox.slack.page import make_page
from sandbox.slack.person import Person
from sandbox.slack.rates import Rates
from sandbox.slack.request_url import RequestUrl
from sandbox.slack.rotation import Rotation
from sandbox.slack.socket_mode import SocketMode
from sandbox.slack.state import WorkspaceState
from sandbox.slack.web_api import Method, WebApi
from sandbox.slack.wire import user_body

Found = TypeVar("Found")
ANNA = "U0ANNA000"
MARKETING = "C0REDKEY00"


class SlackWorkspace:
    """Mount `app` anywhere (the Web API is under its /api/) and `page` where people look.

    `now` dates messages. Rates, acknowledgements, trigger ids and response_urls go by the real clock.
    """

    def __init__(
        self,
        now: Callable[[], datetime] | None = None,
        levers: list[Lever] | None = None,
        team: Json | None = None,
        number: int = 0,
    ) -> None:
        self.state = WorkspaceState(now, team, number)
        self.installed = number == 0
        self.levers: list[Lever] = list(levers or [])
        self.rates = Rates()
        self.mishaps = Mishaps()
        self.sockets = SocketMode(self.state)
        self.http = RequestUrl(self.state)
        self.delivery = Delivery(self.state, self.sockets, self.http)
        self.person = Person(self.state, self.delivery)
        self.files = Files(self.state, self.mishaps)
        self.installs = Installs(self)
        self.openid = OpenId(self.state, lambda: [each.state for each in self.installs.others.values()])
        self.rotation = Rotation(self.state, self.openid)
        methods = {
            **chat_methods.METHODS,
            **read_methods.METHODS,
            **view_methods.METHODS,
            **self.files.methods,
            "apps.connections.open": Method(self.sockets.open_connection, token="app"),
            "oauth.v2.access": Method(self.installs.access, token="none"),
            "auth.revoke": Method(self.installs.revoke),
        }
        self.web_api = WebApi(self.state, methods, self.rates, self.mishaps)
        self.app = Starlette(
            routes=[
                *self.openid.routes,
                *self.installs.routes,
                Route("/api/{method}", self._answer, methods=["GET", "POST"]),
                Route("/upload/v1/{file}", self.files.take, methods=["POST"]),
                Route("/response/{ticket}", self._take_response, methods=["POST"]),
                WebSocketRoute("/link", self.sockets.serve),
            ]
        )
        self.closing = False
        self.page = make_page(self)

    def beside(self, team: str, name: str) -> "SlackWorkspace":
        """Another workspace of the same Slack; our app is not installed there yet. Its payloads come our app's one way."""
        number = len(self.installs.others) + 1
        other = SlackWorkspace(self.state.now, team={"id": team, "domain": name.lower(), "name": name}, number=number)
        other.state.bot_token = f"not-installed-{team}"
        other.installs, other.openid, other.rates.on = self.installs, self.openid, self.rates.on
        other.rotation = Rotation(other.state, self.openid)
        other.delivery = Delivery(other.state, self.sockets, self.http)
        other.person = Person(other.state, other.delivery)
        other.live_at(f"{self.state.base_url}/of/{team}", self.state.page_url)
        self.installs.others[team] = other
        self.app.routes.append(Mount(f"/of/{team}", other.app))
        return other

    def uninstall(self) -> None:
        """Somebody takes the app out of this workspace."""
        self.state.token_error = "account_inactive"
        self.delivery.announce({"type": "app_uninstalled"})
        self.delivery.announce({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [self.state.bot.id]}})
        self.state.changed()

    async def _answer(self, request: Request) -> Response:
        """Which workspace is meant says the token."""
        _, _, token = request.headers.get("authorization", "").partition(" ")
        return await self.installs.of_token(token).web_api.answer(request)

    async def _take_response(self, request: Request) -> Response:
        return await take_response(self.state, request)

    def all_levers(self) -> list[Lever]:
        """What the page offers to break: the levers it was given, then Slack's own."""
        return [*self.levers, *slack_levers(self)]

    # Credentials and addresses

    @property
    def bot_token(self) -> str:
        return self.state.bot_token

    @property
    def app_token(self) -> str:
        return self.state.app_token

    @property
    def signing_secret(self) -> str:
        return self.state.signing_secret

    def live_at(self, base_url: str, page_url: str) -> None:
        """Say where `app` and `page` are reachable; needed before anything is clicked."""
        self.state.base_url, self.state.page_url = base_url.rstrip("/"), page_url

    def use_request_url(self, url: str | None) -> None:
        """Send interactions, commands and events there, signed, instead of over sockets (None: sockets again)."""
        self.http.url = url

    async def verify_request_url(self) -> bool:
        return await self.http.verify()

    # What there is

    @property
    def version(self) -> int:
        return self.state.version

    @property
    def calls(self) -> list[Call]:
        return self.state.calls

    @property
    def ephemerals(self) -> list[Message]:
        return self.state.ephemerals

    def calls_of(self, method: str) -> list[Call]:
        return [c for c in self.state.calls if c.method == method]

    def channel(self, channel: str = MARKETING) -> Channel:
        return self.state.channel(channel)

    def messages(self, channel: str = MARKETING) -> list[Message]:
        """The channel's messages, oldest first, replies left out."""
        return self.state.channel(channel).top_level

    def thread(self, channel: str, ts: str) -> list[Message]:
        """The replies to one message, oldest first."""
        return [m for m in self.state.channel(channel).messages.values() if m.thread_ts == ts and m.ts != ts]

    def direct_messages(self, user: str) -> list[Message]:
        return self.state.dm(user).top_level

    def home(self, user: str = ANNA) -> View | None:
        return self.state.homes.get(user)

    def modal(self, user: str = ANNA) -> View | None:
        stack = self.state.modals.get(user)
        return stack[-1] if stack else None

    async def wait_for(self, predicate: Callable[[], Found | None], timeout: float = 5.0) -> Found:  # noqa: ASYNC109
        return await self.state.wait_for(predicate, timeout)

    # What people do

    async def click(
        self, channel: str, ts: str, action_id: str, user: str = ANNA, value: Any = None, block_id: str | None = None
    ) -> Answer:
        return await self.person.click(channel, ts, action_id, user, value, block_id)

    async def click_view(
        self, action_id: str, user: str = ANNA, value: Any = None, view_id: str | None = None, given: Json | None = None
    ) -> Answer:
        return await self.person.click_view(user, action_id, value, view_id, given)

    async def command(
        self, name: str, text: str = "", user: str = ANNA, channel: str = MARKETING, patience: float = 3.0
    ) -> Answer:
        return await self.person.command(name, text, user, channel, patience)

    async def submit_view(self, values: Json | None = None, user: str = ANNA, view_id: str | None = None) -> Answer:
        return await self.person.submit_view(user, values, view_id)

    async def close_view(self, user: str = ANNA, view_id: str | None = None) -> None:
        await self.person.close_view(user, view_id)

    async def open_home(self, user: str = ANNA, patience: float = 3.0) -> View | None:
        return await self.person.open_home(user, patience)

    async def say(self, channel: str, text: str, user: str = ANNA, thread_ts: str | None = None) -> Message:
        return await self.person.say(channel, text, user, thread_ts)

    # Bad days

    def fail(
        self,
        method: str,
        error: str = "internal_error",
        times: int | None = 1,
        *,
        retry_after: int = 1,
        status: int = 200,
        done: bool = False,
    ) -> None:
        """Refuse the next `times` calls of `method` ("*": of any; None: all, until `heal`). `done`: the work is done
        all the same. `status` other than 200 answers an HTML page with it.
        """
        self.mishaps.planned.append(Mishap(method, error, times, retry_after, status, done))

    def drop_after(self, method: str, times: int | None = 1) -> None:
        """Do the work, then break the connection without an answer."""
        self.mishaps.planned.append(Mishap(method, times=times, drop=True))

    def delay(self, method: str, seconds: float, times: int | None = 1) -> None:
        """Do the work at once, and answer so many seconds later."""
        self.mishaps.planned.append(Mishap(method, times=times, delay=seconds))

    def work_late(self, method: str, seconds: float, times: int | None = 1) -> None:
        """Take the request, and do its work only so many seconds later, or once Slack is healed; the asker may be gone."""
        self.mishaps.planned.append(Mishap(method, times=times, late=seconds))

    def heal(self) -> None:
        self.mishaps.clear()

    def down(self, status: int = 503) -> None:
        """Slack is away: every call is answered with `status`, and all sockets close."""
        self.mishaps.down_with = status
        self.sockets.cut()
        self.state.changed()

    def up(self) -> None:
        self.mishaps.down_with = None
        self.state.changed()

    def revoke_token(self, error: str = "token_revoked") -> None:
        """Every further call with the bot's token gets this error (or "account_inactive", "invalid_auth")."""
        self.delivery.announce({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [self.state.bot.id]}})
        self.state.token_error = error
        self.state.changed()

    def revoke_app_token(self, error: str = "invalid_auth") -> None:
        """The app-level token is dead too: no new socket can be opened, and those there are close."""
        self.state.app_token_error = error
        self.sockets.cut()
        self.state.changed()

    def restore_tokens(self) -> None:
        self.state.token_error = self.state.app_token_error = None
        self.state.changed()

    def archive(self, channel: str = MARKETING, user: str = ANNA) -> None:
        self._archived(channel, user, gone=True)

    def unarchive(self, channel: str = MARKETING, user: str = ANNA) -> None:
        self._archived(channel, user, gone=False)

    def _archived(self, channel: str, user: str, *, gone: bool) -> None:
        where = self.state.channel(channel)
        where.is_archived = gone
        self.state.changed()
        kind, what = "group" if where.is_private else "channel", "archive" if gone else "unarchive"
        self.delivery.announce({"type": f"{kind}_{what}", "channel": where.id, "user": user})

    def deactivate(self, user: str) -> None:
        """An administrator ends somebody's account."""
        self.state.users[user].deleted = True
        self._changed_profile(user)

    def change_profile(self, user: str, real_name: str) -> None:
        self.state.users[user].real_name = real_name
        self._changed_profile(user)

    def _changed_profile(self, user: str) -> None:
        """https://docs.slack.dev/reference/events/user_change: the whole person, however little has changed."""
        self.state.changed()
        body = user_body(self.state.users[user], with_locale=True, with_email=self.state.tells_email)
        self.delivery.announce({"type": "user_change", "user": body, "cache_ts": int(self.state.now().timestamp())})

    def delete_message(self, channel: str, ts: str) -> None:
        """A person with the right to do so deletes a message."""
        self.state.delete(self.state.message(channel, ts))

    def reload(self) -> None:
        """Everybody reloads Slack: what only one person saw is gone, as it is there."""
        self.state.ephemerals.clear()
        self.state.changed()

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        await self.sockets.disconnect(reason)

    async def close(self) -> None:
        """End sockets, retries and waiting pages, so that the server can stop at once."""
        for each in self.installs.everywhere():
            each.delivery.stop()
        self.sockets.cut()
        self.closing = True
        self.state.changed()
