"""Explains why a message passes or not: for a sender and a recipient before any message comes, and for a delivery, then and today."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor
from triage.addressing.envelope import Address, Envelope
from triage.addressing.recipient import Recipient
from triage.config.settings import Settings
from triage.errors import BadInput, NotFound
from triage.ids import format_id
from triage.intake import lookups
from triage.message.authentication import Arc, Authentication, Dkim, Dmarc, Result, Stated
from triage.message.signals.severity import Severity
from triage.message.summary import Summary
from triage.policy.decide import Verdict, decide_verdict
from triage.policy.runner_up import RunnerUp
from triage.quarantine.search.listing import severity_of
from triage.say import error_sentence, say
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.text.json_values import read_value


@dataclass(frozen=True, slots=True)
class Case:
    """Verdict under one assumption about the sender's proof."""

    proof: str  # dmarc, aligned, dkim:DOMAIN, arc:DOMAIN, none
    disposition: str
    rule: str
    rule_id: int | None
    reason: str
    beside: tuple[RunnerUp, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Verdicts that a sender's messages to an employee would get."""

    sender: str
    to: str
    department: str
    person: str
    mailbox: str  # where it goes when it passes
    note: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """Verdict of a delivery when it came, and what the rules of today would say."""

    delivery: int
    then: Case
    today: Case | None  # None where its recipient's folder is another one by now, and not the asker's


def explain_verdict(
    session: Session, sender: str, to: str, *, by: Actor, settings: Settings, now: datetime, list_id: str = "", subject: str = ""
) -> Explanation:
    """Explains which rule would decide about messages from this sender, under each proof that makes a difference, and what else matches.

    BadInput for what is no address; NotFound when nobody in the actor's scope has the recipient's address.
    """
    author, recipient = fold_address(sender, "sender"), fold_address(to, "to")
    summary = Summary(parsed=True, author=author, authors=(author,), subject=subject, list_id=list_id.strip("<> ").casefold())
    envelope = Envelope(0, now, author, (recipient,), "", "")
    facts = lookups.gather_facts(session, envelope, Authentication(author), summary, settings=settings, now=now)[0]
    if facts.recipient.stray or not is_in_scope(session, facts.recipient, by):
        raise NotFound(say("nobody in your scope has the address {recipient}", recipient=recipient))
    proofs = dict.fromkeys(["dmarc", *sorted({rule.proof for rule in facts.rules if ":" in rule.proof}), "aligned", "none"])
    cases = [verdict_case(proof, decide_verdict(replace(facts, authentication=assume_authentication(author, proof)))) for proof in proofs]
    return Explanation(
        author,
        recipient,
        facts.recipient.department,
        facts.recipient.person,
        facts.recipient.mailbox,
        facts.recipient.note,
        tuple(drop_repeats(cases)),
    )


def explain_delivery(session: Session, delivery_id: int, *, by: Actor, settings: Settings, now: datetime) -> Past:
    """Explains a delivery's verdict, and the verdict of today, in a folder of the actor's. NotFound outside their scope."""
    delivery = session.scalars(select(Delivery).where(col(Delivery.id) == delivery_id, access.visible_deliveries(by))).first()
    if delivery is None:
        raise NotFound(say("there is no delivery {delivery_id}", delivery_id=format_id(delivery_id)))
    message = session.get_one(Message, delivery.message_id)
    beside = tuple(read_value(RunnerUp, one, "reason") for one in delivery.beside)
    then = Case(delivery.proof or "none", delivery.verdict, delivery.rule, delivery.rule_id, delivery.reason, beside)
    envelope, summary = Envelope.from_json(message.envelope), Summary.from_json(message.summary | {"text": message.text})
    authentication = Authentication.from_json(message.authentication)
    is_suspicious = severity_of(delivery, message.signals) >= Severity.SUSPICIOUS
    lasts = None if is_suspicious else lookups.deadline_of(summary, envelope.received_at, settings)
    found = lookups.gather_facts(
        session,
        envelope,
        authentication,
        summary,
        settings=settings,
        now=now,
        campaign_id=delivery.campaign_id,
        lasts=lasts,
        signs={one["name"] for one in message.signals},
    )
    facts = next((one for one in found if one.recipient.address == delivery.recipient), found[0])
    return Past(delivery_id, then, verdict_case(then.proof, decide_verdict(facts)) if is_in_scope(session, facts.recipient, by) else None)


def is_in_scope(session: Session, recipient: Recipient, by: Actor) -> bool:
    """Whether the recipient's folder is in the actor's scope and not confidential to them."""
    folder = {f"department:{recipient.department}", f"person:{recipient.person}"}
    if folder & confidential_folders.closed_folders(session, by):
        return False
    return by.scope.company or bool(folder & set(by.scope.words()))


def fold_address(text: str, field: str) -> str:
    """The address folded."""
    try:
        return str(Address.parse(text))
    except ValueError as fault:
        raise BadInput(error_sentence(fault), field=field) from fault


def assume_authentication(author: str, proof: str) -> Authentication:
    """Returns the authentication of an author who is proven in this way alone."""
    domain, (kind, _, named) = author.rpartition("@")[2], proof.partition(":")
    if kind == "dkim":
        return Authentication(author, dkim=(Dkim(Result.PASS, named, signs_list=True),))
    if kind == "arc":
        return Authentication(author, arc=Arc(Result.PASS, named, 1, "", (named,), (Stated("dmarc", "pass", domain),), signs_list=True))
    if kind == "dmarc":
        return Authentication(author, dmarc=Dmarc(Result.PASS, domain, domain, "reject", ("dkim",)))
    return Authentication(author, dmarc=Dmarc(Result.NONE, domain, domain, "", ("spf",) if kind == "aligned" else ()))


def verdict_case(proof: str, verdict: Verdict) -> Case:
    """A verdict under an assumption."""
    return Case(proof, str(verdict.disposition), verdict.rule, verdict.rule_id, verdict.reason, verdict.beside)


def drop_repeats(cases: Iterable[Case]) -> Iterable[Case]:
    """Without those that say the same as the one before."""
    before: Case | None = None
    for one in cases:
        if before is None or replace(one, proof=before.proof) != before:
            yield one
        before = one
