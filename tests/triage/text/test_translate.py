"""Sentences in another language: every catalogue is whole, and text of others stays as it is."""

import ast
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from babel.messages.catalog import Message

from tests.catalogues import catalogue_plurals, faults, gaps_of, languages, mistakes, said_in
from triage.quarantine.removal import late_copies
from triage.quarantine.rules import rule_notes
from triage.say import (
    Said,
    form_of,
    form_with_text,
    format_day,
    format_minute,
    format_span,
    join_parts,
    load_sentence,
    say,
    say_count,
    with_its_form,
)
from triage.store.models.deliveries import reply_columns
from triage.store.models.rules import Rule
from triage.text.i18n.translate import translate_sentence

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("language", languages())
def test_the_catalogue_is_whole(language: str) -> None:
    assert list(faults(language)) == []


@pytest.mark.parametrize(
    ("code", "forms"),
    [
        ('say("Gone by {name}", name=x)', {("Gone by {name}",)}),
        ('say("a" if x else "b")', {("a",), ("b",)}),
        ('say_count("{count} x", "{count} xs", count=3)', {("{count} x", "{count} xs")}),
        ("say(WORDS[x])", set()),
    ],
)
def test_messages_are_found_in_the_code(code: str, forms: set[tuple[str, ...]]) -> None:
    tree = ast.parse(f"from triage.say import say, say_count\n{code}")
    assert {one.forms for one in said_in(tree, "x.py")} == forms
    assert set(said_in(ast.parse(code), "x.py")) == set()  # some other function of this name


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        (Message("{a} left", "{a} übrig"), 0),
        (Message("{a} left", ""), 1),
        (Message("{a} left", "{b} übrig"), 1),
        (Message("{a} left", "{a} übrig", flags=["fuzzy"]), 1),
        (Message(("{count} x", "{count} xs"), ("{count} y", "{count} ys")), 0),
        (Message(("{count} x", "{count} xs"), ("ein y", "{count} ys")), 0),
        (Message(("{count} x", "{count} xs"), ("{count} y", "{cuont} ys")), 1),
    ],
)
def test_what_is_wrong_with_a_translation_is_found(message: Message, wrong: int) -> None:
    forms = (message.id,) if isinstance(message.id, str) else tuple(message.id)
    assert len(list(mistakes(message, forms, catalogue_plurals("de")))) == wrong


def test_gaps() -> None:
    assert gaps_of("{a} of {b}") == {"a", "b"}


@pytest.mark.parametrize(
    ("sentence", "german"),
    [
        (say("there is no rule {rule_id}", rule_id="gelöscht"), "es gibt keine Regel gelöscht"),
        (say("A request has at most {size} KiB.", size=1024), "Eine Anfrage hat höchstens 1.024 KiB."),
        (
            say_count("Too many failed sign-ins. Try again in {count} minute.", "Try again in {count} minutes.", count=1),
            "Zu viele fehlgeschlagene Anmeldungen. Versuchen Sie es in 1 Minute wieder.",
        ),
        (join_parts("; ", [say("held"), "held"]), "zurückgehalten; held"),
        (format_day(AT), "24. Nov. 2026"),
        (format_minute(AT, year=False), "24. Nov., 09:30"),
        (format_span(timedelta(seconds=4)), "vor 4 Sekunden"),
        (format_span(timedelta()), "vor 1 Sekunde"),
        (say("nobody says this"), "nobody says this"),
        ("Client host [192.0.2.1] blocked using zen.spamhaus.org", "Client host [192.0.2.1] blocked using zen.spamhaus.org"),
        (say("{first} and {last}", first="Released by Ana", last="held"), "Released by Ana und held"),
    ],
)
def test_in_german(sentence: str, german: str) -> None:
    assert translate_sentence(sentence, "de") == german
    assert isinstance(translate_sentence(sentence, "de"), str)


def test_what_no_code_says_any_more_is_still_known() -> None:
    """Sentences are stored for years: their words change, and what was said before stays in the catalogue as obsolete."""
    old = Said("no mail goes to x; there are y", "no mail goes to {next_hop}; there are {names}", {"next_hop": "x", "names": "y"})
    assert translate_sentence(old, "de") == "an x wird nicht zugestellt; es gibt y"


OURS = late_copies.NOTE  # a sentence of ours, word for word


def staff_rule(note: str) -> Rule:
    """A rule that staff made, with this note."""
    return Rule(effect="block", match="domain", value="x.example", scope="company", author="Ana Roth", note=note)


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(lambda text: with_its_form(text, reply_columns(text)["reply_form"]), id="the last reply of a next hop"),
        pytest.param(lambda text: load_sentence(text, form_of(text)), id="the reply to an attempt"),
        pytest.param(lambda text: rule_notes.known_note(staff_rule(text), ""), id="the note of a rule"),
        pytest.param(lambda text: with_its_form(text, form_with_text(say("another"))), id="a text that was changed since"),
        pytest.param(lambda text: load_sentence(text, None), id="a sentence from before sentences had ids"),
    ],
)
def test_text_of_others_that_is_worded_as_ours_stays_as_it_is(shown: Callable[[str], str]) -> None:
    assert translate_sentence(OURS, "de") != str(OURS)
    assert translate_sentence(shown(str(OURS)), "de") == str(OURS)


def test_text_of_others_within_a_sentence_stays_as_it_is() -> None:
    about = {"act": "Nothing was done: {act}"}  # neither looked up nor filled in
    assert translate_sentence(say("Nothing was done: {act}", **about), "de") == "Nichts geschehen: Nothing was done: {act}"


def test_a_reply_of_ours_is_stored_with_its_id() -> None:
    columns = reply_columns(say("given up by {by}", by="Ana"))
    assert translate_sentence(with_its_form(text=columns["last_reply"], form=columns["reply_form"]), "de") == "aufgegeben von Ana"
