"""Writing settings as TOML: the standard library only reads it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def as_toml(sections: Mapping[str, Any]) -> str:
    return "\n".join(_table(sections, ())).lstrip("\n") + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Plain values first: in TOML whatever follows a header belongs to it."""
    if path and any(not _is_table(value) for value in table.values()):
        yield f"\n[{'.'.join(path)}]"
    for key, value in table.items():
        if not _is_table(value):
            yield f"{key} = {_value(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _table(value, (*path, key))
        elif _is_table(value):
            for each in value:
                yield f"\n[[{'.'.join((*path, key))}]]"
                yield from (f"{name} = {_value(inner)}" for name, inner in each.items())


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))


def _value(value: Any) -> str:
    """JSON's texts, numbers, booleans and lists of these are TOML's too."""
    return json.dumps(value, ensure_ascii=False)
