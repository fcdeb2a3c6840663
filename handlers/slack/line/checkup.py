"""What `redkey doctor` asks Slack: are the tokens good, is every scope granted, can the channel be written to?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.words.clocks import ahead_of
from bot.words.interfaces import Clock
from handlers.slack.line.slack_answers import code_of
from handlers.slack.line.tokens import APP_CURE, BOT_CURE, NETWORK

NEEDED = ("chat:write", "commands", "users:read")  # without these the story cannot be told
TIMEOUT = 10  # seconds


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `cure` is empty when it is well."""

    what: str
    text: str
    cure: str = ""


async def checkup(
    bot_token: str, app_token: str, api_url: str, channels: Sequence[str] = (), *, now: Clock
) -> list[Finding]:
    """Look at the bot token and its scopes, our clock, the channels, and, where there is one, the token of Socket Mode."""
    client = AsyncWebClient(token=bot_token, base_url=api_url, timeout=TIMEOUT, retry_handlers=[])
    findings = await _bot(client, now)
    if not findings[0].cure:
        for channel in channels:
            findings += await _channel(client, channel)
    if app_token:
        findings.append(await _socket(AsyncWebClient(base_url=api_url, timeout=TIMEOUT, retry_handlers=[]), app_token))
    return findings


async def _bot(client: AsyncWebClient, now: Clock) -> list[Finding]:
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        return [Finding("slack token", f"Slack refuses slack.bot_token: {code_of(error)}", BOT_CURE)]
    except (*NETWORK, ValueError) as error:
        return [_unreachable("slack token", error)]
    team, user = answer.get("team", "?"), answer.get("user", "?")
    headers = {name.lower(): str(value) for name, value in answer.headers.items()}
    return [Finding("slack token", f"{user} in {team}"), _scopes(headers), *_clock(headers, now())]


def _clock(headers: Mapping[str, str], now: datetime) -> list[Finding]:
    """Slack's requests count for five minutes, and a code of a platform often for one: all are refused by a wrong clock."""
    ahead = ahead_of(headers, now)
    if ahead is None:
        return []
    how = "ahead of" if ahead > timedelta() else "behind"
    text = f"this machine's is {int(abs(ahead).total_seconds())} seconds {how} Slack's"
    return [Finding("clock", text, "set it, and keep it set by NTP")]


def _scopes(headers: Mapping[str, str]) -> Finding:
    granted = headers.get("x-oauth-scopes", "")
    held = {scope.strip() for scope in str(granted).split(",")}
    lacking = [scope for scope in NEEDED if scope not in held]
    if lacking:
        cure = "add them under OAuth & Permissions, or paste manifest.yml anew, and install the app again"
        return Finding("slack scopes", f"missing: {', '.join(lacking)}", cure)
    return Finding("slack scopes", ", ".join(NEEDED))


async def _channel(client: AsyncWebClient, channel: str) -> list[Finding]:
    """Without channels:read Slack says nothing about channels; posting may work all the same."""
    try:
        found = (await client.conversations_info(channel=channel)).get("channel") or {}
    except SlackApiError as error:
        if code_of(error) == "missing_scope":
            return []
        cure = "copy the id from the end of the channel's details, and invite the bot into a private channel"
        return [Finding("slack channel", f"{channel}: {code_of(error)}", cure)]
    except (*NETWORK, ValueError) as error:
        return [_unreachable("slack channel", error)]
    if found.get("is_archived"):
        return [Finding("slack channel", f"#{found.get('name')} is archived", "unarchive it, or set another channel")]
    return [Finding("slack channel", f"#{found.get('name')}")]


async def _socket(client: AsyncWebClient, app_token: str) -> Finding:
    """Asking for a socket's address opens none, so this takes nothing away from a running bot."""
    try:
        await client.apps_connections_open(app_token=app_token)
    except SlackApiError as error:
        return Finding("slack socket", f"Slack refuses slack.app_token: {code_of(error)}", APP_CURE)
    except (*NETWORK, ValueError) as error:
        return _unreachable("slack socket", error)
    return Finding("slack socket", "may be opened")


def _unreachable(what: str, error: Exception) -> Finding:
    """By what a person can look at; the names of a library's errors say nothing to them."""
    how = f"in {TIMEOUT} seconds" if isinstance(error, TimeoutError) else f"({error})" if str(error) else ""
    return Finding(what, f"Slack did not answer {how}".strip(), "check the network, a proxy, and slack.api_url")
