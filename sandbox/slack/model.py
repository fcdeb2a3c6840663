"""The things of a Slack workspace: people, channels, messages, views, and what was asked of its Web API."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


@dataclass
class User:
    id: str
    name: str
    real_name: str
    locale: str = "en-US"
    email: str = ""
    is_admin: bool = False
    deleted: bool = False
    team: str = ""  # of another organization; empty: this workspace's own


@dataclass(frozen=True)
class Usergroup:
    id: str
    handle: str
    name: str
    users: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """What a message said from `at` on."""

    at: datetime
    text: str
    blocks: list[Json]
    attachments: list[Json]
    metadata: Json | None


@dataclass
class Message:
    """A message as its author sent it (block ids filled in); `history` holds every version, the first one included."""

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    ephemeral_for: str | None = None
    edited_at: str | None = None
    deleted: bool = False
    replies: list["Message"] = field(default_factory=list)
    history: list[Version] = field(default_factory=list)
    files: list[Json] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    warnings: set[str] = field(default_factory=set)
    """action_ids whose last click nobody acknowledged: Slack shows a warning triangle there."""

    @property
    def edits(self) -> list[Version]:
        return self.history[1:]

    @property
    def color(self) -> str | None:
        return next((a["color"] for a in self.attachments if "color" in a), None)

    @property
    def elements(self) -> list[Json]:
        """Everything on it that can be clicked, in reading order."""
        return [element for _, _, element in clickable(self)]

    @property
    def action_ids(self) -> list[str]:
        return [e["action_id"] for e in self.elements]

    @property
    def words(self) -> str:
        """All text a person sees, one line each: blocks (else the text), then attachments."""
        seen = list(texts(self.blocks)) if self.blocks else [self.text]
        return "\n".join([*seen, *texts(self.attachments)])

    def element(self, action_id: str) -> Json:
        for element in self.elements:
            if element["action_id"] == action_id:
                return element
        raise LookupError(f"nothing on message {self.ts} has action_id {action_id!r}; it has {self.action_ids}")


@dataclass
class View:
    """A modal or a Home tab, as one person sees it."""

    id: str
    user: str
    body: Json
    hash: str
    root: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    warnings: set[str] = field(default_factory=set)

    @property
    def blocks(self) -> list[Json]:
        return list(self.body.get("blocks", []))

    @property
    def elements(self) -> list[Json]:
        return [element for _, element in block_elements(self.blocks)]

    @property
    def words(self) -> str:
        return "\n".join(texts([self.body]))


@dataclass
class Channel:
    id: str
    name: str
    is_private: bool = False
    is_archived: bool = False
    has_bot: bool = True
    im_user: str | None = None
    messages: dict[str, Message] = field(default_factory=dict)

    @property
    def top_level(self) -> list[Message]:
        return [m for m in self.messages.values() if m.thread_ts in {None, m.ts}]


@dataclass(frozen=True)
class Call:
    """One request to the Web API: its arguments without the token, and what was answered (None: nothing was)."""

    method: str
    args: Json
    at: datetime
    status: int
    result: Json | None

    @property
    def ok(self) -> bool:
        return bool(self.result and self.result.get("ok"))

    @property
    def error(self) -> str | None:
        return self.result.get("error") if self.result else None


@dataclass(frozen=True)
class Ack:
    """How the app answered one payload: within `seconds`, with `payload`; not `acked` when it was too late or never."""

    acked: bool
    seconds: float
    payload: Json | None = None
    reason: str = ""


@dataclass
class Answer:
    """What a person saw come back after a click, a command or a submitted view."""

    acked: bool
    seconds: float
    url: str | None = None
    messages: list[Message] = field(default_factory=list)
    view: View | None = None
    errors: dict[str, str] = field(default_factory=dict)
    reason: str = ""

    @property
    def message(self) -> Message | None:
        return self.messages[0] if self.messages else None

    @property
    def text(self) -> str:
        """The first answer's words; empty when nothing was said."""
        return self.messages[0].words if self.messages else ""


def block_elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Each interactive element with the block that holds it."""
    for block in blocks:
        held = [*block.get("elements", []), block.get("accessory"), block.get("element"), *block.get("actions", [])]
        for element in held:
            if isinstance(element, dict) and "action_id" in element:
                yield block, element


def clickable(message: Message) -> Iterator[tuple[int | None, Json, Json]]:
    """(attachment's number from 1 or None, block, element) for all that can be clicked on a message."""
    for block, element in block_elements(message.blocks):
        yield None, block, element
    for number, attachment in enumerate(message.attachments, start=1):
        for block, element in block_elements(attachment.get("blocks", [])):
            yield number, block, element


TEXT_KEYS = ("title", "label", "text", "pretext", "fields", "elements", "accessory", "element", "options", "hint")
MORE_TEXT_KEYS = ("rows", "blocks", "description", "alt_text", "value", "footer", "actions", "body", "submit")


def texts(found: Any) -> Iterator[str]:
    """The strings a person would read in any piece of Block Kit; ids, values of buttons and addresses are left out."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, list):
        for item in found:
            yield from texts(item)
    elif isinstance(found, dict):
        has_option_value = "action_id" in found or ("value" in found and isinstance(found.get("text"), dict))
        for key in (*TEXT_KEYS, *MORE_TEXT_KEYS):
            if key in found and not (key == "value" and has_option_value):
                yield from texts(found[key])


def moment(ts: str) -> datetime:
    seconds, _, micros = ts.partition(".")
    return datetime.fromtimestamp(int(seconds), UTC).replace(microsecond=int(micros or 0))
