"""Schemas of rejections: the notice for the sender."""

from triage_api.schemas.fields import Id, NoticeText, Order, Shape, Word
from triage_api.schemas.language import Sentence
from triage_api.schemas.queue.selections import Select


class RejectionOrder(Order):
    """A rejection to be looked at: a template, or a text."""

    select: Select
    template: Word = ""
    text: NoticeText = ""


class Template(Shape):
    """A text for rejected senders, with its placeholders."""

    name: str
    text: str


class Templates(Shape):
    """Texts that the settings offer."""

    items: list[Template]


class SenderNotice(Shape):
    """The notice that one sender would get about one message."""

    message: Id
    to: str
    text: str


class NotNotified(Shape):
    """Reason why senders get no notice, with the number of deliveries."""

    reason: Sentence
    count: int


class Rejection(Shape):
    """The first notices, how many there are, and who would get none."""

    notices: list[SenderNotice]
    messages: int
    deliveries: int
    refused: list[NotNotified]
