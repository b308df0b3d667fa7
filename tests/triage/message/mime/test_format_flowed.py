"""Text that was broken for the way comes back whole (RFC 3676)."""

import pytest
from hypothesis import given, strategies as st

from triage.message.mime.format_flowed import unflow_text


@pytest.mark.parametrize(
    ("sent", "read", "read_with_delsp"),
    [
        ("one \r\ntwo\r\nthree", "one two\nthree", "onetwo\nthree"),
        ("one  \ntwo", "one  two", "one two"),
        ("https://stranger.example/a \n/b", "https://stranger.example/a /b", "https://stranger.example/a/b"),
        ("> they \n> said \n>> before\nI \nsay", "> they said \n>> before\nI say", "> theysaid\n>> before\nIsay"),
        ("one \n-- \nAnn", "one \n-- \nAnn", "one\n-- \nAnn"),
        ("> one \n> -- \n> Ann", "> one \n> -- \n> Ann", "> one\n> -- \n> Ann"),
        (" >no quotation\n From a stuffed line", ">no quotation\nFrom a stuffed line", ">no quotation\nFrom a stuffed line"),
        ("fixed\n\nlines\n", "fixed\n\nlines\n", "fixed\n\nlines\n"),
        ("open ", "open ", "open"),
        ("", "", ""),
    ],
)
def test_paragraphs(sent: str, read: str, read_with_delsp: str) -> None:
    assert unflow_text(sent, delsp=False) == read
    assert unflow_text(sent, delsp=True) == read_with_delsp


@given(st.text("a> -\n", max_size=60))
def test_no_word_is_lost(text: str) -> None:
    assert unflow_text(text, delsp=False).count("a") == unflow_text(text, delsp=True).count("a") == text.count("a")
