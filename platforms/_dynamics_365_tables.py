"""What must be known of a Dataverse table before records can be upserted into it."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from platforms._answers import text
from platforms._dynamics_365_errors import key_not_active, no_key, no_table

# https://learn.microsoft.com/power-apps/developer/data-platform/define-alternate-keys-entity
DESCRIPTION = {
    "$select": "LogicalName,PrimaryIdAttribute",
    "$expand": "Keys($select=KeyAttributes,EntityKeyIndexStatus)",
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Table:
    """`key`: the column of its alternate key."""

    entity_set: str
    logical: str
    primary: str
    key: str


def described(entity_set: str, key: str, found: Any) -> Table:
    """Read the table's definition.

    Raises Misconfigured where the table is not there, or its key is not there or not active; else what a wrong shape
    raises.
    """
    if not isinstance(found, list):
        raise TypeError("expected a list of tables")
    if not found:
        raise no_table(entity_set)
    states = [text(each["EntityKeyIndexStatus"]) for each in found[0]["Keys"] if each["KeyAttributes"] == [key]]
    if not states:
        raise no_key(key)
    if "Active" not in states:
        raise key_not_active(states[0])
    return Table(entity_set, _name(found[0]["LogicalName"]), _name(found[0]["PrimaryIdAttribute"]), key)


def guid(value: object) -> str:
    return str(UUID(text(value)))


def _name(value: object) -> str:
    """It goes into addresses."""
    if not _NAME.fullmatch(text(value)):
        raise ValueError("expected a name")
    return text(value)
