"""The small part of SOQL the sandbox Salesforce answers: SELECT … FROM … WHERE … AND … ORDER BY … LIMIT …, COUNT().

Grammar and escapes: https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/
"""

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.salesforce_org import Org, Table, full_id
from sandbox.salesforce_schema import TEXTS, Field, Kind, Row, SObject, Value, stamp

LONGEST = 100_000
"""Characters in one statement."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\\n\r]|\\.)*')
    |(?P<moment>\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))?)
    |(?P<number>-?\d+(?:\.\d+)?)
    |(?P<word>[A-Za-z_][\w.]*)
    |(?P<sign><=|>=|!=|<>|[=<>(),]))""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_ORDER: dict[str, Callable[[Value, Value], bool]] = {
    "<": operator.lt,  # type: ignore[dict-item]
    ">": operator.gt,  # type: ignore[dict-item]
    "<=": operator.le,  # type: ignore[dict-item]
    ">=": operator.ge,  # type: ignore[dict-item]
}
_CUSTOM = (
    "If you are attempting to use a custom {what}, be sure to append the '__c' after the {named}. "
    "Please reference your WSDL or the describe call for the appropriate names."
)


class BadQuery(Exception):
    """Refused, with Salesforce's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Condition:
    field: Field
    sign: str
    values: frozenset[Value]


@dataclass
class Query:
    table: Table
    fields: list[Field]
    """Empty: COUNT()."""
    where: list[Condition] = field(default_factory=list)
    order: Field | None = None
    descending: bool = False
    limit: int | None = None


class _Reader:
    """Reads one statement; every refusal points at its place, as Salesforce's do."""

    def __init__(self, soql: str, org: Org) -> None:
        self.soql = soql
        self.org = org
        self.tokens = self._split()
        self.at = 0

    def _split(self) -> list[Token]:
        tokens, at, end = [], 0, len(self.soql.rstrip())
        while at < end:
            found = _TOKEN.match(self.soql, at)
            if not found:
                rest = self.soql[at:].lstrip()
                raise self.refuse(f"unexpected token: '{rest[:1]}'", len(self.soql) - len(rest))
            tokens.append(Token(str(found.lastgroup), found[str(found.lastgroup)], found.start(str(found.lastgroup))))
            at = found.end()
        return tokens

    def refuse(self, message: str, at: int | None = None, code: str = "MALFORMED_QUERY") -> BadQuery:
        column = len(self.soql) if at is None else at
        near = self.soql[max(0, column - 40) : column + 40]
        pointer = " " * min(column, 40) + "^"
        return BadQuery(code, f"\n{near}\n{pointer}\nERROR at Row:1:Column:{column + 1}\n{message}")

    def peek(self) -> str:
        """The next token in capitals, empty at the end. Keywords are case-insensitive."""
        return self.tokens[self.at].text.upper() if self.at < len(self.tokens) else ""

    def take(self, kind: str | None = None) -> Token:
        if self.at >= len(self.tokens):
            raise self.refuse("unexpected token: '<EOF>'")
        token = self.tokens[self.at]
        if kind and token.kind != kind:
            raise self.refuse(f"unexpected token: '{token.text}'", token.at)
        self.at += 1
        return token

    def expect(self, text: str) -> None:
        token = self.take()
        if token.text.upper() != text:
            raise self.refuse(f"unexpected token: '{token.text}' (expecting '{text}')", token.at)

    def query(self) -> Query:
        self.expect("SELECT")
        names = self._names()
        self.expect("FROM")
        named = self.take("word")
        table = self.org.table(named.text)
        if table is None:
            words = f"sObject type '{named.text}' is not supported. "
            words += _CUSTOM.format(what="object", named="entity name")
            raise self.refuse(words, named.at, "INVALID_TYPE")
        read = Query(table, [self._field(table.sobject, each) for each in names])
        self._clauses(read)
        if self.at < len(self.tokens):
            token = self.take()
            raise self.refuse(f"unexpected token: '{token.text}'", token.at)
        return read

    def _clauses(self, read: Query) -> None:
        if self.peek() == "WHERE":
            self.take()
            read.where.append(self._condition(read.table.sobject))
            while self.peek() == "AND":
                self.take()
                read.where.append(self._condition(read.table.sobject))
        if self.peek() == "ORDER":
            self.take()
            self.expect("BY")
            read.order = self._field(read.table.sobject, self.take("word"))
            if self.peek() in {"ASC", "DESC"}:
                read.descending = self.take().text.upper() == "DESC"
        if self.peek() == "LIMIT":
            self.take()
            token = self.take("number")
            if not token.text.isdecimal():
                raise self.refuse(f"unexpected token: '{token.text}'", token.at)
            read.limit = int(token.text)

    def _names(self) -> list[Token]:
        if self.peek() == "COUNT":
            self.take()
            self.expect("(")
            self.expect(")")
            return []
        names = [self.take("word")]
        while self.peek() == ",":
            self.take()
            names.append(self.take("word"))
        lowered = [each.text.lower() for each in names]
        for name in names:
            if lowered.count(name.text.lower()) > 1:
                raise self.refuse(f"duplicate field selected: {name.text}", name.at)
        return names

    def _field(self, sobject: SObject, token: Token) -> Field:
        known = sobject.named(token.text)
        if known is None:
            words = f"No such column '{token.text}' on entity '{sobject.name}'. "
            words += _CUSTOM.format(what="field", named="custom field name")
            raise self.refuse(words, token.at, "INVALID_FIELD")
        return known

    def _condition(self, sobject: SObject) -> Condition:
        token = self.take("word")
        known = self._field(sobject, token)
        if known.kind is Kind.TEXTAREA:
            raise self.refuse(f"field '{known.name}' can not be filtered in a query call", token.at, "INVALID_FIELD")
        sign = self.take().text.upper()
        if sign in {"NOT", "IN"}:
            if sign == "NOT":
                self.expect("IN")
            return Condition(known, "!=" if sign == "NOT" else "=", frozenset(self._list(known)))
        if sign not in {"=", "!=", "<>", *_ORDER}:
            raise self.refuse(f"unexpected token: '{sign}'", self.tokens[self.at - 1].at)
        return Condition(known, "!=" if sign == "<>" else sign, frozenset({self._value(known)}))

    def _list(self, known: Field) -> Iterable[Value]:
        self.expect("(")
        yield self._value(known)
        while self.peek() == ",":
            self.take()
            yield self._value(known)
        self.expect(")")

    def _value(self, known: Field) -> Value:
        token = self.take()
        lowered = token.text.lower()
        if token.kind == "word" and lowered == "null":
            return None
        if known.kind in TEXTS and token.kind == "text":
            return _comparable(known, self._unescape(token))
        if known.kind is Kind.BOOLEAN and lowered in {"true", "false"}:
            return lowered == "true"
        if known.kind is Kind.DOUBLE and token.kind == "number":
            return float(token.text)
        if known.kind is Kind.DATETIME and token.kind == "moment" and "T" in token.text:
            return self._moment(token)
        if known.kind is Kind.DATE and token.kind == "moment" and "T" not in token.text:
            return token.text
        if token.kind in {"sign", "word"}:
            raise self.refuse(f"unexpected token: '{token.text}'", token.at)
        quotes = "should be" if known.kind in TEXTS else "should not be"
        words = f"value of filter criterion for field '{known.name}' must be of type {known.kind}"
        raise self.refuse(f"{words} and {quotes} enclosed in quotes", token.at, "INVALID_FIELD")

    def _moment(self, token: Token) -> str:
        try:
            return stamp(datetime.fromisoformat(token.text))
        except (ValueError, OverflowError) as problem:
            raise self.refuse(f"Invalid datetime: {token.text}", token.at) from problem

    def _unescape(self, token: Token) -> str:
        def plain(found: re.Match[str]) -> str:
            mark = found[1]
            if mark[0] == "u" and len(mark) == 5:
                return chr(int(mark[1:], 16))
            if mark.lower() not in _ESCAPES:
                words = f"Invalid string literal {token.text}. Illegal character sequence '\\{mark}' in string literal."
                raise self.refuse(words, token.at)
            return _ESCAPES[mark.lower()]

        return _ESCAPE.sub(plain, token.text[1:-1])


def read_query(soql: str, org: Org) -> Query:
    """Raise BadQuery with Salesforce's code and wording."""
    if len(soql) > LONGEST:
        raise BadQuery("QUERY_TOO_COMPLICATED", f"SOQL statements cannot be longer than {LONGEST:,} characters.")
    return _Reader(soql, org).query()


def run(query: Query) -> list[Row]:
    """The rows that match, in the order they were created unless the query says otherwise."""
    rows = list(_candidates(query))
    for condition in query.where:
        rows = [row for row in rows if _matches(row, condition)]
    if query.order:
        name = query.order.name
        # Nulls come first, as they do in SOQL unless NULLS LAST is given.
        rows.sort(key=lambda row: (row.get(name) is not None, row.get(name) or ""), reverse=query.descending)
    return rows if query.limit is None else rows[: query.limit]


def _candidates(query: Query) -> Iterable[Row]:
    for condition in query.where:
        if condition.field.external_id and condition.sign == "=":
            rows = query.table.of(condition.field)
            found = [rows[str(value)] for value in condition.values if value is not None and str(value) in rows]
            return sorted(found, key=lambda row: str(row["Id"]))
    return query.table.rows.values()


def _comparable(known: Field, value: Value) -> Value:
    """SOQL compares text without case, unless the field was made case-sensitive; ids match in both their lengths."""
    if known.kind in {Kind.ID, Kind.REFERENCE} and isinstance(value, str):
        return full_id(value) if len(value) == 15 else value
    return known.key(value) if known.kind in TEXTS and isinstance(value, str) else value


def _matches(row: Row, condition: Condition) -> bool:
    value = _comparable(condition.field, row.get(condition.field.name))
    if condition.sign == "=":
        return value in condition.values
    if condition.sign == "!=":
        return value not in condition.values
    other = next(iter(condition.values))
    return value is not None and other is not None and _ORDER[condition.sign](value, other)
