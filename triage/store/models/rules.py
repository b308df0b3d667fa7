"""Rules about senders, suggested rules, enforcement modes and the emergency."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from triage.store.models.columns import form_column, id_column, instant_column, integer_column, json_column, json_list_column

ON_CONTENT = text("match = 'content'")


class Rule(SQLModel, table=True):
    """Rule of staff about a sender: effect, scope and the proof that it asks for."""

    __tablename__ = "rule"
    id: int = id_column()
    effect: str  # allow, block, redirect, hold; on content also purge, mark
    match: str  # address, domain, subdomains, list; recipient (of a redirect), campaign (of a purge), content
    value: str  # folded; of a rule on content its name
    scope: str  # company, department:CODE, person:UID
    proof: str = ""  # allow: dmarc, aligned, dkim:DOMAIN, arc:DOMAIN; of a campaign the domain that proves to have sent it
    unproven_only: bool = False  # block made from unproven mail
    unsigned_only: bool = False  # such a block that the SMTP server may use against messages without a signature of the domain
    risky: bool = False  # "with risky attachments"
    unchecked: bool = False  # "pass whatever it says": no check of known senders holds it
    encrypted: bool = False  # "the password was given by phone": files that only a password closes pass
    author: str
    second_by: str = ""  # who turned the second person's approval, where two are needed
    origin: str = "staff"  # staff, learned, import; made with a removal: removal, or standing where it was not to block
    note: str = ""
    created_at: datetime = instant_column()
    until: datetime | None = instant_column(nullable=True)
    removed_at: datetime | None = instant_column(nullable=True)
    removed_by: str = ""
    used: int = 0
    first_used_at: datetime | None = instant_column(nullable=True)
    last_used_at: datetime | None = instant_column(nullable=True)
    recipient: str = ""  # redirect: only messages to this address of ours; "" for any
    target: str = ""  # redirect: where it goes, as person:UID, department:CODE or an address of ours
    doubt: str = ""  # why it may never work, in a sentence, as far as was known when it was made
    doubt_form: dict[str, Any] | None = form_column()
    looked_at: datetime | None = instant_column(nullable=True)  # when DNS was asked what the sender's domain publishes
    lapse_days: int = 0  # `until` is so many days after the last message either way; 0: it does not move
    holds_until: datetime | None = instant_column(
        nullable=True
    )  # a block: until then it holds what it stops, and neither refuses nor removes it
    refused: int = 0  # a block: messages that were refused at SMTP time
    decision_id: int | None = integer_column(nullable=True, index=True)  # made along with it
    kept_out: list[str] = (
        json_list_column()
    )  # made with a removal: confidential folders that were closed to who made it; it does not reach into them
    conditions: dict[str, list[str]] = json_column()  # on content: content_rules.conditions
    paused_at: datetime | None = instant_column(nullable=True)  # on content: it does nothing until somebody resumes it
    __table_args__ = (
        Index("rule_by_value", "value", "match"),
        Index("rule_on_content", "match", sqlite_where=ON_CONTENT, postgresql_where=ON_CONTENT),
    )


class EnforcementStep(SQLModel, table=True):
    """Enforcement step for the company (""), a department (department:CODE) or a person (person:UID), set at run time."""

    __tablename__ = "enforcement_step"
    id: int = id_column()
    scope: str = Field(index=True)
    step: str  # record-only, hold-dangerous, hold-unknown; of a person also hold-everything
    starts_at: datetime = instant_column()
    ends_at: datetime | None = instant_column(nullable=True)
    by_shown: str
    at: datetime = instant_column()
    reason: str = ""
    note: bool = False  # hold-everything: the person's daily digest names what is held for their assistant


class SenderCheck(SQLModel, table=True):
    """A check of known senders: since when it is on trial, what it held today, and its fuse."""

    __tablename__ = "sender_check"
    name: str = Field(primary_key=True)  # deviations.CHECKS
    since: datetime = instant_column()  # its trial began
    day: str = ""  # UTC, of `held`
    held: int = 0  # messages on that day
    fuse_at: datetime | None = instant_column(nullable=True)  # it held messages of too many senders, and only reports since


class SenderChecked(SQLModel, table=True):
    """A sender of whom a check held a message today. Which one, only a digest says."""

    __tablename__ = "sender_checked"
    name: str = Field(primary_key=True)  # of the check
    day: str = Field(primary_key=True)  # UTC
    sender: str = Field(primary_key=True)  # 64 bits of SHA-256


class DomainProof(SQLModel, table=True):
    """A way in which the domain of known senders is proven: usual, or new until staff or time makes it usual."""

    __tablename__ = "domain_proof"
    domain: str = Field(primary_key=True)  # of the author
    way: str = Field(primary_key=True)  # as message/sender_proof.py writes it
    first_at: datetime = instant_column()
    last_at: datetime = instant_column()  # to a day
    usual_at: datetime | None = instant_column(nullable=True)  # since when it is usual; None: it is new
    was_new: bool = False  # it was not usual from the beginning
    by_shown: str = ""  # who made it usual; "" where it was from the beginning, or became so by itself
    days: int = 0  # while it is new: UTC days with messages that were delivered
    day: str = ""  # the last of them
    held: int = 0  # while it is new: messages that were held
    refused_at: datetime | None = instant_column(nullable=True)  # while it is new: since when staff removed its messages, or refused it
    __table_args__ = (Index("domain_proof_by_new", "was_new", "domain"), Index("domain_proof_by_last", "last_at"))


class Emergency(SQLModel, table=True):
    """Emergency: for a limited time everything passes that is neither blocked nor forged."""

    __tablename__ = "emergency"
    id: int = id_column()
    at: datetime = instant_column()
    until: datetime = instant_column()
    reason: str
    by: str
    by_shown: str
    closed_at: datetime | None = instant_column(nullable=True)
    closed_by: str = ""


class Proposal(SQLModel, table=True):
    """A rule for the company that messages and decisions speak for, and what a person said to it."""

    __tablename__ = "proposal"
    id: int = id_column()
    kind: str = ""  # threshold.Kind
    match: str  # domain, list
    value: str
    proof: str = ""  # what the rule would ask for
    evidence: dict[str, Any] = json_column()  # threshold.Evidence
    weight: int = 0  # messages that it is about: those that matter most are asked first
    state: str = "open"  # open, accepted, refused
    found_at: datetime = instant_column()
    seen_at: datetime = instant_column()  # when the evidence was looked at last
    lane: str = ""  # who has it in hand
    lane_shown: str = ""
    lane_until: datetime | None = instant_column(nullable=True)
    answered_by: str = ""
    answered_by_shown: str = ""
    answered_at: datetime | None = instant_column(nullable=True)
    rule_id: int | None = integer_column(nullable=True)  # that was made
    pending_id: int | None = integer_column(nullable=True)  # or waits for a second person's approval
    __table_args__ = (UniqueConstraint("match", "value"), Index("proposal_by_weight", "state", "weight", "id"))


class ImportedStartList(SQLModel, table=True):
    """Start list that an administrator imported; in force as long as none of a later day is shipped."""

    __tablename__ = "start_list"
    id: int = id_column()
    version: str  # a day, YYYY-MM-DD
    text: str  # the file
    at: datetime = instant_column()
    by_shown: str


class StartListAct(SQLModel, table=True):
    """Senders of one category of the start list, allowed together, and whether that was undone."""

    __tablename__ = "start_list_act"
    id: int = id_column()
    category: str  # list_file.CATEGORIES
    version: str  # of the list
    domains: list[str] = json_list_column()  # that were allowed, in the order of rule_ids
    rule_ids: list[int] = json_list_column()
    at: datetime = instant_column()
    by_shown: str
    undone_at: datetime | None = instant_column(nullable=True)
    undone_by_shown: str = ""
