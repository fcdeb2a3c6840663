"""Those who subscribed to webhooks, as the settings name them: how each is reached, and how long we go on trying."""

from datetime import timedelta

from bot.settings.webhooks import WebhookSettings
from bot.webhooks.courier import Patience, long_pause
from handlers.webhook import Webhook

SUBSCRIBERS = Patience(long_pause, give_up_after=timedelta(days=3), disable_after=timedelta(days=5))
TIMEOUT = 20.0  # seconds: Standard Webhooks proposes 15 to 30


def webhook(settings: WebhookSettings) -> Webhook:
    secrets = [secret.get_secret_value() for secret in settings.secrets]
    return Webhook(settings.url.get_secret_value(), secrets, timeout=TIMEOUT, public=settings.is_public)
