"""Finds rules about a message: by who wrote it, the list it came through, its campaign, and whom it is for."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from triage.addressing.envelope import ancestor_domains
from triage.addressing.recipient import Recipient
from triage.ids import format_id
from triage.message import mailing_lists
from triage.message.summary import Summary, sender_address
from triage.policy.facts import MatchedRule
from triage.policy.proof import rule_precision
from triage.policy.rules.rule_request import WHOLE
from triage.policy.rules_in_force import in_force
from triage.store.db import OneOf
from triage.store.models.columns import Instant
from triage.store.models.rules import Rule

NAMING = select(Rule).where(OneOf(col(Rule.value), "values"), in_force(bindparam("now", type_=Instant)))
ByValue = Mapping[str, Sequence[Rule]]
MOST_AUTHORS = 50  # of one From field


def rules_naming(session: Session, values: Iterable[str], now: datetime) -> ByValue:
    """The rules in force that name one of these values, by it."""
    found: dict[str, list[Rule]] = {}
    for rule in session.scalars(NAMING, {"values": sorted(set(values)), "now": now}):
        found.setdefault(rule.value, []).append(rule)
    return found


def values_of(summary: Summary, carrier: str = "", campaigns: Iterable[int] = ()) -> set[str]:
    """Returns the values of all rules that could be about this sender."""
    found = wanted_of(summary, campaigns) | authors_values(summary) | claim_values(summary, carrier)
    return {value for _, value in found} | ({carrier} if carrier else set())


def about_sender(
    rules: ByValue, summary: Summary, carrier: str = "", campaign_id: int | None = None, proven: bool = False
) -> list[MatchedRule]:
    """Filters the rules that are about this sender, whoever the recipient is.

    `carrier` is the folded reverse-path: the SMTP server refuses what a company-wide block of that address is about, and what
    it had to take all the same (mailflow.md 4) meets the block here.
    `campaign_id`, and whether it is `proven` who sent it: what a purge of its campaign left behind is about.
    A list that writes in place of its authors is allowed as a list only: its address is everybody's who may post there.
    A hold is about everybody whom the From field names, a block also about whom a message without a clear author claims to be from.
    """
    wanted = wanted_of(summary, () if campaign_id is None else (campaign_id,))
    authors, claims = authors_values(summary), claim_values(summary, carrier)
    named = (rule for value in {carrier, *(value for _, value in wanted | authors | claims)} for rule in rules.get(value, ()))
    rows = [rule for rule in named if rule.effect != "redirect"]
    by_list_only = mailing_lists.rewritten_author(summary) is not None
    domain = domain_of(summary)
    proofs = {summary.author, domain} if proven else set()
    fit = (
        row
        for row in rows
        if reaches_sender(row, wanted, domain, proofs)
        or is_block_of_carrier(row, carrier)
        or is_hold_of(row, authors)
        or is_block_of_claim(row, claims)
    )
    return [rule_of_row(row) for row in fit if not by_list_only or row.effect != "allow" or row.match == "list"]


def reaches_sender(rule: Rule, wanted: set[tuple[str, str]], domain: str, proofs: set[str]) -> bool:
    """Whether it is about the sender. Who lets a domain in means that domain alone, who blocks it means everything below it too."""
    alone = (rule.effect, rule.match) == ("allow", "domain")
    if rule.effect == "block" and rule.proof and rule.proof not in proofs:  # it leaves alone what somebody else proves, or nobody claims
        return False
    return (rule.match, rule.value) in wanted and (not alone or rule.value == domain)


def is_block_of_carrier(rule: Rule, carrier: str) -> bool:
    """Whether it is about the envelope sender, proven or not."""
    about = (rule.effect, rule.match, rule.scope, rule.unproven_only, rule.value)
    return about == ("block", "address", "company", False, carrier)


def is_hold_of(rule: Rule, authors: set[tuple[str, str]]) -> bool:
    """Whether it holds the messages of one of these authors."""
    return rule.effect == "hold" and (rule.match, rule.value) in authors


def is_block_of_claim(rule: Rule, claims: set[tuple[str, str]]) -> bool:
    """Whether it blocks whom a message only claims to be from. Nothing but a block follows from a claim."""
    return rule.effect == "block" and (rule.match, rule.value) in claims


def wanted_of(summary: Summary, campaigns: Iterable[int]) -> set[tuple[str, str]]:
    """(match, value) of every rule that could be about this sender, or about one of these campaigns."""
    return sender_values(summary) | {("campaign", format_id(one)) for one in campaigns}


def sender_values(summary: Summary) -> set[tuple[str, str]]:
    """(match, value) of every rule that could be about this sender."""
    wanted: set[tuple[str, str]] = set()
    if summary.list_id:
        wanted.add(("list", summary.list_id.casefold()))
    return wanted | address_values(summary.author) if summary.author else wanted


def authors_values(summary: Summary) -> set[tuple[str, str]]:
    """(match, value) of every hold that could be about somebody whom the From field names: where it names several, none is the author."""
    return {value for author in summary.authors[:MOST_AUTHORS] for value in address_values(author)}


def claim_values(summary: Summary, carrier: str) -> set[tuple[str, str]]:
    """(match, value) of every block that could be about whom a message without a clear author claims to be from."""
    claimed = "" if summary.author else sender_address(summary, carrier)
    return address_values(claimed) if claimed else set()


def address_values(author: str) -> set[tuple[str, str]]:
    """(match, value) of every rule about this address, or about a domain that it is in."""
    domains = ancestor_domains(author.rpartition("@")[2])
    return {("address", author)} | {(match, domain) for domain in domains for match in WHOLE}


def domain_of(summary: Summary) -> str:
    """The author's domain."""
    return summary.author.rpartition("@")[2]


def rules_for_recipient(rules: Iterable[MatchedRule], recipient: Recipient) -> tuple[MatchedRule, ...]:
    """Returns the rules whose scope has this recipient, the most precise first."""
    folders = {f"department:{recipient.department}", f"person:{recipient.person}"}
    found = [rule for rule in rules if rule.scope in {"company", *folders} and folders.isdisjoint(rule.kept_out)]
    return tuple(sorted(found, key=lambda rule: (tuple(-part for part in rule_precision(rule)), rule.effect != "block", rule.id)))


def rule_of_row(row: Rule) -> MatchedRule:
    """A rule as the policy knows it."""
    return MatchedRule(
        id=row.id,
        effect=row.effect,
        match=row.match,
        value=row.value,
        scope=row.scope,
        proof=row.proof,
        unproven_only=row.unproven_only,
        author=row.author,
        origin=row.origin,
        since=row.created_at,
        risky=row.risky,
        unchecked=row.unchecked,
        encrypted=row.encrypted,
        holds_until=row.holds_until,
        note=row.note if row.effect == "hold" else "",
        until=row.until,
        kept_out=tuple(row.kept_out),
    )
