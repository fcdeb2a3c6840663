"""The "Ask someone else" button: a window makes a link for a person outside Slack, and shows it once, to its maker."""

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.people.people import Desk
from bot.words.connection import Json
from handlers.slack.line.names import Names
from handlers.slack.listeners.private_answers import private
from handlers.slack.listeners.windows import answer_in_time, remembered, window
from handlers.slack.looks.blocks import section, sections, words_only
from handlers.slack.looks.buttons import ASK, TAKE_BACK
from handlers.words import Words

WHO = "ask_who"  # the block and its element
SAME, ANY = "same", "any"


def register(app: AsyncApp, desk: Desk, words: Words, names: Names) -> None:
    @app.action(ASK)
    async def on_click(ack: AsyncAck, action: Json, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=ask_view(str(action["value"]), words))

    @app.view(ASK)
    async def on_submit(ack: AsyncAck, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
        about, who = remembered(view), str(context.user_id)
        chosen = (view["state"]["values"][WHO][WHO].get("selected_option") or {}).get("value")

        async def ask() -> Json:
            await names.learn(who)
            return link_view(await desk.ask_guest(about.get("outage", ""), who, same_login=chosen != ANY), words)

        await answer_in_time(ack, client, view, words.say("Ask someone else"), words, ask())

    @app.action(TAKE_BACK)
    async def on_regret(ack: AsyncAck, action: Json, context: AsyncBoltContext, respond: AsyncRespond) -> None:
        await ack()
        await names.learn(str(context.user_id))
        if not await desk.take_back(str(action["value"]), str(context.user_id)):
            await respond(private(words.say("That link was used already, taken back, or is too old.")))


def ask_view(outage_id: str, words: Words) -> Json:
    lines = [
        words.say("This makes a link for a person who is not in Slack, such as somebody at your agency."),
        words.say("It shows the platform and the accounts, is good for one login within a day, and for nothing else."),
        words.say("By making it you approve of whoever uses it. The thread tells who that was."),
    ]
    options = [
        {"text": words_only(words.say("Only the login it was so far")), "value": SAME},
        {"text": words_only(words.say("Any login that reaches the accounts")), "value": ANY},
    ]
    radio = {"type": "radio_buttons", "action_id": WHO, "options": options, "initial_option": options[0]}
    label = words_only(words.say("Which login may be used"))
    asked: Json = {"type": "input", "block_id": WHO, "label": label, "element": radio}
    title, submit = words.say("Ask someone else"), words.say("Make the link")
    return window(title, [*sections(lines), asked], words, then=ASK, submit=submit, outage=outage_id)


def link_view(url: str, words: Words) -> Json:
    told = words.say("Send this to the person, and to nobody else. It is shown only here, and only once.")
    return window(words.say("Ask someone else"), [section(told), section(f"```{url}```")], words)
