"""Readers of a folder: the list of readers and the guard of the messages are the same condition."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage.arriving import ANA, BEN, COMPANY, IDA, NOW, OTTO, SYNC, arrive
from triage.access import api_tokens, confidential_folders, folder_readers, scope as access, staff_members, substitutes
from triage.access.api_tokens import TokenOrder
from triage.access.folder_readers import FolderReaders
from triage.actor import EVERYTHING, Actor, Role, Scope
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, PersonEntry, StaffEntry
from triage.config.settings import Mirror, Settings
from triage.directory import apply as directory
from triage.errors import BadInput, NotAllowed, NotFound
from triage.store.db import read_transaction, transaction
from triage.store.models.deliveries import Delivery

LEO = Actor.person("leo", Role.ADMIN, Scope(departments=frozenset({"legal"})), "Leo Falk")
JOE_ASSISTS = Actor.person("joe.fern", Role.TRIAGE, Scope(persons=frozenset({"mara.berg"})), "Joe Fern")
STAFF = tuple(StaffEntry(one.name, one.shown, str(one.role), tuple(one.scope.words())) for one in (ANA, BEN, IDA, JOE_ASSISTS, LEO, OTTO))
MARA = PersonEntry("mara.berg", "Mara Berg", "legal", "mara.berg@company.example", assistants=("joe.fern",))
HOUSE = CompanyDirectory(COMPANY.departments, (MARA, *COMPANY.people[1:]), STAFF, COMPANY.postmaster)
LEGAL_SEALED = (ConfidentialEntry("department:legal", ("ben", "otto")),)


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """The small company; Joe assists Mara."""
    with transaction(engine) as session:
        directory.apply_directory(session, HOUSE, settings.company, by=SYNC, now=NOW)
    return engine


def close_legal(engine: Engine, *entries: ConfidentialEntry) -> None:
    """Make folders confidential."""
    with transaction(engine) as session:
        confidential_folders.equalise_confidential(session, entries or LEGAL_SEALED)


def asked(engine: Engine, settings: Settings, folder: str, by: Actor = IDA) -> FolderReaders:
    """The answer about a folder."""
    with read_transaction(engine) as session:
        return folder_readers.list_readers(session, folder, by=by, settings=settings, now=NOW)


def name_readers(found: FolderReaders, access: str = "content") -> dict[str, str]:
    """Reason why each reader has access, by name."""
    return {one.name: one.why for one in found.readers if one.access == access}


def test_scopes_and_assistants_are_named(company: Engine, settings: Settings) -> None:
    found = asked(company, settings, "mara.berg")
    assert (found.folder, found.name, found.confidential) == ("person:mara.berg", "Mara Berg", ())
    assert name_readers(found) == {
        "ana": "responsible for the whole company",
        "ben": "responsible for the department legal",
        "ida": "responsible for the whole company",
        "joe.fern": "assistant of Mara Berg",
        "leo": "responsible for the department legal",
        "otto": "responsible for the whole company",
    }
    assert "joe.fern" not in name_readers(asked(company, settings, "Legal"))
    assert set(name_readers(asked(company, settings, "department:it"))) == {"ana", "ida", "otto"}


def test_a_confidential_folder_has_its_keepers_and_others_only_count(company: Engine, settings: Settings) -> None:
    close_legal(company)
    found = asked(company, settings, "person:mara.berg")
    assert found.confidential == ("department:legal",)
    assert name_readers(found) == {
        "ben": "responsible for the department legal; keeper of department:legal",
        "otto": "responsible for the whole company; keeper of department:legal",
    }
    assert set(name_readers(found, "count")) == {"ana", "ida", "joe.fern", "leo"}
    close_legal(company, *LEGAL_SEALED, ConfidentialEntry("person:mara.berg", ("otto",)))
    assert set(name_readers(asked(company, settings, "person:mara.berg"))) == {"otto"}
    assert any("person:mara.berg" in note for note in asked(company, settings, "department:legal").notes)


def test_a_substitute_reads_while_it_lasts_and_opens_nothing_confidential(company: Engine, settings: Settings) -> None:
    with transaction(company) as session:
        times = {"starts_at": NOW, "ends_at": NOW + timedelta(days=1)}
        substitutes.arrange_substitute(session, "ana", "ben", reason="holidays", by=ANA, now=NOW, **times)
    assert name_readers(asked(company, settings, "it"))["ben"] == "substitute for Ana Roth until 25 Nov 2026, 09:30 UTC"
    with read_transaction(company) as session:
        later = folder_readers.list_readers(session, "it", by=IDA, settings=settings, now=NOW + timedelta(days=1))
    assert "ben" not in name_readers(later)
    close_legal(company, ConfidentialEntry("department:it", ("ana",)))
    found = asked(company, settings, "it")
    assert set(name_readers(found)) == {"ana"}
    assert "ben" in name_readers(found, "count")


def test_tokens_that_read_are_named_until_they_end(company: Engine, settings: Settings) -> None:
    orders = [TokenOrder("export", ("read",)), TokenOrder("decider", ("decide",)), TokenOrder("it", ("read",), ("department:it",))]
    with transaction(company) as session:
        made = [api_tokens.create_token(session, order, by=IDA, now=NOW)[0].id for order in orders]
    tokens = [one for one in asked(company, settings, "mara.berg").readers if one.kind == "token"]
    assert [(one.shown, one.access, one.why) for one in tokens] == [
        ("export", "content", "token of person:ida until 22 Feb 2027, 09:30 UTC, scope company")
    ]
    close_legal(company)
    assert tokens[0].name in name_readers(asked(company, settings, "mara.berg"), "count")
    with transaction(company) as session:
        api_tokens.revoke_token(session, made[0], by=IDA, now=NOW)
    assert not [one for one in asked(company, settings, "mara.berg").readers if one.kind == "token"]


def test_the_mirrors_account_reads_what_its_member_of_staff_does(company: Engine, settings: Settings) -> None:
    mirrored = replace(settings, mirror=Mirror(departments=("legal=legal@company.example",), act_as=("legal=ben",)))
    assert "ben" in name_readers(asked(company, mirrored, "legal"))["legal@company.example"]
    close_legal(company, ConfidentialEntry("department:legal", ("otto",)))
    assert "legal@company.example" not in name_readers(asked(company, mirrored, "legal"))


@pytest.mark.parametrize("sealed", [(), LEGAL_SEALED, (ConfidentialEntry("person:mara.berg", ("ana", "joe.fern")),)])
def test_the_answer_is_who_reads_the_messages(company: Engine, settings: Settings, sealed: tuple[ConfidentialEntry, ...]) -> None:
    with transaction(company) as session:
        arrive(session, settings, "legal+mara.berg@company.example")
        confidential_folders.equalise_confidential(session, sealed)
    with read_transaction(company) as session:
        reads = {one.login for one in STAFF if sees_mail(session, one.login)}
    assert set(name_readers(asked(company, settings, "mara.berg"))) == reads


def sees_mail(session: Session, login: str) -> bool:
    """Does this member of staff read the one message?"""
    actor = staff_members.find_staff_actor(session, login, NOW)
    return actor is not None and session.scalar(select(col(Delivery.id)).where(access.readable_deliveries(actor))) is not None


def test_who_may_ask(company: Engine, settings: Settings) -> None:
    assert asked(company, settings, "legal", by=LEO).readers == asked(company, settings, "legal", by=OTTO).readers
    for by, folder in ((LEO, "it"), (ANA, "it"), (BEN, "legal")):
        with pytest.raises(NotAllowed):
            asked(company, settings, folder, by=by)
    close_legal(company)
    assert asked(company, settings, "legal", by=BEN) == asked(company, settings, "legal", by=replace(IDA, scope=EVERYTHING))
    with pytest.raises(NotAllowed):
        asked(company, settings, "legal", by=ANA)


@pytest.mark.parametrize(("folder", "fault"), [("nobody", NotFound), ("person:it", NotFound), ("team:it", BadInput), ("", NotFound)])
def test_what_is_no_folder_is_refused(company: Engine, settings: Settings, folder: str, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        asked(company, settings, folder)


def test_people_see_who_reads_their_own_messages(company: Engine, settings: Settings) -> None:
    close_legal(company)
    with read_transaction(company) as session:
        found = folder_readers.list_own_readers(session, "mara.berg", settings=settings, now=NOW)
    assert found.folder == "person:mara.berg"
    assert name_readers(found).keys() == {"ben", "otto"}
    assert not name_readers(found, "count")
