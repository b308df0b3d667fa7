"""Notes of rules that we wrote ourselves, as sentences of ours; a note of somebody else stays text."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from triage.policy.rules.store import REMOVAL, STANDING
from triage.policy.suggestions.rule_suggestions import suggestion_sentence
from triage.quarantine.removal import late_copies, removal_blocks
from triage.store.models.rules import Proposal, Rule

OURS = {STANDING: late_copies.NOTE, REMOVAL: removal_blocks.NOTE}  # by the origin of the rule


def known_notes(session: Session, found: Sequence[Rule]) -> dict[int, str]:
    """The notes of these rules, by their ids. A rule that a suggestion made has its question as its note, until staff changes it."""
    suggested = session.scalars(select(Proposal).where(col(Proposal.rule_id).in_([rule.id for rule in found])))
    ours: dict[int | None, str] = {row.rule_id: suggestion_sentence(row) for row in suggested}
    return {rule.id: known_note(rule, ours.get(rule.id, OURS.get(rule.origin, ""))) for rule in found}


def known_note(rule: Rule, ours: str) -> str:
    """The note of a rule, with its message id while it is still the one that we gave it."""
    return ours if ours == rule.note else rule.note
