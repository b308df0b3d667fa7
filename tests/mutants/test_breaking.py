"""Mutants of a piece of code: their kinds, names, and the sample that is run."""

import ast
from pathlib import Path

import pytest

from tests.mutants import breaking
from tests.mutants.breaking import Mutant, mutants_of, sample

CODE = '''
"""A text for people."""

NAMES = ("a", "b")


@decorated(1)
def function(x: int = 3) -> str:
    """Another one."""
    assert x
    if x > 1 and not late:
        log("a sentence with blanks")
    return "in." + x
'''
CHANGES = [
    ("", "('a', 'b') → ('b',)"),
    ("", "('a', 'b') → ('a',)"),
    ("function", "3 → 4"),
    ("function", "x > 1 and (not late) → not (x > 1 and (not late))"),
    ("function", "x > 1 and (not late) → x > 1 or not late"),
    ("function", "x > 1 and (not late) → not late"),
    ("function", "x > 1 and (not late) → x > 1"),
    ("function", "x > 1 → x >= 1"),
    ("function", "1 → 2"),
    ("function", "not late → late"),
    ("function", "log('a sentence with blanks') → nothing"),
    ("function", "return 'in.' + x → return None"),
    ("function", "'in.' + x → x"),
]


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "listed.toml").write_text('[[mutant]]\nname = "late is early"\nfile = "code.py"\nold = "not late"\nnew = "early"\n')
    monkeypatch.setattr(breaking, "ROOT", tmp_path)
    monkeypatch.setattr(breaking, "LISTED", tmp_path / "listed.toml")
    mutants_of.cache_clear()
    return "code.py"


def test_the_mutants_of_a_piece_of_code(code: str) -> None:
    assert [(one.within, one.change) for one in mutants_of(code)] == [*CHANGES, ("", "late is early")]
    assert {one.place for one in mutants_of(code)} == {f"code.py:{line}" for line in (4, 8, 11, 12, 13)}


SMALL = [
    ("return a", "return None"),
    ("x.y = 1", "pass"),
    ("x += 1", "pass"),
    ("raise x", "pass"),
    ("await f()", "pass"),
    ("a in b", "a not in b"),
    ("a is not b", "a is b"),
    ("a < b", "a <= b"),
    ("a >= b", "a > b"),
    ("a == 'x'", "a == 'x~'"),
    ("a & b", "a"),
    ("a | b", "b"),
    ("a - b", "a + b"),
    ("a // b", "a * b"),
    ("x + '.'", "x"),
    ("x = True", "x = False"),
    ("f(x, y=1)", "f(x)"),
    ("f(x, y='z')", "f(x, y='z~')"),
    ("and_(a, b)", "and_(b)"),
    ("and_(a, b)", "or_(a, b)"),
    ("q.where(a, b)", "q.where(a)"),
    ("q.order_by(a)", "q"),
    ("x.strip()", "x"),
    ("sorted(x)", "x"),
    ("not_(x)", "x"),
    ("any(x)", "all(x)"),
    ("max(a, b)", "min(a, b)"),
    ("f({'a': 1, 'b': 2})", "f({'b': 2})"),
    ("[x for x in y if z]", "[x for x in y]"),
    ("a if b else c", "a if not b else c"),
    ("f'{a or b}'", "f'{a}'"),
]


@pytest.mark.parametrize(("before", "after"), SMALL)
def test_one_change(before: str, after: str, code: str) -> None:
    (breaking.ROOT / code).write_text(f"async def f():\n    {before}\n")
    (breaking.ROOT / "listed.toml").write_text("mutant = []\n")
    found = []
    for number in range(len(mutants_of(code))):
        mutants_of.cache_clear()  # a change stays in its tree
        found.append(ast.unparse(mutants_of(code)[number].broken()).partition("\n")[2].strip())
    assert after in found
    assert before not in found


def test_a_sample_is_the_same_one_and_has_what_is_listed(code: str) -> None:
    every = list(mutants_of(code))
    three = sample(every, 3)
    assert sample(every, 3) == three
    assert len(three) == 3
    assert three[-1].change == "late is early"
    assert {*three} < {*sample(every, 6)}
    assert sample(every, len(every)) == every
    assert [one.change for one in sample(every, 0)] == ["late is early"]


def test_a_listed_text_that_moved_is_said(code: str) -> None:
    (breaking.ROOT / code).write_text("pass\n")
    with pytest.raises(ValueError, match=r"late is early: .not late. stands 0 times in code\.py"):
        mutants_of(code)


def test_every_listed_mutant_fits_and_breaks_something() -> None:
    mutants_of.cache_clear()
    names = set()
    for file in {one["file"] for one in breaking.written()}:
        whole = ast.dump(ast.parse((breaking.ROOT / file).read_text("utf-8")))
        for mutant in mutants_of(file):
            if mutant.put is None:
                assert ast.dump(mutant.broken()) != whole
                names.add(mutant.change)
    assert len(names) == len(breaking.written()) > 80


def name_of(mutant: Mutant) -> tuple[str, str, str]:
    return mutant.name


def test_mutants_know_each_other_by_name(code: str) -> None:
    assert name_of(mutants_of(code)[2]) == ("code.py", "function", "3 → 4")
