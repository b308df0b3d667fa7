"""Decisions of staff and what each did to a delivery."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from triage.store.models.columns import form_column, id_column, instant_column, integer_column, json_column, json_list_column

SORTING = "sorting"  # in the order of a decision whose deliveries are through: the rows of their senders are updated
ENDED_STEP = "ended_step"  # in the order of a decision that delivered because a step of enforcement ended: the step
RESUMED_STEP = "resumed_step"  # in the order of an undo that set it again: the name of the person whose step it is
LEFT = "before <> 'held'"  # it had left before, or had never been held


class Decision(SQLModel, table=True):
    """Decision of a person over a selection."""

    __tablename__ = "decision"
    id: int = id_column()
    at: datetime = instant_column()
    by: str = Field(index=True)
    by_shown: str
    verb: str
    selection: dict[str, Any] = json_column()
    reason: str
    count: int  # deliveries it meant to change
    done: int
    target: str = ""  # of a redirect
    second_by: str = ""  # who turned the second person's approval, where two are needed
    second_by_shown: str = ""
    outside: int = 0  # deliveries that the selection names too, and that were left alone: beyond the decider's scope
    confirmed: list[str] = json_list_column()  # the reasons for a second look that the decider confirmed (second_look.NAMES)
    confidential: str = ""  # what a removal did about folders closed to the decider: asked, left out (decisions.outcome_text.ASKED)
    agreed: dict[str, Any] = (
        json_column()
    )  # of a release with an allow: the rules that were agreed to, and who was left out (consent.Agreed)
    undone_by: int | None = integer_column(nullable=True)
    undoes: int | None = integer_column(nullable=True)
    last: int | None = integer_column(nullable=True, index=True)  # carried out in slices up to this id
    reached: int = integer_column(0)  # the id that the last slice came to
    order: dict[str, Any] = json_column()  # what else the slices need: to, template, text
    idempotency_key: str | None = Field(default=None, unique=True)
    keys: int | None = None  # pressed since the row came under the cursor; None: not measured
    milliseconds: int | None = None  # since then
    __table_args__ = (Index("decision_by_time", "at"),)

    @property
    def has_slices_left(self) -> bool:
        """Whether slices still come to deliveries of it."""
        return self.last is not None and SORTING not in self.order


class DecisionItem(SQLModel, table=True):
    """Result of a decision for one delivery: the evidence, and what is needed to undo it."""

    __tablename__ = "decision_item"
    decision_id: int = integer_column(primary_key=True)
    delivery_id: int = integer_column(primary_key=True)
    before: str
    outcome: str  # done, already gone, in flight, recalling, restoring, out of reach, refused
    why: str = ""
    why_form: dict[str, Any] | None = form_column()
    __table_args__ = (
        Index("decision_item_by_delivery", "delivery_id"),
        Index("decision_item_of_left", "decision_id", sqlite_where=text(LEFT), postgresql_where=text(LEFT)),  # few: reports look for them
    )
