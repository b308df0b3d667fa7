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
from triage.store import message_ids
from triage.store.delivery_state import RELEASED, State
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department, Person
from triage.store.models.messages import Message
from triage.store.queue import grouping

GROUPS = {"released": RELEASED, "decided": tuple(state for state in State if state is not State.HELD)}
INITIAL = re.compile(r"\b\w")
LISTS = {"attachment": "attachments", "link": "links"}


def search_conditions(text: str) -> list[ColumnElement[bool]]:
    """One condition a term; all must hold. BadInput says which term cannot be meant."""
    return [
        condition if one.wanted else not_(condition) for one in search_query.parse_terms(text) for condition in [MEANING[one.name](one)]
    ]


def column_holds(column: Any, text: str) -> ColumnElement[bool]:
    """Does a column hold this folded text, however it is written there?"""
    return or_(*(func.lower(column).contains(one, autoescape=True) for one in sorted(text_spellings(text))))


def text_spellings(text: str) -> set[str]:
    """How a folded text may stand where only ASCII letters were lowered, as SQLite does, and PostgreSQL unless its locale knows others."""
    written = {text, text.replace("ss", "ß")}
    return {one for each in written for one in (each, replace_capitals(each), INITIAL.sub(lambda first: replace_capitals(first[0]), each))}


def replace_capitals(text: str) -> str:
    """With those capitals that are no ASCII."""
    return "".join(one if one.isascii() or one == "ß" else one.upper() for one in text)


def other_table_has(table: Any, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Is there such a row of another table, whatever else the whole question reads?"""
    return select(literal(1)).select_from(table).where(*where).correlate(Delivery).exists()


def match_anywhere(term: Term) -> ColumnElement[bool]:
    """In subject, names or addresses."""
    return col(Delivery.search).contains(term.value, autoescape=True)


def match_author(term: Term) -> ColumnElement[bool]:
    """Who wrote it, by address or by name."""
    named = or_(col(Delivery.author).contains(term.value, autoescape=True), column_holds(col(Delivery.author_name), term.value))
    return and_(match_anywhere(term), named)


def match_recipient(term: Term) -> ColumnElement[bool]:
    """For whom it was: by address, uid or name, or everybody of a department."""
    named = select(col(Person.uid)).where(
        or_(col(Person.uid).contains(term.value, autoescape=True), column_holds(col(Person.name), term.value))
    )
    addressed = and_(match_anywhere(term), column_holds(col(Delivery.recipient), term.value))
    return or_(
        addressed, col(Delivery.person).contains(term.value, autoescape=True), col(Delivery.person).in_(named), match_department(term)
    )


def match_department(term: Term) -> ColumnElement[bool]:
    """For which department, by code or name."""
    named = select(col(Department.code)).where(column_holds(col(Department.name), term.value))
    return or_(col(Delivery.department) == term.value, col(Delivery.department).in_(named))


def match_subject(term: Term) -> ColumnElement[bool]:
    """What its subject says."""
    return and_(match_anywhere(term), column_holds(col(Delivery.subject), term.value))


def match_having(term: Term) -> ColumnElement[bool]:
    """What is in it."""
    if term.value not in LISTS:
        raise BadInput(say("has: takes {names}, not {value}", names=" or ".join(LISTS), value=repr(term.value)), field="q")
    found = func.json_array_length(col(Message.summary)[LISTS[term.value]]) > 0
    return other_table_has(Message, col(Message.id) == col(Delivery.message_id), found)


def match_link(term: Term) -> ColumnElement[bool]:
    """Where its links lead, and what they say."""
    found = column_holds(cast(col(Message.summary)["links"], String), term.value)
    return other_table_has(Message, col(Message.id) == col(Delivery.message_id), found)


def match_state(term: Term) -> ColumnElement[bool]:
    """What became of it."""
    wanted = GROUPS.get(term.value) or tuple(one for one in State if one == term.value)
    if not wanted:
        raise BadInput(say("state: takes {names}, not {value}", names=", ".join([*State, *GROUPS]), value=repr(term.value)), field="q")
    return col(Delivery.state).in_(wanted)


def match_decider(term: Term) -> ColumnElement[bool]:
    """Who decided about it last, by login or name."""
    who = or_(col(Decision.by) == f"person:{term.value}", column_holds(col(Decision.by_shown), term.value))
    return other_table_has(Decision, col(Decision.id) == col(Delivery.decision_id), who)


def match_proof(term: Term) -> ColumnElement[bool]:
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
    return grouping.severity_column() == wanted


def match_campaign(term: Term) -> ColumnElement[bool]:
    """Of which campaign it is."""
    try:
        return col(Delivery.campaign_id) == ids.parse_id(term.value)
    except ValueError as fault:
        raise BadInput(say("campaign: takes the id of a campaign, not {value}", value=repr(term.value)), field="q") from fault


def match_any_id(term: Term) -> ColumnElement[bool]:
    """A delivery, or all of a message."""
    number = ids.parse_id(term.value)
    return or_(col(Delivery.id) == number, message_ids.named_message(number))


def match_queue_id(term: Term) -> ColumnElement[bool]:
    """The id that the 250 reply named, and every log line names."""
    try:
        return message_ids.named_message(ids.parse_id(term.value))
    except ValueError as fault:
        raise BadInput(say("queue-id: takes the id of a message, not {value}", value=repr(term.value)), field="q") from fault


def match_message_id(term: Term) -> ColumnElement[bool]:
    """The Message-ID field, with or without its angle brackets."""
    said = func.lower(col(Message.summary)["message_id"].as_string())
    wanted = sorted(text_spellings(term.value.strip("<>")))
    return other_table_has(Message, col(Message.id) == col(Delivery.message_id), said.in_(wanted))


MEANING: dict[str, Callable[[Term], ColumnElement[bool]]] = {
    "": match_anywhere,
    "from": match_author,
    "to": match_recipient,
    "dept": match_department,
    "subject": match_subject,
    "has": match_having,
    "link": match_link,
    "state": match_state,
    "by": match_decider,
    "proof": match_proof,
    "severity": how_bad,
    "campaign": match_campaign,
    "message-id": match_message_id,
    "queue-id": match_queue_id,
    search_query.ANY_ID: match_any_id,
    "after": lambda term: col(Delivery.received_at) >= search_query.parse_day(term),
    "before": lambda term: col(Delivery.received_at) < search_query.parse_day(term),
}
