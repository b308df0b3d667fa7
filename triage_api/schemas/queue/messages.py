"""A message, and who really sent it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from triage_api.schemas.fields import Id, Shape
from triage_api.schemas.language import Sentence
from triage_api.schemas.queue.deliveries import Delivery, Signal


class Spf(Shape):
    """SPF result."""

    result: str
    identity: str
    domain: str
    reason: str
    origin: Annotated[str, Field(description="the trusted edge that found it; empty: we did")] = ""


class Dkim(Shape):
    """DKIM signature and its result."""

    result: str
    domain: str
    selector: str
    algorithm: str
    identity: str
    reason: str
    signs_list: Annotated[bool, Field(description="it covers List-Id too")] = False


class Arc(Shape):
    """The ARC chain."""

    result: str
    sealer: str
    instances: int
    reason: str


class Dmarc(Shape):
    """The DMARC result."""

    result: str
    domain: str
    organisational_domain: str
    policy: str
    aligned: list[str]
    reason: str
    origin: Annotated[str, Field(description="the trusted edge that found it; empty: we did")] = ""


class Authentication(Shape):
    """Authentication results, the proof they make, and a sentence."""

    spf: list[Spf]
    dkim: list[Dkim]
    arc: Arc
    dmarc: Dmarc
    proof: str
    sentence: Sentence


class Link(Shape):
    """Link of a message: its real target, and its warnings."""

    number: int
    text: str
    target: str
    host: str
    warnings: list[Sentence]
    code_in: Annotated[str, Field(description="name of the picture or document whose QR code it is; empty for other links")] = ""


class Attachment(Shape):
    """An attachment by its description."""

    number: int
    name: str
    media_type: str
    size: int
    sha256: str


class Message(Shape):
    """A message with those of its deliveries that the asker may see."""

    id: Id
    received_at: datetime
    size: int
    subject: str
    author: str
    author_name: str
    reverse_path: str
    client: str
    helo: str
    tls: str
    to: list[str]
    reply_to: list[str]
    date: str
    message_id_field: str
    list_id: str
    authentication: Authentication
    signals: list[Signal]
    links: list[Link]
    attachments: list[Attachment]
    problems: list[Sentence]
    hidden_pictures: int
    parsed: bool
    confidential: Annotated[bool, Field(description="Opening its content asks for a reason.")]
    not_allowed: Annotated[Sentence, Field(description="why no allow rule can be about its sender, and what to do; empty: one can")]
    comments: Annotated[int, Field(description="of staff, about the copies in your scope")]
    deliveries: list[Delivery]


class MessageText(Shape):
    """Text of a message, with control characters made visible."""

    text: str


class Pages(Shape):
    """Pages of an attachment that can be shown as pictures."""

    pages: Annotated[int, Field(description="Numbered from 1; of a longer document the first fifty.")]


class Hop(Shape):
    """A server handed the message to the next, as a Received field states it."""

    sent_by: Annotated[str, Field(description="empty: the field names nobody")]
    address: str
    received_by: Annotated[str, Field(description="empty: the field names nobody, or `ours`")]
    protocol: str
    at: Annotated[datetime | None, Field(description="null: the field states no time with its offset from UTC")]
    delay: Annotated[int | None, Field(description="seconds since the last hop with a time; below 0 where the clocks differ")]
    ours: Annotated[bool, Field(description="this server's own record; every other hop is a claim")]


class Check(Shape):
    """A check of who sent a message: a result of this server or of a trusted edge, never what a sender states."""

    method: str
    result: str
    domain: str
    aligned: Annotated[bool | None, Field(description="with the author's domain; null where that does not apply")]
    why: Sentence


class Headers(Shape):
    """The header block as received, with control characters made visible, and what it says of the way."""

    text: str
    truncated: Annotated[bool, Field(description="It is longer; the source has all of it.")]
    hops: Annotated[list[Hop], Field(description="Oldest first; at most 50 by Received fields, the newest, and the arrival here.")]
    hops_left_out: Annotated[int, Field(description="older Received fields")]
    checks: list[Check]
