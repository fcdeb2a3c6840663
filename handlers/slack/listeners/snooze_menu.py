"""The Snooze menu under an alert: no reminders until then. What is being lost goes on being lost."""

from datetime import timedelta

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond

from bot.people.people import Desk, NotFound
from bot.words.connection import Json
from bot.words.facts import OutageFacts
from bot.words.interfaces import Clock
from handlers.slack.listeners.once import counts
from handlers.slack.listeners.private_answers import private
from handlers.slack.looks.buttons import SNOOZE, SNOOZES
from handlers.words import Words


def register(app: AsyncApp, desk: Desk, words: Words, now: Clock) -> None:
    @app.action(SNOOZE)
    async def on_choice(ack: AsyncAck, action: Json, context: AsyncBoltContext, respond: AsyncRespond) -> None:
        await ack()
        chosen = (action.get("selected_option") or {}).get("value")
        if not chosen:
            return  # the choice was taken back
        length, _, outage_id = str(chosen).partition(":")
        if length not in SNOOZES:
            raise NotFound(f"there is no outage {outage_id}")
        if not await counts(desk, action, f"snooze:{outage_id}"):
            return
        until = now() + timedelta(hours=SNOOZES[length])
        facts = await desk.snooze(outage_id, str(context.user_id), until)
        if facts.outage.closed_at is not None:
            await respond(private(words.say("This is over already; there is nothing to snooze.")))
        elif facts.loss.told_until and (facts.outage.snoozed_until or now()) < until:
            await respond(private(capped(facts, words)))


def capped(facts: OutageFacts, words: Words) -> str:
    assert facts.loss.told_until is not None
    told = {"platform": facts.platform_name, "day": words.day(facts.loss.told_until)}
    if facts.outage.snoozed_until is None:
        return words.say(
            "{platform} gives the missing days only until {day}, so this cannot be snoozed any more.", **told
        )
    return words.say("Snoozed for less: {platform} gives the missing days only until {day}.", **told)
