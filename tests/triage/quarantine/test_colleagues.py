"""Several people at one queue: who is there, the next free row for each, and mail handed over with a note."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage.arriving import ANA, BEN, COMPANY, IDA, NOW, OTTO, SYNC, arrive
from triage.access import substitutes
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry, StaffEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import BadInput, NotAllowed, NotFound
from triage.quarantine import assignment, coverage, next_free_row, presence
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.presence import Colleague
from triage.quarantine.search import listing
from triage.quarantine.search.selection import ANY_PROOF, Selection
from triage.quarantine.triage_items import item_list
from triage.store.db import transaction
from triage.store.delivery_state import State
from triage.store.models.audit import AuditRecord

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
HELD = Selection(proof=ANY_PROOF, states=(State.HELD,))
STAFF = (
    StaffEntry("ana", "Ana Roth", "triage", ("company",)),
    StaffEntry("ben", "Ben Okafor", "triage", ("department:legal",)),
    StaffEntry("ida", "Ida Lind", "admin", ("company",)),
    StaffEntry("otto", "Otto Weiss", "auditor", ("company",)),
)
Come = Callable[..., int]


@pytest.fixture
def come(engine: Engine, settings: Settings) -> Come:
    """Lets one message come in, from somebody else each time; its delivery's id."""
    with transaction(engine) as session:
        directory.apply_directory(session, replace(COMPANY, staff=STAFF), settings.company, by=SYNC, now=NOW)
    number = iter(range(1000))

    def one(to: str = JOE) -> int:
        with transaction(engine) as session:
            return arrive(session, settings, to, author=f"w{next(number)}@supplier.example")[0]

    return one


def there(session: Session, by: Actor, now: datetime = NOW) -> list[tuple[str, int | None]]:
    return [(one.login, one.delivery_id) for one in presence.list_others(session, by=by, now=now)]


def test_everybody_sees_who_is_there_and_what_they_look_at_of_ones_own_mail(engine: Engine, come: Come) -> None:
    joes, maras = come(JOE), come(MARA)
    with transaction(engine) as session:
        presence.look_at(session, joes, by=ANA, now=NOW)
        assert presence.list_others(session, by=IDA, now=NOW) == (Colleague("ana", "Ana Roth", joes),)
        assert there(session, BEN) == [("ana", None)]  # Joe is none of his business
        assert there(session, ANA) == []
        presence.look_at(session, maras, by=ANA, now=NOW)
        assert there(session, BEN) == [("ana", maras)]
        presence.look_at(session, joes, by=BEN, now=NOW)  # which he cannot see
        assert there(session, ANA) == [("ben", None)]
        assert there(session, BEN, NOW + presence.LEASE) == []  # nobody renewed it
        presence.leave_console(session, by=ANA)
        assert there(session, BEN) == []
        with pytest.raises(NotAllowed, match="presence is for people"):
            presence.look_at(session, joes, by=Actor("token", "x", ANA.role, ANA.scope), now=NOW)


def test_each_is_given_another_row(engine: Engine, come: Come) -> None:
    for _ in range(3):
        come(MARA)
    with transaction(engine) as session:
        order = [item.lead.id for item in item_list.list_items(session, HELD, by=ANA, now=NOW).items]
        given = [next_free_row.next_free(session, HELD, by=by, now=NOW) for by in (ANA, IDA, BEN)]
        assert [item and item.lead.id for item in given] == order
        again = next_free_row.next_free(session, HELD, by=BEN, now=NOW)
        assert again is not None
        assert again.lead.id == order[2]  # one's own is free to oneself
        assert next_free_row.next_free(session, HELD, by=BEN, now=NOW, skip=[again.key]) is None
        later = next_free_row.next_free(session, HELD, by=BEN, now=NOW + presence.LEASE, skip=[again.key])
        assert later is not None
        assert later.lead.id == order[0]  # the others went home
        with pytest.raises(NotAllowed):
            next_free_row.next_free(session, HELD, by=OTTO, now=NOW)


def test_mail_is_handed_on_with_a_note_and_taken_back(engine: Engine, come: Come, settings: Settings) -> None:
    mine, other = come(MARA), come(MARA)
    with transaction(engine) as session:
        assert assignment.assign_messages(session, Selection.of(ids=(mine,)), "ben", "Do you know them?", by=ANA, now=NOW) == 1
        (shown,) = listing.list_some(session, [mine], by=ANA)
        assert shown.assigned is not None
        assert (shown.assigned.to_shown, shown.assigned.by_shown, shown.assigned.note) == ("Ben Okafor", "Ana Roth", "Do you know them?")
        assert [assignment.number_for(session, by) for by in (ANA, BEN)] == [0, 1]
        his = replace(HELD, assigned_to="ben")
        assert [item.lead.id for item in item_list.list_items(session, his, by=ANA, now=NOW).items] == [mine]
        assert [one.id for one in listing.list_deliveries(session, his, by=ANA).items] == [mine]
        free = next_free_row.next_free(session, HELD, by=ANA, now=NOW)
        assert free is not None
        assert free.lead.id == other  # what is Ben's is given to nobody else
        assignment.assign_messages(session, Selection.of(ids=(mine,)), "ida", "", by=BEN, now=NOW)
        assert [assignment.number_for(session, by) for by in (BEN, IDA)] == [0, 1]
        made = decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=(mine,)), Verb.PURGE), by=ANA, now=NOW, settings=settings
        )
        assert (made.done, assignment.number_for(session, IDA)) == (1, 0)  # whoever decides settles it
        assignment.assign_messages(session, Selection.of(ids=(other,)), "ben", "", by=ANA, now=NOW)
        assert assignment.take_back(session, Selection.of(ids=(other,)), by=ANA, now=NOW) == 1
        assert assignment.number_for(session, BEN) == 0
        with pytest.raises(NotFound, match="is assigned"):
            assignment.take_back(session, Selection.of(ids=(other,)), by=ANA, now=NOW)
        acts = session.execute(
            select(col(AuditRecord.act), col(AuditRecord.subject))
            .where(col(AuditRecord.subject).startswith("staff:"))
            .order_by(col(AuditRecord.id))
        )
        assert [tuple(row) for row in acts if row.act in ("hand-over", "take-back")] == [
            ("hand-over", "staff:ben"), ("hand-over", "staff:ida"), ("hand-over", "staff:ben"), ("take-back", "staff:ben"),
        ]  # fmt: skip


def test_what_was_handed_to_somebody_who_left_is_free_again(engine: Engine, come: Come, settings: Settings) -> None:
    mine = come(MARA)
    with transaction(engine) as session:
        assignment.assign_messages(session, Selection.of(ids=(mine,)), "ben", "", by=ANA, now=NOW)
        assert next_free_row.next_free(session, HELD, by=ANA, now=NOW) is None
        stayed = tuple(one for one in STAFF if one.login != "ben")
        directory.apply_directory(session, replace(COMPANY, staff=stayed), settings.company, by=SYNC, now=NOW)
        free = next_free_row.next_free(session, HELD, by=ANA, now=NOW)
        assert free is not None
        assert free.lead.id == mine


@pytest.mark.parametrize("substituted", [False, True])
def test_what_was_handed_to_somebody_who_is_away_for_long_is_free_meanwhile(engine: Engine, come: Come, substituted: bool) -> None:
    mine, until = come(MARA), NOW + timedelta(days=200)
    with transaction(engine) as session:
        assignment.assign_messages(session, Selection.of(ids=(mine,)), "ben", "", by=ANA, now=NOW)
        if substituted:
            substitutes.arrange_substitute(session, "ben", "ana", starts_at=NOW, ends_at=until, reason="a year off", by=IDA, now=NOW)
        else:
            coverage.set_away(session, "ben", until, by=IDA, now=NOW)
        assert {one.login: one.away_until for one in assignment.list_candidates(session, by=ANA, now=NOW)}["ben"] == until
        free = next_free_row.next_free(session, HELD, by=ANA, now=NOW)
        assert free is not None
        assert free.lead.id == mine
        assert next_free_row.next_free(session, HELD, by=IDA, now=until, skip=[]) is None, "and Ben's again when he is back"


def test_nobody_learns_of_mail_that_is_sealed_to_them(engine: Engine, come: Come, settings: Settings) -> None:
    secret = come(MARA)
    sealing = (ConfidentialEntry("person:mara.berg", ("ana",)),)
    with transaction(engine) as session:
        directory.apply_directory(session, replace(COMPANY, staff=STAFF, sealed=sealing), settings.company, by=SYNC, now=NOW)
        presence.look_at(session, secret, by=ANA, now=NOW)
        assert there(session, IDA) == [("ana", None)]
        presence.look_at(session, secret, by=IDA, now=NOW)
        assert there(session, ANA) == [("ida", None)]
        assert next_free_row.next_free(session, HELD, by=IDA, now=NOW) is None
        with pytest.raises(BadInput, match="Ida Lind may not see all of these messages"):
            assignment.assign_messages(session, Selection.of(ids=(secret,)), "ida", "", by=ANA, now=NOW)
        with pytest.raises(NotFound, match="none of these messages is held"):
            assignment.assign_messages(session, Selection.of(ids=(secret,)), "ana", "", by=IDA, now=NOW)


def test_mail_of_several_is_taken_back_from_each(engine: Engine, come: Come) -> None:
    first, second = come(MARA), come(MARA)
    with transaction(engine) as session:
        for one, to in ((first, "ben"), (second, "ida")):
            assignment.assign_messages(session, Selection.of(ids=(one,)), to, "", by=ANA, now=NOW)
        assert assignment.take_back(session, Selection.of(ids=(first, second)), by=ANA, now=NOW) == 2
        taken = session.scalars(select(col(AuditRecord.subject)).where(col(AuditRecord.act) == "take-back").order_by(col(AuditRecord.id)))
        assert taken.all() == ["staff:ben", "staff:ida"]


@pytest.mark.parametrize(
    ("to", "which", "fault"),
    [
        ("nobody", 0, "does not decide about messages here"),
        ("otto", 0, "does not decide about messages here"),
        ("ben", 0, "Ben Okafor may not see all of these messages"),
        ("ida", 1, "none of these messages is held"),
    ],
)
def test_what_cannot_be_handed_over(engine: Engine, come: Come, to: str, which: int, fault: str) -> None:
    ids = (come(JOE), 12345)
    with transaction(engine) as session, pytest.raises((BadInput, NotFound), match=fault):
        assignment.assign_messages(session, Selection.of(ids=(ids[which],)), to, "", by=ANA, now=NOW)


def test_to_whom_mail_can_be_handed(engine: Engine, come: Come) -> None:
    come()
    with transaction(engine) as session:
        found = assignment.list_candidates(session, by=ANA, now=NOW + timedelta(days=1))
        assert [(one.login, one.away_until) for one in found] == [("ben", None), ("ida", None)]
