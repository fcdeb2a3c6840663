"""Messages, modals and Home tabs as HTML for the page."""

import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from sandbox.slack.dates import told
from sandbox.slack.model import Channel, Json, Message, moment
from sandbox.slack.mrkdwn import mrkdwn_html, plain_html
from sandbox.slack.person import SLACKBOT
from sandbox.slack.state import BOT_USER, WorkspaceState
from sandbox.slack.values import options

HERE = Path(__file__).parent
NAMED_COLORS = {"good": "#2eb67d", "warning": "#ecb22e", "danger": "#e01e5a"}


class Renderer:
    def __init__(self, state: WorkspaceState) -> None:
        self.state = state
        self.french = False  # whoever looks; a page is drawn in one go
        self.templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters |= {"mrkdwn": self.mrkdwn, "said": self.said, "hue": hue}
        self.templates.globals |= {
            "state": state,
            "options": options,
            "author": self.author,
            "clock": self.clock,
            "day": self.day,
            "run": self.run,
            "cell": self.cell,
            "color": color,
        }

    def html(self, template: str, **values: Any) -> str:
        return self.templates.get_template(template).render(**values)

    # Words

    def mrkdwn(self, text: str, *, verbatim: bool = False) -> Markup:
        return mrkdwn_html(text, self.state, verbatim=verbatim, now=self.state.now(), french=self.french)

    def said(self, thing: Json | None) -> Markup:
        """A text object, plain_text or mrkdwn."""
        if not thing:
            return Markup()
        if thing["type"] == "mrkdwn":
            return self.mrkdwn(thing["text"], verbatim=bool(thing.get("verbatim")))
        return plain_html(thing["text"])

    def run(self, piece: Json) -> Markup:
        """One inline piece of rich text."""
        shown = self._piece(piece)
        for name, tag in (("bold", "strong"), ("italic", "em"), ("strike", "s"), ("code", "code")):
            if piece.get("style", {}).get(name):
                shown = Markup(f"<{tag}>{{}}</{tag}>").format(shown)  # noqa: S704 - our own tag
        return shown

    def _piece(self, piece: Json) -> Markup:
        kind = piece["type"]
        if kind == "link":
            link = Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>')
            return link.format(piece["url"], piece.get("text") or piece["url"])
        if kind == "date":
            return self.mrkdwn(f"<!date^{piece['timestamp']}^{piece['format']}|{piece.get('fallback', '')}>")
        if kind in {"user", "channel", "usergroup", "broadcast"}:
            sign = {"user": "@", "channel": "#", "usergroup": "!subteam^", "broadcast": "!"}[kind]
            target = piece.get("range") or piece[f"{kind}_id"]
            return self.mrkdwn(f"<{sign}{target}>")
        if kind == "emoji":
            return plain_html(f":{piece['name']}:")
        return Markup("{}").format(piece.get("text", piece.get("value", "")))

    def cell(self, cell: Json) -> Markup:
        if cell["type"] != "rich_text":
            return Markup("{}").format(cell.get("text", cell.get("value", "")))
        return Markup().join(self.run(p) for part in cell["elements"] for p in part.get("elements", []))

    # People and times

    def author(self, message: Message) -> Json:
        if message.user == SLACKBOT:
            return {"name": "Workspace", "id": SLACKBOT, "app": True, "initials": "W"}
        person = self.state.user(message.user)
        initials = "".join(word[0] for word in person.real_name.split())[:2]
        return {"name": person.real_name, "id": person.id, "app": person.id == BOT_USER, "initials": initials}

    def clock(self, ts: str) -> str:
        return told(moment(ts), "{time}", None, self.state.now(), french=self.french)

    def day(self, ts: str) -> str:
        name = told(moment(ts), "{date_long_pretty}", None, self.state.now(), french=self.french)
        return name[:1].upper() + name[1:]

    # Pieces of the page

    def message(self, message: Message, *, reply: bool = False) -> Markup:
        body = self.html("message.html", m=message, reply=reply, render=self.message)
        mark = hashlib.sha256(body.encode()).hexdigest()[:12]
        return Markup(body.replace('data-rev=""', f'data-rev="{mark}"', 1))  # noqa: S704 - from our template

    def channel(self, channel: Channel, user: str) -> str:
        """All that `user` sees in a channel, the private messages to them included."""
        whispers = [m for m in self.state.ephemerals if m.channel == channel.id and m.ephemeral_for == user]
        orphans = [m for m in channel.messages.values() if m.thread_ts and m.thread_ts not in channel.messages]
        shown = sorted([*channel.top_level, *whispers, *orphans], key=lambda m: moment(m.ts))
        broadcast = [m for m in channel.messages.values() if m.broadcast]
        return self.html("messages.html", channel=channel, messages=shown, broadcast=broadcast, render=self.message)


def color(attachment: Json) -> str:
    given = str(attachment.get("color", "#c9ccd1"))
    return NAMED_COLORS.get(given) or "#" + given.removeprefix("#")


def hue(user: str) -> int:
    """A steady colour number for someone's avatar."""
    return int(hashlib.sha256(user.encode()).hexdigest()[:4], 16) % 6
