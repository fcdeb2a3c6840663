"""What a person does in the workspace: click, type a command, fill in a view, open the Home tab."""

import time
from typing import Any

from sandbox.slack import payloads
from sandbox.slack.answers import apply_answer
from sandbox.slack.block_kit import check_view
from sandbox.slack.delivery import Delivery
from sandbox.slack.model import Ack, Answer, Json, Message, View, block_elements, clickable
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import WorkspaceState
from sandbox.slack.tickets import ResponseUrl
from sandbox.slack.values import chosen, missing, options, states
from sandbox.slack.view_methods import change_view, checked_errors, push

SLACKBOT = "USLACKBOT"


class Person:
    """Anyone of the workspace; every deed waits until the app acknowledged it, or three seconds."""

    def __init__(self, state: WorkspaceState, delivery: Delivery) -> None:
        self.state = state
        self.delivery = delivery

    async def click(
        self, channel: str, ts: str, action_id: str, user: str, value: Any = None, block_id: str | None = None
    ) -> Answer:
        """Click or choose something on a message; LookupError when that person sees no such thing there."""
        message = self._seen(channel, ts, user)
        number, block, element = self._element(message, action_id, value, block_id)
        url = _address(element, value)
        done = payloads.action(self.state, block, element, value)
        payload = payloads.message_click(self.state, user, message, number, done)
        ack = await self.delivery.send("interactive", payload)
        self._mark(message, action_id, ack)
        ticket = self._ticket(payload)
        return Answer(ack.acked, ack.seconds, url, ticket.answers, reason=ack.reason)

    def _seen(self, channel: str, ts: str, user: str) -> Message:
        try:
            message = self.state.message(channel, ts)
        except SlackRefusal as refusal:
            raise LookupError(f"no message {ts} in {channel}: {refusal}") from None
        if message.ephemeral_for not in {None, user}:
            raise LookupError(f"{user} does not see message {ts}")
        return message

    def _element(
        self, message: Message, action_id: str, value: Any, block_id: str | None
    ) -> tuple[int | None, Json, Json]:
        message.element(action_id)
        found = [
            f for f in clickable(message) if f[2]["action_id"] == action_id and block_id in {None, f[1]["block_id"]}
        ]
        exact = [f for f in found if value is not None and _offers(f[2], value)]
        if not found:
            raise LookupError(f"no {action_id!r} in block {block_id!r}")
        return (exact or found)[0]

    def _mark(self, thing: Message | View, action_id: str, ack: Ack) -> None:
        """The warning triangle of a click that nobody acknowledged."""
        before = set(thing.warnings)
        (thing.warnings.discard if ack.acked else thing.warnings.add)(action_id)
        if thing.warnings != before:
            self.state.changed()

    def _ticket(self, payload: Json) -> ResponseUrl:
        return self.state.response_urls.issued[payload["response_url"].rpartition("/")[2]]

    async def click_view(
        self, user: str, action_id: str, value: Any = None, view_id: str | None = None, given: Json | None = None
    ) -> Answer:
        """Click something in the person's open modal, else on their Home tab."""
        view = self.view(user, view_id)
        found = [(b, e) for b, e in block_elements(view.blocks) if e["action_id"] == action_id]
        if not found:
            raise LookupError(f"no {action_id!r} in the view; it has {[e['action_id'] for e in view.elements]}")
        exact = [(b, e) for b, e in found if value is not None and _offers(e, value)]
        block, element = (exact or found)[0]
        done = payloads.action(self.state, block, element, value)
        payload = payloads.view_click(self.state, user, view, done, given or {})
        ack = await self.delivery.send("interactive", payload)
        self._mark(view, action_id, ack)
        return Answer(ack.acked, ack.seconds, _address(element, value), view=self._top(user), reason=ack.reason)

    def view(self, user: str, view_id: str | None = None) -> View:
        stack = self.state.modals.get(user, [])
        home = self.state.homes.get(user)
        shown = [*stack[::-1], *([home] if home else [])]
        for view in shown:
            if view_id in {None, view.id}:
                return view
        raise LookupError(f"{user} has no open view {view_id or ''}")

    def _top(self, user: str) -> View | None:
        stack = self.state.modals.get(user)
        return stack[-1] if stack else None

    async def command(self, name: str, text: str, user: str, channel: str, patience: float = 3.0) -> Answer:
        """Type a slash command; returns with the first thing said back, or after `patience` seconds of silence."""
        if name not in self.state.commands:
            reason = f"{name} is not a valid command."
            self._slackbot(channel, user, reason)
            return Answer(acked=False, seconds=0.0, reason=reason)
        payload = payloads.command(self.state, name, text, user, self.state.channel(channel).id)
        ticket = self._ticket(payload)
        before = (len(self.state.ephemerals), self._top(user))
        ack = await self.delivery.send("slash_commands", payload)
        if not ack.acked:
            self._slackbot(channel, user, f'{name} failed with the error "{ack.reason}"')
            return Answer(acked=False, seconds=ack.seconds, reason=ack.reason)
        self._immediate(ticket, ack.payload, name)
        messages = await self._first_words(user, ticket, before, patience)
        return Answer(True, ack.seconds, None, messages, self._top(user))

    def _immediate(self, ticket: ResponseUrl, said: Json | None, name: str) -> None:
        if not said or not (said.get("text") or said.get("blocks") or said.get("attachments")):
            return
        try:
            apply_answer(self.state, ticket, {k: v for k, v in said.items() if k != "replace_original"})
        except SlackRefusal as refusal:
            self._slackbot(ticket.channel, ticket.user, f'{name} failed with the error "{refusal}"')

    async def _first_words(
        self, user: str, ticket: ResponseUrl, before: tuple[int, View | None], patience: float
    ) -> list[Message]:
        """What came back: by response_url, or as an ephemeral message; a new modal ends the waiting too."""
        seen, top = before

        def whispered() -> list[Message]:
            return [m for m in self.state.ephemerals[seen:] if m.ephemeral_for == user and m not in ticket.answers]

        end = time.monotonic() + patience
        while not ticket.answers and not whispered() and self._top(user) is top:
            if (left := end - time.monotonic()) <= 0:
                break
            await self.state.next_change(self.state.version, left)
        return ticket.answers or whispered()

    def _slackbot(self, channel: str, user: str, text: str) -> None:
        where = self.state.channel(channel).id
        self.state.post(Message(where, self.state.mint_ts(), SLACKBOT, text, ephemeral_for=user))

    async def open_home(self, user: str, patience: float = 3.0) -> View | None:
        """Open the Home tab and wait for the app to publish it (again); the view then shown, if any."""
        old = self.state.homes.get(user)
        event: Json = {"type": "app_home_opened", "user": user, "channel": self.state.dm(user).id, "tab": "home"}
        if old:
            event["view"] = {**old.body, "id": old.id, "hash": old.hash}
        if not self.delivery.announce(event):
            return old
        try:
            await self.state.wait_for(lambda: self.state.homes.get(user) is not old, patience)
        except TimeoutError:
            return old
        return self.state.homes[user]

    async def submit_view(self, user: str, values: Json | None = None, view_id: str | None = None) -> Answer:
        """Fill in the open modal ({action_id: value} or {block_id: {action_id: value}}) and press its submit button.

        What is required and empty is an error shown by Slack itself: the app is not asked.
        """
        view = self.view(user, view_id)
        spoken = states(view.blocks, values or {})
        empty = [b["block_id"] for b in view.blocks if b["type"] == "input" and not b.get("optional")]
        blank = {b: "Please complete this required field." for b in empty if missing(next(iter(spoken[b].values())))}
        if blank:
            return self._show_errors(view, blank, Ack(acked=False, seconds=0.0, reason="required"))
        ack = await self.delivery.send("interactive", payloads.submission(self.state, user, view, values or {}))
        if not ack.acked:
            return self._show_errors(view, {"": "We had some trouble connecting. Try again?"}, ack)
        return self._follow(user, view, ack)

    def _show_errors(self, view: View, errors: dict[str, str], ack: Ack) -> Answer:
        view.errors = errors
        self.state.changed()
        return Answer(ack.acked, ack.seconds, view=view, errors=errors, reason=ack.reason)

    def _follow(self, user: str, view: View, ack: Ack) -> Answer:
        """Do what the answer to a view_submission asks for: https://docs.slack.dev/surfaces/modals#updating_response"""
        said = ack.payload or {}
        asked = said.get("response_action")
        try:
            if asked == "errors":
                return self._show_errors(view, checked_errors(view, said.get("errors")), ack)
            if asked not in {None, "update", "push", "clear"}:
                raise SlackRefusal("invalid_response_action")
            if asked == "update":
                change_view(self.state, view, check_view(said.get("view"), "modal"))
            elif asked == "push":
                push(self.state, user, check_view(said.get("view"), "modal"))
            elif asked == "clear":
                self.state.modals[user] = []
            elif view in self.state.modals.get(user, []):
                self.state.modals[user].remove(view)
        except SlackRefusal:
            return self._show_errors(view, {"": "We had some trouble connecting. Try again?"}, ack)
        self.state.changed()
        return Answer(True, ack.seconds, view=self._top(user))

    async def close_view(self, user: str, view_id: str | None = None) -> None:
        view = self.view(user, view_id)
        stack = self.state.modals.get(user, [])
        if view in stack:
            stack.remove(view)
            self.state.changed()
            if view.body.get("notify_on_close"):
                await self.delivery.send("interactive", payloads.closed(self.state, user, view))

    async def say(self, channel: str, text: str, user: str, thread_ts: str | None = None) -> Message:
        where = self.state.channel(channel).id
        safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return self.state.post(Message(where, self.state.mint_ts(), user, safe, thread_ts=thread_ts))


def _offers(element: Json, value: Any) -> bool:
    return element.get("value") == value or any(o.get("value") == value for o in options(element))


def _address(element: Json, value: Any) -> str | None:
    """Where a URL button, or an overflow option, sends the browser."""
    if element["type"] == "overflow" and value is not None:
        found: str | None = chosen(element, str(value)).get("url")
        return found
    address: str | None = element.get("url")
    return address
