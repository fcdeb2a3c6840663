"""Storms: many logins lost at once are few messages, and one of them counts down."""

import re
from dataclasses import replace

from practice_memory import LOST, a_grant, an_account
from practice_story import GOOGLE, telling
from sample_facts import OUTAGES
from slack_limits import message_problems

from bot.memory.memory import Work
from bot.words.connection import Cause
from bot.words.errors import AuthorizationLost, Misconfigured
from bot.words.facts import PAGE, Storm, StormLine
from handlers.slack.looks.messages import SlackComposer

RED, GREEN = "#D92D20", "#12B76A"


async def logins(memory, now, count):
    """Each with an account."""
    async with memory.begin() as tx:
        made = [await a_grant(tx, now, f"person{n}", GOOGLE) for n in range(count)]
        for n, grant in enumerate(made):
            await an_account(tx, grant, now, f"{n:010d}")
        return made


async def test_many_drops_at_once_are_five_messages_and_the_last_counts_down_to_green(memory, clock):
    async with telling(memory, clock) as story:
        for grant in await logins(memory, clock(), 50):
            await story.watch.losses.lost(grant.id, grant.generation, AuthorizationLost(LOST))
        await story.work(Work.SAY)
        await story.pass_by(Work.SAY, minutes=2)

        posts = story.posts()
        assert 5 == len(posts)
        digest = next(post for post in posts if "46 Google Ads logins need reauthorization" in post.text)
        told = str([digest.attachments, [m.blocks for m in story.world.slack.thread(digest.channel, digest.ts)]])
        outages = {o.id for o in await story.outages() if o.storm}
        assert outages == set(re.findall(r"/reauthorize/(out_\w+)", told))

        for n, outage_id in enumerate(sorted(outages)):
            async with memory.begin() as tx:
                await tx.outages.close(outage_id, {}, {}, clock())
                await tx.outbox.say_message(outage_id, 9, clock())
            if n == 40:
                await story.pass_by(Work.SAY, seconds=4)
                assert any("5 Google Ads logins need" in post.text for post in story.posts())
        await story.pass_by(Work.SAY, seconds=4)
        assert sorted([RED] * 4 + [GREEN]) == sorted(p.attachments[0]["color"] for p in story.posts())


async def test_a_wrong_client_secret_is_two_messages_however_many_logins_find_it_one_by_one(memory, clock):
    """What the operator must act upon is told in full once; the others follow in one message."""
    secret = Misconfigured(Cause("invalid_client", "The client secret is wrong.", "Set the right one."))
    async with telling(memory, clock) as story:
        for grant in await logins(memory, clock(), 12):
            clock.advance(seconds=40)
            await story.watch.losses.lost(grant.id, grant.generation, secret)
            await story.work(Work.SAY)
        await story.pass_by(Work.SAY, minutes=2)
        alone, others = sorted((post.text for post in story.posts()), key=lambda text: "logins" in text)
        assert alone.startswith("Google Ads refuses Redkey itself, so Account 0000000000 is cut off.")
        assert others.startswith("11 Google Ads logins are cut off.")
        assert others.endswith("Set the right one.")


def test_a_digest_of_hostile_names_keeps_slacks_limits_and_links_only_to_our_pages():
    evil = "<!channel> <https://evil.example|x> \u202e\x00 @here & " * 50
    lines = tuple(StormLine(f"out_{n:024d}", evil, evil, 12, lost=True, over=False) for n in range(PAGE))
    for language in ("en", "fr"):
        facts = replace(OUTAGES["google_disconnected"], storm=Storm(10_000, 10_000, 10_000, lines))
        said = SlackComposer(language).outage(facts)
        assert message_problems(said) == []
        shown = str([said.blocks, said.attachments])
        assert PAGE + 2 == len(re.findall(r"<(?!https://evil)http[^|>]+\|", shown))
        assert "<!" not in shown
        assert "<https://evil" not in shown
