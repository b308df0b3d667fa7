"""Contacts: outside addresses that employees have written to, and what was learned from sent messages."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from triage.store.models.columns import id_column, instant_column, json_column, json_list_column


class Contact(SQLModel, table=True):
    """Outside address that an employee has written to."""

    __tablename__ = "correspondent"
    id: int = id_column()
    address: str  # folded
    person: str  # uid of who wrote; "" where a role address of a department did
    department: str = ""  # of that role address; "" for a person, whose department is today's
    state: str = "known"  # known; parked: one too many on one day, staff is to look; dropped: staff has said no
    how: str = ""  # how it was learned first: outbound, journal, log, seed, api
    learned_at: datetime = instant_column()
    first_sent_at: datetime = instant_column()
    last_sent_at: datetime = instant_column()
    sent: int = 1  # messages
    message_id: str = ""  # of the last one
    subject_digest: str = ""  # of the last one (sent_headers.Sent.subject_digest)
    heard: int = 0  # proven messages that came back
    last_heard_at: datetime | None = instant_column(nullable=True)
    last_mail_at: datetime = (
        instant_column()
    )  # from when it lapses: the last message either way, or later: when somebody accepted it, or for a grace after an import
    __table_args__ = (
        UniqueConstraint("address", "person", "department"),
        Index("correspondent_by_person", "person", "state", "learned_at"),
        Index("correspondent_by_state", "state", "id"),
        Index("correspondent_by_last_mail", "last_mail_at"),
    )


class FamiliarDomain(SQLModel, table=True):
    """A domain of senders that the company knows, under each key by which a look-alike finds it (signals.likeness)."""

    __tablename__ = "familiar_domain"
    domain: str = Field(primary_key=True)
    key: str = Field(primary_key=True)  # "" where its name is too short to have any
    __table_args__ = (Index("familiar_domain_by_key", "key", "domain"),)


class FamiliarName(SQLModel, table=True):
    """Display name of a known sender, folded to what a hurried reader sees."""

    __tablename__ = "familiar_name"
    name: str = Field(primary_key=True)
    address: str = Field(primary_key=True)


class SentMail(SQLModel, table=True):
    """A message that left through us: what an answer to it may name, and where it went."""

    __tablename__ = "sent_mail"
    id: int = id_column()
    message_id: str = Field(index=True)
    uid: str = Field(default="", index=True)  # of the calendar entry in it (RFC 5545), where somebody is invited
    person: str  # uid, "" for a role address
    department: str
    author: str  # who wrote it, as people read it
    at: datetime = instant_column()
    automatic: bool = False  # a program wrote it, or too much was written: nobody may answer through an open door
    went_to: list[str] = json_list_column()  # domains; of free-mail providers whole addresses
    skipped: dict[str, list[str]] = json_column()  # what it did not teach, by reason
    __table_args__ = (Index("sent_mail_by_time", "at"),)


class NotLearned(SQLModel, table=True):
    """Counts for each day how often something was not learned from a department's messages, and why."""

    __tablename__ = "not_learned"
    day: str = Field(primary_key=True)  # 2026-11-24, UTC
    how: str = Field(primary_key=True)
    reason: str = Field(primary_key=True)  # contact_evidence.Reason
    department: str = Field(default="", primary_key=True)  # of who wrote; "" where that is nobody here
    person: str = Field(default="", primary_key=True)  # uid of who wrote, only where they are confidential
    count: int


class PostedList(SQLModel, table=True):
    """A mailing list that we know of or write to: what its posts would need to be accepted."""

    __tablename__ = "posted_list"
    address: str = Field(primary_key=True)  # where posts go
    list_id: str = ""  # as its posts say; "" as long as none came
    signer: str = ""  # d= of a signature that covers the List-Id of its posts
    posts: int = 0  # messages of ours
    person: str = ""  # uid of who posted last
    last_posted_at: datetime | None = instant_column(nullable=True)


class SeededFolder(SQLModel, table=True):
    """Progress of seeding in a sent folder, for runs that asked for messages since the same day."""

    __tablename__ = "seeded_folder"
    source: str = Field(primary_key=True)  # imap://HOST:PORT, maildir:PATH, mbox:PATH
    account: str = Field(primary_key=True)
    folder: str = Field(primary_key=True)
    since: str = Field(default="", primary_key=True)  # 2026-11-24; "": all of it
    validity: str = ""  # source.Mark
    last: str = ""
    messages: int = 0
    read_at: datetime = instant_column()
