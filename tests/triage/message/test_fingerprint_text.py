"""The telling words: what differs from copy to copy is no part of them."""

import pytest
from hypothesis import given, strategies as st

from triage.message.fingerprint_text import LONGEST, STOP, distinctive_words, written_lines


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("The parcel is waiting at the depot.", "parcel waiting depot"),
        ("Order 4711 of 12.11.2026, token a8f3e2", "order token"),
        ("See https://portal.example/a/b?c=d or write to help@portal.example", "write"),
        ("Straße, Café, ÜBERWEISUNG", "strasse cafe uberweisung"),
        ("Yоur pаsswоrd", "password"),  # Cyrillic letters
        ("pass\u200bword \u202ereset", "password reset"),
        ("a" * (LONGEST + 1), ""),
        ("Ida Lind has a meeting", "meeting"),
        ("口座番号 確認", "口座 座番 番号 確認"),
        ("pa" + 30_000 * "\u0300\u0315" + "ssword", "password"),  # at once
    ],
)
def test_words(text: str, tells: str) -> None:
    assert distinctive_words(text, {"ida", "lind"}) == tells.split()


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("Dear Ida Lind,\nyour parcel waits", [" ", "your parcel waits"]),
        ("Hi Ida, your parcel waits", ["  your parcel waits"]),
        ("Sehr geehrte Frau Lind,\n\nIhr Paket", [" ", "Ihr Paket"]),
        ("Dearest friends meet", ["Dearest friends meet"]),
        ("Yes.\n\n> Do you come?\n> Ida", ["Yes."]),
        ("Yes.\nFrom: Ida\nSent: Monday\nSubject: lunch", ["Yes."]),
        ("Yes.\n-- \nIda Lind\nIT", ["Yes."]),
        ("News of the week\nUnsubscribe here\nÜberall abmelden", ["News of the week"]),
        ("Terms | Privacy\nPrivacy\nSee our privacy policy\nLa política de privacidad\nYes.", ["Yes."]),
        ("Yes.\nThis message is confidential.\nIt has confidential and legally protected content.", ["Yes."]),
        ("I am sorry to invade your privacy.\nA confidential offer.", ["I am sorry to invade your privacy.", "A confidential offer."]),
        ("Report attached.\n*****\nThis mail is confidential or not.\nAsk us.\n*****", ["Report attached."]),
        ("*****\nAll of it is framed\n*****", ["*****", "All of it is framed", "*****"]),
        ("one\n-----\ntwo", ["one", "-----", "two"]),
    ],
)
def test_lines(text: str, stays: list[str]) -> None:
    assert written_lines(text) == stays


@given(st.text(max_size=2_000), st.sets(st.text(max_size=10), max_size=5))
def test_whatever_comes_gives_plain_words(text: str, names: set[str]) -> None:
    for word in distinctive_words("\n".join(written_lines(text)), names):
        assert word.isalpha()
        assert len(word) <= LONGEST
        assert word not in STOP


@given(st.text(st.characters(max_codepoint=127), max_size=2_000), st.sets(st.text("abc", max_size=4), max_size=5))
def test_text_that_is_all_ascii_has_the_same_words(text: str, names: set[str]) -> None:
    assert [*distinctive_words(text, names), "口座"] == distinctive_words(f"{text} 口座", names)
