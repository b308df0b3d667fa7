"""Schemas of reports: messages that employees find suspicious."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypeAliasType

from triage_api.schemas.employees.release_requests import Remark
from triage_api.schemas.fields import Id, Order, Shape
from triage_api.schemas.queue.deliveries import Delivery

Lane = TypeAliasType("Lane", Literal["employees", "partners"])


class MessageReport(Shape):
    """Report of a suspicious message that staff have not answered yet."""

    id: Id
    lane: Annotated[Lane, Field(description="who reports it: employees, or a partner company from outside")]
    by_name: Annotated[str, Field(validation_alias="by_shown", description="the employee, or the address at the partner company")]
    at: datetime
    how: Annotated[
        str, Field(description="how the mail was found: trace field, message id, content, sender and subject, similar; empty: not")
    ]
    author: str
    subject: str
    others: Annotated[int, Field(description="how many more report the same mail")]
    delivery: Annotated[
        Delivery | None,
        Field(validation_alias="mail", description="null: no such mail came through us to them; of a partner, their message to us"),
    ]


class MessageReports(Shape):
    """Open reports in your scope, the newest first."""

    items: list[MessageReport]
    next_cursor: str | None = None


class ReportAnswer(Order):
    """Say what it is."""

    verdict: Literal["good", "bad"]
    comment: Annotated[Remark, Field(description="for who reported it")] = ""


class ReportAnswered(Shape):
    """Done."""

    reporters: Annotated[int, Field(description="how many are told")]
