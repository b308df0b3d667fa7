"""The checks of texts find what they are for, and let plain English pass."""

import ast
from pathlib import Path

import pytest

from tests.prose import __main__, code, markdown, product, rules

LONG = "Mailroom holds a message " + "and another message " * 6 + "for staff."


EXPECTED = ["It holds it.", "See RFC 6376, 5.4. Then release it: `a. B` is one word!", "“Yes.”", "No."]


def kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> list[str]:
    """The kinds of fault in a page with this text."""
    monkeypatch.setattr(rules, "ROOT", tmp_path)
    path = tmp_path / "page.md"
    path.write_text(f"# Page\n\n{text}\n", "utf-8")
    return sorted({fault.kind for fault in rules.faults_of_page(markdown.read(path), decision=False)})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Mailroom holds two mails.", ["mails"]),
        ("The mail server holds the message, as every mail program shows.", []),
        ("“Odd mails” is what the console says, and `odd` a word of the API.", []),
        ("What is held waits for staff.", ["opens with What"]),
        ("What is held?", []),
        (LONG, ["mean above 18 words"]),
        (LONG.replace(" for staff", " and another message" * 12), ["above 40 words", "mean above 18 words"]),
        ("## How Messages Are Held", ["heading"]),
        ("## Active Directory, LDAP and `Message-ID`", []),
        ("[gone](gone.md)", ["link"]),
        ("[here](page.md#page), [there](#nowhere)", ["link"]),
        ("| a | b |\n|---|---|\n| two mails | x |", ["mails"]),
        ("```sh\nmailroom deliveries # two mails\n```", []),
    ],
)
def test_a_fault_of_a_page_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, found: list[str]) -> None:
    assert kinds(tmp_path, monkeypatch, text) == found


def test_sentences_are_what_a_reader_sees() -> None:
    text = "It holds it. See RFC 6376, 5.4. Then [release it](x.md): `a. B` is one word! “Yes.” No."
    assert markdown.sentences(text) == EXPECTED
    assert markdown.length("Mailroom holds `a b c` here, [there](x.md).") == 5


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ("- **Search.** It answers at once. It looks\n  further.", []),
        ("- **Search** answers at once. It looks further.\n- It is fast.\n\n### Changed", []),
        ("- **Search** answers. It looks\n  further. It ends.", ["above 2 sentences"]),
    ],
)
def test_an_entry_of_the_changelog_that_is_too_long_is_found(tmp_path: Path, entry: str, found: list[str]) -> None:
    path = tmp_path / "CHANGELOG.md"
    path.write_text(f"# Changelog\n\nOne. Two. Three.\n\n{entry}\n", "utf-8")
    assert [fault.kind for fault in rules.faults_of_changelog(markdown.read(path))] == found


def test_a_sentence_without_a_translation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "console", lambda: {"Release": "a.svelte", "Nobody translated this": "b.svelte"})
    missing = [fault.text for fault in product.faults() if fault.kind == "missing"]
    assert missing == ["Nobody translated this"]


@pytest.mark.parametrize(
    ("english", "german", "kinds"),
    [
        ("{n} messages", "{n} Nachrichten", []),
        ("{n} messages", "{m} Nachrichten", ["mistyped"]),
        ("{n} messages", "", ["missing"]),
        ("{n} message|{n} messages", "{n} Nachricht|{n} Nachrichten", []),
        ("{n} message|{n} messages", "{n} Nachrichten", ["mistyped"]),
        ("{n} messages", "{n} Mails", ["Mails"]),
        ("Nothing says this", "Das sagt niemand", ["stale"]),
    ],
)
def test_a_wrong_translation_is_found(english: str, german: str, kinds: list[str]) -> None:
    said = {english: "a.svelte"} if english.startswith("{") else {}
    assert [fault.kind for fault in product.faults_of_table("de.ts", {english: german}, said)] == kinds


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<h1>{t('Rules')}</h1> · Mailroom", []),
        ("<script>const a = 'Not shown'</script><style>b { color: red }</style><!-- nor this -->", []),
        ("<p>{t('{n} rules', { n })} of them</p>", ["of them"]),
        ("<button title=\"Close it\" aria-label={t('Close')}>{#if a > 1}{`${a} b`}{/if}</button>", ["Close it"]),
    ],
)
def test_a_text_that_is_shown_without_a_translation_is_found(template: str, found: list[str]) -> None:
    assert product.untranslated(template) == found


@pytest.mark.parametrize("words", ["Another card", "The mail", "Purge", "Let it in", "They could not be read."])
def test_a_private_word_of_the_console_is_found(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setattr(product, "console", lambda: {words: "a.svelte"})
    assert [fault for fault in product.faults() if fault.file == "webui/src"]


@pytest.mark.parametrize(
    ("known", "now", "code"),
    [
        ({}, {}, 0),
        ({"a": {"mails": 1}}, {"a": {"mails": 1}}, 0),
        ({}, {"a": {"mails": 1}}, 1),
        ({"a": {"mails": 2}}, {"a": {"mails": 1}}, 1),
    ],
)
def test_the_baseline_holds_what_is_old_and_only_shrinks(
    known: dict[str, dict[str, int]], now: dict[str, dict[str, int]], code: int
) -> None:
    assert __main__.print_new([], known, now) == code


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('"""Holds mails."""', ["mails"]),
        ("# the door is shut\nx = 1", ["the door"]),
        ('"""What a rule says."""', ["opening"]),
        ('"""Rules."""\n\n\nclass Staff:\n    """Somebody who decides."""', ["opening"]),
        ('"""One rule."""\n\n\ndef rules() -> int:\n    """Every rule."""', ["opening", "opening"]),
        ('"""Rules."""\n\n\ndef count() -> int:\n    """How many rules there are."""', ["opening"]),
        ('"""Rules."""\n\n\ndef is_open() -> bool:\n    """Is it open?"""', ["question"]),
        ('"""Rules."""\n\n\ndef is_open() -> bool:\n    """Whether it is open. `mails` is a field."""', []),
        ('"""Rules."""\n\n\ndef let_go() -> None: ...\n\n\nclass Rule:\n    told_at: int', ["let_go", "told_"]),
        ('"""Rules."""\n\n\ndef test_what_is_put_off_is_told() -> None: ...', []),
    ],
)
def test_a_private_word_of_a_docstring_or_comment_is_found(source: str, found: list[str]) -> None:
    assert [fault.kind for fault in code.faults_of_source("triage/rules.py", source)] == found


def test_tests_tell_stories_in_plain_words() -> None:
    assert list(code.faults_of_source("tests/triage/test_rules.py", '"""Is a message held that matches?"""')) == []
    assert [fault.kind for fault in code.faults_of_source("tests/triage/test_rules.py", '"""What is held."""')] == ["opening"]


@pytest.mark.parametrize("source", ["// in a mail", "<!-- Of the\nmail. -->", "/** A correspondent. */", "x = 1 // asked anew"])
def test_a_private_word_in_a_comment_of_the_console_is_found(source: str) -> None:
    (comment,) = product.find_comments(f"const at = 'https://the.mail/'\n{source}\n")
    assert list(rules.banned("a.ts", comment, "code"))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('f"{len(held)} messages are held"', ["{n} messages"]),
        ('f"{late} audit entries wait"', ["{n} audit entries"]),
        ('f"{count} damaged batches lie there"', ["{n} damaged batches"]),
        ('f"at most {MOST} messages"', []),
        ('"1 message" if n == 1 else f"{n} messages"', []),
        ('format_count(n, "message")', []),
    ],
)
def test_a_plural_by_hand_is_found(source: str, found: list[str]) -> None:
    assert list(code.plurals_by_hand(ast.parse(source))) == found
