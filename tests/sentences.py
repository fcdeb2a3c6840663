"""Finds every sentence that people are told, by reading the source: what `say` and `many` get, and every cause."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
TELLING = {"say": 1, "many": 2}  # method -> how many of its first arguments are sentences
CAUSES = {"Cause", "Verdict"}  # words and cure are their second and third argument

REASONS = {"TryLater", "Refused", "Stumbled", "TooMuch", "TooLarge", "MemoryAway", "expected"}


def trees(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def said() -> Iterator[tuple[str, ...]]:
    """Each sentence of the handlers: (sentence,) or (one, other). AssertionError for one that is put together."""
    for path, tree in trees("handlers"):
        for call in _calls(tree):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            if name not in TELLING or not _of_words(call):
                continue
            given = call.args[: TELLING[name]]
            literal = all(isinstance(a, ast.Constant) and isinstance(a.value, str) for a in given)
            assert literal, f"{path.name}:{call.lineno} must be given a literal sentence"
            yield tuple(a.value for a in given)


def causes() -> Iterator[str]:
    """The words and cures of every Cause and Verdict in platforms/ and bot/."""
    for path, tree in trees("platforms", "bot"):
        constants = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for call in _calls(tree):
            if not (isinstance(call.func, ast.Name) and call.func.id in CAUSES):
                continue
            named = {k.arg: k.value for k in call.keywords}
            given = [*call.args[1:3], *(named[k] for k in ("words", "cure") if k in named)]
            for value in given:
                text = _text(value, constants)
                assert text is not None or _handed_on(value), f"{path.name}:{call.lineno} must be given literal text"
                if text is not None:
                    yield text


def reasons() -> Iterator[str]:
    """Why something has to wait or cannot be: what these errors are given, with {} where something is filled in. What
    consists of nothing else is somebody else's words.
    """
    for _, tree in trees("platforms", "bot", "storage"):
        named = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for call in _calls(tree):
            if not (isinstance(call.func, ast.Name) and call.func.id in REASONS and call.args):
                continue
            given = call.args[0]
            for each in _given(given, tree):
                told = _pattern(named.get(each.id, each) if isinstance(each, ast.Name) else each)
                if any(part.strip(" :(){}") for part in told.split("{}")):
                    yield told


def _given(value: ast.expr, tree: ast.Module) -> Iterator[ast.expr]:
    """It, or whatever the module's own function returns that is asked for it."""
    if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Name)):
        yield value
        return
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name == value.func.id:
            returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
            yield from [each for each in returned if each is not None]


def _pattern(value: ast.expr) -> str:
    if isinstance(value, ast.Constant):
        return str(value.value)
    if isinstance(value, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in value.values)
    return ""


def _text(value: ast.expr, constants: dict[str, str]) -> str | None:
    """A literal, a constant of the module, or one of them with literals filled in."""
    if isinstance(value, ast.Constant):
        return str(value.value)
    if isinstance(value, ast.Name):
        return constants.get(value.id)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "format":
        pattern = _text(value.func.value, constants)
        filled = [_text(a, constants) for a in value.args]
        return None if pattern is None or None in filled else pattern.format(*filled)
    return None


def _handed_on(value: ast.expr) -> bool:
    """A Verdict becomes a Cause: its own sentences were found where it was written."""
    return isinstance(value, ast.Attribute) and value.attr in {"words", "cure"}


def _of_words(call: ast.Call) -> bool:
    """`words.say(…)` and `self._words.say(…)`, not some other object's method of that name."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
    return name.strip("_") in {"words", "self"}


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))
