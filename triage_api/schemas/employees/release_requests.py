"""“May I have this one?”: what people here ask for."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from triage_api.schemas.fields import GivenId, Id, Order, Shape, check_storable
from triage_api.schemas.queue.deliveries import Delivery

Remark = Annotated[str, Field(max_length=300), AfterValidator(check_storable)]


class ReleaseRequest(Shape):
    """Release request that staff have not answered yet."""

    id: Id
    by_name: Annotated[str, Field(validation_alias="by_shown", description="whose mail it is")]
    recorded_by_name: Annotated[
        str, Field(validation_alias="recorded_by_shown", description="who wrote it down for them; empty: they asked themselves")
    ]
    at: datetime
    comment: Annotated[str, Field(validation_alias="words")]
    delivery: Annotated[Delivery, Field(validation_alias="mail")]


class ReleaseRequests(Shape):
    """Open release requests in your scope, the newest first."""

    items: list[ReleaseRequest]
    open: Annotated[int, Field(description="how many of them there are")]
    reported: Annotated[int, Field(description="how many reports of odd mail wait for an answer: `/reported`")]
    outside: Annotated[int, Field(description="how many reports from outside the company wait for an answer: `/reported?lane=partners`")]
    next_cursor: str | None = None


class RequestOrder(Order):
    """Request a message."""

    delivery: GivenId
    comment: Remark = ""


class RequestMade(Shape):
    """The request."""

    id: Id


class DeclineOrder(Order):
    """A declined request; the employee can read the reason."""

    reason: Remark = ""
