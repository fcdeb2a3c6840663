"""Which small changes could be made to a file of ours. Words for people, logs, traces and types are left as they are."""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType
from typing import Any

_PAIRS = (
    *((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn)),
    *((ast.And, ast.Or), (ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.BitOr, ast.BitAnd)),
)
OTHER: dict[type, type] = {**dict(_PAIRS), **{new: old for old, new in _PAIRS}}
Part = ast.expr | ast.stmt


def others(node: ast.AST) -> Iterator[Part]:
    """What could stand here instead."""
    yield from swapped(node)
    yield from shortened(node)


def swapped(node: ast.AST) -> Iterator[Part]:
    """Another operator, another number or word, the other truth."""
    match node:
        case ast.Compare(ops=ops):
            yield from (but(node, ops=[*ops[:at], OTHER[type(op)](), *ops[at + 1 :]]) for at, op in enumerate(ops))
        case ast.BoolOp(op=op) | ast.BinOp(op=op) if type(op) in OTHER:
            yield but(node, op=OTHER[type(op)]())
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.Constant(value=bool(value)):
            yield but(node, value=not value)
        case ast.Constant(value=int(value) | float(value)):
            yield but(node, value=value + 1)
        case ast.Constant(value=str(value)) if " " not in value:
            yield but(node, value=f"XX{value}XX")
        case ast.If(test=test) | ast.IfExp(test=test):
            yield but(node, test=ast.UnaryOp(ast.Not(), test))


def shortened(node: ast.AST) -> Iterator[Part]:
    """One condition, argument or value fewer; a step that is not taken."""
    match node:
        case ast.Call(func=func, args=args, keywords=keywords):
            if len(args) > 1 or (isinstance(func, ast.Attribute) and func.attr == "where"):
                yield from (but(node, args=without(args, at)) for at in range(len(args)))
            yield from (but(node, keywords=without(keywords, at)) for at in range(len(keywords)))
        case ast.Tuple(elts=elts, ctx=ast.Load()) | ast.List(elts=elts, ctx=ast.Load()):
            yield from (but(node, elts=without(elts, at)) for at in range(len(elts)))
        case ast.Dict(keys=keys, values=values):
            yield from (but(node, keys=without(keys, at), values=without(values, at)) for at in range(len(keys)))
        case ast.Return(value=ast.expr()) if not isinstance(node.value, ast.Constant):
            yield but(node, value=ast.Constant(None))
        case ast.Raise() | ast.AugAssign() | ast.Expr() | ast.Continue() | ast.Break():
            yield ast.Pass()


def but(node: Part, **parts: object) -> Part:
    new = copy.copy(node)
    for name, part in parts.items():
        setattr(new, name, part)
    return new


def without(items: list[Any], at: int) -> list[Any]:
    return items[:at] + items[at + 1 :]


def spared(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="log"))) | ast.Expr(value=ast.Constant()) | ast.JoinedStr():
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="log")))) | ast.Assert():
            return True
        case ast.Raise(exc=ast.Call(func=ast.Name(id="AssertionError"))) | ast.arguments():
            return True
        case ast.Call(func=ast.Name(id="span")):
            return True
    return False


@dataclass(frozen=True)
class Change:
    file: str
    line: int
    words: str
    code: Callable[[], CodeType]
    constants: tuple[str, ...]  # of the file, where it is not in a function


def changes(file: str) -> Iterator[Change]:
    """In functions and methods, and in the constants of the file."""
    tree = ast.parse(Path(file).read_text())
    for top in tree.body:
        parts = top.body if isinstance(top, ast.ClassDef) else [top]
        for part in parts:
            if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from within(part, file, tree, ())
            elif (
                part is top
                and isinstance(part, (ast.Assign, ast.AnnAssign))
                and not isinstance(part.value, ast.Subscript)
            ):
                names = tuple(node.id for node in ast.walk(part) if isinstance(node, ast.Name))
                yield from within(part, file, ast.Module([part], []), names)


def within(holder: ast.AST, file: str, tree: ast.Module, constants: tuple[str, ...]) -> Iterator[Change]:
    for field, value in ast.iter_fields(holder):
        if field in {"annotation", "returns", "decorator_list", "type_params"}:
            continue
        for at, node in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(node, ast.AST) or spared(node):
                continue
            for other in others(node):
                ast.copy_location(other, node)
                new = [*value[:at], other, *value[at + 1 :]] if isinstance(value, list) else other
                code = partial(compiled, tree, file, holder, field, new)
                yield Change(file, other.lineno, told(node, other), code, constants)
            yield from within(node, file, tree, constants)


def compiled(tree: ast.Module, file: str, holder: ast.AST, field: str, value: object) -> CodeType:
    old = getattr(holder, field)
    setattr(holder, field, value)
    try:
        return compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True)
    finally:
        setattr(holder, field, old)


def told(node: ast.AST, other: ast.AST) -> str:
    """The change, with a little of what stands around it."""
    old, new = (" ".join(ast.unparse(each).split()) for each in (node, other))
    same, most = 0, min(len(old), len(new))
    while same < most and old[same] == new[same]:
        same += 1
    tail = 0
    while tail < most - same and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    ends = len(old) - tail
    return f"{old[:same][-40:]}[{old[same:ends]} -> {new[same : len(new) - tail]}]{old[ends:][:25]}"
