"""Removals of campaigns and confidential folders: keepers are asked and decide, and whoever asked learns nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, SYNC, arrive
from triage.actor import ALL_RIGHTS, EVERYTHING, Actor, Role, Scope
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, PersonEntry, StaffEntry
from triage.compliance.audit import audit_log
from triage.config.settings import Confidential, Settings
from triage.directory import apply as directory
from triage.errors import NotAllowed, NotAllowedNow, NotFound, Stale
from triage.notifications.webhooks import webhook_events
from triage.policy.rules import store as rules
from triage.quarantine.decisions import (
    decide as decisions,
    decision_plan,
    keepers,
    mailbox_sweep,
    outcomes,
    request_keepers,
    undo as undoing,
)
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcome_text import FOLDERS_LEFT_OUT, KEEPERS_ASKED, MAILBOXES_LEFT_OUT
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search import selection_summary
from triage.quarantine.search.selection import Selection
from triage.store.db import read_transaction, transaction
from triage.store.models.approvals import KeepersRequest
from triage.store.models.audit import AuditRecord
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule

HANA = Actor.person("hana", Role.TRIAGE, Scope(departments=frozenset({"legal"})), "Hana Novak")
HUGO = Actor.person("hugo", Role.AUDITOR, EVERYTHING, "Hugo Stein")  # named for the folder, and decides nothing
IDA = Actor.person("ida", Role.ADMIN, EVERYTHING, "Ida Lind", rights=ALL_RIGHTS)  # administers the company, and is not named
STAFF = tuple(StaffEntry(one.name, one.shown, str(one.role), tuple(one.scope.words())) for one in (ANA, HANA, HUGO, IDA))
OTHERS = tuple(PersonEntry(f"it{number}", f"It {number}", "it", f"it{number}@company.example") for number in range(10))
LENA_HOLM = PersonEntry("lena.holm", "Lena Holm", "legal", "lena.holm@company.example")
LEGAL = ConfidentialEntry("department:legal", ("hana", "hugo"))
HOUSE = CompanyDirectory(
    arriving.COMPANY.departments, (*arriving.COMPANY.people, LENA_HOLM, *OTHERS), STAFF, arriving.COMPANY.postmaster, sealed=(LEGAL,)
)
CROOK, WAVE = "crook@evil.example", 77
JOE, MARA, LENA = "it+joe.fern@company.example", "legal+mara.berg@company.example", "legal+lena.holm@company.example"
TEN = tuple(f"it+it{number}@company.example" for number in range(10))


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """A company whose legal department is confidential."""
    with transaction(engine) as session:
        directory.apply_directory(session, HOUSE, settings.company, by=SYNC, now=NOW)
    return engine


@pytest.fixture
def agreed(settings: Settings) -> Settings:
    """Settings in which the keepers of the legal department have agreed."""
    return replace(settings, confidential=Confidential(join_removals=("department:legal",)))


def wave(engine: Engine, settings: Settings, *recipients: str, **more: Any) -> list[int]:
    """Copies of one campaign; their ids."""
    with transaction(engine) as session:
        came = [one for to in recipients for one in arrive(session, settings, to, author=CROOK, **more)]
        for one in came:
            session.get_one(Delivery, one).campaign_id = WAVE
    return came


def remove(engine: Engine, settings: Settings, by: Actor = ANA, **features: Any) -> DecisionReport:
    with transaction(engine) as session:
        selected = Selection.of(**(features or {"campaign": WAVE}))
        return decisions.decide_messages(session, DecisionRequest(selected, Verb.PURGE, "a wave"), by=by, now=NOW, settings=settings)


def asked(engine: Engine, by: Actor = HANA, now: Any = NOW) -> list[keepers.ShownRequest]:
    with read_transaction(engine) as session:
        return keepers.list_requests(session, by=by, now=now)


def states(engine: Engine, *ids: int) -> list[str]:
    with read_transaction(engine) as session:
        return [session.get_one(Delivery, one).state for one in ids]


def acts(session: Session) -> list[str]:
    return list(session.scalars(select(col(AuditRecord.act)).order_by(col(AuditRecord.id))))


def test_keepers_are_asked_confirm_and_can_undo(company: Engine, settings: Settings) -> None:
    (ours, *theirs) = wave(company, settings, JOE, MARA, LENA)
    made = remove(company, settings)
    assert states(company, ours, *theirs) == ["purged", "held", "held"]
    (request,) = asked(company)
    assert (request.count, request.reason, set(request.items)) == (2, "a wave", set(theirs))
    assert request.sentence == "Ana Roth removed a campaign from the rest of the company. Remove its 2 messages from this folder too?"
    with transaction(company) as session:
        done = keepers.confirm_request(session, request.id, by=HANA, now=NOW, settings=settings, expect=2)
    assert (done.state, states(company, *theirs)) == ("confirmed", ["purged", "purged"])
    with transaction(company) as session:
        own = session.get_one(Decision, done.result_id)
        assert (own.by, own.second_by, own.verb, own.undone_by) == ("person:hana", "person:ana", "purge", None)
        with pytest.raises(NotFound):
            outcomes.get_decision(session, own.id, by=ANA)
        undoing.undo_decision(session, own.id, by=HANA, reason="", now=NOW, settings=settings)
    assert states(company, ours, *theirs) == ["purged", "held", "held"]
    with read_transaction(company) as session:
        assert session.get_one(Decision, made.id).undone_by is None


def test_keepers_decline_and_nothing_moves(company: Engine, settings: Settings) -> None:
    (held,) = wave(company, settings, MARA)
    wave(company, settings, JOE)
    remove(company, settings)
    (request,) = asked(company)
    with transaction(company) as session:
        assert keepers.decline_request(session, request.id, by=HANA, now=NOW, reason="wanted here").state == "declined"
        with pytest.raises(NotAllowedNow, match="Hana Novak already declined"):
            keepers.confirm_request(session, request.id, by=HANA, now=NOW, settings=settings)
    assert (asked(company), states(company, held)) == ([], ["held"])


@pytest.mark.parametrize("by", [ANA, IDA])
@pytest.mark.parametrize("in_folder", [(), (MARA, LENA)])
def test_who_asks_learns_nothing(company: Engine, settings: Settings, by: Actor, in_folder: tuple[str, ...]) -> None:
    """The same preview, outcome, listings and audit log, whether the confidential folder holds copies or not."""
    wave(company, settings, JOE, *in_folder)
    with read_transaction(company) as session:
        assert request_keepers.find_concerned(session, Selection(campaign=WAVE), "purge", by=by) == "asked"
        assert selection_summary.selection_evidence(session, Selection(campaign=WAVE), by=by, now=NOW).count == 1
    made = remove(company, settings, by)
    late = "late copies of this campaign are caught until 27 Nov 09:30 UTC for the whole company"
    with read_transaction(company) as session:
        for one in (made, *outcomes.list_decisions(session, by=by)):
            assert (one.sentence, one.count, one.outside) == (f"Removed “Your order”; {late}. {KEEPERS_ASKED}", 1, 0)
        assert acts(session)[-3:] == ["purge", "rule", "ask-keepers"]
        record = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "ask-keepers")).one()
        assert (record.items, record.detail) == (0, {"folders": ["department:legal"]})
        assert session.scalar(select(func.count()).select_from(KeepersRequest)) == 1
        assert keepers.list_requests(session, by=by, now=NOW) == []
        assert len(keepers.list_requests(session, by=HANA, now=NOW)) == (1 if in_folder else 0)


def test_what_keepers_answer_is_kept_back_from_others(company: Engine, settings: Settings) -> None:
    wave(company, settings, JOE, MARA)
    remove(company, settings, IDA)
    (request,) = asked(company)
    with transaction(company) as session:
        keepers.confirm_request(session, request.id, by=HANA, now=NOW, settings=settings)
        keepers.lapse_requests(session, now=NOW + timedelta(days=4))
    with read_transaction(company) as session:
        told = {one.act: (one.subject, one.detail) for one in audit_log.list_entries(session, by=IDA).items}
        known = {one.act: one.detail for one in audit_log.list_entries(session, by=HUGO).items}
        assert keepers.list_requests(session, by=HUGO, now=NOW) == []
    for act in ("answer-keepers-request", "keepers-request-over"):
        assert told[act] == ("confidential", {"sealed": True})
        assert (known[act]["scope"], known[act]["answer"]) == ("department:legal", "confirmed")
    assert told["ask-keepers"][1]["folders"] == ["department:legal"]


def test_what_is_over_is_on_record_alike_with_and_without_copies(company: Engine, settings: Settings) -> None:
    wave(company, settings, JOE)
    remove(company, settings)
    with transaction(company) as session:
        assert keepers.lapse_requests(session, now=NOW + timedelta(hours=71)) == 0
        assert keepers.lapse_requests(session, now=NOW + timedelta(hours=72)) == 1
        assert acts(session)[-1] == "keepers-request-over"
        assert keepers.lapse_requests(session, now=NOW + timedelta(days=40)) == 0
        assert session.scalars(select(KeepersRequest)).all() == []


@pytest.mark.parametrize(
    ("features", "what"),
    [
        ({"campaign": WAVE}, "asked"),
        ({"campaign": WAVE, "states": ("held",)}, "asked"),
        ({"any_of": (Selection(campaign=WAVE), Selection(ids=(1,)))}, "asked"),
        ({"sender": CROOK}, "left out"),
        ({"domain": "evil.example"}, "left out"),
        ({"campaign": WAVE, "q": "order"}, "left out"),
        ({"q": "order"}, "left out"),
        ({"ids": (1, 2)}, ""),
        ({"campaign": WAVE, "department": "it"}, ""),
        ({"campaign": WAVE, "person": "joe.fern"}, ""),
    ],
)
def test_only_the_removal_of_a_campaign_asks(company: Engine, features: dict[str, Any], what: str) -> None:
    with read_transaction(company) as session:
        selected = Selection.of(**features)
        assert request_keepers.find_concerned(session, selected, "purge", by=ANA) == what
        assert request_keepers.find_concerned(session, selected, "release", by=ANA) == ""
        for_department = Actor.person("ben", Role.TRIAGE, Scope(departments=frozenset({"it"})))
        assert request_keepers.find_concerned(session, selected, "purge", by=for_department) == ""
        assert request_keepers.find_concerned(session, selected, "purge", by=replace(HANA, scope=EVERYTHING)) == ""


def test_a_removal_by_sender_says_that_folders_are_left_out(company: Engine, settings: Settings) -> None:
    wave(company, settings, JOE, MARA)
    made = remove(company, settings, sender=CROOK)
    assert made.sentence.endswith(FOLDERS_LEFT_OUT)
    assert asked(company) == []


def test_late_copies_in_a_closed_folder_are_held_until_the_keepers_confirm(company: Engine, settings: Settings) -> None:
    with transaction(company) as session:
        arrive(session, settings, JOE, author=CROOK)
        arrive(session, settings, MARA, author=CROOK)
    remove(company, settings, sender=CROOK)

    def late(to: str) -> str:
        with transaction(company) as session:
            (came,) = arrive(session, settings, to, author=CROOK)
            return session.get_one(Delivery, came).state

    assert (late(JOE), late(MARA)) == ("purged", "held")
    remove(company, settings, HANA, sender=CROOK)
    assert (late(JOE), late(MARA)) == ("purged", "purged")


def test_the_keepers_removal_catches_late_copies_in_their_folder(company: Engine, settings: Settings) -> None:
    wave(company, settings, JOE, MARA)
    remove(company, settings)
    (request,) = asked(company)
    with transaction(company) as session:
        keepers.confirm_request(session, request.id, by=HANA, now=NOW, settings=settings)
        found = session.scalars(select(Rule).where(col(Rule.origin) == rules.STANDING).order_by(col(Rule.id))).all()
        assert [(one.scope, one.kept_out) for one in found] == [("company", ["department:legal"]), ("department:legal", [])]


def test_what_came_since_is_told_and_nothing_is_done(company: Engine, settings: Settings) -> None:
    (held,) = wave(company, settings, MARA)
    wave(company, settings, JOE)
    remove(company, settings)
    (request,) = asked(company)
    wave(company, settings, LENA)
    with transaction(company) as session, pytest.raises(Stale):
        keepers.confirm_request(session, request.id, by=HANA, now=NOW, settings=settings, expect=request.count)
    assert states(company, held) == ["held"]
    assert asked(company)[0].count == 2


def test_a_removal_that_was_undone_asks_nobody(company: Engine, settings: Settings) -> None:
    wave(company, settings, JOE, MARA)
    made = remove(company, settings)
    (request,) = asked(company)
    with transaction(company) as session:
        undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=settings)
        with pytest.raises(NotAllowedNow, match="the removal by Ana Roth was undone"):
            keepers.confirm_request(session, request.id, by=HANA, now=NOW, settings=settings)
    assert asked(company) == []


@pytest.mark.parametrize("by", [ANA, IDA, HUGO, Actor("token", "1", Role.ADMIN, EVERYTHING), replace(HANA, scope=Scope())])
def test_only_keepers_who_decide_and_see_it_answer(company: Engine, settings: Settings, by: Actor) -> None:
    wave(company, settings, JOE, MARA)
    remove(company, settings)
    (request,) = asked(company)
    with transaction(company) as session, pytest.raises((NotFound, NotAllowed)):
        keepers.confirm_request(session, request.id, by=by, now=NOW, settings=settings)


def test_a_very_large_removal_asks_too(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_plan, "LARGE", 1)
    wave(company, settings, JOE, *TEN, MARA)
    said: dict[str, Any] = {"by": ANA, "now": NOW, "settings": settings}
    with transaction(company) as session:
        planned = decision_plan.plan_large(session, DecisionRequest(Selection(campaign=WAVE), Verb.PURGE), **said)
        assert planned is not None
        made = decisions.decide_messages(session, DecisionRequest(Selection(campaign=WAVE), Verb.PURGE, "a wave"), planned=planned, **said)
    assert made.confidential == "asked"
    assert [one.count for one in asked(company)] == [1]


def joined(engine: Engine, settings: Settings) -> int:
    """Runs upkeep once; the number of decisions that it made."""
    with read_transaction(engine) as session:
        due = keepers.agreed_due(session, settings, NOW)
    number = 0
    for one in due:
        with transaction(engine) as session:
            number += keepers.join_removal(session, one, settings=settings, now=NOW)
    return number


@pytest.mark.parametrize(
    ("outside", "features", "number"),
    [(TEN, {"campaign": WAVE}, 1), (TEN[:9], {"campaign": WAVE}, 0), (TEN, {"sender": CROOK}, 0), (TEN, {"domain": "evil.example"}, 0)],
)
def test_where_keepers_agreed_copies_of_a_wide_campaign_go_along(
    company: Engine, agreed: Settings, outside: tuple[str, ...], features: dict[str, Any], number: int
) -> None:
    (confidential_one,) = wave(company, agreed, MARA)
    wave(company, agreed, *outside)
    remove(company, agreed, **features)
    assert states(company, confidential_one) == ["held"]
    assert joined(company, agreed) == number
    assert states(company, confidential_one) == ["purged" if number else "held"]


def test_without_an_agreement_nothing_goes_along(company: Engine, settings: Settings) -> None:
    (held,) = wave(company, settings, MARA)
    wave(company, settings, *TEN)
    remove(company, settings)
    assert (joined(company, settings), states(company, held)) == (0, ["held"])


def test_late_copies_go_along_too_until_a_keeper_takes_it_back(company: Engine, agreed: Settings) -> None:
    (first,) = wave(company, agreed, MARA)
    wave(company, agreed, *TEN)
    remove(company, agreed)
    assert joined(company, agreed) == 1
    (second,) = wave(company, agreed, LENA)
    assert (joined(company, agreed), joined(company, agreed)) == (1, 0)
    with transaction(company) as session:
        own = session.scalars(select(Decision).where(col(Decision.by) == "system:confidential-folders").order_by(col(Decision.id))).all()
        undoing.undo_decision(session, own[0].id, by=HANA, reason="wanted", now=NOW, settings=agreed)
    wave(company, agreed, LENA)
    assert (joined(company, agreed), states(company, first, second)) == (0, ["held", "purged"])


def test_what_went_along_comes_back_with_the_removal(company: Engine, agreed: Settings) -> None:
    (held,) = wave(company, agreed, MARA)
    wave(company, agreed, *TEN)
    made = remove(company, agreed)
    assert (joined(company, agreed), states(company, held)) == (1, ["purged"])
    with transaction(company) as session:
        undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=agreed)
    assert (joined(company, agreed), joined(company, agreed), states(company, held)) == (1, 0, ["held"])


def test_an_agreement_does_not_open_another_folder_within(company: Engine, agreed: Settings) -> None:
    within = replace(HOUSE, sealed=(LEGAL, ConfidentialEntry("person:mara.berg", ("hana",))))
    with transaction(company) as session:
        directory.apply_directory(session, within, agreed.company, by=SYNC, now=NOW)
    mara, desk = wave(company, agreed, MARA, LENA)
    wave(company, agreed, *TEN)
    remove(company, agreed)
    assert joined(company, agreed) == 1
    assert states(company, mara, desk) == ["held", "purged"]


def test_a_sweep_says_that_mailboxes_are_left_out(company: Engine, settings: Settings) -> None:
    asked_for: dict[str, Any] = {"reason": "", "now": NOW, "settings": settings}
    with transaction(company) as session:
        for dry_run in (True, False):
            made = mailbox_sweep.begin_sweep(session, CROOK, by=IDA, dry_run=dry_run, **asked_for)
            assert made.sentence.endswith(MAILBOXES_LEFT_OUT)
        record = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "sweep")).all()
        assert [one.detail["confidential"] for one in record] == ["left out", "left out"]
        everything = mailbox_sweep.begin_sweep(
            session, CROOK, by=Actor.person("hana", Role.ADMIN, EVERYTHING, rights=ALL_RIGHTS), **asked_for
        )
        assert MAILBOXES_LEFT_OUT not in everything.sentence


def test_programs_elsewhere_hear_of_the_removal_and_not_of_the_answer(company: Engine, settings: Settings) -> None:
    wave(company, settings, JOE, MARA)
    remove(company, settings)
    (request,) = asked(company)
    with transaction(company) as session:
        done = keepers.confirm_request(session, request.id, by=HANA, now=NOW, settings=settings)
        undoing.undo_decision(session, done.result_id or 0, by=HANA, reason="", now=NOW, settings=settings)
        about = col(AuditRecord.subject).startswith("decision:") & col(AuditRecord.act).in_(["purge", "restore"])
        records = session.scalars(select(AuditRecord).where(about).order_by(col(AuditRecord.id))).all()
        told = [webhook_events.decision_event(session, one, settings) for one in records]
        assert [(one.by, told_of is None) for one, told_of in zip(records, told, strict=True)] == [
            ("person:ana", False),
            ("person:hana", True),
            ("person:hana", True),
        ]
