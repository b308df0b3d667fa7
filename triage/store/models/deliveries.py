"""Deliveries, one for each recipient of a message, the attempts to send them, and notices to senders."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from triage.say import form_with_text, with_its_form
from triage.store.models.columns import (
    form_column,
    id_column,
    instant_column,
    integer_column,
    json_list_column,
    reference_column,
    text_column,
)

PASSED_ON = "passed_on_by <> ''"
OUT = "is_copy AND state = 'delivered'"
OUT_ON_SQLITE = "is_copy = 1 AND state = 'delivered'"  # as it is asked for there, else no query would use the index


TIME_LIMITED, DUE = "time_limited_until IS NOT NULL", "due_at IS NOT NULL"  # few deliveries: a change of state touches neither
SENT_TO = "direction IN ('outbound', 'notice')"
FOR_ASSISTANT = "rule = 'held-for-assistant'"
RISKY_IN = "severity >= 2 AND verdict = 'relay'"  # accepted by a rule, and suspicious or worse


class Delivery(SQLModel, table=True):
    """A message for one recipient: the unit that is held, released, purged. Only the ledger writes `state`."""

    __tablename__ = "delivery"
    id: int = id_column()
    message_id: int = reference_column("message.id")
    parent_id: int | None = integer_column(nullable=True, index=True)  # a member's copy: the group's
    campaign_id: int | None = integer_column(nullable=True)  # None: like no other
    wave_id: int | None = integer_column(nullable=True, index=True)  # in a flood: its campaign else
    flood: bool = False  # its campaign is a mail bomb: what is in it differs, and so does what proves it
    state: str
    received_at: datetime = instant_column()
    recipient: str  # envelope address, folded
    department: str
    person: str  # uid; "" for the department's shared folder
    mailbox: str  # where a released copy goes; a redirect changes it
    listed: str = ""  # the directory's address that the recipient led to: the recipient without its detail
    detail: str = ""  # of a sub-address, as the sender spelled it; goes on to the mailbox
    redirected: bool = False  # a person or a rule chose the mailbox
    expanded: bool = False  # a group's own: its members have got their copies
    note: str = ""  # what staff should know about how it was addressed, a sentence
    author: str  # folded address; where none is clear whom the message claims to be from, or the reverse-path
    author_domain: str
    author_name: str
    claimed: bool = False  # it has no clear author: `author` proves nothing and allows nothing, whoever that is
    subject: str
    search: str = Field(sa_column=Column(Text, nullable=False))  # folded subject, names and addresses
    proof: str  # dmarc, aligned, ""
    # whom that is good for: a domain, an address at a free-mail provider, "" without one; None: upkeep has not come by yet (providers)
    proven_as: str | None = None
    weight: int  # signals added up: how much to mind
    severity: int | None = None  # severity.Severity; None: from before it was kept, read it from the weight
    second_look: int | None = None  # second_look.Look: why it needs one; None: from before it was kept, read it from the message
    passed_on_by: str = ""  # who provably passed it on, where it does not prove its author: list:ID DOMAIN, arc:DOMAIN, dkim:DOMAIN
    is_copy: bool = False  # one of the copies of its campaign, which are decided about together whoever proves to have sent them
    signals: list[dict[str, Any]] = json_list_column()  # about this copy alone, beside those of the message
    urgency: int = 50  # what is looked at first, 0-100: orders the rows, never decides
    why_here: list[dict[str, Any]] = json_list_column()  # priority.Reason: what makes the urgency
    time_limited_until: datetime | None = instant_column(
        nullable=True
    )  # how long it is of use; None: it may wait, or its deadline does not count
    language: str | None = text_column()  # of its text, as message.language finds it; "": unknown; None: it was not held, or is from before
    has_attachments: bool | None = None  # None: it is from before this was kept
    lifetime_assumed: bool = False  # the message does not say how long: it is what is usual
    verdict: str  # disposition
    rule: str  # name of the policy's rule
    rule_id: int | None = integer_column(nullable=True)  # the sender rule that decided
    reason: str
    forms: dict[str, Any] | None = form_column()  # of `reason` and `note`
    beside: list[dict[str, Any]] = json_list_column()  # what matched too and did not decide: policy.runner_up.RunnerUp
    marks: str = ""  # names of the rules on content that mark it or redirect it, between spaces
    withheld: str = ""  # let pass by the enforcement step, or a check that only reports: the rule that would have stopped it
    # in; simulation: of phishing that the company ordered; known: a copy whose answer is known, never delivered;
    # bounce: what came back to an address of ours;
    # notice: what we tell a sender; outbound: employees' own mail;
    # report: what one of them is told of it
    direction: str = "in"
    due_at: datetime | None = instant_column(nullable=True)  # queued: when to send; relaying: when the lease ends
    queued_at: datetime | None = instant_column(nullable=True)  # the queue lifetime starts here
    attempts: int = 0  # fences late answers of a dead worker
    last_reply: str = ""
    reply_form: dict[str, Any] | None = form_column()  # of `last_reply`, with its text (`reply_columns`)
    delay_notice_at: datetime | None = instant_column(nullable=True)  # when its author heard that it is late
    waits_for: str = ""  # the next hop that was away when this was deferred; "": it waits on its own account
    settled_at: datetime | None = instant_column(nullable=True)  # when it became final
    purge_wanted_by: int | None = integer_column(nullable=True)  # a purge met RELAYING: its decision
    back_wanted_by: int | None = integer_column(nullable=True)  # an undo met RECALLING: its decision
    back_to: str = ""  # where that undo wants it: held, mailbox; queued: a group leaves again
    decision_id: int | None = integer_column(nullable=True)  # the last one that changed it
    erased_at: datetime | None = instant_column(nullable=True)

    __table_args__ = (
        UniqueConstraint("message_id", "recipient"),
        Index("delivery_newest", "received_at", "id"),
        Index("delivery_of_department", "department", "received_at", "id", "person", "direction"),
        Index("delivery_by_time", "state", "received_at", "id"),
        Index("delivery_by_urgency", "state", "urgency", "received_at", "id"),
        Index("delivery_time_limited", "state", "time_limited_until", sqlite_where=text(TIME_LIMITED), postgresql_where=text(TIME_LIMITED)),
        Index("delivery_by_folder", "department", "person", "state", "received_at", "id"),
        Index("delivery_by_person", "person", "state", "received_at", "id"),
        Index("delivery_by_author", "author", "state", "department", "person"),
        Index("delivery_by_domain", "author_domain", "state"),
        Index("delivery_of_domain", "author_domain", "id", "received_at", "author", "direction", "department", "person"),
        Index("delivery_of_campaign", "campaign_id", "state", "department", "person", "direction", "message_id"),
        Index("delivery_due_next", "state", "due_at", sqlite_where=text(DUE), postgresql_where=text(DUE)),
        Index("delivery_sent_to", "mailbox", sqlite_where=text(SENT_TO), postgresql_where=text(SENT_TO)),
        Index("delivery_passed_on", "passed_on_by", sqlite_where=text(PASSED_ON), postgresql_where=text(PASSED_ON)),
        Index(
            "delivery_copies_out", "campaign_id", sqlite_where=text(OUT_ON_SQLITE), postgresql_where=text(OUT)
        ),  # copies in mailboxes: few
        Index("delivery_risky_in", "received_at", sqlite_where=text(RISKY_IN), postgresql_where=text(RISKY_IN)),
        Index(
            "delivery_for_assistant", "state", "person", sqlite_where=text(FOR_ASSISTANT), postgresql_where=text(FOR_ASSISTANT)
        ),  # known messages to people of whom everything is held
        Index("delivery_in_short", "id", "direction", "department", "person", "received_at", "campaign_id", "author"),  # for reports
    )  # and one of the words of `search`: migrations 0052 and 0105

    @property
    def shown_reply(self) -> str:
        """The last reply, or what we say in its place."""
        return with_its_form(self.last_reply, self.reply_form)


def reply_columns(reply: str) -> dict[str, Any]:
    """The columns of a delivery that hold the last reply, or a sentence of ours in its place."""
    return {"last_reply": str(reply), "reply_form": form_with_text(reply)}


class Attempt(SQLModel, table=True):
    """Attempt to send a delivery, written before dialling."""

    __tablename__ = "attempt"
    id: int = id_column()
    delivery_id: int = reference_column("delivery.id")
    number: int
    started_at: datetime = instant_column()
    ended_at: datetime | None = instant_column(nullable=True)
    next_hop: str = ""
    outcome: str = ""  # delivered, deferred, bounced; unanswered: it may have arrived; "" while under way or when the worker died
    reply: str = ""
    reply_form: dict[str, Any] | None = form_column()  # of `reply`
    __table_args__ = (UniqueConstraint("delivery_id", "number"),)


class Notice(SQLModel, table=True):
    """Notice to an outside sender about a message: at most one, however many copies and transactions it came in."""

    __tablename__ = "notice"
    delivery_id: int = integer_column(primary_key=True)  # the notice's own
    message_id: int = reference_column("message.id", index=True)  # that it is about
    sender: str  # the reverse-path
    about: str  # Message-ID, or ours where it has none
    kind: str  # failure, rejection, expiry
    text: str = Field(sa_column=Column(Text, nullable=False))  # with its placeholders
    due_at: datetime = instant_column()
    __table_args__ = (UniqueConstraint("sender", "about"),)


class AbuseReport(SQLModel, table=True):
    """The message that an abuse report holds: whoever has a part in the one has a part in the other."""

    __tablename__ = "abuse_report"
    delivery_id: int = integer_column(primary_key=True)  # the report's own
    message_id: int = reference_column("message.id", index=True)
