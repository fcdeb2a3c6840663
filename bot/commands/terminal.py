"""What every command does alike: read the settings, do its work, say in one line what went wrong."""

import asyncio
import getpass
import json
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from bot.logs import cleaned, escaped, start_logging
from bot.people.people import NotFound
from bot.settings.file import load, nowhere
from bot.settings.settings import Settings
from bot.words.errors import RedkeyError, SetupError
from bot.words.progress import Seen, nobody_watches

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")

EXPECTED = (SetupError, RedkeyError, NotFound)  # trouble a person can do something about: a line, never a traceback
INTERRUPTED = 130  # what shells expect of a command that Ctrl-C ended
PIPE_WIDTH = 240
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


@dataclass(frozen=True)
class Called:
    """What stood before the command."""

    config: Path | None
    workspace: str = ""


def settings_of(context: typer.Context) -> Settings:
    """Load the settings this command was called with, and keep their secrets out of the log. Raises SetupError.

    With --workspace they are that one's.
    """
    home, team = home_of(context), context.ensure_object(Called).workspace
    if not team:
        return home
    from bot.tenants import settings_of_one  # `redkey keys new` must not wait for it

    return working(settings_of_one(home, team))


def home_of(context: typer.Context) -> Settings:
    """As they stand, for a command that is about the whole deployment."""
    start_logging()
    config = context.ensure_object(Called).config
    if trouble := nowhere(config):
        raise SetupError(trouble)
    settings = load(config)
    start_logging(hidden=settings.hidden())
    return settings


def working(work: Coroutine[Any, Any, T], doing: str = "") -> T:
    """Run to the end; Ctrl-C ends it without a word. `doing`: what somebody who sits there reads while it lasts."""
    with interruptible(), _turning(doing):
        return asyncio.run(work)


@contextmanager
def _turning(doing: str) -> Iterator[None]:
    if not doing or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # a bot in service shows nothing to anybody

    with Console(stderr=True).status(doing):
        yield


@contextmanager
def counting(doing: str, *, printing: bool = False) -> Iterator[Seen]:
    """A bar on stderr for somebody who sits there; nothing in a pipe. `printing`: results go to stdout meanwhile, and where
    that is the same terminal, they are what somebody wants to see.
    """
    if not sys.stderr.isatty() or (printing and sys.stdout.isatty()):
        yield nobody_watches
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(doing, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def tell_json(found: object) -> None:
    """Print the result for a program."""
    tell(json.dumps(found, ensure_ascii=False, indent=2))


@contextmanager
def interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def me() -> str:
    """Who gives this command, for the timeline."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user of that number
        return "the command line"


def complain(trouble: Exception | str) -> None:
    """One line on stderr for each problem."""
    for line in str(trouble).splitlines() or [type(trouble).__name__]:
        print(f"redkey: {printable(line)}", file=sys.stderr)  # noqa: T201  # stderr is where commands complain


def printable(text: object) -> str:
    """Text from outside, fit for a terminal: no secrets, no control characters, one line."""
    return escaped(cleaned(str(text)))


def tell(text: str) -> None:
    """Print one line of the result."""
    print(text, flush=True)  # noqa: T201  # stdout is where commands answer


def results() -> "Console":
    """A console on stdout; in a pipe it is wide, so that nothing is cut."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, markup=False, emoji=False)


def table(items: list[dict[str, Any]], columns: list[str], empty: str) -> None:
    """A list for people; for programs there is --json."""
    if not items:
        tell(empty)
        return
    from rich.table import Table  # `redkey keys new` must not wait for it
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(_titled(column), overflow="fold")
    for item in items:
        shown.add_row(*(Text(printable(_seen(column, item[column]))) for column in columns))
    results().print(shown)


def _titled(column: str) -> str:
    words = column.replace("_", " ")
    return f"{words} (UTC)" if column.endswith("_at") else words


def _seen(column: str, value: Any) -> str:
    """People want to know the minute; what programs read has the rest."""
    if value is None:
        return ""
    return str(value)[:16].replace("T", " ") if column.endswith("_at") else str(value)
