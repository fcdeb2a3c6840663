"""Slack's message markup as safe HTML: https://docs.slack.dev/messaging/formatting-message-text

Everything that comes in is hostile: text is escaped first, and only what is recognised here becomes a tag.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from html import escape

from markupsafe import Markup

from sandbox.slack.dates import told
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import WorkspaceState

MARK = re.compile(r"[\ue000-\uf8ff]")
TOKEN = re.compile(r"```(?P<fence>.+?)```|`(?P<code>[^`\n]+)`|<(?P<control>[^<>\n]+)>", re.DOTALL)
KEPT = re.compile("\ue000(\\d+)\ue001")
BARE = re.compile(
    r"(?<![\w@./:-])(?:https?://[^\s<>|\ue000]+|(?:[\w-]+\.)+(?:com|net|org|io|dev|app|co|ai|eu|fr|de|uk|example)"
    r"(?:/[^\s<>|\ue000]*)?)(?![\w@])"
)
STYLES = (("*", "strong"), ("_", "em"), ("~", "s"))
SCHEMES = ("http://", "https://", "mailto:", "tel:")
EMOJI = {
    "white_check_mark": "✅", "heavy_check_mark": "✔️", "warning": "⚠️", "rotating_light": "🚨", "red_circle": "🔴",
    "large_orange_circle": "🟠", "large_yellow_circle": "🟡", "large_green_circle": "🟢", "white_circle": "⚪",
    "black_circle": "⚫", "key": "🔑", "old_key": "🗝️", "lock": "🔒", "unlock": "🔓", "hourglass": "⌛",
    "hourglass_flowing_sand": "⏳", "arrows_counterclockwise": "🔄", "zzz": "💤", "eyes": "👀", "wave": "👋",
    "tada": "🎉", "bell": "🔔", "no_bell": "🔕", "x": "❌", "raised_hand": "✋", "hand": "✋", "hammer_and_wrench": "🛠️",
    "link": "🔗", "calendar": "📅", "clock3": "🕒", "bar_chart": "📊", "mag": "🔍", "information_source": "\u2139\ufe0f",
    "double_vertical_bar": "⏸️", "arrow_forward": "▶️", "question": "❓", "sos": "🆘",
}  # fmt: skip


def plain_html(text: str) -> Markup:
    """plain_text: no markup, but emoji names and line breaks."""
    return Markup(_emoji(escape(text)).replace("\n", "<br>"))  # noqa: S704 - escaped just here


def mrkdwn_html(
    text: str,
    state: WorkspaceState,
    *,
    verbatim: bool = False,
    zone: tzinfo | None = None,
    now: datetime | None = None,
    french: bool = False,
) -> Markup:
    """mrkdwn, with mentions named and dates as the reader writes them, in `zone` (this machine's unless given).

    `verbatim`: no bare links.
    """
    writer = _Writer(state, zone, now or datetime.now(UTC), french=french)
    return Markup(writer.html(MARK.sub("", text), verbatim=verbatim))  # noqa: S704 - the writer escapes all it keeps


def _emoji(escaped: str) -> str:
    return re.sub(r":([a-z0-9_+-]+):", lambda m: EMOJI.get(m.group(1), m.group(0)), escaped)


def _once_escaped(text: str) -> str:
    """Senders write & < > as entities; browsers need the same, and no other entity may get through."""
    raw = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return escape(raw)


class _Writer:
    def __init__(self, state: WorkspaceState, zone: tzinfo | None, now: datetime, *, french: bool) -> None:
        self.state = state
        self.zone = zone
        self.now = now
        self.french = french
        self.kept: list[str] = []

    def html(self, text: str, *, verbatim: bool) -> str:
        text = TOKEN.sub(self._token, text)
        if not verbatim:
            text = BARE.sub(lambda m: self._keep(self._link(m.group(0), m.group(0))), text)
        text = _styled(_emoji(_once_escaped(text)))
        text = _quoted(text)
        return KEPT.sub(lambda m: self.kept[int(m.group(1))], text)

    def _keep(self, html: str) -> str:
        self.kept.append(html)
        return f"\ue000{len(self.kept) - 1}\ue001"

    def _token(self, found: re.Match[str]) -> str:
        if fence := found["fence"]:
            return self._keep(f"<pre>{_once_escaped(fence.strip(chr(10)))}</pre>")
        if code := found["code"]:
            return self._keep(f"<code>{_once_escaped(code)}</code>")
        first = found.string[: found.start()].rsplit("\n", 1)[-1].strip("*_~ ") == ""
        return self._keep(self._control(found["control"], first=first))

    def _control(self, inner: str, *, first: bool) -> str:
        target, _, label = inner.partition("|")
        if target.startswith("!date^"):
            return self._date(target[6:], label, first=first)
        kinds: dict[str, Callable[[str, str], str]] = {"@": self._user, "#": self._channel, "!": self._special}
        if target[:1] in kinds:
            return kinds[target[0]](target[1:], label)
        if target.startswith(SCHEMES):
            return self._link(target, label or target)
        return _once_escaped(f"<{inner}>")

    def _link(self, target: str, label: str) -> str:
        address = target if target.startswith(SCHEMES) else f"https://{target}"
        address = address.replace("&amp;", "&")
        text = _styled(_emoji(_once_escaped(label)))
        return f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer">{text}</a>'

    def _user(self, user: str, label: str) -> str:
        try:
            name = self.state.user(user).real_name
        except SlackRefusal:
            name = label or user
        return f'<span class="mention">@{_once_escaped(name)}</span>'

    def _channel(self, channel: str, label: str) -> str:
        known = self.state.channels.get(channel)
        return f'<span class="mention">#{_once_escaped(known.name if known else label or channel)}</span>'

    def _special(self, what: str, label: str) -> str:
        kind, _, rest = what.partition("^")
        if kind == "subteam":
            group = self.state.usergroups.get(rest)
            return f'<span class="mention">@{_once_escaped(group.handle if group else label or rest)}</span>'
        return f'<span class="mention">@{_once_escaped(label or kind)}</span>'

    def _date(self, rest: str, fallback: str, *, first: bool) -> str:
        unix, _, form = rest.partition("^")
        form, _, link = form.partition("^")
        try:
            at = datetime.fromtimestamp(int(unix), UTC)
        except (ValueError, OverflowError, OSError):
            return _once_escaped(fallback)
        words = told(at, form, self.zone, self.now, french=self.french)
        shown = _once_escaped(words[:1].upper() + words[1:] if first else words)
        dated = f'<time datetime="{at.isoformat()}" title="{_once_escaped(fallback)}">{shown}</time>'
        return (
            f'<a href="{escape(link)}" target="_blank" rel="noopener noreferrer">{dated}</a>'
            if link.startswith(SCHEMES)
            else dated
        )


def _styled(escaped: str) -> str:
    for sign, tag in STYLES:
        mark = re.escape(sign)
        pattern = rf"(?<![\w{mark}]){mark}(?=\S)([^\n]*?[^\s{mark}]){mark}(?![\w{mark}])"
        escaped = re.sub(pattern, rf"<{tag}>\1</{tag}>", escaped)
    return escaped


def _quoted(escaped: str) -> str:
    """Lines that begin with > become one quotation; other line breaks stay line breaks."""
    parts: list[str] = []
    for line in escaped.split("\n"):
        quote = line.startswith("&gt;")
        text = line[4:].removeprefix(" ") if quote else line
        if quote and parts and parts[-1].endswith("</blockquote>"):
            parts[-1] = parts[-1].removesuffix("</blockquote>") + f"<br>{text}</blockquote>"
        else:
            parts.append(f"<blockquote>{text}</blockquote>" if quote else text)
    joined = "<br>".join(parts)
    return joined.replace("</blockquote><br>", "</blockquote>").replace("<br><blockquote>", "<blockquote>")
