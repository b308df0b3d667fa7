"""Actors and scopes as they are written down."""

import pytest

from triage.actor import Actor, Role, Scope


def test_how_an_actor_stands_on_the_record() -> None:
    assert str(Actor.person("ana", Role.TRIAGE, Scope())) == "person:ana"
    assert str(Actor.rule("known-sender")) == "rule:known-sender"
    assert str(Actor.system("retention")) == "system:retention"


@pytest.mark.parametrize(
    "words",
    [["company"], ["department:it"], ["department:it", "department:legal", "person:mara.berg"], []],
    ids=" ".join,
)
def test_a_scope_is_read_as_it_is_written(words: list[str]) -> None:
    assert Scope.parse(words).words() == words


@pytest.mark.parametrize(
    ("wide", "narrow", "covers"),
    [
        (["company"], ["department:it"], True),
        (["company"], ["company"], True),
        (["department:it", "person:joe"], ["person:joe"], True),
        (["department:it"], ["department:it", "department:legal"], False),
        (["department:it"], ["person:joe"], False),
        (["department:it"], ["company"], False),
    ],
)
def test_what_a_scope_covers(wide: list[str], narrow: list[str], covers: bool) -> None:
    assert Scope.parse(wide).covers(Scope.parse(narrow)) is covers


@pytest.mark.parametrize("word", ["", "company:it", "department:", "team:it", "department"])
def test_no_scope(word: str) -> None:
    with pytest.raises(ValueError, match="write company, department:CODE or person:UID"):
        Scope.parse([word])
