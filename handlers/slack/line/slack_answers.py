"""What Slack's answers mean, named by what to do next. https://docs.slack.dev/reference/methods/chat.postMessage"""

from datetime import timedelta

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.words.errors import TryLater
from bot.words.voice import ChannelGone, MessageGone, SlackRefused

# What Slack says to a refresh of a token that rotates, for good.
ROTATION_ENDED = frozenset({"bad_client_secret", "invalid_client_id", "invalid_refresh_token"})
TOKEN_DEAD = ROTATION_ENDED | frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "missing_scope",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_added_to_org",
        "team_not_found",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
CHANNEL_GONE = frozenset(
    {
        "channel_is_limited_access",
        "channel_not_found",
        "ekm_access_denied",
        "is_archived",
        "is_inactive",
        "messages_tab_disabled",
        "no_permission",
        "not_in_channel",
        "team_access_not_granted",
    }
)
MESSAGE_GONE = frozenset(
    {
        "cannot_reply_to_message",
        "cant_update_message",
        "edit_window_closed",
        "message_not_found",
        "thread_not_found",
    }
)
LATER = frozenset({"message_limit_exceeded", "rate_limited", "ratelimited"})
MAYBE_DONE = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_not_reachable", "update_failed"}
)
MALFORMED = frozenset(
    {
        "attachment_payload_limit_exceeded",
        "block_mismatch",
        "invalid_arguments",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "markdown_text_conflict",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    }
)


class NoToken(aiohttp.ClientConnectionError):
    """No living token of ours could be had now, so Slack was not asked."""


def code_of(error: SlackApiError) -> str:
    """Slack's own word; empty where there was none, such as an HTML page or an HTTP 429."""
    answer = error.response
    data = getattr(answer, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return code if isinstance(code, str) else ""


def status_of(error: SlackApiError) -> int:
    answer = error.response
    status = getattr(answer, "status_code", None) or getattr(answer, "status", None)
    return status if isinstance(status, int) else 0


def retry_after(error: SlackApiError) -> timedelta | None:
    headers = getattr(error.response, "headers", None) or {}
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "")
    return timedelta(seconds=min(int(value), 3600)) if str(value).isdecimal() else None


def rate_limited(error: SlackApiError) -> bool:
    return status_of(error) == 429 or code_of(error) in LATER


def maybe_done(error: Exception) -> bool:
    """Whether the call may have been carried out although it failed. Never connected means never carried out."""
    if isinstance(error, SlackApiError):
        return status_of(error) >= 500 or code_of(error) in MAYBE_DONE or not code_of(error)
    return not isinstance(error, aiohttp.ClientConnectorError | NoToken)


def understood(error: SlackApiError) -> Exception:
    """The error to raise for a definite refusal."""
    code = code_of(error)
    if rate_limited(error):
        return TryLater("Slack asks to wait", after=retry_after(error))
    if code in TOKEN_DEAD:
        return SlackRefused(code)
    if code in CHANNEL_GONE or code.startswith("restricted_action"):
        return ChannelGone(code)
    if code in MESSAGE_GONE:
        return MessageGone(code)
    return TryLater(f"Slack answered {code or 'HTTP ' + str(status_of(error))}", after=retry_after(error))
