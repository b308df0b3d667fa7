"""Tables of mailboxes: recalled copies, sweeps, related messages, hunts, the mirror's copies."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from triage.store.models.columns import form_column, id_column, instant_column, integer_column, json_list_column, reference_column


class Recalled(SQLModel, table=True):
    """A copy that was taken out of a mailbox: where it lay, how, and what is needed to put it back."""

    __tablename__ = "recalled"
    id: int = id_column()
    delivery_id: int = reference_column("delivery.id", index=True)
    found_at: datetime = instant_column()
    gone: bool = False  # there was no copy any more: its owner had deleted it
    folder: str = ""
    uid_validity: int = integer_column(0)
    uid: int = integer_column(0)
    name: str = ""  # Maildir: the file's name
    flags: list[str] = json_list_column()  # IMAP flags and keywords
    internal_date: datetime | None = instant_column(nullable=True)
    size: int = 0  # bytes
    tail: int = 0  # so many last bytes are those of the content
    head: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))  # the bytes before, compressed; None when over
    ended_at: datetime | None = instant_column(nullable=True)  # when it was put back, or was no longer wanted


class SweptMailbox(SQLModel, table=True):
    """Mailbox that a sweep searches for a sender's messages that never passed through Mailroom."""

    __tablename__ = "swept_mailbox"
    id: int = id_column()
    decision_id: int = reference_column("decision.id", index=True)
    mailbox: str
    due_at: datetime | None = instant_column(nullable=True)  # when to look, or when the lease ends; None when it is over
    begun_at: datetime = instant_column()
    attempts: int = 0  # fences late answers of a dead worker
    found: int = 0  # messages of the sender's; once the removal of hunted ones has ended: those that were not there
    why: str = ""  # what is in the way
    why_form: dict[str, Any] | None = form_column()
    __table_args__ = (Index("swept_mailbox_due", "due_at"),)


class RelatedMail(SQLModel, table=True):
    """A message that a recall saw beside the copies it took, since it bears or refers to their Message-ID; taken when a person says so."""

    __tablename__ = "related_mail"
    id: int = id_column()
    decision_id: int = integer_column(index=True)  # that took the copies
    delivery_id: int = reference_column("delivery.id", index=True)
    found_at: datetime = instant_column()
    mailbox: str
    folder: str
    uid_validity: int = integer_column()
    uid: int = integer_column()
    name: str  # Maildir: the file's name
    internal_date: datetime = instant_column()
    bears: bool  # the same Message-ID; else it refers to it
    ours: bool  # it came through us into this mailbox, so it has a delivery of its own
    author: str
    subject: str
    claimed_by: int | None = integer_column(nullable=True, index=True)  # the decision to take it too


class HuntedMessage(SQLModel, table=True):
    """A message in a mailbox that a hunt found and two people agreed to see; removed when one of them says so."""

    __tablename__ = "hunted_message"
    id: int = id_column()
    decision_id: int = integer_column(index=True)  # the hunt
    found_at: datetime = instant_column()
    mailbox: str
    folder: str
    uid_validity: int = integer_column()
    uid: int = integer_column()
    name: str  # Maildir: the file's name
    internal_date: datetime = instant_column()
    delivery_id: int | None = integer_column(nullable=True)  # it came through us: the delivery that can be removed by itself
    known: bool  # its author is a contact of somebody here
    read: bool  # by the flags in the mailbox
    author: str
    subject: str
    claimed_by: int | None = integer_column(nullable=True, index=True)  # the decision to remove it
    outcome: str = ""  # of that: removed, not there, out of reach


class MirrorCopy(SQLModel, table=True):
    """A held message as it lies in a department's account, once for each time that it was put there; it decides at most once."""

    __tablename__ = "mirror_copy"
    id: int = id_column()
    account: str
    delivery_id: int = integer_column()
    folder: str  # where it belongs
    uid_validity: int = integer_column(0)
    uid: int = integer_column(0)  # 0: it is being put there, or to be looked for
    digest: str  # SHA-256 of its bytes
    alike: str  # by what it is known when a mail program has rewritten its header (mirror_message.alike)
    placed_at: datetime = instant_column()
    ended_at: datetime | None = instant_column(nullable=True)  # its mail is held no more
    act: str = ""  # the folder into which it was moved, where that decided
    decision_id: int | None = integer_column(nullable=True)
    __table_args__ = (
        UniqueConstraint("digest"),
        Index("mirror_copy_by_account", "account", "ended_at", "id"),
        Index("mirror_copy_by_likeness", "alike", "ended_at"),
        Index("mirror_copy_by_delivery", "delivery_id"),
    )
