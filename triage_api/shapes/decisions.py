"""Decisions, and what became of each delivery."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from triage.decisions import Verb
from triage_api.shapes.rules import Rule, SenderRule
from triage_api.shapes.selections import Select
from triage_api.shapes.texts import Id, Letter, Order, Shape, Text, Word


class DecisionOrder(Order):
    """One act of one person over a selection."""

    verb: Verb
    select: Select
    reason: Text = ""
    to: Annotated[Word, Field(description="Where a redirect goes.")] = ""
    template: Annotated[Word, Field(description="What a sender is told who is rejected: a name of `GET /rejections/templates`.")] = ""
    text: Annotated[Letter, Field(description="Or these words.")] = ""
    rule: SenderRule | None = None
    expect: Annotated[int, Field(ge=0)] | None = None
    fence: Word | None = None


class UndoOrder(Order):
    """Why a decision is taken back."""

    reason: Text = ""


class Item(Shape):
    """What became of one delivery."""

    delivery: Annotated[Id, Field(validation_alias="delivery_id")]
    before: str
    outcome: str
    why: str


class DecisionSummary(Shape):
    """A decision without its items."""

    id: Id
    at: datetime
    by: str
    by_shown: str
    verb: str
    select: Annotated[dict[str, Any], Field(validation_alias="selection")]
    reason: str
    count: int
    done: int
    in_flight: int
    recalling: Annotated[int, Field(description="being taken out of mailboxes; done when this and in_flight are 0")]
    restoring: Annotated[int, Field(description="being put back into mailboxes")]
    already_gone: Annotated[int, Field(description="deleted by whom they were for before they were recalled")]
    out_of_reach: int
    refused: int
    second_by_shown: Annotated[str, Field(description="who turned the second key, where two were needed")]
    outside: Annotated[int, Field(description="that the selection names too, beyond the decider's scope: left as they are")]
    to: str
    rules: list[Rule]
    mailboxes: Annotated[int, Field(description="of a sweep: mailboxes to look through")]
    mailboxes_left: int
    undone_by: Id | None
    undoes: Id | None
    undoable: bool
    sentence: str


class Decision(DecisionSummary):
    """A decision and what became of each delivery (the first 500)."""

    items: list[Item]


class Decisions(Shape):
    """One page of decisions, newest first."""

    items: list[DecisionSummary]
    next_cursor: str | None
