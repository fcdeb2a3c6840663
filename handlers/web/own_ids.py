"""What an id or token of ours can look like. Anything else is refused before a database sees it."""

import re

from bot.people.people import NotFound

OWN_ID = re.compile(r"[A-Za-z0-9_.~-]{1,200}")


def own_id(text: str) -> str:
    """Raises NotFound for what we cannot have made; PostgreSQL cannot even be asked about a NUL."""
    if not OWN_ID.fullmatch(text):
        raise NotFound("there is nothing by that name")
    return text
