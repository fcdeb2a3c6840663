"""The commands of the audit trail: check that nobody changed it, and hand it out."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from bot.commands.terminal import AsJson, counting, settings_of, tell, tell_json, working
from bot.memory.audit import Finding, item, verified
from bot.settings.settings import Settings
from bot.words.errors import SetupError

audit = typer.Typer(help="Who connected, clicked, consented, paused: the audit trail.", no_args_is_help=True)


class Format(StrEnum):
    """How the trail is written."""

    NDJSON = "ndjson"


def add_to(app: typer.Typer) -> None:
    app.add_typer(audit, name="audit")


@audit.command()
def verify(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Check that no row was changed, taken out or put in. Prints the newest digest, to be kept elsewhere."""
    verdict = working(_verify(settings_of(context)))
    if as_json:
        told = {"rows": verdict.whole, "first": verdict.first, "newest": verdict.newest}
        tell_json({**told, "broken": verdict.broken, "why": verdict.why})
        raise typer.Exit(0 if verdict.broken is None else 1)
    if verdict.broken is not None:
        raise SetupError(
            f"audit row {verdict.broken}: {verdict.why}; restore the database from before, and ask who could"
        )
    older = f"; rows 1 to {verdict.first - 1} were forgotten by setting" if verdict.first > 1 else ""
    tell(f"{verdict.whole} rows, none was changed; newest digest {verdict.newest}{older}")


async def _verify(settings: Settings) -> Finding:
    from bot.app import App

    async with App.open(settings, role="command") as app, app.memory.read() as tx:
        with counting("reading the trail") as seen:
            return await verified(tx.audit.rows(seen))


@audit.command()
def export(
    context: typer.Context,
    form: Annotated[Format, typer.Option("--format", help="One JSON object a line.")] = Format.NDJSON,  # noqa: ARG001
) -> None:
    """Print every row, oldest first, with the digests that bind them."""
    working(_export(settings_of(context)))


async def _export(settings: Settings) -> None:
    from bot.app import App

    async with App.open(settings, role="command") as app, app.memory.read() as tx:
        with counting("writing the trail", printing=True) as seen:
            async for act in tx.audit.rows(seen):
                tell(json.dumps(item(act), ensure_ascii=True))
