"""The start list in force: shipped, or imported by an administrator with a later day."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, IDA, NOW
from triage.config.settings import Settings
from triage.errors import BadInput, FaultyLines, NotAllowed
from triage.policy.start_list import current_list
from triage.policy.start_list.current_list import IMPORTED, SHIPPED, import_list, list_in_force, plan_import
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.rules import ImportedStartList, Rule

LATER = "mailroom-start-list 2027-01-04\n"
BANK = "bank.example.com category=banks sends=codes dkim=example.com source=our-own-list\n"


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[Session]:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        yield session


def test_the_import_does_what_its_preview_says(session: Session, settings: Settings) -> None:
    kept = next(line for line in SHIPPED.read_text().splitlines() if line.startswith("chase.com "))
    text = f"{LATER}{BANK}{kept}\n"
    planned = plan_import(session, text, by=IDA, settings=settings)
    assert list_in_force(session).list == current_list.shipped_list()
    assert import_list(session, text, by=IDA, now=NOW, settings=settings) == planned
    assert (planned.senders, planned.added, planned.changed) == (2, ("bank.example.com",), ())
    assert "chase.com" not in planned.removed
    assert "fedex.com" in planned.removed
    assert planned.sentence.startswith("Version 2027-01-04 with 2 senders: 1 new, ")
    now = list_in_force(session)
    assert (set(now.list.senders), now.by_shown) == ({"bank.example.com", "chase.com"}, "Ida Lind")
    assert session.scalars(select(col(AuditRecord.act)).where(col(AuditRecord.act) == IMPORTED)).all() == [IMPORTED]
    assert session.scalars(select(Rule)).all() == []
    assert import_list(session, text, by=IDA, now=NOW, settings=settings).is_same
    assert len(session.scalars(select(ImportedStartList)).all()) == 1


@pytest.mark.parametrize("head", ["mailroom-start-list 2020-01-01\n", f"mailroom-start-list {current_list.shipped_list().version}\n"])
def test_an_older_list_is_refused(session: Session, settings: Settings, head: str) -> None:
    with pytest.raises(BadInput, match="write a later day in its first line"):
        import_list(session, head + BANK, by=IDA, now=NOW, settings=settings)


def test_a_wrong_line_leaves_the_list_in_force(session: Session, settings: Settings) -> None:
    with pytest.raises(FaultyLines, match=r"line 3: bank.example.com is in line 2 already; nothing was changed"):
        import_list(session, LATER + BANK + BANK, by=IDA, now=NOW, settings=settings)
    assert session.scalars(select(ImportedStartList)).all() == []


def test_only_administrators_import(session: Session, settings: Settings) -> None:
    with pytest.raises(NotAllowed):
        plan_import(session, LATER + BANK, by=ANA, settings=settings)


def test_a_newer_shipped_list_goes_before_an_imported_one(session: Session) -> None:
    session.add(ImportedStartList(version="2020-01-01", text=f"mailroom-start-list 2020-01-01\n{BANK}", at=NOW, by_shown="Ida Lind"))
    session.flush()
    assert list_in_force(session).list == current_list.shipped_list()


def test_a_domain_that_became_a_registry_leaves_the_list(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    """The public suffix list of a later version has more registries than that of the import."""
    current_list.parse_accepted.cache_clear()  # a list is read once, and complained of once
    text = f"{LATER}{BANK}github.io category=work sends=codes dkim=github.io source=our-own-list\n"
    session.add(ImportedStartList(version="2027-01-04", text=text, at=NOW, by_shown="Ida Lind"))
    session.flush()
    assert set(list_in_force(session).list.senders) == {"bank.example.com"}
    (said,) = (one.getMessage() for one in caplog.records)
    assert said.startswith("the start list is used without its line 3: anybody can register a domain under github.io")
