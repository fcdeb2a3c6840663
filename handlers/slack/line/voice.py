"""How we speak in Slack: post, edit, and look for a post whose outcome is unclear."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime
from time import monotonic
from typing import Any, cast

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler, AsyncServerErrorRetryHandler

from bot.traces import span
from bot.words.connection import Json
from bot.words.errors import TryLater
from bot.words.voice import File, MessageGone, PostUnclear, SlackRefused, Spoken
from handlers.slack.line.bot_client import BotClient, BotKey
from handlers.slack.line.files import share
from handlers.slack.line.pacing import Pacing
from handlers.slack.line.slack_answers import CHANNEL_GONE, MALFORMED, code_of, maybe_done, rate_limited, understood
from handlers.slack.looks.card import ANNOUNCED, EVENT_TYPE

log = structlog.get_logger()

REMEMBERED = 10_000  # messages whose last content is known
SAME_FOR = 600.0  # seconds after which an unchanged message is sent again, to notice that someone deleted it
TEXT_MOST = 3_500  # an edit takes 4,000 characters of text, and the link follows
LOOKED_THROUGH = 200  # messages read when looking for a post
NETWORK = (aiohttp.ClientError, TimeoutError, OSError)


class SlackVoice:
    """Implements bot.words.voice.Voice.

    A post is never repeated by itself: an answer lost on its way raises PostUnclear. An edit is the same however often it is
    sent, so its client repeats on lost connections and server errors. (slack_sdk's default handler repeats posts too.)
    """

    def __init__(
        self,
        token: BotKey,
        api_url: str = "https://slack.com/api/",
        *,
        timeout: float = 30,
        pacing: Pacing | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        whole = int(timeout) or 1
        self._once = BotClient(token, base_url=api_url, timeout=whole, retry_handlers=[])
        again = [AsyncConnectionErrorRetryHandler(), AsyncServerErrorRetryHandler()]
        self._often = BotClient(token, base_url=api_url, timeout=whole, retry_handlers=again)
        self._timeout = timeout
        self._pacing = pacing or Pacing()
        self._clock = clock
        self._said: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()
        self._me = ""
        self.refused = ""  # why Slack took our token no more the last time we spoke; empty when it did

    async def post(self, message: Spoken) -> tuple[str, str]:
        with span("slack post", channel=message.channel, reply=message.thread is not None):
            return await self._said_once(message)

    async def _said_once(self, message: Spoken) -> tuple[str, str]:
        await self._pacing.turn(message.channel, news=message.thread is None)
        try:
            answer = await self._post(message, _content(message))
        except SlackApiError as error:
            if code_of(error) not in MALFORMED:
                raise self._post_failed(error) from error
            answer = await self._post_plainly(message, code_of(error))
        channel, ts = str(answer["channel"]), str(answer["ts"])
        if message.thread and answer.get("message", {}).get("thread_ts") != message.thread:
            # Slack turns a reply to a deleted message into a message of its own, and says ok.
            await self.take_back(channel, ts)
            raise MessageGone("the message to reply to is gone")
        self._remember(channel, ts, message)
        self.refused = ""
        return channel, ts

    async def _post(self, message: Spoken, content: Json) -> Json:
        """One request. A SlackApiError out of here is Slack's definite answer or an unclear one; see _post_failed."""
        thread: Json = {"thread_ts": message.thread, "reply_broadcast": message.broadcast} if message.thread else {}
        try:
            answer = await self._once.chat_postMessage(
                channel=message.channel,
                unfurl_links=False,
                unfurl_media=False,
                parse="none",
                link_names=False,
                **content,
                **thread,
            )
        except NETWORK as error:
            if maybe_done(error):
                raise PostUnclear(type(error).__name__) from error
            raise TryLater("Slack cannot be reached") from error
        return cast("Json", answer.data)

    async def _post_plainly(self, message: Spoken, why: str) -> Json:
        """An alert must never be lost to a mistake in its looks."""
        log.error("Slack refused the looks of a message; said as plain text", why=why, **_ids(message))
        try:
            return await self._post(message, {"text": _as_text(message), **_known_by(message, why)})
        except SlackApiError as error:
            raise self._post_failed(error) from error

    def _post_failed(self, error: SlackApiError) -> Exception:
        if not rate_limited(error) and maybe_done(error):
            return PostUnclear(code_of(error) or "no answer", answered=True)
        return self._meaning(error)

    def _meaning(self, error: SlackApiError) -> Exception:
        meaning = understood(error)
        if isinstance(meaning, SlackRefused):
            self.refused = str(meaning)
        return meaning

    async def take_back(self, channel: str, ts: str) -> bool:
        try:
            await self._often.chat_delete(channel=channel, ts=ts)
        except (SlackApiError, *NETWORK) as error:
            why = code_of(error) if isinstance(error, SlackApiError) else type(error).__name__
            if why == "message_not_found":
                return True
            log.warning("a message could not be taken back", channel=channel, ts=ts, why=why)
            return False
        return True

    async def update(self, message: Spoken, channel: str, ts: str) -> None:
        """Edit, unless the message says this already."""
        known, at = self._said.get((channel, ts), ("", 0.0))
        if known == _fingerprint(message) and self._clock() - at < SAME_FOR:
            return
        try:
            with span("slack edit", channel=channel):
                await self._update(channel, ts, _content(message))
        except SlackApiError as error:
            if code_of(error) not in MALFORMED:
                raise self._meaning(error) from error
            await self._update_plainly(message, channel, ts, code_of(error))
        self._remember(channel, ts, message)
        self.refused = ""

    async def _update(self, channel: str, ts: str, content: Json) -> None:
        try:
            await self._often.chat_update(channel=channel, ts=ts, parse="none", link_names=False, **content)
        except NETWORK as error:
            raise TryLater("Slack cannot be reached") from error

    async def _update_plainly(self, message: Spoken, channel: str, ts: str, why: str) -> None:
        log.error("Slack refused the looks of an edit; said as plain text", why=why, **_ids(message))
        plainly = {"text": _as_text(message), "blocks": [], "attachments": [], **_known_by(message, why)}
        try:
            await self._update(channel, ts, plainly)
        except SlackApiError as error:
            raise self._meaning(error) from error

    async def share(self, file: File, channel: str, thread: str) -> None:
        await self._pacing.turn(channel)
        await share(self._once, file, channel, thread, self._timeout)

    async def find(
        self, channel: str, outage: str, revision: int | None, thread: str | None, since: datetime
    ) -> str | None:
        """The newest, where there are several."""
        return next(iter(await self._ours(channel, outage, revision, thread, since)), None)

    async def posts(self, channel: str, subject: str, since: datetime) -> list[str]:
        return (await self._ours(channel, subject, None, None, since))[::-1]

    async def _ours(
        self, channel: str, outage: str, revision: int | None, thread: str | None, since: datetime
    ) -> list[str]:
        """Whoever cannot look does not know: that is PostUnclear too, never a licence to post again. So the outbox keeps
        what it knows about the unclear post, and decides by itself when to give up looking. That covers a missing history
        scope and a public channel the bot has not joined.
        """
        try:
            self._me = self._me or str((await self._often.auth_test())["user_id"])
            found = await self._recent(channel, thread, since)
        except SlackApiError as error:
            reason = understood(error)
            if isinstance(reason, MessageGone) or (isinstance(reason, SlackRefused) and not _only_scope(error)):
                raise reason from error
            if code_of(error) in CHANNEL_GONE - {"not_in_channel"}:
                raise reason from error
            log.warning("cannot look for a post whose outcome is unclear", why=code_of(error))
            raise PostUnclear(code_of(error) or "no answer") from error
        except NETWORK as error:
            raise PostUnclear(type(error).__name__) from error
        return [str(m["ts"]) for m in found if self._is_ours(m, outage, revision, thread)]

    async def _recent(self, channel: str, thread: str | None, since: datetime) -> list[Json]:
        asked: dict[str, Any] = {
            "channel": channel,
            "oldest": f"{since.timestamp():.6f}",
            "include_all_metadata": True,
            "limit": LOOKED_THROUGH,
        }
        if thread is None:
            answer = await self._often.conversations_history(**asked)
        else:
            answer = await self._often.conversations_replies(ts=thread, **asked)
        return [m for m in answer.get("messages") or [] if isinstance(m, dict)]

    def _is_ours(self, message: Json, outage: str, revision: int | None, thread: str | None) -> bool:
        """Other apps can write metadata like ours, so the author counts too."""
        held = message.get("metadata") or {}
        payload = held.get("event_payload") or {}
        return (
            message.get("user") == self._me
            and held.get("event_type") in {EVENT_TYPE, ANNOUNCED}
            and outage in {payload.get("outage"), payload.get("announcement")}
            and (revision is None or payload.get("revision") == revision)
            and message.get("ts") != thread
            and (thread is not None or message.get("thread_ts") in {None, message.get("ts")})
        )

    def _remember(self, channel: str, ts: str, message: Spoken) -> None:
        self._said[channel, ts] = (_fingerprint(message), self._clock())
        self._said.move_to_end((channel, ts))
        while len(self._said) > REMEMBERED:
            self._said.popitem(last=False)


def _content(message: Spoken) -> Json:
    """All of it, always: chat.update keeps attachments that are left out."""
    return {
        "text": message.text,
        "blocks": list(message.blocks),
        "attachments": list(message.attachments),
        "metadata": message.metadata or None,
    }


def _fingerprint(message: Spoken) -> str:
    """Of what people see. The revision in the metadata alone is no reason to edit."""
    shown = [message.text, list(message.blocks), list(message.attachments)]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def _links(message: Spoken) -> Iterator[str]:
    for attachment in message.attachments:
        for block in attachment.get("blocks", []):
            for element in block.get("elements", []):
                if isinstance(element, dict) and "url" in element:
                    yield element["url"]


def _as_text(message: Spoken) -> str:
    """The sentence, and the way to the start page that the buttons can no longer give."""
    url = next(_links(message), "")
    text = message.text if len(message.text) <= TEXT_MOST else message.text[:TEXT_MOST] + "…"
    return f"{text}\n<{url}>" if url else text


def _known_by(message: Spoken, why: str) -> Json:
    """The metadata stays, so that a post of unclear outcome can be found; unless it was the metadata that was refused."""
    return {} if "metadata" in why else {"metadata": message.metadata or None}


def _only_scope(error: SlackApiError) -> bool:
    return code_of(error) == "missing_scope"


def _ids(message: Spoken) -> Json:
    return {"channel": message.channel, **message.metadata.get("event_payload", {})}
