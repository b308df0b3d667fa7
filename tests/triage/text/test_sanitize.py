"""No control character from mail gets through."""

import unicodedata

import pytest
from hypothesis import given, strategies as st

from triage.text.sanitize import escape_visible, has_escapes, readable_text

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
HARMLESS_LINES = "\n\t"
JOINED = "é" + 100_000 * "\u200d" + "é"


def harmful(text: str, allowed: str = "") -> list[str]:
    """The characters of a text that no terminal, log or page may see."""
    return [one for one in text if one not in allowed and (unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") or one in BIDI)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Jörg 日本 😀", "Jörg 日本 😀"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\r\nb", "a\\x0d\\x0ab"),
        ("a\x9bb\x7f", "a\\x9bb\\x7f"),
        ("exe.\u202efdp", "exe.\\u202efdp"),
        ("a\u2028b", "a\\u2028b"),
        ("pay\u200bpal", "pay\\u200bpal"),
        ("pay\u200cpal", "pay\\u200cpal"),
        ("\ud83d", "\\ud83d"),
        ("\U000e0041", "\\U000e0041"),
        ("👩\u200d🔬", "👩\u200d🔬"),  # a joiner that an emoji needs
        ("می\u200cخواهم", "می\u200cخواهم"),  # and one that Persian needs
        (JOINED, JOINED),  # in one pass
        ("é\u200c\u200d\u200c\u200de", "é\\u200c\\u200d\\u200c\\u200de"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert escape_visible(text) == shown
    assert has_escapes(shown) == (text != shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\r\nb\rc\nd\te", "a\nb\nc\nd\te"), ("a\u2028b\x0bc", "a\nb\nc"), ("a\x1bb", "a\\x1bb")],
)
def test_lines_stay_lines(text: str, shown: str) -> None:
    assert escape_visible(text, lines=True) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u200b\u200cb\xad", "ab"),
        ("x \u200c \u200c y", "x   y"),
        ("\u202eabc", "\\u202eabc"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        (JOINED, JOINED),
        (JOINED[:-1], "é"),
    ],
)
def test_running_text_has_no_filler(text: str, shown: str) -> None:
    assert readable_text(text) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_harmful_gets_through(text: str) -> None:
    assert harmful(escape_visible(text)) == []
    assert harmful(escape_visible(text, lines=True), HARMLESS_LINES) == []
    assert harmful(readable_text(text), HARMLESS_LINES) == []
    escape_visible(text).encode()


@given(st.text(st.characters(max_codepoint=127)))
def test_what_is_all_ascii_is_read_as_the_rest_is(text: str) -> None:
    assert escape_visible(f"{text}.", lines=True) == escape_visible(f"{text}.é", lines=True).removesuffix("é")
