"""A search as a condition on deliveries; combine it with access.visible."""

import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, func, literal, not_, or_, select
from sqlmodel import col

from triage import ids
from triage.addressing.envelope import ascii_domain
from triage.errors import BadInput
from triage.message.signals.severity import Severity
from triage.policy.content_rules.active_rules import CONTENT
from triage.quarantine.search import links_and_files, message_words, search_query, trigram_index
from triage.quarantine.search.search_query import Term
from triage.quarantine.search.text_spellings import column_holds, text_spellings
from triage.say import error_sentence, quote_text, say
from triage.store import domain_index, message_columns, message_ids
from triage.store.delivery_state import RELEASED, State
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department, Person
from triage.store.models.messages import Message
from triage.store.models.rules import Rule
from triage.store.queue import grouping

GROUPS = {"released": RELEASED, "decided": tuple(state for state in State if state is not State.HELD)}
SIGNAL = re.compile(r"[a-z]+(?:-[a-z]+){0,5}")
Meaning = Callable[[Term], ColumnElement[bool]]
COUNTS = {"attachment": message_columns.count_attachments, "link": message_columns.count_links}


def search_conditions(text: str) -> list[ColumnElement[bool]]:
    """The words together, and one condition for each other term; all must hold. BadInput says which term cannot be meant."""
    terms = search_query.parse_terms(text)
    words = plain_words(terms)
    return [*([match_words(words)] if words else []), *(condition_of(one, MEANING) for one in terms if one not in words)]


def plain_words(terms: Sequence[Term]) -> list[Term]:
    """The words that may stand anywhere."""
    return [one for one in terms if one.wanted and not one.name]


def condition_of(term: Term, meaning: Mapping[str, Meaning]) -> ColumnElement[bool]:
    """The condition of one term."""
    condition = meaning[term.name](term)
    return condition if term.wanted else not_(condition)


def other_table_has(table: Any, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is such a row of another table, whatever else the whole question reads."""
    return select(literal(1)).select_from(table).where(*where).correlate(Delivery).exists()


def message_has(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether its message is so."""
    return other_table_has(Message, col(Message.id) == col(Delivery.message_id), *where)


def match_words(terms: Sequence[Term]) -> ColumnElement[bool]:
    """All of these in subject, names and addresses, or all among the words of a held message."""
    return or_(and_(*map(match_anywhere, terms)), message_words.match_words([one.value for one in terms]))


def match_words_here(terms: Sequence[Term]) -> ColumnElement[bool]:
    """The same as match_words, where few deliveries are looked at."""
    return or_(and_(*map(match_anywhere, terms)), message_words.occurs_in_message([one.value for one in terms]))


def match_anywhere(term: Term) -> ColumnElement[bool]:
    """Condition: a word in subject, names or addresses."""
    return col(Delivery.search).contains(term.value, autoescape=True)


def match_author(term: Term) -> ColumnElement[bool]:
    """Condition of `from:`: the author's address or name."""
    named = or_(col(Delivery.author).contains(term.value, autoescape=True), column_holds(col(Delivery.author_name), term.value))
    return and_(match_anywhere(term), named)


def match_claimed(term: Term) -> ColumnElement[bool]:
    """Condition: messages without a clear author that claim to be from this author."""
    return and_(col(Delivery.claimed).is_(True), match_author(term))


def by_index(meaning: Meaning) -> Meaning:
    """The same condition, of deliveries that the index of words finds first."""
    return lambda term: and_(trigram_index.HasWord(term.value), meaning(term))


def match_recipient(term: Term) -> ColumnElement[bool]:
    """Condition: recipient, by address, uid or name, or everybody of a department."""
    named = select(col(Person.uid)).where(
        or_(col(Person.uid).contains(term.value, autoescape=True), column_holds(col(Person.name), term.value))
    )
    addressed = and_(match_anywhere(term), column_holds(col(Delivery.recipient), term.value))
    return or_(
        addressed, col(Delivery.person).contains(term.value, autoescape=True), col(Delivery.person).in_(named), match_department(term)
    )


def match_department(term: Term) -> ColumnElement[bool]:
    """Condition: department, by code or name."""
    named = select(col(Department.code)).where(column_holds(col(Department.name), term.value))
    return or_(col(Delivery.department) == term.value, col(Delivery.department).in_(named))


def match_subject(term: Term) -> ColumnElement[bool]:
    """Condition: words of the subject."""
    return and_(match_anywhere(term), column_holds(col(Delivery.subject), term.value))


def match_having(term: Term) -> ColumnElement[bool]:
    """Condition of `has:`: messages with such a part, for example attachments."""
    if term.value not in COUNTS:
        raise BadInput(say("has: takes {names}, not {value}", names=" or ".join(COUNTS), value=quote_text(term.value)), field="q")
    return message_has(COUNTS[term.value]() > 0)


def match_link(term: Term) -> ColumnElement[bool]:
    """Condition: address or text of a link."""
    return links_and_files.link_says(term.value)


def match_client(term: Term) -> ColumnElement[bool]:
    """The IP address that handed it to the company."""
    try:
        address = str(ip_address(term.value))
    except ValueError as fault:
        raise BadInput(say("ip: takes an address like 192.0.2.1, not {value}", value=quote_text(term.value)), field="q") from fault
    return message_has(message_columns.client_address() == address)


def match_verified(term: Term) -> ColumnElement[bool]:
    """Condition: messages really from this domain, or one below it, by DMARC."""
    try:
        domain = ascii_domain(term.value.removeprefix("@"))
    except ValueError as fault:
        raise BadInput(error_sentence(fault), field="q") from fault
    return and_(col(Delivery.proof) == "dmarc", domain_index.of_domain(domain))


def match_signal(term: Term) -> ColumnElement[bool]:
    """A signal that was found in it, by its name."""
    if not SIGNAL.fullmatch(term.value):
        raise BadInput(say("signal: takes a name such as bank-details, not {value}", value=quote_text(term.value)), field="q")
    named = f'"name": "{term.value}"'
    found = message_has(message_columns.has_signal(term.value))
    return or_(cast(col(Delivery.signals), String).contains(named, autoescape=True), found)


def match_rule(term: Term) -> ColumnElement[bool]:
    """The rule of the policy that decided about it, or that would have stopped it and only reports; or a rule on content by its name."""
    named = select(col(Rule.id)).where(col(Rule.match) == CONTENT, col(Rule.value) == term.value)
    of_policy = or_(col(Delivery.rule) == term.value, col(Delivery.withheld) == term.value)
    return or_(of_policy, col(Delivery.rule_id).in_(named), col(Delivery.marks).contains(f" {term.value} ", autoescape=True))


def match_state(term: Term) -> ColumnElement[bool]:
    """Condition: state of a delivery, or a group of states."""
    wanted = GROUPS.get(term.value) or tuple(one for one in State if one == term.value)
    if not wanted:
        names = ", ".join([*State, *GROUPS])
        raise BadInput(say("{name}: takes {names}, not {value}", name=term.name, names=names, value=quote_text(term.value)), field="q")
    return col(Delivery.state).in_(wanted)


def match_decider(term: Term) -> ColumnElement[bool]:
    """Condition: the person who decided last, by login or name."""
    who = or_(col(Decision.by) == f"person:{term.value}", column_holds(col(Decision.by_shown), term.value))
    return other_table_has(Decision, col(Decision.id) == col(Delivery.decision_id), who)


def match_proof(term: Term) -> ColumnElement[bool]:
    """Condition: proof of the sender: none, any, dmarc or aligned."""
    proofs = {"none": ("",), "any": ("dmarc", "aligned"), "dmarc": ("dmarc",), "aligned": ("aligned",)}
    if term.value not in proofs:
        raise BadInput(say("proof: takes {names}, not {value}", names=", ".join(proofs), value=quote_text(term.value)), field="q")
    return col(Delivery.proof).in_(proofs[term.value])


def severity_condition_of(term: Term) -> ColumnElement[bool]:
    """Condition: deliveries of this severity."""
    return grouping.severity_column() == named_severity(term)


def at_least_as_bad(term: Term) -> ColumnElement[bool]:
    """Condition: deliveries of this severity, or a worse one."""
    return grouping.severity_column() >= named_severity(term)


def named_severity(term: Term) -> Severity:
    """The severity that a term names."""
    wanted = next((one for one in Severity if one.word == term.value), None)
    if wanted is None:
        names = ", ".join(one.word for one in Severity)
        raise BadInput(say("{name}: takes {names}, not {value}", name=term.name, names=names, value=quote_text(term.value)), field="q")
    return wanted


def match_campaign(term: Term) -> ColumnElement[bool]:
    """Condition: deliveries of a campaign."""
    try:
        return col(Delivery.campaign_id) == ids.parse_id(term.value)
    except ValueError as fault:
        raise BadInput(say("campaign: takes the id of a campaign, not {value}", value=quote_text(term.value)), field="q") from fault


def match_any_id(term: Term) -> ColumnElement[bool]:
    """A delivery, or all of a message."""
    number = ids.parse_id(term.value)
    return or_(col(Delivery.id) == number, message_ids.named_message(number))


def match_queue_id(term: Term) -> ColumnElement[bool]:
    """The id that the 250 reply named, and every log line names."""
    try:
        return message_ids.named_message(ids.parse_id(term.value))
    except ValueError as fault:
        raise BadInput(say("queue-id: takes the id of a message, not {value}", value=quote_text(term.value)), field="q") from fault


def match_message_id(term: Term) -> ColumnElement[bool]:
    """The Message-ID field, with or without its angle brackets."""
    said = func.lower(message_columns.named_id())
    wanted = sorted(text_spellings(term.value.strip("<>")))
    return message_has(said.in_(wanted))


MEANING: dict[str, Meaning] = {
    "": lambda term: match_words([term]),
    "from": match_author,
    "claimed": match_claimed,
    "to": match_recipient,
    "dept": match_department,
    "subject": match_subject,
    "has": match_having,
    "link": match_link,
    "state": match_state,
    "by": match_decider,
    "proof": match_proof,
    "is": match_state,
    "severity": severity_condition_of,
    "risk": at_least_as_bad,
    "rule": match_rule,
    "signal": match_signal,
    "campaign": match_campaign,
    "message-id": match_message_id,
    "queue-id": match_queue_id,
    "reply-to": lambda term: links_and_files.answers_go_to(term.value),
    "file": lambda term: links_and_files.file_named(term.value),
    "hash": lambda term: links_and_files.file_with_digest(term.value),
    "ip": match_client,
    "verified": match_verified,
    search_query.ANY_ID: match_any_id,
    "after": lambda term: col(Delivery.received_at) >= search_query.parse_day(term),
    "before": lambda term: col(Delivery.received_at) < search_query.parse_day(term),
}
MEANING_HERE = {**MEANING, "": lambda term: match_words_here([term])}  # of a term, where few deliveries are looked at
MEANING |= {name: by_index(MEANING[name]) for name in ("from", "claimed", "subject")}
