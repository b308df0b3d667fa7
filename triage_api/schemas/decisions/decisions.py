"""Decisions, and what became of each delivery."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from triage.quarantine.decisions.decision_request import Verb
from triage.quarantine.removal.removal_plan import BlockWish
from triage.say import say
from triage.text.sanitize import escape_visible
from triage_api.schemas.fields import GivenId, Id, NoticeText, Order, Shape, Text, Word
from triage_api.schemas.items import Item
from triage_api.schemas.language import Sentence
from triage_api.schemas.policy.consent import Agreed, AlongRule
from triage_api.schemas.policy.rules import Rule
from triage_api.schemas.queue.selections import PassedOn, Select
from triage_api.schemas.second_looks import Confirm, ConfirmOrder
from triage_api.schemas.vocabulary import BlockKind, DecisionVerb


class Effort(Order):
    """Work that the decision took the person."""

    keys: Annotated[int, Field(ge=0, le=100_000, description="Keys and buttons pressed since the row came under the cursor.")]
    milliseconds: Annotated[int, Field(ge=0, le=86_400_000, description="Time since then.")]


class BlockOrder(Order):
    """Blocks to make with a removal, as its preview lists them."""

    kinds: Annotated[list[BlockKind], Field(description="which kinds")] = ["campaign", "domain", "address"]
    without: Annotated[list[Word], Field(max_length=10_000, description="values of blocks that are left out")] = []
    also: Annotated[
        list[Word], Field(max_length=10_000, description="values of blocks that were not ticked and are made all the same")
    ] = []
    scope: Annotated[Word, Field(description="for whom; empty: as far as your scope reaches, or the folder that is selected")] = ""

    def wish(self) -> BlockWish:
        """Converts it to the core's value."""
        return BlockWish(frozenset(self.without), frozenset(self.also), self.scope, frozenset(self.kinds))


class DecisionOrder(Order):
    """Act of a person over a selection."""

    verb: Verb
    select: Select
    reason: Text = ""
    to: Annotated[Word, Field(description="Target of a redirect.")] = ""
    template: Annotated[Word, Field(description="Text for rejected senders: a name of `GET /rejections/templates`.")] = ""
    text: Annotated[NoticeText, Field(description="Or this text.")] = ""
    look_first: Annotated[bool, Field(description="redeliver: only what is not in the mailbox any more, where that can be seen")] = True
    rule: AlongRule | None = None
    block: Annotated[BlockOrder | None, Field(description="purge: also block what the preview lists under `removal.blocks`")] = None
    expect: Annotated[int, Field(ge=0, description="how many deliveries; none of senders who are left out")] | None = None
    fence: Word | None = None
    confirm: Confirm = []
    effort: Annotated[Effort | None, Field(description="For reports; kept only where reports.staff lets it be measured.")] = None

    @model_validator(mode="after")
    def blocks_only_with_a_purge(self) -> Self:
        """Allows further blocks only with a removal; other blocks are rules."""
        if self.block and (self.verb is not Verb.PURGE or self.rule):
            raise ValueError(say("block: use it with a purge and without a rule"))
        return self


class UndoOrder(ConfirmOrder):
    """Reason for an undo."""

    mine: Annotated[bool, Field(description="only if you made it yourself; 403 if somebody else did")] = False


class DecisionSummary(Shape):
    """A decision without its items."""

    id: Id
    at: datetime
    by: str
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    verb: DecisionVerb
    select: Annotated[dict[str, Any], Field(validation_alias="selection")]
    reason: str
    count: int
    done: int
    in_flight: int
    recalling: Annotated[int, Field(description="being taken out of mailboxes; done when this and in_flight are 0")]
    restoring: Annotated[int, Field(description="being put back into mailboxes")]
    already_gone: Annotated[int, Field(description="not in the mailbox any more when they were to be removed")]
    out_of_reach: int
    refused: int
    second_by_name: Annotated[
        str, Field(validation_alias="second_by_shown", description="the second person who approved it, where one was needed")
    ]
    outside: Annotated[int, Field(description="in the selection but outside the decider's scope: left as they are")]
    confirmed: Annotated[list[str], Field(description="the names of the second look that the decider confirmed")]
    confidential: Annotated[
        Literal["", "asked", "left out"], Field(description="confidential folders closed to the decider: their keepers are asked, or not")
    ]
    to: str
    rules: Annotated[list[Rule], Field(description="made with it, without the blocks of a removal")]
    blocked: Annotated[dict[BlockKind, int], Field(description="blocks made with a removal: how many campaigns, domains, addresses")]
    refused_meanwhile: Annotated[int, Field(description="copies that these blocks refused at SMTP time: an undo does not restore them")]
    mailboxes: Annotated[int, Field(description="of a sweep or a taking: mailboxes to look through")]
    mailboxes_left: int
    left: Annotated[int, Field(description="of a large decision: deliveries that it has not come to yet")]
    related: Annotated[int, Field(description="related messages in the same mailboxes, which may be removed too")]
    undone_by: Id | None
    undoes: Id | None
    undoable: bool
    sentence: Sentence


class MissedMailbox(Shape):
    """A mailbox that could not be looked through yet."""

    mailbox: str
    why: Sentence

    @model_validator(mode="before")
    @classmethod
    def of(cls, pair: Any) -> Any:
        """The house has pairs."""
        return dict(zip(("mailbox", "why"), pair, strict=True)) if isinstance(pair, tuple) else pair


class Decision(DecisionSummary):
    """A decision and what became of each delivery (the first 500; `GET /decisions/{id}/items` has all)."""

    passed_on: Annotated[
        list[PassedOn], Field(description="of a removal, with `GET /decisions/{id}`: what took copies on to where it does not reach")
    ] = []

    unsent: Annotated[int, Field(description="of messages to send: deliveries that the next hop has not answered yet")]
    in_mailboxes: Annotated[int, Field(description="of what it released: deliveries that are in mailboxes now")]
    agreed: Annotated[Agreed, Field(description="of a release with an allow; empty else")]
    not_searched: Annotated[
        list[MissedMailbox],
        Field(validation_alias="list_unsearched", description="of a sweep: mailboxes that cannot be searched"),
    ]
    items: list[Item]


class DecisionItems(Shape):
    """Page of the outcomes of a decision's deliveries, by their ids."""

    items: list[Item]
    next_cursor: str | None


class SweepOrder(Order):
    """A sender to remove from every mailbox."""

    sender: Word
    reason: Text = ""
    dry_run: Annotated[bool, Field(description="Count the messages, remove nothing.")] = False


class RelatedMessage(Shape):
    """A message that lay beside the copies a decision took: it bears or refers to their Message-ID."""

    id: Id
    delivery: Annotated[Id, Field(validation_alias="delivery_id", description="beside whose copies it lay")]
    mailbox: str
    folder: str
    at: Annotated[datetime, Field(validation_alias="internal_date", description="when it came into the mailbox")]
    bears: Annotated[bool, Field(description="the same Message-ID; otherwise it only refers to it: a reply, or forwarded")]
    ours: Annotated[bool, Field(description="it came through Mailroom: find it there and purge it")]
    author: str
    subject: str
    claimed_by: Annotated[Id | None, Field(description="the decision that takes it")]

    @field_validator("folder")
    @classmethod
    def seen(cls, folder: str) -> str:
        """People call their folders what they like."""
        return escape_visible(folder)


class RelatedMessages(Shape):
    """Related messages that the decision did not include."""

    items: list[RelatedMessage]


class TakeOrder(Order):
    """Messages to remove too."""

    copies: Annotated[list[GivenId], Field(min_length=1, max_length=500)]
    reason: Text = ""


class Decisions(Shape):
    """Page of decisions, newest first."""

    items: list[DecisionSummary]
    next_cursor: str | None
