"""Rules tried out before they are made."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from triage_api.schemas.fields import Id, Order, Shape
from triage_api.schemas.language import Sentence
from triage_api.schemas.policy.rules import Clash
from triage_api.schemas.queue.selections import Select
from triage_api.schemas.second_looks import SecondLook
from triage_api.schemas.vocabulary import AskedMatch, RuleEffect


class Offered(Shape):
    """A rule as it would be made."""

    effect: RuleEffect
    match: AskedMatch
    value: str
    scope: str
    proof: str
    risky: bool


class RuleTrial(Shape):
    """A rule tried out on the last thirty days of the messages that you may see."""

    order: Offered
    came: Annotated[int, Field(description="messages from there, within the rule's scope")]
    changed: Annotated[int, Field(description="of them it would have allowed or blocked")]
    people: int
    against: Annotated[int, Field(description="of those staff decided otherwise")]
    examples: list[Id]
    since: datetime
    sentence: Sentence
    doubt: Annotated[Sentence, Field(description="why it may never work, or hit more than is meant")]
    clashes: list[Clash]
    step: Annotated[int, Field(description="of offers: those of one step are made together")]
    second_look: Annotated[
        list[SecondLook], Field(validation_alias="asked", description="of a rule on content: what has to be confirmed before it is made")
    ] = []
    fence: Annotated[str, Field(description="for `confirm`")] = ""


class OffersOrder(Order):
    """Senders for whom to suggest allow rules."""

    select: Select


class Offers(Shape):
    """Rules that would let them in, the narrowest sensible first."""

    items: list[RuleTrial]
