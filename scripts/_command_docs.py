"""Writes docs/commands.md from the commands themselves, so that the page cannot disagree with them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from bot.cli import app

Command = TyperCommand | TyperGroup
PAGE = Path(__file__).parent.parent / "docs" / "commands.md"
HEAD = """# Commands

<!-- Written by scripts/docs from the commands. -->

`redkey COMMAND`, or `python -m bot COMMAND`. Results are written to standard output, progress and logs to standard error.
The exit code is 0 when it was done, 1 when it failed (one line says why), 2 for wrong usage. `--config FILE`
may stand anywhere; without it, `REDKEY_CONFIG` names the settings file, else it is `redkey.toml` in the working directory.
"""


def page() -> str:
    return "\n".join([HEAD, *(_section(path, command) for path, command in commands())])


def commands() -> Iterator[tuple[str, Command]]:
    """Every command with the words that call it, groups left out."""
    yield from _below("redkey", cast("Command", get_command(app)))


def _below(path: str, command: Command) -> Iterator[tuple[str, Command]]:
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            assert isinstance(inner, Command)
            yield from _below(f"{path} {name}", inner)
    else:
        yield path, command


def _section(path: str, command: Command) -> str:
    arguments = [p for p in command.params if isinstance(p, TyperArgument)]
    called = " ".join([path, *(_argument(p) for p in arguments)])
    lines = [f"## {path.removeprefix('redkey ')}\n", f"`{called}`\n", f"{(command.help or '').strip()}\n"]
    options = [p for p in command.params if isinstance(p, TyperOption)]
    if options:
        lines += ["| option | what it does |", "|---|---|", *(_option(p) for p in options), ""]
    return "\n".join(lines)


def _argument(argument: TyperArgument) -> str:
    name = (argument.metavar or argument.name or "").strip("[]{}").upper()
    return name if argument.required else f"[{name}]"


def _option(option: TyperOption) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    return f"| {names} | {_cell(option.help or '')} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.exit()
