"""The page people click: the workspace as a person sees it, and the addresses behind its buttons."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sandbox.levers import Lever
from sandbox.slack.model import Answer, Channel, Json, Message, View
from sandbox.slack.render import Renderer
from sandbox.slack.state import BOT_USER

if TYPE_CHECKING:
    from sandbox.slack.workspace import SlackWorkspace

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'"
)
HEADERS = {
    "content-security-policy": POLICY + "; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
PATIENCE = 5.0


class Page:
    def __init__(self, workspace: "SlackWorkspace") -> None:
        self.workspace = workspace
        self.state = workspace.state
        self.renderer = Renderer(self.state)

    # What is seen

    async def whole(self, request: Request) -> Response:
        user, channel, home = self._place(request)
        if home:
            await self.workspace.open_home(user, patience=0.3 if user in self.state.homes else 1.0)
        pieces = self._pieces(user, channel, home=home)
        root = request.scope.get("root_path", "") + "/"
        html = self.renderer.html("page.html", root=root, user=user, channel=channel, home=home, **pieces)
        return HTMLResponse(html, headers=HEADERS)

    async def pieces(self, request: Request) -> Response:
        user, channel, home = self._place(request)
        return JSONResponse(self._pieces(user, channel, home=home), headers=HEADERS)

    def _place(self, request: Request) -> tuple[str, Channel, bool]:
        asked = request.query_params
        user = asked.get("user", "")
        channel = self.state.channels.get(asked.get("channel", "")) or next(iter(self.state.channels.values()))
        return user if user in self.state.users else next(iter(self.state.users)), channel, asked.get("view") == "home"

    def _pieces(self, user: str, channel: Channel, *, home: bool) -> Json:
        name = "Messages from Redkey" if channel.im_user else f"#{channel.name}"
        draw = self.renderer.html
        self.renderer.french = self.state.user(user).locale.startswith("fr")
        modal = self.workspace.modal(user)
        main = draw("home.html", view=self.state.homes.get(user)) if home else self.renderer.channel(channel, user)
        return {
            "version": self.state.version,
            "title": "Redkey" if home else name,
            "topic": self._topic(channel, home=home),
            "placeholder": f"Message {name}",
            "side": draw("side.html", user=user, channel=channel, home=home),
            "main": main,
            "modal": draw("modal.html", view=modal),
            "levers": draw("levers.html", groups=self._groups()),
        }

    def _topic(self, channel: Channel, *, home: bool) -> str:
        if self.workspace.mishaps.down_with:
            return "Slack is down: the bot cannot reach it"
        sockets = len(self.workspace.sockets.sockets)
        listening = "The bot is connected" if sockets or self.workspace.http.url else "The bot is not connected"
        return listening + (" · archived" if channel.is_archived and not home else "")

    def _groups(self) -> dict[str, list[Lever]]:
        groups: dict[str, list[Lever]] = {}
        for lever in self.workspace.all_levers():
            groups.setdefault(lever.group or "More", []).append(lever)
        return groups

    async def changes(self, request: Request) -> Response:
        """Answers when the workspace is newer than `since`, or after a few seconds."""
        since = int(request.query_params.get("since", "0") or 0)
        if not self.workspace.closing:
            await self.state.next_change(since, PATIENCE)
        return JSONResponse({"version": self.state.version}, headers=HEADERS)

    async def told(self, request: Request) -> Response:
        """The messages of a channel as JSON, for scripts that play a person."""
        user, channel, _ = self._place(request)
        whispers = [m for m in self.state.ephemerals if m.ephemeral_for == user and m.channel == channel.id]
        listed = [message_json(m) for m in [*channel.messages.values(), *whispers]]
        return JSONResponse({"version": self.state.version, "messages": listed}, headers=HEADERS)

    async def archive_link(self, request: Request) -> Response:
        place, stamp = request.path_params["channel"], request.path_params["stamp"].removeprefix("p")
        root = request.scope.get("root_path", "")
        return RedirectResponse(f"{root}/?channel={place}#m-{stamp[:-6]}.{stamp[-6:]}", 303)

    # What is done

    async def click(self, asked: Json) -> Json:
        if asked.get("ts"):
            channel, ts, block = asked["channel"], asked["ts"], asked.get("block_id")
            user, value = asked["user"], asked.get("value") or None
            return answer_json(await self.workspace.click(channel, ts, asked["action_id"], user, value, block))
        given = asked.get("values") or {}
        value, view = asked.get("value"), asked.get("view_id") or None
        return answer_json(await self.workspace.click_view(asked["action_id"], asked["user"], value, view, given))

    async def say(self, asked: Json) -> Json:
        text, user, channel = str(asked["text"]).strip(), asked["user"], asked["channel"]
        if text.startswith("/"):
            name, _, rest = text.partition(" ")
            return answer_json(await self.workspace.command(name, rest.strip(), user, channel))
        if text:
            await self.workspace.say(channel, text, user, asked.get("thread_ts"))
        return {"acked": True}

    async def submit(self, asked: Json) -> Json:
        view = asked.get("view_id") or None
        return answer_json(await self.workspace.submit_view(asked.get("values") or {}, asked["user"], view))

    async def dismiss(self, asked: Json) -> Json:
        await self.workspace.close_view(asked["user"], asked.get("view_id") or None)
        return {"acked": True}

    async def home(self, asked: Json) -> Json:
        view = await self.workspace.open_home(asked["user"])
        return {"acked": view is not None, "view": view_json(view)}

    async def pull(self, asked: Json) -> Json:
        for lever in self.workspace.all_levers():
            if lever.key == asked["key"]:
                said = await lever.pull()
                self.state.changed()
                return {"said": said}
        raise LookupError(f"no lever {asked['key']!r}")


def message_json(message: Message) -> Json:
    return {
        "ts": message.ts,
        "channel": message.channel,
        "user": message.user,
        "from_bot": message.user == BOT_USER,
        "text": message.text,
        "words": message.words,
        "color": message.color,
        "thread_ts": message.thread_ts,
        "ephemeral_for": message.ephemeral_for,
        "elements": message.elements,
        "metadata": message.metadata,
        "revisions": len(message.history),
    }


def view_json(view: View | None) -> Json | None:
    return {"id": view.id, "words": view.words, "elements": view.elements} if view else None


def answer_json(answer: Answer) -> Json:
    return {
        "acked": answer.acked,
        "seconds": round(answer.seconds, 4),
        "url": answer.url,
        "reason": answer.reason,
        "errors": answer.errors,
        "messages": [message_json(m) for m in answer.messages],
        "view": view_json(answer.view),
    }


def doing(deed: Any) -> Any:
    """A POST address for one deed; its arguments come as a form or as JSON."""

    async def endpoint(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return JSONResponse({"error": "only this page may do that"}, 403, HEADERS)
        try:
            asked = await _asked(request)
            return JSONResponse(await deed(asked), headers=HEADERS)
        except KeyError as missing:
            return JSONResponse({"error": f"missing: {missing.args[0]}"}, 400, HEADERS)
        except LookupError as unknown:
            return JSONResponse({"error": str(unknown)}, 404, HEADERS)

    return endpoint


async def _asked(request: Request) -> Json:
    if not request.headers.get("content-type", "").startswith("application/json"):
        return dict(await request.form())
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise KeyError("a JSON object")
    return body


def make_page(workspace: "SlackWorkspace") -> Starlette:
    page = Page(workspace)
    deeds = {"click": page.click, "say": page.say, "submit": page.submit, "dismiss": page.dismiss, "home": page.home}
    deeds["levers"] = page.pull
    return Starlette(
        routes=[
            Route("/", page.whole),
            Route("/archives/{channel}/{stamp}", page.archive_link),
            Route("/files/{file}", workspace.files.show),
            Route("/ui/view", page.pieces),
            Route("/ui/changes", page.changes),
            Route("/ui/state", page.told),
            *[Route(f"/ui/{name}", doing(deed), methods=["POST"]) for name, deed in deeds.items()],
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ]
    )
