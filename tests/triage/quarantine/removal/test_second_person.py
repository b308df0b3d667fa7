"""Taking delivered messages out of mailboxes: what needs the right or a second person, said beforehand and by the act alike."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, update
from sqlmodel import Session, col

from tests.triage.arriving import ANA, COMPANY, IDA, NOW, SYNC, arrive
from triage.access import staff_members
from triage.actor import ALL_RIGHTS, EVERYTHING, Actor, Right, Role, rights_of
from triage.addressing.company import PersonEntry, StaffEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import BadInput, NotAllowed, NotAllowedNow
from triage.message.signals.severity import Severity
from triage.quarantine.decisions import approvals, decide as decisions, decision_plan, mailbox_sweep
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.removal import removal_plan
from triage.quarantine.search.selection import Selection
from triage.store.db import transaction
from triage.store.delivery_state import State
from triage.store.models.approvals import PendingAct
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery

CROOK, WAVE = "crook@evil.example", 77
SAM = Actor.person("sam", Role.TRIAGE, EVERYTHING, "Sam Reed")  # without the right
EVE = Actor.person("eve", Role.ADMIN, EVERYTHING, "Eve Boss")  # an administrator without it
PEOPLE = tuple(PersonEntry(f"it{number}", f"It {number}", "it", f"it{number}@company.example") for number in range(3))
STAFF = tuple(StaffEntry(one.name, one.shown, str(one.role), ("company",), "", tuple(one.rights)) for one in (ANA, EVE, IDA, SAM))
HOUSE = replace(COMPANY, people=(*COMPANY.people, *PEOPLE), staff=STAFF)


@pytest.fixture
def few(settings: Settings) -> Settings:
    """A company where more than two mailboxes are many."""
    return replace(settings, policy=replace(settings.policy, approval_mailboxes=2))


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[Session]:
    with transaction(engine) as session:
        directory.apply_directory(session, HOUSE, settings.company, by=SYNC, now=NOW)
        yield session


def delivered(session: Session, settings: Settings, number: int, severity: Severity, state: State = State.DELIVERED) -> list[int]:
    """So many copies of a campaign, in as many mailboxes."""
    to = [f"it+it{place}@company.example" for place in range(number)]
    ids = [one for address in to for one in arrive(session, settings, address, author=CROOK)]
    values = {"campaign_id": WAVE, "severity": int(severity), "state": state}
    session.execute(update(Delivery).where(col(Delivery.id).in_(ids)).values(**values))
    return ids


def removed(session: Session, settings: Settings, by: Actor, **features: Any) -> DecisionReport | PendingAct:
    selected = Selection.of(**features)
    return decisions.decide_or_ask(session, DecisionRequest(selected, Verb.PURGE, "a wave"), by=by, now=NOW, settings=settings)


BY_CAMPAIGN, BY_DOMAIN, BY_SEARCH, BY_SENDER = {"campaign": WAVE}, {"domain": "evil.example"}, {"q": "order"}, {"sender": CROOK}


def needs_of(session: Session, selected: Selection, *, by: Actor, settings: Settings) -> list[str]:
    """As the preview asks it."""
    plan = removal_plan.plan_removal(session, selected, by=by, settings=settings, now=NOW)
    return decision_plan.removal_needs(session, selected, plan.where, by=by, settings=settings)


@pytest.mark.parametrize(
    ("by", "number", "severity", "features", "waits"),
    [
        (SAM, 2, Severity.DANGEROUS, BY_CAMPAIGN, False),
        (SAM, 2, Severity.DANGEROUS, BY_SENDER, False),
        (SAM, 3, Severity.DANGEROUS, BY_CAMPAIGN, True),
        (SAM, 1, Severity.SUSPICIOUS, BY_CAMPAIGN, True),
        (SAM, 1, Severity.DANGEROUS, BY_DOMAIN, True),
        (SAM, 1, Severity.DANGEROUS, BY_SEARCH, True),
        (EVE, 1, Severity.NONE, BY_CAMPAIGN, True),  # it is a right, and no role
        (ANA, 3, Severity.NONE, BY_SEARCH, False),
        (replace(SAM, kind="shell", rights=ALL_RIGHTS), 3, Severity.NONE, BY_DOMAIN, False),
        (replace(SAM, kind="token", name="1"), 1, Severity.NONE, BY_CAMPAIGN, True),
    ],
)
def test_what_needs_a_second_person(
    session: Session, few: Settings, by: Actor, number: int, severity: Severity, features: dict[str, Any], waits: bool
) -> None:
    delivered(session, few, number, severity)
    needs = needs_of(session, Selection.of(**features), by=by, settings=few)
    made = removed(session, few, by, **features)
    assert needs == (["remove-delivered"] if waits else [])
    assert (made.needs if isinstance(made, PendingAct) else []) == needs


@pytest.mark.parametrize("features", [BY_CAMPAIGN, BY_DOMAIN, BY_SEARCH])
def test_what_is_held_needs_nobody_else(session: Session, few: Settings, features: dict[str, Any]) -> None:
    delivered(session, few, 3, Severity.NONE, State.HELD)
    assert needs_of(session, Selection.of(**features), by=SAM, settings=few) == []
    assert isinstance(removed(session, few, SAM, **features), DecisionReport)


def test_a_company_may_want_nobody_else(session: Session, few: Settings) -> None:
    delivered(session, few, 3, Severity.NONE)
    alone = replace(few, policy=replace(few.policy, approvals=()))
    assert needs_of(session, Selection(domain="evil.example"), by=SAM, settings=alone) == []
    assert isinstance(removed(session, alone, SAM, **BY_DOMAIN), DecisionReport)


def test_somebody_else_confirms_and_both_are_named(session: Session, few: Settings) -> None:
    ids = delivered(session, few, 3, Severity.NONE)
    asked = removed(session, few, SAM, **BY_CAMPAIGN)
    assert isinstance(asked, PendingAct)
    assert approvals.approval_sentence(asked).endswith("A second person is needed because it removes delivered messages from mailboxes.")
    done = approvals.confirm_approval(session, asked.id, by=EVE, now=NOW, settings=few)
    made = session.get_one(Decision, done.result_id)
    assert (made.by, made.second_by, made.count) == ("person:sam", "person:eve", len(ids))


def test_where_nobody_else_could_confirm_the_act_says_so(session: Session, few: Settings) -> None:
    delivered(session, few, 1, Severity.NONE)
    elsewhere, reading = StaffEntry("ben", "Ben", "triage", ("department:legal",)), StaffEntry("otto", "Otto", "auditor", ("company",))
    alone = replace(HOUSE, staff=(replace(STAFF[0], rights=()), elsewhere, reading))
    directory.apply_directory(session, alone, few.company, by=SYNC, now=NOW, confirmed=True)
    with pytest.raises(NotAllowed, match="nobody else here could give it: somebody with the right remove-delivered can do it alone"):
        removed(session, few, replace(ANA, rights=frozenset()), **BY_CAMPAIGN)
    directory.apply_directory(session, replace(alone, staff=(STAFF[0],)), few.company, by=SYNC, now=NOW, confirmed=True)
    ana = staff_members.find_staff_actor(session, "ana", NOW)
    assert ana is not None
    assert isinstance(removed(session, few, ana, **BY_CAMPAIGN), DecisionReport)


def test_a_very_large_one_is_refused(session: Session, few: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_plan, "LARGE", 1)
    monkeypatch.setattr(decision_plan, "MOST_BY_NAME", 1)
    delivered(session, few, 3, Severity.NONE)
    with pytest.raises(NotAllowedNow, match="this needs approval"):
        decision_plan.plan_large(session, DecisionRequest(Selection(campaign=WAVE), Verb.PURGE), by=SAM, now=NOW, settings=few)
    assert (
        decision_plan.plan_large(session, DecisionRequest(Selection(campaign=WAVE), Verb.PURGE), by=ANA, now=NOW, settings=few) is not None
    )


def test_a_sweep_needs_the_right_and_counting_does_not(session: Session, settings: Settings) -> None:
    said: dict[str, Any] = {"reason": "", "now": NOW, "settings": settings}
    with pytest.raises(NotAllowed, match="remove-delivered"):
        mailbox_sweep.begin_sweep(session, CROOK, by=EVE, **said)
    assert mailbox_sweep.begin_sweep(session, CROOK, by=EVE, dry_run=True, **said).verb == "sweep"
    assert mailbox_sweep.begin_sweep(session, CROOK, by=IDA, **said).verb == "sweep"


def test_the_directory_gives_the_right_and_takes_it(session: Session, settings: Settings) -> None:
    found = {login: staff_members.find_staff_actor(session, login, NOW) for login in ("ana", "eve")}
    assert [one and one.rights for one in found.values()] == [{Right.REMOVE_DELIVERED}, frozenset()]
    none = replace(HOUSE, staff=tuple(replace(one, rights=()) for one in STAFF))
    directory.apply_directory(session, none, settings.company, by=SYNC, now=NOW)
    ana = staff_members.find_staff_actor(session, "ana", NOW)
    assert ana is not None
    assert ana.rights == frozenset()


def test_a_right_that_is_none_is_refused(session: Session, settings: Settings) -> None:
    with pytest.raises(ValueError, match="there is no right “purge-all”; there are remove-delivered"):
        rights_of(["purge-all"])
    odd = replace(HOUSE, staff=(*STAFF, StaffEntry("odd", "Odd", "triage", ("company",), rights=("purge-all",))))
    with pytest.raises((BadInput, ValueError), match="is no right"):
        directory.apply_directory(session, odd, settings.company, by=SYNC, now=NOW)
