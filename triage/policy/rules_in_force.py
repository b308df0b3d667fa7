"""Which rules are in force, as an SQL condition: not removed, not run out."""

from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, or_
from sqlmodel import col

from triage.store.models.rules import Rule


def in_force(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Not removed, not run out."""
    return col(Rule.removed_at).is_(None) & or_(col(Rule.until).is_(None), col(Rule.until) > now)
