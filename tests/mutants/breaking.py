"""In which ways a module is broken: each mutant is one change of its syntax tree."""

import ast
import copy
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LISTED = Path(__file__).with_name("listed.toml")  # changes that somebody thought of
SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    one: other
    for pair in (
        (ast.Eq, ast.NotEq),
        (ast.In, ast.NotIn),
        (ast.Is, ast.IsNot),
        (ast.Lt, ast.LtE),
        (ast.Gt, ast.GtE),
        (ast.And, ast.Or),
        (ast.Add, ast.Sub),
        (ast.Mult, ast.FloorDiv),
    )
    for one, other in (pair, pair[::-1])
}
RENAMED = {"any": "all", "all": "any", "min": "max", "max": "min", "and_": "or_", "or_": "and_"}
CONDITIONS = frozenset({"and_", "or_", "where", "filter"})  # whose arguments are conditions
LINKS = frozenset({"casefold", "desc", "limit", "lower", "order_by", "strip", "where", "with_for_update"})  # in a chain of calls
UNWRAPPED = frozenset({"not_", "sorted"})
UNREAD = {  # what is not broken: types, and what only people read
    ast.AnnAssign: {"annotation", "target"},
    ast.arg: {"annotation"},
    ast.FunctionDef: {"decorator_list", "returns"},
    ast.AsyncFunctionDef: {"decorator_list", "returns"},
    ast.ClassDef: {"bases", "decorator_list", "keywords"},
    ast.FormattedValue: {"format_spec"},
}
SKIPPED = (ast.Assert, ast.Import, ast.ImportFrom)
MEANT = (ast.Compare, ast.Return, ast.keyword, ast.Assign, ast.AnnAssign, ast.IfExp)  # where a text is a value
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Mutant:
    """Mutant: its place, the change in words, and the whole changed file."""

    file: str
    within: str  # the function, "" for the module itself
    change: str
    lines: frozenset[int]  # of the statement that is changed
    tree: ast.Module = field(repr=False, compare=False)
    put: tuple[Any, str, int | None, ast.AST] | None = field(repr=False, compare=False)  # None: the tree has the change

    @property
    def name(self) -> tuple[str, str, str]:
        """Identity of a mutant, wherever its line moves to."""
        return self.file, self.within, self.change

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{min(self.lines)}"

    def broken(self) -> ast.Module:
        """The tree with the change; it stays in, so this is asked once in a process."""
        if self.put:
            holder, key, number, new = self.put
            if number is None:
                setattr(holder, key, new)
            else:
                getattr(holder, key)[number] = new
        return ast.fix_missing_locations(self.tree)


@cache
def mutants_of(file: str) -> tuple[Mutant, ...]:
    """All mutants of a file, in the order of its lines; the listed ones last."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return (*walk(tree, file, tree, "", frozenset()), *listed(file))


def sample(mutants: list[Mutant], most: int) -> list[Mutant]:
    """So many of them, the same ones whenever they are asked for, and few others when the code changes. The listed ones always."""
    kept = [one for one in mutants if one.put is None]
    others = sorted((one for one in mutants if one.put), key=lambda one: sha256(repr(one.name).encode()).digest())
    return sorted((*kept, *others[: max(0, most - len(kept))]), key=mutants.index)


def listed(file: str) -> Iterator[Mutant]:
    """The changes of this file that somebody thought of. ValueError when the text is not there exactly once."""
    text = (ROOT / file).read_text("utf-8")
    for one in written():
        if one["file"] != file:
            continue
        if text.count(one["old"]) != 1:
            raise ValueError(f"{one['name']}: {one['old']!r} stands {text.count(one['old'])} times in {file}")
        first = text[: text.index(one["old"])].count("\n") + 1
        lines = frozenset(range(first, first + one["old"].count("\n") + 1))
        yield Mutant(file, "", one["name"], lines, ast.parse(text.replace(one["old"], one["new"])), None)


def written() -> list[dict[str, str]]:
    """The changes that somebody thought of, as they are written down."""
    found: list[dict[str, str]] = tomllib.loads(LISTED.read_text("utf-8"))["mutant"]
    return found


def walk(node: ast.AST, file: str, tree: ast.Module, within: str, lines: frozenset[int]) -> Iterator[Mutant]:
    """The mutants of what is below a node."""
    for key, value in ast.iter_fields(node):
        if key in UNREAD.get(type(node), ()):
            continue
        for number, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or isinstance(child, SKIPPED) or is_text(node, child):
                continue
            there = lines_of(child) if isinstance(child, ast.stmt) else lines
            for change, new in changes(child, node):
                yield Mutant(file, within, change, there, tree, (node, key, number, new))
            named = isinstance(child, (*FUNCTIONS, ast.ClassDef))
            inner = f"{within}.{child.name}".strip(".") if named else within  # type: ignore[attr-defined]
            yield from walk(child, file, tree, inner, there)


def is_text(node: ast.AST, child: ast.AST) -> bool:
    """Whether it is a docstring, or the plain part of a text for people."""
    constant = isinstance(child, ast.Constant) or (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant))
    return constant and isinstance(node, (ast.JoinedStr, ast.Module, ast.ClassDef, *FUNCTIONS))


def lines_of(statement: ast.stmt) -> frozenset[int]:
    """The lines of a statement, of one with a body those before it."""
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if body else statement.end_lineno or statement.lineno
    return frozenset(range(statement.lineno, max(last, statement.lineno) + 1))


def changes(node: ast.AST, parent: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield the replacements of a node, each with its description."""
    for new in replacements(node, parent):
        words = "nothing" if isinstance(new, ast.Pass) else ast.unparse(new)
        yield f"{ast.unparse(node)} → {words}", new


def replacements(node: ast.AST, parent: ast.AST) -> Iterator[ast.AST]:
    """Yield the replacements of a node."""
    if isinstance(node, ast.stmt):
        yield from other_statements(node)
        return
    if isinstance(node, ast.expr):
        if isinstance(parent, (ast.If, ast.While, ast.IfExp)) and node is parent.test and not has_opposite(node):
            yield ast.UnaryOp(ast.Not(), node)
        yield from other_expressions(node, parent)
    elif isinstance(node, ast.comprehension):
        for number in range(len(node.ifs)):
            yield without(node, "ifs", number)


def other_statements(node: ast.stmt) -> Iterator[ast.stmt]:
    """Statements that do less."""
    call = node.value if isinstance(node, ast.Expr) else None
    call = call.value if isinstance(call, ast.Await) else call
    assigns = isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Attribute, ast.Subscript))
    if isinstance(call, ast.Call) or assigns or isinstance(node, (ast.Raise, ast.AugAssign, ast.Continue, ast.Break)):
        yield ast.copy_location(ast.Pass(), node)
    elif isinstance(node, ast.Return) and node.value and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield ast.copy_location(ast.Return(ast.Constant(None)), node)


def other_expressions(node: ast.expr, parent: ast.AST) -> Iterator[ast.expr]:
    """Expressions that are nearly the same."""
    match node:
        case ast.Compare():
            for number, op in enumerate(node.ops):
                if other := SWAPPED.get(type(op)):
                    yield with_item(node, "ops", number, other())
        case ast.BoolOp():
            yield with_field(node, "op", SWAPPED[type(node.op)]())
            for number in range(len(node.values)):
                yield without(node, "values", number) if node.values[2:] else node.values[1 - number]
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
            yield from (node.left, node.right)
        case ast.BinOp(op=ast.Add()) if texts := [one for one in (node.left, node.right) if is_string(one)]:
            yield node.right if node.left in texts else node.left
        case ast.BinOp() if other := SWAPPED.get(type(node.op)):
            yield with_field(node, "op", other())
        case ast.Constant():
            yield from other_constants(node, parent)
        case ast.Dict():
            for number in range(len(node.keys)):
                yield with_field(without(node, "keys", number), "values", [*node.values[:number], *node.values[number + 1 :]])
        case ast.Tuple() | ast.List() | ast.Set() if node.elts[1:] and isinstance(parent, (ast.Assign, ast.AnnAssign, ast.Call, ast.For)):
            if node is not getattr(parent, "target", None) and node not in getattr(parent, "targets", ()):
                yield from (without(node, "elts", number) for number in range(len(node.elts)))
        case ast.Call():
            yield from other_calls(node)


def other_constants(node: ast.Constant, parent: ast.AST) -> Iterator[ast.Constant]:
    """Another value of the same type. Texts for people, which have blanks in them, stay, and names by which something is looked up."""
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, (int, float)):
        yield ast.Constant(value + 1)
    elif isinstance(value, str) and " " not in value and isinstance(parent, MEANT):
        yield ast.Constant(f"{value}~")


def other_calls(node: ast.Call) -> Iterator[ast.expr]:
    """Calls with less to say, and what they are called on or with alone."""
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if isinstance(node.func, ast.Name) and name in RENAMED:
        yield with_field(node, "func", ast.Name(RENAMED[name], ast.Load()))
    if isinstance(node.func, ast.Attribute) and name in LINKS:
        yield node.func.value
    if name in UNWRAPPED and len(node.args) == 1:
        yield node.args[0]
    if name in CONDITIONS and node.args[1:]:
        yield from (without(node, "args", number) for number in range(len(node.args)))
    yield from (without(node, "keywords", number) for number, one in enumerate(node.keywords) if one.arg)


def has_opposite(test: ast.expr) -> bool:
    """Does turning it around come out as one of the other changes?"""
    single = (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot))
    )
    return single or (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not))


def is_string(node: ast.AST) -> bool:
    """Whether it is a text that stands in the code."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def with_field(node: Any, key: str, value: Any) -> Any:
    """The same node with another field."""
    other = copy.copy(node)
    setattr(other, key, value)
    return other


def with_item(node: Any, key: str, number: int, value: Any) -> Any:
    """The same node with another item in a list."""
    items = list(getattr(node, key))
    items[number] = value
    return with_field(node, key, items)


def without(node: Any, key: str, number: int) -> Any:
    """The same node without an item of a list."""
    items = list(getattr(node, key))
    del items[number]
    return with_field(node, key, items)
