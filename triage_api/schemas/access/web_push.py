"""Schemas of web push."""

from typing import Annotated

from pydantic import AfterValidator, Field

from triage_api.schemas.fields import Order, Shape, Word, check_storable


class WebPush(Shape):
    """Whether web push is on here, and in this browser."""

    key: Annotated[str, Field(description="The key with which a browser subscribes, base64url; empty where web push is off.")]
    subscribed: Annotated[bool, Field(description="Does the browser of this session get it?")]


class PushOrder(Order):
    """A browser's push subscription, as `PushSubscription.toJSON()` gives it."""

    endpoint: Annotated[str, Field(max_length=2000), AfterValidator(check_storable)]
    p256dh: Annotated[Word, Field(description="The browser's public key, base64url.")]
    auth: Annotated[Word, Field(description="Its authentication secret, base64url.")]
