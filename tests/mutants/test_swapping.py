"""A mutant in a process that has imported its module: whoever knows the old thing has the new one."""

import ast
import sys
import types
from collections.abc import Iterator

import pytest

from tests.mutants.swapping import OnlyAtImport, put_in

CODE = """
import functools
from dataclasses import dataclass
LIMIT = 3
NAMES = ("a", "b")
MORE = (*NAMES, "c")
def above(x, least=LIMIT):
    return x > least
@functools.lru_cache
def kept(x):
    return x + 1
@dataclass
class Thing:
    size: int = 1
    @property
    def double(self):
        return self.size * 2
    @classmethod
    def made(cls):
        return cls(5)
    def grow(self, by=1):
        return self.size + by
"""


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    made = types.ModuleType("mutated")
    made.__file__ = __file__
    sys.modules["mutated"] = made
    exec(CODE, vars(made))
    yield made
    del sys.modules["mutated"]


def put(module: types.ModuleType, old: str, new: str) -> None:
    assert CODE.count(old) == 1
    put_in(module, ast.parse(CODE), ast.parse(CODE.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "asked", "before", "after"),
    [
        ("x > least", "x >= least", "above(3)", False, True),
        ("least=LIMIT", "least=2", "above(3)", False, True),
        ("x + 1", "x - 1", "kept(1)", 2, 0),
        ("size * 2", "size // 2", "Thing(4).double", 8, 2),
        ("cls(5)", "cls(6)", "Thing.made().size", 5, 6),
        ("by=1", "by=2", "Thing(1).grow()", 2, 3),
        ('("a", "b")', '("a",)', "NAMES", ("a", "b"), ("a",)),
        ('("a", "b")', '("a",)', "MORE", ("a", "b", "c"), ("a", "c")),
    ],
)
def test_what_is_known_already_is_broken(module: types.ModuleType, old: str, new: str, asked: str, before: object, after: object) -> None:
    known = dict(vars(module))
    assert eval(asked, known) == before
    other = types.ModuleType("triage.mutated")
    vars(other).update(known)
    sys.modules["triage.mutated"] = other
    try:
        put(module, old, new)
        assert eval(asked, vars(other)) == after
    finally:
        del sys.modules["triage.mutated"]


@pytest.mark.parametrize(("old", "new"), [("size: int = 1", "size: int = 2"), ("import functools", "import functools as f")])
def test_what_is_made_at_the_import_cannot_be_put_in(module: types.ModuleType, old: str, new: str) -> None:
    with pytest.raises(OnlyAtImport):
        put(module, old, new)
