"""Blocks that the SMTP server itself enforces, and the version that tells whether they may have changed."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from triage.addressing.envelope import ancestor_domains
from triage.policy.facts import BY_STAFF
from triage.policy.proof import Precision, rule_precision
from triage.policy.rules.rule_request import WHOLE
from triage.policy.rules.store import STANDING, VERSION, in_force
from triage.store import versions
from triage.store.models.rules import Rule

NOT_SEEN = ("list", "campaign")  # what neither the envelope nor the From field shows
LEAST = (-1, -1, -1, -1)  # less precise than every rule


class SmtpBlocks(NamedTuple):
    """The blocks that the SMTP server itself enforces (RecipientMap says how)."""

    always: frozenset[str]
    unsigned: frozenset[str]


def list_smtp_blocks(session: Session, now: datetime) -> SmtpBlocks:
    """The company-wide blocks that no narrower staff allow can override and that the envelope and the From field show.

    Not those of a purge while what they catch comes back when the purge is undone, nor those that do not reach into every folder.
    """
    meant = (col(Rule.effect) == "block", col(Rule.scope) == "company", col(Rule.match).not_in(NOT_SEEN), col(Rule.origin) != STANDING)
    refuses = or_(col(Rule.holds_until).is_(None), col(Rule.holds_until) <= now)
    blocks = session.scalars(select(Rule).where(in_force(now), refuses, *meant))
    allowed = most_precise_allows(session, now)
    lists = any_list_allowed(session, now)
    always, unsigned = set(), set()
    for block in blocks:
        if block.kept_out or allowed.get(block.value, LEAST) > rule_precision(block) or (lists and block.match in WHOLE):
            continue
        if not block.unproven_only:
            always.add(block.value)
        elif block.unsigned_only and not (lists or is_touched(block.value, allowed)):
            unsigned.add(block.value)
    return SmtpBlocks(frozenset(always), frozenset(unsigned))


def is_touched(value: str, allowed: Collection[str]) -> bool:
    """Whether one of these allows may spare a message of this address or domain, proven by a signature of another domain or a seal."""
    return any(name in allowed for name in [value, *ancestor_domains(value.rpartition("@")[2])])


def any_list_allowed(session: Session, now: datetime) -> bool:
    """Whether some list is allowed. Its posts have authors from anywhere: then the judge weighs blocks of whole domains."""
    lists = select(col(Rule.id)).where(
        in_force(now), col(Rule.effect) == "allow", col(Rule.match) == "list", col(Rule.origin).in_(BY_STAFF)
    )
    return session.scalar(lists.limit(1)) is not None


def most_precise_allows(session: Session, now: datetime) -> dict[str, Precision]:
    """Returns the highest precision of staff's allow rules for each address, and for anything within each domain."""
    found: dict[str, Precision] = {}
    for allow in session.scalars(select(Rule).where(in_force(now), col(Rule.effect) == "allow", col(Rule.origin).in_(BY_STAFF))):
        for name in [allow.value, *ancestor_domains(allow.value.rpartition("@")[2])]:
            found[name] = max(found.get(name, LEAST), rule_precision(allow))
    return found


def blocks_version(session: Session, now: datetime) -> str:
    """Differs from every earlier one when the rules in force may have changed, also when one has run out."""
    moments = (col(Rule.until), col(Rule.holds_until))
    over = [session.scalar(select(func.count()).select_from(Rule).where(one <= now)) for one in moments]
    return ".".join(map(str, (versions.read_version(session, VERSION), *over)))
