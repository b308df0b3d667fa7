"""Very large decisions: carried out in slices, which nobody waits for, that go on after a crash, and are undone as a whole."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, event, func, select, update
from sqlmodel import col

from tests.peers.processes import until
from tests.triage.arriving import ANA, BEN, COMPANY, IDA, NOW, OTTO, SYNC, arrive, set_up
from triage.actor import Actor
from triage.addressing.company import StaffEntry
from triage.config.settings import Settings
from triage.delivery import rejections
from triage.directory import apply as directory
from triage.errors import BadInput, Conflict, NotAllowed, NotAllowedNow, SecondLookNeeded, Stale
from triage.policy import copies
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import approvals, bulk_decisions, decide as decisions, decision_plan, outcomes, regroup, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search import selection_summary
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import fold_counts
from triage.store import ledger
from triage.store.db import is_among, read_transaction, transaction
from triage.store.delivery_state import Event, State
from triage.store.models.approvals import PendingAct
from triage.store.models.audit import AuditRecord
from triage.store.models.campaigns import Campaign
from triage.store.models.counts import CachedItem
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule
from triage.store.models.staff import StaffMember

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
WAVE = Selection.of(sender="wave@bad.example")
MESSAGES = 12


@pytest.fixture
def company(engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A wave for two people, where ten deliveries are many."""
    monkeypatch.setattr(decision_plan, "LARGE", 10)
    monkeypatch.setattr(bulk_decisions, "SLICE", 5)
    with transaction(engine) as session:
        set_up(session, settings)
        for number in range(MESSAGES):
            arrive(session, settings, JOE, MARA, author="wave@bad.example", subject=f"Wave {number}")
    return engine


def begun(
    engine: Engine, settings: Settings, verb: Verb = Verb.PURGE, *, by: Actor = ANA, select: Selection = WAVE, **more: Any
) -> DecisionReport:
    """A large decision is made."""
    with read_transaction(engine) as session:
        planned = decision_plan.plan_large(session, DecisionRequest(select, verb, **more), by=by, now=NOW, settings=settings)
    assert planned is not None
    with transaction(engine) as session:
        return decisions.decide_messages(
            session, DecisionRequest(select, verb, "phishing", **more), by=by, now=NOW, settings=settings, planned=planned
        )


def go_on(engine: Engine, settings: Settings, slices: int = 1000) -> int:
    """So many slices, or all; how many deliveries they were about."""
    total = 0
    for _ in range(slices):
        with transaction(engine) as session:
            decision_id = bulk_decisions.under_way(session)
            number = bulk_decisions.go_on(session, decision_id, now=NOW, settings=settings) if decision_id else 0
        total += number
        if not number:
            break
    return total


def states(engine: Engine) -> dict[str, int]:
    with read_transaction(engine) as session:
        return dict(session.execute(select(col(Delivery.state), func.count()).group_by(col(Delivery.state))).all())


def reported(engine: Engine, decision_id: int, by: Actor = ANA) -> DecisionReport:
    with read_transaction(engine) as session:
        return outcomes.get_decision(session, decision_id, by=by)


def test_it_is_made_at_once_and_carried_out_in_slices(company: Engine, settings: Settings) -> None:
    made = begun(company, settings)
    assert (made.count, made.done, made.left, made.under_way) == (24, 0, 24, 24)
    assert "24 still to do" in made.sentence
    assert states(company) == {"held": 24}
    assert go_on(company, settings, 2) == 10
    halfway = reported(company, made.id)
    assert (halfway.done, halfway.left) == (10, 14)
    assert states(company) == {"held": 14, "purged": 10}
    assert go_on(company, settings) == 14
    ended = reported(company, made.id)
    assert (ended.count, ended.done, ended.left, ended.under_way) == (24, 24, 0, 0)
    assert go_on(company, settings) == 0


def test_no_more_senders_are_told_no_than_at_once(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "MOST_MESSAGES", 4)  # each slice is about three
    with pytest.raises(BadInput, match="that would send 12 notices; reject at most 4 messages at once"):
        begun(company, settings, Verb.REJECT, template="not-wanted")


def test_fewer_are_decided_as_ever(company: Engine, settings: Settings) -> None:
    with read_transaction(company) as session:
        few = replace(WAVE, person="joe.fern", q="Wave 1")
        assert decision_plan.plan_large(session, DecisionRequest(few, Verb.PURGE), by=ANA, now=NOW, settings=settings) is None


def test_others_decide_meanwhile_and_what_comes_later_is_not_meant(company: Engine, settings: Settings) -> None:
    made = begun(company, settings)
    go_on(company, settings, 1)
    with transaction(company) as session:
        held = select(col(Delivery.id)).where(col(Delivery.state) == State.HELD)
        last = tuple(session.scalars(held.order_by(col(Delivery.id).desc()).limit(2)))
        released = decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=last), Verb.RELEASE), by=ANA, now=NOW, settings=settings
        )
        arrive(session, settings, JOE, author="wave@bad.example", subject="late")
    assert released.done == 2
    go_on(company, settings)
    ended = reported(company, made.id)
    assert ended.done == 24  # a purge takes back what is queued too
    assert states(company)["purged"] >= 24


def test_it_goes_on_where_a_crash_has_left_it(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    made = begun(company, settings)
    go_on(company, settings, 1)
    with monkeypatch.context() as patch:
        patch.setattr(bulk_decisions, "write_slice", failing)
        with pytest.raises(RuntimeError), transaction(company) as session:
            bulk_decisions.go_on(session, made.id, now=NOW, settings=settings)
    assert states(company) == {"held": 19, "purged": 5}  # nothing of the slice that crashed
    go_on(company, settings)
    assert states(company) == {"purged": 24}
    with read_transaction(company) as session:
        assert session.scalar(select(func.count()).select_from(DecisionItem)) == 24


def failing(*_: object) -> None:
    raise RuntimeError


def test_the_undo_takes_all_of_it_back_in_slices_too(company: Engine, settings: Settings) -> None:
    rule = RuleOrder("block", "address", "", "company")
    made = begun(company, settings, rule=rule)
    go_on(company, settings)
    with transaction(company) as session:
        assert undoing.is_large(session, session.get_one(Decision, made.id))
        undone = undoing.undo_decision(session, made.id, by=ANA, reason="wrong", now=NOW, settings=settings)
        assert session.scalars(select(Rule).where(col(Rule.removed_at).is_(None))).all() == []
    assert (undone.count, undone.left) == (24, 24)
    go_on(company, settings, 2)
    assert states(company) == {"held": 10, "purged": 14}
    go_on(company, settings)
    assert states(company) == {"held": 24}
    assert (reported(company, undone.id).done, reported(company, made.id).undone_by) == (24, undone.id)
    with transaction(company) as session, pytest.raises(Conflict):
        undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=settings)


def test_an_undo_stops_what_is_still_to_come(company: Engine, settings: Settings) -> None:
    made = begun(company, settings)
    go_on(company, settings, 1)
    with transaction(company) as session:
        assert undoing.is_large(session, session.get_one(Decision, made.id))
        undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=settings)
    go_on(company, settings)
    assert states(company) == {"held": 24}
    assert reported(company, made.id).left == 0


def test_what_has_grown_is_refused(company: Engine, settings: Settings) -> None:
    with read_transaction(company) as session:
        sheet = selection_summary.selection_evidence(session, WAVE, by=ANA, now=NOW)
        decision_plan.plan_large(
            session, DecisionRequest(WAVE, Verb.PURGE, expect=24, fence=sheet.fence), by=ANA, now=NOW, settings=settings
        )
    with transaction(company) as session:
        arrive(session, settings, JOE, author="wave@bad.example", subject="one more")
    with read_transaction(company) as session:
        for seen in ({"expect": 24}, {"fence": sheet.fence}):
            with pytest.raises(Stale):
                decision_plan.plan_large(session, DecisionRequest(WAVE, Verb.PURGE, **seen), by=ANA, now=NOW, settings=settings)


def test_who_only_looks_and_what_needs_two_keys_is_refused(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_plan, "MOST_BY_NAME", 10)
    two = replace(settings, policy=replace(settings.policy, approvals=("domain-allow",)))
    with read_transaction(company) as session:
        with pytest.raises(NotAllowed):
            decision_plan.plan_large(session, DecisionRequest(WAVE, Verb.PURGE), by=OTTO, now=NOW, settings=settings)
        allow = RuleOrder("allow", "domain", "dell.example", "company")
        with pytest.raises(NotAllowedNow, match="this needs approval"):
            decision_plan.plan_large(session, DecisionRequest(WAVE, Verb.RELEASE, rule=allow), by=ANA, now=NOW, settings=two)


def test_what_leaves_senders_out_is_decided_at_once(company: Engine, settings: Settings) -> None:
    without = RuleOrder("allow", "address", "", "company", without=("wave@bad.example",))
    with read_transaction(company) as session:
        asked = DecisionRequest(WAVE, Verb.RELEASE, rule=without)
        assert decision_plan.plan_large(session, asked, by=ANA, now=NOW, settings=settings) is None


@pytest.fixture
def careful(company: Engine, settings: Settings) -> Settings:
    """A company that wants two people for an allow of a domain, and has a second one for all of it."""
    with transaction(company) as session:
        people = replace(COMPANY, staff=(*COMPANY.staff, StaffEntry("ida", "Ida Lind", "admin", ("company",))))
        directory.apply_directory(session, people, settings.company, by=SYNC, now=NOW)
    return replace(settings, policy=replace(settings.policy, approvals=("domain-allow",)))


def ask(engine: Engine, settings: Settings, verb: Verb = Verb.RELEASE) -> int:
    """Ana asks for a large decision with an allow of a domain: nothing is done yet, and nothing is locked."""
    request = DecisionRequest(WAVE, verb, "wanted", rule=RuleOrder("allow", "domain", "dell.example", "company"))
    with read_transaction(engine) as session:
        planned = decision_plan.plan_large(session, request, by=ANA, now=NOW, settings=settings)
    assert planned is not None
    with transaction(engine) as session:
        asked = decisions.decide_or_ask(session, request, by=ANA, now=NOW, settings=settings, planned=planned)
        assert isinstance(asked, PendingAct)
        assert (len(asked.items), asked.needs) == (planned.count, ["domain-allow"])
        return asked.id


def confirm(engine: Engine, settings: Settings, asked: int) -> int:
    """Ida agrees; the decision that is begun."""
    with read_transaction(engine) as session:
        planned = approvals.plan_requested(session, asked, by=IDA, now=NOW, settings=settings)
    assert planned is not None
    with transaction(engine) as session:
        found = approvals.confirm_approval(session, asked, by=IDA, now=NOW, settings=settings, planned=planned)
        assert found.result_id is not None
        return found.result_id


def test_what_two_people_agreed_to_is_carried_out_in_slices_too(company: Engine, careful: Settings) -> None:
    asked = ask(company, careful)
    assert states(company) == {"held": 24}
    made = confirm(company, careful, asked)
    assert (states(company), reported(company, made).left) == ({"held": 24}, 24)
    assert go_on(company, careful, 2) == 10
    assert states(company) == {"held": 14, "queued": 10}
    go_on(company, careful)
    ended = reported(company, made)
    assert (ended.count, ended.done, ended.left, ended.second_by_shown) == (24, 24, 0, "Ida Lind")
    assert [(one.match, one.value, one.second_by) for one in ended.rules] == [("domain", "dell.example", "person:ida")]


def test_nothing_that_the_second_person_has_not_seen_is_done(company: Engine, careful: Settings) -> None:
    with transaction(company) as session:
        first = session.scalars(select(col(Delivery.id)).order_by(col(Delivery.id)).limit(1)).one()
        session.execute(update(Delivery).where(col(Delivery.id) == first).values(author="other@bad.example"))
    made = confirm(company, careful, ask(company, careful))
    with transaction(company) as session:  # it joins the wave, and is older than the last of it
        session.execute(update(Delivery).where(col(Delivery.id) == first).values(author="wave@bad.example"))
    go_on(company, careful)
    assert (reported(company, made).count, states(company)) == (23, {"held": 1, "queued": 23})


def test_a_state_that_neither_has_seen_is_left_alone(company: Engine, careful: Settings) -> None:
    made = confirm(company, careful, ask(company, careful, Verb.PURGE))
    with transaction(company) as session:  # a purge would take back what is queued, had they seen it so
        some = tuple(session.scalars(select(col(Delivery.id)).order_by(col(Delivery.id)).limit(6)))
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=some), Verb.RELEASE), by=ANA, now=NOW, settings=careful)
    go_on(company, careful)
    ended = reported(company, made)
    assert (ended.count, ended.done, ended.refused, states(company)) == (24, 18, 6, {"purged": 18, "queued": 6})
    assert {one.why.split(" ")[0:3] == ["Released", "by", "Ana"] for one in ended.items if one.outcome == "refused"} == {True}
    with read_transaction(company) as session:
        said = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "end-purge")).one()
        assert said.detail == {"left": 6}


def test_a_purge_goes_after_what_the_relay_delivers_meanwhile(company: Engine, careful: Settings) -> None:
    with transaction(company) as session:
        some = tuple(session.scalars(select(col(Delivery.id)).order_by(col(Delivery.id).desc()).limit(6)))
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=some), Verb.RELEASE), by=ANA, now=NOW, settings=careful)
    made = confirm(company, careful, ask(company, careful, Verb.PURGE))
    go_on(company, careful, 1)
    relay: dict[str, Any] = {"by": Actor.system("relay"), "now": NOW}
    with transaction(company) as session:
        ledger.record_many(session, is_among(session, col(Delivery.id), some), Event.CLAIM, **relay)
        ledger.record_many(session, is_among(session, col(Delivery.id), some[:3]), Event.DELIVER, **relay)
        ledger.record_many(session, is_among(session, col(Delivery.id), some[3:5]), Event.DEFER, **relay)
    go_on(company, careful)
    ended = reported(company, made)
    assert states(company) == {"recalling": 3, "relaying": 1, "purged": 20}
    assert (ended.count, ended.done, ended.in_flight, ended.recalling) == (24, 20, 1, 3)
    with read_transaction(company) as session:
        assert session.get_one(Delivery, some[5]).purge_wanted_by == made


def test_a_purge_takes_what_a_slow_release_of_before_lets_out(company: Engine, careful: Settings) -> None:
    begun(company, careful, Verb.RELEASE)
    made = confirm(company, careful, ask(company, careful, Verb.PURGE))
    for _ in range(2):
        go_on(company, careful)
    assert (states(company), reported(company, made).done) == ({"purged": 24}, 24)


def test_a_slice_with_nothing_to_do_is_a_transaction_of_its_own(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(company, settings)
    with transaction(company) as session:
        session.execute(update(Delivery).values(state=State.EXPIRED))
    monkeypatch.setattr(decision_plan, "LARGE", 100)
    with transaction(company) as session:
        decision_id = bulk_decisions.under_way(session)
        assert decision_id
        ids = session.scalars(select(col(Delivery.id)).order_by(col(Delivery.id))).all()
        ahead = bulk_decisions.Ahead(decision_id, ids)
        assert bulk_decisions.go_on(session, decision_id, now=NOW, settings=settings, ahead=ahead) == 5
        assert session.get_one(Decision, decision_id).reached == ids[4]


def test_the_rows_of_all_senders_are_updated_a_slice_at_a_time(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(company) as session:
        ids = session.scalars(select(col(Delivery.id)).order_by(col(Delivery.id))).all()
        for number in range(0, 2 * MESSAGES, 2):
            author = f"a{number}@bad.example"
            values: dict[str, Any] = {"author": author, "author_domain": "bad.example", "campaign_id": 7, "severity": 2, "is_copy": True}
            session.execute(update(Delivery).where(is_among(session, col(Delivery.id), ids[number : number + 2])).values(**values))
    made = begun(company, settings, Verb.RELEASE, select=Selection.of(domain="bad.example", person="joe.fern"))
    go_on(company, settings, 3)
    assert (reported(company, made.id).left, reported(company, made.id).done) == (0, 12)
    monkeypatch.setattr(copies, "MOST", 5)  # no transaction sorts more
    assert go_on(company, settings) == 12
    with read_transaction(company) as session:
        assert session.scalars(select(col(Delivery.is_copy)).where(col(Delivery.state) == State.HELD).distinct()).all() == [False]
        assert bulk_decisions.under_way(session) is None


def test_an_approval_of_what_has_changed_begins_nothing(company: Engine, careful: Settings) -> None:
    asked = ask(company, careful)
    with read_transaction(company) as session, pytest.raises(NotAllowed, match="you asked for this"):
        approvals.plan_requested(session, asked, by=ANA, now=NOW, settings=careful)
    with transaction(company) as session:
        arrive(session, careful, JOE, author="wave@bad.example", subject="one more")
    with read_transaction(company) as session, pytest.raises(Stale):
        approvals.plan_requested(session, asked, by=IDA, now=NOW, settings=careful)
    assert states(company) == {"held": 25}


def test_the_second_persons_fence_is_that_of_the_first_ones_messages(company: Engine, careful: Settings) -> None:
    with transaction(company) as session:
        session.execute(update(Delivery).values(second_look=4))
        beyond = tuple(session.scalars(select(col(Delivery.id)).where(col(Delivery.department) == "it")))
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=beyond), Verb.PURGE), by=ANA, now=NOW, settings=careful)
    order = RuleOrder("allow", "domain", "dell.example", "department:legal", unchecked=True)
    two = replace(careful, policy=replace(careful.policy, approvals=("unchecked-allow",)))
    request = DecisionRequest(WAVE, Verb.RELEASE, "wanted", rule=order)
    with read_transaction(company) as session, pytest.raises(SecondLookNeeded) as need:
        decision_plan.plan_large(session, request, by=BEN, now=NOW, settings=two)
    request = replace(request, confirm=need.value.names, fence=need.value.fence)
    with transaction(company) as session:
        planned = decision_plan.plan_large(session, request, by=BEN, now=NOW, settings=two)
        asked = decisions.decide_or_ask(session, request, by=BEN, now=NOW, settings=two, planned=planned).id
    with read_transaction(company) as session, pytest.raises(SecondLookNeeded) as need:
        approvals.plan_requested(session, asked, by=IDA, now=NOW, settings=two)
    with read_transaction(company) as session:
        looked: dict[str, Any] = {"confirm": need.value.names, "fence": need.value.fence}
        planned = approvals.plan_requested(session, asked, by=IDA, now=NOW, settings=two, **looked)
    assert planned
    assert (planned.count, planned.approved) == (12, asked)


@pytest.mark.parametrize("approved", [True, False])
def test_it_may_be_broken_off_at_any_statement(company: Engine, careful: Settings, monkeypatch: pytest.MonkeyPatch, approved: bool) -> None:
    monkeypatch.setattr(bulk_decisions, "SLICE", 12)
    made = confirm(company, careful, ask(company, careful, Verb.PURGE)) if approved else begun(company, careful).id
    number, broken, is_under_way, ahead = 1, 0, True, bulk_decisions.Ahead()  # that of one process, which goes on
    while is_under_way:
        with break_off_at(company, number) as broke, contextlib.suppress(BrokenOffError), transaction(company) as session:
            bulk_decisions.go_on(session, made, now=NOW, settings=careful, ahead=ahead)
        number, broken = (number + 1, broken + 1) if broke else (1, broken)
        with read_transaction(company) as session:
            is_under_way = bulk_decisions.under_way(session) == made
    assert broken > 40
    assert states(company) == {"purged": 24}
    assert (reported(company, made).done, len(reported(company, made).items)) == (24, 24)


class BrokenOffError(Exception):
    """The process ends here."""


@contextlib.contextmanager
def break_off_at(engine: Engine, number: int) -> Iterator[list[int]]:
    """The statement of this number never comes about; [number] where there is one."""
    count, broke = itertools.count(1), list[int]()

    def watch(*_: object) -> None:
        if next(count) == number:
            broke.append(number)
            raise BrokenOffError

    event.listen(engine, "before_cursor_execute", watch)
    yield broke
    event.remove(engine, "before_cursor_execute", watch)


def test_the_slices_of_a_process_are_looked_for_once(company: Engine, settings: Settings) -> None:
    made = begun(company, settings)
    ahead = bulk_decisions.Ahead()
    numbers: list[int] = []
    while not numbers or numbers[-1]:
        with transaction(company) as session:
            if len(numbers) == 2:  # somebody else has taken a whole slice meanwhile
                later = select(col(Delivery.id)).where(col(Delivery.state) == State.HELD).order_by(col(Delivery.id)).limit(5)
                gone = is_among(session, col(Delivery.id), session.scalars(later))
                session.execute(update(Delivery).where(gone).values(state=State.EXPIRED))
            numbers.append(bulk_decisions.go_on(session, made.id, now=NOW, settings=settings, ahead=ahead))
    assert numbers == [5, 5, 5, 5, 4, 0]
    assert states(company) == {"purged": 19, "expired": 5}
    assert (reported(company, made.id).count, reported(company, made.id).left) == (19, 0)
    assert (ahead.decision_id, len(ahead.ids)) == (made.id, 24)


@pytest.mark.parametrize("verb", [Verb.RELEASE, Verb.PURGE])
def test_a_slice_looks_for_nothing_that_was_found_before_it_began(company: Engine, settings: Settings, verb: Verb) -> None:
    """So that others wait for the changes alone."""
    made, ahead, found = begun(company, settings, verb), bulk_decisions.Ahead(), list[tuple[int, bool]]()
    is_under_way = True
    while is_under_way:
        with read_transaction(company) as session:
            bulk_decisions.load_next_slices(session, made.id, ahead, now=NOW)
        looked = ahead.ids
        with transaction(company) as session:
            bulk_decisions.go_on(session, made.id, now=NOW, settings=settings, ahead=ahead)
            is_under_way = bulk_decisions.under_way(session) is not None
        assert ahead.ids is looked
        found.append((len(looked), ahead.is_sorting))
    assert found == [(24, False)] * 5 + [(0, True) if verb is Verb.RELEASE else (24, False)]
    assert reported(company, made.id).done == 24


@pytest.mark.parametrize(
    ("seconds", "sizes"),
    [(0.1, [500, 500]), (0.0, [1000, 1000]), (0.12, [416, 346, 288, 250]), (10.0, [250, 250]), (0.08, [625, 781])],
)
def test_a_slice_that_took_long_is_followed_by_a_smaller_one(seconds: float, sizes: list[int]) -> None:
    ahead = bulk_decisions.Ahead(size=500)
    found = []
    for _ in sizes:
        ahead.adjust_size(seconds)
        found.append(ahead.size)
    assert found == sizes


def test_only_what_is_in_scope_is_meant_also_later(company: Engine, settings: Settings) -> None:
    made = begun(company, settings, by=BEN)
    assert (made.count, made.outside) == (12, 12)
    go_on(company, settings)
    with read_transaction(company) as session:
        left = session.scalars(select(col(Delivery.department)).where(col(Delivery.state) == State.HELD).distinct()).all()
    assert left == ["it"]


def test_who_may_no_longer_decide_decides_no_further(company: Engine, settings: Settings) -> None:
    gone = replace(BEN, name="gone")
    made = begun(company, settings, by=gone)
    go_on(company, settings)
    assert states(company) == {"held": 24}
    assert (reported(company, made.id, gone).count, reported(company, made.id, gone).left) == (0, 0)


def test_the_kept_counts_follow(company: Engine, settings: Settings) -> None:
    fold_counts.build_views(company, now=NOW)
    begun(company, settings)
    go_on(company, settings)
    with transaction(company) as session:
        fold_counts.fold_counts(session, now=NOW)
    with read_transaction(company) as session:
        assert session.scalars(select(col(CachedItem.key))).all() == []


def test_who_only_looks_by_now_decides_no_further(company: Engine, settings: Settings) -> None:
    made = begun(company, settings, by=ANA)
    go_on(company, settings, 1)
    with transaction(company) as session:
        session.get_one(StaffMember, "ana").role = "auditor"
    go_on(company, settings)
    assert states(company) == {"held": 19, "purged": 5}
    assert (reported(company, made.id).count, reported(company, made.id).left) == (5, 0)


def test_what_can_no_longer_be_done_ends_and_stands_in_nobodys_way(company: Engine, settings: Settings) -> None:
    made = begun(company, settings, Verb.REDIRECT, to="person:joe.fern")
    other = begun(company, settings)
    go_on(company, settings, 1)
    with transaction(company) as session:
        directory.apply_directory(session, replace(COMPANY, people=COMPANY.people[:1]), settings.company, by=SYNC, now=NOW)
    go_on(company, settings, 1)
    assert reported(company, made.id).left == 0
    with read_transaction(company) as session:
        said = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "end-redirect")).one()
        assert said.detail["left"] == 19
        assert "joe.fern" in said.detail["why"]
    go_on(company, settings)
    assert reported(company, other.id).done == 24


def test_who_sees_a_part_stops_nothing_for_the_others(company: Engine, settings: Settings) -> None:
    with transaction(company) as session:
        session.execute(delete(Delivery).where(col(Delivery.department) == "it"))
        for number in range(MESSAGES):
            arrive(session, settings, JOE, author="wave@bad.example", subject=f"later {number}")
    made = begun(company, settings)
    go_on(company, settings, 2)  # of what lies in Ben's folders alone
    with transaction(company) as session, pytest.raises(NotAllowed, match="outside your scope"):
        undoing.undo_decision(session, made.id, by=BEN, reason="", now=NOW, settings=settings)
    go_on(company, settings)
    assert states(company) == {"purged": 24}


def test_a_campaign_means_the_same_mail_until_the_end(company: Engine, settings: Settings) -> None:
    with transaction(company) as session:
        ids = list(session.scalars(select(col(Delivery.id)).order_by(col(Delivery.id))))
        session.execute(update(Delivery).values(campaign_id=7))
        session.execute(
            update(Delivery).where(is_among(session, col(Delivery.id), ids[1::2])).values(proof="dmarc", proven_as="bad.example")
        )
        session.execute(update(Delivery).where(col(Delivery.id) == ids[1]).values(proof="", proven_as=""))
    made = begun(company, settings, select=Selection.of(campaign=7))
    assert made.count == 13
    with transaction(company) as session:
        session.execute(
            update(Delivery).where(is_among(session, col(Delivery.id), ids[4:8])).values(proof="dmarc", proven_as="bad.example")
        )
    go_on(company, settings)
    with read_transaction(company) as session:
        purged = select(col(Delivery.proof)).where(col(Delivery.state) == State.PURGED).distinct()
        assert session.scalars(purged).all() == [""]


def test_the_undo_of_a_large_join_is_done_at_once(company: Engine, settings: Settings) -> None:
    with transaction(company) as session:
        session.execute(update(Delivery).values(campaign_id=7))
        session.add_all([Campaign(id=number, begun_at=NOW, made_by="system:judge") for number in (7, 8)])
        one = arrive(session, settings, JOE, author="other@bad.example")[0]
        session.execute(update(Delivery).where(col(Delivery.id) == one).values(campaign_id=8))
    with transaction(company) as session:
        made = regroup.join_campaigns(session, 7, 8, by=ANA, reason="", now=NOW)
        assert not undoing.is_large(session, session.get_one(Decision, made.id))


WORKER = """
import sys
from triage.store import db
from triage.quarantine.decisions import bulk_decisions, decide as decisions, decision_plan, undo as undoing
from triage.config.settings_loader import read
from triage.times import utcnow
settings = read(sys.argv[1])
bulk_decisions.SLICE = 2
engine = db.open_engine(settings.database.url)
while True:
    with db.transaction(engine) as session:
        decision_id = bulk_decisions.under_way(session)
        if decision_id is None or not bulk_decisions.go_on(session, decision_id, now=utcnow(), settings=settings):
            break
"""


def test_a_killed_worker_loses_and_doubles_nothing(company: Engine, settings: Settings, database_url: str, tmp_path: Path) -> None:
    made = begun(company, settings)
    file = tmp_path / "mailroom.toml"
    file.write_text(f"""
[company]
domains = ["company.example"]
hostname = "mx.company.example"
[database]
url = "{database_url}"
[spool]
directory = "{settings.spool.directory}"
""")
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(file)], env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[4])})
    try:
        until(lambda: reported(company, made.id).done >= 4 or worker.poll() is not None, "some slices")
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    go_on(company, settings)
    assert states(company) == {"purged": 24}
    with read_transaction(company) as session:
        counted = session.execute(
            select(func.count(), func.count(col(DecisionItem.delivery_id).distinct())).select_from(DecisionItem)
        ).one()
        assert tuple(counted) == (24, 24)
        assert session.get_one(Decision, made.id).done == 24
