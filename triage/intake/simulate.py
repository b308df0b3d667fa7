"""Simulates the policy and the rules in force on past messages. Reads, never writes."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.addressing.envelope import Address, Envelope
from triage.config.settings import Settings
from triage.directory import recipients
from triage.directory.leavers import GONE
from triage.intake import lookups, sender_context
from triage.message.authentication import Authentication
from triage.message.fingerprint import Fingerprint
from triage.message.mime.links import is_related_host
from triage.message.signals import find_signals
from triage.message.signals.signal_context import Seen, Signal
from triage.message.similarity import Likeness
from triage.message.summary import Summary, sender_address
from triage.policy.decide import ENCRYPTED, UNLIKE, Disposition, Verdict, decide_verdict, drop_excused
from triage.policy.facts import Facts, MatchedRule
from triage.policy.proof import proof_of_author, proven_as, rule_precision
from triage.quarantine import coverage
from triage.reports.simulated_mail import Rehearsed, Remedy
from triage.say import as_sentence
from triage.store.models.directory import KnownRecipient

FORGED = frozenset({"own-domain-forged", "unproven-known-sender", "dmarc-reject", "dangerous-attachment", ENCRYPTED})  # rules of the policy
HARMLESS = frozenset({"first-contact", "unproven", "authentication-failed", "proof-unknown", "unreadable", "wrong-date", "bulk"})
HEAVY = 30  # weight from which on a signal alone says that somebody deceives
SUBJECT = 120  # characters


def address_of(session: Session, mailbox: str, settings: Settings) -> str:
    """The address that strangers write to when their mail lands in this mailbox; "" when that is nobody's here."""
    try:
        address = Address.parse(mailbox)
    except ValueError:
        return ""
    found = recipients.resolve_address(session, address, settings.company)
    if found is not None and found.mailbox == str(address):
        return str(address)
    leads_here = col(KnownRecipient.mailbox) == str(address), col(KnownRecipient.kind).not_in([GONE, "postmaster"])
    other = session.scalars(select(col(KnownRecipient.address)).where(*leads_here).order_by(col(KnownRecipient.address)).limit(1)).first()
    return other or (str(address) if found is not None else "")


def leads_to(session: Session, address: str, mailbox: str, settings: Settings) -> bool:
    """Whether a release to this address goes into this mailbox."""
    try:
        found = recipients.resolve_address(session, Address.parse(address), settings.company)
    except ValueError:
        return False
    return found is not None and found.mailbox == mailbox


def simulate_message(
    session: Session,
    envelope: Envelope,
    authentication: Authentication,
    summary: Summary,
    *,
    settings: Settings,
    now: datetime,
    answered: datetime | None = None,
    alike: Likeness | None = None,
) -> Iterator[Rehearsed]:
    """Simulates the policy for each copy of a message. `envelope.received_at` is when it came, `now` says which rules are in force.

    `alike`: what is the same thing sent many times is one row; without it what is from the same sender.
    """
    for facts in lookups.gather_facts(session, envelope, authentication, summary, settings=settings, now=now):
        yield simulate_copy(session, enforced_facts(facts, settings), settings=settings, answered=answered, alike=alike)


def current_verdicts(
    session: Session, envelope: Envelope, authentication: Authentication, summary: Summary, *, settings: Settings, now: datetime
) -> list[Verdict]:
    """Returns the verdicts that a message would get if it came now, by the modes in force."""
    return [decide_verdict(facts) for facts in lookups.gather_facts(session, envelope, authentication, summary, settings=settings, now=now)]


def enforced_facts(facts: Facts, settings: Settings) -> Facts:
    """Facts as they are where unknown senders are held and no emergency is on, at the hour when the message came."""
    folder = facts.recipient.department, facts.recipient.person
    awake = coverage.passes_time_limited(settings.coverage, *folder, facts.envelope.received_at)
    return replace(facts, observe=False, dangerous_only=False, emergency="", out_of_hours=awake)


def simulate_copy(session: Session, facts: Facts, *, settings: Settings, answered: datetime | None, alike: Likeness | None) -> Rehearsed:
    """Simulates the verdict on one copy."""
    verdict = decide_verdict(facts)
    summary = facts.summary
    author = sender_address(summary, facts.envelope.reverse_path)
    deceives = "" if answered else describe_deception(facts, verdict, find_seen(session, facts))
    held = verdict.disposition is Disposition.QUARANTINE
    possible = candidate_rules(facts, settings) if deceives else list_remedies(facts, settings)
    return Rehearsed(
        arrived=facts.envelope.received_at,
        mailbox=facts.recipient.mailbox,
        department=facts.recipient.department,
        author=author,
        disposition=str(verdict.disposition),
        rule=verdict.rule,
        item=item_of(facts, author, alike, settings.policy.freemail_domains) if held else "",
        remedies=tuple(possible) if held else (),
        unknown=verdict.unknown,
        answered=answered,
        deceives=deceives,
        subject=summary.subject[:SUBJECT] if deceives else "",
        checks=checks_that_speak(facts, verdict),
    )


def checks_that_speak(facts: Facts, verdict: Verdict) -> tuple[str, ...]:
    """The checks of known senders that hold it, or would if they did not only report."""
    found = facts.unlike if verdict.rule == UNLIKE else drop_excused(facts.unlike_reported, facts) if verdict.withheld == UNLIKE else ()
    return tuple(dict.fromkeys(one.check for one in found))


def item_of(facts: Facts, author: str, alike: Likeness | None, freemail: Collection[str]) -> str:
    """The row that it lies on: with its campaign or its sender, and apart what somebody has proven to be their own."""
    pile = alike.name(Fingerprint.from_text(facts.summary.fingerprint)) if alike else ""
    return f"{pile or author} {proven_as(facts, freemail)}"


def find_seen(session: Session, facts: Facts) -> tuple[Signal, ...]:
    """Finds the signals of a message, without the company's contacts at that time."""
    return find_signals.find_signals(
        Seen(  # whom the company knew then is not told
            facts.summary,
            facts.authentication,
            facts.envelope.received_at,
            facts.own_domains,
            sender_context.names_of_people(session),
            reverse_path=facts.envelope.reverse_path,
        )
    )


def describe_deception(facts: Facts, verdict: Verdict, seen: Iterable[Signal]) -> str:
    """Says why a message looks like an attack, "" when it does not: the policy found it forged or dangerous, or one signal suffices."""
    if verdict.rule in FORGED:
        return as_sentence(verdict.reason)
    if verdict.rule == "allowed-sender" and not proof_of_author(facts):
        return ""  # a list vouches for it
    return next((one.sentence for one in seen if one.weight >= HEAVY and one.name not in HARMLESS), "")


def list_remedies(facts: Facts, settings: Settings) -> Iterator[Remedy]:
    """Yields each allow rule for the whole company that would let this message through."""
    for remedy in candidate_rules(facts, settings):
        allow = MatchedRule(0, "allow", remedy.match, remedy.value, "company", remedy.proof, False, "", "staff", facts.envelope.received_at)
        rules = sorted((*facts.rules, allow), key=lambda one: (tuple(-part for part in rule_precision(one)), one.effect != "block"))
        if decide_verdict(replace(facts, rules=tuple(rules))).disposition is Disposition.RELAY:
            yield remedy


def candidate_rules(facts: Facts, settings: Settings) -> Iterator[Remedy]:
    """Allows that staff could make of it: its list, its author, the author's domain, and the organisation's; no free-mail domain."""
    summary, found = facts.summary, facts.authentication
    for one in found.dkim:
        if summary.list_id and one.domain and is_related_host(one.domain, summary.list_id) and found.signed_by(one.domain, as_list=True):
            yield Remedy("list", summary.list_id, f"dkim:{one.domain}")
    if proof := proof_of_author(facts):
        yield Remedy("address", summary.author, proof)
        domain, whole = summary.author.rpartition("@")[2], found.dmarc.organisational_domain
        if domain not in settings.policy.freemail_domains:
            yield Remedy("domain", domain, proof)
        if whole not in ("", domain, *settings.policy.freemail_domains):
            yield Remedy("subdomains", whole, proof)
