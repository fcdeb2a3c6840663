"""The commands that move data by hand: touchpoints in, costs out."""

import io
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO, TypeVar, cast

import typer

from bot.commands.terminal import AsJson, complain, counting, interruptible, settings_of, tell, tell_json, working
from bot.settings.settings import Settings
from bot.words.errors import SetupError
from bot.words.freight import Touchpoint
from bot.words.progress import Seen
from bot.work.garbage import uncollected

touchpoints = typer.Typer(help="Touchpoints on their way to the CRMs.", no_args_is_help=True)
costs = typer.Typer(help="What was spent.", no_args_is_help=True)

DAY = "YYYY-MM-DD"
SHOWN_EVERY = 1000  # rows
Row = TypeVar("Row")


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    NDJSON = "ndjson"


def add_to(app: typer.Typer) -> None:
    app.add_typer(touchpoints, name="touchpoints")
    app.add_typer(costs, name="costs")


@touchpoints.callback()
def _touchpoints() -> None:
    """Keep `import` a word of its own: a group of one command would swallow it."""


@costs.callback()
def _costs() -> None:
    """Keep `export` a word of its own."""


@touchpoints.command("import")
def import_(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="CSV or one JSON object a line; - is standard input.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Take in touchpoints: all of them, or none if one is wrong. Ids that are known already are counted, not doubled."""
    from bot.desk.intake import BadTouchpoints

    settings = settings_of(context)
    with uncollected():
        try:
            with interruptible():
                read = _read(file)
        except BadTouchpoints as trouble:
            for problem in trouble.problems:
                complain(str(problem))
            complain(f"{trouble.count} problem{'s' if trouble.count > 1 else ''}, so nothing was stored")
            raise typer.Exit(1) from None
        accepted, duplicates, homeless = working(_accept(settings, read), "storing")
    if as_json:
        tell_json({"accepted": accepted, "duplicates": duplicates, "waiting_for_crm": homeless})
        return
    tell(f"accepted {accepted}, duplicates {duplicates}" + ("; waiting for a first CRM" if homeless else ""))


async def _accept(settings: Settings, read: list[Touchpoint]) -> tuple[int, int, int]:
    from bot.app import App

    async with App.open(settings, role="command") as app:
        return await app.ledger.accept(read)


def _read(name: str) -> list[Touchpoint]:
    """Read and check the whole file. Raises BadTouchpoints, SetupError."""
    from bot.desk.intake import parse_csv, parse_json, parse_ndjson

    with _open(name) as file, _progress(name, file) as shown:
        match _form(name, file):
            case "csv":
                text = io.TextIOWrapper(shown, encoding="utf-8", newline="")
                try:
                    return parse_csv(text)
                finally:
                    text.detach()  # else it would close standard input
            case "json":
                return parse_json(shown.read())
            case _:
                return parse_ndjson(shown)


@contextmanager
def _open(name: str) -> Iterator[io.BufferedReader]:
    if name == "-":
        yield cast("io.BufferedReader", sys.stdin.buffer)
        return
    try:
        with Path(name).open("rb") as file:
            yield file
    except OSError as error:
        raise SetupError(f"{name}: cannot be read: {error.strerror}") from error


def _form(name: str, file: io.BufferedReader) -> str:
    """By the name's ending, else by what the file begins with."""
    by_name = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}.get(Path(name).suffix.lower())
    start = file.peek(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return by_name or {b"{": "ndjson", b"[": "json"}.get(start, "csv")


@contextmanager
def _progress(name: str, file: io.BufferedReader) -> Iterator[BinaryIO]:
    """A bar on stderr, when somebody sits there and the length is known."""
    if name == "-" or not sys.stderr.isatty():
        yield cast("BinaryIO", file)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        yield progress.wrap_file(file, total=Path(name).stat().st_size, description="checking")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a day such as 2026-11-23") from None


@costs.command("export")
def export(
    context: typer.Context,
    since: Annotated[
        date | None, typer.Option("--from", parser=_day, metavar=DAY, help="First account day. Default: all.")
    ] = None,
    until: Annotated[
        date | None, typer.Option("--to", parser=_day, metavar=DAY, help="Last account day. Default: all.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="CSV with a header, or one JSON object a line.")
    ] = Format.CSV,
) -> None:
    """Write the cost table to standard output. Today's rows are not complete yet, and say so."""
    if since and until and since > until:
        raise typer.BadParameter("--from lies after --to")
    working(_export(settings_of(context), since, until, form))


async def _export(settings: Settings, since: date | None, until: date | None, form: Format) -> None:
    from bot.app import App
    from bot.words.listing import cost_csv, cost_ndjson

    async with App.open(settings, role="command") as app:
        with counting("writing cost rows", printing=True) as seen:
            rows = _counted(app.ledger.costs(since, until), seen)
            async for piece in cost_csv(rows) if form is Format.CSV else cost_ndjson(rows):
                sys.stdout.write(piece)
    sys.stdout.flush()


async def _counted(rows: AsyncIterator[Row], seen: Seen) -> AsyncIterator[Row]:
    done = 0
    async for row in rows:
        yield row
        done += 1
        if done % SHOWN_EVERY == 0:
            seen(done, None)
