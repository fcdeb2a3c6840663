"""What is wrong with the settings, in one line for each problem: the name the person wrote, and what was expected."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from bot.settings.values import shown

PREFIX = "REDKEY_"
SEPARATOR = "__"

# Kubernetes sets these by itself for a Service that is called "redkey".
# https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
_KUBERNETES = re.compile(r"REDKEY_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)")
_NOT_SETTINGS = {"REDKEY_CONFIG"}

Path = tuple[str, ...]


def keys(model: type[BaseModel]) -> Iterator[Path]:
    """Every key there is, as ("timing", "check_every"). What stands in lists and free tables is not told apart."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from ((name, *rest) for rest in keys(field.annotation))
        else:
            yield (name,)


def variable(path: Path) -> str:
    """The environment variable of a key."""
    return PREFIX + SEPARATOR.join(path).upper()


def unknown_variables(model: type[BaseModel]) -> list[str]:
    """REDKEY_ variables whose section does not exist: nobody would ever read them."""
    lines = []
    for name in sorted(os.environ):
        section = name.upper().removeprefix(PREFIX).split(SEPARATOR)[0].lower()
        ours = name.upper().startswith(PREFIX) and name not in _NOT_SETTINGS and not _KUBERNETES.fullmatch(name)
        if ours and section not in model.model_fields:
            lines.append(f"{name}: unknown setting{_meant(name.upper(), [variable(path) for path in keys(model)])}")
    return lines


def problem_lines(error: ValidationError, model: type[BaseModel], also_read: Mapping[str, Path]) -> list[str]:
    """One line for each problem, under the name that the person used: the key in the file, or the variable."""
    lines = []
    for problem in error.errors(include_url=False):
        location = [part for part in problem["loc"] if not str(part).startswith(("function-", "tuple["))]
        text = _expected(problem)
        named = re.match(r"(\w+): (.+)", text)
        if named and named[1] in _fields(model, location):
            location, text = [*location, named[1]], named[2]
        where = _name(location, also_read)
        if problem["type"] == "extra_forbidden":
            text = f"unknown setting{_meant_key(where, location, model)}"
        lines.append(f"{where}: {text}")
    return list(dict.fromkeys(lines))


def _name(location: list[Any], also_read: Mapping[str, Path]) -> str:
    """The variable that gave the value, if one did; else the key with its place in a list."""
    path = tuple(str(part) for part in location)
    variables = {name.upper() for name, value in os.environ.items() if value}
    for length in range(len(path), 0, -1):
        if variable(path[:length]) in variables:
            return _joined(variable(path[:length]), location[length:])
        for name, known in also_read.items():
            if known == path[:length] and name in variables:
                return _joined(name, location[length:])
    return _joined(str(location[0]), location[1:])


def _joined(start: str, rest: list[Any]) -> str:
    return start + "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in rest)


def _meant_key(where: str, location: list[Any], model: type[BaseModel]) -> str:
    """The same name in another section, else the nearest name in this one."""
    spoken = where if where.startswith(PREFIX) else None
    here = _fields(model, location[:-1])
    last = str(location[-1])
    near: list[tuple[Any, ...]] = [path for path in keys(model) if path[-1] == last]
    near += [(*location[:-1], name) for name in difflib.get_close_matches(last, here, n=1)]
    if not near:
        return ""
    path = [part for part in near[0] if not isinstance(part, int)]
    meant = variable(tuple(path)) if spoken else ".".join(path)
    return f"; did you mean {meant}?"


def _meant(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    return f"; did you mean {close[0]}?" if close else ""


def _fields(model: type[BaseModel], location: list[Any]) -> list[str]:
    """The keys that may stand at this place."""
    found: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int) or found is None:
            continue
        field = found.model_fields.get(str(part))
        found = next(iter(_models(field.annotation)), None) if field else None
    return list(found.model_fields) if found else []


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _expected(problem: Any) -> str:
    """Our words for what was expected. The value is shown only where it cannot be a secret."""
    context, kind = problem.get("ctx", {}), problem["type"]
    value = problem["input"]
    given = "" if isinstance(value, (SecretStr, dict, list, tuple, BaseModel)) else f"{shown(value)} "
    expected = {
        "literal_error": f"{given}is not one of {_one_of(context)}",
        "int_parsing": f"{given}is not a whole number",
        "int_type": f"{given}is not a whole number",
        "int_from_float": f"{given}is not a whole number",
        "bool_parsing": f"{given}is not true or false",
        "bool_type": f"{given}is not true or false",
        "greater_than_equal": f"{given}is too small: expected at least {context.get('ge')}",
        "less_than_equal": f"{given}is too large: expected at most {context.get('le')}",
        "string_type": 'expected text in quotes, "…"',
        "tuple_type": "expected a list, […]",
        "missing": "is missing",
        "model_type": "expected a section of settings, [like this]",
        "dict_type": "expected a section of settings, [like this]",
    }
    return expected.get(kind) or str(problem["msg"]).removeprefix("Value error, ")


def _one_of(context: Mapping[str, Any]) -> str:
    return str(context.get("expected", "")).replace("'", '"')
