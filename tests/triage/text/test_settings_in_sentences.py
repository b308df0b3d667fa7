"""No sentence that people read names a key of the settings file: who reads it cannot change it, and who can is told in the docs."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from tests.catalogues import catalogue, forms_of, languages
from triage.config.settings import Settings, every_key

CONSOLE = Path("webui/src/languages/de.ts")
TEXT = re.compile(r"'((?:[^'\\]|\\.)*)'")


def keys_of(cls: type, prefix: str = "") -> Iterator[str]:
    """Keys of the settings, with their sections: "policy.undo_seconds"."""
    hints = get_type_hints(cls)
    for one in fields(cls):
        yield prefix + one.name
        for kind in (hints[one.name], *get_args(hints[one.name])):
            if is_dataclass(kind):
                yield from keys_of(kind, f"{prefix}{one.name}.")  # type: ignore[arg-type]


KEYS = frozenset(keys_of(Settings))
SECTIONS = frozenset(key for key in KEYS if "." not in key)
NAMES = frozenset(name for key in KEYS if "_" in (name := key.rpartition(".")[2]))
DOTTED = re.compile(
    rf"(?<![\w./-])(?:{'|'.join(re.escape(key) for key in sorted(KEYS - SECTIONS, reverse=True))})(?![\w/-])"
    rf"|\[\[?(?:{'|'.join(sorted(SECTIONS))})\]"
)
LEAK = re.compile(rf"{DOTTED.pattern}|(?<![\w{{/.-])(?:{'|'.join(sorted(NAMES, reverse=True))})(?![\w}}/-])")


def server_sentences() -> Iterator[str]:
    """All sentences of the server, in each language, but what a setting is for: who reads that reads settings."""
    described = {one.metadata["doc"] for _, _, one in every_key()}
    for language in languages():
        for message in (one for one in catalogue(language) if one.id and one.id not in described):
            yield from (message.id,) if isinstance(message.id, str) else message.id
            yield from forms_of(message)


def console_sentences() -> Iterator[str]:
    """All sentences of the console, in English and German: the table has both."""
    yield from TEXT.findall(CONSOLE.read_text())


@pytest.mark.parametrize(
    ("sentence", "leaks"),
    [
        ("It was delivered already: see [recall] in the settings.", True),
        ("Keys and time are not measured here (reports.staff).", True),
        ("set relay.smarthost", True),
        ("take it out of late_copies_hours", True),
        ("as retention.record_days says.", True),
        ("The report is at https://mx.company.example/policy.html", False),
        ("{n} reports. Staff decided {m}.", False),
        ("The policy holds it.", False),
    ],
)
def test_a_key_is_told_from_words(sentence: str, leaks: bool) -> None:
    assert bool(LEAK.search(sentence)) is leaks


def test_no_sentence_of_the_server_names_a_setting() -> None:
    sentences = list(server_sentences())
    assert len(sentences) > 1500
    assert [one for one in sentences if LEAK.search(one)] == []


def test_no_sentence_of_the_console_names_a_setting() -> None:
    sentences = list(console_sentences())
    assert len(sentences) > 2000
    assert [one for one in sentences if LEAK.search(one)] == []


def refusals(path: Path) -> Iterator[str]:
    """Texts of the refusals that a file raises, as far as they are literals."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Raise) and node.exc:
            texts = (one.value for one in ast.walk(node.exc) if isinstance(one, ast.Constant) and isinstance(one.value, str))
            yield from (f"{path}:{node.lineno}: {text}" for text in texts)


# What these refuse is told to whoever starts a role with settings of their own.
STARTS = {
    *("triage/runtime/wakeup.py", "triage/compliance/audit/checkpoints.py", "triage/compliance/audit/verify_chain.py"),
    *(
        "triage/store/db.py",
        "triage/store/read_replica.py",
        "triage/store/database_dump.py",
        "triage/directory/leavers.py",
        "triage/delivery/routes.py",
    ),
    *("triage/config/settings.py", "triage/config/settings_loader.py", "triage_api/app.py"),
}


def test_no_refusal_of_staff_names_a_setting() -> None:
    """Fields of requests have names, which may be those of settings."""
    assert all(Path(name).is_file() for name in STARTS)
    places = [*Path("triage").rglob("*.py"), *Path("triage_api").rglob("*.py"), Path("mailboxes/recall/mailbox_session.py")]
    said = [one for path in places if str(path) not in STARTS for one in refusals(path)]
    assert len(said) > 300
    assert [one for one in said if DOTTED.search(one.partition(": ")[2])] == []
