"""Our token at Slack, where the app rotates it; else it stands in the settings."""

from bot.logins.bot_token import BotToken
from bot.memory.memory import Memory
from bot.settings.settings import Settings
from bot.words.connection import Secret
from bot.words.interfaces import Clock
from handlers.slack.line.rotation import SlackRotation


def own_token(settings: Settings, memory: Memory, now: Clock) -> BotToken | None:
    slack, timeout = settings.slack, settings.timing.request_timeout
    if not slack.refresh_token:
        return None
    secret = Secret(slack.client_secret.get_secret_value())
    seconds = timeout.total_seconds()
    rotation = SlackRotation(slack.client_id, secret, api_url=slack.api_url, timeout=seconds, now=now)
    first = Secret(slack.refresh_token.get_secret_value())
    return BotToken(memory, rotation, first, now, request_timeout=timeout, channel=slack.channel)
