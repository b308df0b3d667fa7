"""Decisions over selections: what becomes of each item, rules made along, and the way back."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select, update
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ALIGNED, ANA, BEN, DMARC_PASS, IDA, NOW, OTTO, arrive
from tests.triage.plans import explained
from triage import ids
from triage.actor import Actor, Role, Scope
from triage.config.settings import Relay, Settings
from triage.delivery import queue
from triage.delivery.queue import Claim, Outcome
from triage.errors import BadInput, Conflict, NotAllowed, NotAllowedNow, NotFound, NothingDone, Stale
from triage.message.authentication import Result
from triage.policy.rules import smtp_blocks
from triage.policy.rules.store import RuleOrder
from triage.quarantine import assignment
from triage.quarantine.decisions import decide as decisions, decision_plan, outcomes, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search import selection_summary
from triage.quarantine.search.selection import Selection
from triage.store import db, ledger
from triage.store.delivery_state import Event, State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department, Person
from triage.store.models.rules import Rule

BLOCK = RuleOrder("block", "address", "", "company")
ALLOW = RuleOrder("allow", "address", "", "company")
SALES = Selection.of(sender="sales@supplier.example")


class Office:
    """A company with mail in it, and people who decide."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine, self.settings, self.now = engine, settings, NOW
        with db.transaction(engine) as session:
            arriving.set_up(session, settings)

    def arrives(self, *recipients: str, **mail: Any) -> int:
        with db.transaction(self.engine) as session:
            return arrive(session, self.settings, *recipients, **mail)[0]

    def decides(self, verb: Verb, selected: Selection, by: Actor = ANA, **more: Any) -> DecisionReport:
        with db.transaction(self.engine) as session:
            return decisions.decide_messages(
                session, DecisionRequest(selected, verb, "a test", **more), by=by, now=self.now, settings=self.settings
            )

    def undoes(self, decision: DecisionReport, by: Actor = ANA) -> DecisionReport:
        with db.transaction(self.engine) as session:
            return undoing.undo_decision(session, decision.id, by=by, reason="", now=self.now, settings=self.settings)

    def happens(self, delivery: int, *events: Event) -> None:
        with db.transaction(self.engine) as session:
            for event in events:
                ledger.record_event(session, delivery, event, by=ANA, now=self.now)

    def delivery(self, delivery: int) -> Delivery:
        with db.read_transaction(self.engine) as session:
            return session.get_one(Delivery, delivery)

    def states(self, *deliveries: int) -> list[str]:
        return [self.delivery(one).state for one in deliveries]

    def rules(self) -> list[tuple[str, str, str, bool]]:
        with db.read_transaction(self.engine) as session:
            rows = session.scalars(select(Rule).where(col(Rule.removed_at).is_(None)).order_by(col(Rule.value)))
            return [(row.effect, row.value, row.proof, row.unproven_only) for row in rows]

    def refused_at_the_door(self) -> tuple[set[str], set[str]]:
        with db.read_transaction(self.engine) as session:
            always, unsigned = smtp_blocks.list_smtp_blocks(session, self.now)
        return set(always), set(unsigned)


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    return Office(engine, settings)


def by_id(*deliveries: int) -> Selection:
    return Selection.of(ids=deliveries)


def test_verbs_are_kept_by_these_words() -> None:
    assert [*Verb] == ["release", "redirect", "purge", "reject", "restore", "hold", "redeliver"]


def test_a_released_mail_waits_for_the_undo_time(office: Office) -> None:
    mail = office.arrives()
    done = office.decides(Verb.RELEASE, by_id(mail))
    assert (done.done, done.sentence) == (1, "Released “Your order”.")
    row = office.delivery(mail)
    assert (row.state, row.due_at, row.decision_id) == (State.QUEUED, NOW + timedelta(seconds=10), done.id)


def test_release_and_allow_lets_the_next_one_through(office: Office) -> None:
    mail = office.arrives(dmarc=DMARC_PASS)
    done = office.decides(Verb.RELEASE, by_id(mail), rule=ALLOW)
    assert "sales@supplier.example allowed for the whole company" in done.sentence
    assert office.rules() == [("allow", "sales@supplier.example", "dmarc", False)]
    assert office.states(office.arrives(dmarc=DMARC_PASS)) == [State.QUEUED]
    assert office.states(office.arrives()) == [State.HELD]


@pytest.mark.parametrize(("scope", "said"), [("person:joe.fern", "Joe Fern"), ("department:it", "the department IT")])
def test_a_decision_names_whom_a_rule_is_for_as_the_directory_does(office: Office, scope: str, said: str) -> None:
    done = office.decides(Verb.RELEASE, by_id(office.arrives(dmarc=DMARC_PASS)), rule=replace(ALLOW, scope=scope))
    assert f"sales@supplier.example allowed for {said}" in done.sentence
    with db.transaction(office.engine) as session:
        session.execute(delete(Department))
        session.execute(delete(Person))
    with db.read_transaction(office.engine) as session:
        (listed,) = outcomes.list_decisions(session, by=ANA)
    assert f"allowed for {said.replace('Joe Fern', 'joe.fern').replace('IT', 'it')}" in listed.sentence


def test_an_allow_asks_for_the_proof_that_the_sender_can_give(office: Office) -> None:
    office.decides(Verb.RELEASE, by_id(office.arrives(dmarc=ALIGNED)), rule=ALLOW)
    assert office.rules() == [("allow", "sales@supplier.example", "aligned", False)]
    assert office.states(office.arrives(dmarc=ALIGNED), office.arrives()) == [State.QUEUED, State.HELD]


def test_purge_and_block_takes_every_copy_and_shuts_the_door(office: Office) -> None:
    wave = [office.arrives(to) for to in ("joe.fern@company.example", "mara.berg@company.example", "info@company.example")]
    other = office.arrives(author="friend@other.example")
    done = office.decides(Verb.PURGE, SALES, rule=BLOCK, expect=3)
    assert (done.count, done.done) == (3, 3)
    assert office.states(*wave, other) == [State.PURGED] * 3 + [State.HELD]
    assert office.refused_at_the_door() == (set(), {"sales@supplier.example"})  # it published nothing: refused unless signed


@pytest.mark.parametrize(
    ("mail", "always", "unsigned", "unproven_only"),
    [
        ([{"dmarc": DMARC_PASS}], {"sales@supplier.example"}, set(), False),
        ([{}], set(), {"sales@supplier.example"}, True),
        ([{"spf": Result.FAIL}], set(), set(), True),
        ([{"dmarc": DMARC_PASS}, {}], set(), {"sales@supplier.example"}, True),
    ],
)
def test_a_block_made_from_unproven_mail_leaves_the_real_sender_alone(
    office: Office, mail: list[dict[str, Any]], always: set[str], unsigned: set[str], unproven_only: bool
) -> None:
    for one in mail:
        office.arrives(**one)
    office.decides(Verb.PURGE, SALES, rule=BLOCK)
    assert office.refused_at_the_door() == (always, unsigned)
    assert office.rules() == [("block", "sales@supplier.example", "", unproven_only)]
    assert office.states(office.arrives(), office.arrives(dmarc=DMARC_PASS)) == [
        State.PURGED,
        State.HELD if unproven_only else State.PURGED,
    ]


def test_a_purge_says_what_it_could_not_reach(office: Office) -> None:
    held, queued, relaying, delivered, bounced, expired = (office.arrives() for _ in range(6))
    office.happens(queued, Event.RELEASE)
    office.happens(relaying, Event.RELEASE, Event.CLAIM)
    office.happens(delivered, Event.RELEASE, Event.CLAIM, Event.DELIVER)
    office.happens(bounced, Event.RELEASE, Event.CLAIM, Event.BOUNCE)
    office.happens(expired, Event.EXPIRE)
    done = office.decides(Verb.PURGE, SALES)
    assert {item.delivery_id: item.outcome for item in done.items} == {
        held: "done",
        queued: "done",
        bounced: "done",
        relaying: "in flight",
        delivered: "recalling",
    }
    assert done.sentence.startswith(
        "Removed 3 messages; 1 being removed from mailboxes; 1 being delivered right now; late copies from sales@supplier.example"
    )
    assert office.delivery(relaying).purge_wanted_by == done.id
    assert office.states(held, queued, bounced, expired) == [State.PURGED] * 3 + [State.EXPIRED]


@pytest.mark.parametrize(("outcome", "state", "said"), [("deferred", State.PURGED, "done"), ("delivered", State.RECALLING, "recalling")])
def test_a_purge_that_met_a_delivery_in_flight_is_carried_out_when_it_lands(office: Office, outcome: str, state: State, said: str) -> None:
    mail = office.arrives()
    office.decides(Verb.RELEASE, by_id(mail))
    office.now += timedelta(seconds=11)
    with db.transaction(office.engine) as session:
        (claim,) = queue.claim_deliveries(session, limit=5, settings=office.settings, now=office.now)
    done = office.decides(Verb.PURGE, by_id(mail))
    with db.transaction(office.engine) as session:
        queue.settle_claim(session, claim, Outcome(outcome, "said so", "next.example"), settings=office.settings, now=office.now)
    assert office.states(mail) == [state]
    with db.read_transaction(office.engine) as session:
        assert [item.outcome for item in outcomes.get_decision(session, done.id, by=ANA).items] == [said]


def test_the_second_click_is_told_that_the_sender_was_blocked(office: Office) -> None:
    mail = office.arrives()
    office.decides(Verb.PURGE, by_id(mail), by=IDA, rule=RuleOrder("block", "address", "", "company"))
    office.now += timedelta(seconds=4)
    with pytest.raises(NothingDone, match=r"^Removed by Ida Lind 4 seconds ago, and its sender blocked\.$"):
        office.decides(Verb.RELEASE, by_id(mail))


def test_the_second_click_is_told_who_was_faster(office: Office) -> None:
    mail = office.arrives()
    office.decides(Verb.PURGE, by_id(mail), by=IDA)
    office.now += timedelta(seconds=4)
    with pytest.raises(NothingDone, match=r"^Removed by Ida Lind 4 seconds ago\.$") as refusal:
        office.decides(Verb.RELEASE, by_id(mail))
    assert [(item.delivery_id, item.outcome) for item in refusal.value.items] == [(mail, "refused")]
    assert office.states(mail) == [State.PURGED]


def test_two_at_once_release_one_copy(office: Office) -> None:
    mail = office.arrives()
    outcomes: list[str] = []
    barrier = threading.Barrier(6)

    def click(verb: Verb) -> None:
        barrier.wait()
        try:
            outcomes.append(f"{office.decides(verb, by_id(mail)).verb} done")
        except Conflict:
            outcomes.append("overtaken")

    threads = [threading.Thread(target=click, args=(Verb.RELEASE,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["overtaken"] * 5 + ["release done"]


def test_a_selection_that_grew_is_refused(office: Office) -> None:
    office.arrives()
    with db.read_transaction(office.engine) as session:
        sheet = selection_summary.selection_evidence(session, SALES, by=ANA, now=NOW)
    late = office.arrives()
    with pytest.raises(Stale, match="changed since you looked"):
        office.decides(Verb.PURGE, SALES, fence=sheet.fence)
    with pytest.raises(Stale, match="you expected 1, but 2 are selected now"):
        office.decides(Verb.PURGE, SALES, expect=sheet.count)
    assert office.states(late) == [State.HELD]


def test_the_same_key_decides_once(office: Office) -> None:
    mail = office.arrives()
    first = office.decides(Verb.RELEASE, by_id(mail), idempotency_key="k1")
    assert office.decides(Verb.RELEASE, by_id(mail), idempotency_key="k1").id == first.id
    with pytest.raises(NothingDone):
        office.decides(Verb.RELEASE, by_id(mail), by=IDA, idempotency_key="k1")


@pytest.mark.parametrize(
    ("by", "selected", "refusal"),
    [
        (OTTO, SALES, NotAllowed),
        (BEN, by_id(7), NotFound),
        (ANA, Selection.of(sender="nobody@nowhere.example"), NotFound),
    ],
)
def test_who_may_not_and_what_is_not_there(office: Office, by: Actor, selected: Selection, refusal: type[Exception]) -> None:
    office.arrives()
    with pytest.raises(refusal):
        office.decides(Verb.PURGE, selected, by=by)


def test_nobody_decides_outside_their_scope(office: Office) -> None:
    mine, foreign = office.arrives("mara.berg@company.example"), office.arrives("joe.fern@company.example")
    done = office.decides(Verb.PURGE, SALES, by=BEN)
    assert [item.delivery_id for item in done.items] == [mine]
    assert office.states(foreign) == [State.HELD]
    with pytest.raises(NotFound):
        office.decides(Verb.RELEASE, by_id(foreign), by=BEN)
    with pytest.raises(NotAllowed):
        office.decides(Verb.PURGE, SALES, by=BEN, rule=BLOCK)


def test_blocking_a_sender_who_has_nothing_here(office: Office) -> None:
    done = office.decides(Verb.PURGE, Selection.of(sender="spam@junk.example"), rule=BLOCK)
    assert done.sentence == "Removed 0 messages; spam@junk.example blocked for the whole company."
    assert office.refused_at_the_door()[0] == {"spam@junk.example"}


@pytest.mark.parametrize("to", ["mara.berg", "m.berg@company.example", "legal+mara.berg@company.example"])
def test_a_redirect_goes_to_somebody_here(office: Office, to: str) -> None:
    mail = office.arrives("info@company.example")
    done = office.decides(Verb.REDIRECT, by_id(mail), to=to)
    row = office.delivery(mail)
    assert (row.state, row.mailbox, row.recipient) == (State.QUEUED, "mara.berg@company.example", "info@company.example")
    assert done.sentence == "Redirected “Your order” to mara.berg@company.example."
    office.undoes(done)
    assert (office.delivery(mail).state, office.delivery(mail).mailbox) == (State.HELD, "it@company.example")


@pytest.mark.parametrize("to", ["", "nobody", "friend@other.example", "ines.old"])
def test_nothing_is_redirected_to_the_outside(office: Office, to: str) -> None:
    mail = office.arrives()
    with pytest.raises(BadInput, match="the directory has no"):
        office.decides(Verb.REDIRECT, by_id(mail), to=to)
    assert office.states(mail) == [State.HELD]


@pytest.mark.parametrize(
    ("verb", "before", "after_undo"),
    [
        (Verb.RELEASE, (), State.HELD),
        (Verb.PURGE, (), State.HELD),
        (Verb.PURGE, (Event.RELEASE,), State.QUEUED),
        (Verb.HOLD, (Event.RELEASE,), State.QUEUED),
        (Verb.RESTORE, (Event.PURGE,), State.PURGED),
        (Verb.RESTORE, (Event.EXPIRE,), State.PURGED),
    ],
)
def test_undo_puts_things_back(office: Office, verb: Verb, before: tuple[Event, ...], after_undo: State) -> None:
    mail = office.arrives()
    office.happens(mail, *before)
    undone = office.undoes(office.decides(verb, by_id(mail)))
    assert (undone.verb, undone.done, undone.undoable) == ("undo", 1, False)
    assert office.states(mail) == [after_undo]


def test_a_rule_without_a_scope_is_for_each_of_those_whom_the_mail_is_for(office: Office) -> None:
    for to in ("it+joe.fern@company.example", "it+joe.fern@company.example", "legal+mara.berg@company.example"):
        office.arrives(to, dmarc=ALIGNED)
    both = Actor.person("eva", Role.TRIAGE, Scope(persons=frozenset({"joe.fern", "mara.berg"})), "Eva")
    for by, rule, scopes in (
        (both, ALLOW, {"person:joe.fern", "person:mara.berg"}),
        (BEN, ALLOW, {"department:legal"}),
        (both, replace(BLOCK, value="named@supplier.example"), {"person:joe.fern", "person:mara.berg"}),
    ):
        done = office.decides(Verb.RELEASE if rule.effect == "allow" else Verb.PURGE, SALES, by=by, rule=replace(rule, scope=""))
        with db.read_transaction(office.engine) as session:
            made = session.scalars(select(Rule).where(col(Rule.decision_id) == done.id)).all()
        assert {one.scope for one in made} == scopes
        office.undoes(done, by=by)
        assert office.rules() == []
    with pytest.raises(BadInput, match="between 1 and 20"):
        office.decides(Verb.RELEASE, Selection.of(sender="nobody@else.example"), rule=replace(ALLOW, value="some@else.example", scope=""))


def test_undo_takes_the_rules_back_too(office: Office) -> None:
    office.arrives()
    done = office.decides(Verb.PURGE, SALES, rule=BLOCK)
    office.undoes(done)
    assert office.rules() == []
    assert office.refused_at_the_door() == (set(), set())


def test_undo_leaves_what_somebody_changed_since(office: Office) -> None:
    mine, theirs = office.arrives(), office.arrives()
    done = office.decides(Verb.PURGE, SALES)
    office.decides(Verb.RESTORE, by_id(theirs), by=IDA)
    undone = office.undoes(done)
    assert {item.delivery_id: item.outcome for item in undone.items} == {mine: "done", theirs: "refused"}
    assert office.states(mine, theirs) == [State.HELD, State.HELD]


def test_an_undo_happens_once_and_is_not_undone(office: Office) -> None:
    office.arrives()
    done = office.decides(Verb.PURGE, SALES)
    undone = office.undoes(done, by=IDA)
    with pytest.raises(Conflict, match="Undone by Ida Lind 0 seconds ago"):
        office.undoes(done)
    with pytest.raises(NotAllowedNow, match="this is an undo itself"):
        office.undoes(undone)
    with pytest.raises(NotFound):
        office.undoes(done, by=BEN)


def in_flight(office: Office) -> tuple[int, Claim, DecisionReport]:
    mail = office.arrives()
    office.decides(Verb.RELEASE, by_id(mail))
    office.now += timedelta(seconds=11)
    with db.transaction(office.engine) as session:
        (claim,) = queue.claim_deliveries(session, limit=5, settings=office.settings, now=office.now)
    return mail, claim, office.decides(Verb.PURGE, by_id(mail))


def test_undo_calls_off_a_purge_in_flight(office: Office) -> None:
    mail, claim, purge = in_flight(office)
    assert [(item.delivery_id, item.outcome) for item in office.undoes(purge).items] == [(mail, "done")]
    with db.transaction(office.engine) as session:
        queue.settle_claim(session, claim, Outcome("deferred", "later", "next.example"), settings=office.settings, now=office.now)
    assert office.states(mail) == [State.QUEUED]


def test_undo_of_a_purge_that_fired_sends_the_mail_on_its_way_again(office: Office) -> None:
    mail, claim, purge = in_flight(office)
    with db.transaction(office.engine) as session:
        queue.settle_claim(session, claim, Outcome("deferred", "later", "next.example"), settings=office.settings, now=office.now)
    assert office.states(mail) == [State.PURGED]
    office.undoes(purge)
    assert office.states(mail) == [State.QUEUED]


def test_nobody_undoes_half_of_somebody_elses_decision(office: Office) -> None:
    mine, theirs = office.arrives("mara.berg@company.example"), office.arrives("joe.fern@company.example")
    done = office.decides(Verb.PURGE, SALES)
    with pytest.raises(NotAllowed, match="also concerns messages outside your scope"):
        office.undoes(done, by=BEN)
    assert office.states(mine, theirs) == [State.PURGED, State.PURGED]
    assert office.undoes(done).done == 2


def test_a_redirect_that_was_taken_back_is_forgotten(office: Office) -> None:
    mail = office.arrives("mara.berg@company.example")
    office.decides(Verb.REDIRECT, by_id(mail), to="joe.fern")
    office.decides(Verb.HOLD, by_id(mail))
    office.decides(Verb.RELEASE, by_id(mail))
    assert office.delivery(mail).mailbox == "mara.berg@company.example"


def test_what_was_redirected_goes_to_the_same_person_when_it_is_delivered_again(office: Office) -> None:
    plain, redirected = office.arrives(), office.arrives()
    office.decides(Verb.RELEASE, by_id(plain))
    office.decides(Verb.REDIRECT, by_id(redirected), to="mara.berg")
    for mail in (plain, redirected):
        office.happens(mail, Event.CLAIM, Event.DELIVER)
    office.decides(Verb.REDELIVER, by_id(plain, redirected), look_first=False)
    found = [(row.state, row.mailbox, row.redirected) for row in map(office.delivery, (plain, redirected))]
    assert found == [("queued", "joe.fern@company.example", False), ("queued", "mara.berg@company.example", True)]


def test_a_redirects_target_is_on_the_record(office: Office) -> None:
    done = office.decides(Verb.REDIRECT, by_id(office.arrives()), to="mara.berg")
    with db.read_transaction(office.engine) as session:
        (record,) = session.scalars(select(AuditRecord).where(col(AuditRecord.subject) == f"decision:{ids.format_id(done.id)}"))
    assert record.detail == {"reason": "a test", "to": "mara.berg@company.example"}


def test_what_was_delivered_is_out_of_reach_where_there_is_no_way_into_mailboxes(office: Office) -> None:
    mail = office.arrives()
    done = office.decides(Verb.RELEASE, by_id(mail))
    office.happens(mail, Event.CLAIM, Event.DELIVER)
    office.settings = replace(office.settings, relay=Relay(next_hop="smtp://127.0.0.1:25"))
    with pytest.raises(NothingDone, match="It was already delivered, and Mailroom has no access to mailboxes"):
        office.undoes(done)
    assert [item.outcome for item in office.decides(Verb.PURGE, by_id(mail)).items] == ["out of reach"]


def test_what_was_erased_cannot_be_restored(office: Office) -> None:
    mail = office.arrives()
    office.decides(Verb.PURGE, by_id(mail))
    with db.transaction(office.engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == mail).values(erased_at=NOW))
    with pytest.raises(NothingDone, match="erased: the retention period is over"):
        office.decides(Verb.RESTORE, by_id(mail))


def test_one_act_is_one_record_with_its_reason(office: Office) -> None:
    for _ in range(5):
        office.arrives()
    done = office.decides(Verb.PURGE, SALES)
    with db.read_transaction(office.engine) as session:
        (record,) = session.scalars(select(AuditRecord).where(col(AuditRecord.subject) == f"decision:{ids.format_id(done.id)}"))
    assert (record.act, record.items, record.by, record.detail) == ("purge", 5, "person:ana", {"reason": "a test"})


def test_decisions_are_listed_for_those_whose_business_they_are(office: Office) -> None:
    office.decides(Verb.RELEASE, by_id(office.arrives("joe.fern@company.example")))
    office.decides(Verb.RELEASE, by_id(office.arrives("mara.berg@company.example")), by=IDA)
    with db.read_transaction(office.engine) as session:
        assert [one.by for one in outcomes.list_decisions(session, by=ANA)] == ["person:ida", "person:ana"]
        assert [one.by for one in outcomes.list_decisions(session, by=ANA, mine=True)] == ["person:ana"]
        assert [one.by for one in outcomes.list_decisions(session, by=BEN)] == ["person:ida"]


@pytest.mark.parametrize("many", [1_100, pytest.param(10_000, marks=pytest.mark.long)])
def test_very_many_at_once(sqlite_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    monkeypatch.setattr(decision_plan, "LARGE", many + 1)
    office = Office(sqlite_engine, settings)
    first = office.delivery(office.arrives())
    copies = [first.model_dump() | {"id": ids.new_id(), "recipient": f"p{number}@company.example"} for number in range(many)]
    with db.transaction(sqlite_engine) as session:
        session.bulk_insert_mappings(Delivery.__mapper__, copies)  # type: ignore[attr-defined]
    done = office.decides(Verb.PURGE, SALES, rule=BLOCK, expect=many + 1)
    assert done.done == many + 1
    assert office.undoes(done).done == many + 1


def test_what_bounced_is_redirected_to_somebody_else(office: Office) -> None:
    mail = office.arrives()
    office.happens(mail, Event.RELEASE, Event.CLAIM, Event.BOUNCE)
    decision = office.decides(Verb.REDIRECT, Selection.of(ids=(mail,)), to="mara.berg")
    assert (office.states(mail), office.delivery(mail).mailbox) == ([State.QUEUED], "mara.berg@company.example")
    office.undoes(decision)
    assert (office.states(mail), office.delivery(mail).mailbox) == ([State.HELD], "joe.fern@company.example")


@pytest.mark.parametrize("verb", [Verb.RELEASE, Verb.PURGE])
def test_what_is_named_is_not_looked_for_among_all_of_its_state(sqlite_engine: Engine, settings: Settings, verb: Verb) -> None:
    """However many are named: SQLite, which has no statistics, takes an index of states for better than more than ten ids."""
    office = Office(sqlite_engine, settings)
    messages = [office.arrives("legal+mara.berg@company.example") for _ in range(12)]
    plans = explained(sqlite_engine)
    with db.transaction(sqlite_engine) as session:
        assignment.assign_messages(session, by_id(*messages), "ben", "for you", by=ANA, now=NOW)
        assignment.number_for(session, BEN)
    office.undoes(office.decides(verb, replace(by_id(*messages), states=(State.HELD,))))
    assert plans
    assert not [plan for plan in plans if plan.startswith(("SCAN delivery ", "SEARCH delivery ")) and "(state=?" in plan]
