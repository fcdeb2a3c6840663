"""Reads the practice world's ledgers and the bot's database after a run, and says what should not be so."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, and_, create_engine, func, make_url, or_, select

from sandbox.demo import GREEN
from sandbox.slack import MARKETING
from sandbox.world import World
from storage.freight import costs, deliveries, sent_through, touchpoints
from storage.sent import AGAIN, fresh
from storage.tables import connections, grants, metadata, outage_events, outages, outbox, transfers

LEGAL = {
    "": {"disconnected": "lost"},
    "lost": {"reauthorized": "catching up", "disconnected": "lost"},
    "over": {"dropped": "lost"},  # again soon after: the same outage goes on (bot/outages/flaps.py)
    "catching up": {"reopened": "lost", "stalled": "catching up", "caught_up": "over", "reauthorized": "catching up"},
}
NOTES = {"joined", "partly", "claimed", "snoozed", "paused", "wrong_account", "declined", "moved"}


@dataclass(frozen=True)
class Rows:
    """The whole database, table by table, as plain values."""

    of: Mapping[str, Sequence[Mapping[str, object]]]

    def __getitem__(self, table: object) -> Sequence[Mapping[str, object]]:
        return self.of[getattr(table, "name", "")]


@contextmanager
def opened(url: str) -> Iterator[Connection]:
    given = make_url(url)
    driver = "sqlite" if given.drivername.startswith("sqlite") else "postgresql+psycopg"
    engine = create_engine(given.set(drivername=driver))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def read(url: str) -> Rows:
    with opened(url) as connection:
        return Rows(
            {t.name: [dict(r) for r in connection.execute(select(t)).mappings()] for t in metadata.sorted_tables}
        )


def refreshes_under_way(url: str) -> set[str]:
    """The logins whose refresh was begun and not ended. After a kill, its answer may be lost for good."""
    with opened(url) as connection:
        return set(connection.execute(select(grants.c.id).where(grants.c.refresh_started_at.is_not(None))).scalars())


def quiet(url: str) -> bool:
    """Nothing is lost, on its way or waiting any more."""
    with opened(url) as connection:
        open_outages = select(func.count()).where(outages.c.closed_at.is_(None))
        of = deliveries.c.connection_id
        waiting = select(func.count()).where(or_(deliveries.c.state == AGAIN, and_(*fresh(of))))
        unsaid = select(func.count()).select_from(outbox).where(outbox.c.due_at.is_not(None))
        return not any(connection.execute(count).scalar() for count in (open_outages, waiting, unsaid))


def judge(
    url: str, world: World, now: datetime, *, lost_answers: int = 0, logs: Sequence[Path] = (), at_rest: bool = True
) -> list[str]:
    """Every broken promise, one sentence each. `lost_answers`: how many refreshes were killed in flight.

    `at_rest`: the run is over, so nothing may be left to do.
    """
    rows = read(url)
    problems = [*_touchpoints(rows, world), *_messages(rows, world), *_families(world, lost_answers)]
    problems += [*_secrets(url, rows, world, logs), *_timelines(rows), *_costs(rows, world)]
    return problems + (_stuck(rows, now) if at_rest else [])


def _touchpoints(rows: Rows, world: World) -> Iterator[str]:
    """Every touchpoint in the CRM exactly once, with what it last was."""
    platform = {c["id"]: c["platform"] for c in rows[connections]}
    given = {t["id"]: t for t in rows[touchpoints]}
    for crm in world.crms:
        held, writes = crm.records(), crm.writes
        mine = {d["touchpoint_id"]: d for d in rows[deliveries] if platform[d["connection_id"]] == crm.key}
        for key, delivery in mine.items():
            record = held.get(key)
            if _sent(rows, delivery) and record is None:
                yield f"{crm.name} lacks the touchpoint {key}, which counts as sent"
            elif record is not None and (other := _differs(record, given[key]["fields"])):
                yield f"{crm.name} holds another {other} for {key} than was sent"
        yield from (f"{crm.name} was given {key} twice" for key, w in writes.items() if w.created > 1)
        yield from (f"{crm.name} holds {key}, which nobody sent" for key in writes if key not in mine)


def _sent(rows: Rows, delivery: Mapping[str, object]) -> bool:
    """By its own word, or with all others of its connection up to some number."""
    runs = [run for run in rows[sent_through] if run["connection_id"] == delivery["connection_id"]]
    passed = any(int(str(run["number"])) >= int(str(delivery["number"])) for run in runs)
    return delivery["state"] == "sent" or (delivery["state"] == "waiting" and passed)


def _differs(record: object, fields: object) -> str:
    assert isinstance(fields, dict)
    if not isinstance(record, dict):
        return ""  # a CRM that renames fields; its own tests look at its values
    return next((name for name, value in fields.items() if name in record and record[name] != value), "")


def _messages(rows: Rows, world: World) -> Iterator[str]:
    """One living message for every outage, one reply for every state, one confirmation for every recovery."""
    top, replies = Counter[str](), Counter[tuple[str, object]]()
    colours: dict[str, set[str]] = defaultdict(set)
    for message in world.slack.channel(MARKETING).messages.values():
        payload = ((message.metadata or {}).get("event_payload")) or {}
        if message.deleted or "outage" not in payload:
            continue
        outage = str(payload["outage"])
        if message.thread_ts in (None, message.ts):
            top[outage] += 1
            colours[outage].add(str(message.color or "").upper())
        else:
            replies[outage, payload.get("revision")] += 1
    told = {(e["outage_id"], e["revision"]): e["what"] for e in rows[outage_events]}
    for outage in rows[outages]:
        key = str(outage["id"])
        if outage["alerted_at"] and top[key] != 1:
            yield f"{top[key]} living messages tell of the outage {key}"
        if outage["caught_up_at"]:
            said = sum(n for (o, r), n in replies.items() if o == key and told.get((o, r)) == "caught_up")
            if said != 1:
                yield f"{said} replies confirm the recovery of {key}"
            if colours[key] != {GREEN}:
                yield f"the message of {key} is not green, although it is over"
        elif GREEN in colours[key] and not outage["closed_at"]:
            yield f"the message of {key} is green, although it goes on"
    known = {o["id"] for o in rows[outages]}
    yield from (f"a message tells of an outage {key} that nobody remembers" for key in top if key not in known)
    yield from (f"{n} replies tell the same of {key[0]}" for key, n in replies.items() if n > 1)


def _families(world: World, lost_answers: int) -> Iterator[str]:
    """Using a refresh token again is right only after an answer that was lost with the process that waited for it."""
    ended = {(p.key, entry["grant"]) for p in world.platforms for entry in p.ledger.where("token.reused")}
    if len(ended) > lost_answers:
        yield f"old tokens of {len(ended)} logins were used again, but only {lost_answers} answers were lost"


def _secrets(url: str, rows: Rows, world: World, logs: Sequence[Path]) -> Iterator[str]:
    """Every token, code and client secret that ever was, looked for in the bytes of the database and of the logs."""
    places: dict[str, bytes] = {path.name: path.read_bytes() for path in logs if path.exists()}
    database = make_url(url).database or ""
    if url.startswith("sqlite"):
        for end in ("", "-wal", "-journal"):
            if (path := Path(database + end)).exists():
                places[f"the file {path.name}"] = path.read_bytes()
    else:
        places |= {f"the table {name}": repr(held).encode() for name, held in rows.of.items()}
    said = [(m.text, m.blocks, m.attachments, m.metadata) for m in world.slack.channel(MARKETING).messages.values()]
    places["Slack"] = json.dumps(said, default=str).encode()
    for where, held in places.items():
        leaked = sum(secret.encode() in held for secret in world.secrets())
        if leaked:
            yield f"{where} holds {leaked} secrets in the clear"


def _timelines(rows: Rows) -> Iterator[str]:
    """Only legal changes of state, each once."""
    lines: dict[object, list[Mapping[str, object]]] = defaultdict(list)
    for event in sorted(rows[outage_events], key=lambda e: (str(e["outage_id"]), int(str(e["revision"])))):
        lines[event["outage_id"]].append(event)
    for outage in rows[outages]:
        state, told = "", lines[outage["id"]]
        if [e["revision"] for e in told] != list(range(1, len(told) + 1)):
            yield f"the timeline of {outage['id']} has gaps"
        for event in told:
            what = str(event["what"])
            if what in NOTES:
                continue
            follows = LEGAL.get(state, {}).get(what)
            if follows is None:
                yield f"{outage['id']}: {what} cannot follow {state or 'nothing'}"
                break
            state = follows
        if bool(outage["caught_up_at"]) != (state == "over"):
            yield f"{outage['id']} counts as {state}, but its row says otherwise"


def _costs(rows: Rows, world: World) -> Iterator[str]:
    """The cost table equals the source, to the micro."""
    held = {c["id"]: c for c in rows[connections]}
    exported = [
        {
            "platform": held[row["connection_id"]]["platform"],
            "account": held[row["connection_id"]]["account_id"],
            "date": str(row["day"]),
            "cost_micros": row["cost_micros"],
        }
        for row in rows[costs]
    ]
    yield from world.disagreements("\n".join(json.dumps(row) for row in exported))


def _stuck(rows: Rows, now: datetime, patience: timedelta = timedelta(minutes=5)) -> list[str]:
    """What should have happened by now and has not."""
    late = now - patience
    found = [f"the outage {o['id']} never ended" for o in rows[outages] if not o["closed_at"]]
    waiting = [d for d in rows[deliveries] if d["state"] != "set_aside" and not _sent(rows, d)]
    found += [f"the touchpoint {d['touchpoint_id']} still waits" for d in waiting]
    found += [f"{s['key']} was never said" for s in rows[outbox] if s["due_at"] and s["due_at"] < late]
    found += [
        f"the transfer {t['flow']} of {t['connection_id']} stands still"
        for t in rows[transfers]
        if t["due_at"] < late and _enabled(rows, t["connection_id"])
    ]
    found += [
        f"the refresh of {g['id']} never ended" for g in rows[grants] if g["refresh_started_at"] and not g["lost_at"]
    ]
    about = _open_connections(rows)
    found += [f"{c['id']} catches up for ever" for c in rows[connections] if c["catching_up"] and c["id"] not in about]
    return found


def _enabled(rows: Rows, connection: object) -> bool:
    return any(c["id"] == connection and c["enabled"] and c["authorized"] for c in rows[connections])


def _open_connections(rows: Rows) -> Collection[object]:
    still = {o["id"] for o in rows[outages] if not o["closed_at"]}
    return {row["connection_id"] for row in rows.of["outage_connections"] if row["outage_id"] in still}
