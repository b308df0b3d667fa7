"""Bounces after delivery: recognised by their VERP address, and recorded with the delivery."""

import secrets
from datetime import datetime

from sqlmodel import Session

from triage.actor import Actor
from triage.addressing import verp
from triage.addressing.envelope import Address, Envelope
from triage.addressing.recipient import Recipient
from triage.addressing.verp import Tag
from triage.errors import NotYet
from triage.ids import format_id
from triage.message.summary import Summary
from triage.say import say
from triage.store import db, ledger
from triage.store.delivery_state import Event, State
from triage.store.models.deliveries import Delivery
from triage.store.models.markers import Marker
from triage.store.new_rows import NewDelivery

BY = Actor.system("judge")
KEY = "bounce-key"  # the marker that holds the key of our bounce addresses
REPLY_LENGTH = 500  # characters of a reply that are kept
TEXT_LENGTH = 300  # characters of a bounce in words


def bounce_key(session: Session) -> bytes:
    """The key of our bounce addresses, made when it is asked for first. It stays with the database and its backups."""
    if session.get(Marker, KEY) is None:
        db.insert_if_missing(session, Marker, name=KEY, number=0, text=secrets.token_hex(32))
    return bytes.fromhex(session.get_one(Marker, KEY).text)


def address_for(session: Session, tag: Tag, domain: str) -> str:
    """The envelope sender for one attempt."""
    return verp.make_verp_address(tag, domain, bounce_key(session))


def tag_of(session: Session, envelope: Envelope, address: Address) -> Tag | None:
    """The attempt that a recipient of this envelope stands for. Only a null reverse-path makes a bounce (RFC 5321, 4.5.5)."""
    return verp.read_verp_tag(address, bounce_key(session)) if not envelope.reverse_path and verp.has_form(address) else None


def bounce_recipient(session: Session, envelope: Envelope, address: Address) -> Recipient | None:
    """A bounce address of ours as a recipient, in the folder of its delivery; None for any other address."""
    tag = tag_of(session, envelope, address)
    about = session.get(Delivery, tag.delivery_id) if tag else None
    if about is None:
        return None
    return Recipient(str(address), about.department, about.person, str(address), bounce="ours")


def is_forged_bounce(address: Address) -> Recipient | None:
    """An address that is only made to look like ours for bounces; None for any other."""
    return Recipient(str(address), "", "", str(address), bounce="forged") if verp.has_form(address) else None


def come_back(session: Session, envelope: Envelope, returned: NewDelivery, summary: Summary, *, now: datetime) -> None:
    """Tell a delivery what its bounce says: a failure makes a delivered one BOUNCED, everything else is only put in the audit log.

    NotYet while the attempt is still under way: the next hop was faster than our own record of its answer.
    """
    tag = tag_of(session, envelope, Address.parse(returned.recipient))
    if tag is None:
        return
    about = session.get_one(Delivery, tag.delivery_id, with_for_update=True, populate_existing=True)
    if about.state == State.RELAYING and about.attempts == tag.attempt:
        raise NotYet(say("it is a bounce of {id}, which is being delivered right now", id=format_id(about.id)))
    detail = {"reply": describe_bounce(summary), "sent": tag.attempt, "bounce": format_id(returned.message_id)}
    if not is_failure(summary):
        ledger.write_act(session, "report", f"delivery:{format_id(about.id)}", by=BY, now=now, detail=detail)
    elif about.state != State.DELIVERED or about.attempts != tag.attempt:
        ledger.write_act(session, "late_bounce", f"delivery:{format_id(about.id)}", by=BY, now=now, detail=detail | {"state": about.state})
    else:
        ledger.record_event(
            session, about.id, Event.COME_BACK, by=BY, now=now, detail=detail, fence=tag.attempt, last_reply=detail["reply"]
        )


def is_failure(summary: Summary) -> bool:
    """Whether it says that the message did not arrive. A report of a delay does not, nor does somebody's holiday reply."""
    if summary.statuses:
        return any(one.action == "failed" for one in summary.statuses)
    if summary.content_type == "multipart/report":
        return summary.report_type in ("", "delivery-status")
    answers_itself = summary.automatic or summary.auto_submitted not in ("", "no")  # RFC 3834, 5, and what programs said before
    return not answers_itself or summary.by_mail_system


def describe_bounce(summary: Summary) -> str:
    """The reply that the bounce quotes, or else how it begins."""
    chosen = next((one for one in summary.statuses if one.action == "failed"), next(iter(summary.statuses), None))
    if chosen is None:
        return " ".join(summary.text[: 4 * TEXT_LENGTH].split())[:TEXT_LENGTH] or say("it was returned without a reason")
    told = chosen.diagnostic or " ".join(filter(None, (chosen.status, chosen.action)))
    return told[:REPLY_LENGTH]
