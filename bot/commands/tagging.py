"""The commands about tags on ads: what would be done, opting in where that costs something, taking them off again."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bot.commands.terminal import AsJson, printable, settings_of, tell, tell_json, working
from bot.settings.settings import Settings

if TYPE_CHECKING:
    from bot.app import App

Named = Annotated[str, typer.Argument(metavar="ID", help="As `redkey connections` shows it.")]
T = TypeVar("T")

tagging = typer.Typer(help="UTM parameters on ads.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(tagging, name="tagging")


@tagging.command()
def preview(context: typer.Context, connection: Named, *, as_json: AsJson = False) -> None:
    """Show which ads tagging would change, before and after. Changes nothing."""
    shown = working(_with(settings_of(context), lambda app: app.opt_in.preview(connection)), "reading the ads")
    if as_json:
        changes = [
            {"ad": each.ad.id, "name": each.ad.name, "before": each.before, "wanted": each.wanted}
            for each in shown.changes
        ]
        tell_json({"changes": changes, "left": dict(shown.left)})
        return
    for change in shown.changes:
        tell(printable(f"{change.ad.id}\t{change.ad.name}\t{change.before or '(nothing)'} -> {change.wanted}"))
    for ad, why in sorted(shown.left.items()):
        tell(f"{ad}\tleft\t{why}")
    tell(f"{len(shown.changes)} ads would be tagged, {len(shown.left)} left")


@tagging.command()
def optin(context: typer.Context, connection: Named) -> None:
    """Let the ads of this connection be made anew for their tags (Meta): each is reviewed again. Needs a preview first."""
    working(_with(settings_of(context), lambda app: app.opt_in.opt_in(connection)))
    tell(f"the ads of {connection} are made anew from now on; `redkey tagging optout {connection}` ends that")


@tagging.command()
def optout(context: typer.Context, connection: Named) -> None:
    """Only name the ads of this connection that lack their tags. What was made anew stays; `undo` takes it back."""
    working(_with(settings_of(context), lambda app: app.opt_in.opt_out(connection)))
    tell(f"the ads of {connection} are not made anew any more")


@tagging.command()
def undo(
    context: typer.Context,
    connection: Named,
    *,
    really: Annotated[bool, typer.Option("--yes", help="Do it. Without it, only show what would happen.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give every ad we tagged the suffix it had before, and switch auto-tagging off for this connection."""
    undone = working(
        _with(settings_of(context), lambda app: app.undo.run(connection, really=really)), "reading the ads"
    )
    if as_json:
        tell_json({"done": really, "restored": dict(undone.restored), "left": dict(undone.left)})
        return
    for ad, suffix in sorted(undone.restored.items()):
        tell(f"{ad}\t{'restored' if really else 'would be restored'}\t{suffix}")
    for ad, why in sorted(undone.left.items()):
        tell(f"{ad}\tleft\t{why}")
    verb = "restored" if really else "would be restored (--yes does it)"
    tell(f"{len(undone.restored)} ads {verb}, {len(undone.left)} left")


async def _with(settings: Settings, ask: "Callable[[App], Awaitable[T]]") -> T:
    from bot.app import App

    async with App.open(settings, role="command") as app:
        return await ask(app)
