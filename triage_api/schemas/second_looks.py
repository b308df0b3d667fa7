"""Second looks: why releasing messages, or allowing their sender, has to be confirmed."""

from typing import Annotated, Literal

from pydantic import Field

from triage_api.schemas.fields import Id, Order, Shape, Text, Word
from triage_api.schemas.language import Sentence
from triage_api.schemas.vocabulary import LookName, RuleMatch

Names = Annotated[
    list[LookName], Field(description="why releasing it has to be confirmed, the weightiest reason first; empty: it is not asked")
]
Confirm = Annotated[
    list[Word],
    Field(
        max_length=20,
        description="the names of the second look that you confirm: exactly those of the preview, together with its `fence`, else 409",
    ),
]
Fence = Annotated[Word | None, Field(description="of the second look, as the 409 said it")]


class SecondLook(Shape):
    """Reason for a second look, and the newest message that it is about."""

    name: LookName
    sentence: Sentence
    count: Annotated[int, Field(description="deliveries that it is about")]
    example: Annotated[Id, Field(description="id of the newest delivery")]
    author: Annotated[str, Field(description="of the example")]
    subject: str


class RuleToConfirm(Shape):
    """An allow rule that would release held messages which need a second look."""

    match: RuleMatch
    value: str
    scope: str
    proof: str
    names: Names
    count: Annotated[int, Field(description="held messages that it is about")]


class NotAllowed(Shape):
    """A sender whom no allow rule can be made about from these messages."""

    sender: Annotated[str, Field(description="address or domain, as the rule would name it")]
    count: Annotated[int, Field(description="deliveries of theirs")]
    why: Annotated[
        Literal["damaged", "flood", "list", "own", "unproven"],
        Field(
            description="damaged: a record is damaged in the database; flood: part of a mail bomb; list: it hides its authors and signs "
            "nothing; own: our own domain; unproven: no proof that a rule could rest on"
        ),
    ]
    instead: Annotated[Sentence, Field(description="what could be done instead")]


class ConfirmOrder(Order):
    """Reason, and the confirmed points of a second look."""

    reason: Text = ""
    confirm: Confirm = []
    fence: Fence = None
