"""The commands around the story: run, connect, check, and the lists of connections and outages."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.terminal import AsJson, Called, me, printable, settings_of, table, tell, tell_json, working
from bot.settings.settings import Settings
from bot.words.errors import SetupError

if TYPE_CHECKING:
    from bot.words.facts import CheckAnswer, ConnectionFacts

PAGE = 1000  # outages read at once
NOTHING = "Nothing is connected yet: `redkey connect PLATFORM` prints a link for a first login."


class Role(StrEnum):
    """What one process does: everything, only pages and Slack, or only the work behind them."""

    ALL = "all"
    WEB = "web"
    WORKER = "worker"


def add_to(app: typer.Typer) -> None:
    for command in (run, connect, connections, outages, check):
        app.command()(command)


def run(
    context: typer.Context,
    role: Annotated[Role, typer.Option(help="What this process does.")] = Role.ALL,
) -> None:
    """Run the bot. SIGTERM and Ctrl-C end it within ten seconds, and lose nothing."""
    if context.ensure_object(Called).workspace:
        raise SetupError("redkey run serves all workspaces: call it without --workspace")
    settings = settings_of(context)
    if missing := settings.missing():
        raise SetupError("\n".join(missing))
    working(_run(settings, role))


async def _run(settings: Settings, role: Role) -> None:
    from bot.app import App
    from bot.private_memory import keep_memory_private
    from bot.serve import until_told
    from bot.unloaded import passed_over

    keep_memory_private()

    # FastAPI asks of everything whether it is a model of Pydantic 1, and loads that to ask.
    with passed_over("pydantic.v1"):
        async with App.open(settings, role=role.value) as app:
            await until_told(app)


def _platforms(begun: str) -> list[str]:
    """For a shell that completes the word."""
    import platforms

    return [key for key in sorted(platforms.load()) if key.startswith(begun)]


def connect(
    context: typer.Context,
    platform: Annotated[
        str,
        typer.Argument(
            metavar="PLATFORM", help="Its section of the settings, without `platforms.`.", autocompletion=_platforms
        ),
    ],
) -> None:
    """Print a one-time link that connects a new login, such as: redkey connect google_ads"""
    tell(working(_connect(settings_of(context), platform)))


async def _connect(settings: Settings, platform: str) -> str:
    from bot.app import App

    async with App.open(settings, role="command") as app:
        return await app.desk.connect_link(platform, asked_by=me())


def connections(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List what is connected."""
    from bot.words.listing import connection_item

    found = working(_connections(settings_of(context)))
    items = [connection_item(facts) for facts in found]
    if as_json:
        tell_json(items)
        return
    lines = [{**item, "status": _status(facts)} for item, facts in zip(items, found, strict=True)]
    table(lines, ["id", "platform", "account", "name", "login", "status", "last_data_at"], NOTHING)


def _status(facts: "ConnectionFacts") -> str:
    lacking = ", ".join(facts.stopped)
    return f"{facts.connection.status} (permission missing: {lacking})" if lacking else str(facts.connection.status)


async def _connections(settings: Settings) -> "list[ConnectionFacts]":
    from bot.app import App

    async with App.open(settings, role="command") as app:
        return await app.desk.connections()


def outages(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List open and past outages; with --json also their timelines."""
    items = working(_outages(settings_of(context)))
    if as_json:
        tell_json(items)
    else:
        columns = ["id", "platform", "cause", "opened_at", "reauthorized_at", "reauthorized_by", "caught_up_at"]
        table(items, columns, "There has been no outage.")


async def _outages(settings: Settings) -> list[dict[str, Any]]:
    from bot.app import App
    from bot.words.listing import outage_item

    async with App.open(settings, role="command") as app:
        items: list[dict[str, Any]] = []
        after = None
        while some := await app.desk.past(PAGE, after):
            items += [outage_item(outage) for outage in some]
            after = some[-1].opened_at, some[-1].id
        return items


def check(
    context: typer.Context,
    connection: Annotated[str | None, typer.Argument(metavar="[ID]", help="One connection. Default: all.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Probe now. A running bot is asked to do it; the exit code is 1 if a connection that is switched on fails."""
    answers = working(_check(settings_of(context), connection), "checking")
    if as_json:
        tell_json([_checked(answer) for answer in answers])
    elif not answers:
        tell(NOTHING)
    else:
        for answer in answers:
            told = _checked(answer)
            found = told["problem"] or told["status"]
            tell(printable(f"{told['id']}  {told['platform']}  {told['name']}: {found}"))
    if any(answer.problem and answer.connection.enabled for answer in answers):
        raise typer.Exit(1)


def _checked(answer: "CheckAnswer") -> dict[str, Any]:
    connection = answer.connection
    told = {"id": connection.id, "platform": connection.platform, "name": connection.account.name}
    return {**told, "status": connection.status.value, "problem": answer.problem}


async def _check(settings: Settings, connection_id: str | None) -> "list[CheckAnswer]":
    from bot.app import App

    async with App.open(settings, role="command") as app:
        return await app.desk.check(connection_id)
