"""Redirect rules: mail of some senders, or to some of our addresses, always goes to somebody else here. They let nothing in."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from sqlmodel import Session

from triage.access import confidential_folders
from triage.addressing.envelope import fold_text
from triage.addressing.recipient import Recipient
from triage.config.settings import Company
from triage.directory import recipients
from triage.errors import BadInput
from triage.message.summary import Summary
from triage.policy.content_rules.active_rules import content_for_recipient
from triage.policy.content_rules.match_content import ContentMatch
from triage.policy.decide import Disposition, Verdict
from triage.policy.facts import Facts
from triage.policy.proof import rule_precision
from triage.policy.rules.matching_rules import ByValue, domain_of, reaches_sender, sender_values
from triage.say import join_parts, say
from triage.store.models.rules import Rule


class Redirect(Protocol):
    """Protocol of a redirect rule: its target, and who made it."""

    @property
    def id(self) -> int: ...
    @property
    def target(self) -> str: ...
    @property
    def author(self) -> str: ...


PASSES, COMES = {Disposition.RELAY}, {Disposition.RELAY, Disposition.QUARANTINE}


def apply_redirects(
    session: Session,
    rules: ByValue,
    summary: Summary,
    found: Sequence[Recipient],
    company: Company,
    content: Sequence[ContentMatch] = (),
) -> list[Recipient]:
    """The recipients, each redirected by the most precise rule about this message; of equal rules the newest counts.

    The folder stays: those who look after the address decide. postmaster@, abuse@ and what comes back to us go where they go.
    `rules`: those in force that name the sender or one of the recipients. `content`: the rules on content that the message matches; they
    come after those about senders.
    """
    wanted = sender_values(summary)
    values = {value for _, value in wanted} | {name for one in found for name in names_of(one)}
    rows = [rule for value in values for rule in rules.get(value, ()) if rule.effect == "redirect"]
    by_content = [one for one in content if one.rule.effect == "redirect"]
    if not rows and not by_content:
        return list(found)
    seals = {one.folder for one in confidential_folders.list_entries(session)}

    def redirects_for(one: Recipient) -> list[Redirect]:
        of_sender = matching_redirects(rows, wanted, summary, one, seals)
        return [*of_sender, *(match.rule for match in content_for_recipient(by_content, one, seals) if not one.stray)]

    return [sent_on(session, one, redirects_for(one), company) for one in found]


def drop_duplicates(judged: Sequence[tuple[Facts, Verdict]]) -> list[tuple[Facts, Verdict]]:
    """Without what a rule sends to a mailbox that gets the message anyway: it has a copy of its own, or another one that is sent on passes.

    A copy that is taken away there is none, and what several folders hold for one mailbox each of them decides: nothing gets lost.
    """
    gets: set[str] = set()
    left_out: set[int] = set()
    for place in sorted(range(len(judged)), key=lambda place: rank_copy(*judged[place])):
        facts, verdict = judged[place]
        if facts.recipient.redirected_by is not None and facts.recipient.mailbox in gets:
            left_out.add(place)
        elif verdict.disposition in (PASSES if facts.recipient.redirected_by is not None else COMES):
            gets.add(facts.recipient.mailbox)
    return [one for place, one in enumerate(judged) if place not in left_out]


def rank_copy(facts: Facts, verdict: Verdict) -> tuple[bool, int]:
    """Sort key of copies of one message for one mailbox: its own first, then those that pass, then those that are held."""
    return facts.recipient.redirected_by is not None, list(Disposition).index(verdict.disposition)


def names_of(recipient: Recipient) -> set[str]:
    """The addresses that a rule may name for this recipient."""
    return {recipient.address, recipient.listed} - {""}


def matching_redirects(
    rows: Sequence[Rule], wanted: set[tuple[str, str]], summary: Summary, recipient: Recipient, seals: set[str]
) -> list[Rule]:
    """The rules about this message to this recipient, the most precise first."""
    if recipient.always or recipient.bounce or recipient.stray:
        return []
    folder = {f"department:{recipient.department}", f"person:{recipient.person}"}
    scopes = folder & seals or folder | {"company"}  # into a confidential folder reaches only who makes rules there
    fit = [
        rule
        for rule in rows
        if rule.scope in scopes
        and (not rule.recipient or rule.recipient in names_of(recipient))
        and (rule.match == "recipient" or reaches_sender(rule, wanted, domain_of(summary), set()))
    ]
    return sorted(fit, key=lambda rule: (rule_precision(rule), bool(rule.recipient), rule.id), reverse=True)


def sent_on(session: Session, recipient: Recipient, rules: Sequence[Redirect], company: Company) -> Recipient:
    """The recipient with the mailbox that the first rule names. A rule whose target is gone moves nothing, and says so."""
    for rule in rules:
        try:
            mailbox = recipients.resolve_destination(session, rule.target, company)
        except BadInput:
            note = say("A rule of {author} redirects it to {target}, who is no longer here.", author=rule.author, target=rule.target)
            return replace(recipient, note=join_sentences(recipient.note, note))
        if mailbox == recipient.mailbox:
            return recipient
        note = say("A rule of {author} redirects it to {mailbox}.", mailbox=mailbox, author=rule.author)
        return replace(
            recipient,
            mailbox=mailbox,
            listed=fold_text(mailbox),
            detail="",
            note=join_sentences(recipient.note, note),
            redirected_by=rule.id,
        )
    return recipient


def join_sentences(*notes: str) -> str:
    """Sentences one after another."""
    return join_parts(" ", notes)
