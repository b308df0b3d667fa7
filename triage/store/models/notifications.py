"""Alerts, who was told of them, and webhooks."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from triage.store.models.columns import form_column, id_column, instant_column, integer_column


class OpenAlert(SQLModel, table=True):
    """Alert that is open at present: for a folder, or for the company where the department is ""."""

    __tablename__ = "open_alert"
    cause: str = Field(primary_key=True)  # alert_types.CAUSES
    department: str = Field(primary_key=True)
    person: str = Field(primary_key=True)
    raised_at: datetime = instant_column()  # when it began, or when more came
    number: int = 0
    since: datetime | None = instant_column(nullable=True)
    newest: int = integer_column(0)
    words: str = Field(default="", sa_column=Column(Text, nullable=False))
    words_form: dict[str, Any] | None = form_column()  # of `words`


class SentAlert(SQLModel, table=True):
    """Time of the last notice of an alert to somebody: nobody gets the same one again and again."""

    __tablename__ = "sent_alert"
    who: str = Field(primary_key=True)  # staff:LOGIN, address:ADDRESS, person:UID; record: whoever reads the record
    cause: str = Field(primary_key=True)
    department: str = Field(primary_key=True)
    person: str = Field(primary_key=True)
    at: datetime = instant_column()


class Webhook(SQLModel, table=True):
    """State of a webhook in the settings."""

    __tablename__ = "webhook"
    name: str = Field(primary_key=True)
    failures: int = 0  # in a row
    rests_until: datetime | None = instant_column(
        nullable=True
    )  # after failures, or when the lease of a call ends: until then nobody calls
    gone: bool = False  # it said that it wants no more (410): nothing is sent until somebody says otherwise
    last_reply: str = ""  # of the last failure
    failed_at: datetime | None = instant_column(nullable=True)
    succeeded_at: datetime | None = instant_column(nullable=True)
    dropped: int = 0  # calls given up


class WebhookCall(SQLModel, table=True):
    """Calls that wait for a webhook. It goes when it has been taken."""

    __tablename__ = "webhook_call"
    id: int = id_column()
    hook: str
    event: str  # the id that receivers know doubles by
    kind: str
    body: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = instant_column()
    # when to call; later than `at` for one that was refused, which waits alone, and for one in hand: when its lease ends
    due_at: datetime = instant_column()
    attempts: int = 0  # fences late answers of a dead sender
    __table_args__ = (UniqueConstraint("hook", "event"), Index("webhook_call_due", "hook", "due_at", "id"))


class PushSubscription(SQLModel, table=True):
    """A browser of a member of staff that wants web push, and what waits for it. It goes with the sign-out and the account."""

    __tablename__ = "push_subscription"
    id: int = id_column()
    login: str = Field(index=True)
    session_sha256: str = Field(index=True)  # of the session that asked last: its sign-out ends it
    endpoint: str = Field(unique=True)  # at the browser maker's server
    p256dh: str  # the browser's public key, base64url
    auth: str  # its authentication secret, base64url
    language: str  # of the person who asked
    made_at: datetime = instant_column()
    kind: str = ""  # the event that waits; "": none
    asked_at: datetime | None = instant_column(nullable=True)  # when that happened
    due_at: datetime | None = instant_column(nullable=True)  # when to send it; later for one in hand: when its lease ends
    sent_at: datetime | None = instant_column(nullable=True)  # the last one
    failures: int = integer_column(0)  # in a row
