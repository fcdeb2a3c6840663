"""The commands of operations: keys, the database, and the emergency brake."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bot.commands.terminal import Called, counting, me, settings_of, tell, working
from bot.settings.file import written_keys
from bot.settings.settings import Settings
from bot.words.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

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
    done, broken = (sum(each) for each in zip(*working(_everywhere(settings_of(context), _rotate)), strict=True))
    tell(f"sealed {done} values again")
    if broken:
        raise SetupError(f"{broken} values do not open: keep the older keys, and put back the one they need")


async def _everywhere(settings: Settings, work: "Callable[[Settings], Awaitable[T]]") -> "list[T]":
    """At home and in every workspace that ever added the app, or in the one that --workspace names."""
    from bot.tenants import settings_of_all

    return [await work(each) for each in ([settings] if settings.tenant.team else await settings_of_all(settings))]


async def _rotate(settings: Settings) -> tuple[int, int]:
    from bot.app import App

    async with App.open(settings, role="command") as app:
        with counting("sealing") as seen:
            resealed = await app.memory.reseal_all(seen)
        async with app.memory.begin() as tx:
            tx.audit.note("keys_rotated", who=me(), sealed=resealed.done, broken=resealed.broken)
        return resealed.done, resealed.broken


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
    revoked, waiting = (sum(each) for each in zip(*working(_everywhere(settings, _revoke_all)), strict=True))
    tell(f"revoked {revoked} logins")
    if waiting:
        typer.echo(
            f"{waiting} tokens are not given back yet: a running bot does it, or this command, said again in five minutes",
            err=True,
        )


async def _revoke_all(settings: Settings) -> tuple[int, int]:
    from bot.app import App

    async with App.open(settings, role="command") as app:
        with counting("revoking") as seen:
            return await app.revoke.everything(me(), seen), await app.revoke.waiting()
