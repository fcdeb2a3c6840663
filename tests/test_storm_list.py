"""A storm that its thread has no room for: a file in the thread names every account, once it is quiet and at the end."""

import csv
import io
import re

import pytest
from practice_memory import LOST, a_grant, an_account
from practice_story import GOOGLE, no_sleep, telling
from sample_facts import OUTAGES

from bot.memory.memory import Work
from bot.words.errors import AuthorizationLost
from bot.words.facts import StormAccount
from handlers.slack.line.pacing import Pacing
from handlers.slack.looks.messages import SlackComposer


@pytest.fixture
async def story(memory, clock, monkeypatch):
    monkeypatch.setattr("bot.words.facts.PAGES", 0)  # as if forty were all that a thread lists
    async with telling(memory, clock) as story:
        story.voice._pacing = Pacing(story.ticks, no_sleep)  # a channel takes one post a second
        yield story


async def lose(story, numbers):
    async with story.memory.begin() as tx:
        grants = [await a_grant(tx, story.clock(), f"person{n}", GOOGLE) for n in numbers]
        for n, grant in zip(numbers, grants, strict=True):
            await an_account(tx, grant, story.clock(), f"{n:010d}", flows=())
    for grant in grants:
        await story.watch.losses.lost(grant.id, grant.generation, AuthorizationLost(LOST))
    await story.work(Work.SAY)


def files(story):
    """What the files in the storm's thread hold, row by row."""
    post = next(post for post in story.posts() if "logins" in post.text)
    shared = [file for reply in story.world.slack.thread(post.channel, post.ts) for file in reply.files]
    held = [story.world.slack.files.held[file["id"]].data.decode("utf-8-sig") for file in shared]
    return [list(csv.DictReader(io.StringIO(text))) for text in held]


async def test_all_are_named_once_it_is_quiet_again_when_more_came_and_at_the_end(story):
    await lose(story, range(50))
    await story.pass_by(Work.SAY, seconds=30)
    with pytest.raises(StopIteration):
        next(iter(files(story)))

    for _ in range(3):
        await story.pass_by(Work.SAY, minutes=2)
    (first,) = files(story)
    members = {o.id: o for o in await story.outages() if o.storm}
    assert {row["login"] for row in first} == {o.login for o in members.values()}
    assert {re.search(r"out_\w+", row["reauthorize"])[0] for row in first} == set(members)
    assert {(row["name"], row["status"]) for row in first} >= {("Account 0000000049", "Authorization Required")}

    await lose(story, range(50, 53))
    for _ in range(3):
        await story.pass_by(Work.SAY, minutes=2)
    assert [len(rows) for rows in files(story)] == [46, 49]

    async with story.memory.begin() as tx:
        for outage in await tx.outages.latest():
            await tx.outages.close(outage.id, {}, {}, story.clock())
            await tx.outbox.say_message(outage.id, 9, story.clock())
    for _ in range(3):
        await story.pass_by(Work.SAY, minutes=2)
    last = files(story)[2:]
    assert [{(row["status"], row["reauthorize"]) for row in rows} for rows in last] == [{("Connected", "")}]


async def test_where_slack_takes_no_file_the_message_stands_all_the_same(story):
    story.world.slack.fail("files.getUploadURLExternal", "file_uploads_disabled", times=None)
    await lose(story, range(50))
    for _ in range(3):
        await story.pass_by(Work.SAY, minutes=2)
    assert files(story) == []
    assert "46 Google Ads logins need reauthorization" in str([post.text for post in story.posts()])
    async with story.memory.read() as tx:
        assert await tx.outbox.waiting() == 0


@pytest.mark.parametrize("language", ["en", "fr"])
def test_ten_thousand_accounts_are_all_there_and_none_is_a_formula(language):
    evil = '=HYPERLINK("https://evil.example")'
    accounts = [
        StormAccount(f"out_{n}", f"p{n}@acme.example", f"{n}", f"Account {n}" if n else evil, lost=True, over=False)
        for n in range(10_000)
    ]
    file = SlackComposer(language).listing(OUTAGES["google_disconnected"], accounts)
    rows = list(csv.DictReader(io.StringIO(file.data.decode("utf-8-sig"))))
    assert [row["account"] for row in rows] == [str(n) for n in range(10_000)]
    assert rows[0]["name"] == f"'{evil}"
    assert rows[-1]["reauthorize"] == "https://redkey.example.com/reauthorize/out_9999"
    assert len(file.data) < 1_500_000
