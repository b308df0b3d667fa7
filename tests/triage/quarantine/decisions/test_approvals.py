"""Two keys: what needs them, who may turn the second one, and that nothing moves before."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage.arriving import ALIGNED, ANA, BEN, COMPANY, IDA, NO_DMARC, NOW, OTTO, SYNC, arrive
from triage.access import dual_control
from triage.actor import Actor, Role, Scope
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, StaffEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import ApprovalNeeded, FactorNeeded, NotAllowed, NotAllowedNow, NotFound, Stale
from triage.message.authentication import Dmarc
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions import approvals, decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import pack_records
from triage.store.db import read_transaction, transaction
from triage.store.delivery_state import State
from triage.store.models.approvals import PendingAct
from triage.store.models.audit import AuditRecord
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.models.rules import Rule

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
WHOLE_DOMAIN = RuleOrder("allow", "domain", "dell.example", "company")
LEO = Actor.person("leo", Role.ADMIN, Scope(departments=frozenset({"legal"})), "Leo Falk")
STAFF = tuple(StaffEntry(one.name, one.shown, str(one.role), tuple(one.scope.words())) for one in (ANA, BEN, IDA, LEO, OTTO))
HOUSE = CompanyDirectory(COMPANY.departments, COMPANY.people, STAFF, COMPANY.postmaster)


@pytest.fixture
def careful(settings: Settings) -> Settings:
    """A company that wants two keys for everything that can need them."""
    policy = replace(settings.policy, approvals=("domain-allow", "large-purge", "risky-release"), approval_purge_copies=1)
    return replace(settings, policy=policy)


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """The small company with staff of every role."""
    with transaction(engine) as session:
        directory.apply_directory(session, HOUSE, settings.company, by=SYNC, now=NOW)
    return engine


def risky(session: Session, settings: Settings, *recipients: str, dmarc: Dmarc = NO_DMARC) -> tuple[int, ...]:
    """A message whose name is one of ours."""
    found = arrive(session, settings, *(recipients or (JOE,)), dmarc=dmarc)
    message = session.get_one(Delivery, found[0]).message_id
    signals = [{"name": "name-of-ours", "sentence": "The name is one of ours.", "weight": 45}]
    record = replace(session.get_one(Message, message).record, signals=signals)
    pack_records.rewrite_records(session, [(message, record)])
    return found


def asked(session: Session, settings: Settings, ids: tuple[int, ...], verb: Verb = Verb.RELEASE, **more: Any) -> PendingAct:
    """Pending approval of Ana's decision about these deliveries."""
    found = decisions.decide_or_ask(
        session, DecisionRequest(Selection(ids=ids), verb, "he called", **more), by=ANA, now=NOW, settings=settings
    )
    assert isinstance(found, PendingAct)
    return found


def rule_asked(session: Session, settings: Settings) -> PendingAct:
    """Pending approval of Ana's rule that allows a domain for the company."""
    found = approvals.add_rule(session, WHOLE_DOMAIN, by=ANA, now=NOW, settings=settings)
    assert isinstance(found, PendingAct)
    return found


def states(session: Session, ids: tuple[int, ...]) -> list[str]:
    """The states of these deliveries."""
    return [session.get_one(Delivery, one, populate_existing=True).state for one in ids]


def confirmed(session: Session, settings: Settings, one: PendingAct, by: Actor = IDA, **more: Any) -> PendingAct:
    """The second person approves."""
    return approvals.confirm_approval(session, one.id, by=by, settings=settings, **{"now": NOW} | more)


def test_without_the_setting_nobody_is_asked(company: Engine, settings: Settings) -> None:
    with transaction(company) as session:
        mail = risky(session, settings)
        decisions.decide_messages(session, DecisionRequest(Selection(ids=mail), Verb.RELEASE), by=ANA, now=NOW, settings=settings)
        assert isinstance(approvals.add_rule(session, WHOLE_DOMAIN, by=ANA, now=NOW, settings=settings), Rule)
        assert states(session, mail) == ["queued"]


def test_a_risky_release_waits_for_another_person_and_bears_both_names(company: Engine, careful: Settings) -> None:
    with transaction(company) as session:
        mail = risky(session, careful)
        one = asked(session, careful, mail)
        assert (one.needs, states(session, mail)) == (["risky-release"], ["held"])
        assert approvals.approval_sentence(one).startswith(
            "Ana Roth asks for approval: release 1 message. A second person is needed because a signal says"
        )
        with pytest.raises(NotAllowed, match="somebody else"):
            confirmed(session, careful, one, ANA)
        confirmed(session, careful, one)
        assert states(session, mail) == ["queued"]
        made = session.get_one(Decision, one.result_id)
        assert (made.by, made.second_by, made.second_by_shown, made.reason) == ("person:ana", "person:ida", "Ida Lind", "he called")
        released = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "release")).one()
        assert (released.by, released.detail["second_key"]) == ("person:ana", "person:ida")
        with pytest.raises(NotAllowedNow, match="Ida Lind already confirmed"):
            confirmed(session, careful, one)


def test_whose_second_factor_is_due_neither_asks_nor_approves(company: Engine, careful: Settings) -> None:
    with transaction(company) as session:
        mail = risky(session, careful)
        late = DecisionRequest(Selection(ids=mail), Verb.RELEASE, "he called")
        with pytest.raises(FactorNeeded):
            decisions.decide_or_ask(session, late, by=replace(ANA, factor_due=True), now=NOW, settings=careful)
        one = asked(session, careful, mail)
        with pytest.raises(FactorNeeded):
            confirmed(session, careful, one, replace(IDA, factor_due=True))
        assert states(session, mail) == ["held"]


def test_a_large_removal_asks_for_the_second_factor_also_where_one_person_is_enough(company: Engine, settings: Settings) -> None:
    reaching = replace(
        settings, policy=replace(settings.policy, approval_purge_copies=1), recall=replace(settings.recall, imap="imaps://store.example")
    )
    late = replace(IDA, factor_due=True)
    with transaction(company) as session:
        messages = tuple(arrive(session, settings, JOE)[0] for _ in range(2))
        session.execute(update(Delivery).where(col(Delivery.id).in_(messages)).values(state=State.DELIVERED))
        both, one = (DecisionRequest(Selection(ids=messages[:number]), Verb.PURGE) for number in (2, 1))
        with pytest.raises(FactorNeeded):
            decisions.decide_messages(session, both, by=late, now=NOW, settings=reaching)
        (taken,) = decisions.decide_messages(session, one, by=late, now=NOW, settings=reaching).items
        assert taken.outcome == "recalling"


def test_a_mailing_list_lets_in_as_many_as_a_domain(company: Engine, careful: Settings) -> None:
    order = RuleOrder("allow", "list", "dev.lists.example", "company", "dkim:lists.example")
    with transaction(company) as session:
        waiting = approvals.add_rule(session, order, by=ANA, now=NOW, settings=careful)
        assert isinstance(waiting, PendingAct)
        assert waiting.needs == ["domain-allow"]
        ours = approvals.add_rule(session, replace(order, scope="department:it"), by=ANA, now=NOW, settings=careful)
        assert isinstance(ours, Rule)


@pytest.mark.parametrize(("verb", "more"), [(Verb.RELEASE, {}), (Verb.REDIRECT, {"to": "mara.berg"})])
def test_whatever_lets_risky_mail_go_needs_two(company: Engine, careful: Settings, verb: Verb, more: dict[str, str]) -> None:
    with transaction(company) as session:
        one = asked(session, careful, risky(session, careful), verb, **more)
        confirmed(session, careful, one)
        assert session.get_one(Decision, one.result_id).verb == verb


def test_a_decision_that_is_not_risky_or_releases_nothing_needs_one(company: Engine, careful: Settings) -> None:
    with transaction(company) as session:
        plain, odd = arrive(session, careful, JOE), risky(session, careful)
        for mail, verb in ((plain, Verb.RELEASE), (odd, Verb.PURGE)):
            request = DecisionRequest(Selection(ids=mail), verb)
            assert not isinstance(decisions.decide_or_ask(session, request, by=ANA, now=NOW, settings=careful), PendingAct)


def test_a_purge_that_reaches_into_many_mailboxes_waits(company: Engine, careful: Settings) -> None:
    with transaction(company) as session:
        mail = arrive(session, careful, JOE) + arrive(session, careful, MARA)
        session.execute(update(Delivery).values(state=State.DELIVERED))
        small = decisions.decide_or_ask(session, DecisionRequest(Selection(ids=mail[:1]), Verb.PURGE), by=ANA, now=NOW, settings=careful)
        assert not isinstance(small, PendingAct)
        session.execute(update(Delivery).values(state=State.DELIVERED))
        one = asked(session, careful, mail, Verb.PURGE)
        assert one.needs == ["large-purge"]
        confirmed(session, careful, one)
        assert states(session, mail) == ["recalling", "recalling"]


def test_a_domain_for_everybody_waits_by_itself_and_along_with_a_release(company: Engine, careful: Settings) -> None:
    with transaction(company) as session:
        narrow = replace(WHOLE_DOMAIN, scope="department:it")
        assert isinstance(approvals.add_rule(session, narrow, by=ANA, now=NOW, settings=careful), Rule)
        alone = rule_asked(session, careful)
        along = asked(session, careful, arrive(session, careful, JOE, dmarc=ALIGNED), rule=replace(WHOLE_DOMAIN, value="", proof="aligned"))
        in_force = select(col(Rule.value)).where(col(Rule.scope) == "company")
        assert session.scalars(in_force).all() == []
        for one in (alone, along):
            confirmed(session, careful, one)
        assert set(session.scalars(in_force)) == {"dell.example", "supplier.example"}
        assert session.get_one(Rule, alone.result_id).second_by == "person:ida"


def test_nobody_goes_around_the_second_key(company: Engine, careful: Settings) -> None:
    with transaction(company) as session:
        mail = risky(session, careful)
        with pytest.raises(ApprovalNeeded):
            decisions.decide_messages(session, DecisionRequest(Selection(ids=mail), Verb.RELEASE), by=IDA, now=NOW, settings=careful)
        with pytest.raises(ApprovalNeeded):
            rules.add_rule(session, WHOLE_DOMAIN, by=Actor("shell", "root", Role.ADMIN, IDA.scope), now=NOW, settings=careful)


def test_the_mail_must_be_what_it_was(company: Engine, careful: Settings) -> None:
    with transaction(company) as session:
        risky(session, careful)
        selected = Selection(sender="sales@supplier.example")
        one = decisions.decide_or_ask(session, DecisionRequest(selected, Verb.RELEASE), by=ANA, now=NOW, settings=careful)
        assert isinstance(one, PendingAct)
        arrive(session, careful, MARA)
        with pytest.raises(Stale):
            confirmed(session, careful, one)
        approvals.decline_approval(session, one.id, by=IDA, now=NOW, reason="look again")
        assert (one.state, one.settled_reason) == ("declined", "look again")


@pytest.mark.parametrize("recipients", [(JOE,), (JOE, MARA)])
def test_who_does_not_see_all_of_it_does_not_know_of_it(company: Engine, careful: Settings, recipients: tuple[str, ...]) -> None:
    with transaction(company) as session:
        one = asked(session, careful, risky(session, careful, *recipients))
        with pytest.raises(NotFound):
            confirmed(session, careful, one, LEO)
        with pytest.raises(NotFound):
            approvals.decline_approval(session, one.id, by=LEO, now=NOW)
        assert approvals.list_approvals(session, by=LEO, now=NOW) == []
        assert approvals.list_approvals(session, by=ANA, now=NOW) == approvals.list_approvals(session, by=OTTO, now=NOW) == [one]
        with pytest.raises(NotAllowed):
            approvals.decline_approval(session, one.id, by=OTTO, now=NOW)


def test_a_rule_is_confirmed_by_whose_scope_it_is(company: Engine, careful: Settings) -> None:
    with transaction(company) as session, pytest.raises(NotFound):
        confirmed(session, careful, rule_asked(session, careful), LEO)


def test_a_rule_for_each_is_confirmed_by_whoever_may_make_each(company: Engine, careful: Settings) -> None:
    for_each = replace(WHOLE_DOMAIN, match="address", value="", scope="")
    with transaction(company) as session:
        one = asked(session, careful, risky(session, careful, dmarc=ALIGNED), rule=for_each)
        assert approvals.list_approvals(session, by=LEO, now=NOW) == []
        confirmed(session, careful, one)
        assert session.scalars(select(col(Rule.scope))).all() == ["person:joe.fern"]


def test_sealed_mail_stays_among_those_named(company: Engine, careful: Settings) -> None:
    sealed = replace(HOUSE, sealed=(ConfidentialEntry("person:joe.fern", ("ana",)),))
    with transaction(company) as session:
        directory.apply_directory(session, sealed, careful.company, by=SYNC, now=NOW)
        one = asked(session, careful, risky(session, careful))
        assert approvals.list_approvals(session, by=IDA, now=NOW) == []
        with pytest.raises(NotFound):
            confirmed(session, careful, one)


def test_it_lapses_after_three_days(company: Engine, careful: Settings) -> None:
    late = NOW + timedelta(hours=72)
    with transaction(company) as session:
        mail = risky(session, careful)
        one = asked(session, careful, mail)
        assert dual_control.lapse_approvals(session, now=late - timedelta(seconds=1)) == 0
        with pytest.raises(NotAllowedNow, match="has expired"):
            confirmed(session, careful, one, now=late)
        assert dual_control.lapse_approvals(session, now=late) == 1
        assert (one.state, states(session, mail)) == ("lapsed", ["held"])
    with read_transaction(company) as session:
        assert session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "approval-expired")).one().by == "system:approvals"


def test_the_one_who_asked_may_withdraw_it(company: Engine, careful: Settings) -> None:
    with transaction(company) as session:
        one = asked(session, careful, risky(session, careful))
        assert approvals.decline_approval(session, one.id, by=ANA, now=NOW).state == "withdrawn"


def test_who_has_lost_the_role_has_asked_for_nothing(company: Engine, careful: Settings) -> None:
    with transaction(company) as session:
        one = asked(session, careful, risky(session, careful))
        staff = tuple(replace(entry, role="auditor") if entry.login == "ana" else entry for entry in STAFF)
        directory.apply_directory(session, replace(HOUSE, staff=staff), careful.company, by=SYNC, now=NOW)
        with pytest.raises(NotAllowedNow, match="may no longer decide"):
            confirmed(session, careful, one)


def test_asked_twice_with_one_key_is_asked_once(company: Engine, careful: Settings) -> None:
    with transaction(company) as session:
        mail = risky(session, careful)
        first, again = (asked(session, careful, mail, idempotency_key="k") for _ in range(2))
        assert first.id == again.id
