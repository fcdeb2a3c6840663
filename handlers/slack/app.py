"""The Bolt app: every listener there is, one line each."""

from collections.abc import Awaitable, Callable

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp, AsyncBoltContext, AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.people.people import Desk
from bot.words.interfaces import Clock
from bot.work.courtesy import somebody_waits
from handlers.slack.line.names import Names
from handlers.slack.line.presence import SlackPresence
from handlers.slack.line.tenants import Redirect
from handlers.slack.listeners import (
    app_home,
    ask_window,
    choose_window,
    claim_button,
    connect_window,
    details_button,
    leaver_event,
    members_only,
    old_buttons,
    own_language,
    pause_button,
    power_window,
    reauthorize_button,
    redkey_command,
    remove_window,
    route_window,
    slack_errors,
    snooze_menu,
    workspace_events,
)
from handlers.slack.listeners.following import Following
from handlers.slack.listeners.home_tab import HomeTab
from handlers.slack.listeners.own_language import PersonalWords
from handlers.words import Words

Next = Callable[[], Awaitable[None]]


class _App(AsyncApp):
    """Over HTTP and over sockets, everything comes through here."""

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        with somebody_waits():
            return await super().async_dispatch(req)


def build_app(
    desk: Desk,
    words: Words,
    *,
    client: AsyncWebClient,
    names: Names,
    presence: SlackPresence,
    now: Clock,
    following: Following,
    on_tokens: Callable[[], None],
    signing_secret: str = "",
    to_others: Redirect | None = None,
) -> AsyncApp:
    """`signing_secret` is needed for requests over HTTP; sockets are not signed. `on_tokens`: look at our token now.

    `to_others`: answers what is for another workspace.
    """

    async def our_client(request: AsyncBoltRequest, context: AsyncBoltContext, next_: Next) -> BoltResponse | None:
        """Bolt copies the client for each request, and with it the token of that moment."""
        if to_others is not None and (answer := await to_others(request)) is not None:
            return answer
        context["client"] = client
        await next_()
        return None

    app = _App(
        name="redkey",  # else Bolt reads the source of all that called it: a megabyte and a tenth of a second of each start
        client=client,
        before_authorize=our_client,
        signing_secret=signing_secret or "sockets are not signed",
        request_verification_enabled=bool(signing_secret),
        raise_error_for_unhandled_request=True,
    )
    words = PersonalWords(words.language)
    own_language.register(app, client)
    slack_errors.register(app, words)
    members_only.register(app, words)
    tab = HomeTab(desk, words, now, following)
    reauthorize_button.register(app, tab)  # the first of all: Bolt asks them one after the other whose a click is
    claim_button.register(app, desk, words, names)
    snooze_menu.register(app, desk, words, now)
    details_button.register(app, desk, words)
    ask_window.register(app, desk, words, names)
    pause_button.register(app, desk, words)
    redkey_command.register(app, desk, words)
    choose_window.register(app, desk, words)
    connect_window.register(app, desk, words, tab)
    power_window.register(app, desk, words, tab)
    route_window.register(app, desk, words, tab)
    remove_window.register(app, desk, words, tab)
    app_home.register(app, desk, words, tab)
    workspace_events.register(app, on_tokens)
    leaver_event.register(app, desk, presence)
    old_buttons.register(app, words)
    return app
