"""What rejected senders are told."""

from triage_api.schemas.fields import Id, Letter, Order, Shape, Word
from triage_api.schemas.language import Spoken
from triage_api.schemas.queue.selections import Select


class RejectionOrder(Order):
    """A rejection to be looked at: a template, or a text."""

    select: Select
    template: Word = ""
    text: Letter = ""


class Template(Shape):
    """A text that a sender can be told, with its placeholders."""

    name: str
    text: str


class Templates(Shape):
    """What the settings offer."""

    items: list[Template]


class Said(Shape):
    """What one sender would be told about one message."""

    message: Id
    to: str
    text: str


class NotTold(Shape):
    """Why senders would not be told, and of how many deliveries."""

    reason: Spoken
    count: int


class Rejection(Shape):
    """Who would be told what: the first letters, how many there are, and who would not be told."""

    letters: list[Said]
    messages: int
    deliveries: int
    refused: list[NotTold]
