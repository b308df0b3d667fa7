"""The rules on content in force, read again when rules have changed, and which of those that match a message reach a recipient."""

from collections.abc import Collection, Sequence
from datetime import datetime
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, select
from sqlmodel import Session, col

from triage.addressing.recipient import Recipient
from triage.directory import apply as directory
from triage.policy.content_rules.conditions import CONTENT as CONTENT, as_conditions
from triage.policy.content_rules.match_content import ContentMatch, ContentRule, ContentRules
from triage.policy.rules_in_force import VERSION, in_force
from triage.store import versions
from triage.store.models.rules import Rule

SCOPES = ("person", "department", "company")  # the narrowest first
_kept: WeakKeyDictionary[Engine, tuple[tuple[int, int], ContentRules]] = WeakKeyDictionary()


def active_rules(session: Session, now: datetime) -> ContentRules:
    """Lists the content rules in force. `ContentRules.match` leaves out those that expire meanwhile."""
    key = session.get_bind().engine
    version = versions.read_version(session, VERSION), versions.read_version(session, directory.VERSION)  # a rename changes scopes
    kept = _kept.get(key)
    if kept is None or kept[0] != version:
        rows = session.scalars(select(Rule).where(col(Rule.match) == CONTENT, in_force(now)))
        kept = _kept[key] = (version, ContentRules(map(rule_of_row, rows)))
    return kept[1]


def rule_of_row(row: Rule) -> ContentRule:
    """A rule on content as the policy knows it."""
    return ContentRule(
        id=row.id,
        name=row.value,
        effect=row.effect,
        conditions=as_conditions(row.conditions),
        scope=row.scope,
        author=row.author,
        note=row.note,
        since=row.created_at,
        until=row.until,
        target=row.target,
    )


def content_for_recipient(matches: Sequence[ContentMatch], recipient: Recipient, sealed: Collection[str]) -> tuple[ContentMatch, ...]:
    """Returns the matches whose rule applies to this recipient, the narrowest scope first.

    Only a rule for a confidential folder (`sealed`) applies to messages in it: use counts of other rules would reveal its content.
    """
    if not matches or recipient.always or recipient.bounce:
        return ()
    folder = {f"department:{recipient.department}", f"person:{recipient.person}"}
    scopes = folder & set(sealed) or folder | {"company"}
    reaching = (one for one in matches if one.rule.scope in scopes)
    return tuple(sorted(reaching, key=lambda one: SCOPES.index(one.rule.scope.partition(":")[0])))
