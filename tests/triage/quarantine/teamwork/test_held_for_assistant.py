"""Hold everything: what known senders write to one person is held in a lane of its own, and is delivered when that ends."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.effort import long
from tests.triage.arriving import ALIGNED, ANA, BEN, COMPANY as PLAIN, DMARC_PASS, IDA, NOW, SYNC, add_rules, arrive
from tests.triage.store.queue.test_waiting_targets import look
from triage import ids
from triage.addressing.company import GroupEntry
from triage.compliance.retention import expire as retention
from triage.config.settings import Settings
from triage.delivery import queue
from triage.directory import apply as directory, enforcement
from triage.directory.enforcement import EVERYTHING, RECORD, UNKNOWN
from triage.directory.leaver_policy import Leaving
from triage.errors import BadInput, NotAllowed
from triage.message.signals import severity
from triage.message.signals.learned_order import NOTHING_LEARNED
from triage.message.signals.severity import Severity
from triage.notifications import alerts, digest_entries
from triage.policy import emergency
from triage.policy.contacts.wanted_senders import Sender, wanted_among
from triage.policy.learning import learn_order
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine import folders
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.quarantine.teamwork import comments, held_for_assistant, snoozes
from triage.quarantine.teamwork.held_for_assistant import LANE, HeldKnown
from triage.quarantine.triage_items import item_list
from triage.reports import period_reports
from triage.reports.reading import Reading
from triage.reports.report_values import Period
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import ConfidentialFolder
from triage.store.models.rules import Rule
from triage.store.queue import waiting_targets
from triage.store.queue.grouping import Group
from triage.store.queue.sections import Section
from triage.store.queue.waiting_targets import Targets

JOE, MARA, LIST = "joe.fern@company.example", "mara.berg@company.example", "all@company.example"
SALES = "sales@supplier.example"
DAY = timedelta(days=1)
PHISHING = "Your mailbox is locked. Confirm your password now: http://company.example.login.evil.example/ and change our bank details."
HELD = Selection(states=("held",))


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """A company in which everything for Joe is held, and which allows the supplier."""
    people = replace(PLAIN, groups=(GroupEntry(LIST, "Everybody", "legal", ("mara.berg", "joe.fern")),))
    with db.transaction(engine) as session:
        directory.apply_directory(session, people, settings.company, by=SYNC, now=NOW)
        set_step(session, EVERYTHING)
    add_rules(engine, settings, RuleOrder("allow", "domain", "supplier.example", "company", "dmarc"))
    return engine


def set_step(session: Session, step: str | None, **more: Any) -> None:
    """Sets Joe's step, as Ida."""
    enforcement.set_step(session, "person:joe.fern", step, by=IDA, reason="", now=NOW, **more)


def known(session: Session, settings: Settings, *to: str, **more: Any) -> tuple[int, ...]:
    """A message of the known supplier."""
    return arrive(session, settings, *(to or (JOE,)), **{"dmarc": DMARC_PASS} | more)


def state_of(session: Session, delivery: int) -> tuple[str, str]:
    row = session.get_one(Delivery, delivery, populate_existing=True)
    return row.state, row.rule


def test_known_senders_are_held_for_him_and_for_nobody_else(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        joe, mara = known(session, settings, JOE, MARA)
        (stranger,) = arrive(session, settings, JOE, author="new@else.example")
        found = {one: state_of(session, one) for one in (joe, mara, stranger)}
        reason = session.get_one(Delivery, joe).reason
    assert found == {joe: ("held", "held-for-assistant"), mara: ("queued", "allowed-sender"), stranger: ("held", "first-contact")}
    assert reason == (
        "everything for Joe Fern is held for their assistant; it would have been delivered: Ana Roth allowed supplier.example, "
        "and it is proven to come from there"
    )


def test_in_an_emergency_they_pass(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        emergency.open_emergency(session, NOW + DAY, by=IDA, reason="nobody is here", now=NOW)
        (joe,) = known(session, settings)
        (group,) = known(session, settings, LIST)
        assert state_of(session, joe) == ("queued", "allowed-sender")
    with db.transaction(company) as session:
        queue.claim_deliveries(session, limit=10, settings=settings, now=NOW)
        copies = select(col(Delivery.person), col(Delivery.state)).where(col(Delivery.parent_id) == group)
        assert dict(session.execute(copies).all()) == {"joe.fern": "queued", "mara.berg": "queued"}


@pytest.mark.parametrize(
    ("step", "released", "joe"),
    [
        (EVERYTHING, False, ("held", "held-for-assistant")),
        (UNKNOWN, False, ("queued", "allowed-sender")),
        (EVERYTHING, True, ("queued", "first-contact")),
    ],
    ids=["known", "not for him", "a person released it"],
)
def test_of_a_list_s_message_his_copy_alone_is_held(
    company: Engine, settings: Settings, step: str, released: bool, joe: tuple[str, str]
) -> None:
    with db.transaction(company) as session:
        set_step(session, step)
        (group,) = known(session, settings, LIST, **({"author": "new@else.example"} if released else {}))
        if released:
            asked = DecisionRequest(Selection.of(ids=(group,)), Verb.RELEASE)
            decisions.decide_messages(session, asked, by=ANA, now=NOW, settings=settings)
    with db.transaction(company) as session:
        queue.claim_deliveries(session, limit=10, settings=settings, now=NOW + timedelta(minutes=1))
        rows = select(col(Delivery.person), col(Delivery.state), col(Delivery.rule)).where(col(Delivery.parent_id) == group)
        found = {person: (state, rule) for person, state, rule in session.execute(rows)}
    assert found == {"joe.fern": joe, "mara.berg": ("queued", joe[1] if released else "allowed-sender")}


@pytest.mark.parametrize("group", ["sender", *map(long, ("campaign", "none"))])
def test_the_lane_is_the_last_section_and_holds_nothing_suspicious(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, group: Group
) -> None:
    with db.transaction(company) as session:
        (stranger,) = arrive(session, settings, JOE, author="new@else.example")
        (lane,) = known(session, settings)
        monkeypatch.setattr(severity, "SUSPICIOUS_FROM", 1)
        (bad,) = known(session, settings, author="billing@supplier.example", subject="Verify your password", text=PHISHING)
        found = item_list.list_items(session, HELD, by=ANA, now=NOW, group=group)
        counted = held_for_assistant.count_held(session, ["joe.fern", "mara.berg"], by=ANA)
        last = item_list.list_items(session, HELD, by=ANA, now=NOW, group=group, section=Section.KNOWN)
        rows = folders.list_folders(session, by=ANA, now=NOW, group=group)
        others = folders.list_folders(session, by=BEN, now=NOW, group=group)
        queue_now = period_reports.queue_report(Reading(session, Period(NOW - DAY, NOW + DAY, "UTC"), ANA, settings, NOW))
        one = Selection.of(q=LANE, states=("held",))
        report = decisions.decide_messages(session, DecisionRequest(one, Verb.RELEASE, expect=1), by=ANA, now=NOW, settings=settings)
    assert session_rule(company, bad) == ("held", "held-for-assistant")
    assert [(item.lead.id, str(item.section)) for item in found.items][-1] == (lane, "known")
    assert {item.lead.id: str(item.section) for item in found.items} == {stranger: "rest", bad: "rest", lane: "known"}
    assert [item.lead.id for item in last.items] == [lane]
    assert [(one.rows, one.lane_rows) for one in (rows, others)] == [(3, 1), (0, 0)]
    tables = {one.name: one.rows for one in queue_now.tables}
    assert [row[-1] for row in tables["departments"]] == [2]
    assert sum(row[1] for row in tables["ages"]) == 2  # type: ignore[misc]
    assert {row[-1] for row in tables["longest"]} == {ids.format_id(stranger), ids.format_id(bad)}
    assert "1 message from a known sender, held for an assistant, is not counted as waiting." in queue_now.sentences
    assert counted == {"joe.fern": HeldKnown(delivered=1, kept=1)}
    assert [item.delivery_id for item in report.items] == [lane]


@pytest.mark.parametrize(
    ("targets", "section", "end"),
    [
        (("person:joe.fern=5",), Section.OVER_TARGET, 5),
        (("person:joe.fern=15",), Section.KNOWN, 15),
        (("it=5",), Section.KNOWN, None),
        (("it=5", "person:joe.fern=15"), Section.KNOWN, 15),
        (("it=15", "person:joe.fern=5"), Section.OVER_TARGET, 5),
    ],
)
@pytest.mark.parametrize("number", [long(1), 2])
def test_his_own_target_orders_and_alerts_and_the_departments_does_not(
    company: Engine, settings: Settings, targets: tuple[str, ...], section: Section, end: int | None, number: int
) -> None:
    now = NOW + timedelta(minutes=10)
    settings = replace(settings, notices=replace(settings.notices, targets=targets))
    is_over = section is Section.OVER_TARGET
    with db.transaction(company) as session:
        lane = [known(session, settings)[0] for _ in range(number)]
    look(company, Targets.of_settings(settings), timedelta(minutes=10))
    with db.transaction(company) as session:
        for group in ("sender", "none"):
            found = item_list.list_items(session, HELD, by=ANA, now=now, group=group).items
            assert len(found) == (number if group == "none" else 1)
            assert {(item.section, item.target_at) for item in found} == {(section, NOW + timedelta(minutes=end) if end else None)}
            counted = folders.list_folders(session, by=ANA, now=now, group=group)
            assert (counted.rows, counted.lane_rows) == (len(found), 0 if is_over else len(found))
        assert [one.person for one in alerts.find_waiting(session, settings, now)] == (["joe.fern"] if is_over else [])
        limits = snoozes.target_limits(session, lane, settings)
        assert [one.at for one in limits] == ([NOW + timedelta(minutes=end)] if end else [])


@pytest.mark.parametrize("group", ["sender", "none"])
def test_the_navigation_counts_the_lane_apart_in_each_folder(company: Engine, settings: Settings, group: Group) -> None:
    """Joe's known message is over his target; Mara's from the same sender is in the lane: together they are one row that needs somebody."""
    now = NOW + timedelta(minutes=10)
    with db.transaction(company) as session:
        enforcement.set_step(session, "person:mara.berg", EVERYTHING, by=IDA, reason="", now=NOW)
        for to in (JOE, MARA):
            known(session, settings, to)
        arrive(session, settings, MARA, author="new@else.example")
        waiting_targets.note_targets(session, Targets(0, ("person:joe.fern=5",)))
        session.flush()
        found = folders.list_folders(session, by=ANA, now=now, group=group)
        counts = {"": (found.rows, found.lane_rows)} | {one.code: (one.rows, one.lane_rows) for one in found.items}
        counts |= {one.uid: (one.rows, one.lane_rows) for department in found.items for one in department.people}
        places = {"": HELD, "mara.berg": replace(HELD, person="mara.berg")}
        places |= {code: replace(HELD, department=code) for code in ("it", "legal")}
        listed = {
            name: item_list.list_items(session, place, by=ANA, now=now, group=group, section=Section.KNOWN).items
            for name, place in places.items()
        }
    together = (2, 0) if group == "sender" else (3, 1)
    assert counts == {"": together, "it": (1, 0), "joe.fern": (1, 0), "legal": (2, 1), "mara.berg": (2, 1)}
    assert {name: len(items) for name, items in listed.items()} == {name: counts[name][1] for name in listed}


def session_rule(engine: Engine, delivery: int) -> tuple[str, str]:
    with db.read_transaction(engine) as session:
        return state_of(session, delivery)


def test_administrators_alone_are_told_of_a_confidential_folder(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        known(session, settings)
        session.add(ConfidentialFolder(kind="person", name="joe.fern", login=""))
        session.flush()
        found = {by.name: held_for_assistant.count_held(session, ["joe.fern"], by=by) for by in (ANA, IDA)}
        assert found == {"ana": {}, "ida": {"joe.fern": HeldKnown(1)}}
        assert plan(session, settings, UNKNOWN).delivers == 1, "as many as the end delivers"
        with pytest.raises(NotAllowed, match="role"):
            held_for_assistant.plan_change(session, "person:joe.fern", UNKNOWN, by=ANA, starts_at=None, settings=settings, now=NOW)


@pytest.mark.parametrize(("sender", "counted"), [(SALES, 0), ("new@else.example", 1)])
def test_its_releases_are_no_messages_held_wrongly(company: Engine, settings: Settings, sender: str, counted: int) -> None:
    with db.transaction(company) as session:
        (one,) = known(session, settings, author=sender)
        session.get_one(Delivery, one).severity = int(Severity.SUSPICIOUS)
        asked = DecisionRequest(Selection.of(ids=(one,)), Verb.RELEASE)
        decisions.decide_messages(session, asked, by=ANA, now=NOW, settings=settings)
    with db.read_transaction(company) as session:
        reading = Reading(session, Period(NOW - DAY, NOW + DAY, "UTC"), IDA, settings, NOW + DAY)
        assert len(reading.releases) == counted


def test_its_releases_teach_nothing(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        mails = [known(session, settings, author=f"{name}@supplier.example")[0] for name in ("a", "b", "c")]
        asked = DecisionRequest(Selection.of(ids=tuple(mails)), Verb.RELEASE)
        decisions.decide_messages(session, asked, by=ANA, now=NOW, settings=settings)
    later = replace(settings, policy=replace(settings.policy, learn_order=True))
    with db.transaction(company) as session:
        for rule in session.scalars(select(Rule)):
            rule.removed_at = NOW
        session.flush()
        assert wanted_among(session, [Sender("a@supplier.example", "supplier.example")], settings=settings, now=NOW) == {}
        assert learn_order.count_decisions(session, settings=later, now=NOW) == NOTHING_LEARNED


def test_turning_it_off_delivers_what_is_held_for_that_alone_and_undo_holds_it_again(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        (lane,) = known(session, settings)
        (stranger,) = arrive(session, settings, JOE, author="new@else.example")
        before = plan(session, settings, UNKNOWN)
        set_step(session, UNKNOWN)
        done = held_for_assistant.deliver_held(session, "joe.fern", by=IDA, reason="ended", settings=settings, now=NOW)
        assert done is not None
        assert (before.delivers, before.tells, done.done) == (1, ("joe.fern",), 1)
        assert [state_of(session, one)[0] for one in (lane, stranger)] == ["queued", "held"]
        undoing.undo_decision(session, done.id, by=IDA, reason="", now=NOW, settings=settings)
        assert held_for_assistant.deliver_due(session, settings=settings, now=NOW) == 0, "somebody has decided otherwise"
        assert state_of(session, lane)[0] == "held"


@pytest.mark.parametrize(
    ("until", "since", "again"),
    [(NOW + 9 * DAY, None, EVERYTHING), (NOW + DAY / 2, None, UNKNOWN), (None, RECORD, RECORD)],
    ids=["undone", "its time is over", "another step since"],
)
def test_undoing_its_end_sets_the_step_again(
    company: Engine, settings: Settings, until: datetime | None, since: str | None, again: str
) -> None:
    with db.transaction(company) as session:
        set_step(session, EVERYTHING, ends_at=until, note=True)
        (lane,) = known(session, settings)
        ended = enforcement.note_step(session, "person:joe.fern", NOW)
        set_step(session, UNKNOWN)
        done = held_for_assistant.deliver_held(session, "joe.fern", by=IDA, reason="ended", settings=settings, now=NOW, ended=ended)
        assert done is not None
        undo = "Undo also turns Hold everything on again for Joe Fern, unless its time is over or another step was set since."
        assert done.sentence.endswith(f" {undo}")
        if since:
            enforcement.set_step(session, "person:joe.fern", since, by=IDA, reason="", now=NOW + timedelta(minutes=1))
        said: dict[str, Any] = {"reason": "", "now": NOW + DAY, "settings": settings}
        if again == EVERYTHING:
            with pytest.raises(NotAllowed, match="role"):
                undoing.undo_decision(session, done.id, by=ANA, **said)
        undone = undoing.undo_decision(session, done.id, by=IDA, **said)
        row = enforcement.list_steps(session, settings.company, by=IDA, now=NOW + DAY)[-1]
        letters = session.scalars(select(col(Delivery.person)).where(col(Delivery.rule) == "enforcement-notice")).all()
    assert (row.scope, row.step, row.note, session_rule(company, lane)[0]) == ("person:joe.fern", again, again == EVERYTHING, "held")
    is_again = again == EVERYTHING
    assert undone.sentence.endswith(" Hold everything is on again for Joe Fern.") is is_again
    assert letters == (["joe.fern"] if is_again else [])
    assert row.ends_at == (until if is_again else None)


def test_a_step_that_came_and_went_since_its_end_is_another_one(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        set_step(session, EVERYTHING)
        noted = enforcement.note_step(session, "person:joe.fern", NOW)
        set_step(session, UNKNOWN)
        assert enforcement.is_resumable(session, noted, NOW + DAY)
        for minute, step in enumerate((RECORD, None), start=1):
            enforcement.set_step(session, "person:joe.fern", step, by=IDA, reason="", now=NOW + timedelta(minutes=minute))
            assert not enforcement.is_resumable(session, noted, NOW + DAY)


def test_what_would_reach_somebody_else_by_now_is_kept_as_the_preview_says(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        known(session, settings)
        joe = next(one for one in PLAIN.people if one.uid == "joe.fern")
        others, heir = tuple(one for one in PLAIN.people if one != joe), replace(joe, uid="m.oyen", name="Mo Oyen", identity="another")
        for days, people in ((1, others), (11, (*others, heir))):
            there = replace(PLAIN, people=people)
            directory.apply_directory(session, there, settings.company, by=SYNC, now=NOW + days * DAY, leaving=Leaving("refuse"))
        assert held_for_assistant.count_held(session, ["joe.fern"], by=IDA) == {"joe.fern": HeldKnown(delivered=0, kept=1)}
        assert held_for_assistant.deliver_held(session, "joe.fern", by=IDA, reason="ended", settings=settings, now=NOW) is None


def plan(session: Session, settings: Settings, step: str | None, *, starts_at: datetime | None = None) -> held_for_assistant.StepChange:
    """Counts what Ida would do by this step for Joe."""
    return held_for_assistant.plan_change(session, "person:joe.fern", step, by=IDA, starts_at=starts_at, settings=settings, now=NOW)


def test_a_preview_says_how_many_it_would_have_held(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        set_step(session, None)
        for to in (JOE, JOE, MARA):
            known(session, settings, to)
        arrive(session, settings, JOE, author="new@else.example")
        held = plan(session, settings, EVERYTHING)
        assert (held.holds, held.days, held.delivers, held.tells) == (2, 14, 0, ("joe.fern",))
        later = plan(session, settings, None, starts_at=NOW + DAY)
        assert (later.step, later.delivers, later.tells) == (settings.company.enforcement, 0, ())


def test_when_its_time_is_over_upkeep_delivers_what_is_left(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        set_step(session, EVERYTHING, ends_at=NOW + DAY)
        (lane,) = known(session, settings)
        done = [held_for_assistant.deliver_due(session, settings=settings, now=NOW + after) for after in (DAY / 2, DAY, DAY)]
        assert done == [0, 1, 0]
        assert state_of(session, lane)[0] == "queued"


def test_upkeep_leaves_what_is_worked_on_or_stopped_by_a_younger_rule(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        blocked, discussed, free = (known(session, settings, author=f"{name}@supplier.example")[0] for name in "abc")
        block = RuleOrder("block", "address", "a@supplier.example", "company")
        rules.add_rule(session, block, by=IDA, now=NOW, settings=settings)
        comments.add_comment(session, discussed, "Ask Joe first.", by=ANA, now=NOW)
        set_step(session, None)
        assert held_for_assistant.deliver_due(session, settings=settings, now=NOW) == 1
        assert [state_of(session, one)[0] for one in (blocked, discussed, free)] == ["held", "held", "queued"]


def test_many_that_wait_for_somebody_keep_nothing_else_back(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_for_assistant, "AT_ONCE", 2)
    with db.transaction(company) as session:
        *discussed, free = (known(session, settings, author=f"{name}@supplier.example")[0] for name in "abcde")
        for one in discussed:
            comments.add_comment(session, one, "Ask Joe first.", by=ANA, now=NOW)
        set_step(session, None)
        done = [held_for_assistant.deliver_due(session, settings=settings, now=NOW) for _ in range(2)]
        assert (done, state_of(session, free)[0]) == ([1, 0], "queued")


def test_it_never_expires_but_is_delivered_in_the_end(company: Engine, settings: Settings) -> None:
    allowed = replace(settings, retention=replace(settings.retention, expire_unseen=True))
    after = NOW + (settings.retention.held_days + 1) * DAY
    with db.transaction(company) as session:
        (lane,) = known(session, settings)
        assert retention.expire_messages(session, settings=allowed, now=after) == 0
        assert retention.count_unseen(session, settings=settings, now=after) == 0
        assert held_for_assistant.deliver_due(session, settings=settings, now=after - 2 * DAY) == 0
        assert held_for_assistant.deliver_due(session, settings=settings, now=after) == 1
        assert state_of(session, lane)[0] == "queued"


def test_it_is_for_one_person_and_set_by_who_may(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        for scope in ("", "department:it"):
            with pytest.raises(BadInput, match="for one person"):
                enforcement.set_step(session, scope, EVERYTHING, by=IDA, reason="", now=NOW)
        for by in (ANA, BEN):
            with pytest.raises(NotAllowed):
                enforcement.set_step(session, "person:joe.fern", EVERYTHING, by=by, reason="", now=NOW)


def test_record_only_around_him_changes_nothing_for_him(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        enforcement.set_step(session, "", RECORD, by=IDA, reason="", now=NOW)
        (joe,) = known(session, settings)
        (stranger,) = arrive(session, settings, JOE, author="new@else.example", dmarc=ALIGNED)
        assert [state_of(session, one)[0] for one in (joe, stranger)] == ["held", "held"]


@pytest.mark.parametrize("note", [False, True])
def test_his_digest_names_it_only_where_that_is_wanted(company: Engine, settings: Settings, note: bool) -> None:
    with db.transaction(company) as session:
        set_step(session, EVERYTHING, note=note)
        (lane,) = known(session, settings)
        (stranger,) = arrive(session, settings, JOE, author="new@else.example")
        found = digest_entries.of_person(session, "joe.fern", settings=settings, now=NOW, since=NOW - DAY)
    assert set(found.held.ids) == ({lane, stranger} if note else {stranger})
