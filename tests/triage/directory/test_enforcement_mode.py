"""The door is closed department by department: from the next mail on, by whom the scope allows, on the record."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage.arriving import BEN, IDA, NOW, arrive, set_up
from triage.actor import Actor, Role, Scope
from triage.config.settings import Company, Settings
from triage.directory import enforcement_mode
from triage.directory.enforcement_mode import COMPANY, ENFORCE, OBSERVE, Modes
from triage.errors import BadInput, NotAllowed
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery

LEO = Actor.person("leo", Role.ADMIN, Scope(departments=frozenset({"legal"})), "Leo Falk")
IT, LEGAL = "it+joe.fern@company.example", "legal+mara.berg@company.example"


@pytest.mark.parametrize(
    ("company", "listed", "switched", "it"),
    [
        ("enforce", (), {}, ENFORCE),
        ("observe", (), {}, OBSERVE),
        ("enforce", ("it",), {}, OBSERVE),
        ("enforce", ("legal",), {}, ENFORCE),
        ("enforce", (), {COMPANY: OBSERVE}, OBSERVE),
        ("observe", (), {COMPANY: ENFORCE}, ENFORCE),
        ("observe", (), {"it": ENFORCE}, ENFORCE),
        ("observe", (), {"legal": ENFORCE}, OBSERVE),
        ("enforce", ("it",), {COMPANY: ENFORCE}, OBSERVE),  # said of the department itself
        ("enforce", ("it",), {"it": ENFORCE, COMPANY: OBSERVE}, ENFORCE),
    ],
)
def test_what_is_said_of_the_department_counts_first(company: str, listed: tuple[str, ...], switched: dict[str, str], it: str) -> None:
    said = Company(domains=("company.example",), hostname="mx", mode=company, observe_departments=listed)
    assert Modes(said, switched).of("it") == it


def test_the_door_closes_for_one_department_with_the_next_mail(engine: Engine, settings: Settings) -> None:
    observing = replace(settings, company=replace(settings.company, mode="observe"))
    with db.transaction(engine) as session:
        set_up(session, settings)
        before = arrive(session, observing, IT, LEGAL)
    with db.transaction(engine) as session:
        enforcement_mode.switch_mode(session, "legal", ENFORCE, by=IDA, reason="second day", now=NOW)
    with db.transaction(engine) as session:
        after = arrive(session, observing, IT, LEGAL)
    with db.transaction(engine) as session:
        enforcement_mode.switch_mode(session, "legal", None, by=IDA, reason="", now=NOW)
        again = arrive(session, observing, LEGAL)
    with db.read_transaction(engine) as session:
        found = {one.id: (one.department, one.state, one.withheld) for one in session.scalars(select(Delivery))}
        acts = [
            (one.subject, one.detail)
            for one in session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "mode").order_by(col(AuditRecord.id)))
        ]
    assert sorted(found[one] for one in before) == [("it", "queued", "first-contact"), ("legal", "queued", "first-contact")]
    assert sorted(found[one] for one in after) == [("it", "queued", "first-contact"), ("legal", "held", "")]
    assert [found[one] for one in again] == [("legal", "queued", "first-contact")]
    assert acts[0] == ("department:legal", {"mode": "enforce", "reason": "second day"})
    assert acts[1][1]["mode"] == "as the settings say"


def test_only_administrators_switch_and_only_within_their_scope(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        set_up(session, settings)
        enforcement_mode.switch_mode(session, "legal", OBSERVE, by=LEO, reason="", now=NOW)
        for department, by in (("it", LEO), (COMPANY, LEO), ("legal", BEN)):
            with pytest.raises(NotAllowed):
                enforcement_mode.switch_mode(session, department, OBSERVE, by=by, reason="", now=NOW)
        with pytest.raises(BadInput, match="there is no department 'zoo'"):
            enforcement_mode.switch_mode(session, "zoo", OBSERVE, by=IDA, reason="", now=NOW)
        seen = enforcement_mode.list_modes(session, settings.company, by=BEN)
        whole = enforcement_mode.list_modes(session, settings.company, by=IDA)
    assert [(one.code, one.mode, one.by) for one in seen] == [("", "enforce", ""), ("legal", "observe", "Leo Falk")]
    assert [one.code for one in whole] == ["", "it", "legal"]
