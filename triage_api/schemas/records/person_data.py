"""Schemas of a person's data: export and erasure."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from triage_api.schemas.fields import Id, Order, Shape, Text, Word

Somebody = Annotated[Word, Field(min_length=1, description="an address outside; or of somebody here their address or uid")]


class PersonOrder(Order):
    """About whom, and why."""

    address: Somebody
    reason: Text = ""


class ErasureOrder(Order):
    """A person whose data is to be erased, and the reason. The reason stays in the audit log: name nobody in it."""

    address: Somebody
    reason: Text
    with_rules: Annotated[bool, Field(description="Rules about the address go too. Without it a block is kept, and names it.")] = False


class PersonFound(Shape):
    """Preview of an erasure."""

    kind: Annotated[str, Field(description="outside, here")]
    deliveries: int
    under_way: Annotated[int, Field(description="that are erased when they have come to an end")]
    kept: Annotated[int, Field(description="by legal holds")]


class Erasure(Shape):
    """An erasure, and how far it is."""

    id: Id
    address: Annotated[str, Field(description="empty when it is done")]
    pseudonym: Annotated[str, Field(description="stands where the address or the uid stood")]
    with_rules: bool
    reason: str
    asked_at: datetime
    asked_by_name: Annotated[str, Field(validation_alias="asked_by_shown")]
    second_by_name: Annotated[str, Field(validation_alias="second_by_shown")]
    deliveries: Annotated[int, Field(description="whose rows were emptied")]
    contents: Annotated[int, Field(description="whose bytes were erased")]
    kept: Annotated[int, Field(description="deliveries that a legal hold keeps")]
    rules_left: Annotated[int, Field(description="rules that still name the address")]
    done_at: datetime | None


class Erasures(Shape):
    """Page of erasures."""

    items: list[Erasure]
    next_cursor: str | None
