"""Consent to allow several senders: the sheet and the audit log name the same ones, for any mix of senders and exclusions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from tests.effort import examples
from tests.triage import arriving
from tests.triage.arriving import ALIGNED, ANA, BEN, DMARC_FAIL, DMARC_PASS, NO_DMARC, NOW
from triage.actor import Actor, Role, Scope
from triage.config.settings import Settings
from triage.errors import BadInput, Stale
from triage.message.authentication import Dmarc
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import consent, decide as decisions, decision_plan, outcomes, undo as undoing
from triage.quarantine.decisions.consent import Consent
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import selection
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
ALLOW = RuleOrder("allow", "address", "", "")
GOOD, NEWS, FORGED, PLAIN = "good@a.example", "news@b.example", "bill@c.example", "plain@d.example"
PROOFS = {GOOD: DMARC_PASS, NEWS: ALIGNED, FORGED: DMARC_FAIL, PLAIN: NO_DMARC}


@dataclass(frozen=True)
class Desk:
    """A company, and what somebody does there."""

    engine: Engine
    settings: Settings

    def came(self, author: str, *to: str, dmarc: Dmarc | None = None) -> int:
        proof = PROOFS[author] if dmarc is None else dmarc
        named = replace(proof, domain=author.rpartition("@")[2]) if proof.domain else proof
        with db.transaction(self.engine) as session:
            return arriving.arrive(session, self.settings, *to, author=author, dmarc=named)[0]

    def sheet(self, ids: Sequence[int], order: RuleOrder = ALLOW, by: Actor = ANA) -> Consent:
        with db.read_transaction(self.engine) as session:
            wanted = Selection.of(ids=tuple(ids))
            meant = decision_plan.meant_ids(session, DecisionRequest(wanted, Verb.RELEASE), by=by, settings=self.settings)
            return consent.preview_consent(session, wanted, order, meant, by=by, settings=self.settings, now=NOW)

    def decides(self, ids: Sequence[int], order: RuleOrder, **more: object) -> outcomes.DecisionReport:
        return self.decides_over(Selection.of(ids=tuple(ids)), order, **more)

    def decides_over(self, wanted: Selection, order: RuleOrder, **more: object) -> outcomes.DecisionReport:
        """As Ana, who confirms whatever second look the preview of it names."""
        with db.transaction(self.engine) as session:
            asked, _ = decision_plan.preview_decision(
                session, DecisionRequest(wanted, Verb.RELEASE, rule=order), by=ANA, settings=self.settings
            )
            fence = selection.selection_fence(session, selection.selection_condition(wanted))
            said = {"rule": order, "confirm": [one.name for one in asked], "fence": fence, **more}
            request = DecisionRequest(wanted, Verb.RELEASE, **said)  # type: ignore[arg-type]
            return decisions.decide_messages(session, request, by=ANA, now=NOW, settings=self.settings)

    def states(self, ids: Sequence[int]) -> list[State]:
        with db.read_transaction(self.engine) as session:
            return [State(session.get_one(Delivery, one).state) for one in ids]

    def in_force(self) -> set[tuple[str, str, str, str]]:
        with db.read_transaction(self.engine) as session:
            found = session.scalars(select(Rule).where(col(Rule.removed_at).is_(None), col(Rule.effect) == "allow"))
            return {(one.match, one.value, one.scope, one.proof) for one in found}


@pytest.fixture
def desk(engine: Engine, settings: Settings) -> Desk:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    return Desk(engine, settings)


def agreed_to(sheet: Consent, scope: str | None = None) -> RuleOrder:
    """The order of somebody who presses Enter on this sheet."""
    chosen = tuple(one.sender for one in sheet.senders if one.chosen)
    left = tuple(one.sender for one in sheet.senders if not one.chosen and one.sender)
    return replace(ALLOW, senders=chosen, without=left, scope=sheet.scope if scope is None else scope)


def named(rules_: Sequence[RuleOrder]) -> set[tuple[str, str, str, str]]:
    return {(one.match, one.value, one.scope, one.proof) for one in rules_}


def test_each_sender_is_named_with_its_proof_and_who_fails_is_not_chosen(desk: Desk) -> None:
    ids = [desk.came(GOOD, JOE), desk.came(GOOD, JOE), desk.came(NEWS, JOE), desk.came(FORGED, JOE), desk.came(PLAIN, JOE)]
    sheet = desk.sheet(ids)
    assert [(one.sender, one.count, one.proof, one.rests_on, one.chosen) for one in sheet.senders] == [
        (GOOD, 2, "genuine", "dmarc", True),
        (NEWS, 1, "genuine", "aligned", True),
        (FORGED, 1, "failed", "", False),
        (PLAIN, 1, "not_proven", "", False),
    ]
    assert (sheet.count, [one.scope for one in sheet.reaches]) == (3, ["person:joe.fern", "department:it", "company"])
    assert named(sheet.rules) == {("address", GOOD, "person:joe.fern", "dmarc"), ("address", NEWS, "person:joe.fern", "aligned")}
    assert all(one.why_not for one in sheet.senders[2:])
    done = desk.decides(ids, agreed_to(sheet))
    assert (done.count, desk.states(ids)) == (3, [State.QUEUED] * 3 + [State.HELD] * 2)
    assert desk.in_force() == named(sheet.rules)
    assert done.agreed["left_out"] == [{"sender": FORGED, "count": 1}, {"sender": PLAIN, "count": 1}]


def test_mixed_proof_is_not_genuine_and_the_rule_rests_on_what_there_is(desk: Desk) -> None:
    ids = [desk.came(GOOD, JOE), desk.came(GOOD, JOE, dmarc=DMARC_FAIL)]
    (one,) = desk.sheet(ids).senders
    assert (one.proof, one.chosen, one.why_not, one.rests_on) == ("failed", False, "", "dmarc")


def test_nobody_is_let_in_unnamed(desk: Desk) -> None:
    ids = [desk.came(GOOD, JOE), desk.came(NEWS, JOE)]
    for order in (ALLOW, replace(ALLOW, scope="company")):
        with pytest.raises(BadInput, match="these messages are from 2 senders: list in senders those to allow"):
            desk.decides(ids, order)
    assert (desk.states(ids), desk.in_force()) == ([State.HELD] * 2, set())


@pytest.mark.parametrize(
    ("senders", "without", "says"),
    [
        ((GOOD,), (), f"{NEWS} also wrote some of these messages: review the selection"),
        ((GOOD, NEWS, PLAIN), (), f"{PLAIN} wrote none of these messages: review the selection"),
        ((GOOD, PLAIN), (NEWS,), f"{PLAIN} wrote none of these messages"),
    ],
)
def test_others_than_were_agreed_to_make_nothing(desk: Desk, senders: tuple[str, ...], without: tuple[str, ...], says: str) -> None:
    ids = [desk.came(GOOD, JOE), desk.came(NEWS, JOE)]
    with pytest.raises(Stale, match=says):
        desk.decides(ids, replace(ALLOW, senders=senders, without=without))
    assert (desk.states(ids), desk.in_force()) == ([State.HELD] * 2, set())


def test_a_selection_that_grew_makes_nothing(desk: Desk) -> None:
    first = desk.came(GOOD, JOE)
    wanted = Selection.of(department="it")
    with db.read_transaction(desk.engine) as session:
        sheet = consent.preview_consent(session, wanted, ALLOW, [first], by=ANA, settings=desk.settings, now=NOW)
    late = desk.came(NEWS, JOE)
    with pytest.raises(Stale, match=f"{NEWS} also wrote"):
        desk.decides_over(wanted, agreed_to(sheet))
    assert (desk.states([first, late]), desk.in_force()) == ([State.HELD] * 2, set())


def test_the_recipients_are_those_of_the_senders_who_are_left(desk: Desk) -> None:
    ids = [desk.came(GOOD, JOE), desk.came(GOOD, MARA), desk.came(NEWS, MARA)]
    sheet = desk.sheet(ids)
    assert [(one.scope, one.scopes, one.would_allow) for one in sheet.reaches] == [
        ("", ("person:joe.fern", "person:mara.berg"), 3),
        ("company", ("company",), 3),
    ]
    alone = desk.sheet(ids, replace(ALLOW, senders=(NEWS,), without=(GOOD,)))
    assert [one.scope for one in alone.reaches] == ["person:mara.berg", "department:legal", "company"]
    assert named(alone.rules) == {("address", NEWS, "person:mara.berg", "aligned")}
    desk.decides(ids, agreed_to(alone))
    assert (desk.in_force(), desk.states(ids)) == (named(alone.rules), [State.HELD, State.HELD, State.QUEUED])


def test_our_own_name_is_allowed_by_no_rule(desk: Desk) -> None:
    own = "boss@company.example"
    ids = [desk.came(own, JOE, dmarc=DMARC_PASS)]
    (one,) = desk.sheet(ids).senders
    assert (one.chosen, one.why_not) == (False, "Release it without a rule, and ask IT to add a rule for company.example.")
    (forged,) = desk.sheet([desk.came(own, JOE, dmarc=DMARC_FAIL)]).senders
    assert forged.why_not == "This service is not set up to send as company.example. Ask IT to add it."
    assert forged.second_look == ("own-domain-forged", "dmarc-fails", "dangerous")


def test_a_message_without_a_sender_is_named_and_stays(desk: Desk) -> None:
    ids = [desk.came(GOOD, JOE), desk.came("", JOE, dmarc=NO_DMARC)]
    with db.transaction(desk.engine) as session:
        session.get_one(Delivery, ids[1]).author = ""
    sheet = desk.sheet(ids)
    assert [(one.sender, one.count, one.chosen) for one in sheet.senders] == [(GOOD, 1, True), ("", 1, False)]
    done = desk.decides(ids, agreed_to(sheet))
    assert (desk.states(ids), done.agreed["left_out"]) == ([State.QUEUED, State.HELD], [{"sender": "", "count": 1}])


def test_too_many_senders_are_no_question_for_one_sheet(desk: Desk) -> None:
    ids = [desk.came(f"one{number}@many.example", JOE, dmarc=DMARC_PASS) for number in range(21)]
    with pytest.raises(BadInput, match="21 senders; between 1 and 20"):
        desk.sheet(ids)


def test_a_rule_of_before_is_named_too_and_stays_when_it_is_undone(desk: Desk) -> None:
    with db.transaction(desk.engine) as session:
        rules.add_rule(session, RuleOrder("allow", "address", GOOD, "person:joe.fern"), by=ANA, now=NOW, settings=desk.settings)
    with db.transaction(desk.engine) as session:
        again = arriving.arrive(session, desk.settings, MARA, author=NEWS, dmarc=replace(ALIGNED, domain="b.example"))[0]
    ids = [again, desk.came(GOOD, MARA)]
    sheet = desk.sheet(ids)
    done = desk.decides(ids, agreed_to(sheet, "company"))
    assert {one["value"] for one in done.agreed["rules"]} == {GOOD, NEWS}
    with db.transaction(desk.engine) as session:
        undoing.undo_decision(session, done.id, by=ANA, reason="", now=NOW + timedelta(seconds=1), settings=desk.settings)
    assert desk.in_force() == {("address", GOOD, "person:joe.fern", "dmarc")}


def test_who_was_left_out_is_told_to_those_who_may_know_of_them(desk: Desk) -> None:
    ids = [desk.came(GOOD, JOE), desk.came(GOOD, MARA), desk.came(FORGED, JOE)]
    done = desk.decides(ids, agreed_to(desk.sheet(ids)))
    eva = Actor.person("eva", Role.TRIAGE, Scope(persons=frozenset({"mara.berg"})), "Eva")
    with db.read_transaction(desk.engine) as session:
        seen = {by.name: outcomes.get_decision(session, done.id, by=by).agreed for by in (ANA, BEN, eva)}
    assert [len(seen[name]["left_out"]) for name in ("ana", "ben", "eva")] == [1, 0, 0]
    assert [{rule["scope"] for rule in seen[name]["rules"]} for name in ("ben", "eva")] == [set(), {"person:mara.berg"}]


MAIL = st.tuples(st.sampled_from([GOOD, NEWS, FORGED, PLAIN, "good@b.example"]), st.sampled_from([JOE, MARA]), st.booleans())


@hypothesis_settings(max_examples=examples(5), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mail=st.lists(MAIL, min_size=1, max_size=8), left=st.sets(st.integers(0, 4)), reach=st.integers(0, 3))
def test_what_the_sheet_names_is_what_the_record_names(
    engine: Engine, settings: Settings, mail: list[tuple[str, str, bool]], left: set[int], reach: int
) -> None:
    with db.transaction(engine) as session:
        empty(session)
        arriving.set_up(session, settings)
    desk = Desk(engine, settings)
    proof = PROOFS | {"good@b.example": DMARC_PASS}
    ids = [desk.came(author, to, dmarc=proof[author] if sound else DMARC_FAIL) for author, to, sound in mail]
    before = desk.in_force()
    possible = [one.sender for one in desk.sheet(ids).senders if not one.why_not]
    chosen = [one for number, one in enumerate(possible) if number not in left] or possible
    if not chosen:
        assert not desk.sheet(ids).rules
        return
    others = tuple(one.sender for one in desk.sheet(ids).senders if one.sender not in chosen)
    order = replace(ALLOW, senders=tuple(chosen), without=others)
    scopes = desk.sheet(ids, order).reaches
    sheet = desk.sheet(ids, replace(order, scope=scopes[reach % len(scopes)].scope))
    done = desk.decides(ids, agreed_to(sheet), expect=sheet.count)
    kept = {(one["match"], one["value"], one["scope"], one["proof"]) for one in done.agreed["rules"]}
    assert kept == named(sheet.rules) == desk.in_force() - before
    assert {one.sender for one in sheet.senders if one.chosen} == {value for _, value, *_ in kept}
    assert {one["sender"]: one["count"] for one in done.agreed["left_out"]} == {
        one.sender: one.count for one in sheet.senders if not one.chosen
    }
    released = {one for one, state in zip(ids, desk.states(ids), strict=True) if state is State.QUEUED}
    assert (released, len(released)) == (set(sheet.ids), sheet.count)


def empty(session: Session) -> None:
    """No rules and no messages of the example before."""
    for one in session.scalars(select(Rule).where(col(Rule.removed_at).is_(None))):
        one.removed_at = NOW
    for delivery in session.scalars(select(Delivery).where(col(Delivery.state) == State.HELD)):
        delivery.author = "gone@gone.example"
