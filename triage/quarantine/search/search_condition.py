"""A search as a condition on deliveries; combine it with access.visible."""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, func, literal, not_, or_, select
from sqlmodel import col

from triage import ids
from triage.errors import BadInput
from triage.message.signals.severity import Severity
from triage.quarantine.search import search_query
from triage.quarantine.search.search_query import Term
from triage.say import say
from triage.store.delivery_state import RELEASED, State
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department, Person
from triage.store.models.messages import Message
from triage.store.queue import grouping

GROUPS = {"released": RELEASED, "decided": tuple(state for state in State if state is not State.HELD)}
INITIAL = re.compile(r"\b\w")
LISTS = {"attachment": "attachments", "link": "links"}


def conditions(text: str) -> list[ColumnElement[bool]]:
    """One condition a term; all must hold. BadInput says which term cannot be meant."""
    return [condition if one.wanted else not_(condition) for one in search_query.terms(text) for condition in [MEANING[one.name](one)]]


def holds(column: Any, text: str) -> ColumnElement[bool]:
    """Does a column hold this folded text, however it is written there?"""
    return or_(*(func.lower(column).contains(one, autoescape=True) for one in sorted(spellings(text))))


def spellings(text: str) -> set[str]:
    """How a folded text may stand where only ASCII letters were lowered, as SQLite does, and PostgreSQL unless its locale knows others."""
    written = {text, text.replace("ss", "ß")}
    return {one for each in written for one in (each, capitals(each), INITIAL.sub(lambda first: capitals(first[0]), each))}


def capitals(text: str) -> str:
    """With those capitals that are no ASCII."""
    return "".join(one if one.isascii() or one == "ß" else one.upper() for one in text)


def beside(table: Any, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Is there such a row of another table, whatever else the whole question reads?"""
    return select(literal(1)).select_from(table).where(*where).correlate(Delivery).exists()


def anywhere(term: Term) -> ColumnElement[bool]:
    """In subject, names or addresses."""
    return col(Delivery.search).contains(term.value, autoescape=True)


def author(term: Term) -> ColumnElement[bool]:
    """Who wrote it, by address or by name."""
    named = or_(col(Delivery.author).contains(term.value, autoescape=True), holds(col(Delivery.author_name), term.value))
    return and_(anywhere(term), named)


def addressee(term: Term) -> ColumnElement[bool]:
    """For whom it was: by address, uid or name, or everybody of a department."""
    named = select(col(Person.uid)).where(or_(col(Person.uid).contains(term.value, autoescape=True), holds(col(Person.name), term.value)))
    addressed = and_(anywhere(term), holds(col(Delivery.recipient), term.value))
    return or_(addressed, col(Delivery.person).contains(term.value, autoescape=True), col(Delivery.person).in_(named), department(term))


def department(term: Term) -> ColumnElement[bool]:
    """For which department, by code or name."""
    named = select(col(Department.code)).where(holds(col(Department.name), term.value))
    return or_(col(Delivery.department) == term.value, col(Delivery.department).in_(named))


def subject(term: Term) -> ColumnElement[bool]:
    """What its subject says."""
    return and_(anywhere(term), holds(col(Delivery.subject), term.value))


def having(term: Term) -> ColumnElement[bool]:
    """What is in it."""
    if term.value not in LISTS:
        raise BadInput(say("has: takes {names}, not {value}", names=" or ".join(LISTS), value=repr(term.value)), field="q")
    found = func.json_array_length(col(Message.summary)[LISTS[term.value]]) > 0
    return beside(Message, col(Message.id) == col(Delivery.message_id), found)


def link(term: Term) -> ColumnElement[bool]:
    """Where its links lead, and what they say."""
    found = holds(cast(col(Message.summary)["links"], String), term.value)
    return beside(Message, col(Message.id) == col(Delivery.message_id), found)


def state(term: Term) -> ColumnElement[bool]:
    """What became of it."""
    wanted = GROUPS.get(term.value) or tuple(one for one in State if one == term.value)
    if not wanted:
        raise BadInput(say("state: takes {names}, not {value}", names=", ".join([*State, *GROUPS]), value=repr(term.value)), field="q")
    return col(Delivery.state).in_(wanted)


def decided(term: Term) -> ColumnElement[bool]:
    """Who decided about it last, by login or name."""
    who = or_(col(Decision.by) == f"person:{term.value}", holds(col(Decision.by_shown), term.value))
    return beside(Decision, col(Decision.id) == col(Delivery.decision_id), who)


def proven(term: Term) -> ColumnElement[bool]:
    """What proves who sent it."""
    proofs = {"none": ("",), "any": ("dmarc", "aligned"), "dmarc": ("dmarc",), "aligned": ("aligned",)}
    if term.value not in proofs:
        raise BadInput(say("proof: takes {names}, not {value}", names=", ".join(proofs), value=repr(term.value)), field="q")
    return col(Delivery.proof).in_(proofs[term.value])


def how_bad(term: Term) -> ColumnElement[bool]:
    """How bad it looks."""
    wanted = next((one for one in Severity if one.word == term.value), None)
    if wanted is None:
        raise BadInput(
            say("severity: takes {names}, not {value}", names=", ".join(one.word for one in Severity), value=repr(term.value)), field="q"
        )
    return grouping.severity() == wanted


def campaign(term: Term) -> ColumnElement[bool]:
    """Of which campaign it is."""
    try:
        return col(Delivery.campaign_id) == ids.read(term.value)
    except ValueError as fault:
        raise BadInput(say("campaign: takes the id of a campaign, not {value}", value=repr(term.value)), field="q") from fault


MEANING: dict[str, Callable[[Term], ColumnElement[bool]]] = {
    "": anywhere,
    "from": author,
    "to": addressee,
    "dept": department,
    "subject": subject,
    "has": having,
    "link": link,
    "state": state,
    "by": decided,
    "proof": proven,
    "severity": how_bad,
    "campaign": campaign,
    "after": lambda term: col(Delivery.received_at) >= search_query.day(term),
    "before": lambda term: col(Delivery.received_at) < search_query.day(term),
}
