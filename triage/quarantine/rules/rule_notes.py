"""Notes of rules that we wrote ourselves, as sentences of ours; a note of somebody else stays text."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from triage.policy.suggestions.rule_suggestions import suggestion_sentence
from triage.quarantine.removal import late_copies, removal_blocks
from triage.say import load_sentence
from triage.store.models.rules import Proposal, Rule

OURS: dict[str, str] = {note: note for note in (late_copies.NOTE, removal_blocks.NOTE)}
BEFORE = "late copies of what was purged"  # as it was said first


def known_notes(session: Session, found: Sequence[Rule]) -> dict[int, str]:
    """The notes of these rules, by their ids. A rule that a suggestion made has its question as its note, until staff changes it."""
    suggested = session.scalars(select(Proposal).where(col(Proposal.rule_id).in_([rule.id for rule in found])))
    questions = {row.rule_id: suggestion_sentence(row) for row in suggested}
    return {rule.id: known_note(rule.note, questions.get(rule.id)) for rule in found}


def known_note(note: str, question: str | None) -> str:
    """A note with its message id, where we wrote it. `question`: of the suggestion that made the rule."""
    if ours := OURS.get(note):
        return ours
    if question == note:
        return question
    return load_sentence(note, None) if question is not None or note == BEFORE else note
