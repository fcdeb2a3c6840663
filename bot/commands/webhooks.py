"""The commands of webhooks: who subscribed, does it work, and a fresh secret to sign with."""

from typing import Annotated, Any

import typer

from bot.commands.terminal import AsJson, complain, settings_of, table, tell, tell_json, working
from bot.settings.settings import Settings
from bot.settings.webhooks import WebhookSettings
from bot.words.errors import RedkeyError, SetupError

webhooks = typer.Typer(help="Programs that are told what happens.", no_args_is_help=True)
COLUMNS = ["name", "state", "since", "taken_at", "waiting", "events"]


def add_to(app: typer.Typer) -> None:
    app.add_typer(webhooks, name="webhooks")


@webhooks.command("list")
def list_them(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the endpoints of [[webhooks]] and how each is doing."""
    items = working(_list(settings_of(context)))
    if as_json:
        tell_json(items)
    else:
        shown = [{**item, "events": ", ".join(item["events"])} for item in items]
        table(shown, COLUMNS, "There is no [[webhooks]] in the settings.")


async def _list(settings: Settings) -> list[dict[str, Any]]:
    from bot.app import App
    from bot.memory.notices import Endpoint
    from bot.words.listing import stamp

    async with App.open(settings, role="command") as app, app.memory.read() as tx:
        states = await tx.notices.endpoints()
        items = []
        for each in settings.webhooks:
            found = states.get(each.name, Endpoint())
            since = stamp(found.disabled_at or found.failing_since)
            items.append(
                {
                    "name": each.name,
                    "state": found.state,
                    "since": since,
                    "taken_at": stamp(await tx.notices.last_taken(each.name)),
                    "waiting": await tx.notices.waiting(each.name),
                    "events": [*each.events],
                }
            )
        return items


@webhooks.command("test")
def try_them(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One endpoint. Default: all.")] = None,
) -> None:
    """Send a signed test to each endpoint. One that takes it is switched on again, if it was off."""
    settings = settings_of(context)
    chosen = [each for each in settings.webhooks if name in (None, each.name)]
    if not chosen:
        known = ", ".join(each.name for each in settings.webhooks)
        cure = f"there are: {known}" if known else "write one into [[webhooks]]; docs/webhooks.md says how"
        raise SetupError(f"there is no endpoint {name or 'yet'}; {cure}")
    if not working(_test(settings, chosen), "sending"):
        raise typer.Exit(1)


async def _test(settings: Settings, chosen: list[WebhookSettings]) -> bool:
    from bot.app import App
    from bot.subscribers import webhook
    from bot.webhooks.happenings import TEST, said

    well = True
    async with App.open(settings, role="command") as app:
        for each in chosen:
            now = app.now()
            try:
                await webhook(each).send(f"test_{now:%Y%m%d%H%M%S%f}", now, said(TEST, now, {"endpoint": each.name}))
            except RedkeyError as error:
                well = False
                complain(f"{each.name}: {error}")
                continue
            async with app.memory.begin() as tx:
                await tx.notices.took(each.name)
            tell(f"{each.name}: took it")
    return well


@webhooks.command("secret")
def secret() -> None:
    """Print a fresh secret, to be put first in an endpoint's secrets and given to its receiver."""
    from handlers.webhook import new_secret

    tell(new_secret())
