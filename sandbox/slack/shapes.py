"""A small language for saying what JSON may look like, with complaints worded and placed as Slack's are."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Findings = list[str]
Check = Callable[[Any, str, Findings], None]
Rule = Callable[[dict[str, Any], str, Findings], None]

ADDRESS = re.compile(r"(https?|mailto|tel|slack):\S+")


def complain(findings: Findings, message: str, at: str) -> None:
    findings.append(f"{message} [json-pointer:{at}]")


def string(most: int, fewest: int = 1) -> Check:
    def check(value: Any, at: str, findings: Findings) -> None:
        if not isinstance(value, str):
            complain(findings, "must be a string", at)
        elif len(value) < fewest:
            complain(findings, f"must be more than {fewest - 1} characters", at)
        elif len(value) > most:
            complain(findings, f"must be less than {most + 1} characters", at)

    return check


def address(most: int = 3000) -> Check:
    length = string(most)

    def check(value: Any, at: str, findings: Findings) -> None:
        length(value, at, findings)
        if isinstance(value, str) and not ADDRESS.fullmatch(value):
            complain(findings, "must be a valid URL", at)

    return check


def one_of(*allowed: str) -> Check:
    def check(value: Any, at: str, findings: Findings) -> None:
        if value not in allowed:
            complain(findings, "must be a valid enum value", at)

    return check


def boolean(value: Any, at: str, findings: Findings) -> None:
    if not isinstance(value, bool):
        complain(findings, "must be a boolean", at)


def number(value: Any, at: str, findings: Findings) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        complain(findings, "must be a number", at)


def anything(value: Any, at: str, findings: Findings) -> None:
    """Accepts whatever stands there: parts of Slack that this workspace does not know in detail."""


def array(each: Check, most: int, fewest: int = 1) -> Check:
    def check(value: Any, at: str, findings: Findings) -> None:
        if not isinstance(value, list):
            complain(findings, "must provide an array", at)
            return
        if len(value) > most:
            complain(findings, f"no more than {most} items allowed", at)
        if len(value) < fewest:
            complain(findings, f"no fewer than {fewest} items required", at)
        for index, item in enumerate(value):
            each(item, f"{at}/{index}", findings)

    return check


@dataclass(frozen=True)
class Shape:
    """An object with these keys and no others; `rules` see the whole of it."""

    required: Mapping[str, Check] = field(default_factory=dict)
    optional: Mapping[str, Check] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    def __call__(self, value: Any, at: str, findings: Findings) -> None:
        if not isinstance(value, dict):
            complain(findings, "must provide an object", at)
            return
        for key in self.required:
            if value.get(key) is None:
                complain(findings, f"missing required field: {key}", at)
        for key, item in value.items():
            check = self.required.get(key) or self.optional.get(key)
            if check is None:
                complain(findings, f"invalid additional property: {key}", at)
            elif item is not None:
                check(item, f"{at}/{key}", findings)
        for rule in self.rules:
            rule(value, at, findings)


def by_type(shapes: Mapping[str, Check]) -> Check:
    """One of several objects, told apart by `type`."""

    def check(value: Any, at: str, findings: Findings) -> None:
        if not isinstance(value, dict):
            complain(findings, "must provide an object", at)
            return
        kind = value.get("type")
        if kind is None:
            complain(findings, "missing required field: type", at)
        elif not isinstance(kind, str) or kind not in shapes:
            complain(findings, f"unsupported type: {kind}", f"{at}/type")
        else:
            shapes[kind](value, at, findings)

    return check


def either(*keys: str) -> Rule:
    """At least one of these keys must be there."""

    def rule(value: dict[str, Any], at: str, findings: Findings) -> None:
        if all(value.get(key) is None for key in keys):
            complain(findings, f"missing required field: {' or '.join(keys)}", at)

    return rule


def exactly_one(*keys: str) -> Rule:
    def rule(value: dict[str, Any], at: str, findings: Findings) -> None:
        if sum(value.get(key) is not None for key in keys) != 1:
            complain(findings, f"must provide exactly one of: {', '.join(keys)}", at)

    return rule


def kind(name: str) -> dict[str, Check]:
    return {"type": one_of(name)}


def plain(most: int) -> Check:
    return by_type({"plain_text": Shape(kind("plain_text") | {"text": string(most)}, {"emoji": boolean})})


def any_text(most: int) -> Check:
    return by_type(
        {
            "plain_text": Shape(kind("plain_text") | {"text": string(most)}, {"emoji": boolean}),
            "mrkdwn": Shape(kind("mrkdwn") | {"text": string(most)}, {"verbatim": boolean}),
        }
    )
