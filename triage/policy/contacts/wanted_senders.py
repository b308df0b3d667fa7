"""Senders whose messages a removal of copies leaves alone: contacts, allowed senders, and senders of messages that staff released."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, Text, and_, exists, literal_column, not_, or_, select
from sqlmodel import Session, col

from triage.addressing.envelope import ancestor_domains
from triage.config.settings import Settings
from triage.message.authentication import Result
from triage.message.mime.links import registered_organisation
from triage.policy.contacts import store as contacts_store
from triage.policy.contacts.sender_history import ACCEPTED
from triage.policy.facts import BY_STAFF
from triage.policy.rules_in_force import in_force
from triage.store import confidential_rows, db
from triage.store.db import is_among
from triage.store.delivery_state import FOR_ASSISTANT
from triage.store.message_columns import dmarc_result
from triage.store.models.contacts import Contact, FamiliarDomain
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department, Person
from triage.store.models.messages import Message
from triage.store.models.rules import Rule

Why = Literal["contact", "allowed", "released"]
KEPT_WITHIN = timedelta(hours=1)  # in which upkeep has surely written down the domains of new contacts
ACCEPTING_RULES = ("allowed-sender", "reply-to-ours")  # the policy's rules that accept what the company wants


class Sender(NamedTuple):
    """Apparent author of a message, and whom its proof is good for: a domain, at a free-mail provider an address, "" nobody."""

    author: str
    proven_as: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Reason why a removal of copies leaves a sender's messages alone."""

    why: Why
    of: str = ""  # the department or person whose contact they are, as people read it


def wanted_among(session: Session, senders: Iterable[Sender], *, settings: Settings, now: datetime) -> dict[Sender, Wanted]:
    """Returns the wanted senders among these, each with the strongest reason.

    An address that a message only claims counts as a contact's too: callers that know the claim is refuted do not ask about it. Rows in
    confidential folders are no reason, because that would reveal them.
    """
    asked = sorted(set(senders))
    found: dict[Sender, Wanted] = {}
    released = released_by(session, asked)
    allowed = allowed_among(session, asked, now)
    contacts = contacts_among(session, {one.author for one in asked}, settings=settings, now=now)
    for one in asked:
        if one.author in contacts:
            found[one] = Wanted("contact", contacts[one.author])
        elif one in allowed:
            found[one] = Wanted("allowed")
        elif one in released:
            found[one] = Wanted("released")
    return found


def contacts_among(session: Session, authors: Collection[str], *, settings: Settings, now: datetime) -> dict[str, str]:
    """Returns the addresses that are contacts outside confidential folders, each with the name of whose contact it is."""
    asked = sorted(set(authors) - {""})
    if not asked:
        return {}
    closed = {
        "department": set(session.scalars(confidential_rows.SEALED["department"])),
        "person": set(session.scalars(confidential_rows.SEALED["person"])),
    }
    rows = session.execute(
        select(col(Contact.address), col(Contact.person), col(Contact.department), col(Person.department))
        .outerjoin(Person, col(Person.uid) == col(Contact.person))
        .where(is_among(session, col(Contact.address), asked), contacts_store.in_force(settings, now))
        .order_by(col(Contact.last_sent_at))
    )
    names = dict(session.execute(select(col(Department.code), col(Department.name))).all())
    found: dict[str, str] = {}
    for address, person, of_role, of_person in rows:
        department = of_role or of_person or ""
        if person not in closed["person"] and department not in closed["department"]:
            found[address] = names.get(department, department)
    return found


def allowed_among(session: Session, senders: Sequence[Sender], now: datetime) -> set[Sender]:
    """Returns the proven senders among these that an allow rule by staff matches."""
    proven = [one for one in senders if one.proven_as]
    names = {name for one in proven for name in (one.author, *ancestor_domains(one.author.rpartition("@")[2]))}
    if not names:
        return set()
    rows = session.execute(
        select(col(Rule.match), col(Rule.value)).where(
            is_among(session, col(Rule.value), sorted(names)),
            col(Rule.effect) == "allow",
            col(Rule.match) != "list",
            col(Rule.origin).in_(BY_STAFF),
            in_force(now),
        )
    )
    allowed = {(match, value) for match, value in rows}
    return {one for one in proven if not allowed.isdisjoint(reached_by(one.author))}


def reached_by(author: str) -> set[tuple[str, str]]:
    """(match, value) of the allows that reach an author: a domain alone, or with what lies below it."""
    domain = author.rpartition("@")[2]
    return {("address", author), ("domain", domain), *(("subdomains", above) for above in ancestor_domains(domain))}


def released_by(session: Session, senders: Sequence[Sender]) -> set[Sender]:
    """Returns senders whose earlier messages were wanted: proven ones by domain (or free-mail address), unproven ones by address."""
    on_postgresql = db.is_postgresql(session)
    found: set[Sender] = set()
    for column, proven, key in WAYS:
        mine = {one: value for one in senders if (value := key(one))}
        values = sorted(set(mine.values()))
        if values:
            bound = db.bound_as({"name": Text}, [(one,) for one in values], on_postgresql)
            there = set(session.connection().execute(with_wanted(column, proven, on_postgresql), bound).scalars())
            found |= {one for one, value in mine.items() if value in there}
    return found


WAYS: tuple[tuple[str, bool, Any], ...] = (
    ("author_domain", True, lambda one: one.proven_as if "@" not in one.proven_as else ""),
    ("author", True, lambda one: one.proven_as if "@" in one.proven_as else ""),
    ("author", False, lambda one: one.author if not one.proven_as else ""),
)


@cache
def with_wanted(column: str, proven: bool, on_postgresql: bool) -> Select[Any]:
    """Selects the bound names that have sent a wanted message: a proven one, or (`proven` false) an unproven one."""
    asked, (name,) = db.table_of({"name": Text}, on_postgresql)
    theirs = and_(getattr(Delivery, column) == name, (col(Delivery.proof) != "") if proven else (col(Delivery.proof) == ""), was_wanted())
    return select(name).select_from(asked).where(exists().where(theirs).correlate(asked))


def was_wanted() -> ColumnElement[bool]:
    """Whether a delivery was released or passed because the company wants it: by a rule, as an answer, or by a person."""
    by_rule = col(Delivery.rule).in_([literal_column(f"'{one}'") for one in ACCEPTING_RULES])
    return and_(ACCEPTED, or_(by_rule, was_released()), col(Delivery.claimed).is_(False), not_(confidential_rows.is_confidential()))


def was_released() -> ColumnElement[bool]:
    """SQL condition for deliveries that staff released or redirected, where the decision was not undone.

    What a rule would have delivered, had it not been held for an assistant, tells nothing new about its sender.
    """
    verbs: list[ColumnElement[str]] = [literal_column(f"'{verb}'") for verb in ("release", "redirect")]
    item = and_(col(DecisionItem.delivery_id) == col(Delivery.id), col(DecisionItem.outcome) == literal_column("'done'"))
    stands = and_(col(Decision.id) == col(DecisionItem.decision_id), col(Decision.verb).in_(verbs), col(Decision.undone_by).is_(None))
    return and_(col(Delivery.rule) != literal_column(f"'{FOR_ASSISTANT}'"), exists().where(item, stands).correlate(Delivery))


def is_refuted() -> ColumnElement[bool]:
    """Whether a delivery is surely not its author's: their own domain says so (DMARC), or the message has no clear author."""
    failed = exists().where(col(Message.id) == col(Delivery.message_id), dmarc_result() == Result.FAIL).correlate(Delivery)
    return and_(col(Delivery.proof) == "", or_(col(Delivery.claimed).is_(True), failed))


def domains_with_contacts(session: Session, domains: Collection[str], *, now: datetime) -> set[str]:
    """Returns the domains with a contact or an allow rule here: they are never blocked as a whole.

    Maintenance keeps the known domains; for contacts learned since its last run the addresses themselves are read.
    """
    asked = sorted(set(domains) - {""})
    if not asked:
        return set()
    organisations = {one: registered_organisation(one) for one in asked}
    kept = set(
        session.scalars(select(col(FamiliarDomain.domain)).where(is_among(session, col(FamiliarDomain.domain), organisations.values())))
    )
    lately = session.scalars(select(col(Contact.address)).where(col(Contact.last_mail_at) >= now - KEPT_WITHIN))
    known = kept | {registered_organisation(address.rpartition("@")[2]) for address in lately}
    return {one for one, of in organisations.items() if of in known}
