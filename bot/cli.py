"""The command line. What a command needs is imported when it runs, so that `redkey keys new` starts at once."""

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from bot.commands import audit, data, operate, remove, tagging, watch, webhooks, workspaces
from bot.commands.terminal import EXPECTED, AsJson, Called, complain, settings_of, tell, tell_json, working
from bot.people.people import NoConnection
from bot.settings.settings import Settings
from bot.words.errors import SetupError

app = typer.Typer(
    name="redkey",
    help="Notices when an ad or CRM connection drops, gets it reauthorized, and catches up what was missed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
watch.add_to(app)
data.add_to(app)
operate.add_to(app)
audit.add_to(app)
tagging.add_to(app)
remove.add_to(app)
webhooks.add_to(app)
workspaces.add_to(app)


def _version(wanted: bool) -> None:
    if wanted:
        tell(f"redkey {_number()}")
        raise typer.Exit


def _number() -> str:
    """The version's number; in a checkout that was never installed, the one it would be installed as."""
    try:
        return version("redkey")
    except PackageNotFoundError:
        project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
        return str(project["project"]["version"])


@app.callback()
def redkey(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Settings file. Else REDKEY_CONFIG, else ./redkey.toml.")
    ] = None,
    workspace: Annotated[
        str,
        typer.Option(metavar="TEAM", help="One that added the app (redkey workspaces). Default: that of the settings."),
    ] = "",
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    context.obj = Called(config, workspace)


@app.command()
def demo(
    headless: Annotated[bool, typer.Option("--headless", help="Play the person too, and print the timeline.")] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Of the practice world. Default: a free one.")
    ] = None,
) -> None:
    """Tell the whole story on this machine, without any account."""
    from sandbox.demo import run_demo

    raise typer.Exit(run_demo(port, headless=headless))


@app.command()
def doctor(
    context: typer.Context,
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Also post a test message to each channel, edit it, and take it back.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check settings, database, keys, Slack and every platform; one line each, with the cure."""
    from bot.commands.doctor import examine, examined

    of_one = settings_of(context) if context.ensure_object(Called).workspace else None

    def loaded() -> Settings:
        return of_one or settings_of(context)

    if as_json:
        found = working(examined(loaded, live=live))
        tell_json(found)
        raise typer.Exit(0 if all(each["ok"] for each in found) else 1)
    raise typer.Exit(working(examine(loaded, tell, live=live)))


@app.command()
def manifest(
    http: Annotated[
        str | None, typer.Option(metavar="PUBLIC_URL", help="For [slack] mode = http: where Slack reaches the bot.")
    ] = None,
    install: Annotated[
        str | None, typer.Option(metavar="PUBLIC_URL", help="For [slack] install: other workspaces may add the app.")
    ] = None,
) -> None:
    """Print the Slack app's manifest, to be pasted at api.slack.com/apps, From a manifest."""
    from handlers.slack.line.manifest import installable, manifest

    for option, address in (("--http", http), ("--install", install)):
        if address is not None and not address.startswith("https://"):
            raise SetupError(f"{option}: Slack calls https addresses only, such as https://redkey.example.com")
    written = manifest() if http is None else manifest(http, "http")
    sys.stdout.write(written if install is None else installable(install, written))


def _whose_first(words: list[str]) -> list[str]:
    """Take --config and --workspace wherever a person puts them: `redkey run --config other.toml` too."""
    first, rest = [], []
    left = iter(words)
    for word in left:
        if word == "--":
            rest.append(word)
            break
        if word.startswith(("--config=", "--workspace=")):
            first.append(word)
        elif word in ("--config", "-c", "--workspace"):
            first += [word, *[value for value in [next(left, None)] if value is not None]]
        else:
            rest.append(word)
    return [*first, *rest, *left]


def main() -> None:
    """Run one command. Exit codes: 0 done, 1 it failed and a line says why, 2 wrong usage."""
    try:
        app(_whose_first(sys.argv[1:]), prog_name="redkey")
    except NoConnection as trouble:
        complain(f"{trouble}; `redkey connections` lists what there is")
        sys.exit(1)
    except EXPECTED as trouble:
        complain(trouble)
        sys.exit(1)
