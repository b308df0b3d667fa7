"""Enforcement: which messages are held, for whom, from when on."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from triage_api.schemas.fields import Id, Order, Shape, Text, Word
from triage_api.schemas.language import Sentence
from triage_api.schemas.vocabulary import Severity

Step = Literal["record-only", "hold-dangerous", "hold-unknown", "hold-everything"]


class PlannedStep(Shape):
    """A step that begins later."""

    step: Step
    starts_at: datetime
    by: str
    reason: str


class StepEffect(Shape):
    """Effect of a step on the messages of the last days, by severity, in messages."""

    people: Annotated[int, Field(description="employees whom the step concerns")]
    held: Annotated[dict[Severity, int], Field(description="held when they arrived")]
    passed: Annotated[dict[Severity, int], Field(description="delivered, and held by a stricter step")]


class HeldKnown(Shape):
    """Messages of known senders that are held for a person's assistant only because of Hold everything."""

    delivered: Annotated[int, Field(description="messages that another step delivers")]
    kept: Annotated[int, Field(description="messages that look suspicious or worse: they stay for a decision")]


class ScopeStep(Shape):
    """The step of the company, a department or a person, and who set it, "" where the settings say so."""

    scope: Annotated[str, Field(description="empty: everybody of whom nothing else is said; department:CODE; person:UID")]
    name: Sentence
    step: Step
    by: str
    at: datetime | None
    ends_at: Annotated[datetime | None, Field(description="then the wider scope or the settings count again")]
    reason: str
    planned: PlannedStep | None
    note: Annotated[bool, Field(description="hold-everything: the person's daily digest names what is held for their assistant")]
    effect: Annotated[StepEffect | None, Field(description="of departments and the company, where `days` asks for it")] = None
    held_for_assistant: Annotated[HeldKnown | None, Field(description="of people, where something is held for their assistant")] = None


class Enforcement(Shape):
    """The steps in force, and what to know about them."""

    items: list[ScopeStep]
    warnings: Annotated[list[Sentence], Field(description="departments where messages are held and nobody on duty looks at them")]


class BadMessage(Shape):
    """Message that would have been delivered, and that somebody removed or reported."""

    delivery: Annotated[Id, Field(validation_alias="id")]
    message: Annotated[Id, Field(validation_alias="message_id")]
    received_at: datetime
    author: str
    subject: str
    removed: bool
    reported: bool


class UndecidedForecast(Shape):
    """Forecast of delivering undecided messages in a department, in messages."""

    department: str
    minutes: int
    days: Annotated[int, Field(description="so many days back")]
    delivered: Annotated[int, Field(description="at most so many would have been delivered")]
    removed: Annotated[int, Field(description="of these, removed or rejected since")]
    reported: Annotated[int, Field(description="of these, reported as suspicious since")]
    items: Annotated[list[BadMessage], Field(description="the newest 20 that were removed or reported")]


class EnforcementOrder(Order):
    """A step for a scope."""

    scope: Word = ""
    step: Annotated[Step | None, Field(description="null: forget what was set and planned. hold-everything: people only")]
    starts_at: Annotated[
        datetime | Literal["now", "default"],
        Field(description="default: a stricter step begins on the next working day at 08:00, any other at once"),
    ] = "default"
    ends_at: Annotated[datetime | None, Field(description="the end of a learning phase")] = None
    notify: Annotated[bool, Field(description="tell the employees concerned by email what changes, and from when on")] = False
    note: Annotated[bool, Field(description="hold-everything: name in the person's daily digest what is held for their assistant")] = False
    expect: Annotated[
        int | None, Field(ge=0, description="`delivers` of the preview; if it has changed since, nothing is done (409, stale)")
    ] = None
    reason: Text = ""


class EnforcementPreview(Shape):
    """Effect of a step before it is set."""

    scope: str
    step: Annotated[Step, Field(description="in force at the start")]
    starts_at: Annotated[datetime | None, Field(description="null: at once")]
    delivers: Annotated[int, Field(description="held messages of known senders that are delivered at once, undoable as one decision")]
    kept: Annotated[int, Field(description="the others of these: they look suspicious or worse and stay for a decision")]
    holds: Annotated[int, Field(description="hold-everything: delivered messages of the last `days` that it would have held")]
    days: int
    tells: Annotated[list[str], Field(description="uids of people who get an email whatever `notify` says")]
