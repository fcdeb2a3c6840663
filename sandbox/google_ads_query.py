"""GAQL, the part of Google's query language that the practice world speaks, read strictly.

https://developers.google.com/google-ads/api/docs/query/grammar
"""

import re
from dataclasses import dataclass

from sandbox.google_ads_errors import AdsError, query_error

TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)|(?P<symbol>!=|>=|<=|=|>|<|\(|\)|,))"""
)
COMPARISONS = {"=", "!=", ">", ">=", "<", "<="}


@dataclass(frozen=True)
class Token:
    kind: str
    text: str

    @property
    def upper(self) -> str:
        return self.text.upper() if self.kind == "word" else self.text


@dataclass(frozen=True)
class Condition:
    """`values` holds one value, the two of BETWEEN, or those of IN, as text."""

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Ordering:
    field: str
    descending: bool


@dataclass(frozen=True)
class Query:
    select: tuple[str, ...]
    resource: str
    where: tuple[Condition, ...] = ()
    order_by: tuple[Ordering, ...] = ()
    limit: int | None = None


def read_query(text: str) -> Query:
    """Raises AdsError in Google's words."""
    return _Reader(_tokens(text)).query()


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None:
            rest = text[at:].lstrip()
            code = "STRING_NOT_TERMINATED" if rest[0] in "'\"" else "BAD_SYMBOL"
            raise query_error(code, f"Error in query: unexpected input {rest[:1]}.")
        kind = match.lastgroup or ""
        value = match.group(kind)
        if kind == "string":
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        found.append(Token(kind, value))
        at = match.end()
    return found


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def query(self) -> Query:
        self._keyword("SELECT", "EXPECTED_SELECT")
        select = self._fields()
        self._keyword("FROM", "EXPECTED_FROM")
        resource = self._take("word").text
        where = self._where() if self._found("WHERE") else ()
        order_by: tuple[Ordering, ...] = ()
        if self._found("ORDER"):
            self._keyword("BY", "EXPECTED_BY")
            order_by = self._orderings()
        limit = self._limit() if self._found("LIMIT") else None
        if self._found("PARAMETERS"):
            # include_drafts and omit_unselected_resource_names are all there is; nothing here depends on them.
            self._at = len(self._tokens)
        if (left := self._peek()) is not None:
            raise query_error("UNEXPECTED_INPUT", f"Error in query: unexpected input {left.text}.")
        return Query(select, resource, where, order_by, limit)

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _found(self, keyword: str) -> bool:
        token = self._peek()
        if token is not None and token.upper == keyword:
            self._at += 1
            return True
        return False

    def _keyword(self, keyword: str, code: str) -> None:
        if not self._found(keyword):
            raise query_error(code, f"Error in query: expected {keyword}.")

    def _take(self, *kinds: str) -> Token:
        token = self._peek()
        if token is None:
            raise query_error("UNEXPECTED_END_OF_QUERY", "Error in query: unexpected end of query.")
        if token.kind not in kinds:
            raise query_error("UNEXPECTED_INPUT", f"Error in query: unexpected input {token.text}.")
        self._at += 1
        return token

    def _fields(self) -> tuple[str, ...]:
        fields = [self._take("word").text]
        while self._found(","):
            fields.append(self._take("word").text)
        return tuple(fields)

    def _where(self) -> tuple[Condition, ...]:
        conditions = [self._condition()]
        while self._found("AND"):
            conditions.append(self._condition())
        if (token := self._peek()) is not None and token.upper == "OR":
            raise query_error("EXPECTED_AND", "Error in query: expected AND.")
        return tuple(conditions)

    def _condition(self) -> Condition:
        name = self._take("word").text
        operator = self._take("word", "symbol").upper
        if operator in COMPARISONS:
            return Condition(name, operator, (self._value(),))
        if operator == "BETWEEN":
            low = self._value()
            self._keyword("AND", "EXPECTED_VALUE_WITH_BETWEEN_OPERATOR")
            return Condition(name, operator, (low, self._value()))
        if operator == "NOT":
            self._keyword("IN", "BAD_OPERATOR")
            return Condition(name, "NOT IN", self._list())
        if operator == "IN":
            return Condition(name, "IN", self._list())
        raise query_error("BAD_OPERATOR", f"Error in query: unknown operator {operator}.")

    def _value(self) -> str:
        return self._take("string", "number", "word").text

    def _list(self) -> tuple[str, ...]:
        if not self._found("("):
            raise query_error("EXPECTED_LIST", "Error in query: expected a list.")
        if self._found(")"):
            raise query_error("PROHIBITED_EMPTY_LIST_IN_CONDITION", "Error in query: the list is empty.")
        values = [self._value()]
        while self._found(","):
            values.append(self._value())
        if not self._found(")"):
            raise query_error("EXPECTED_LIST", "Error in query: expected ).")
        return tuple(values)

    def _orderings(self) -> tuple[Ordering, ...]:
        found = [self._ordering()]
        while self._found(","):
            found.append(self._ordering())
        return tuple(found)

    def _ordering(self) -> Ordering:
        name = self._take("word").text
        descending = self._found("DESC")
        if not descending:
            self._found("ASC")
        return Ordering(name, descending)

    def _limit(self) -> int:
        text = self._take("number", "word", "string").text
        if not text.isdigit():
            raise query_error("BAD_LIMIT_VALUE", f"Error in query: bad limit value {text}.")
        if int(text) < 1:
            raise query_error("LIMIT_VALUE_TOO_LOW", "Error in query: the limit must be at least 1.")
        return int(text)


__all__ = ["AdsError", "Condition", "Ordering", "Query", "read_query"]
