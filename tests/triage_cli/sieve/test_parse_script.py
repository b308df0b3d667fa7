"""The grammar of Sieve: what is read, with its lines, and where a text is none."""

import contextlib

import pytest
from hypothesis import given, strategies as st

from triage_cli.sieve.parse_script import Node, NoScript, parse_script


def shown(node: Node) -> str:
    """A command as one line."""
    arguments = "".join(f" {','.join(one.values)}" for one in node.arguments)
    tests = "".join(f" ({shown(one)})" for one in node.tests)
    block = "" if node.block is None else " {" + "; ".join(map(shown, node.block)) + "}"
    return f"{node.line}:{node.name}{arguments}{tests}{block}"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", []),
        ("keep;\r\nSTOP;", ["1:keep", "2:stop"]),
        ('redirect "a\\"b\\\\c";', ['1:redirect a"b\\c']),
        ('require ["a", "b"]; # note\n/* more\n */ keep;', ["1:require a,b", "3:keep"]),
        ("if size :over 2K { discard; }", ["1:if (1:size :over 2048) {1:discard}"]),
        ('if not anyof(true,\n header :IS "a" "b") {}', ["1:if (1:not (1:anyof (1:true) (2:header :is a b))) {}"]),
        ("reject text:  # why\n..dot\nend\n.\n;keep;", ["1:reject .dot\nend\n", "5:keep"]),
        ('set "a" "${b}";', ["1:set a ${b}"]),
    ],
)
def test_commands_are_read_with_their_lines(text: str, read: list[str]) -> None:
    assert [shown(one) for one in parse_script(text)] == read


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("keep", 1),
        ("keep;\nif true { stop;", 2),
        ('\n\nredirect "a;\n', 3),
        ("/* never ends", 1),
        ("keep;\n}", 2),
        ("if anyof(true,) {}", 1),
        ('redirect ["a", b];', 1),
        ("if " + "not " * 30 + "true {}", 1),
        ("1;", 1),
    ],
)
def test_a_fault_has_its_line(text: str, line: int) -> None:
    with pytest.raises(NoScript) as fault:
        parse_script(text)
    assert fault.value.line == line


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("# why\nkeep;", "why"),
        ("# one\n# two\nkeep;", "one two"),
        ("/* why */ keep;", "why"),
        ("# not this\n\nkeep;", ""),
        ("stop; # not this\n\nkeep;", ""),
    ],
)
def test_a_comment_belongs_to_the_command_straight_below(text: str, comment: str) -> None:
    assert parse_script(text)[-1].comment == comment


WORDS = st.sampled_from(
    [
        "if",
        "not",
        "true",
        "anyof",
        "(",
        ")",
        "{",
        "}",
        ";",
        ",",
        "[",
        "]",
        '"a"',
        ":is",
        "9K",
        "#x\n",
        "/*",
        "text:\n",
        "\n.\n",
        "\\",
        '"',
        "é",
    ]
)


@given(st.lists(WORDS, max_size=40))
def test_whatever_is_written_it_is_read_or_refused(words: list[str]) -> None:
    with contextlib.suppress(NoScript):
        assert all(one.line >= 1 for one in parse_script(" ".join(words)))
