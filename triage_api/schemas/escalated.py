"""Escalation of a message: the duty that has it, or the duty that its signals suggest."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, PlainSerializer

from triage_api.schemas.escalation_contacts import duty_here, phone_here, title_here
from triage_api.schemas.fields import Id, Shape
from triage_api.schemas.language import Sentence, say_in_language


def translate_title(name: str) -> str:
    """Title of the duty, in the language of the request."""
    return say_in_language(title_here(name))


class Suggested(Shape):
    """Suggestion from a message's signals: escalate it, and highlight no button that removes it."""

    duty: Annotated[str, PlainSerializer(duty_here)]
    title: Annotated[str, PlainSerializer(translate_title), Field(validation_alias="duty")]
    phone: Annotated[str, PlainSerializer(phone_here), Field(validation_alias="duty")]
    reason: Sentence


class EscalatedTo(Shape):
    """To which duty a message was escalated, and who confirmed it."""

    decision: Annotated[Id, Field(description="`POST /escalations/{decision}/confirm` confirms it, an undo of the decision ends it")]
    duty: str
    title: Sentence
    phone: Annotated[str, PlainSerializer(phone_here), Field(validation_alias="duty")]
    reason: str
    by_name: Annotated[str, Field(validation_alias="by_shown")]
    at: datetime
    confirmed_at: Annotated[datetime | None, Field(description="null: nobody of the duty has confirmed it")]
    confirmed_by_name: Annotated[str, Field(validation_alias="confirmed_by_shown")]
