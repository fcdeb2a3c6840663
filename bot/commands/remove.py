"""The command that takes a connection out for good."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.terminal import me, printable, settings_of, tell, working
from bot.settings.settings import Settings
from bot.words.errors import SetupError

if TYPE_CHECKING:
    from bot.people.people import Removed

ENDED = {
    "revoked": "its login is revoked at {platform}",
    "shared": "its login stays, because other connections use it",
    "forgotten": "its login is forgotten here; {platform} takes none back, so whoever gave it can end it there",
    "dead": "its login had stopped working, and is forgotten",
}


def add_to(app: typer.Typer) -> None:
    app.command()(remove)


def remove(
    context: typer.Context,
    connection: Annotated[str, typer.Argument(metavar="ID", help="As `redkey connections` shows it.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Take a connection out: its login is revoked unless others use it, an alert about it ends, its history stays."""
    settings = settings_of(context)
    if not yes:
        which = printable(f"{connection} ({working(_named(settings, connection))})")
        if not sys.stdin.isatty():
            raise SetupError(f"this takes {which} out: say --yes if that is what you want")
        typer.confirm(f"This takes {which} out; its history stays. Go on?", abort=True, err=True)
    gone = working(_remove(settings, connection))
    ended = ENDED[gone.login.value].format(platform=gone.facts.platform_name)
    tell(printable(f"removed {connection} ({gone.facts.platform_name}: {gone.facts.connection.account.name}); {ended}"))


async def _named(settings: Settings, connection_id: str) -> str:
    """Whoever is asked reads which account it is; an id that is none is told at once. Raises NotFound."""
    from bot.app import App

    async with App.open(settings, role="command") as app:
        facts = await app.desk.connection(connection_id)
        return f"{facts.platform_name}: {facts.connection.account.name}"


async def _remove(settings: Settings, connection_id: str) -> "Removed":
    from bot.app import App

    async with App.open(settings, role="command") as app:
        gone = await app.desk.remove(connection_id, me())
        await app.revoke.due_ones()
        return gone
