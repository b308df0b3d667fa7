"""The start list in force: the one that was shipped, or one of a later day that an administrator imported."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from sqlalchemy import delete, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor, Grant, Role
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.ids import format_id
from triage.policy.start_list.list_file import Limits, StartList, read_accepted, read_list
from triage.say import say, say_count
from triage.store import ledger
from triage.store.models.rules import ImportedStartList

SHIPPED = Path(__file__).with_name("start_list.txt")
IMPORTED = "import-start-list"  # the act


@dataclass(frozen=True, slots=True)
class ListInForce:
    """The list in force, and who imported it; None, "" where it was shipped."""

    list: StartList
    imported_at: datetime | None = None
    by_shown: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """Effect of an import: the domains that come, go, or say something else."""

    version: date
    senders: int
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    is_same: bool = False  # this very list is in force already

    @property
    def sentence(self) -> str:
        """The effect of the import, in words."""
        if self.is_same:
            return say("This list is in force already: nothing was changed.")
        return say_count(
            "Version {day} with {count} sender: {added} new, {removed} removed, {changed} changed. Rules stay as they are.",
            "Version {day} with {count} senders: {added} new, {removed} removed, {changed} changed. Rules stay as they are.",
            count=self.senders,
            day=self.version.isoformat(),
            added=len(self.added),
            removed=len(self.removed),
            changed=len(self.changed),
        )


@lru_cache(maxsize=2)
def parse_accepted(text: str) -> StartList:
    """A list that was accepted before, read once (`read_accepted`)."""
    return read_accepted(text)


def shipped_list() -> StartList:
    """The list of this version of Mailroom."""
    return parse_accepted(SHIPPED.read_text(encoding="utf-8"))


def list_in_force(session: Session) -> ListInForce:
    """The list of the latest day, shipped or imported."""
    shipped = shipped_list()
    row = session.scalars(select(ImportedStartList).order_by(col(ImportedStartList.id).desc()).limit(1)).first()
    if row is None or row.version <= shipped.version.isoformat():
        return ListInForce(shipped)
    return ListInForce(parse_accepted(row.text), row.at, row.by_shown)


def may_import(by: Actor) -> None:
    """NotAllowed unless the actor administers the whole company."""
    access.over_everything(by, Role.ADMIN)
    access.require_grant(by, Grant.ADMIN)


def plan_import(session: Session, text: str, *, by: Actor, settings: Settings) -> Imported:
    """Returns the effect that importing this file would have. FaultyLines and BadInput where it is no list, or none of a later day."""
    may_import(by)
    own, policy = settings.own_domains, settings.policy
    new, old = read_list(text, Limits(own, policy.freemail_domains, policy.open_platforms)), list_in_force(session).list
    if new == old:
        return Imported(new.version, len(new.senders), is_same=True)
    if new.version <= old.version:
        raise BadInput(
            say(
                "the list in force is dated {current}, this one {given}: write a later day in its first line",
                current=old.version.isoformat(),
                given=new.version.isoformat(),
            )
        )
    both = new.senders.keys() & old.senders.keys()
    return Imported(
        new.version,
        len(new.senders),
        sorted_words(new.senders.keys() - both),
        sorted_words(old.senders.keys() - both),
        sorted_words(one for one in both if new.senders[one] != old.senders[one]),
    )


def sorted_words(some: Iterable[str]) -> tuple[str, ...]:
    """Sorts words."""
    return tuple(sorted(some))


def import_list(session: Session, text: str, *, by: Actor, now: datetime, settings: Settings) -> Imported:
    """Puts a list in force, in the audit log. Rules stay as they are; nobody is allowed by it. Refusals as for `plan_import`."""
    planned = plan_import(session, text, by=by, settings=settings)
    if planned.is_same:
        return planned
    session.execute(delete(ImportedStartList))
    row = ImportedStartList(version=planned.version.isoformat(), text=text, at=now, by_shown=by.shown)
    session.add(row)
    session.flush()
    detail = {"version": row.version, "senders": planned.senders, "added": planned.added, "removed": planned.removed}
    ledger.write_act(session, IMPORTED, f"start-list:{format_id(row.id)}", by=by, now=now, detail=detail)
    return planned
