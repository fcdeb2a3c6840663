"""The commands of operations: keys, the database, and the emergency brake."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.terminal import Called, counting, me, settings_of, tell, working
from bot.settings.file import written_keys
from bot.settings.settings import Settings
from bot.words.errors import SetupError

if TYPE_CHECKING:
    from storage import Resealed

keys = typer.Typer(help="The keys that stored logins are sealed with.", no_args_is_help=True)
db = typer.Typer(help="The database.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(keys, name="keys")
    app.add_typer(db, name="db")
    app.command()(revoke_all)


@keys.command("new")
def new_key(context: typer.Context) -> None:
    """Print a fresh key, to be put first in secrets.keys."""
    from storage.sealing import new_key

    tell(new_key(written_keys(context.ensure_object(Called).config)))


@keys.command("rotate")
def rotate(context: typer.Context) -> None:
    """Seal everything again under the first key; then the older ones can be taken out of secrets.keys."""
    resealed = working(_rotate(settings_of(context)))
    tell(f"sealed {resealed.done} values again")
    if resealed.broken:
        raise SetupError(f"{resealed.broken} values do not open: keep the older keys, and put back the one they need")


async def _rotate(settings: Settings) -> "Resealed":
    from bot.app import App

    async with App.open(settings, role="command") as app:
        with counting("sealing") as seen:
            resealed = await app.memory.reseal_all(seen)
        async with app.memory.begin() as tx:
            tx.audit.note("keys_rotated", who=me(), sealed=resealed.done, broken=resealed.broken)
        return resealed


@db.command()
def upgrade(context: typer.Context) -> None:
    """Bring the tables up to date. `redkey run` does it by itself at the start."""
    working(_upgrade(settings_of(context)), "upgrading")
    tell("the database is up to date")


async def _upgrade(settings: Settings) -> None:
    from bot.app import App

    async with App.open(settings, role="command"):
        """Opening it is enough."""


@db.command()
def backup(context: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Copy the database to a new file while the bot runs. The sealed logins in it need their keys to open."""
    working(_backup(settings_of(context), file), "copying")
    tell(f"copied to {file}")


async def _backup(settings: Settings, file: Path) -> None:
    from bot.app import App

    async with App.open(settings, role="command") as app:
        await app.memory.backup(file)


def revoke_all(
    context: typer.Context, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False
) -> None:
    """Take every login back, here and at the platforms. Everybody must log in again afterwards."""
    settings = settings_of(context)
    if not yes:
        if not sys.stdin.isatty():
            raise SetupError("revoke-all ends every login: say --yes if that is what you want")
        typer.confirm("This ends every login, here and at the platforms. Go on?", abort=True, err=True)
    tell(f"revoked {working(_revoke_all(settings))} logins")


async def _revoke_all(settings: Settings) -> int:
    from bot.app import App

    async with App.open(settings, role="command") as app:
        with counting("revoking") as seen:
            return await app.revoke.everything(me(), seen)
