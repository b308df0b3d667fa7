"""Domains of known senders that send differently."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from triage_api.schemas.fields import Order, Shape, Text
from triage_api.schemas.language import Sentence
from triage_api.schemas.vocabulary import ProofState


class ChangedProof(Shape):
    """A domain that proves itself in another way than before, with its messages in your scope."""

    domain: str
    state: Annotated[ProofState, Field(description="new, or renewed or refused within the last seven days")]
    ways: Annotated[list[str], Field(description="its new ways, as renewing and refusing name them")]
    now: Annotated[list[Sentence], Field(description="its new ways, in words")]
    before: Annotated[list[Sentence], Field(description="its usual ways, in words")]
    first_at: datetime
    last_at: datetime
    messages: Annotated[int, Field(description="with the new proof")]
    people: Annotated[int, Field(description="whom they are for")]
    held: Annotated[int, Field(description="deliveries that wait for a decision, as they have other warnings")]
    days: Annotated[int, Field(description="on which such messages were delivered; after policy.renew_proof_days it renews by itself")]
    renewed_at: datetime | None
    by_name: Annotated[
        str, Field(validation_alias="by_shown", description="who renewed or refused it; empty: it renewed by itself or is new")
    ]


class ChangedProofs(Shape):
    """The domains that send differently, the newest first."""

    items: list[ChangedProof]


class ProofUndoOrder(Order):
    """Reason of the decision."""

    reason: Text = ""


class ProofOrder(ProofUndoOrder):
    """New ways of proof that the decision covers: all new ones, as the list showed them."""

    ways: Annotated[list[str], Field(min_length=1, max_length=1000, description="as the list names them; 409 where further ones have come")]
