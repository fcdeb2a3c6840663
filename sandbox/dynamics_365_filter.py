"""The part of OData's $filter and of its addresses that the sandbox Dataverse reads.

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query/filter-rows
"""

import re
from collections.abc import Callable
from typing import TypeAlias
from uuid import UUID

from sandbox.dynamics_365_org import Address
from sandbox.dynamics_365_schema import DataError, KeyStatus, Table, Value

Test: TypeAlias = Callable[[dict[str, Value]], bool]

MOST_CONDITIONS = 500
_SYNTAX = "0x80060888"
_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<mark>[()])|(?P<word>[^\s()']+))")
# Never in the brackets of an address, encoded or not:
# https://learn.microsoft.com/power-apps/developer/data-platform/use-alternate-key-reference-record
_FORBIDDEN = set("/<>*%&:\\?+")
_PREDICATE = re.compile(r"(?P<column>[A-Za-z_][A-Za-z0-9_]*)='(?P<value>(?:[^']|'')*)'")


def syntax_error(words: str = "Bad Request - Error in query syntax.", status: int = 400) -> DataError:
    return DataError(_SYNTAX, words, status)


def read_address(table: Table, inside: str) -> Address:
    """What stands in the brackets of `accounts(...)`. Raises DataError."""
    try:
        return Address(primary=str(UUID(inside.removeprefix(f"{table.primary}="))))
    except ValueError:
        found = _PREDICATE.fullmatch(inside)
    if not found or _FORBIDDEN & set(found["value"]):
        raise syntax_error()
    key = table.key_on(found["column"])
    if found["column"] not in table.columns:
        raise syntax_error(
            f"The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.{table.logical}'. Ensure "
            "that the names and number of key properties match the declared or alternate key properties for the "
            f"resource 'Microsoft.Dynamics.CRM.{table.logical}'."
        )
    if key is None or key.status is not KeyStatus.ACTIVE:
        words = f"The specified key attributes are not a defined key for the {table.logical} entity"
        raise DataError("0x80060890", words)
    return Address(column=found["column"], value=found["value"].replace("''", "'"))


def read_filter(text: str, known: set[str], entity: str) -> Test:
    """A test for rows. Texts compare without regard to capitals. Raises DataError."""
    tokens: list[str] = []
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if not found:
            raise syntax_error(f"There is an unterminated string literal at position {len(text)} in '{text[:200]}'.")
        tokens.append(found[0].strip())
        at = found.end()
    if sum(token in {"eq", "ne"} for token in tokens) > MOST_CONDITIONS:
        raise DataError("0x8004430d", "Number of conditions in query exceeded maximum limit.")
    reader = _Reader(tokens, known, entity)
    test = reader.either()
    if reader.tokens:
        raise syntax_error(f"Syntax error at position 0 in '{text[:200]}'.")
    return test


def listed(text: str) -> tuple[str, list[str]] | None:
    """(column, texts) of a filter that only lists texts of one column, which an index answers quickly."""
    parts = text.split(" or ")
    found = [re.fullmatch(r"\s*(\w+) eq '((?:[^']|'')*)'\s*", part) for part in parts]
    columns = {each[1] for each in found if each}
    if len(columns) != 1 or not all(found) or len(parts) > MOST_CONDITIONS:
        return None
    return columns.pop(), [each[2].replace("''", "'") for each in found if each]


class _Reader:
    """Recursive descent: or, and, a comparison or brackets."""

    def __init__(self, tokens: list[str], known: set[str], entity: str) -> None:
        self.tokens = tokens
        self._known = known
        self._entity = entity

    def either(self) -> Test:
        tests = [self._both()]
        while self._takes("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._takes("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._takes("("):
            inner = self.either()
            if not self._takes(")"):
                raise syntax_error("')' or operator expected.")
            return inner
        if len(self.tokens) < 3 or self.tokens[1] not in {"eq", "ne"}:
            raise syntax_error("A binary operator with incompatible types was detected.")
        name, how, given = self.tokens[:3]
        del self.tokens[:3]
        if name not in self._known:
            raise syntax_error(f"Could not find a property named '{name}' on type '{self._entity}'.")
        wanted = _folded(_literal(given))
        return lambda row: (_folded(row.get(name)) == wanted) == (how == "eq")

    def _takes(self, token: str) -> bool:
        if self.tokens and self.tokens[0] == token:
            del self.tokens[0]
            return True
        return False


def _literal(token: str) -> Value:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    named: dict[str, Value] = {"null": None, "true": True, "false": False}
    if token in named:
        return named[token]
    try:
        return float(token) if "." in token else int(token)
    except ValueError:
        raise syntax_error(f"Unrecognized literal '{token[:80]}'.") from None


def _folded(value: Value) -> Value:
    return value.casefold() if isinstance(value, str) else value
