"""The oracle itself: a run that went well breaks no promise, and every kind of broken promise is seen."""

import sqlite3
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import replace

from oracle import judge
from practice_story import GOOGLE, SALESFORCE, sqlite_only, telling

from sandbox.slack import MARKETING

HEARD = {
    "touchpoint lost": "lacks the touchpoint TP2_00001",
    "touchpoint changed": "holds another bizible2__Medium__c",
    "touchpoint twice": "was given TP2_00001 twice",
    "second message": "2 living messages",
    "message deleted": "0 living messages",
    "confirmed twice": "2 replies confirm",
    "not green": "is not green",
    "reused": "used again, but only 0 answers were lost",
    "secret in a row": "holds 1 secrets in the clear",
    "secret in Slack": "Slack holds 1 secrets",
    "secret in a log": "redkey.log holds 1 secrets",
    "illegal change": "caught_up cannot follow lost",
    "gap": "has gaps",
    "cost off by a micro": "were spent",
    "outage open": "never ended",
    "still waiting": "still waits",
    "refresh open": "the refresh of",
    "unsaid": "was never said",
    "stands still": "stands still",
}
SQL = {
    "secret in a row": "UPDATE outages SET login = :secret WHERE rowid = 1",
    "illegal change": "UPDATE outage_events SET what = 'claimed' WHERE what = 'reauthorized'",
    "gap": "DELETE FROM outage_events WHERE revision = 2",
    "cost off by a micro": "UPDATE costs SET cost_micros = cost_micros + 1 WHERE day = (SELECT min(day) FROM costs)",
    "outage open": "UPDATE outages SET closed_at = NULL",
    "still waiting": "UPDATE deliveries SET state = 'again'",
    "refresh open": "UPDATE grants SET refresh_started_at = created_at",
    "unsaid": "UPDATE outbox SET due_at = '2026-01-01 00:00:00.000000'",
    "stands still": "UPDATE transfers SET due_at = '2026-01-01 00:00:00.000000'",
}


@contextmanager
def planted(promise, world, database, log):
    """Break one promise, and mend it again."""
    crm, channel = world.salesforce, world.slack.channel(MARKETING).messages
    messages, writes = dict(channel), deepcopy(crm.writes)
    secret = next(iter(world.google_ads.oauth.secrets()))
    tables = deepcopy(crm.org.tables)
    entries = len(crm.ledger.entries)
    _plant(promise, world, secret, log)
    if promise in SQL:
        with closing(sqlite3.connect(database)) as raw, raw:
            raw.execute(SQL[promise], {"secret": secret} if ":secret" in SQL[promise] else {})
    try:
        yield
    finally:
        crm.org.tables.update(tables)
        channel.clear()
        channel.update(messages)
        crm.org.writes.clear()
        crm.org.writes.update(writes)
        del crm.ledger.entries[entries:]
        log.write_text("")


def _plant(promise, world, secret, log):
    crm, channel = world.salesforce, world.slack.channel(MARKETING).messages
    alert = next(m for m in channel.values() if m.thread_ts is None and "Salesforce" in m.text)
    told = [m for m in channel.values() if m.thread_ts == alert.ts and "caught up" in m.text][-1]
    plants = {
        "touchpoint lost": lambda: _forget(crm, "TP2_00001"),
        "touchpoint changed": lambda: crm.records()["TP2_00001"].update(bizible2__Medium__c="email"),
        "touchpoint twice": lambda: crm.org.writes.update(TP2_00001=replace(crm.org.writes["TP2_00001"], created=2)),
        "second message": lambda: channel.update({"9.1": _copy(alert, "9.1")}),
        "message deleted": lambda: channel.update({alert.ts: _copy(alert, alert.ts, deleted=True)}),
        "confirmed twice": lambda: channel.update({"9.2": _copy(told, "9.2")}),
        "not green": lambda: channel.update({alert.ts: _copy(alert, alert.ts, attachments=[{"color": "#D92D20"}])}),
        "reused": lambda: crm.ledger.record("token.reused", token="rt-1", grant="grant-1"),
        "secret in Slack": lambda: channel.update({alert.ts: _copy(alert, alert.ts, text=secret)}),
        "secret in a log": lambda: log.write_text(f"token={secret}"),
    }
    plants.get(promise, list)()


def _forget(crm, key):
    for table in crm.org.tables.values():
        for held in (table.rows, *table.index.values()):
            for at in [at for at, row in held.items() if key in row.values()]:
                del held[at]


def _copy(message, ts, **changes):
    made = deepcopy(message)
    made.ts = ts
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@sqlite_only
async def test_the_oracle_is_content_with_a_good_run_and_sees_every_kind_of_broken_promise(
    memory, clock, sqlite_url, tmp_path
):
    async with telling(memory, clock) as story:
        await story.connect(GOOGLE)
        await story.connect(SALESFORCE)
        await story.touchpoints(1, 2, 3)
        await story.work()
        for platform in (GOOGLE, SALESFORCE):
            outage = await story.drop(platform)
            await story.work()
            await story.reauthorize(platform, outage.id)
            await story.work()
            await story.pass_by(minutes=2)
        path = sqlite_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        whole, log = tmp_path / "copy.db", tmp_path / "redkey.log"
        unseen = []
        for promise in ["", *HEARD]:
            with closing(sqlite3.connect(path)) as raw, closing(sqlite3.connect(whole)) as copy:
                raw.backup(copy)
            with planted(promise, story.world, whole, log):
                found = judge(f"sqlite:///{whole}", story.world, clock(), logs=[log])
            if not promise:
                assert [] == found
            elif not any(HEARD[promise] in problem for problem in found):
                unseen.append((promise, found))
        assert [] == unseen
