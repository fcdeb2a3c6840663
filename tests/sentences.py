"""Finds every sentence that people are told, by reading the source: what `say` and `many` get, and every cause."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
TELLING = {"say": 1, "many": 2}  # method -> how many of its first arguments are sentences
CAUSES = {"Cause", "Verdict"}  # words and cure are their second and third argument

REASONS = {"TryLater", "Refused", "Stumbled", "TooMuch", "TooLarge", "MemoryAway", "expected"}
WHY = {"why", "reason", "unknown", "note", "problem"}
Known = dict[str, list[ast.expr]]  # by a name
COMMANDS_OWN = "audit.py"  # what is wrong with the audit trail is told by a command, and these speak English


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
    """Why something has to wait, cannot be, or was set aside: what these errors are given, and whatever is handed to a
    parameter of that name, with {} where something is filled in. What consists of nothing else is somebody else's words.
    """
    read = [each for each in trees("platforms", "bot", "storage", "handlers") if each[0].name != COMMANDS_OWN]
    everywhere = {name: values for _, tree in read for name, values in _assigned(tree.body).items()}
    public: Known = {}
    for _, tree in read:
        own, named = _returned(tree), everywhere | _assigned(ast.walk(tree))
        for name, gives in own.items():
            public.setdefault(name, []).extend(e for each in gives for e in _given(each, named, own, set()))
    takes = _takes(read)
    for _, tree in read:
        named = everywhere | _assigned(ast.walk(tree))
        returned = {**public, **_returned(tree)}
        for given in _why(tree, takes):
            for each in _given(given, named, returned, set()):
                told = _pattern(each)
                if any(part.strip(" :(){}") for part in told.split("{}")) and " " in told:  # else it is a code
                    yield told


def _takes(read: list[tuple[Path, ast.Module]]) -> dict[str, set[int]]:
    """At which places functions, and classes when they are made, are given a reason."""
    takes: dict[str, set[int]] = {name: {0} for name in REASONS}
    for node in (node for _, tree in read for node in ast.walk(tree)):
        if isinstance(node, ast.ClassDef):
            made = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
            fields = [n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
            given = _parameters(made[0]) if made else fields
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = _parameters(node)
        else:
            continue
        takes.setdefault(node.name, set()).update(n for n, name in enumerate(given) if name in WHY)
    return {**takes, "__init__": set()}


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [each.arg for each in function.args.args if each.arg not in {"self", "cls"}]


def _why(tree: ast.Module, takes: dict[str, set[int]]) -> Iterator[ast.expr]:
    for call in _calls(tree):
        called = call.func
        yield from (given for place, given in enumerate(call.args) if place in takes.get(_called(call), ()))
        if not (isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "log"):
            yield from (given.value for given in call.keywords if given.arg in WHY)
    for kind in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        if any(isinstance(parent, ast.Name) and parent.id in REASONS for parent in kind.bases):
            made = [call for call in _calls(kind) if isinstance(call.func, ast.Attribute)]
            yield from (call.args[0] for call in made if call.func.attr == "__init__" and call.args)  # type: ignore[attr-defined]


def _assigned(nodes: Iterable[ast.AST]) -> Known:
    found: Known = {}
    for node in nodes:
        for target in node.targets if isinstance(node, ast.Assign) else ():
            part = target.value if isinstance(target, ast.Subscript) else target
            if isinstance(part, ast.Name):
                found.setdefault(part.id, []).append(node.value)
    return found


def _given(value: ast.expr, named: Known, returned: Known, met: set[int]) -> Iterator[ast.expr]:
    """It; what its name, or anything in it, was given; either of two; or whatever our function returns that is asked."""
    inner: list[ast.expr] = []
    if id(value) in met:
        return
    met.add(id(value))
    if isinstance(value, ast.Name):
        inner = named.get(value.id, [])
    elif isinstance(value, ast.IfExp):
        inner = [value.body, value.orelse]
    elif isinstance(value, ast.BoolOp):
        inner = value.values
    elif isinstance(value, ast.Subscript | ast.Await | ast.DictComp):
        inner = [value.value]
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "format":
        inner = [value.func.value]
    elif isinstance(value, ast.Call):
        inner = returned.get(_called(value), [])
    else:
        yield value
    for each in inner:
        yield from _given(each, named, returned, met)


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _returned(tree: ast.Module) -> Known:
    """By the name of a function or method of ours, what it gives."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    found: Known = {}
    for each in functions:
        gives = [node.value for node in ast.walk(each) if isinstance(node, ast.Return) and node.value is not None]
        found.setdefault(each.name, []).extend(gives)
    return found


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


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))
