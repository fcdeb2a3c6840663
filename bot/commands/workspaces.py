"""The command for workspaces beside home."""

from typing import Any

import typer

from bot.commands.terminal import AsJson, home_of, table, tell_json, working
from bot.settings.settings import Settings


def add_to(app: typer.Typer) -> None:
    app.command()(workspaces)


def workspaces(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the workspaces that added the app. For one of them: redkey --workspace T0123ABCD connections"""
    items = working(_workspaces(home_of(context)))
    if as_json:
        tell_json(items)
    else:
        columns = ["team", "name", "channel", "installer", "installed_at", "uninstalled_at", "trouble"]
        table(items, columns, "No other workspace has added the app.")


async def _workspaces(settings: Settings) -> list[dict[str, Any]]:
    from bot.app import App
    from bot.tenants import trouble_of
    from bot.words.listing import stamp

    async with App.open(settings, role="command") as app:
        async with app.memory.read() as tx:
            found = await tx.workspaces.all()
        return [
            {
                "team": each.team,
                "name": each.name,
                "channel": each.channel,
                "installer": each.installer,
                "installed_at": stamp(each.installed_at),
                "uninstalled_at": stamp(each.rested_at) if each.rested_at else None,
                "trouble": await trouble_of(app, each),
            }
            for each in found
        ]
