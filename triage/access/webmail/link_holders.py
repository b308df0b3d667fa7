"""Holders of the keys of webmail links: members of staff or employees, read again at each request, and when a key was used."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import staff_members
from triage.access.second_factor import factor_policy
from triage.access.sessions import hash_session_key
from triage.actor import EMPLOYEE, Actor
from triage.store.models.directory import Person
from triage.store.models.sign_in import WebmailLink

SEEN_EVERY = timedelta(seconds=30)  # a request writes `used_at` at most so often


@dataclass(frozen=True, slots=True)
class LinkHolder:
    """Person whose webmail asks. `staff` and `employee` are the same person with different rights; None: they are not that."""

    link_id: int
    staff: Actor | None
    employee: Actor | None
    unseen: bool  # `touch_link` is due


def find_link_holder(session: Session, key: str, required: Collection[str], now: datetime) -> LinkHolder | None:
    """Returns the holder of this key; None when it is unknown, revoked or expired, or when they have left.

    `required`: roles that must have a second factor. It counts as due where there is one: the key proves none, so acts that ask for it
    again belong in the console.
    """
    link = session.scalars(select(WebmailLink).where(col(WebmailLink.key_sha256) == hash_session_key(key))).first()
    if link is None or link.expires_at <= now:
        return None
    kind, _, name = link.owner.partition(":")
    staff = staff_members.find_staff_actor(session, name, now) if kind == "person" else None
    person = session.get(Person, name) if kind == EMPLOYEE else staff_members.person_of(session, name) if staff else None
    employee = Actor.employee(person.uid, person.name) if person and person.active else None
    if staff is None and employee is None:
        return None
    due = staff is not None and (staff.role in required or factor_policy.has_factor(session, staff.name))
    unseen = link.used_at is None or now - link.used_at >= SEEN_EVERY
    return LinkHolder(link.id, replace(staff, factor_due=due) if staff else None, employee, unseen)


def touch_link(session: Session, link_id: int, client: str, *, now: datetime) -> None:
    """Note that a link has just been used from this network address."""
    if link := session.get(WebmailLink, link_id, with_for_update=True):
        link.used_at, link.client = now, client
        session.flush()
