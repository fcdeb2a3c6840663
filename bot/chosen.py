"""What the operator's settings mean to the parts they are for."""

from datetime import time
from zoneinfo import ZoneInfo

from bot.alert.remind import Quiet
from bot.announce.digest import Weekly
from bot.memory.routes import Route, Routes
from bot.settings.settings import Settings
from bot.work.retention import Keep

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def keep_of(settings: Settings) -> Keep:
    keep = settings.keep
    return Keep(keep.cost, keep.touchpoints, keep.outages, keep.audit)


def routes_of(settings: Settings) -> Routes:
    routes = tuple(
        Route(r.platform, r.connection, r.channel, r.owners, r.escalate_to, r.escalate_after) for r in settings.routes
    )
    return Routes(settings.slack.channel, routes, fallback=settings.slack.owners)


def quiet_of(settings: Settings) -> Quiet | None:
    begins, _, ends = settings.timing.quiet_hours.partition("-")
    if not begins:
        return None
    return Quiet(time.fromisoformat(begins), time.fromisoformat(ends), ZoneInfo(settings.timing.quiet_zone))


def weekly_of(settings: Settings) -> Weekly | None:
    digest = settings.digest
    if digest.day == "off":
        return None
    return Weekly(DAYS.index(digest.day), time.fromisoformat(digest.at), ZoneInfo(digest.zone))


def digest_channel_of(settings: Settings) -> str:
    return settings.digest.channel or settings.slack.channel
