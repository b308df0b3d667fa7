"""Rules in force, as an SQL condition: not removed, not expired, not paused."""

from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, or_
from sqlmodel import col

from triage.store.models.rules import Rule

VERSION = "rules"  # the marker that moves when rules may have changed


def in_force(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """SQL condition for rules in force: not removed, not expired, not paused."""
    return exists_at(now) & col(Rule.paused_at).is_(None)


def exists_at(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """SQL condition for rules that are not removed and not expired; they may be paused."""
    return col(Rule.removed_at).is_(None) & or_(col(Rule.until).is_(None), col(Rule.until) > now)
