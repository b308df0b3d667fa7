"""Puts a mutant into a process that has its module imported already, wherever it is known by name."""

import ast
import functools
import sys
import types
from collections.abc import Iterator
from typing import Any

ROOMS = ("triage", "mail_auth", "mta", "mailboxes", "directory_sync", "webhooks", "triage_api", "triage_cli", "demo", "migrations")


class OnlyAtImport(Exception):
    """The mutant changes what is made while its module is imported, and cannot be put in later."""


def put_in(module: types.ModuleType, whole: ast.Module, broken: ast.Module) -> None:
    """Make the module behave as the broken tree says. OnlyAtImport when that needs another import."""
    changed: set[str] = set()  # and what is made of them changes too
    for before, after in zip(whole.body, broken.body, strict=True):
        assigns = isinstance(after, (ast.Assign, ast.AnnAssign))
        if ast.dump(before) != ast.dump(after) or (assigns and changed & names_in(after, ast.Load)):
            put_statement(module, before, after)
            changed |= names_in(after, ast.Store) if assigns else set()
    for one in ours():
        for value in list(vars(one).values()):
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def put_statement(module: types.ModuleType, before: ast.stmt, after: ast.stmt) -> None:
    """Put one statement of a module in."""
    match before, after:
        case ((ast.FunctionDef() | ast.AsyncFunctionDef()), (ast.FunctionDef() | ast.AsyncFunctionDef())):
            put_function(vars(module)[before.name], made(module, after)[before.name])
        case ast.ClassDef(), ast.ClassDef():
            for old, new in zip(before.body, after.body, strict=True):
                if ast.dump(old) == ast.dump(new):
                    continue
                if not isinstance(old, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    raise OnlyAtImport(before.name)
                put_function(vars(vars(module)[before.name])[old.name], made(module, new)[old.name])
        case ((ast.Assign() | ast.AnnAssign()), _):
            values = made(module, after)
            for name in names_in(before, ast.Store):
                put_value(name, vars(module)[name], values[name])
        case _:
            raise OnlyAtImport(type(before).__name__)


def names_in(statement: ast.stmt, how: type[ast.expr_context]) -> set[str]:
    """The names that a statement reads, or those that it gives."""
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, how)}


def made(module: types.ModuleType, statement: ast.stmt) -> dict[str, Any]:
    """Evaluate a statement with the names of its module, which stay unchanged."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        statement.decorator_list = []
    names = dict(vars(module))
    exec(compile(ast.Module([statement], []), module.__file__ or "", "exec"), names)
    return names


def put_function(old: Any, new: types.FunctionType) -> None:
    """Give the old function the new one's code, for all who hold a reference."""
    while not isinstance(old, types.FunctionType):
        inner = getattr(old, "__wrapped__", None) or getattr(old, "fget", None) or getattr(old, "__func__", None)
        if inner is None or isinstance(old, functools.partial):
            raise OnlyAtImport(new.__name__)
        old = inner
    if old.__code__.co_name != new.__code__.co_name or old.__code__.co_freevars != new.__code__.co_freevars:
        raise OnlyAtImport(new.__name__)
    old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__


def put_value(name: str, old: object, new: object) -> None:
    """Replaces the value in all modules that know the old one by this name."""
    for one in list(sys.modules.values()):
        if isinstance(one, types.ModuleType) and vars(one).get(name) is old:
            setattr(one, name, new)


def ours() -> Iterator[types.ModuleType]:
    """The modules of this project that are imported."""
    yield from (one for name, one in list(sys.modules.items()) if name.partition(".")[0] in ROOMS and isinstance(one, types.ModuleType))
