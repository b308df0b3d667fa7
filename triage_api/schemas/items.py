"""Outcome of one delivery, in a decision or in its refusal."""

from typing import Annotated

from pydantic import Field

from triage.store.delivery_state import State
from triage_api.schemas.fields import Id, Shape
from triage_api.schemas.language import Sentence


class Item(Shape):
    """Outcome of one delivery."""

    delivery: Annotated[Id, Field(validation_alias="delivery_id")]
    before: State
    outcome: str
    why: Sentence
