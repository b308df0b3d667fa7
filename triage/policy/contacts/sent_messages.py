"""Messages that left through us, as an answer or a bounce names them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from triage.access import confidential_folders
from triage.addressing.envelope import Envelope
from triage.message.summary import Summary
from triage.policy.contacts import store as contacts
from triage.policy.facts import OurMail
from triage.store.models.contacts import SentMail

MOST = 50  # messages of ours that one message is looked up for; the newest count


def named_in(session: Session, envelope: Envelope, summary: Summary) -> tuple[OurMail, ...]:
    """The messages of ours that a message names: in In-Reply-To and References, by a calendar's UID, or as what a bounce returns."""
    found: list[OurMail] = []
    for named_by, where in answer_ways(envelope, summary):
        rows = session.scalars(select(SentMail).where(where).order_by(col(SentMail.at).desc()).limit(MOST)).all()
        seals = confidential_folders.list_confidential(session) if rows else frozenset()
        found += [our_mail(row, named_by, hidden=confidential_folders.is_hidden(seals, row.department, row.person)) for row in rows]
    return drop_barred_places(session, found, summary.author)


def drop_barred_places(session: Session, found: Sequence[OurMail], author: str) -> tuple[OurMail, ...]:
    """The messages without the places from which staff does not let this author answer, whatever it had decided when they left."""
    writers = {(one.person, one.department) for one in found if one.named_by != "returned"}
    shut = {writer: contacts.barred_places(session, *writer, author) for writer in writers}
    return tuple(replace(one, went_to=one.went_to - shut.get((one.person, one.department), set())) for one in found)


def answer_ways(envelope: Envelope, summary: Summary) -> Iterator[tuple[str, ColumnElement[bool]]]:
    """Yields each way in which a message names sent messages (reply, calendar, returned), with the SQL condition that finds these."""
    if ids := {*summary.in_reply_to, *summary.references}:
        yield "reply", col(SentMail.message_id).in_(sorted(ids))
    if summary.calendar_uid:
        yield "calendar", col(SentMail.uid) == summary.calendar_uid
    if summary.returned_ids and not envelope.reverse_path:
        yield "returned", col(SentMail.message_id).in_(sorted(summary.returned_ids))


def our_mail(row: SentMail, named_by: str, *, hidden: bool) -> OurMail:
    """A row as the policy knows it. What is said of it is read by others than who wrote, so nobody is named whose mail is confidential."""
    return OurMail(
        named_by=named_by,
        author="somebody here" if hidden else row.author,
        person=row.person,
        department=row.department,
        at=row.at,
        went_to=frozenset(row.went_to),
        automatic=row.automatic,
    )
