"""The commands that move data by hand: touchpoints in, costs out."""

import typer


def add_to(app: typer.Typer) -> None:
    pass
