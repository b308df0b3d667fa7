"""Held messages are found by words of their text and by names of their attachments, and by nothing once they are erased."""

import contextlib
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings as hypothesis_settings, strategies as st
from sqlalchemy import Engine, delete, func, select
from sqlmodel import Session, col

from tests.effort import examples
from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, DMARC_PASS, NOW, arrive
from triage.access import confidential_folders
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.compliance.retention import expire
from triage.config.settings import Settings
from triage.message.summary import Attachment, Summary
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.search import listing, message_words, newest_matches
from triage.quarantine.search.search_condition import search_conditions
from triage.quarantine.search.selection import Selection
from triage.store.db import transaction
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message, MessageWords

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
TEXT = "Dear Joe,\nour lawyers wrote to Müller & Söhne about the out-of-court\nsettlement. Straße 12, 漢字 and invoice_2026.pdf."
SCAN = Attachment(1, "Vergleich-Entwurf.pdf", "application/pdf", 10, "0" * 64, names=("annex/board minutes.docx",))


def found(session: Session, search: str, by: Actor = ANA) -> list[int]:
    """Deliveries that a search lists."""
    return [one.id for one in listing.list_deliveries(session, Selection(q=search), by=by).items]


SEARCHES = {
    "lawyers": True,
    "LAWYER": True,  # the beginning of a word
    "awyers": False,  # a piece of one: only in subject, names and addresses
    "lawyers settlement": True,
    "lawyers order": True,  # one in the text, one in the subject
    "lawyers nobody": False,
    "müller": True,
    "strasse": True,
    "漢字": True,
    "to": True,
    "se": False,  # two letters are a whole word
    '"our lawyers"': True,
    '"the out-of-court settlement"': True,  # over the end of a line
    '"lawyers our"': False,
    "out-of-court": True,
    "invoice_2026.pdf": True,
    "vergleich-entwurf.pdf": True,
    '"board minutes"': True,  # of a file in an attached archive
    "-lawyers": False,
    "lawyers -settlement": False,
    "lawyers from:supplier": True,
    "lawyers from:nobody": False,
    "***": False,
    "lawyers ***": False,
    "subject:lawyers": False,
    "%": False,
    '"lawyers AND or"': False,
}


@pytest.mark.parametrize("few", [newest_matches.FEW, 0], ids=["looked up", "walked through"])
def test_words_of_the_text_are_found(known: Engine, settings: Settings, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest_matches, "FEW", few)
    with transaction(known) as session:
        (one,) = arrive(session, settings, JOE, text=TEXT, attachments=(SCAN,))
        assert {search: found(session, search) == [one] for search in SEARCHES} == SEARCHES


def test_any_letters_are_found_or_not_but_never_an_error(known: Engine, settings: Settings) -> None:
    with transaction(known) as session:

        @example("'a':* | !b")
        @example('"a" OR b*')
        @example("\u0345\u200d")
        @given(st.text(min_size=1, max_size=12).filter(lambda one: '"' not in one and "\0" not in one and one.strip()))
        @hypothesis_settings(max_examples=examples(6), suppress_health_check=list(HealthCheck), deadline=None)
        def is_asked(text: str) -> None:
            said = " ".join(f'"{word}"' for word in message_words.words_of(text))
            (one,) = arrive(session, settings, JOE, text=text)
            assert one in found(session, said)
            found(session, f'"{text}"')

        is_asked()


def test_who_may_open_a_message_finds_it(known: Engine, settings: Settings) -> None:
    with transaction(known) as session:
        arrive(session, settings, JOE, text=TEXT)
        (hers,) = arrive(session, settings, MARA, text=TEXT)
        assert found(session, "lawyers", BEN) == [hers]


def test_words_of_confidential_messages_are_found_by_nobody(known: Engine, settings: Settings) -> None:
    with transaction(known) as session:
        (before,) = arrive(session, settings, MARA, text=TEXT)
        assert found(session, "lawyers", BEN) == [before]
        confidential_folders.equalise_confidential(session, [ConfidentialEntry("department:legal", ("ben",))])
        assert found(session, "lawyers", BEN) == []
        arrive(session, settings, MARA, text=TEXT)
        (mine, _) = arrive(session, settings, JOE, MARA, text=TEXT)
        assert session.scalar(select(func.count()).select_from(MessageWords)) == 2  # none for what lies in that folder alone
        assert found(session, "lawyers") == [mine]
        assert found(session, '"Your order"', BEN)  # its subject, as before


def test_delivered_messages_are_not_searched_for_words(known: Engine, settings: Settings) -> None:
    arriving.add_rules(known, settings, RuleOrder("allow", "address", "sales@supplier.example", "company"))
    with transaction(known) as session:
        arrive(session, settings, JOE, text=TEXT, dmarc=DMARC_PASS)
        assert found(session, "lawyers") == []
        assert session.scalar(select(func.count()).select_from(MessageWords)) == 0


def test_words_go_with_the_content(known: Engine, settings: Settings) -> None:
    settings = arriving.expire_unseen(settings)
    with transaction(known) as session:
        arrive(session, settings, JOE, text=TEXT)
        late = NOW + timedelta(days=settings.retention.held_days + 1)
        expire.expire_messages(session, settings=settings, now=late)
        arriving.erase(session, settings=settings, now=late + timedelta(days=400))
        assert session.scalars(select(col(Message.text))).all() == [""]
        assert session.scalars(select(MessageWords)).all() == []
        assert found(session, "lawyers") == []


def test_what_is_erased_is_in_no_copy_of_the_database(sqlite_engine: Engine, tmp_path: Path) -> None:
    with transaction(sqlite_engine) as session:
        message_words.index_words(session, [(1, "quixotic plan"), (2, "plan")])
        session.execute(delete(MessageWords).where(col(MessageWords.message_id) == 1))
    with contextlib.closing(sqlite3.connect(str(sqlite_engine.url.database))) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
    assert b"quixotic" not in (tmp_path / "copy.db").read_bytes()


@pytest.mark.parametrize("search", ["anna@dell.example", '"our lawyers"'])
def test_a_phrase_reads_only_messages_that_have_its_words(known: Engine, search: str) -> None:
    with transaction(known) as session:
        statement = select(Delivery).where(*search_conditions(search)).compile(known, compile_kwargs={"literal_binds": False})
        assert "message.id = delivery.message_id" in str(statement)
        assert "SELECT message.id" not in str(statement)  # of all messages, whatever their words
        session.execute(select(Delivery).where(*search_conditions(search)))


def test_a_message_of_very_many_words_keeps_the_first() -> None:
    said = Summary(parsed=True, subject="first", text=" ".join(f"w{number}" for number in range(20_000)) + " " + "x" * 1000)
    words = message_words.words_of_message(said).split(" ")
    assert (len(words), words[:2]) == (message_words.MOST_WORDS, ["first", "w0"])
    assert message_words.words_of("x" * 1000 + " É é") == ["x" * message_words.LONGEST, "é"]
