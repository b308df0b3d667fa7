"""Legal holds: what must be kept is neither expired nor erased, nor are its recalled copies forgotten, until the hold is lifted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, IDA, NOW, OTTO, arrive
from triage import ids
from triage.actor import Scope
from triage.addressing.company import ConfidentialEntry
from triage.compliance.audit import audit_log
from triage.compliance.retention import expire as retention, legal_holds
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import BadInput, NotAllowed, NotAllowedNow, NotFound, Refused
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import expiry, listing, selection
from triage.quarantine.search.selection import Selection
from triage.store import db, ledger
from triage.store.delivery_state import Event
from triage.store.models.audit import AuditRecord
from triage.store.models.compliance import LegalHold
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import Recalled
from triage.store.models.messages import Content

MARA, JOE = "mara.berg@company.example", "joe.fern@company.example"
LATE = NOW + timedelta(days=99)
LOCAL = replace(IDA, scope=Scope(departments=frozenset({"legal"})))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Held messages expire, whether their recipients got a digest or not."""
    return arriving.expire_unseen(settings)


def hold(session: Session, **about: Any) -> int:
    """A new hold of Ida's; its id."""
    return legal_holds.add_hold(session, by=IDA, reason="the case of the late invoice", now=NOW, **about).id


def cover(session: Session, hold_id: int) -> None:
    """Mark all that the hold is about."""
    while legal_holds.cover_deliveries(session, hold_id, now=NOW + timedelta(hours=1), limit=2):
        pass


def erased(session: Session, delivery_id: int) -> bool:
    session.expire_all()
    return session.get_one(Delivery, delivery_id).erased_at is not None


@pytest.mark.parametrize("about", [{"person": "Mara.Berg"}, {"selected": Selection.of(domain="supplier.example", department="legal")}])
@pytest.mark.parametrize(("before", "covered"), [(False, False), (True, True)])
def test_held_mail_stays_whatever_its_age(known: Engine, settings: Settings, about: dict[str, Any], before: bool, covered: bool) -> None:
    with db.transaction(known) as session:
        messages = arrive(session, settings, MARA, JOE) if before else ()
        made = hold(session, **about)
        hers, his = messages or arrive(session, settings, MARA, JOE)
        (purged,) = arrive(session, settings, MARA)
        ledger.record_event(session, purged, Event.PURGE, by=ANA, now=NOW)
        if covered:
            cover(session, made)
        assert retention.expire_messages(session, settings=settings, now=LATE) == 1  # his
        assert arriving.erase(session, settings=settings, now=LATE + timedelta(days=99)) == 0
        assert [erased(session, one) for one in (hers, his)] == [False, False]  # one content
        legal_holds.end_hold(session, made, by=IDA, reason="settled out of court", now=LATE)
        assert arriving.erase(session, settings=settings, now=LATE + timedelta(days=99)) == 1
        assert retention.expire_messages(session, settings=settings, now=LATE + timedelta(days=99)) == 1


def test_an_old_hold_with_an_unknown_field_holds_on(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        kept, other = (*arrive(session, settings, MARA, subject="Our file az:4711"), *arrive(session, settings, MARA, subject="Sale"))
        with pytest.raises(BadInput, match="there is no field az:"):
            hold(session, selected=Selection(q="az:4711"))
        wanted = {"q": "az:4711"}
        row = LegalHold(person="", selection=wanted, reason="lawsuit", made_at=NOW, made_by=str(IDA), made_by_shown=IDA.shown)
        session.add(row)
        session.flush()
        assert retention.expire_messages(session, settings=settings, now=LATE) == 1
        assert [session.get_one(Delivery, one).state for one in (kept, other)] == ["held", "expired"]
        (shown,) = legal_holds.list_holds(session, by=IDA)
        cover(session, shown.id)
        assert (shown.deliveries, arriving.erase(session, settings=settings, now=LATE + timedelta(days=99))) == (1, 1)
        assert [erased(session, one) for one in (kept, other)] == [False, True]


def test_what_was_held_once_stays_held_when_it_no_longer_fits(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (mail,) = arrive(session, settings, MARA)
        made = hold(session, selected=Selection.of(department="legal"))
        cover(session, made)
        session.get_one(Delivery, mail).department = "it"  # she has moved
        session.flush()
        assert retention.expire_messages(session, settings=settings, now=LATE) == 0
        (shown,) = legal_holds.list_holds(session, by=IDA)
        assert shown.deliveries == 1


def test_mail_that_is_sent_on_to_a_held_person_is_held(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (mail,) = arrive(session, settings, JOE)
        hold(session, person="mara.berg")
        decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=(mail,)), Verb.REDIRECT, to=MARA), by=ANA, now=NOW, settings=settings
        )
        for event in (Event.CLAIM, Event.DELIVER):
            ledger.record_event(session, mail, event, by=ANA, now=NOW)
        assert arriving.erase(session, settings=settings, now=LATE) == 0


def test_recalled_copies_are_not_forgotten(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (mail,) = arrive(session, settings, MARA)
        for event in (Event.RELEASE, Event.CLAIM, Event.DELIVER, Event.PURGE, Event.RECALL):
            ledger.record_event(session, mail, event, by=ANA, now=NOW)
        session.add(Recalled(delivery_id=mail, found_at=NOW, head=b"Received: us"))
        session.flush()
        made = hold(session, selected=Selection.of(ids=(mail,)))
        assert retention.forget_recalled_copies(session, settings=settings, now=LATE) == 0
        legal_holds.end_hold(session, made, by=IDA, reason="over", now=LATE)
        assert retention.forget_recalled_copies(session, settings=settings, now=LATE) == 1


def test_two_holds_are_lifted_one_by_one(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (mail,) = arrive(session, settings, MARA)
        both = [hold(session, person="mara.berg"), hold(session, selected=Selection.of(ids=(mail,)))]
        for number, one in enumerate(both):
            cover(session, one)
            assert retention.expire_messages(session, settings=settings, now=LATE) == 0, number
            legal_holds.end_hold(session, one, by=IDA, reason="over", now=NOW)
        assert retention.expire_messages(session, settings=settings, now=LATE) == 1


def test_new_mail_is_marked_and_the_list_says_so(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        expiry.note_terms(session, expiry.expiry_terms(settings))
        made = hold(session, person="mara.berg")
        arrive(session, settings, MARA)
        (mail,) = arrive(session, settings, MARA, subject="newer")
        assert legal_holds.due_holds(session) == [made]
        cover(session, made)
        arrive(session, settings, JOE, subject="newest")
    with db.read_transaction(known) as session:
        shown = {one.subject: (one.legal_hold, one.expires_at) for one in listing.list_deliveries(session, Selection(), by=ANA).items}
        assert shown == {
            "newest": (False, NOW + timedelta(days=30)),
            "newer": (True, None),
            "Your order": (True, None),
        }
        assert mail in selection.known_ids(session, [mail], by=ANA)


@pytest.mark.parametrize(
    ("act", "refusal", "says"),
    [
        (lambda session: legal_holds.add_hold(session, by=ANA, reason="x", now=NOW, person="mara.berg"), NotAllowed, "role admin"),
        (lambda session: legal_holds.add_hold(session, by=LOCAL, reason="x", now=NOW, person="mara.berg"), NotAllowed, "whole company"),
        (lambda session: legal_holds.add_hold(session, by=IDA, reason="  ", now=NOW, person="mara.berg"), BadInput, "reason: "),
        (lambda session: legal_holds.add_hold(session, by=IDA, reason="x", now=NOW), BadInput, "person or a selection"),
        (lambda session: legal_holds.add_hold(session, by=IDA, reason="x", now=NOW, person="no.body"), NotFound, "select by sender"),
        (
            lambda session: legal_holds.add_hold(
                session, by=IDA, reason="x", now=NOW, selected=Selection.of(sender="a@b.example", states=("held",))
            ),
            BadInput,
            "leave out states",
        ),
        (lambda session: legal_holds.end_hold(session, 7, by=IDA, reason="x", now=NOW), NotFound, "no legal hold"),
        (lambda session: legal_holds.list_holds(session, by=BEN), NotAllowed, "role admin or auditor"),
    ],
)
def test_what_is_refused(known: Engine, act: Callable[[Session], object], refusal: type[Refused], says: str) -> None:
    with db.transaction(known) as session, pytest.raises(refusal, match=says):
        act(session)


def test_holds_are_on_the_record_and_lifted_once(known: Engine) -> None:
    with db.transaction(known) as session:
        made = hold(session, person="mara.berg")
        legal_holds.end_hold(session, made, by=IDA, reason="over", now=NOW)
        with pytest.raises(NotAllowedNow, match="Ida Lind already lifted this hold"):
            legal_holds.end_hold(session, made, by=IDA, reason="over", now=NOW)
        acts = session.execute(select(col(AuditRecord.act), col(AuditRecord.detail)).where(col(AuditRecord.act).contains("legal-hold")))
        assert acts.all() == [
            ("legal-hold", {"scope": "person:mara.berg", "reason": "the case of the late invoice"}),
            ("lift-legal-hold", {"scope": "person:mara.berg", "reason": "over"}),
        ]
        assert legal_holds.list_holds(session, by=OTTO) == []
        (shown,) = legal_holds.list_holds(session, by=OTTO, lifted=True)
        assert (shown.lifted_by_shown, shown.lifted_reason) == ("Ida Lind", "over")


@pytest.mark.parametrize(
    "about",
    [
        {"person": "mara.berg"},
        {"selected": Selection.of(sender="a@b.example", person="Mara.Berg")},
        {"selected": Selection.of(department="legal")},
        {"selected": Selection.of(any_of=(Selection.of(domain="c.example"), Selection.of(sender="a@b.example", person="mara.berg")))},
    ],
)
def test_why_the_mail_of_a_sealed_folder_is_held_is_told_to_those_who_are_named(
    known: Engine, settings: Settings, about: dict[str, Any]
) -> None:
    with db.transaction(known) as session:
        seals = (ConfidentialEntry("person:mara.berg", ("ana.head",)), ConfidentialEntry("department:legal", ("ana.head",)))
        directory.apply_directory(session, replace(arriving.COMPANY, sealed=seals), settings.company, by=arriving.SYNC, now=NOW)
        head = replace(IDA, name="ana.head")
        made = legal_holds.add_hold(session, by=head, reason="a secret", now=NOW, **about).id
        legal_holds.add_hold(session, by=IDA, reason="of sales", now=NOW, selected=Selection.of(department="it"))
        legal_holds.end_hold(session, made, by=head, reason="no secret any more", now=NOW)
        for by, told in ((head, True), (IDA, False), (OTTO, False)):
            shown = {one.id: (one.reason, one.lifted_reason) for one in legal_holds.list_holds(session, by=by, lifted=True)}
            assert shown[made] == (("a secret", "no secret any more") if told else ("", ""))
            assert ("of sales", "") in shown.values()
            acts = [
                (one.act, "secret" in str(one.detail))
                for one in audit_log.list_entries(session, by=by).items
                if one.subject.endswith(ids.format_id(made))
            ]
            assert acts == [("lift-legal-hold", told), ("legal-hold", told)]


def test_content_of_a_lifted_hold_goes_with_the_next_round(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (mail,) = arrive(session, settings, MARA)
        ledger.record_event(session, mail, Event.PURGE, by=ANA, now=NOW)
        made = hold(session, selected=Selection.of(sender="sales@supplier.example"))
        assert arriving.erase(session, settings=settings, now=LATE) == 0
        legal_holds.end_hold(session, made, by=IDA, reason="over", now=LATE)
        assert arriving.erase(session, settings=settings, now=LATE) == 1
        assert session.scalar(select(col(Content.zstd))) is None
