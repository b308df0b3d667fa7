"""Bases and fields of all schemas: input, output, text, ids."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from triage import ids
from triage.delivery.templates import LONGEST_TEXT
from triage.say import say

ID_PATTERN = f"^[{ids.ALPHABET}]{{{ids.WIDTH}}}$"


def check_storable(text: str) -> str:
    """The text, if every database can hold it."""
    if "\0" in text:
        raise ValueError(say("must not contain NUL"))
    try:
        text.encode()
    except UnicodeEncodeError as fault:
        raise ValueError(say("must be Unicode without lone surrogates")) from fault
    return text


def given_id(text: Any) -> int:
    """An id as a client writes it."""
    if not isinstance(text, str):
        raise ValueError(say("an id is a text of 13 characters"))
    return ids.parse_id(text)


def show_id(number: Any) -> Any:
    """An id of the database as the API writes it."""
    return ids.format_id(number) if isinstance(number, int) else number


Text = Annotated[str, Field(max_length=1000), AfterValidator(check_storable)]
NoticeText = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(check_storable)]
Word = Annotated[str, Field(max_length=255), AfterValidator(check_storable)]
GivenId = Annotated[int, BeforeValidator(given_id), WithJsonSchema({"type": "string", "pattern": ID_PATTERN})]
Id = Annotated[str, BeforeValidator(show_id), Field(pattern=ID_PATTERN)]


class Order(BaseModel):
    """Input of a client; an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shape(BaseModel):
    """Output for a client, read from the core's values."""

    model_config = ConfigDict(from_attributes=True, validate_by_name=True, frozen=True, json_schema_serialization_defaults_required=True)
