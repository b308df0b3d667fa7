"""Read-only: "Where is my message?": held, decided, delivered, expired, refused at SMTP, or never seen. In words."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.addressing.refused_message import Refused
from triage.delivery.routes import RECEIVED
from triage.errors import BadInput
from triage.policy.decide import SIMULATED
from triage.quarantine import refused_at_smtp
from triage.quarantine.search import search_condition
from triage.quarantine.search.listing import Listed, in_order
from triage.quarantine.search.search_query import Term
from triage.say import Said, format_minute, join_parts, mark, say, say_count
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery

MOST_FOUND = 50
NOT_KNOWN_ANY_MORE = mark(
    "No such message reached Mailroom, as far as you may see. Messages refused more than {days} days ago are not known any more."
)
USUAL = timedelta(days=7)  # how far back is looked where nobody says


@dataclass(frozen=True, slots=True)
class Place:
    """Place of a message, or of refused attempts to send it."""

    at: datetime
    sender: str
    subject: str  # "" of what was refused: it was never seen
    recipient: str
    sentence: str
    delivery: int | None  # None: refused at SMTP
    state: str  # of the delivery; "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer to "Where is my message?": all messages that may be meant, newest first, and a sentence about them."""

    sentence: str
    places: tuple[Place, ...]
    since: datetime
    until: datetime


def where_is(
    session: Session,
    to: str,
    words: str = "",
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    refused_days: int,
    by: Actor,
    now: datetime,
) -> Answer:
    """Answers where an expected message is.

    `to`: the recipient's address, name or uid, or a part of it; `words`: letters of the sender's address or name, or of the subject. Only
    what is in the actor's scope is found. BadInput without a recipient.
    """
    if not to.strip():
        raise BadInput(say("name the recipient: an address, a name, or a part of one"), field="to")
    until = until or now
    since = since or until - USUAL
    found = [place_of_delivery(one) for one in deliveries_for(session, to.strip(), words.strip(), since, until, by)]
    refused = refused_at_smtp.find_refused(session, to.strip(), words.strip(), since, until, by=by)
    places = sorted([*found, *map(place_of_refused, refused)], key=lambda place: place.at, reverse=True)[:MOST_FOUND]
    return Answer(summary_sentence(len(places), since, now, refused_days), tuple(places), since, until)


def deliveries_for(session: Session, to: str, words: str, since: datetime, until: datetime, by: Actor) -> tuple[Listed, ...]:
    """The newest deliveries that may be meant."""
    here = and_(col(Delivery.direction).in_(RECEIVED), access.within_scope(by))  # simulations too, which are in no list
    where = [here, search_condition.match_recipient(Term("to", to.casefold()))]
    where += [col(Delivery.received_at) >= since, col(Delivery.received_at) < until]
    if words:
        term = Term("", words.casefold())
        where.append(or_(search_condition.match_author(term), search_condition.match_subject(term)))
    ids = select(col(Delivery.id)).where(and_(*where)).order_by(col(Delivery.received_at).desc(), col(Delivery.id).desc())
    return in_order(session, session.scalars(ids.limit(MOST_FOUND)).all())


SENTENCES = {
    State.HELD: mark("It is held: {reason}."),
    State.QUEUED: mark("It is on its way to {mailbox}."),
    State.RELAYING: mark("It is on its way to {mailbox}."),
    State.DELIVERED: mark("It was delivered to {mailbox}: {reply}"),
    State.BOUNCED: mark("The next server refused it: {reply}"),
    State.RECALLING: mark("It is being removed from the mailbox {mailbox}."),
    State.RESTORING: mark("It is being put back into the mailbox {mailbox}."),
    State.PURGED: mark("It was removed."),
    State.REJECTED: mark("It was rejected."),
    State.EXPIRED: mark("It expired: nobody decided in time."),
}


def place_of_delivery(one: Listed) -> Place:
    """Says where a delivery is, and who decided so."""
    state = State(one.state)
    said = say(SENTENCES[state], reason=one.verdict.reason, mailbox=one.mailbox, reply=one.last_reply)
    simulated = say("It is a phishing simulation of your own company.") if one.verdict.rule == SIMULATED else ""
    parts = join_parts(" ", [simulated, decided_sentence(one), said])
    return Place(one.received_at, one.author, one.subject, one.recipient, parts, one.id, state)


def decided_sentence(one: Listed) -> str:
    """Says who decided last, and when; "" where nobody did."""
    if one.decided is None:
        return ""
    return say("Decided by {name} on {at}.", name=one.decided.by_shown, at=format_minute(one.decided.at))


REASONS = (  # by the enhanced status code of our reply (RFC 3463)
    ("5.1.1", mark("Refused: nobody here has the address {recipient}.")),
    ("4.1.1", mark("Deferred: nobody here has the address {recipient} yet.")),
    ("5.1.6", mark("Refused: {recipient} is the address of somebody who has left.")),
    ("5.3.4", mark("Refused: the message is too large.")),
    ("5.4.6", mark("Refused: the message was in a mail loop.")),
    ("4.7.1", mark("Deferred: the client {client} sent too many messages.")),
    ("5.7.1", mark("Refused: the sender is blocked, or may not write to this address.")),
)
OTHERWISE = mark("Refused.")


def place_of_refused(one: Refused) -> Place:
    """Says that a message was refused, and why; it never came in."""
    code = one.reply.split(" ")[1] if " " in one.reply else ""
    wanted = next((sentence for begins, sentence in REASONS if code == begins), OTHERWISE)
    why = say(wanted, recipient=one.recipient or "?", client=one.client or "?")
    told = say_count(
        "The sender got this reply once: {reply}", "The sender got this reply {count} times: {reply}", count=one.times, reply=one.reply
    )
    return Place(one.until, one.reverse_path or "<>", "", one.recipient, join_parts(" ", [why, told]), None, "refused")


def summary_sentence(number: int, since: datetime, now: datetime, refused_days: int) -> Said:
    """Says how many messages were found, and how far back that can be known."""
    if number:
        return say_count("Found 1 message.", "Found {count} messages.", count=number)
    if since < now - timedelta(days=refused_days):
        return say(NOT_KNOWN_ANY_MORE, days=refused_days)
    return say("No such message reached Mailroom, as far as you may see: it was neither accepted nor refused.")
