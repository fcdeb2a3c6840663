"""The Home tab: opened, searched, filtered, paged; and what people do with a connection from there."""

from collections.abc import Awaitable, Callable

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.people.people import Desk
from bot.words.connection import Json, Status
from handlers.slack.listeners.choose_window import choose_window
from handlers.slack.listeners.connect_window import nothing_to_connect
from handlers.slack.listeners.connection_window import connection_window
from handlers.slack.listeners.home_tab import HomeTab
from handlers.slack.listeners.members_only import is_member, our_team
from handlers.slack.listeners.power_window import pause_window
from handlers.slack.listeners.remove_window import ask_window
from handlers.slack.listeners.route_window import route_form
from handlers.slack.looks.details_view import details_view
from handlers.slack.looks.home_view import BACK, CONNECT, DETAILS, FIND, MORE, ON, SHOW, place_in, place_of
from handlers.words import Words

Opened = Callable[[str, str], Awaitable[Json]]


def register(app: AsyncApp, desk: Desk, words: Words, tab: HomeTab) -> None:
    _looking(app, tab)
    _doing(app, desk, words, tab)


def _looking(app: AsyncApp, tab: HomeTab) -> None:
    @app.event("app_home_opened")
    async def on_open(event: Json, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """Slack gives the view that stands there: filter and search stay as they were left."""
        if event.get("tab") != "home":
            return
        member = await is_member(client, event["user"], our_team(context))
        if member:
            await tab.show(client, event["user"], _place(event))
        elif member is False:
            await tab.close_to(client, event["user"])

    @app.action(SHOW)
    async def on_filter(
        ack: AsyncAck, action: Json, body: Json, client: AsyncWebClient, context: AsyncBoltContext
    ) -> None:
        await ack()
        show = str((action.get("selected_option") or {}).get("value") or "")
        await tab.show(client, str(context.user_id), place_of(show, 0, place_in(_place(body))[2]))

    @app.action(FIND)
    async def on_search(
        ack: AsyncAck, action: Json, body: Json, client: AsyncWebClient, context: AsyncBoltContext
    ) -> None:
        await ack()
        find = str(action.get("value") or "").strip()
        await tab.show(client, str(context.user_id), place_of(place_in(_place(body))[0], 0, find))

    async def on_turn(ack: AsyncAck, action: Json, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        await ack()
        await tab.show(client, str(context.user_id), str(action.get("value") or ""))

    for turn in (BACK, ON):
        app.action(turn)(on_turn)


def _doing(app: AsyncApp, desk: Desk, words: Words, tab: HomeTab) -> None:
    windows = _windows(desk, words)

    async def open_window(deed: str, connection_id: str, body: Json, client: AsyncWebClient) -> None:
        view = await windows[deed](connection_id, _place(body))
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @app.action(MORE)
    async def on_menu(
        ack: AsyncAck, action: Json, body: Json, client: AsyncWebClient, context: AsyncBoltContext
    ) -> None:
        """One of the menu's entries is a link: it leads to the login by itself."""
        await ack()
        deed, _, connection_id = str(action["selected_option"]["value"]).partition(":")
        if deed == "renew":
            tab.follow(client, str(context.user_id), connection_id, _place(body))
        elif deed == "resume":
            await desk.resume(connection_id, str(context.user_id))
            await tab.show(client, str(context.user_id), _place(body))
        elif deed in windows:
            await open_window(deed, connection_id, body, client)

    @app.action(DETAILS)
    async def on_details(ack: AsyncAck, action: Json, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await open_window("details", str(action["value"]), body, client)

    @app.action(CONNECT)
    async def on_connect(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        await ack()
        view = choose_window("connect", [], desk.platforms(), words, _place(body)) or nothing_to_connect(words)
        await client.views_open(trigger_id=body["trigger_id"], view=view)


def _windows(desk: Desk, words: Words) -> dict[str, Opened]:
    async def details(connection_id: str, _place: str) -> Json:
        facts = await desk.connection(connection_id)
        about = facts.connection.outage_id
        lost = facts.connection.status is Status.AUTHORIZATION_REQUIRED
        outage = await desk.outage(about) if lost and about else None
        return details_view(outage, words) if outage else connection_window(facts, words)

    async def pause(connection_id: str, place: str) -> Json:
        return pause_window(await desk.connection(connection_id), words, place)

    async def remove(connection_id: str, place: str) -> Json:
        return ask_window(await desk.connection(connection_id), words, place)

    async def routes(connection_id: str, place: str) -> Json:
        return route_form(await desk.route("", connection_id), words, place)

    return {"details": details, "pause": pause, "remove": remove, "routes": routes}


def _place(told: Json) -> str:
    """Where on the tab someone is, from the view that came with the event or the click."""
    return str((told.get("view") or {}).get("private_metadata") or "") or place_of("", 0, "")
