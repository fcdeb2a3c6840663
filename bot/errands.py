"""What a workspace in service does now and then beside its story: tells outside Slack, beats its heart, asks who has left."""

from datetime import timedelta

from bot.alert.elsewhere import Elsewhere
from bot.announce.expiring import Expiring
from bot.announce.standstill import KIND, Standstill
from bot.app import App
from bot.settings.webhooks import subscriptions
from bot.subscribers import SUBSCRIBERS, webhook
from bot.webhooks.courier import Courier
from bot.work.schedule import Tick
from handlers.heartbeat import ping
from handlers.slack.workspace import Workspace
from handlers.webhook import Webhook

LEAVERS_EVERY = timedelta(hours=6)
HEARTBEAT_EVERY = timedelta(minutes=1)
ELSEWHERE_EVERY = timedelta(seconds=2)  # how often what is told outside Slack is looked for
EXPIRING_EVERY = timedelta(minutes=5)
STANDSTILL_EVERY = timedelta(seconds=15)


def errands(app: App, slack: Workspace) -> list[Tick]:
    """For a process that works and speaks."""
    return [*_elsewhere(app, slack), *_webhooks(app), *_heartbeat(app), *_leavers(app, slack), _standstill(app, slack)]


def _elsewhere(app: App, slack: Workspace) -> list[Tick]:
    """Where a fallback is set."""
    fallback = app.settings.fallback
    url, timeout = fallback.webhook.get_secret_value(), app.settings.timing.request_timeout
    if not url:
        return []
    send = Webhook(url, [fallback.secret.get_secret_value()], timeout=timeout.total_seconds()).send
    told = Elsewhere(app.memory, app.facts, slack.composer, send, app.pace, app.now, app.owner)
    return [Tick("elsewhere", ELSEWHERE_EVERY, told.run)]


def _webhooks(app: App) -> list[Tick]:
    """For whoever subscribed."""
    found = app.settings.webhooks
    if not found:
        return []
    ending = Expiring(app.memory, app.gateways, subscriptions(found, app.settings.web.public_url), app.now)
    ticks = [Tick("expiring", EXPIRING_EVERY, ending.run)]
    for each in found:
        courier = Courier(
            app.memory, each.name, webhook(each).send, SUBSCRIBERS, app.now, app.routes.default_channel, app.owner
        )
        ticks.append(Tick(f"webhooks to {each.name}", ELSEWHERE_EVERY, courier.run))
    return ticks


def _leavers(app: App, slack: Workspace) -> list[Tick]:
    """Events of Slack are hints: who has left is asked for, too."""

    async def look() -> None:
        await app.leavers.run(slack.presence)

    return [Tick("leavers", LEAVERS_EVERY, look)]


def _standstill(app: App, slack: Workspace) -> Tick:
    told = Standstill(
        lambda: app.takeover.failing_since, slack.announcer, slack.voice, app.routes.default_channel, app.now
    )
    return Tick(KIND, STANDSTILL_EVERY, told.run)


def _heartbeat(app: App) -> list[Tick]:
    """A dead man's switch, where one is set: silence means that nobody watches."""
    url = app.settings.fallback.ping.get_secret_value()

    async def beat() -> None:
        await app.memory.ping()
        if app.takeover.failing_since is None:  # whoever can write nothing notices no loss
            await ping(url)

    return [Tick("heartbeat", HEARTBEAT_EVERY, beat)] if url else []
