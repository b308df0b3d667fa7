"""Proposals: what speaks for a rule, who gets which row, and what an answer does."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, COMPANY, IDA, NOW, OTTO, SYNC
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import BadInput, Conflict, NotAllowed, NotFound
from triage.message.authentication import Dmarc, Result
from triage.policy.contacts.contact_evidence import Sent
from triage.policy.learning import learn_contacts
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.policy.suggestions import candidates, rule_suggestions
from triage.policy.suggestions.threshold import Candidate, Kind
from triage.quarantine.decisions import answer_suggestion, decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.approvals import PendingAct
from triage.store.models.audit import AuditRecord
from triage.store.models.contacts import PostedList
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Proposal, Rule

JOE, MARA, INFO = "joe.fern@company.example", "mara.berg@company.example", "info@company.example"
SUPPLIER = "sales@supplier.example"


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[Session]:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        yield session


def arrive(session: Session, settings: Settings, *to: str, author: str = SUPPLIER, subject: str = "Your order", proven: bool = True) -> int:
    """A stranger's mail comes in."""
    domain = author.rpartition("@")[2]
    dmarc = Dmarc(Result.PASS, domain, domain, "reject", ("dkim",)) if proven else Dmarc(Result.NONE)
    (first, *_) = arriving.arrive(session, settings, *to, author=author, subject=subject, dmarc=dmarc)
    return first


def wrote(session: Session, settings: Settings, *senders: str, to: str = SUPPLIER) -> None:
    """Learn that these employees wrote to an address."""
    messages = [Sent(sender, (to,), sender, NOW) for sender in senders]
    learn_contacts.learn_many(session, messages, how="seed", settings=settings, by=SYNC, now=NOW)


def correspond(session: Session, settings: Settings, author: str = SUPPLIER, count: int = 5) -> None:
    """Three people here write to it, and it writes to them."""
    wrote(session, settings, JOE, MARA, INFO, to=author)
    for number in range(count):
        arrive(session, settings, (JOE, MARA, INFO)[number % 3], author=author, subject=f"Order {number}")


def found(session: Session, settings: Settings) -> dict[str, Candidate]:
    """Candidates for suggested rules, by value."""
    return {one.value: one for one in candidates.find_candidates(session, settings=settings, now=NOW)}


def proposed(session: Session, settings: Settings) -> Proposal:
    """The only proposal."""
    rule_suggestions.refresh_suggestions(session, candidates.find_candidates(session, settings=settings, now=NOW), now=NOW)
    (only,) = rule_suggestions.list_suggestions(session, by=ANA, now=NOW)
    return only


def test_a_domain_that_people_correspond_with_is_proposed(session: Session, settings: Settings) -> None:
    correspond(session, settings)
    arrive(session, settings, JOE, proven=False)
    one = proposed(session, settings)
    assert (one.kind, one.match, one.value, one.proof) == (Kind.CORRESPONDENCE, "domain", "supplier.example", "dmarc")
    said = "3 people, 5 messages in 90 days, all pass DMARC (1 more without proof are not allowed): allow supplier.example for the company?"
    assert rule_suggestions.suggestion_sentence(one) == said
    assert one.evidence["subjects"] == ["Order 4", "Order 3", "Order 2"]
    assert rules.list_rules(session, NOW, by=IDA) == []


def test_a_domain_that_sends_sign_in_messages_is_proposed_with_what_would_have_passed(session: Session, settings: Settings) -> None:
    for number in range(2):
        arrive(session, settings, JOE, MARA, author="no-reply@portal.example", subject=f"Your code is 12345{number}")
    arrive(session, settings, JOE, author="news@portal.example", subject="Something else")
    held = col(Delivery.subject).startswith("Your code")
    session.execute(update(Delivery).where(held).values(time_limited_until=NOW + timedelta(minutes=10)))
    one = proposed(session, settings)
    assert (one.kind, one.value, one.evidence["would_pass"], one.evidence["time_limited"]) == (Kind.SIGN_IN, "portal.example", 5, 4)
    assert rule_suggestions.suggestion_sentence(one).startswith("4 sign-in or password messages to 2 people in 90 days, all pass DMARC")


@pytest.mark.parametrize("author", ["friend@gmail.com", "boss@company.example", "x@mail.company.example", "shop@someone.github.io"])
def test_some_domains_are_never_proposed(session: Session, settings: Settings, author: str) -> None:
    wrote(session, settings, JOE, MARA, INFO, to=author)
    for number in range(6):
        arrive(session, settings, (JOE, MARA, INFO)[number % 3], author=author)
    shared = author.endswith("github.io")  # below github.io each name is somebody's own
    assert set(found(session, settings)) == ({"someone.github.io"} if shared else set())


def test_the_providers_own_name_for_everybody_is_never_proposed(session: Session, settings: Settings) -> None:
    correspond(session, settings, "x@github.io")
    assert found(session, settings) == {}


@pytest.mark.parametrize(
    ("order", "there"),
    [
        (RuleOrder("allow", "domain", "supplier.example", "company"), False),
        (RuleOrder("allow", "subdomains", "supplier.example", "company"), False),
        (RuleOrder("allow", "domain", "supplier.example", "department:it"), True),
        (RuleOrder("allow", "address", SUPPLIER, "company"), True),
        (RuleOrder("block", "domain", "supplier.example", "department:it"), False),
        (RuleOrder("block", "address", "other@supplier.example", "company"), False),
    ],
)
def test_where_somebody_has_said_something_nobody_is_asked(session: Session, settings: Settings, order: RuleOrder, there: bool) -> None:
    correspond(session, settings)
    rules.add_rule(session, order, by=ANA, now=NOW, settings=settings)
    assert ("supplier.example" in found(session, settings)) is there


def test_a_domain_whose_proven_mail_was_purged_is_not_proposed(session: Session, settings: Settings) -> None:
    correspond(session, settings)
    phish = arrive(session, settings, JOE, author="x@supplier.example", subject="Pay now")
    assert "supplier.example" in found(session, settings)
    decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(phish,)), Verb.PURGE), by=ANA, now=NOW, settings=settings)
    assert found(session, settings) == {}


def test_what_staff_release_counts_as_correspondence(session: Session, settings: Settings) -> None:
    ids = tuple(arrive(session, settings, (JOE, MARA, INFO)[number % 3], subject=f"Order {number}") for number in range(6))
    assert found(session, settings) == {}
    decisions.decide_messages(session, DecisionRequest(Selection.of(ids=ids), Verb.RELEASE), by=ANA, now=NOW, settings=settings)
    assert found(session, settings)["supplier.example"].evidence.people == 3


def test_old_mail_counts_no_more(session: Session, settings: Settings) -> None:
    correspond(session, settings)
    assert candidates.find_candidates(session, settings=settings, now=NOW + timedelta(days=91)) == []


def test_sealed_mail_is_no_evidence(session: Session, settings: Settings) -> None:
    correspond(session, settings)
    sealed = replace(COMPANY, sealed=(ConfidentialEntry("department:it", ("hana",)),))
    directory.apply_directory(session, sealed, settings.company, by=SYNC, now=NOW)
    assert found(session, settings) == {}


LISTS = [("a@l.example", "a.l.example", "l.example", 2), ("b@l.example", "", "", 9), ("c@l.example", "c.l.example", "", 3)]


def test_a_list_that_somebody_writes_to_is_proposed_as_a_list(session: Session, settings: Settings) -> None:
    for address, list_id, signer, posts in LISTS:
        session.add(PostedList(address=address, list_id=list_id, signer=signer, posts=posts, person="joe.fern", last_posted_at=NOW))
    session.flush()
    one = proposed(session, settings)
    assert (one.match, one.value, one.proof) == ("list", "a.l.example", "dkim:l.example")
    answer_suggestion.answer_suggestion(session, one.id, "accept", by=ANA, now=NOW, settings=settings)
    (rule,) = rules.list_rules(session, NOW, by=IDA)
    assert (rule.match, rule.value, rule.proof) == ("list", "a.l.example", "dkim:l.example")
    assert found(session, settings) == {}


@pytest.mark.parametrize("folder", ["person:joe.fern", "department:it"])
def test_to_whom_sealed_people_write_is_no_evidence(session: Session, settings: Settings, folder: str) -> None:
    wrote(session, settings, JOE, MARA)
    theirs = PostedList(address="a@l.example", list_id="a.l.example", signer="l.example", posts=2, person="joe.fern", last_posted_at=NOW)
    session.add(theirs)
    seal = replace(COMPANY, sealed=(ConfidentialEntry(folder, ("hana",)),))
    directory.apply_directory(session, seal, settings.company, by=SYNC, now=NOW)
    assert candidates.find_writers(session, ["supplier.example"]) == {"supplier.example": {"/mara.berg"}}
    assert found(session, settings) == {}


def test_accepting_makes_the_rule_and_is_on_the_record(session: Session, settings: Settings) -> None:
    correspond(session, settings)
    one = proposed(session, settings)
    answer_suggestion.answer_suggestion(session, one.id, "accept", by=ANA, now=NOW, settings=settings)
    (rule,) = rules.list_rules(session, NOW, by=IDA)
    assert (rule.effect, rule.value, rule.scope, rule.proof, rule.author) == ("allow", "supplier.example", "company", "dmarc", "Ana Roth")
    assert rule.note.startswith("3 people, 5 messages in 90 days")
    acts = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "answer-proposal")).all()
    assert [(act.by, act.detail["answer"], act.detail["value"]) for act in acts] == [("person:ana", "accepted", "supplier.example")]
    rule_suggestions.refresh_suggestions(session, candidates.find_candidates(session, settings=settings, now=NOW), now=NOW)
    assert (
        rule_suggestions.list_suggestions(session, by=ANA, now=NOW),
        [row.id for row in rule_suggestions.list_suggestions(session, by=OTTO, now=NOW, state="accepted")],
    ) == ([], [one.id])


def test_what_was_refused_is_not_proposed_again(session: Session, settings: Settings) -> None:
    correspond(session, settings)
    one = proposed(session, settings)
    answer_suggestion.answer_suggestion(session, one.id, "refuse", by=ANA, now=NOW, settings=settings)
    assert rule_suggestions.refresh_suggestions(session, candidates.find_candidates(session, settings=settings, now=NOW), now=NOW) == 0
    assert rule_suggestions.list_suggestions(session, by=ANA, now=NOW) == []
    assert rules.list_rules(session, NOW, by=IDA) == []


def test_an_answer_can_be_taken_back_by_who_gave_it(session: Session, settings: Settings) -> None:
    correspond(session, settings)
    one = proposed(session, settings)
    answer_suggestion.answer_suggestion(session, one.id, "accept", by=ANA, now=NOW, settings=settings)
    with pytest.raises(Conflict, match="Ana Roth has accepted this suggestion"):
        answer_suggestion.answer_suggestion(session, one.id, "open", by=IDA, now=NOW, settings=settings)
    answer_suggestion.answer_suggestion(session, one.id, "open", by=ANA, now=NOW, settings=settings)
    assert rules.list_rules(session, NOW, by=IDA) == []
    assert [row.id for row in rule_suggestions.take_proposals(session, by=ANA, now=NOW)] == [one.id]


def test_the_second_who_answers_is_told_who_was_faster(session: Session, settings: Settings) -> None:
    correspond(session, settings)
    one = proposed(session, settings)
    answer_suggestion.answer_suggestion(session, one.id, "refuse", by=ANA, now=NOW, settings=settings)
    with pytest.raises(Conflict, match="Ana Roth has already refused this suggestion"):
        answer_suggestion.answer_suggestion(session, one.id, "accept", by=IDA, now=NOW, settings=settings)


def test_no_two_people_have_the_same_row(session: Session, settings: Settings) -> None:
    for number in range(25):
        correspond(session, settings, f"x@partner{number}.example")
    rule_suggestions.refresh_suggestions(session, candidates.find_candidates(session, settings=settings, now=NOW), now=NOW)
    anas, idas = rule_suggestions.take_proposals(session, by=ANA, now=NOW), rule_suggestions.take_proposals(session, by=IDA, now=NOW)
    assert (len(anas), len(idas)) == (rule_suggestions.HAND, rule_suggestions.HAND)
    assert not {one.id for one in anas} & {one.id for one in idas}
    assert {one.id for one in rule_suggestions.take_proposals(session, by=ANA, now=NOW)} == {one.id for one in anas}
    with pytest.raises(Conflict, match="Ida Lind is working on this suggestion"):
        answer_suggestion.answer_suggestion(session, idas[0].id, "accept", by=ANA, now=NOW, settings=settings)
    later = NOW + rule_suggestions.LEASE
    answer_suggestion.answer_suggestion(session, idas[0].id, "accept", by=ANA, now=later, settings=settings)
    rule_suggestions.return_assigned_suggestions(session, by=IDA)
    assert len(rule_suggestions.take_proposals(session, by=ANA, now=later, count=50)) == 24
    assert rule_suggestions.count_suggestions(session, now=later) == {"open": 24, "accepted": 1}


def test_what_nothing_speaks_for_any_more_is_gone(session: Session, settings: Settings) -> None:
    correspond(session, settings)
    proposed(session, settings)
    rule_suggestions.refresh_suggestions(session, [], now=NOW)
    assert session.scalars(select(Proposal)).all() == []


def test_where_two_keys_are_wanted_the_rule_waits_for_the_second(session: Session, settings: Settings) -> None:
    settings = replace(settings, policy=replace(settings.policy, approvals=("domain-allow",)))
    correspond(session, settings)
    one = proposed(session, settings)
    answered = answer_suggestion.answer_suggestion(session, one.id, "accept", by=ANA, now=NOW, settings=settings)
    assert (answered.state, answered.rule_id, session.scalars(select(Rule)).all()) == ("accepted", None, [])
    pending = session.get_one(PendingAct, answered.pending_id)
    with pytest.raises(BadInput, match="it waits for approval"):
        answer_suggestion.answer_suggestion(session, one.id, "open", by=ANA, now=NOW, settings=settings)
    pending.state = "declined"
    session.add(pending)
    assert proposed(session, settings).id == one.id


def test_proposals_need_the_whole_company(session: Session, settings: Settings) -> None:
    correspond(session, settings)
    one = proposed(session, settings)
    with pytest.raises(NotAllowed):
        rule_suggestions.take_proposals(session, by=BEN, now=NOW)
    with pytest.raises(NotAllowed):
        rule_suggestions.list_suggestions(session, by=BEN, now=NOW)
    with pytest.raises(NotAllowed):
        answer_suggestion.answer_suggestion(session, one.id, "accept", by=OTTO, now=NOW, settings=settings)
    with pytest.raises(NotFound):
        answer_suggestion.answer_suggestion(session, 1, "accept", by=ANA, now=NOW, settings=settings)
    with pytest.raises(BadInput, match="answer: accept, refuse, open"):
        answer_suggestion.answer_suggestion(session, one.id, "perhaps", by=ANA, now=NOW, settings=settings)


def test_a_program_answers_under_its_own_name(session: Session, settings: Settings) -> None:
    correspond(session, settings)
    shell = Actor("shell", "root", IDA.role, IDA.scope, "root (shell)")
    answer_suggestion.answer_suggestion(session, proposed(session, settings).id, "accept", by=shell, now=NOW, settings=settings)
    assert rules.list_rules(session, NOW, by=IDA)[0].author == "root (shell)"


def block(session: Session, settings: Settings, match: str, value: str) -> None:
    rules.add_rule(session, RuleOrder("block", match, value, "company"), by=IDA, now=NOW, settings=settings)


def purge(session: Session, settings: Settings, sender: str) -> None:
    decisions.decide_messages(
        session, DecisionRequest(Selection.of(sender=sender, states=("held", "queued")), Verb.PURGE), by=IDA, now=NOW, settings=settings
    )


@pytest.mark.parametrize(
    ("match", "value"),
    [("domain", "supplier.example"), ("subdomains", "supplier.example"), ("address", "orders@supplier.example")],
)
def test_what_was_blocked_a_moment_ago_is_proposed_to_nobody(session: Session, settings: Settings, match: str, value: str) -> None:
    correspond(session, settings)
    one = proposed(session, settings)
    rule_suggestions.take_proposals(session, by=ANA, now=NOW)
    block(session, settings, match, value)
    assert rule_suggestions.list_suggestions(session, by=ANA, now=NOW) == []
    assert rule_suggestions.take_proposals(session, by=ANA, now=NOW) == []
    assert rule_suggestions.count_suggestions(session, now=NOW)["open"] == 0
    with pytest.raises(Conflict, match="staff blocked the sender"):
        answer_suggestion.answer_suggestion(session, one.id, "accept", by=ANA, now=NOW, settings=settings)


def test_another_domain_that_ends_alike_stays_proposed(session: Session, settings: Settings) -> None:
    correspond(session, settings)
    proposed(session, settings)
    block(session, settings, "domain", "plier.example")
    block(session, settings, "address", "orders@another-supplier.example")
    assert len(rule_suggestions.list_suggestions(session, by=ANA, now=NOW)) == 1


def test_what_was_purged_a_moment_ago_comes_back_with_the_undo_only(session: Session, settings: Settings) -> None:
    correspond(session, settings)
    one = proposed(session, settings)
    purge(session, settings, SUPPLIER)
    assert rule_suggestions.take_proposals(session, by=ANA, now=NOW) == []
    (last,) = session.scalars(select(Decision).where(col(Decision.verb) == "purge"))
    undoing.undo_decision(session, last.id, by=IDA, reason="wanted", now=NOW, settings=settings)
    assert [row.id for row in rule_suggestions.take_proposals(session, by=ANA, now=NOW)] == [one.id]
