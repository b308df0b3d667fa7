"""Practising on mail whose answer is known."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from triage_api.schemas.fields import Order, Shape, Word
from triage_api.schemas.language import Sentence
from triage_api.schemas.vocabulary import TrainingAnswer


class ShownLink(Shape):
    """A link: the text that a reader sees, and its target."""

    text: str
    target: str


class TrainingMessage(Shape):
    """A training message, without its answer."""

    id: Annotated[str, Field(validation_alias="case")]
    author_name: str
    author: str
    recipient: str
    subject: str
    written: Annotated[str, Field(description="as its Date field says")]
    proof: Annotated[Sentence, Field(description="what its authentication proves, a sentence")]
    reply_to: list[str]
    attachments: Annotated[list[str], Field(description="names")]
    links: list[ShownLink]


class TrainingMessages(Shape):
    """TriageItems that you have not answered yet."""

    items: list[TrainingMessage]


class TrainingOrder(Order):
    """Your answer to a training message. It changes nothing."""

    message: Word
    answer: TrainingAnswer


class TrainingResult(Shape):
    """Result of a training answer."""

    right: bool
    answer: Annotated[TrainingAnswer, Field(description="the right one")]
    clues: Annotated[list[Sentence], Field(description="the clues, as sentences")]
    counted: Annotated[bool, Field(description="false: it was answered before; only the first answer counts")]


class TrainingScore(Shape):
    """Training result of a staff member, by the first answer to each message."""

    login: str
    answered: int
    right: int
    bad_released: int
    good_removed: int
    last_at: datetime


class KnownTally(Shape):
    """Answers to known messages of the last year."""

    answered: int
    right: int
    bad_released: Annotated[int, Field(description="harmful ones that were released")]
    good_removed: Annotated[int, Field(description="harmless ones that were removed")]


class KnownPersonTally(Shape):
    """Answers of a member of staff to known messages."""

    login: str
    tally: KnownTally


class KnownFigures(Shape):
    """Hits and misses with known messages. People are in the order of their names, and never ranked."""

    own: KnownTally
    team: Annotated[
        KnownTally | None,
        Field(description="for administrators and auditors of the whole company, once `reports.least_people` have answered; null else"),
    ]
    people: Annotated[list[KnownPersonTally], Field(description="for the same, where `reports.staff` is `people`; empty else")]


class TrainingScores(Shape):
    """Yours; for administrators of the whole company everybody's, the best first."""

    items: list[TrainingScore]
