"""The tables. Times are microseconds UTC, ids are ours, text that is searched is folded by us."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Dialect, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from triage.ids import new_id
from triage.times import from_micros, to_micros

SQLModel.model_config["defer_build"] = True  # no row is ever checked by pydantic, which takes a fifth of the time that this module does


class Instant(TypeDecorator[datetime]):
    """An aware datetime in code, an integer in the database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)


def identity() -> Any:
    """A primary key made by us."""
    return Field(default_factory=new_id, sa_column=Column(BigInteger, primary_key=True, autoincrement=False))


def instant(*, nullable: bool = False, primary_key: bool = False) -> Any:
    """A column that holds an instant."""
    return Field(default=None if nullable else ..., sa_column=Column(Instant, nullable=nullable, primary_key=primary_key))


def whole(default: Any = ..., *, nullable: bool = False, index: bool = False, unique: bool = False, primary_key: bool = False) -> Any:
    """A column of whole numbers of 64 bits, such as ids of rows that need not be there."""
    column = Column(BigInteger, nullable=nullable, index=index, unique=unique, primary_key=primary_key, autoincrement=False)
    return Field(default=None if nullable else default, sa_column=column)


def reference(target: str, *, index: bool = False) -> Any:
    """A column that holds the id of a row elsewhere."""
    return Field(sa_column=Column(BigInteger, ForeignKey(target), nullable=False, index=index))


def document() -> Any:
    """A column of plain JSON values."""
    return Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


def documents() -> Any:
    """A column of a list of plain JSON values."""
    return Field(default_factory=list, sa_column=Column(JSON, nullable=False))


KEPT = "zstd IS NOT NULL"
PASSED_ON = "passed_on_by <> ''"
UNANSWERED = "answered_at IS NULL"
OUT = "is_copy AND state = 'delivered'"
OUT_ON_SQLITE = "is_copy = 1 AND state = 'delivered'"  # as it is asked for there, else no query would use the index
JUDGE = "system:judge"  # who makes campaigns of mail that comes in


class Content(SQLModel, table=True):
    """The bytes of a message as received, compressed, stored once per content."""

    __tablename__ = "content"
    id: int = identity()
    sha256: str = Field(unique=True)
    size: int  # bytes as received
    zstd: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))  # None when erased
    erased_at: datetime | None = instant(nullable=True)
    __table_args__ = (Index("content_kept", "id", sqlite_where=text(KEPT), postgresql_where=text(KEPT)),)


class Message(SQLModel, table=True):
    """One SMTP transaction's content and what was found out about it; immutable."""

    __tablename__ = "message"
    id: int = identity()
    spool_id: int = whole(unique=True)
    content_id: int = reference("content.id", index=True)
    received_at: datetime = instant()
    envelope: dict[str, Any] = document()
    authentication: dict[str, Any] = document()
    summary: dict[str, Any] = document()  # content.Summary without its text
    signals: list[dict[str, Any]] = documents()
    text: str = Field(default="", sa_column=Column(Text, nullable=False))


class Delivery(SQLModel, table=True):
    """A message for one recipient: the unit that is held, released, purged. Only the ledger writes `state`."""

    __tablename__ = "delivery"
    id: int = identity()
    message_id: int = reference("message.id")
    parent_id: int | None = whole(nullable=True, index=True)  # a member's copy: the group's
    campaign_id: int | None = whole(nullable=True)  # None: like no other
    wave_id: int | None = whole(nullable=True, index=True)  # in a flood: its campaign else
    flood: bool = False  # its campaign is a mail bomb: what is in it differs, and so does what proves it
    state: str
    received_at: datetime = instant()
    recipient: str  # envelope address, folded
    department: str
    person: str  # uid; "" for the department's shared folder
    mailbox: str  # where a released copy goes; a redirect changes it
    listed: str = ""  # the directory's address that the recipient led to: the recipient without its detail
    detail: str = ""  # of a sub-address, as the sender spelled it; goes on to the mailbox
    redirected: bool = False  # a person or a rule chose the mailbox
    expanded: bool = False  # a group's own: its members have got their copies
    note: str = ""  # what staff should know about how it was addressed, a sentence
    author: str  # folded address; when ambiguous the first one named, or the reverse-path
    author_domain: str
    author_name: str
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
    signals: list[dict[str, Any]] = documents()  # about this copy alone, beside those of the message
    urgency: int = 50  # what is looked at first, 0-100: orders the cards, never decides
    why_here: list[dict[str, Any]] = documents()  # order.Reason: what makes the urgency
    perishable_until: datetime | None = instant(nullable=True)  # how long it is of use; None: it may wait, or its deadline does not count
    lifetime_assumed: bool = False  # the message does not say how long: it is what is usual
    verdict: str  # disposition
    rule: str  # name of the policy's rule
    rule_id: int | None = whole(nullable=True)  # the sender rule that decided
    reason: str
    beside: list[dict[str, Any]] = documents()  # what matched too and did not decide: policy.Beside
    withheld: str = ""  # observe mode: the rule that would have stopped it
    # in; bounce: what came back to an address of ours; notice: what we tell a sender; outbound: employees' own mail;
    # report: what one of them is told of it
    direction: str = "in"
    due_at: datetime | None = instant(nullable=True)  # queued: when to send; relaying: when the lease ends
    queued_at: datetime | None = instant(nullable=True)  # the queue lifetime starts here
    attempts: int = 0  # fences late answers of a dead worker
    last_reply: str = ""
    delay_told_at: datetime | None = instant(nullable=True)  # when its author heard that it is late
    waits_for: str = ""  # the next hop that was away when this was put off; "": it waits on its own account
    settled_at: datetime | None = instant(nullable=True)  # when it became final
    purge_wanted_by: int | None = whole(nullable=True)  # a purge met RELAYING: its decision
    back_wanted_by: int | None = whole(nullable=True)  # an undo met RECALLING: its decision
    back_to: str = ""  # where that undo wants it: held, mailbox; queued: a group leaves again
    decision_id: int | None = whole(nullable=True)  # the last one that changed it
    erased_at: datetime | None = instant(nullable=True)

    __table_args__ = (
        UniqueConstraint("message_id", "recipient"),
        Index("delivery_newest", "received_at", "id"),
        Index("delivery_of_department", "department", "received_at", "id", "person", "direction"),
        Index("delivery_by_time", "state", "received_at", "id"),
        Index("delivery_by_urgency", "state", "urgency", "received_at", "id"),
        Index("delivery_by_end", "state", "perishable_until"),
        Index("delivery_by_folder", "department", "person", "state", "received_at", "id"),
        Index("delivery_by_person", "person", "state", "received_at", "id"),
        Index("delivery_by_author", "author", "state", "department", "person"),
        Index("delivery_by_domain", "author_domain", "state"),
        Index("delivery_of_domain", "author_domain", "id", "received_at", "author", "direction", "department", "person"),
        Index("delivery_of_campaign", "campaign_id", "state", "department", "person", "direction", "message_id"),
        Index("delivery_due", "state", "due_at"),
        Index("delivery_passed_on", "passed_on_by", sqlite_where=text(PASSED_ON), postgresql_where=text(PASSED_ON)),
        Index(
            "delivery_copies_out", "campaign_id", sqlite_where=text(OUT_ON_SQLITE), postgresql_where=text(OUT)
        ),  # copies in mailboxes: few
        Index("delivery_in_short", "id", "direction", "department", "person", "received_at", "campaign_id", "author"),  # for reports
    )  # and one of the words of `search`: migrations 0052 and online


class Campaign(SQLModel, table=True):
    """Mail that is the same thing sent many times, also by different senders and with small changes. Its mail names it."""

    __tablename__ = "campaign"
    id: int = identity()
    begun_at: datetime = instant()
    made_by: str = JUDGE  # or who split it off
    about: str | None = None  # a flood: the folder, and the sender where it is only theirs
    __table_args__ = (Index("campaign_about", "about", unique=True),)


class MessageTrait(SQLModel, table=True):
    """Something that messages of one maker share beside their text: a subject's pattern, a link's domain, a network, a page's frame."""

    __tablename__ = "message_trait"
    trait: int = whole(primary_key=True)  # traits.Trait, as a number
    message_id: int = whole(primary_key=True, index=True)


class Representative(SQLModel, table=True):
    """A mail of a campaign that new mail is compared with; the first one, and others when copies have drifted away from it."""

    __tablename__ = "representative"
    id: int = identity()
    campaign_id: int = reference("campaign.id", index=True)
    features: bytes = Field(sa_column=Column(LargeBinary, nullable=False))  # fingerprint.packed


class RepresentativeBand(SQLModel, table=True):
    """Under which bands a representative is found (fingerprint.Fingerprint.bands)."""

    __tablename__ = "representative_band"
    band: int = whole(primary_key=True)
    representative_id: int = whole(primary_key=True)
    __table_args__ = {"sqlite_with_rowid": False}


class Attempt(SQLModel, table=True):
    """One attempt to send a delivery, written before dialling."""

    __tablename__ = "attempt"
    id: int = identity()
    delivery_id: int = reference("delivery.id")
    number: int
    started_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)
    next_hop: str = ""
    outcome: str = ""  # delivered, deferred, bounced; unanswered: it may have arrived; "" while under way or when the worker died
    reply: str = ""
    __table_args__ = (UniqueConstraint("delivery_id", "number"),)


class Recalled(SQLModel, table=True):
    """A copy that was taken out of a mailbox: where it lay, how, and what is needed to put it back."""

    __tablename__ = "recalled"
    id: int = identity()
    delivery_id: int = reference("delivery.id", index=True)
    found_at: datetime = instant()
    gone: bool = False  # there was no copy any more: its owner had deleted it
    folder: str = ""
    uid_validity: int = whole(0)
    uid: int = whole(0)
    name: str = ""  # Maildir: the file's name
    flags: list[str] = documents()  # IMAP flags and keywords
    internal_date: datetime | None = instant(nullable=True)
    size: int = 0  # bytes
    tail: int = 0  # so many last bytes are those of the content
    head: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))  # the bytes before, compressed; None when over
    ended_at: datetime | None = instant(nullable=True)  # when it was put back, or was no longer wanted


class Notice(SQLModel, table=True):
    """What an outside sender is told about a message: at most once, however many copies and transactions it came in."""

    __tablename__ = "notice"
    delivery_id: int = whole(primary_key=True)  # the notice's own
    message_id: int = reference("message.id", index=True)  # that it is about
    sender: str  # the reverse-path
    about: str  # Message-ID, or ours where it has none
    kind: str  # failure, rejection, expiry
    text: str = Field(sa_column=Column(Text, nullable=False))  # with its placeholders
    due_at: datetime = instant()
    __table_args__ = (UniqueConstraint("sender", "about"),)


class SweptMailbox(SQLModel, table=True):
    """One mailbox that a sweep is to look through for a sender's mail that never came through us."""

    __tablename__ = "swept_mailbox"
    id: int = identity()
    decision_id: int = reference("decision.id", index=True)
    mailbox: str
    due_at: datetime | None = instant(nullable=True)  # when to look, or when the lease ends; None when it is over
    begun_at: datetime = instant()
    attempts: int = 0  # fences late answers of a dead worker
    found: int = 0  # mails of the sender's
    why: str = ""  # what is in the way
    __table_args__ = (Index("swept_mailbox_due", "due_at"),)


class RelatedMail(SQLModel, table=True):
    """A mail that a recall saw beside the copies it took, since it bears or refers to their Message-ID; taken when a person says so."""

    __tablename__ = "related_mail"
    id: int = identity()
    decision_id: int = whole(index=True)  # that took the copies
    delivery_id: int = reference("delivery.id", index=True)
    found_at: datetime = instant()
    mailbox: str
    folder: str
    uid_validity: int = whole()
    uid: int = whole()
    name: str  # Maildir: the file's name
    internal_date: datetime = instant()
    bears: bool  # the same Message-ID; else it refers to it
    ours: bool  # it came through us into this mailbox, so it has a delivery of its own
    author: str
    subject: str
    taken_by: int | None = whole(nullable=True, index=True)  # the decision to take it too


LEFT = "before <> 'held'"  # it had left before, or had never been held


class Decision(SQLModel, table=True):
    """One act of one person over a selection."""

    __tablename__ = "decision"
    id: int = identity()
    at: datetime = instant()
    by: str = Field(index=True)
    by_shown: str
    verb: str
    selection: dict[str, Any] = document()
    reason: str
    count: int  # deliveries it meant to change
    done: int
    target: str = ""  # of a redirect
    second_by: str = ""  # who turned the second key, where two are needed
    second_by_shown: str = ""
    outside: int = 0  # deliveries that the selection names too, and that were left alone: beyond the decider's scope
    confirmed: list[str] = documents()  # the reasons for a second look that the decider confirmed (second_look.NAMES)
    confidential: str = ""  # what a removal did about folders closed to the decider: asked, left out (confidential.py)
    agreed: dict[str, Any] = document()  # of a release with an allow: the rules that were agreed to, and who was left out (consent.py)
    undone_by: int | None = whole(nullable=True)
    undoes: int | None = whole(nullable=True)
    last: int | None = whole(nullable=True, index=True)  # carried out in slices up to this id
    reached: int = whole(0)  # the id that the last slice came to
    order: dict[str, Any] = document()  # what else the slices need: to, template, text
    idempotency_key: str | None = Field(default=None, unique=True)
    keys: int | None = None  # pressed since the card came under the cursor; None: not measured
    milliseconds: int | None = None  # since then
    __table_args__ = (Index("decision_by_time", "at"),)


class DecisionItem(SQLModel, table=True):
    """What a decision did to one delivery: the evidence, and the way back."""

    __tablename__ = "decision_item"
    decision_id: int = whole(primary_key=True)
    delivery_id: int = whole(primary_key=True)
    before: str
    outcome: str  # done, already gone, in flight, recalling, restoring, out of reach, refused
    why: str = ""
    __table_args__ = (
        Index("decision_item_by_delivery", "delivery_id"),
        Index("decision_item_of_left", "decision_id", sqlite_where=text(LEFT), postgresql_where=text(LEFT)),  # few: reports look for them
    )


class AuditRecord(SQLModel, table=True):
    """One act on the record. Committed with the act, chained by the sealer within a second."""

    __tablename__ = "audit_record"
    id: int = identity()
    at: datetime = instant()
    by: str
    act: str
    subject: str = Field(index=True)  # what it was about: decision:ID, rule:ID, delivery:ID, session …
    detail: dict[str, Any] = document()
    items: int = 0
    digest: str = ""  # sha256 over the sorted ids of the items and the state they got
    sequence: int | None = whole(nullable=True, unique=True)
    previous: str = ""
    sealed: str = ""  # sha256 over previous and this record


class Viewing(SQLModel, table=True):
    """What an actor's console fetched of a message ahead and has not shown, and when they viewed it last; a row lives for minutes."""

    __tablename__ = "viewing"
    by: str = Field(primary_key=True)
    message_id: int = whole(primary_key=True)
    ahead: int = 0  # requests that read ahead since the message was viewed, or since they were put on the record
    ahead_since: datetime | None = instant(nullable=True)  # when the first of them was
    ahead_until: datetime | None = instant(nullable=True)  # and the last one
    place: str = ""  # where the first of them came from
    stands_in_for: list[str] = documents()  # for whom its actor stood in
    viewed_at: datetime | None = instant(nullable=True)


class Rule(SQLModel, table=True):
    """Somebody here says yes or no to a sender, within a scope, for a proof."""

    __tablename__ = "rule"
    id: int = identity()
    effect: str  # allow, block, redirect, hold
    match: str  # address, domain, subdomains, list; recipient (of a redirect), campaign (of a purge)
    value: str  # folded
    scope: str  # company, department:CODE, person:UID
    proof: str = ""  # allow: dmarc, aligned, dkim:DOMAIN, arc:DOMAIN; of a campaign the domain that proves to have sent it
    unproven_only: bool = False  # block made from unproven mail
    unsigned_only: bool = False  # such a block that the door may use against mail without a signature of the domain
    risky: bool = False  # "with risky attachments"
    author: str
    second_by: str = ""  # who turned the second key, where two are needed
    origin: str = "staff"  # staff, learned, import; made with a removal: removal, or standing where it was not to block
    note: str = ""
    created_at: datetime = instant()
    until: datetime | None = instant(nullable=True)
    removed_at: datetime | None = instant(nullable=True)
    removed_by: str = ""
    used: int = 0
    first_used_at: datetime | None = instant(nullable=True)
    last_used_at: datetime | None = instant(nullable=True)
    recipient: str = ""  # redirect: only mail to this address of ours; "" for any
    target: str = ""  # redirect: where it goes, as person:UID, department:CODE or an address of ours
    doubt: str = ""  # why it may never work, in a sentence, as far as was known when it was made
    looked_at: datetime | None = instant(nullable=True)  # when DNS was asked what the sender's domain publishes
    lapse_days: int = 0  # `until` is so many days after the last mail either way; 0: it does not move
    holds_until: datetime | None = instant(nullable=True)  # a block: until then it holds what it stops, and neither refuses nor removes it
    refused: int = 0  # a block: messages that were refused at SMTP time
    decision_id: int | None = whole(nullable=True, index=True)  # made along with it
    kept_out: list[str] = (
        documents()
    )  # made with a removal: confidential folders that were closed to who made it; it does not reach into them
    __table_args__ = (Index("rule_by_value", "value", "match"),)


class Correspondent(SQLModel, table=True):
    """Somebody outside to whom somebody here has written."""

    __tablename__ = "correspondent"
    id: int = identity()
    address: str  # folded
    person: str  # uid of who wrote; "" where a role address of a department did
    department: str = ""  # of that role address; "" for a person, whose department is today's
    state: str = "known"  # known; parked: one too many on one day, staff is to look; dropped: staff has said no
    how: str = ""  # how it was learned first: outbound, journal, log, seed, api
    learned_at: datetime = instant()
    first_sent_at: datetime = instant()
    last_sent_at: datetime = instant()
    sent: int = 1  # mails
    message_id: str = ""  # of the last one
    subject_digest: str = ""  # of the last one (teaching.digest)
    heard: int = 0  # proven mails that came back
    last_heard_at: datetime | None = instant(nullable=True)
    last_mail_at: datetime = instant()  # either way; for seeded ones the import counts
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
    """What a sender that the company knows calls themselves, as a hasty eye reads it."""

    __tablename__ = "familiar_name"
    name: str = Field(primary_key=True)
    address: str = Field(primary_key=True)


class SentMail(SQLModel, table=True):
    """A mail that left through us: what an answer to it may name, and where it went."""

    __tablename__ = "sent_mail"
    id: int = identity()
    message_id: str = Field(index=True)
    uid: str = Field(default="", index=True)  # of the calendar entry in it (RFC 5545), where somebody is invited
    person: str  # uid, "" for a role address
    department: str
    author: str  # who wrote it, as people read it
    at: datetime = instant()
    automatic: bool = False  # a program wrote it, or too much was written: nobody may answer through an open door
    went_to: list[str] = documents()  # domains; of free-mail providers whole addresses
    skipped: dict[str, list[str]] = document()  # what it did not teach, by reason
    __table_args__ = (Index("sent_mail_by_time", "at"),)


class NotLearned(SQLModel, table=True):
    """How often on a day something was not learned from a department's mail, and why."""

    __tablename__ = "not_learned"
    day: str = Field(primary_key=True)  # 2026-11-24, UTC
    how: str = Field(primary_key=True)
    reason: str = Field(primary_key=True)  # teaching.Reason
    department: str = Field(default="", primary_key=True)  # of who wrote; "" where that is nobody here
    person: str = Field(default="", primary_key=True)  # uid of who wrote, only where they are sealed
    count: int


class PostedList(SQLModel, table=True):
    """A mailing list that we know of or write to: what its posts would need to be let in."""

    __tablename__ = "posted_list"
    address: str = Field(primary_key=True)  # where posts go
    list_id: str = ""  # as its posts say; "" as long as none came
    signer: str = ""  # d= of a signature that covers the List-Id of its posts
    posts: int = 0  # mails of ours
    person: str = ""  # uid of who posted last
    last_posted_at: datetime | None = instant(nullable=True)


class Department(SQLModel, table=True):
    """A department; its code stands in triage addresses."""

    __tablename__ = "department"
    code: str = Field(primary_key=True)
    name: str
    mailbox: str = ""  # takes what is released or redirected to the department; "" when it has none
    roles: list[str] = documents()  # role addresses, as the directory writes them
    responsible: str = ""  # uid


class Person(SQLModel, table=True):
    """Somebody who works here."""

    __tablename__ = "person"
    uid: str = Field(primary_key=True)
    name: str
    department: str
    mailbox: str
    aliases: list[str] = documents()
    active: bool = True  # False: has left; nobody is deleted
    manager: str = ""  # uid
    assistants: list[str] = documents()  # uids
    leaver: str = ""  # refuse, manager, folder:CODE; "": as the settings say
    login: str = ""  # what they sign in with; "": their uid
    identity: str = ""  # what the directory knows them by for good, whatever they are called; "": it does not say
    left_at: datetime | None = instant(nullable=True)


class FormerName(SQLModel, table=True):
    """What somebody was called before, for what still names them so: settings, and what came in at that moment."""

    __tablename__ = "former_name"
    kind: str = Field(primary_key=True)  # person: a uid; staff: a login
    name: str = Field(primary_key=True)
    now: str = Field(primary_key=True)
    until: datetime = instant()
    __table_args__ = (Index("former_name_by_now", "kind", "now"),)


class FormerMailbox(SQLModel, table=True):
    """What somebody's mailbox was called before: what was delivered there lies in the one of today."""

    __tablename__ = "former_mailbox"
    address: str = Field(primary_key=True)
    until: datetime = instant(primary_key=True)
    person: str = Field(index=True)  # uid


class KnownRecipient(SQLModel, table=True):
    """An address that we accept mail for, and where it belongs."""

    __tablename__ = "known_recipient"
    address: str = Field(primary_key=True)  # folded
    kind: str  # postmaster, legacy, triage, alias, role, group; former: a triage address in a department that was left;
    # leaver: of somebody who has left, goes to somebody else; gone: of somebody who has left, is refused
    department: str
    person: str
    mailbox: str
    sub_addressed: bool = False  # accepted with a detail too
    leaver: str = ""  # uid of who had it and has left


class Sealed(SQLModel, table=True):
    """A sealed department or person: a row with the login "" for the seal itself, one for each member of staff who may see in."""

    __tablename__ = "sealed"
    kind: str = Field(primary_key=True)  # department, person
    name: str = Field(primary_key=True)  # code or uid
    login: str = Field(primary_key=True)


class MailGroup(SQLModel, table=True):
    """A distribution list. Who its members are is asked when something leaves for it."""

    __tablename__ = "mail_group"
    address: str = Field(primary_key=True)
    name: str
    department: str  # whose own folder holds its mail
    expand: bool = True
    members: list[str] = documents()  # uids and addresses of ours
    external: list[str] = documents()  # addresses outside
    aliases: list[str] = documents()
    closed: bool = False  # to mail from outside


class StaffMember(SQLModel, table=True):
    """A person who triages."""

    __tablename__ = "staff_member"
    login: str = Field(primary_key=True)
    name: str
    role: str
    scope: list[str] = documents()
    rights: list[str] = documents()  # beside role and scope: remove-delivered, data-protection
    password_hash: str  # argon2id
    active: bool = True
    away_until: datetime | None = instant(nullable=True)
    source: str = "directory"  # local: made here, and left alone by every sync


class PendingAct(SQLModel, table=True):
    """What one person asked for and another one has to confirm: a decision or a rule."""

    __tablename__ = "pending_act"
    id: int = identity()
    kind: str  # decision, rule
    order: dict[str, Any] = document()
    needs: list[str] = documents()  # why: domain-allow, large-purge, risky-release
    items: list[str] = documents()  # ids of the deliveries that it is about, as they are shown
    fence: str = ""  # changes when they do
    reason: str = ""
    asked_by: str
    asked_by_shown: str
    asked_at: datetime = instant()
    lapses_at: datetime = instant()
    state: str = Field(default="waiting", index=True)  # waiting, confirmed, declined, withdrawn, lapsed
    settled_by: str = ""
    settled_by_shown: str = ""
    settled_at: datetime | None = instant(nullable=True)
    settled_reason: str = ""
    result_id: int | None = whole(nullable=True)  # of the decision or rule
    idempotency_key: str | None = Field(default=None, unique=True)


class KeepersRequest(SQLModel, table=True):
    """A removal of a campaign asks the keepers of a confidential folder to remove its copies there too.

    There is one for each folder that was closed to who removed it, with copies in it or not, so that no number of rows tells anything.
    """

    __tablename__ = "keepers_request"
    id: int = identity()
    folder: str  # department:CODE, person:UID
    selection: dict[str, Any] = document()  # the copies, in this folder
    decision_id: int = whole(index=True)  # the removal that asks
    reason: str = ""
    asked_by: str
    asked_by_shown: str
    asked_at: datetime = instant()
    lapses_at: datetime = instant()
    state: str = "waiting"  # waiting, confirmed, declined; joined: removed by the keepers' agreement
    settled_by: str = ""
    settled_by_shown: str = ""
    settled_at: datetime | None = instant(nullable=True)
    results: list[str] = documents()  # ids of the decisions that removed the copies
    is_over: bool = Field(default=False, index=True)  # its time is over, and that is on record


class Substitution(SQLModel, table=True):
    """One member of staff stands in for another for a time."""

    __tablename__ = "substitution"
    id: int = identity()
    absent: str  # login
    substitute: str = Field(index=True)  # login
    starts_at: datetime = instant()
    ends_at: datetime = instant()
    reason: str = ""
    made_by: str
    made_at: datetime = instant()


class StaffSession(SQLModel, table=True):
    """One sign-in of a member of staff. The key itself is only in the browser."""

    __tablename__ = "staff_session"
    key_sha256: str = Field(primary_key=True)
    login: str = Field(index=True)
    started_at: datetime = instant()
    seen_at: datetime = instant()  # a request that the person caused, not the console by itself
    client: str = ""  # network address
    before_at: datetime | None = instant(nullable=True)  # the sign-in before this one
    before_client: str = ""


class EmployeeSession(SQLModel, table=True):
    """One sign-in of an employee, for their own mail only. The key itself is only in the browser."""

    __tablename__ = "employee_session"
    key_sha256: str = Field(primary_key=True)
    uid: str
    started_at: datetime = instant()
    client: str = ""  # network address


class DigestRefusal(SQLModel, table=True):
    """An employee who does not want the daily letter."""

    __tablename__ = "digest_refusal"
    person: str = Field(primary_key=True)  # uid
    at: datetime = instant()


class DigestEntry(SQLModel, table=True):
    """A message that a daily digest listed or counted for its recipient: of the first digest that reached the mailbox."""

    __tablename__ = "digest_entry"
    delivery_id: int = whole(primary_key=True)
    person: str = Field(primary_key=True)  # uid of who was told
    letter_id: int = whole()  # message of the digest
    counted: bool  # among those of which the digest says only how many there are
    at: datetime = instant()


class ApiToken(SQLModel, table=True):
    """A key for programs. The key itself is only with who asked for it."""

    __tablename__ = "api_token"
    id: int = identity()
    key_sha256: str = Field(unique=True)
    name: str
    grants: list[str] = documents()  # read, decide, rules, learn, admin
    scope: list[str] = documents()
    made_by: str
    made_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(nullable=True)
    client: str = ""  # network address of the last use
    revoked_at: datetime | None = instant(nullable=True)
    revoked_by: str = ""


class KeptAnswer(SQLModel, table=True):
    """What was answered to a request with an idempotency key; written in the transaction of what was done."""

    __tablename__ = "kept_answer"
    actor: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    asked: str  # sha256 of method, path and body
    status: int  # 0: being done
    body: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = instant()
    __table_args__ = (Index("kept_answer_by_time", "at"),)


class Touched(SQLModel, table=True):
    """Held mail that has changed since the kept counts were folded: whose, and in which folder."""

    __tablename__ = "touched"
    id: int = identity()
    author: str
    campaign_id: int | None = whole(nullable=True)
    alone: int = whole()  # the delivery, where nobody can read who sent it; else 0
    department: str
    person: str


class KeptView(SQLModel, table=True):
    """Folders that somebody sees as one queue."""

    __tablename__ = "kept_view"
    id: int = identity()
    name: str = Field(unique=True)  # views.View as JSON
    ready: bool = False  # its cards are all there
    stage: int = 0  # while it is made: tallies.STAGES
    reached: str = ""  # and the pile that was written last


class KeptTotal(SQLModel, table=True):
    """How many cards and deliveries a view has."""

    __tablename__ = "kept_total"
    view: int = whole(primary_key=True)
    grouped: str = Field(primary_key=True)
    cards: int = 0
    deliveries: int = 0


class KeptCard(SQLModel, table=True):
    """A card of a view as it was when the counts were folded last. What is greatest comes first in its order, so those are negative."""

    __tablename__ = "kept_card"
    view: int = whole(primary_key=True)
    grouped: str = Field(primary_key=True)
    pile: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    pressing: datetime = instant()
    calm: int  # minus urgency
    age: int = whole()  # minus the newest's time of arrival, in microseconds
    perishable: datetime = instant()
    weight: int
    severity: int = 0
    number: int
    people: int
    departments: int
    lead: int = whole()
    __table_args__ = (
        Index("kept_card_by_order", "view", "grouped", "pressing", "calm", "age", "key"),
        Index("kept_card_by_end", "view", "grouped", "perishable"),
    )


class CardAnchor(SQLModel, table=True):
    """Where every so many cards of a view begin."""

    __tablename__ = "card_anchor"
    view: int = whole(primary_key=True)
    grouped: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    pressing: datetime = instant()
    calm: int
    age: int = whole()
    key: str


class KeptFolder(SQLModel, table=True):
    """How much was held in a folder when the counts were folded last."""

    __tablename__ = "kept_folder"
    department: str = Field(primary_key=True)
    person: str = Field(primary_key=True)
    held: int


class Arrived(SQLModel, table=True):
    """How much came in on a day that is over, for a folder, and what the policy decided about it."""

    __tablename__ = "arrived"
    since: datetime = Field(sa_column=Column(Instant, primary_key=True, autoincrement=False))
    department: str = Field(primary_key=True)
    person: str = Field(primary_key=True)
    rule: str = Field(primary_key=True)
    verdict: str = Field(primary_key=True)
    until: datetime = instant()
    count: int
    __table_args__ = {"sqlite_with_rowid": False}


class QueueSample(SQLModel, table=True):
    """How much was held in a folder at a full hour."""

    __tablename__ = "queue_sample"
    at: datetime = Field(sa_column=Column(Instant, primary_key=True, autoincrement=False))
    department: str = Field(primary_key=True)
    person: str = Field(primary_key=True)
    held: int
    __table_args__ = {"sqlite_with_rowid": False}


class FailedSignIn(SQLModel, table=True):
    """A failed sign-in, kept for the throttle."""

    __tablename__ = "failed_sign_in"
    id: int = identity()
    at: datetime = instant()
    login: str = Field(index=True)
    client: str = Field(index=True)


class ModeSwitch(SQLModel, table=True):
    """The door of a department was opened or closed at run time; "" is the company."""

    __tablename__ = "mode_switch"
    department: str = Field(primary_key=True)
    mode: str  # enforce, observe
    by_shown: str
    at: datetime = instant()
    reason: str = ""


class Emergency(SQLModel, table=True):
    """Everything that is neither blocked nor forged passes, for a time."""

    __tablename__ = "emergency"
    id: int = identity()
    at: datetime = instant()
    until: datetime = instant()
    reason: str
    by: str
    by_shown: str
    closed_at: datetime | None = instant(nullable=True)
    closed_by: str = ""


class Proposal(SQLModel, table=True):
    """A rule for the company that mail and decisions speak for, and what a person said to it."""

    __tablename__ = "proposal"
    id: int = identity()
    kind: str = ""  # promotion.Kind
    match: str  # domain, list
    value: str
    proof: str = ""  # what the rule would ask for
    evidence: dict[str, Any] = document()  # promotion.Evidence
    weight: int = 0  # mails that it is about: those that matter most are asked first
    state: str = "open"  # open, accepted, refused
    found_at: datetime = instant()
    seen_at: datetime = instant()  # when the evidence was looked at last
    lane: str = ""  # who has it in hand
    lane_shown: str = ""
    lane_until: datetime | None = instant(nullable=True)
    answered_by: str = ""
    answered_by_shown: str = ""
    answered_at: datetime | None = instant(nullable=True)
    rule_id: int | None = whole(nullable=True)  # that was made
    pending_id: int | None = whole(nullable=True)  # or waits for a second key
    __table_args__ = (UniqueConstraint("match", "value"), Index("proposal_by_weight", "state", "weight", "id"))


class SeededFolder(SQLModel, table=True):
    """How far a sent folder was read for seeding, by those runs that asked for mail since that day."""

    __tablename__ = "seeded_folder"
    source: str = Field(primary_key=True)  # imap://HOST:PORT, maildir:PATH, mbox:PATH
    account: str = Field(primary_key=True)
    folder: str = Field(primary_key=True)
    since: str = Field(default="", primary_key=True)  # 2026-11-24; "": all of it
    validity: str = ""  # reading.Mark
    last: str = ""
    messages: int = 0
    read_at: datetime = instant()


class LegalHold(SQLModel, table=True):
    """Mail that is neither expired nor erased until somebody lifts the hold."""

    __tablename__ = "legal_hold"
    id: int = identity()
    person: str = ""  # uid; "" where it is about a selection
    selection: dict[str, Any] = document()
    reason: str
    made_at: datetime = instant()
    made_by: str
    made_by_shown: str
    reached: int = whole(0)  # deliveries up to here are marked
    lifted_at: datetime | None = instant(nullable=True)
    lifted_by: str = ""
    lifted_by_shown: str = ""
    lifted_reason: str = ""


class LegallyHeld(SQLModel, table=True):
    """A delivery that a legal hold was about once: it stays held even where it no longer fits."""

    __tablename__ = "legally_held"
    hold_id: int = whole(primary_key=True)
    delivery_id: int = whole(primary_key=True)
    __table_args__ = (Index("legally_held_by_delivery", "delivery_id"),)


class PersonErasure(SQLModel, table=True):
    """What is kept about somebody is erased, in slices; whose it was is forgotten when it is done."""

    __tablename__ = "person_erasure"
    id: int = identity()
    address: str  # "" when it is done
    uid: str = ""  # of somebody here
    pseudonym: str  # stands where the address or the uid stood
    with_rules: bool = False
    reason: str = ""
    asked_at: datetime = instant()
    asked_by: str
    asked_by_shown: str
    second_by: str = ""
    second_by_shown: str = ""
    deliveries: int = 0  # whose rows were emptied
    contents: int = 0  # whose bytes were erased
    kept: int = 0  # deliveries that a legal hold keeps
    rules_left: int = 0  # that still name the address
    done_at: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True, index=True))


class PracticeAnswer(SQLModel, table=True):
    """What a member of staff answered first to a card that they practised on."""

    __tablename__ = "practice_answer"
    login: str = Field(primary_key=True)
    card: str = Field(primary_key=True)
    at: datetime = instant()
    expected: str  # let-in, keep-out
    given: str


class MailRequest(SQLModel, table=True):
    """Somebody here asked for a mail that is held or was taken away: once for each mail."""

    __tablename__ = "mail_request"
    id: int = identity()
    delivery_id: int = Field(sa_column=Column(BigInteger, ForeignKey("delivery.id"), nullable=False, unique=True))
    asked_by: str
    asked_by_shown: str  # whose mail it is
    taken_by_shown: str = ""  # who wrote it down for them
    asked_at: datetime = instant()
    words: str = ""
    declined_at: datetime | None = instant(nullable=True)
    declined_by: str = ""
    declined_by_shown: str = ""
    reason: str = ""
    __table_args__ = (Index("mail_request_open", "declined_at", "id"),)


class SavedSearch(SQLModel, table=True):
    """A search that somebody keeps by a name."""

    __tablename__ = "saved_search"
    __table_args__ = (UniqueConstraint("owner", "name"),)
    id: int = identity()
    owner: str  # as on the record: person:ana
    by_shown: str
    name: str
    q: str
    tab: str
    department: str | None = None
    person: str | None = None
    shared_with: str = ""  # a scope
    made_at: datetime = instant()


class Preference(SQLModel, table=True):
    """What a member of staff chose for their own console, by name."""

    __tablename__ = "preference"
    login: str = Field(primary_key=True)
    chosen: dict[str, Any] = document()


class MailReport(SQLModel, table=True):
    """Somebody here finds a mail odd and has said so."""

    __tablename__ = "mail_report"
    id: int = identity()
    delivery_id: int | None = whole(nullable=True)  # None: we have no such mail
    person: str  # uid of who reports it
    person_shown: str
    department: str  # of theirs, then
    at: datetime = instant()
    spool_id: int = whole(index=True)  # of the mail that reported it
    how: str  # it was found: trace field, message id, content, sender and subject, similar; "": it was not
    author: str
    subject: str
    answered_at: datetime | None = instant(nullable=True)
    answered_by: str = ""
    answered_by_shown: str = ""
    verdict: str = ""  # good, bad
    words: str = ""  # for who reported it
    told_at: datetime | None = instant(nullable=True)  # when they heard the verdict
    __table_args__ = (
        UniqueConstraint("delivery_id", "person"),
        Index("mail_report_untold", "told_at", "id"),
        Index("mail_report_by_person", "person", "at"),
        Index("mail_report_open", "delivery_id", sqlite_where=text(UNANSWERED), postgresql_where=text(UNANSWERED)),
    )


class Expectation(SQLModel, table=True):
    """Somebody here expects mail from a sender. It says so on the card and lapses by itself."""

    __tablename__ = "expectation"
    id: int = identity()
    person: str  # uid
    person_shown: str
    sender: str  # an address or a domain, folded
    words: str = ""
    said_at: datetime = instant()
    until: datetime = instant()
    __table_args__ = (UniqueConstraint("person", "sender"), Index("expectation_by_sender", "sender", "until"))


class MirrorCopy(SQLModel, table=True):
    """A held mail as it lies in a department's account, once for each time that it was put there; it decides at most once."""

    __tablename__ = "mirror_copy"
    id: int = identity()
    account: str
    delivery_id: int = whole()
    folder: str  # where it belongs
    uid_validity: int = whole(0)
    uid: int = whole(0)  # 0: it is being put there, or to be looked for
    digest: str  # SHA-256 of its bytes
    alike: str  # by what it is known when a mail program has rewritten its header (mirror_mail.alike)
    placed_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)  # its mail is held no more
    act: str = ""  # the folder into which it was moved, where that decided
    decision_id: int | None = whole(nullable=True)
    __table_args__ = (
        UniqueConstraint("digest"),
        Index("mirror_copy_by_account", "account", "ended_at", "id"),
        Index("mirror_copy_by_likeness", "alike", "ended_at"),
        Index("mirror_copy_by_delivery", "delivery_id"),
    )


class InHand(SQLModel, table=True):
    """Somebody who sits at a console, and what they look at; a lease."""

    __tablename__ = "in_hand"
    login: str = Field(primary_key=True)
    name: str
    delivery_id: int | None = whole(nullable=True)
    until: datetime = instant()


class Handed(SQLModel, table=True):
    """Mail that somebody handed to a colleague with a note. It counts while the mail is held."""

    __tablename__ = "handed"
    delivery_id: int = Field(sa_column=Column(BigInteger, ForeignKey("delivery.id"), primary_key=True, autoincrement=False))
    to: str = Field(index=True)  # login
    to_shown: str
    by: str
    by_shown: str
    at: datetime = instant()
    note: str = ""


class Escalation(SQLModel, table=True):
    """What staff escalated to a duty by a decision. It stays in view until somebody of the duty confirms it, or it is undone."""

    __tablename__ = "escalation"
    decision_id: int = whole(primary_key=True)
    duty: str  # duties.TITLES
    title: str  # of the duty, as it was called then
    reason: str
    at: datetime = instant()
    by: str
    by_shown: str
    hold_id: int = whole()  # the legal hold that keeps the evidence
    told: int = 0  # people and addresses that got a notice
    confirmed_at: datetime | None = instant(nullable=True)
    confirmed_by: str = ""
    confirmed_by_shown: str = ""
    ended_at: datetime | None = instant(nullable=True)  # it was undone


class Escalated(SQLModel, table=True):
    """The escalation that is shown with a delivery: the last one that was not undone."""

    __tablename__ = "escalated"
    delivery_id: int = Field(sa_column=Column(BigInteger, ForeignKey("delivery.id"), primary_key=True, autoincrement=False))
    decision_id: int = whole(index=True)


class Alarm(SQLModel, table=True):
    """What is so at present that somebody is told of: in a folder, or in the company where the department is ""."""

    __tablename__ = "alarm"
    cause: str = Field(primary_key=True)  # causes.CAUSES
    department: str = Field(primary_key=True)
    person: str = Field(primary_key=True)
    raised_at: datetime = instant()  # when it began, or when more came
    number: int = 0
    since: datetime | None = instant(nullable=True)
    newest: int = whole(0)
    words: str = Field(default="", sa_column=Column(Text, nullable=False))


class Told(SQLModel, table=True):
    """When somebody was told of something last: nobody is told the same again and again."""

    __tablename__ = "told"
    who: str = Field(primary_key=True)  # staff:LOGIN, address:ADDRESS, person:UID; record: whoever reads the record
    cause: str = Field(primary_key=True)
    department: str = Field(primary_key=True)
    person: str = Field(primary_key=True)
    at: datetime = instant()


class Webhook(SQLModel, table=True):
    """How a webhook of the settings fares."""

    __tablename__ = "webhook"
    name: str = Field(primary_key=True)
    failures: int = 0  # in a row
    rests_until: datetime | None = instant(nullable=True)  # after failures, or when the lease of a call ends: until then nobody calls
    gone: bool = False  # it said that it wants no more (410): nothing is sent until somebody says otherwise
    last_reply: str = ""  # of the last failure
    failed_at: datetime | None = instant(nullable=True)
    succeeded_at: datetime | None = instant(nullable=True)
    dropped: int = 0  # calls that were given up


class WebhookCall(SQLModel, table=True):
    """What a webhook is still to be told. It goes when it has been taken."""

    __tablename__ = "webhook_call"
    id: int = identity()
    hook: str
    event: str  # the id that receivers know doubles by
    kind: str
    body: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = instant()
    # when to call; later than `at` for one that was refused, which waits alone, and for one in hand: when its lease ends
    due_at: datetime = instant()
    attempts: int = 0  # fences late answers of a dead sender
    __table_args__ = (UniqueConstraint("hook", "event"), Index("webhook_call_due", "hook", "due_at", "id"))


class Marker(SQLModel, table=True):
    """A named number that processes compare: versions of directory and rules, the sealer's head, leases."""

    __tablename__ = "marker"
    name: str = Field(primary_key=True)
    number: int = whole(0)
    text: str = ""
