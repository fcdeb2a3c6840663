"""Connecting an account from a window: the platform is chosen, then accounts that a login here reaches, or a new login."""

from collections.abc import Sequence

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.people.people import Desk, Reachable
from bot.words.connection import Account, Json
from bot.words.facts import ConnectionFacts
from handlers.slack.listeners.home_tab import HomeTab
from handlers.slack.listeners.windows import answer_in_time, remembered, told, window
from handlers.slack.looks.blocks import LABEL_LIMIT, actions, bulleted, section, sections, words_only
from handlers.slack.looks.connection_lists import title_of
from handlers.slack.looks.markup import bare, plain
from handlers.words import Words

WATCH = "watch"
OPEN = "connect_open"  # a link; its click must be acknowledged all the same
ACCOUNTS = "accounts"
LOGINS_MOST = 10
OPTIONS_MOST = 100  # of a menu: https://docs.slack.dev/reference/block-kit/block-elements/multi-select-menu-element
VALUE_LIMIT = 150
NAMED_MOST = 20


def register(app: AsyncApp, desk: Desk, words: Words, tab: HomeTab) -> None:
    @app.action(OPEN)
    async def on_link(ack: AsyncAck) -> None:
        await ack()

    @app.view(WATCH)
    async def on_submit(ack: AsyncAck, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
        chosen, who = _chosen(view["state"]["values"]), str(context.user_id)
        if not any(chosen.values()):
            missing = words.say("Choose an account, or log in with the button above.")
            await ack(response_action="errors", errors={f"{ACCOUNTS}:{next(iter(chosen))}": missing})
            return

        async def watch() -> Json:
            made = [c for grant, ids in chosen.items() if ids for c in await desk.watch(grant, ids, who)]
            return told(words.say("Connect an account"), _watched(made, words), words)

        await answer_in_time(ack, client, view, words.say("Connect an account"), words, watch())
        await tab.again(client, who, remembered(view).get("home", ""))


def _chosen(values: Json) -> dict[str, list[str]]:
    """Account ids by the login that reaches them."""
    menus = {block.partition(":")[2]: held for block, held in values.items() if block.startswith(f"{ACCOUNTS}:")}
    return {
        grant: [str(option["value"]) for option in held[ACCOUNTS].get("selected_options") or []]
        for grant, held in menus.items()
    }


def _watched(made: Sequence[ConnectionFacts], words: Words) -> list[str]:
    lines = [words.many("{n} account is watched now:", "{n} accounts are watched now:", len(made))]
    return [*lines, *bulleted([title_of(c, words) for c in made[:NAMED_MOST]])]


async def connect_form(desk: Desk, platform: str, who: str, words: Words, home: str = "") -> Json:
    name = desk.platforms().get(platform, platform)
    url = await desk.connect_link(platform, who)
    logins = [r for r in await desk.reachable(platform) if r.accounts][:LOGINS_MOST]
    blocks = [*sections(_how(name, words)), actions([_button(url, name, words)])]
    title = words.say("Connect an account")
    if not logins:
        return window(title, blocks, words)
    blocks.append(section(words.say("Or watch more accounts that a login here reaches already:")))
    blocks += [_menu(login, words) for login in logins]
    return window(title, blocks, words, then=WATCH, submit=words.say("Watch"), home=home)


def _how(name: str, words: Words) -> list[str]:
    return [
        words.say("Log in at {platform} as whoever can see the accounts.", platform=f"*{plain(name)}*"),
        words.say("Afterwards you choose which accounts are watched."),
        words.say("The link is for you: it can be used once, and it expires."),
    ]


def _button(url: str, name: str, words: Words) -> Json:
    label = words_only(words.say("Connect {platform}", platform=name))
    return {"type": "button", "action_id": OPEN, "style": "primary", "url": url, "text": label}


def _menu(login: Reachable, words: Words) -> Json:
    menu = {
        "type": "multi_static_select",
        "action_id": ACCOUNTS,
        "placeholder": words_only(words.say("Choose accounts")),
        "options": [_option(a) for a in login.accounts if len(a.id) <= VALUE_LIMIT][:OPTIONS_MOST],
    }
    label = words_only(bare(words.say("Accounts of {login}", login=login.login), LABEL_LIMIT))
    return {
        "type": "input",
        "block_id": f"{ACCOUNTS}:{login.grant_id}",
        "optional": True,
        "label": label,
        "element": menu,
    }


def _option(account: Account) -> Json:
    text = bare(f"{account.name} · {account.id}" if account.name else account.id, LABEL_LIMIT)
    return {"text": words_only(text), "value": account.id}


def nothing_to_connect(words: Words) -> Json:
    nothing = words.say("No platform is switched on yet. Whoever runs Redkey can change that.")
    return window(words.say("Connect an account"), sections([nothing]), words)
