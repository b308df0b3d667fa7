"""Hunts: who may begin one, what is shown when, what its removal needs, who hears of it, and how it is forgotten."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage.arriving import COMPANY, NOW, SYNC
from triage.access import staff_members
from triage.actor import ALL_RIGHTS, EVERYTHING, Actor, Right, Role, Scope
from triage.addressing.company import PersonEntry, StaffEntry
from triage.compliance.privacy import data_subject, person_export, person_traces
from triage.config.settings import Settings
from triage.delivery.recall import hunted_messages
from triage.delivery.recall.hunt_criteria import Criteria
from triage.delivery.recall.hunted_messages import Hunted
from triage.delivery.recall.related_messages import Place
from triage.directory import apply as directory
from triage.errors import BadInput, NotAllowed, NotAllowedNow, NotFound, Stale
from triage.notifications import alerts, staff_mail
from triage.quarantine.decisions import approvals, mailbox_sweep, outcomes, undo
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.hunting import hunt_removal, hunts
from triage.quarantine.hunting.hunts import Hunt
from triage.store.db import transaction
from triage.store.models.approvals import PendingAct
from triage.store.models.audit import AuditRecord
from triage.store.models.mailboxes import HuntedMessage, SweptMailbox

HUNTING = frozenset({Right.HUNT})
HAL = Actor.person("hal", Role.TRIAGE, EVERYTHING, "Hal Green", rights=HUNTING)
HEDY = Actor.person("hedy", Role.TRIAGE, EVERYTHING, "Hedy Grey", rights=ALL_RIGHTS)
OTTO = Actor.person("otto", Role.AUDITOR, EVERYTHING, "Otto Weiss")
IDA = Actor.person("ida", Role.ADMIN, EVERYTHING, "Ida Lind", rights=ALL_RIGHTS - HUNTING)
STAFF = tuple(StaffEntry(one.name, one.shown, str(one.role), ("company",), "", tuple(one.rights)) for one in (HAL, HEDY, OTTO, IDA))
OTTOS = PersonEntry("otto", "Otto Weiss", "it", "otto@company.example")
HOUSE = replace(COMPANY, people=(*COMPANY.people, OTTOS), staff=STAFF)
EVIL, BOX = "pay@evil.example", "mara.berg@company.example"


@pytest.fixture
def on(settings: Settings) -> Settings:
    """A company that hunts."""
    return replace(settings, recall=replace(settings.recall, imap="imaps://imap.company.example", hunting=True))


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[Session]:
    with transaction(engine) as session:
        directory.apply_directory(session, HOUSE, settings.company, by=SYNC, now=NOW)
        yield session


def begun(session: Session, settings: Settings, by: Actor = HAL, reason: str = "a wave") -> Hunt:
    criteria = Criteria.of(None, NOW, subject="invoice")
    return hunts.begin_hunt(session, criteria, by=by, reason=reason, now=NOW, settings=settings)


def searched(session: Session, settings: Settings, *subjects: str) -> None:
    """A recaller that finds these in one mailbox, and nothing in the others."""
    for search in mailbox_sweep.claim_mailboxes(session, mailboxes=99, settings=settings, now=NOW):
        if search.mailbox == BOX and search.criteria:
            places = [Place("INBOX", 1, number, "") for number in range(len(subjects))]
            found = [Hunted(place, NOW, None, read=False, author=EVIL, subject=one) for place, one in zip(places, subjects, strict=True)]
            mailbox_sweep.note_hunted(session, search, found, now=NOW)
        mailbox_sweep.settle_mailbox(session, search, (), settings=settings, now=NOW)


def listed(session: Session, settings: Settings, *subjects: str) -> Hunt:
    """A hunt whose messages two people may see."""
    hunt = begun(session, settings)
    searched(session, settings, *subjects)
    asked = hunts.ask_to_show(session, hunt.id, by=HAL, reason="", now=NOW, settings=settings)
    confirmed(session, settings, asked)
    searched(session, settings, *subjects)
    return hunts.get_hunt(session, hunt.id, by=HAL)


def confirmed(session: Session, settings: Settings, asked: PendingAct, by: Actor = HEDY) -> PendingAct:
    return approvals.confirm_approval(session, asked.id, by=by, now=NOW, settings=settings, acts=hunt_removal.ACTS)


def removed(session: Session, settings: Settings, hunt: Hunt, by: Actor = HAL, **more: Any) -> DecisionReport | PendingAct:
    """Removes all that can be removed, or what a test says."""
    found = hunt_removal.gather_evidence(session, hunt.id, by=by)
    order: dict[str, Any] = {"chosen": found.removable, "fence": found.fence, "known": False} | more
    return hunt_removal.remove_or_ask(session, hunt.id, by=by, reason="evil", now=NOW, settings=settings, **order)


@pytest.mark.parametrize(
    ("by", "reason", "refusal"),
    [
        (IDA, "x", NotAllowed),  # an administrator without the right
        (OTTO, "x", NotAllowed),
        (replace(HAL, scope=Scope.parse(["department:it"])), "x", NotAllowed),
        (HAL, " ", BadInput),
    ],
)
def test_a_hunt_needs_a_right_the_company_and_a_reason(
    session: Session, on: Settings, by: Actor, reason: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        begun(session, on, by, reason)


def test_it_is_off_unless_the_settings_allow_it(session: Session, on: Settings) -> None:
    with pytest.raises(NotAllowedNow, match="hunting in mailboxes is off"):
        begun(session, replace(on, recall=replace(on.recall, hunting=False)))


def test_it_is_counted_then_two_people_agree_then_it_is_shown(session: Session, on: Settings) -> None:
    hunt = begun(session, on)
    with pytest.raises(NotAllowedNow, match="still counting"):
        hunts.ask_to_show(session, hunt.id, by=HAL, reason="", now=NOW, settings=on)
    searched(session, on, "Invoice 1", "Invoice 2")
    assert (hunts.get_hunt(session, hunt.id, by=OTTO).state, hunts.get_hunt(session, hunt.id, by=OTTO).found) == ("counted", 2)
    asked = hunts.ask_to_show(session, hunt.id, by=HAL, reason="", now=NOW, settings=on)
    assert approvals.approval_sentence(asked) == (
        "Hal Green asks for approval: show 2 messages with subject “invoice” in 1 mailbox. "
        "A second person is needed because it shows messages of other people's mailboxes."
    )
    for one, refusal in ((HAL, NotAllowed), (IDA, NotFound)):  # not oneself, nor somebody without the right
        with pytest.raises(refusal):
            confirmed(session, on, asked, one)
    with pytest.raises(NotAllowedNow, match="waiting for a second person"):
        hunts.shown_messages(session, hunt.id, by=HAL)
    confirmed(session, on, asked)
    searched(session, on, "Invoice 1", "Invoice 2")
    assert [row.subject for row in hunts.shown_messages(session, hunt.id, by=HEDY)] == ["Invoice 1", "Invoice 2"]
    with pytest.raises(NotAllowed):
        hunts.shown_messages(session, hunt.id, by=OTTO)  # auditors know that it was, and see no message
    acts = session.scalars(select(col(AuditRecord.act)).where(col(AuditRecord.act).like("hunt%")).order_by(col(AuditRecord.id)))
    assert list(acts) == ["hunt", "hunt-show"]


def test_others_do_not_hear_of_it(session: Session, on: Settings) -> None:
    hunt = begun(session, on)
    for one, knows in ((HAL, True), (HEDY, True), (OTTO, True), (IDA, False)):
        assert bool(outcomes.list_decisions(session, by=one)) is knows
    for look in (hunts.get_hunt, outcomes.get_decision):
        with pytest.raises(NotFound):
            look(session, hunt.id, by=IDA)
    assert (hunts.list_hunts(session, by=IDA), len(hunts.list_hunts(session, by=OTTO))) == ([], 1)
    with pytest.raises(NotAllowedNow, match="only counted"):
        undo.undo_decision(session, hunt.id, by=HAL, reason="", now=NOW, settings=on)


def test_a_removal_takes_what_its_preview_named_and_needs_the_approvals_of_removals(session: Session, on: Settings) -> None:
    hunt = listed(session, on, "Invoice 1", "Invoice 2", "Invoice 3")
    rows = hunts.shown_messages(session, hunt.id, by=HAL)
    rows[0].known = True
    session.flush()
    found = hunt_removal.gather_evidence(session, hunt.id, by=HAL)
    assert (found.count, found.known, found.removable, found.senders) == (3, 1, tuple(row.id for row in rows[1:]), ((EVIL, 3),))
    with pytest.raises(Stale):
        removed(session, on, hunt, fence="other")
    with pytest.raises(NotAllowedNow, match="1 message is from a contact"):
        removed(session, on, hunt, chosen=[row.id for row in rows])
    with pytest.raises(NotFound):
        removed(session, on, hunt, chosen=[7])
    asked = removed(session, on, hunt)
    assert isinstance(asked, PendingAct)
    assert (asked.needs, len(asked.items)) == (["remove-delivered"], 2)
    done = outcomes.get_decision(session, confirmed(session, on, asked).result_id or 0, by=HAL)
    assert (done.count, done.second_by_shown, done.verb) == (2, "Hedy Grey", "sweep")
    with pytest.raises(NotAllowedNow, match="removed already"):
        removed(session, on, hunt, chosen=[rows[1].id])
    alone = removed(session, on, hunt, HEDY, chosen=[rows[0].id], known=True, fence=hunt_removal.fence_of(rows[:1]))
    assert isinstance(alone, DecisionReport)  # who has the right to remove needs nobody else


def test_auditors_get_a_notice_at_once(session: Session, on: Settings) -> None:
    begun(session, on)
    alerts.store_alerts(session, alerts.find_alerts(session, on, NOW), now=NOW)
    told = {one.address: rows for one, rows in staff_mail.list_concerned(session, on, NOW).items()}
    assert told["otto@company.example"][0].words == "Hal Green is searching all mailboxes. Reason: a wave"


def test_what_it_found_is_exported_erased_and_forgotten(session: Session, on: Settings) -> None:
    hunt = listed(session, on, "Invoice 1")
    whose = data_subject.find_data_subject(session, EVIL)
    with zipfile.ZipFile(io.BytesIO(b"".join(person_export.zip_export(session, whose, by=IDA, now=NOW)))) as file:
        assert [one["subject"] for one in json.loads(file.read("hunted.json"))] == ["Invoice 1"]
    session.execute(update(HuntedMessage).values(found_at=NOW - hunted_messages.KEPT + timedelta(minutes=1)))
    assert hunted_messages.forget_hunted(session, settings=on, now=NOW) == 0
    assert hunted_messages.forget_hunted(session, settings=on, now=NOW + timedelta(hours=1)) == 1
    again = listed(session, on, "Invoice 2")
    person_traces.forget_person(session, whose, "erased-1", with_rules=False, now=NOW)
    assert hunts.shown_messages(session, again.id, by=HAL) == []
    assert hunts.close_hunt(session, hunt.id, by=HAL, now=NOW, settings=on).state == "closed"
    with pytest.raises(NotAllowedNow, match="closed"):
        hunts.shown_messages(session, hunt.id, by=HAL)


def test_a_hunt_that_is_closed_searches_no_more_and_asks_nobody(session: Session, on: Settings) -> None:
    hunt = begun(session, on)
    searched(session, on, "Invoice 1")
    asked = hunts.ask_to_show(session, hunt.id, by=HAL, reason="", now=NOW, settings=on)
    hunts.close_hunt(session, hunt.id, by=HEDY, now=NOW, settings=on)
    with pytest.raises(NotAllowedNow):
        confirmed(session, on, asked)
    assert session.scalars(select(SweptMailbox).where(col(SweptMailbox.due_at).is_not(None))).all() == []
    assert session.scalars(select(HuntedMessage)).all() == []


def test_a_hunt_that_is_closed_or_old_still_removes_and_says_what_it_did(session: Session, on: Settings) -> None:
    hunt = listed(session, on, "Invoice 1", "Invoice 2")
    first = hunts.shown_messages(session, hunt.id, by=HEDY)[0]
    fence = hunt_removal.gather_evidence(session, hunt.id, by=HEDY, chosen=[first.id]).fence
    made = removed(session, on, hunt, HEDY, chosen=[first.id], fence=fence)
    session.execute(update(HuntedMessage).values(found_at=NOW - hunted_messages.KEPT - timedelta(minutes=1)))
    assert hunted_messages.forget_hunted(session, settings=on, now=NOW) == 1
    hunts.close_hunt(session, hunt.id, by=HAL, now=NOW, settings=on)
    (search,) = mailbox_sweep.claim_mailboxes(session, mailboxes=9, settings=on, now=NOW)
    assert [place.uid for place in search.named] == [0]
    mailbox_sweep.settle_mailbox(session, search, (), settings=on, now=NOW)
    said = outcomes.get_decision(session, made.id, by=HEDY).sentence
    assert said == "Removed 0 of 1 message that a hunt found from 1 mailbox; 1 no longer there."
    assert session.scalars(select(HuntedMessage)).all() == []


def test_it_stops_when_hunting_is_switched_off(session: Session, on: Settings) -> None:
    hunt = begun(session, on)
    off = replace(on, recall=replace(on.recall, hunting=False))
    assert mailbox_sweep.claim_mailboxes(session, mailboxes=99, settings=off, now=NOW) == []
    ended = hunts.get_hunt(session, hunt.id, by=HAL)
    assert (ended.found, ended.mailboxes_left, {why for _, why in ended.missed}) == (0, 0, {str(mailbox_sweep.OFF)})


def test_who_lost_the_right_meanwhile_is_shown_nothing(session: Session, on: Settings) -> None:
    hunt = begun(session, on)
    searched(session, on, "Invoice 1")
    asked = hunts.ask_to_show(session, hunt.id, by=HAL, reason="", now=NOW, settings=on)
    without = tuple(replace(one, rights=()) if one.login == "hal" else one for one in STAFF)
    directory.apply_directory(session, replace(HOUSE, staff=without), on.company, by=SYNC, now=NOW)
    assert staff_members.find_staff_actor(session, "hal", NOW)
    with pytest.raises(NotAllowed):
        confirmed(session, on, asked)
