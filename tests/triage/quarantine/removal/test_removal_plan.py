"""A removal: what goes, what is left alone, what is blocked along; the plan says it before, the act does it, undo takes it all back."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st
from sqlalchemy import Engine, delete, select
from sqlmodel import Session, col

from tests.effort import examples
from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, IDA, NO_DMARC, NOW, arrive
from tests.triage.looking import looked
from tests.triage.throwaways import BENIGN, ODD, TEXT, many, proven, wave, weigh_by_subject, write_to
from triage.actor import Actor, Role, Scope
from triage.config.settings import Settings
from triage.errors import Stale
from triage.message.authentication import Dmarc, Result
from triage.message.signals.severity import Severity
from triage.policy.rules import smtp_blocks, store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions import bulk_decisions, decide as decisions, decision_plan, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.removal import removal_plan
from triage.quarantine.removal.removal_plan import BlockWish, Plan
from triage.quarantine.search.selection import ANY_PROOF, COPIES, Selection
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule

ROSA = "rosa@customer.example"
ALL = BlockWish()


@pytest.fixture(autouse=True)
def weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    weigh_by_subject(monkeypatch)


def campaign(session: Session) -> Selection:
    """The campaign that there is."""
    return Selection.of(campaign=session.scalars(select(col(Delivery.campaign_id)).where(col(Delivery.is_copy))).first())


def planned(session: Session, settings: Settings, selected: Selection | None = None, by: Actor = ANA) -> Plan:
    return removal_plan.plan_removal(session, selected or campaign(session), by=by, settings=settings, now=NOW)


def remove(
    session: Session,
    settings: Settings,
    selected: Selection | None = None,
    by: Actor = ANA,
    wish: BlockWish | None = ALL,
    **more: object,
) -> DecisionReport:
    request = DecisionRequest(selected or campaign(session), Verb.PURGE, "a wave", block=wish, **more)  # type: ignore[arg-type]
    return decisions.decide_messages(session, request, by=by, now=NOW, settings=settings)


def states(session: Session, ids: Iterable[int]) -> list[str]:
    return [session.get_one(Delivery, one, populate_existing=True).state for one in ids]


def blocks(session: Session) -> list[tuple[str, str, bool]]:
    found = session.scalars(select(Rule).where(col(Rule.origin) == rules.REMOVAL, rules.in_force(NOW)).order_by(col(Rule.id)))
    return [(one.match, one.value if one.match != "campaign" else "", one.unproven_only) for one in found]


def test_a_wave_of_300_domains_goes_with_one_decision_and_is_blocked(known: Engine, settings: Settings) -> None:
    senders = [f"x{place}@throw-away-{place % 20}.example" for place in range(60)]
    forged = [f"ceo{place}@bank-{place}.example" for place in range(30)]
    with db.transaction(known) as session:
        came = wave(session, settings, senders) + wave(session, settings, forged, dmarc=NO_DMARC)
    with db.read_transaction(known) as session:
        plan = planned(session, settings)
        assert (plan.count, plan.severity, plan.blocks_by_default) == (90, Severity.SUSPICIOUS, True)
        assert [(one.match, one.count) for one in plan.blocks.made][:3] == [("campaign", 90), ("domain", 3), ("domain", 3)]
        assert {one.match: sum(two.match == one.match for two in plan.blocks.made) for one in plan.blocks.made} == {
            "campaign": 1,
            "domain": 20,
            "address": 30,
        }
    with db.transaction(known) as session:
        made = remove(session, settings, fence=plan.fence, expect=plan.count)
        assert (made.done, made.refused) == (90, 0)
        assert set(states(session, came)) == {"purged"}
        assert len(blocks(session)) == 51
        assert {one for one in blocks(session) if one[0] == "address"} == {("address", one, True) for one in forged}


def test_a_block_for_several_scopes_counts_once_as_the_plan_says(known: Engine, settings: Settings) -> None:
    eva = Actor.person("eva", Role.TRIAGE, Scope(departments=frozenset({"it"}), persons=frozenset({"mara.berg"})), "Eva")
    with db.transaction(known) as session:
        wave(session, settings, many(4), to=["it+joe.fern@company.example"])
        plan = planned(session, settings, by=eva)
        made = remove(session, settings, by=eva)
        rows = blocks(session)
    counted = Counter(one.match for one in plan.blocks.made if one.ticked)
    assert (made.blocked, len(rows)) == (counted, 2 * counted.total())


def test_blocks_hold_for_a_day_and_then_refuse(known: Engine, settings: Settings) -> None:
    tomorrow = NOW + timedelta(hours=25)
    with db.transaction(known) as session:
        wave(session, settings, many(4))
        made = remove(session, settings)
        assert smtp_blocks.list_smtp_blocks(session, NOW).always == frozenset()
        version = smtp_blocks.blocks_version(session, NOW)
        (late,) = arrive(session, settings, author=many(1)[0], subject=ODD, dmarc=proven("throw-away-0.example"))
        found = session.get_one(Delivery, late)
        assert (found.state, found.rule) == ("held", "held-by-block")
        assert "late copies are held" in found.reason
    with db.read_transaction(known) as session:
        assert smtp_blocks.list_smtp_blocks(session, tomorrow).always == {f"throw-away-{place}.example" for place in range(4)}
        assert smtp_blocks.blocks_version(session, tomorrow) != version
    with db.transaction(known) as session:
        (later,) = arrive(session, settings, author=many(1)[0], subject=ODD, dmarc=proven("throw-away-0.example"), at=tomorrow)
        assert states(session, [later]) == ["purged"]
        undone = undoing.undo_decision(session, made.id, by=ANA, reason="", now=tomorrow, settings=settings)
        assert (undone.done, blocks(session)) == (5, [])
        assert states(session, [late, later]) == ["held", "held"]
    with db.read_transaction(known) as session:
        assert smtp_blocks.list_smtp_blocks(session, tomorrow).always == frozenset()


def test_the_block_of_a_campaign_never_takes_what_a_wanted_sender_sent(known: Engine, settings: Settings) -> None:
    later = NOW + timedelta(days=3)
    with db.transaction(known) as session:
        write_to(session, settings, ROSA)
        wave(session, settings, many(4))
        remove(session, settings)
        forwarded = wave(session, settings, [ROSA], subject="Fwd: " + ODD)
        unproven = wave(session, settings, [ROSA], dmarc=NO_DMARC)
        bank = wave(session, settings, ["notice@bank.example"], subject=BENIGN)
    with db.transaction(known) as session:
        assert [session.get_one(Delivery, one).rule for one in (*forwarded, *unproven, *bank)] == ["held-by-block"] * 3
        rule = session.scalars(select(Rule).where(col(Rule.match) == "campaign")).one()
        assert (rule.lapse_days, rule.until) == (7, NOW + timedelta(days=7))
        session.execute(delete(Delivery).where(col(Delivery.id).in_([*forwarded, *unproven, *bank])))
    with db.transaction(known) as session:
        came = [
            arrive(session, settings, author=ROSA, subject=ODD, dmarc=proven("customer.example"), text=LATE_TEXT, at=later),
            arrive(session, settings, author="notice@bank.example", subject=ODD, dmarc=proven("bank.example"), text=LATE_TEXT, at=later),
            arrive(session, settings, author="nobody@elsewhere.example", subject=ODD, text=LATE_TEXT, at=later),
        ]
        assert [states(session, one) for one in came] == [["held"], ["held"], ["purged"]]
        assert session.scalars(select(col(Rule.until)).where(col(Rule.match) == "campaign")).one() == later + timedelta(days=7)


LATE_TEXT = f"{TEXT} Ticket 99"


@pytest.mark.parametrize("how", ["contact", "allowed", "released"])
def test_what_is_wanted_is_named_and_left_alone(known: Engine, settings: Settings, how: str) -> None:
    with db.transaction(known) as session:
        wave(session, settings, many(4))
        mine = wave(session, settings, [ROSA, ROSA])
        if how == "contact":
            write_to(session, settings, ROSA)
        elif how == "allowed":
            rules.add_rule(session, RuleOrder("allow", "address", ROSA, "company"), by=ANA, now=NOW, settings=settings)
        else:
            one = Selection.of(ids=(mine[0],))
            seen = looked(session, settings, one, Verb.RELEASE, by=ANA)
            decisions.decide_messages(session, DecisionRequest(one, Verb.RELEASE, **seen), by=ANA, now=NOW, settings=settings)
        selected = replace(campaign(session), proof=ANY_PROOF)
        plan = planned(session, settings, selected)
        assert plan.count == 4
        assert [(one.sender, one.wanted.why, one.count) for one in plan.not_included] == [(ROSA, how, 2)]
        assert "customer.example" not in {one.value for one in plan.blocks.made}
        made = remove(session, settings, selected, fence=plan.fence)
        assert (made.done, "purged" in states(session, mine)) == (4, False)


def test_known_senders_go_along_when_somebody_says_so_and_are_not_blocked(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        write_to(session, settings, ROSA)
        wave(session, settings, many(4))
        mine = wave(session, settings, [ROSA, "eva@customer.example"])
        selected = replace(campaign(session), proof=ANY_PROOF, known=True)
        plan = planned(session, settings, selected)
        assert (plan.count, plan.not_included) == (6, ())
        spared = {(one.value, one.why, one.of) for one in plan.blocks.not_made}
        assert spared == {(ROSA, "contact", "IT"), ("eva@customer.example", "released", "")}  # her colleague's message was let in
        remove(session, settings, selected, fence=plan.fence)
        assert states(session, mine) == ["purged", "purged"]


def test_a_forged_contact_goes_and_the_real_one_is_not_blocked(known: Engine, settings: Settings) -> None:
    refuted = Dmarc(Result.FAIL, "customer.example", "customer.example", "quarantine")
    with db.transaction(known) as session:
        write_to(session, settings, ROSA)
        wave(session, settings, many(4))
        forged = wave(session, settings, [ROSA], dmarc=refuted)
        plan = planned(session, settings)
        assert (plan.count, plan.not_included) == (5, ())
        remove(session, settings)
        assert states(session, forged) == ["purged"]
        (real,) = arrive(session, settings, author=ROSA, dmarc=proven("customer.example"))
        assert states(session, [real]) == ["queued"]


def test_named_senders_and_single_messages_go_whoever_they_are(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        write_to(session, settings, ROSA)
        mine = wave(session, settings, [ROSA, ROSA], subject=BENIGN, dmarc=NO_DMARC)
        by_sender, by_id = Selection.of(sender=ROSA), Selection.of(ids=(mine[0],))
        for selected, count in ((by_sender, 2), (by_id, 1)):
            plan = planned(session, settings, selected)
            assert (plan.count, plan.not_included, plan.blocks_by_default) == (count, (), False)
            assert [(one.value, one.why) for one in plan.blocks.not_made] == [(ROSA, "contact")]
        assert remove(session, settings, by_sender, wish=None).done == 2


def test_whoever_names_what_proves_a_wanted_sender_means_them(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        write_to(session, settings, ROSA)
        (came, _) = wave(session, settings, [ROSA, ROSA])
        row = session.get_one(Delivery, came).campaign_id
        counts = [planned(session, settings, Selection.of(campaign=row, proof=proof)).count for proof in ("customer.example", "any", "")]
        assert counts == [2, 0, 0]
        assert remove(session, settings, Selection.of(campaign=row, proof="customer.example"), wish=None).done == 2


def test_one_harmless_row_among_several_keeps_blocks_from_going_along(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        bad = wave(session, settings, ["x1@throw-away.example", "x2@throw-away.example"])
        (fine,) = arrive(session, settings, author="sales@shop.example", subject=BENIGN, text="Our spring catalogue")
        for ids, blocks_along in ((bad, True), ((*bad, fine), False)):
            plan = planned(session, settings, Selection.of(ids=tuple(ids)))
            assert (plan.severity, plan.blocks_by_default) == (Severity.SUSPICIOUS, blocks_along)


def test_our_own_domain_and_providers_are_never_blocked_as_domains(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        wave(session, settings, ["boss@company.example", "x@gmail.com", "y@gmail.com"], dmarc=NO_DMARC)
        wave(session, settings, ["z@gmail.com"])
        plan = planned(session, settings, replace(campaign(session), proof=ANY_PROOF))
        assert {(one.match, one.value) for one in plan.blocks.made if one.match != "campaign"} == {
            ("address", "x@gmail.com"),
            ("address", "y@gmail.com"),
            ("address", "z@gmail.com"),
        }
        assert [(one.value, one.why) for one in plan.blocks.not_made] == [("boss@company.example", "own")]


def test_a_block_that_would_have_stopped_what_staff_released_is_unticked(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (first,) = arrive(session, settings, author="x@elsewhere.example")
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(first,)), Verb.RELEASE), by=ANA, now=NOW, settings=settings)
        wave(session, settings, many(3))
        (mine,) = wave(session, settings, ["x@elsewhere.example"], dmarc=NO_DMARC)
        selected = replace(campaign(session), proof=ANY_PROOF, known=True)
        plan = planned(session, settings, selected)
        assert "x@elsewhere.example" in {one.value for one in plan.blocks.not_made}
        assert states(session, [mine]) == ["held"]


def test_a_block_says_what_it_would_have_stopped(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        arrive(session, settings, author="x@throw-away-1.example", subject=BENIGN, dmarc=proven("throw-away-1.example"))
        arrive(session, settings, author="y@throw-away-1.example", subject=BENIGN, dmarc=proven("throw-away-1.example"))
        wave(session, settings, many(3))
        plan = planned(session, settings)
        assert [(one.value, one.stopped, one.released) for one in plan.blocks.made if one.stopped] == [("throw-away-1.example", 2, 0)]


def test_what_somebody_unticks_is_not_blocked(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        wave(session, settings, many(3))
        remove(session, settings, wish=BlockWish(without=frozenset({"throw-away-1.example"})))
        assert [value for match, value, _ in blocks(session) if match == "domain"] == ["throw-away-0.example", "throw-away-2.example"]


def test_a_selection_that_grew_is_told_and_nothing_is_done(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        came = wave(session, settings, many(3))
        plan = planned(session, settings)
        came += wave(session, settings, ["late@throw-away-9.example"])
        with pytest.raises(Stale):
            remove(session, settings, fence=plan.fence)
        assert (set(states(session, came)), blocks(session)) == ({"held"}, [])


def test_a_department_blocks_for_itself(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        wave(session, settings, many(4))
        plan = planned(session, settings, by=BEN)
        assert (plan.count, plan.scopes) == (2, ("department:legal",))
        remove(session, settings, by=BEN)
        assert set(session.scalars(select(col(Rule.scope)).where(col(Rule.origin) == rules.REMOVAL))) == {"department:legal"}
        assert smtp_blocks.list_smtp_blocks(session, NOW + timedelta(days=2)).always == frozenset()


def test_what_staff_has_blocked_stays_blocked_when_the_removal_is_undone(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        wave(session, settings, many(2))
        rules.add_rule(session, RuleOrder("block", "domain", "throw-away-0.example", "company"), by=IDA, now=NOW, settings=settings)
        made = remove(session, settings)
        assert [value for match, value, _ in blocks(session) if match == "domain"] == ["throw-away-1.example"]
        undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=settings)
        assert session.scalars(select(col(Rule.value)).where(rules.in_force(NOW))).all() == ["throw-away-0.example"]


def test_each_block_is_on_the_record(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        wave(session, settings, many(2))
        made = remove(session, settings)
        undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=settings)
        acts = [row.act for row in session.scalars(select(AuditRecord).where(col(AuditRecord.subject).startswith("rule:")))]
        assert (acts.count("rule"), acts.count("remove-rule")) == (3, 3)


def test_a_very_large_removal_leaves_the_same_alone(known: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_plan, "LARGE", 3)
    with db.transaction(known) as session:
        wave(session, settings, many(6))
        mine = wave(session, settings, [ROSA])
        write_to(session, settings, ROSA)
        selected = replace(campaign(session), proof=ANY_PROOF)
        request = DecisionRequest(selected, Verb.PURGE, block=BlockWish())
        large = decision_plan.plan_large(session, request, by=ANA, now=NOW, settings=settings)
        assert large is not None
        assert (large.count, len(large.blocks)) == (6, 7)
        made = decisions.decide_messages(session, request, by=ANA, now=NOW, settings=settings, planned=large)
        while bulk_decisions.go_on(session, made.id, now=NOW, settings=settings):
            pass
        assert (states(session, mine), len(blocks(session))) == (["held"], 7)


@pytest.mark.parametrize("many", [1_100, pytest.param(10_000, marks=pytest.mark.long)])
def test_very_many_hostile_senders_are_blocked(
    sqlite_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """As rows: a wave of that size is entered elsewhere."""
    monkeypatch.setattr(decision_plan, "LARGE", many)
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
        (first,) = wave(session, settings, ["x0@hostile.example"], dmarc=NO_DMARC)
        row = db.columns_of(session.get_one(Delivery, first))
        made_up = [
            row | {"id": first + place, "recipient": f"r{place}@company.example", "author": f"{place}{NAUGHTY}@hostile.example"}
            for place in range(1, many)
        ]
        db.insert_all(session, Delivery, made_up)
        made = remove(session, settings)
        assert made.done == many
        assert len(blocks(session)) == many + 1
        undone = undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=settings)
        assert (undone.done, blocks(session)) == (many, [])


NAUGHTY = "'%_--"

SENDERS = st.sampled_from(
    ["a@one.example", "b@one.example", "c@two.example", "d@gmail.com", ROSA, "boss@company.example", "f@three.example"]
)
COPIES_OF = st.lists(st.tuples(SENDERS, st.booleans(), st.booleans()), min_size=1, max_size=12)


@hypothesis_settings(max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(COPIES_OF, st.sampled_from(["", COPIES, ANY_PROOF]), st.booleans(), st.booleans())
def test_the_plan_equals_the_record(
    known: Engine, settings: Settings, copies: list[tuple[str, bool, bool]], proof: str, contact: bool, along: bool
) -> None:
    with db.transaction(known) as session:
        example = session.begin_nested()
        plan_and_record(session, settings, copies, proof, contact, along)
        example.rollback()


def plan_and_record(
    session: Session, settings: Settings, copies: list[tuple[str, bool, bool]], proof: str, contact: bool, along: bool
) -> None:
    """Compare plan and outcome of a removal. Each copy has a sender, a proof or none, and is suspicious or not."""
    came = [
        one
        for sender, proves, odd in copies
        for one in wave(session, settings, [sender], subject=ODD if odd else BENIGN, dmarc=None if proves else NO_DMARC)
    ]
    if contact:
        write_to(session, settings, ROSA)
    selected = Selection.of(campaign=session.get_one(Delivery, came[0]).campaign_id, proof=proof, known=along)
    plan = planned(session, settings, selected)
    if not plan.count:
        return
    orders = plan.orders(ALL, settings=settings, now=NOW)
    made = remove(session, settings, selected, fence=plan.fence, expect=plan.count)
    gone = [one for one in came if states(session, [one]) == ["purged"]]
    assert (made.count, made.done, len(gone)) == (plan.count, plan.count, plan.count)
    written = session.scalars(select(Rule).where(col(Rule.decision_id) == made.id)).all()
    names = ("match", "value", "scope", "unproven_only", "unsigned_only", "proof", "holds_until")
    assert sorted([str(getattr(one, name)) for name in names] for one in written) == sorted(
        [str(getattr(one, name)) for name in names] for one in orders
    )
    spared = {session.get_one(Delivery, one).author for one in came if one not in gone}
    assert {one.sender for one in plan.not_included} <= spared
    assert along or not contact or ROSA not in {session.get_one(Delivery, one).author for one in gone}
