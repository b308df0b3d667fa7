"""Schemas of hunts in mailboxes."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from triage_api.schemas.decisions.decisions import MissedMailbox
from triage_api.schemas.fields import GivenId, Id, Order, Shape, Text, Word
from triage_api.schemas.language import Sentence

HuntState = Literal["counting", "counted", "waiting", "listing", "listed", "closed"]


class HuntOrder(Order):
    """Criteria to search every mailbox for; all that is given must fit."""

    subject: Annotated[Word, Field(description="part of the subject")] = ""
    message_id: Annotated[Word, Field(description="the whole Message-ID")] = ""
    sender: Annotated[Word, Field(description="an author's address; * and ? stand for other letters")] = ""
    link: Annotated[Word, Field(description="host of a link, or one above it; with a slash: part of a target")] = ""
    sha256: Annotated[Word, Field(description="SHA-256 of an attachment")] = ""
    since: Annotated[datetime | None, Field(description="received since then; by default 31 days ago")] = None
    reason: Text


class HuntCriteria(Shape):
    """Criteria of a hunt."""

    subject: str = ""
    message_id: str = ""
    sender: str = ""
    link: str = ""
    sha256: str = ""
    since: datetime


class Hunt(Shape):
    """A hunt and how far it is: numbers, and no word of any message."""

    id: Id
    at: datetime
    by: str
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    reason: str
    criteria: HuntCriteria
    state: Annotated[HuntState, Field(description="waiting: for a second person; listed: its messages can be seen")]
    found: Annotated[int, Field(description="messages that fit")]
    mailboxes: int
    mailboxes_left: int
    mailboxes_hit: Annotated[int, Field(description="mailboxes with such a message")]
    second_by_name: Annotated[str, Field(validation_alias="second_by_shown", description="who agreed that its messages are shown")]
    not_searched: Annotated[
        list[MissedMailbox], Field(validation_alias="missed", description="mailboxes that were not searched to the end")
    ]
    sentence: Sentence


class Hunts(Shape):
    """Hunts, the newest first."""

    items: list[Hunt]
    next_cursor: str | None = None


class HuntReason(Order):
    """Reason for the second person."""

    reason: Text = ""


class HuntedMessage(Shape):
    """A message in a mailbox that a hunt found."""

    id: Id
    mailbox: str
    folder: str
    at: Annotated[datetime, Field(validation_alias="internal_date")]
    author: str
    subject: str
    read: Annotated[bool, Field(description="its owner has read it")]
    known: Annotated[bool, Field(description="its author is a contact")]
    delivery: Annotated[Id | None, Field(validation_alias="delivery_id", description="it came through Mailroom: remove this delivery")]
    claimed_by: Annotated[Id | None, Field(description="the decision that removes it")]
    outcome: Annotated[Literal["", "removed", "not there", "out of reach"], Field(description="of that decision")]


class HuntedMessages(Shape):
    """Messages that a hunt found, by mailbox."""

    items: list[HuntedMessage]


class HuntPreview(Order):
    """Messages to preview the removal of."""

    messages: Annotated[list[GivenId] | None, Field(max_length=500, description="ids; null: all")] = None
    known: Annotated[bool, Field(description="also those from contacts")] = False


class HuntEvidence(Shape):
    """The evidence sheet of a removal."""

    count: int
    mailboxes: int
    read: Annotated[int, Field(description="that their owners have read")]
    known: Annotated[int, Field(description="from contacts")]
    ours: Annotated[int, Field(description="that came through Mailroom: remove their deliveries")]
    taken: Annotated[int, Field(description="that a decision removes already")]
    senders: Annotated[list[tuple[str, int]], Field(description="the most frequent ones")]
    subjects: list[tuple[str, int]]
    first_at: datetime | None
    newest_at: datetime | None
    removable: Annotated[list[Id], Field(description="ids for the removal")]
    fence: Annotated[str, Field(description="of the removable ones, for the removal")]


class HuntRemoval(Order):
    """Messages to remove from their mailboxes, as a preview named them."""

    messages: Annotated[list[GivenId], Field(min_length=1, max_length=500)]
    fence: Annotated[Word, Field(description="of the preview; 412 when the messages have changed")]
    known: Annotated[bool, Field(description="also those from contacts")] = False
    reason: Text = ""
