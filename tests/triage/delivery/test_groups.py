"""Groups: who is in them, a copy for each member when their mail leaves, and all of them back by one undo or purge."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings as settings_of, strategies as st
from sqlalchemy import Engine, event, select, update
from sqlmodel import col

from tests.effort import examples
from tests.peers import circle, processes
from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, DMARC_PASS, IDA, NOW, SYNC, arrive
from triage.actor import ALL_RIGHTS, Actor
from triage.addressing.company import GroupEntry, StaffEntry
from triage.addressing.envelope import Address
from triage.config.settings import Recall, Settings
from triage.delivery import groups, queue
from triage.delivery.queue import Claim, Outcome
from triage.delivery.recall import recall_jobs
from triage.directory import apply as directory
from triage.directory.recipient_map import RecipientMap
from triage.errors import NothingDone
from triage.intake.build_recipient_map import build_recipient_map, recipient_map_version
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions import approvals, bulk_decisions, decide as decisions, decision_plan, outcomes, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search.selection import Selection
from triage.reports import arrivals
from triage.store import db
from triage.store.models.approvals import PendingAct
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import MailGroup

ALL, FEW, FAR = "all@company.example", "few@company.example", "far@company.example"
MARA, JOE, DESK, PARTNER = "mara.berg@company.example", "joe.fern@company.example", "it@company.example", "p@partner.example"
OK = Outcome("delivered", "250 2.0.0 ok", "next.example")
HOUSE = replace(
    arriving.COMPANY,
    groups=(
        # each other, a person by uid and by alias, a role, a group that another server expands, a stranger, somebody who has left
        GroupEntry(ALL, "Everybody", "legal", (FEW, "mara.berg", FAR, "info@company.example", "ines.old")),
        GroupEntry(FEW, "A few", "it", ("m.berg@company.example", ALL, "joe.fern"), external=(PARTNER,)),
        GroupEntry(FAR, "Far away", "it", ("joe.fern",), expand=False),
        GroupEntry("void@company.example", "Nobody", "it", ("ines.old", "void@company.example")),
    ),
)


class House:
    """A company with groups, mail for them, and a relay."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine, self.settings, self.now = engine, settings, NOW
        self.takes_over(HOUSE)

    def takes_over(self, company: Any) -> None:
        with db.transaction(self.engine) as session:
            directory.apply_directory(session, company, self.settings.company, by=SYNC, now=self.now)

    def door(self) -> tuple[RecipientMap, str]:
        """Recipient map of the SMTP server, and its version."""
        with db.read_transaction(self.engine) as session:
            snapshot = build_recipient_map(session, settings=self.settings, now=self.now)
            assert snapshot is not None
            return snapshot, recipient_map_version(session, self.now)

    def arrives(self, *recipients: str, **mail: Any) -> list[int]:
        with db.transaction(self.engine) as session:
            return list(arrive(session, self.settings, *recipients, **mail))

    def decides(self, verb: Verb, *deliveries: int, by: Actor = ANA, **more: Any) -> DecisionReport:
        with db.transaction(self.engine) as session:
            selected = more.pop("selected", None) or Selection.of(ids=deliveries)
            return decisions.decide_messages(session, DecisionRequest(selected, verb, **more), by=by, now=self.now, settings=self.settings)

    def begins(self, verb: Verb, selected: Selection) -> DecisionReport:
        """A decision that is carried out in slices."""
        request = DecisionRequest(selected, verb)
        with db.read_transaction(self.engine) as session:
            planned = decision_plan.plan_large(session, request, by=ANA, now=self.now, settings=self.settings)
        with db.transaction(self.engine) as session:
            return decisions.decide_messages(session, request, by=ANA, now=self.now, settings=self.settings, planned=planned)

    def undoes(self, decision: DecisionReport, by: Actor = ANA) -> DecisionReport:
        with db.transaction(self.engine) as session:
            return undoing.undo_decision(session, decision.id, by=by, reason="", now=self.now, settings=self.settings)

    def goes_on(self, decision_id: int) -> None:
        """The next slice of a large decision."""
        with db.transaction(self.engine) as session:
            assert bulk_decisions.go_on(session, decision_id, now=self.now, settings=self.settings) > 1

    def leaves(self) -> list[Claim]:
        """Deliveries that the relay would send now, distribution lists expanded first."""
        self.now += timedelta(seconds=self.settings.policy.undo_seconds)
        found: list[Claim] = []
        for _ in range(2):
            with db.transaction(self.engine) as session:
                found += queue.claim_deliveries(session, limit=100, settings=self.settings, now=self.now)
        return sorted(found, key=lambda one: one.mailbox)

    def arrives_at(self, *claims: Claim) -> None:
        with db.transaction(self.engine) as session:
            assert queue.settle_many(session, [(one, OK) for one in claims], settings=self.settings, now=self.now) == []

    def states(self) -> dict[str, str]:
        with db.read_transaction(self.engine) as session:
            return {row.mailbox: row.state for row in session.scalars(select(Delivery))}

    def row(self, mailbox: str) -> Delivery:
        with db.read_transaction(self.engine) as session:
            return session.scalars(select(Delivery).where(col(Delivery.mailbox) == mailbox)).one()


@pytest.fixture
def house(engine: Engine, settings: Settings) -> House:
    return House(engine, settings)


@pytest.fixture
def without_recall(engine: Engine, settings: Settings) -> House:
    """A company whose mailboxes nobody can reach into."""
    return House(engine, replace(settings, relay=replace(settings.relay, next_hop="smtp://inner.example:25")))


@pytest.fixture
def with_recall(engine: Engine, settings: Settings) -> House:
    return House(engine, replace(settings, recall=Recall(imap="imaps://inner.example")))


EVERYBODY = sorted([MARA, JOE, DESK, FAR, PARTNER])


@pytest.mark.postgresql
@pytest.mark.parametrize(("verb", "large"), [("undo", 1), (Verb.PURGE, 1), (Verb.PURGE, decision_plan.LARGE)])
def test_a_decision_and_the_relay_never_wait_for_each_other_in_a_circle(
    postgresql_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, verb: str, large: int
) -> None:
    house = House(postgresql_engine, settings)
    list_message = house.arrives(ALL)[0]
    first = house.decides(Verb.RELEASE, list_message)
    house.now += timedelta(seconds=settings.policy.undo_seconds)
    with db.transaction(house.engine) as session:
        assert queue.claim_deliveries(session, limit=1, settings=settings, now=house.now) == []  # the list's copies wait
    house.undoes(first)
    later = house.arrives("it+joe.fern@company.example")  # its id is greater than those of the copies
    released = house.decides(Verb.RELEASE, list_message, *later)
    claims = house.leaves()
    assert len(claims) == len(EVERYBODY) + 1
    monkeypatch.setattr(decision_plan, "LARGE", large)
    with db.transaction(house.engine) as session:  # so that the purge reaches the copies by their list alone
        session.execute(update(Delivery).where(col(Delivery.parent_id).is_not(None)).values(author="renamed@supplier.example"))
    theirs = Selection.of(sender="sales@supplier.example")
    carry_out: Callable[[], object] = partial(house.decides, Verb.PURGE, selected=theirs)
    if large == 1:
        made = house.undoes(released) if verb == "undo" else house.begins(Verb.PURGE, theirs)
        carry_out = partial(house.goes_on, made.id)
    with ThreadPoolExecutor(1) as relay:
        settled = list[Future[None]]()

        def settle(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if "FROM delivery" in statement and "FOR UPDATE" in statement and not settled:
                settled.append(relay.submit(house.arrives_at, *claims))
                processes.until(lambda: circle.somebody_waits(house.engine), "the relay waits for what the slice has locked")

        event.listen(house.engine, "after_cursor_execute", settle)
        carry_out()
        settled[0].result(processes.HANG)
    assert "relaying" not in house.states().values()


@pytest.mark.parametrize("large", [100, 3])
def test_a_large_purge_counts_the_members_copies_too(with_recall: House, monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    house = with_recall
    two = replace(house.settings, policy=replace(house.settings.policy, approvals=("large-purge",), approval_purge_copies=3))
    house.decides(Verb.RELEASE, *house.arrives(ALL))
    house.arrives_at(*house.leaves())
    for number in range(3):
        house.arrives("legal+mara.berg@company.example", subject=f"later {number}")
    monkeypatch.setattr(decision_plan, "LARGE", large)
    request = DecisionRequest(Selection.of(sender="sales@supplier.example", department="legal"), Verb.PURGE)
    with db.transaction(house.engine) as session:
        planned = decision_plan.plan_large(session, request, by=ANA, now=house.now, settings=two)
        asked = decisions.decide_or_ask(session, request, by=ANA, now=house.now, settings=two, planned=planned)
        assert isinstance(asked, PendingAct)
        assert asked.needs == ["large-purge"]
        planned = decision_plan.plan_large(session, request, by=ANA, now=house.now, settings=house.settings)
        made = decisions.decide_messages(session, request, by=ANA, now=house.now, settings=house.settings, planned=planned)
        assert made.count == 9


def test_an_approved_purge_leaves_a_copy_that_somebody_sent_again_since(with_recall: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house = with_recall
    two = replace(house.settings, policy=replace(house.settings.policy, approvals=("large-purge",), approval_purge_copies=1))
    house.takes_over(replace(HOUSE, staff=(*HOUSE.staff, StaffEntry("ida", "Ida Lind", "admin", ("company",)))))
    house.decides(Verb.RELEASE, *house.arrives(ALL))
    house.arrives_at(*house.leaves())
    with monkeypatch.context() as few, db.transaction(house.engine) as session:
        few.setattr(decision_plan, "LARGE", 1)
        request = DecisionRequest(Selection.of(sender="sales@supplier.example"), Verb.PURGE)
        planned = decision_plan.plan_large(session, request, by=ANA, now=house.now, settings=two)
        asked = decisions.decide_or_ask(session, request, by=ANA, now=house.now, settings=two, planned=planned).id
        planned = approvals.plan_requested(session, asked, by=IDA, now=house.now, settings=two)
        made = approvals.confirm_approval(session, asked, by=IDA, now=house.now, settings=two, planned=planned).result_id
    assert made
    house.decides(Verb.REDELIVER, house.row(MARA).id, look_first=False)
    with db.transaction(house.engine) as session:
        assert bulk_decisions.go_on(session, made, now=house.now, settings=two) == 6
    assert house.states() == dict.fromkeys(EVERYBODY, "recalling") | {ALL: "purged", MARA: "queued"}
    with db.read_transaction(house.engine) as session:
        said = [one.why for one in outcomes.list_items(session, made, by=ANA, outcome="refused")]
    assert len(said) == 1
    assert said[0].startswith("Delivered again by")


def test_one_is_held_and_each_member_gets_one_when_it_leaves(house: House) -> None:
    (held,) = house.arrives(ALL)
    assert house.states() == {ALL: "held"}
    assert (house.row(ALL).department, house.row(ALL).person) == ("legal", "")
    released = house.decides(Verb.RELEASE, held)
    claims = house.leaves()
    assert [one.mailbox for one in claims] == EVERYBODY
    house.arrives_at(*claims)
    assert house.states() == dict.fromkeys([ALL, *EVERYBODY], "delivered")
    copy, parent = house.row(MARA), house.row(ALL)
    assert (copy.parent_id, copy.person, copy.department, copy.note) == (
        held,
        "mara.berg",
        "legal",
        "Addressed to the distribution list Everybody.",
    )
    assert (copy.author, copy.subject, copy.rule, copy.proof, copy.decision_id) == (
        parent.author,
        parent.subject,
        parent.rule,
        parent.proof,
        released.id,
    )
    assert (house.row(DESK).department, house.row(DESK).person) == ("it", "")
    assert parent.last_reply == "each of the 5 members of Everybody gets a copy"
    with db.read_transaction(house.engine) as session:
        assert [one.count for one in arrivals.list_arrivals(session, by=ANA, since=NOW, until=NOW + timedelta(days=1))] == [1]
        acts = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "expand")).one()
    assert (acts.detail, acts.items) == ({"group": ALL, "members": 5}, 5)


def test_a_closed_group_is_refused_at_the_door_and_what_was_promised_before_is_held(house: House) -> None:
    everybody = replace(HOUSE.groups[0], aliases=("everybody@company.example",))
    few, far = HOUSE.groups[1:3]
    addresses = [Address.parse(one) for one in (ALL, "everybody@company.example", FAR, "far+4711@company.example")]
    house.takes_over(replace(HOUSE, groups=(everybody, few, far)))
    door, before = house.door()
    assert [(door.admits(one), door.is_closed(one)) for one in addresses] == [(True, False)] * 4
    house.takes_over(replace(HOUSE, groups=(replace(everybody, closed=True), few, replace(far, closed=True))))
    door, after = house.door()
    assert [(door.admits(one), door.is_closed(one)) for one in addresses] == [(False, True)] * 4
    assert after != before
    house.arrives(ALL)
    assert house.states() == {ALL: "held"}


def test_members_are_those_of_the_moment_when_it_leaves(house: House) -> None:
    (held,) = house.arrives(FEW)
    house.takes_over(replace(HOUSE, groups=(GroupEntry(FEW, "A few", "it", ("joe.fern",)),)))
    house.decides(Verb.RELEASE, held)
    assert [one.mailbox for one in house.leaves()] == [JOE]


def test_an_allowed_sender_reaches_the_members_at_once(house: House) -> None:
    with db.transaction(house.engine) as session:
        order = RuleOrder("allow", "address", "sales@supplier.example", "company")
        rules.add_rule(session, order, by=IDA, now=NOW, settings=house.settings)
    house.arrives(FEW, dmarc=DMARC_PASS)
    with db.transaction(house.engine) as session:
        assert queue.claim_deliveries(session, limit=10, settings=house.settings, now=NOW) == []
        assert queue.next_due(session) == NOW
        assert len(queue.claim_deliveries(session, limit=10, settings=house.settings, now=NOW)) == len(EVERYBODY)


def test_who_is_a_recipient_already_gets_it_once(house: House) -> None:
    group, own, other = house.arrives(ALL, "m.berg@company.example", FEW)
    house.decides(Verb.RELEASE, group, own, other)
    claims = house.leaves()
    assert [one.mailbox for one in claims] == EVERYBODY
    assert house.row(MARA).parent_id is None


def test_a_group_that_another_server_expands_is_passed_on(house: House) -> None:
    (held,) = house.arrives(FAR)
    house.decides(Verb.RELEASE, held)
    assert [one.mailbox for one in house.leaves()] == [FAR]


def test_a_group_without_members_is_shown_as_bounced(house: House) -> None:
    (held,) = house.arrives("void@company.example")
    house.decides(Verb.RELEASE, held)
    assert house.leaves() == []
    assert house.row("void@company.example").state == "bounced"
    assert house.row("void@company.example").last_reply == "the distribution list Nobody has no members"


@pytest.mark.parametrize("address", ["it+joe.fern@company.example", JOE])
def test_a_redirect_to_a_group_reaches_its_members_and_comes_back(house: House, address: str) -> None:
    (held,) = house.arrives(address)
    done = house.decides(Verb.REDIRECT, held, to=ALL)
    assert done.to == ALL
    assert [one.mailbox for one in house.leaves()] == EVERYBODY, "he is a member, too"
    house.undoes(done)
    with db.read_transaction(house.engine) as session:
        row = session.get_one(Delivery, held)
    assert (row.state, row.mailbox, row.redirected) == ("held", JOE, False)


def test_a_member_whose_only_address_was_redirected_gets_a_copy_all_the_same(house: House) -> None:
    with db.transaction(house.engine) as session:
        rules.add_rule(
            session, RuleOrder("redirect", "recipient", FAR, "company", to="mara.berg"), by=ANA, now=NOW, settings=house.settings
        )
    own, group = house.arrives(FAR, ALL)
    assert house.row(MARA).recipient == FAR
    released = house.decides(Verb.RELEASE, own, group)
    assert [one.mailbox for one in house.leaves()] == EVERYBODY
    assert (house.row(FAR).parent_id, house.row(FAR).recipient, house.row(FAR).listed) == (group, f"{ALL}:{FAR}", FAR)
    house.undoes(released)
    house.decides(Verb.RELEASE, group)
    assert len(house.states()) == len(EVERYBODY) + 1, "nobody gets another one"


def test_a_member_gets_the_group_s_copy_where_what_was_sent_on_to_them_is_taken_away(house: House) -> None:
    with db.transaction(house.engine) as session:
        for order in (
            RuleOrder("redirect", "recipient", JOE, "company", to="mara.berg"),
            RuleOrder("block", "address", "sales@supplier.example", "person:joe.fern"),
        ):
            rules.add_rule(session, order, by=IDA, now=NOW, settings=house.settings)
    _, group = house.arrives(JOE, ALL)
    assert house.states() == {MARA: "purged", ALL: "held"}, "what was for him was to go to her"
    house.decides(Verb.RELEASE, group)
    assert [one.mailbox for one in house.leaves()] == EVERYBODY


def test_an_undo_before_it_left_holds_it_again(house: House) -> None:
    (held,) = house.arrives(ALL)
    house.undoes(house.decides(Verb.RELEASE, held))
    assert house.leaves() == []
    assert house.states() == {ALL: "held"}


@pytest.mark.parametrize("by", [ANA, BEN], ids=["the whole company's", "a department's"])
def test_an_undo_takes_every_copy_back_and_a_release_sends_them_again(with_recall: House, by: Actor) -> None:
    house = with_recall
    (held,) = house.arrives(ALL)
    released = house.decides(Verb.RELEASE, held, by=by)
    claims = {one.mailbox: one for one in house.leaves()}
    house.arrives_at(claims[MARA])
    with db.transaction(house.engine) as session:
        queue.settle_many(
            session, [(claims[JOE], Outcome("deferred", "451 later", "next.example"))], settings=house.settings, now=house.now
        )
    undone = house.undoes(released, by=by)
    states = house.states()
    assert states == {ALL: "held", MARA: "recalling", JOE: "purged", DESK: "relaying", FAR: "relaying", PARTNER: "relaying"}
    if by is ANA:
        assert {(item.outcome, item.before) for item in undone.items} == {
            ("done", "held"),
            ("recalling", "delivered"),
            ("done", "queued"),
            ("in flight", "relaying"),
        }
    assert not house.row(ALL).expanded
    house.decides(Verb.RELEASE, held)
    (again,) = house.leaves()
    assert again.mailbox == JOE
    assert house.states()[DESK] == "relaying"
    assert house.row(DESK).purge_wanted_by is None
    with db.transaction(house.engine) as session:
        for job in [
            one for some in recall_jobs.claim_mailboxes(session, mailboxes=9, settings=house.settings, now=house.now) for one in some
        ]:
            recall_jobs.settle_jobs(session, [(job, recall_jobs.Ending("taken"))], settings=house.settings, now=house.now)
    assert [one.mailbox for one in house.leaves()] == [MARA]
    with db.read_transaction(house.engine) as session:
        in_flight = outcomes.get_decision(session, undone.id, by=ANA).in_flight
    assert in_flight == 0


@pytest.mark.parametrize("look_first", [True, False])
def test_to_deliver_again_what_a_group_got_is_no_way_past_a_purge(with_recall: House, look_first: bool) -> None:
    house = with_recall
    (held,) = house.arrives(ALL)
    house.decides(Verb.RELEASE, held)
    house.arrives_at(*house.leaves())
    house.decides(Verb.PURGE, house.row(MARA).id)
    with pytest.raises(NothingDone, match="Each member has a copy"):
        house.decides(Verb.REDELIVER, held, look_first=look_first)
    assert house.row(ALL).state == "delivered"


def test_an_undo_without_a_way_into_the_mailboxes_says_how_far_it_got(without_recall: House) -> None:
    house = without_recall
    (held,) = house.arrives(FEW)
    released = house.decides(Verb.RELEASE, held)
    claims = house.leaves()
    house.arrives_at(*claims[:-1])
    undone = house.undoes(released)
    ended = sorted(item.outcome for item in undone.items)
    assert ended == ["done", "in flight", "out of reach", "out of reach", "out of reach", "out of reach"]


def test_a_purge_by_sender_reaches_the_group_and_every_copy_and_can_be_undone(with_recall: House) -> None:
    house = with_recall
    (held,) = house.arrives(ALL)
    house.decides(Verb.RELEASE, held)
    house.arrives_at(*house.leaves())
    purged = house.decides(Verb.PURGE, selected=Selection.of(sender="sales@supplier.example"))
    assert house.states() == {ALL: "purged"} | dict.fromkeys(EVERYBODY, "recalling")
    assert purged.count == 6
    house.undoes(purged)
    assert house.states() == dict.fromkeys((ALL, *EVERYBODY), "delivered")


def test_whoever_may_purge_the_group_s_mail_reaches_the_copies_in_other_departments(with_recall: House) -> None:
    house = with_recall
    (held,) = house.arrives(ALL)
    house.decides(Verb.RELEASE, held, by=BEN)
    house.arrives_at(*house.leaves())
    purged = house.decides(Verb.PURGE, held, by=replace(BEN, rights=ALL_RIGHTS))
    assert set(house.states().values()) == {"purged", "recalling"}
    assert {house.row(MARA).id, held} == {item.delivery_id for item in purged.items}, "of the others he learns nothing"
    undone = house.undoes(purged, by=BEN)
    assert undone.undoes == purged.id
    assert house.row(ALL).state == "delivered"


def test_a_group_s_mail_that_went_to_a_person_in_the_end_is_taken_from_there(with_recall: House) -> None:
    house = with_recall
    (held,) = house.arrives("void@company.example", FEW)[1:]
    house.decides(Verb.RELEASE, held)
    house.leaves()
    house.decides(Verb.PURGE, held)
    house.decides(Verb.RESTORE, held)
    house.decides(Verb.REDIRECT, held, to="info@company.example")
    house.arrives_at(*[one for one in house.leaves() if one.delivery_id == held])
    purge = house.decides(Verb.PURGE, held)
    with db.read_transaction(house.engine) as session:
        assert session.get_one(Delivery, held).state == "recalling"
    assert purge.recalling == 1


def test_restored_after_a_purge_it_is_held_and_leaves_anew(without_recall: House) -> None:
    house = without_recall
    (held,) = house.arrives(FEW)
    house.decides(Verb.RELEASE, held)
    with db.transaction(house.engine) as session:
        queue.claim_deliveries(session, limit=1, settings=house.settings, now=house.now + timedelta(minutes=1))
    purged = house.decides(Verb.PURGE, held)
    assert set(house.states().values()) == {"purged"}
    assert purged.done == 6
    house.decides(Verb.RESTORE, held)
    house.decides(Verb.RELEASE, held)
    assert [one.mailbox for one in house.leaves()] == EVERYBODY


NAMES = [f"g{number}@company.example" for number in range(5)]
BOXES = {"mara.berg": MARA, "joe.fern": JOE, "info@company.example": DESK}
CONTENTS = st.fixed_dictionaries({name: st.lists(st.sampled_from([*NAMES, *BOXES]), max_size=5) for name in NAMES})


@settings_of(max_examples=examples(12), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(contents=CONTENTS)
def test_whatever_contains_whatever_everybody_is_found_once(
    sqlite_engine: Engine, settings: Settings, contents: dict[str, list[str]]
) -> None:
    """Against a plain walk over the same groups."""
    reached, waiting = set(), [NAMES[0]]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [one for one in contents[name] if one in contents]
    company = replace(HOUSE, groups=tuple(GroupEntry(name, name, "it", tuple(inside)) for name, inside in contents.items()))
    with db.transaction(sqlite_engine) as session:
        directory.apply_directory(session, company, settings.company, by=SYNC, now=NOW)
        found = [one.mailbox for one in groups.list_members(session, session.get_one(MailGroup, NAMES[0]), settings.company)]
    assert len(found) == len(set(found))
    assert set(found) == {BOXES[one] for name in reached for one in contents[name] if one in BOXES}
