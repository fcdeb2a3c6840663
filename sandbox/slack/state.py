"""What the practice workspace remembers, and how one waits for it to change."""

import asyncio
import itertools
import time
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import TypeVar

from sandbox.slack.model import Call, Channel, Json, Message, User, Usergroup, Version, View
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.tickets import ResponseUrls, Triggers

Found = TypeVar("Found")

TEAM = {"id": "T0PRACTICE", "domain": "practice", "name": "Practice workspace"}
APP_ID = "A0REDKEY00"
BOT_ID = "B0REDKEY00"
BOT_USER = "U0REDKEY00"
# What an app installed by our manifest is given, and nothing more: what it does not ask for must fail here too.
SCOPES = [
    "chat:write", "chat:write.public", "commands", "users:read", "users:read.email", "channels:read",
    "channels:history", "groups:read", "groups:history", "files:write",
]  # fmt: skip


def people(number: int = 0, domain: str = "practice") -> list[User]:
    """`number`: of the workspace, as no two have a person's id in common."""
    return [
        User(f"U{number}ANNA000", "anna", "Anna Berg", email=f"anna@{domain}.example", is_admin=True),
        User(f"U{number}BEN0000", "ben", "Ben Okafor", email=f"ben@{domain}.example"),
        User(f"U{number}CHLOE00", "chloe", "Chloé Martin", locale="fr-FR", email=f"chloe@{domain}.example"),
    ]


class WorkspaceState:
    """One workspace in memory. `now` dates messages; waiting, rates and expiry go by the real clock."""

    def __init__(self, now: Callable[[], datetime] | None = None, team: Json | None = None, number: int = 0) -> None:
        self.team = team or TEAM
        self.now = now or (lambda: datetime.now(UTC))
        self.bot_token = "xoxb-sandbox-0000-redkey"
        self.app_token = "xapp-1-sandbox-0000-redkey"
        self.rotating: dict[str, datetime] = {}  # of an app that rotates: its living bot tokens, and when they end
        self.signing_secret = "sandbox-signing-secret-redkey"
        self.scopes = list(SCOPES)
        self.token_error: str | None = None
        self.app_token_error: str | None = None
        self.base_url = ""
        self.page_url = ""
        self.users = {u.id: u for u in people(number, self.team["domain"])}
        self.bot = User(BOT_USER, "redkey", "Redkey")
        rooms = [Channel(f"C{number}REDKEY00", "marketing-data"), Channel(f"C{number}SALES000", "sales-ops")]
        self.channels = {c.id: c for c in rooms}
        group = Usergroup(f"S{number}MARKETIN", "marketing", "Marketing", tuple(list(self.users)[:2]))
        self.usergroups = {group.id: group}
        self.commands = {"/redkey": "Connections of your ad accounts and CRMs"}
        self.ephemerals: list[Message] = []
        self.homes: dict[str, View] = {}
        self.modals: dict[str, list[View]] = {}
        self.triggers = Triggers()
        self.response_urls = ResponseUrls()
        self.calls: list[Call] = []
        self.version = 0
        self._numbers = itertools.count(1)
        self._last_ts = 0
        self._changed = asyncio.Event()

    # Change and waiting

    def changed(self) -> None:
        self.version += 1
        old, self._changed = self._changed, asyncio.Event()
        old.set()

    async def next_change(self, since: int, timeout: float) -> None:  # noqa: ASYNC109 - a person's patience
        """Return as soon as the version is above `since`, or when `timeout` seconds are over."""
        end = time.monotonic() + timeout
        while self.version <= since and (left := end - time.monotonic()) > 0:
            await self._one_change(left)

    async def _one_change(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return

    async def wait_for(self, predicate: Callable[[], Found | None], timeout: float = 5.0) -> Found:  # noqa: ASYNC109
        """The first true value of `predicate`, asked again after every change; TimeoutError after `timeout` s."""
        end = time.monotonic() + timeout
        while not (found := predicate()):
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"not so within {timeout} s; the workspace holds:\n{self.summary()}")
            await self._one_change(left)
        return found

    def summary(self) -> str:
        lines = [
            f"  #{c.name} {m.ts}{' in ' + m.thread_ts if m.thread_ts else ''}: {m.text[:90]!r} {m.action_ids}"
            for c in self.channels.values()
            for m in c.messages.values()
        ]
        calls = [f"  {c.method} -> {c.error or c.status}" for c in self.calls[-8:]]
        return "\n".join([*lines[-12:], "  last calls:", *calls])

    # Ids

    def mint_ts(self) -> str:
        """A message's id: its time in microseconds, and never the same twice even when the clock stands still."""
        micros = int(self.now().timestamp() * 1_000_000)
        self._last_ts = max(micros, self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def mint(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers):08d}"

    # Reading

    @property
    def tells_email(self) -> bool:
        """Profiles hold the e-mail address only for an app with this scope."""
        return "users:read.email" in self.scopes

    def user(self, user: str) -> User:
        if user == BOT_USER:
            return self.bot
        if user not in self.users:
            raise SlackRefusal("user_not_found")
        return self.users[user]

    def channel(self, channel: str) -> Channel:
        """The channel with that id (or "#name")."""
        if channel in self.channels:
            return self.channels[channel]
        named = [c for c in self.channels.values() if channel in {f"#{c.name}", c.name}]
        if not named:
            raise SlackRefusal("channel_not_found")
        return named[0]

    def dm(self, user: str) -> Channel:
        """The conversation between the bot and that person; opened when there is none yet."""
        for channel in self.channels.values():
            if channel.im_user == user:
                return channel
        channel = Channel("D" + self.user(user).id[1:], self.user(user).name, is_private=True, im_user=user)
        self.channels[channel.id] = channel
        return channel

    def message(self, channel: str, ts: str) -> Message:
        found = self.channel(channel).messages.get(ts) or next((e for e in self.ephemerals if e.ts == ts), None)
        if found is None or found.deleted:
            raise SlackRefusal("message_not_found")
        return found

    # Writing

    def post(self, message: Message) -> Message:
        """Put a message where it belongs: into its thread, a person's private view, or the channel."""
        self.remember(message)
        if message.ephemeral_for:
            self.ephemerals.append(message)
        else:
            channel = self.channel(message.channel)
            channel.messages[message.ts] = message
            if message.thread_ts and message.thread_ts in channel.messages:
                channel.messages[message.thread_ts].replies.append(message)
        self.changed()
        return message

    def remember(self, message: Message) -> None:
        fill_block_ids(self, message)
        message.history.append(
            Version(self.now(), message.text, deepcopy(message.blocks), deepcopy(message.attachments), message.metadata)
        )

    def delete(self, message: Message) -> None:
        message.deleted = True
        if message.ephemeral_for:
            self.ephemerals.remove(message)
        else:
            channel = self.channel(message.channel)
            del channel.messages[message.ts]
            if message.thread_ts in channel.messages:
                channel.messages[message.thread_ts].replies.remove(message)
        self.changed()


def fill_block_ids(state: WorkspaceState, message: Message) -> None:
    """Slack names every block that came without a block_id, and every element without an action_id."""
    name_blocks(state, message.blocks)
    for attachment in message.attachments:
        name_blocks(state, attachment.get("blocks", []))


def name_blocks(state: WorkspaceState, blocks: list[Json]) -> None:
    for block in blocks:
        block.setdefault("block_id", state.mint("b"))
        held = [*block.get("elements", []), block.get("accessory"), block.get("element")]
        for element in held:
            if isinstance(element, dict) and element.get("type") in INTERACTIVE:
                element.setdefault("action_id", state.mint("a"))


INTERACTIVE = {
    "button", "checkboxes", "datepicker", "datetimepicker", "email_text_input", "number_input", "overflow",
    "plain_text_input", "radio_buttons", "static_select", "multi_static_select", "timepicker", "url_text_input",
    "users_select", "conversations_select", "channels_select", "multi_users_select", "multi_conversations_select",
    "multi_channels_select", "external_select", "multi_external_select", "rich_text_input", "file_input",
    "workflow_button", "icon_button", "feedback_buttons",
}  # fmt: skip
