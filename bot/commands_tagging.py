"""The commands about tags on ads: taking them off again."""

from typing import TYPE_CHECKING, Annotated

import typer

from bot.settings import Settings
from bot.terminal import settings_of, tell, working

if TYPE_CHECKING:
    from bot.undo import Undone

tagging = typer.Typer(help="UTM parameters on ads.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(tagging, name="tagging")


@tagging.callback()
def _tagging() -> None:
    """Keep `undo` a word of its own: a group of one command would swallow it."""


@tagging.command()
def undo(
    context: typer.Context,
    connection: Annotated[str, typer.Argument(metavar="ID", help="As `redkey connections` shows it.")],
    *,
    really: Annotated[bool, typer.Option("--yes", help="Do it. Without it, only show what would happen.")] = False,
) -> None:
    """Give every ad we tagged the suffix it had before, and switch auto-tagging off for this connection."""
    undone = working(_undo(settings_of(context), connection, really=really))
    for ad, suffix in sorted(undone.restored.items()):
        tell(f"{ad}\t{'restored' if really else 'would be restored'}\t{suffix}")
    for ad, why in sorted(undone.left.items()):
        tell(f"{ad}\tleft\t{why}")
    verb = "restored" if really else "would be restored (--yes does it)"
    tell(f"{len(undone.restored)} ads {verb}, {len(undone.left)} left")


async def _undo(settings: Settings, connection: str, *, really: bool) -> "Undone":
    from bot.app import App

    async with App.open(settings, role="command") as app:
        return await app.undo.run(connection, really=really)
