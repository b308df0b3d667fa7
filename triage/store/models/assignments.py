"""Tables of teamwork: presence, messages assigned to colleagues, escalations."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey
from sqlmodel import Field, SQLModel

from triage.store.models.columns import id_column, instant_column, integer_column, json_list_column, reference_column


class Presence(SQLModel, table=True):
    """Presence of a staff member at a console, with the message that they have open; a lease."""

    __tablename__ = "presence"
    login: str = Field(primary_key=True)
    name: str
    delivery_id: int | None = integer_column(nullable=True)
    until: datetime = instant_column()


class Assignment(SQLModel, table=True):
    """Mail that somebody handed to a colleague with a note. It counts while the message is held."""

    __tablename__ = "assignment"
    delivery_id: int = Field(sa_column=Column(BigInteger, ForeignKey("delivery.id"), primary_key=True, autoincrement=False))
    to: str = Field(index=True)  # login
    to_shown: str
    by: str
    by_shown: str
    at: datetime = instant_column()
    note: str = ""


class Comment(SQLModel, table=True):
    """Comment of staff about a message. It is erased with the message."""

    __tablename__ = "comment"
    id: int = id_column()
    delivery_id: int = reference_column("delivery.id", index=True)
    by: str
    by_shown: str
    at: datetime = instant_column()
    text: str


class Snooze(SQLModel, table=True):
    """Message that a member of staff has snoozed until a time. It is out of their way while it is held and they are here."""

    __tablename__ = "snooze"
    login: str = Field(primary_key=True)
    delivery_id: int = Field(sa_column=Column(BigInteger, ForeignKey("delivery.id"), primary_key=True, autoincrement=False, index=True))
    by_shown: str
    until: datetime = instant_column()


class ShiftNote(SQLModel, table=True):
    """Note to the next shift, for staff who see all folders that it is about. It is erased after `retention.purged_days`."""

    __tablename__ = "shift_note"
    id: int = id_column()
    by: str = Field(index=True)
    by_shown: str
    at: datetime = instant_column()
    scope: list[str] = json_list_column()  # words of a scope; confidential folders only where it names them
    text: str
    done_at: datetime | None = instant_column(nullable=True)
    done_by: str = ""
    done_by_shown: str = ""


class DismissedNote(SQLModel, table=True):
    """Note to the next shift that a member of staff put out of their way."""

    __tablename__ = "dismissed_note"
    note_id: int = integer_column(primary_key=True)
    login: str = Field(primary_key=True)


class Escalation(SQLModel, table=True):
    """Escalation of messages to a duty by a decision of staff. It stays in view until somebody of the duty confirms it, or it is undone."""

    __tablename__ = "escalation"
    decision_id: int = integer_column(primary_key=True)
    duty: str  # duties.TITLES
    title: str  # of the duty, as it was called then
    reason: str
    at: datetime = instant_column()
    by: str
    by_shown: str
    hold_id: int = integer_column()  # the legal hold that keeps the evidence
    notified: int = 0  # people and addresses that got a notice
    confirmed_at: datetime | None = instant_column(nullable=True)
    confirmed_by: str = ""
    confirmed_by_shown: str = ""
    ended_at: datetime | None = instant_column(nullable=True)  # it was undone


class Escalated(SQLModel, table=True):
    """The escalation that is shown with a delivery: the last one that was not undone."""

    __tablename__ = "escalated"
    delivery_id: int = Field(sa_column=Column(BigInteger, ForeignKey("delivery.id"), primary_key=True, autoincrement=False))
    decision_id: int = integer_column(index=True)
