"""The fingerprint: like for copies of one message whatever was changed about them, unlike for others, never raising, bounded."""

import itertools
import random
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given, settings as hypothesis_settings, strategies as st

from tests.triage import waves
from tests.triage.messages import from_archive
from triage.message.fingerprint import (
    BANDS,
    FEATURES,
    ROWS,
    WORDED,
    WORDS_LIMIT,
    Fingerprint,
    band_number,
    bands_of,
    link_features,
    make_fingerprint,
    other_features,
    pack_features,
    places_of,
    shape_of,
    unpack_features,
)
from triage.message.fingerprint_text import distinctive_words, written_lines
from triage.message.summary import make_summary

AS_STORED = "3a8f1c797b93adc950992c439b4ffbe5ceefa04a491c4ef87abbd7159b200d39"  # SHA-256 over the fingerprints of a hundred messages


def found(raw: bytes) -> Fingerprint:
    """The fingerprint of a message that has one."""
    read = Fingerprint.from_text(make_summary(raw).fingerprint)
    assert read is not None
    return read


def alike(one: Fingerprint, other: Fingerprint) -> bool:
    """Would one that was compared with the other join it?"""
    return one.likeness(other.features) >= one.needed(other.features)


@pytest.mark.parametrize("number", range(len(waves.TEXTS)))
@given(seed=st.integers(min_value=0, max_value=2**32))
@hypothesis_settings(max_examples=15)
def test_copies_of_one_mail_are_alike(number: int, seed: int) -> None:
    chance = random.Random(seed)
    subject, text = waves.TEXTS[number]
    first, *others = [found(one.raw) for one in waves.wave(number, text, subject, 4, chance, levels=range(4))]
    assert all(alike(first, other) for other in others)


def test_copies_with_a_tenth_of_the_words_replaced_are_like_the_first_one() -> None:
    chance = random.Random(8)
    for number, (subject, text) in enumerate(waves.TEXTS):
        first, *copies = [found(one.raw) for one in waves.wave(number, text, subject, 41, chance, levels=(0, *(4,) * 40))]
        assert sum(alike(first, one) for one in copies) >= 38, subject


def test_different_messages_are_not_alike() -> None:
    chance = random.Random(8)
    firsts = [found(next(waves.wave(number, text, subject, 1, chance)).raw) for number, (subject, text) in enumerate(waves.TEXTS)]
    assert not any(alike(one, other) for one, other in itertools.combinations(firsts, 2))


def test_like_fingerprints_share_bands() -> None:
    chance = random.Random(8)
    for number, (subject, text) in enumerate(waves.TEXTS):
        first, *others = [found(one.raw) for one in waves.wave(number, text, subject, 20, chance)]
        assert all(set(first.bands) & set(other.bands) for other in others if alike(first, other))


@given(st.frozensets(st.integers(0, 300), min_size=1, max_size=128), st.frozensets(st.integers(0, 300), min_size=1, max_size=128))
def test_what_cannot_be_like_is_not(one: frozenset[int], other: frozenset[int]) -> None:
    mine = Fingerprint((0,) * BANDS, one)
    assert mine.may_be_like(other) or not alike(mine, Fingerprint((0,) * BANDS, other))
    assert mine.likeness(other) <= len(one & other) / max(len(one), len(other))


def as_defined(subject: str, text: str, targets: list[str], attachments: list[str]) -> Fingerprint | None:
    """Fingerprint by its definition, without regard for speed."""
    said = {*distinctive_words("\n".join(written_lines(text)))[:WORDS_LIMIT], *other_features(subject, attachments, ())}
    said |= {*link_features(targets)} if len(said) < WORDED else set()
    lowest = sorted({crc32(line) for one in said for line in one.encode("utf-8", "replace").split(b"\n")})[:FEATURES]
    first = [min(places) for places in zip(*map(places_of, lowest), strict=True)]
    bands = tuple(band_number(number, first[number * ROWS : (number + 1) * ROWS]) for number in range(BANDS)) if lowest else ()
    return Fingerprint(bands, frozenset(lowest)) if lowest else None


@given(
    st.integers(min_value=0, max_value=2**32),
    st.sampled_from((0, 5, 50, 150, 400, 3_000, 9_000)),
    st.text(max_size=300),
    st.lists(st.sampled_from(("https://a.example/b", "https://a.example/%0Ab/%0D", "mailto:a@b.example", "no link")), max_size=3),
    st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), max_size=7),
)
@hypothesis_settings(max_examples=60)
def test_the_short_way_leads_where_the_long_one_does(
    seed: int, count: int, strange: str, targets: list[str], attachments: list[str]
) -> None:
    chance = random.Random(seed)
    vocabulary = [*waves.invented(chance, chance.choice((5, 100, 3_000))), "the", "your", "4711", "a8f3", "口座番号", "Überweisung", "ab"]
    text = "".join(f"{word}{chance.choice('   .,;' + chr(10))}" for word in chance.choices(vocabulary, k=count)) + strange
    assert make_fingerprint(strange, text, targets=targets, attachments=attachments) == as_defined(strange, text, targets, attachments)


def test_stored_fingerprints_are_found_by_later_versions() -> None:
    chance = random.Random(8)
    messages = [one.raw for number, (subject, text) in enumerate(waves.TEXTS) for one in waves.wave(number, text, subject, 12, chance)]
    texts = (" ".join(waves.invented(chance, count)) for count in (150, 300, 1_000, 5_000))
    prints = [make_summary(raw).fingerprint for raw in messages] + [
        one.as_text() for text in texts if (one := make_fingerprint("news", text))
    ]
    assert sha256("\n".join(prints).encode()).hexdigest() == AS_STORED  # else nothing new is like it, and each campaign begins again


def test_what_was_stored_when_links_counted_is_still_found() -> None:
    for number, (subject, text) in enumerate(waves.TEXTS):
        stored, new = (found(one.raw) for one in waves.wave(number, text, subject, 2, random.Random(8), levels=(0, 3)))
        before = stored.features | {crc32(b"link portal-check.example/confirm/*?user")}
        assert alike(new, Fingerprint(bands_of(before), before))
        assert set(new.bands) & set(bands_of(before))


NOISY = "Your parcel is held at customs. Settle the open charge today."


@given(st.lists(st.from_regex(r"[a-z]{4,9}(\.php)?", fullmatch=True), min_size=15, max_size=15), st.sampled_from((1, 15)))
def test_a_path_of_its_own_for_each_copy_changes_nothing(names: list[str], hosts: int) -> None:
    targets = [f"https://{'abcdefghijklmno'[place % hosts]}.evil.example/{name}" for place, name in enumerate(names)]
    assert make_fingerprint("Parcel held", NOISY, targets=targets) == make_fingerprint("Parcel held", NOISY)


def test_links_tell_apart_what_says_next_to_nothing() -> None:
    one, same, other = (
        make_fingerprint("Hi", "look", targets=[target]) for target in ("https://a.example/x", "http://a.example/x", "https://b.example/x")
    )
    assert one == same
    assert one
    assert other
    assert not alike(one, other)


def test_a_word_that_a_subject_repeats_counts_once() -> None:
    """Repeated words took the links of a message that says next to nothing out of its fingerprint."""
    one, other = (make_fingerprint("parcel " * 20, "Look", targets=[target]) for target in ("https://a.example/p", "https://b.example/q"))
    assert one is not None
    assert other is not None
    assert one.features != other.features


def test_the_same_attachment_weighs_as_much_as_a_sentence() -> None:
    one = make_fingerprint("Invoice", "please pay quickly", attachments=["a" * 64])
    other = make_fingerprint("Reminder", "please pay quickly", attachments=["a" * 64])
    third = make_fingerprint("Reminder", "please pay quickly", attachments=["b" * 64])
    assert one
    assert other
    assert third
    assert alike(one, other)
    assert not alike(one, third)


def test_names_of_people_are_left_out() -> None:
    texts = [
        make_fingerprint(
            "Lunch", f"{first} {last} invites for lunch tomorrow noon", people=(f"{first.casefold()}.{last.casefold()}@a.example",)
        )
        for first, last in (("Ida", "Lind"), ("Joe", "Fern"))
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("target", "shape"),
    [
        ("https://Portal.example/reset/8f3a2c?user=ida&t=99", "portal.example/reset/*?t&user"),
        ("https://a8f3.portal.example/x", "*.portal.example/x?"),
        ("http://www.example", "www.example/?"),
        ("https://portal.example/" + "q" * 30, "portal.example/*?"),
        ("mailto:ida@company.example", ""),
        ("https://portal.example/rnysv.php", "portal.example/*.php?"),
        ("https://portal.example/newsletter.html", "portal.example/newsletter.html?"),
        ("data:text/html,x", ""),
        ("not a link", ""),
    ],
)
def test_shapes_of_links(target: str, shape: str) -> None:
    assert shape_of(target) == shape


def test_a_mail_without_anything_has_none() -> None:
    assert make_fingerprint("", "") is None
    assert make_fingerprint("Re: 4711", "Hi Ida,\n\n12345") is None
    assert Fingerprint.from_text("") is None


@given(
    st.text(max_size=200),
    st.text(max_size=2_000),
    st.lists(st.text(max_size=100), max_size=5),
    st.lists(st.text(max_size=64), max_size=5),
    st.lists(st.text(max_size=60), max_size=5),
)
def test_whatever_comes_is_bounded(subject: str, text: str, targets: list[str], attachments: list[str], people: list[str]) -> None:
    print_of = make_fingerprint(subject, text, targets=targets, attachments=attachments, people=people)
    if print_of is None:
        return
    assert len(print_of.bands) == BANDS
    assert all(0 <= band < 2**63 for band in print_of.bands)
    assert 0 < len(print_of.features) <= FEATURES
    assert Fingerprint.from_text(print_of.as_text()) == print_of
    assert frozenset(unpack_features(pack_features(print_of.features))) == print_of.features
    assert print_of.likeness(print_of.features) == 1.0
    assert make_fingerprint(subject, text, targets=targets, attachments=attachments, people=people) == print_of


def test_a_very_long_mail_is_bounded() -> None:
    text = "\n".join(f"word{'abcdefgh'[number % 8]} " * 2_000 for number in range(3_000))
    assert make_fingerprint("x" * 10_000, text, targets=["https://a.example/" + "a/" * 5_000] * 1_000) is not None


@pytest.mark.corpus
def test_real_phishing_is_not_like_real_ham(corpus: Path) -> None:
    phish = [one for _, raw in from_archive(corpus, "mail-phish") if (one := Fingerprint.from_text(make_summary(raw).fingerprint))]
    ham = [
        one
        for name, raw in from_archive(corpus, "mail-other")
        if "/ham" in name and (one := Fingerprint.from_text(make_summary(raw).fingerprint))
    ]
    assert len(phish) > 250
    assert len(ham) > 400
    bands = {band for one in phish for band in one.bands}
    near = [one for one in ham if bands.intersection(one.bands)]
    assert not any(alike(one, other) for one in near for other in phish)
