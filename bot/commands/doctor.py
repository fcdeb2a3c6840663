"""`redkey doctor`: everything the bot depends on, looked at once; one line each, with the cure."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import platforms
from bot.announce.dates import Ending, KnownDate, known_dates
from bot.app import App, utc_now
from bot.commands.terminal import printable
from bot.logs import cleaned
from bot.memory.memory import SealBroken
from bot.memory.notices import Endpoint
from bot.own_token import own_token
from bot.settings.settings import Settings
from bot.settings.values import is_loopback
from bot.words.connection import Secret
from bot.words.errors import AuthorizationLost, Misconfigured, RedkeyError, SetupError, TryLater
from bot.words.interfaces import Gateway
from handlers.slack.line.checkup import Finding, checkup
from handlers.slack.line.rehearsal import rehearse

SOON = timedelta(days=30)

Tell = Callable[[str], None]

# Nobody's. A token endpoint that knows our client calls it an invalid grant; one that does not, an invalid client.
NOBODYS = Secret("redkey-doctor-asks-whether-the-client-is-known")


async def examine(load: Callable[[], Settings], tell: Tell, *, live: bool = False) -> int:
    """Tell what was found, as it is found. The exit code: 1 if anything is wrong. `live`: alerts are rehearsed in Slack."""
    wrong = 0
    async for finding in _findings(load, live=live):
        wrong += bool(finding.cure)
        mark = "WRONG" if finding.cure else "ok   "
        tell(printable(f"{mark} {finding.what}: {finding.text}" + (f" -> {finding.cure}" if finding.cure else "")))
    return 1 if wrong else 0


async def examined(load: Callable[[], Settings], *, live: bool = False) -> list[dict[str, str | bool]]:
    """The same, for programs."""
    return [
        {"what": f.what, "ok": not f.cure, "text": cleaned(f.text), "cure": f.cure}
        async for f in _findings(load, live=live)
    ]


async def _findings(load: Callable[[], Settings], *, live: bool) -> AsyncIterator[Finding]:
    try:
        settings = load()
    except SetupError as error:
        for line in str(error).splitlines():
            yield _told("settings", line, "see docs/settings.md")
        return
    readable, unread = _readable(settings)
    wrong = [*settings.missing(), *unread]
    for line in wrong:
        yield _told("settings", line, "see docs/platforms.md")
    if not wrong:
        yield Finding("settings", "complete")
    yield _public_url(settings)
    if settings.secrets.keys:  # without a key nothing opens, and that has been said
        async for finding in _inside(readable):
            yield finding
    for finding in await _slack(readable, live=live):
        yield finding


def _told(what: str, line: str, otherwise: str) -> Finding:
    """What a problem's line says, and the cure, which stands behind a semicolon where the line knows one."""
    trouble, _, cure = line.partition("; ")
    return Finding(what, trouble, cure or otherwise)


def _readable(settings: Settings) -> tuple[Settings, list[str]]:
    """The settings without the platforms that cannot be read, so that the others are looked at all the same; and why."""
    fine, wrong = {}, []
    for key, section in settings.platforms.items():
        try:
            platforms.read_settings({key: section})
            fine[key] = section
        except SetupError as error:
            wrong += str(error).splitlines()
    return settings.model_copy(update={"platforms": fine}), wrong


def _public_url(settings: Settings) -> Finding:
    url = settings.web.public_url
    if is_loopback(urlsplit(url).hostname or ""):
        return Finding("public URL", f"{url} (opens on this machine only; set web.public_url for everybody else)")
    return Finding("public URL", f"{url}; redirect URIs: {url}/oauth/callback/<platform>")


async def _inside(settings: Settings) -> AsyncIterator[Finding]:
    """The database and what lies in it, then every platform."""
    try:
        async with App.open(settings, role="command") as app:
            async with app.memory.begin():
                """A write transaction that begins is enough: the disk or the server takes it."""
            yield Finding("database", "can be read and written")
            yield await _keys(app)
            for finding in await asyncio.gather(*(_client(key, gateway) for key, gateway in app.gateways.items())):
                yield finding
            for finding in [*await _dates(app), *await _webhooks(app)]:
                yield finding
            if not app.gateways:
                yield Finding("platforms", "none is switched on", "give one a client_id and a client_secret")
    except (SetupError, TryLater) as error:
        yield _told("database", str(error), "check database.url and secrets.keys")


async def _keys(app: App) -> Finding:
    """Whether every stored login opens."""
    broken = []
    async with app.memory.read() as tx:
        grants = [grant for grant in await tx.grants.all() if grant.lost_at is None]
        for grant in grants:
            try:
                await tx.grants.tokens(grant.id)
            except SealBroken as error:
                broken.append(str(error))
    if broken:
        text = f"{len(broken)} of {len(grants)} logins do not open: {broken[0]}"
        return Finding("keys", text, "put the older key back into secrets.keys, or log in again")
    return Finding("keys", f"{len(grants)} stored logins open")


async def _dates(app: App) -> list[Finding]:
    """What ends by itself, and when; wrong where it has ended, or the operator must act within a month.

    Of logins only what ends within a month is told: there may be thousands.
    """
    now = app.now()
    async with app.memory.read() as tx:
        known = await known_dates(tx, app.gateways)
    return [_dated(d, now) for d in known if not d.grant_id or (d.at - now < SOON and d.what is not Ending.TOKEN)]


async def _webhooks(app: App) -> list[Finding]:
    """Whether those who subscribed took what they were told."""
    async with app.memory.read() as tx:
        states = await tx.notices.endpoints()
    found = []
    for each in app.settings.webhooks:
        state = states.get(each.name, Endpoint())
        cure = "" if state.state == "ok" else f"mend it, then: redkey webhooks test {each.name}"
        found.append(Finding(f"webhooks.{each.name}", f"{state.state} {state.why}".strip(), cure))
    return found


def _dated(known: KnownDate, now: datetime) -> Finding:
    whose = f"platforms.{known.platform}" + (f" {known.login}" if known.login else "")
    text = f"the {known.what} ends on {known.at:%Y-%m-%d}"
    if known.at <= now:
        text = f"the {known.what} has ended on {known.at:%Y-%m-%d}"
    cures = {
        Ending.CLIENT_SECRET: f"make a new one, and set client_secret and client_secret_ends in [platforms.{known.platform}]",
        Ending.API_VERSION: f"set a newer version in [platforms.{known.platform}]",
    }
    soon = known.at - now < SOON if known.what in cures else known.at <= now
    return Finding(whose, text, cures.get(known.what, "log in again") if soon else "")


async def _client(key: str, gateway: Gateway) -> Finding:
    """Refresh with a token that is nobody's, and see whom the platform blames."""
    what = f"platforms.{key}"
    try:
        await gateway.refresh(NOBODYS)
    except AuthorizationLost:
        return Finding(what, f"{gateway.platform.name} knows this client")
    except Misconfigured as error:
        return Finding(what, error.cause.words, error.cause.cure)
    except TryLater as error:
        return Finding(what, str(error), f"check the network, a proxy, and platforms.{key}.token_url")
    except RedkeyError as error:
        return Finding(what, str(error), f"check platforms.{key}.client_id and client_secret")
    return Finding(what, "the token endpoint gave a token for a made-up login", f"check platforms.{key}.token_url")


async def _slack(settings: Settings, *, live: bool) -> list[Finding]:
    slack = settings.slack
    bot_token, wrong = await _bot_token(settings)
    if not bot_token:
        return wrong
    app_token = slack.app_token.get_secret_value() if slack.mode == "socket" else ""
    channels = list(dict.fromkeys(c for c in (slack.channel, *(route.channel for route in settings.routes)) if c))
    found = await checkup(bot_token, app_token, slack.api_url, channels, now=utc_now)
    if live and not found[0].cure:
        found += await rehearse(bot_token, slack.api_url, channels)
    return found


async def _bot_token(settings: Settings) -> tuple[str, list[Finding]]:
    """As it stands in the settings, or, where it rotates, as it is now. Else what is wrong with it."""
    if not settings.slack.refresh_token or settings.missing():
        return settings.slack.bot_token.get_secret_value(), []
    try:
        async with App.open(settings, role="command") as app:
            own = own_token(settings, app.memory, app.now)
            return (await own.current()).secret.reveal() if own is not None else "", []
    except (AuthorizationLost, Misconfigured) as error:
        return "", [Finding("slack token", error.cause.words, error.cause.cure)]
    except TryLater as error:
        return "", [Finding("slack token", str(error), "check the network, a proxy, and slack.api_url")]
    except SetupError:
        return "", []  # the database is told of already
