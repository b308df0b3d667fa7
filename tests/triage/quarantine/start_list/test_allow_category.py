"""A category of the start list: the preview is the act, the act is undone as a whole, and what nobody may allow together is left out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, COMPANY, IDA, NOW, OTTO, SYNC
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import NotAllowed, NotAllowedNow, NotFound, Stale
from triage.message.authentication import Dmarc, Result
from triage.message.signals.severity import Severity
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import approvals
from triage.quarantine.start_list import allow_category as allowing
from triage.quarantine.start_list.allow_category import CategoryPlan, Standing
from triage.store import db
from triage.store.models.approvals import PendingAct
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule, StartListAct

JOE, MARA = "joe.fern@company.example", "mara.berg@company.example"
BANK, ALERTS, CARD = "no.reply@chase.com", "no.reply@alerts.chase.com", "service@americanexpress.com"


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[Session]:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        yield session


def arrive(session: Session, settings: Settings, *authors: str, result: Result = Result.PASS, to: str = JOE) -> None:
    """Messages come in, by default proven by DMARC."""
    for author in authors:
        domain = author.rpartition("@")[2]
        arriving.arrive(session, settings, to, author=author, dmarc=Dmarc(result, domain, domain, "none", ("dkim",)))


def plan(session: Session, settings: Settings, category: str = "banks") -> CategoryPlan:
    """The preview of a category."""
    return allowing.plan_category(session, category, by=ANA, now=NOW, settings=settings)


def allow(session: Session, settings: Settings, fence: str = "") -> StartListAct:
    """Ana allows the banks as the preview says."""
    fence = fence or plan(session, settings).fence
    made = allowing.allow_category(session, "banks", fence, by=ANA, now=NOW, settings=settings)
    assert isinstance(made, StartListAct)
    return made


def in_force(session: Session) -> dict[str, tuple[str, str, str, str]]:
    """The rules in force, by value."""
    return {one.value: (one.effect, one.match, one.scope, one.proof) for one in rules.list_rules(session, NOW, by=IDA)}


def standings(session: Session, settings: Settings, category: str = "banks") -> dict[str, Standing]:
    """The standing of each domain that was seen, or that is a platform."""
    return {one.domain: one.standing for one in plan(session, settings, category).offers if one.messages}


def test_the_act_allows_exactly_what_its_preview_says_and_one_undo_takes_all_of_it_back(session: Session, settings: Settings) -> None:
    arrive(session, settings, BANK, ALERTS, ALERTS, CARD)
    arrive(session, settings, "no.reply@wellsfargo.com", result=Result.NONE)  # not proven: not seen
    planned = plan(session, settings)
    said = [one.domain for one in planned.allowed]
    assert said == ["alerts.chase.com", "americanexpress.com", "chase.com"]
    assert planned.sentence == (
        "Allows 3 domains for the whole company, each with DMARC. They would have released 4 messages of the last 90 days."
    )
    act = allow(session, settings, planned.fence)
    assert sorted(act.domains) == said
    assert in_force(session) == dict.fromkeys(said, ("allow", "domain", "company", "dmarc"))
    assert set(session.scalars(select(col(Rule.note)))) == {"start list of 2026-12-01: Banks, cards and insurance"}
    assert [one.standing for one in plan(session, settings).offers[:3]] == [Standing.ALLOWED] * 3
    assert session.get_one(Delivery, session.scalars(select(col(Delivery.id))).first()).state == "held"  # what is held stays held
    undone = allowing.undo_act(session, act.id, by=IDA, now=NOW)
    assert (undone.undone_by_shown, in_force(session)) == ("Ida Lind", {})
    assert allowing.undo_act(session, act.id, by=ANA, now=NOW).undone_by_shown == "Ida Lind"
    acts = session.scalars(select(AuditRecord).where(col(AuditRecord.act).contains("start-list"))).all()
    assert [(one.act, one.items, one.detail["category"]) for one in acts] == [
        ("allow-start-list", 3, "banks"),
        ("undo-start-list", 3, "banks"),
    ]
    assert plan(session, settings).fence == planned.fence
    assert [one.id for one in allowing.list_acts(session, by=ANA)] == [act.id]


def test_an_undo_leaves_what_others_made_and_removed(session: Session, settings: Settings) -> None:
    arrive(session, settings, BANK, CARD)
    act = allow(session, settings)
    rules.remove_rule(session, session.scalars(select(col(Rule.id)).where(col(Rule.value) == "chase.com")).one(), by=IDA, now=NOW)
    own = RuleOrder("allow", "domain", "supplier.example", "company", proof="dmarc")
    rules.add_rule(session, own, by=IDA, now=NOW, settings=settings)
    allowing.undo_act(session, act.id, by=ANA, now=NOW)
    assert set(in_force(session)) == {"supplier.example"}


@pytest.mark.parametrize(
    ("author", "category", "standing"),
    [
        ("noreply@github.com", "accounts", Standing.PLATFORM),
        ("service@paypal.com", "banks", Standing.PLATFORM),
        ("a@mail.zendesk.com", "work", Standing.PLATFORM),
    ],
)
def test_platforms_are_never_allowed_together(session: Session, settings: Settings, author: str, category: str, standing: Standing) -> None:
    arrive(session, settings, author)
    assert standings(session, settings, category) == {author.rpartition("@")[2]: standing}
    fence = plan(session, settings, category).fence
    with pytest.raises(NotAllowedNow, match="no sender of this category can be allowed now"):
        allowing.allow_category(session, category, fence, by=ANA, now=NOW, settings=settings)


def test_what_speaks_against_a_sender_keeps_it_out(session: Session, settings: Settings) -> None:
    seen = [f"no.reply@{name}.com" for name in ("chase", "citi", "discover", "fidelity", "geico", "schwab", "visa")]
    arrive(session, settings, *seen)
    rules.add_rule(session, RuleOrder("block", "address", "no.reply@chase.com", "company"), by=IDA, now=NOW, settings=settings)
    hold = RuleOrder("hold", "domain", "citi.com", "department:it", note="hacked", until=NOW + timedelta(days=3))
    rules.add_rule(session, hold, by=IDA, now=NOW, settings=settings)
    of = {name: col(Delivery.author_domain) == f"{name}.com" for name in ("discover", "fidelity", "visa")}
    session.execute(update(Delivery).where(of["discover"]).values(state="purged", decision_id=1))
    session.execute(update(Delivery).where(of["fidelity"]).values(severity=Severity.SUSPICIOUS))
    rules.add_rule(session, RuleOrder("allow", "domain", "geico.com", "company", proof="dmarc"), by=IDA, now=NOW, settings=settings)
    session.execute(update(Delivery).where(of["visa"]).values(received_at=NOW - timedelta(days=91)))
    assert standings(session, settings) == {
        "chase.com": Standing.STOPPED,
        "citi.com": Standing.STOPPED,
        "discover.com": Standing.REMOVED,
        "fidelity.com": Standing.SUSPICIOUS,
        "geico.com": Standing.ALLOWED,
        "schwab.com": Standing.OFFERED,
    }
    assert [one.domain for one in plan(session, settings).allowed] == ["schwab.com"]
    assert next(one for one in plan(session, settings).offers if one.domain == "visa.com").standing is Standing.UNSEEN
    platforms = replace(settings, policy=replace(settings.policy, open_platforms=("schwab.com",)))
    assert plan(session, platforms).allowed == ()


def test_a_held_message_that_needs_a_second_look_keeps_its_sender_out(session: Session, settings: Settings) -> None:
    arrive(session, settings, BANK, CARD)
    session.execute(update(Delivery).where(col(Delivery.author) == BANK).values(second_look=1))
    assert standings(session, settings) == {"chase.com": Standing.SECOND_LOOK, "americanexpress.com": Standing.OFFERED}


def test_nothing_is_allowed_that_was_not_seen_in_the_preview(session: Session, settings: Settings) -> None:
    arrive(session, settings, BANK)
    fence = plan(session, settings).fence
    arrive(session, settings, CARD)
    with pytest.raises(Stale, match="review it again"):
        allowing.allow_category(session, "banks", fence, by=ANA, now=NOW, settings=settings)
    assert in_force(session) == {}
    with pytest.raises(NotFound, match="there is no category bank; there are accounts, banks"):
        plan(session, settings, "bank")


def test_where_two_keys_are_wanted_the_second_person_makes_it_so(session: Session, settings: Settings) -> None:
    settings = replace(settings, policy=replace(settings.policy, approvals=("domain-allow",)))
    arrive(session, settings, BANK, CARD)
    asked = allowing.allow_category(session, "banks", plan(session, settings).fence, by=ANA, now=NOW, settings=settings)
    assert isinstance(asked, PendingAct)
    assert in_force(session) == {}
    said = approvals.approval_sentence(asked)
    assert said.startswith(
        "Ana Roth asks for approval: allow americanexpress.com and chase.com for the whole company, from the start list."
    )
    with pytest.raises(NotFound):
        approvals.confirm_approval(session, asked.id, by=BEN, now=NOW, settings=settings, acts=allowing.ACTS)
    done = approvals.confirm_approval(session, asked.id, by=IDA, now=NOW, settings=settings, acts=allowing.ACTS)
    assert (done.state, done.result_id) == ("confirmed", session.scalars(select(col(StartListAct.id))).one())
    assert set(in_force(session)) == {"chase.com", "americanexpress.com"}
    assert set(session.scalars(select(col(Rule.second_by)))) == {str(IDA)}


def test_what_changed_since_it_was_asked_for_is_asked_again(session: Session, settings: Settings) -> None:
    settings = replace(settings, policy=replace(settings.policy, approvals=("domain-allow",)))
    arrive(session, settings, BANK)
    asked = allowing.allow_category(session, "banks", plan(session, settings).fence, by=ANA, now=NOW, settings=settings)
    arrive(session, settings, CARD)
    with pytest.raises(Stale):
        approvals.confirm_approval(session, asked.id, by=IDA, now=NOW, settings=settings, acts=allowing.ACTS)


def test_the_list_is_about_the_whole_company(session: Session, settings: Settings) -> None:
    with pytest.raises(NotAllowed):
        allowing.plan_category(session, "banks", by=BEN, now=NOW, settings=settings)
    with pytest.raises(NotAllowed):
        allowing.allow_category(session, "banks", "x", by=OTTO, now=NOW, settings=settings)
    with pytest.raises(NotAllowed):
        allowing.undo_act(session, 1, by=OTTO, now=NOW)
    with pytest.raises(NotFound):
        allowing.undo_act(session, 1, by=ANA, now=NOW)


def test_confidential_folders_are_no_evidence(session: Session, settings: Settings) -> None:
    arrive(session, settings, BANK, to=MARA)
    sealed = replace(COMPANY, sealed=(ConfidentialEntry("department:legal", ("hana",)),))
    directory.apply_directory(session, sealed, settings.company, by=SYNC, now=NOW)
    assert standings(session, settings) == {}
