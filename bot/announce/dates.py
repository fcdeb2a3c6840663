"""Known dates: when logins, client secrets and API versions end by themselves, so that nobody need be surprised."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum

from bot.memory.memory import Tx
from bot.words.connection import Grant
from bot.words.interfaces import Gateway, Platform


class Ending(StrEnum):
    """What ends. The first two need a person's new login, the last two the operator."""

    LOGIN = "login"
    DATA_ACCESS = "data access"  # Meta: the token may live on, but gives nothing any more
    TOKEN = "token"  # noqa: S105  # a name. It renews itself while it lives; its end comes only if that fails until then
    CLIENT_SECRET = "client secret"  # noqa: S105  # a name
    API_VERSION = "API version"


@dataclass(frozen=True)
class KnownDate:
    """`grant_id` and `login` are empty where it is about the platform's app and not about one login. `since`: it moves on
    with every refresh of ours; the last one was then.
    """

    what: Ending
    at: datetime
    platform: str
    grant_id: str = ""
    login: str = ""
    since: datetime | None = None


def of_grant(grant: Grant, platform: Platform) -> list[KnownDate]:
    """Nothing for a login that is lost or forgotten: its end has come."""
    if grant.lost_at is not None:
        return []
    extended = bool(platform.oauth.extends)
    found = {Ending.DATA_ACCESS if extended else Ending.LOGIN: grant.ends_at}
    if extended:
        found[Ending.TOKEN] = grant.expires_at
    who = grant.platform, grant.id, grant.identity.login
    slides = platform.oauth.refresh_slides
    return [
        KnownDate(what, at, *who, since=grant.refreshed_at if slides or what is Ending.TOKEN else None)
        for what, at in found.items()
        if at is not None
    ]


def of_platform(platform: Platform) -> list[KnownDate]:
    """The client secret's end from the settings; the version's from there, or from what the platform has announced."""
    found = {Ending.CLIENT_SECRET: platform.settings.client_secret_ends, Ending.API_VERSION: platform.version_ends}
    return [KnownDate(what, _midnight(day), platform.key) for what, day in found.items() if day is not None]


async def known_dates(tx: Tx, gateways: Mapping[str, Gateway]) -> list[KnownDate]:
    """Every known date there is, the nearest first."""
    found = [each for gateway in gateways.values() for each in of_platform(gateway.platform)]
    for grant in await tx.grants.all():
        if grant.platform in gateways:
            found += of_grant(grant, gateways[grant.platform].platform)
    return sorted(found, key=lambda known: known.at)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
