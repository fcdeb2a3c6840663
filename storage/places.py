"""Where each workspace's database is: on SQLite a file beside home's, on Postgres a schema of its own in home's database.

Nothing is shared between two of them, so no question can forget to ask for the right one.
"""

from pathlib import Path

from sqlalchemy import URL, text

from bot.words.errors import SetupError
from bot.words.tenant import TEAM
from storage.database import Database, parsed, setup_faults
from storage.upgrade import LOCK


def place_of(home: str, team: str) -> str:
    """The address of that workspace's database."""
    if not TEAM.fullmatch(team):
        raise ValueError("that is no workspace's id")
    url = parsed(home)
    return (_file(url, team) if url.drivername.startswith("sqlite") else _schema(url, team)).render_as_string(
        hide_password=False
    )


async def make_place(home: str, team: str) -> str:
    """The same, made where it was not there. Raises SetupError."""
    place, url = place_of(home, team), parsed(home)
    if url.drivername.startswith("sqlite"):
        _make_directory(parsed(place))
        return place
    database = Database(home)
    try:
        with setup_faults(database):
            async with database.writing.begin() as connection:
                # IF NOT EXISTS is no help to two who make it at once: https://www.postgresql.org/docs/current/explicit-locking.html
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
                await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {_name(team)}"))
    finally:
        await database.close()
    return place


def _file(url: URL, team: str) -> URL:
    stem, _, _ = (url.database or "").rpartition(".")
    return url.set(database=f"{stem or url.database}.workspaces/{team}.db")


def _schema(url: URL, team: str) -> URL:
    """Without `public` in the path: home's tables cannot even be named from here by accident."""
    given = url.query.get("options", "")
    options = " ".join([given if isinstance(given, str) else " ".join(given), f"-csearch_path={_name(team)}"]).strip()
    return url.update_query_dict({"options": options})


def _name(team: str) -> str:
    return f"redkey_{team.lower()}"


def _make_directory(url: URL) -> None:
    directory = Path(url.database or "").parent
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"database.url: {directory} cannot be made for the databases of workspaces ({error.strerror}); "
            "check the directory it is to stand in"
        ) from None
