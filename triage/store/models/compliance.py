"""Legal holds and erasures of a person's data."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from triage.store.models.columns import Instant, id_column, instant_column, integer_column, json_column


class LegalHold(SQLModel, table=True):
    """Mail that is neither expired nor erased until somebody lifts the hold."""

    __tablename__ = "legal_hold"
    id: int = id_column()
    person: str = ""  # uid; "" where it is about a selection
    selection: dict[str, Any] = json_column()
    reason: str
    made_at: datetime = instant_column()
    made_by: str
    made_by_shown: str
    reached: int = integer_column(0)  # deliveries up to here are marked
    lifted_at: datetime | None = instant_column(nullable=True)
    lifted_by: str = ""
    lifted_by_shown: str = ""
    lifted_reason: str = ""


class LegallyHeld(SQLModel, table=True):
    """A delivery that a legal hold was about once: it stays held even where it no longer fits."""

    __tablename__ = "legally_held"
    hold_id: int = integer_column(primary_key=True)
    delivery_id: int = integer_column(primary_key=True)
    __table_args__ = (Index("legally_held_by_delivery", "delivery_id"),)


class PersonErasure(SQLModel, table=True):
    """Erasure of everything kept about a person, in slices; whose data it was is forgotten when it is done."""

    __tablename__ = "person_erasure"
    id: int = id_column()
    address: str  # "" when it is done
    uid: str = ""  # of somebody here
    pseudonym: str  # stands where the address or the uid stood
    with_rules: bool = False
    reason: str = ""
    asked_at: datetime = instant_column()
    asked_by: str
    asked_by_shown: str
    second_by: str = ""
    second_by_shown: str = ""
    deliveries: int = 0  # whose rows were emptied
    contents: int = 0  # whose bytes were erased
    kept: int = 0  # deliveries that a legal hold keeps
    rules_left: int = 0  # that still name the address
    done_at: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True, index=True))
