"""Orders of the queue's rows, and the filter of whole rows by severity, verified sender, attachments and language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, and_, literal, not_, or_, true

from triage.errors import BadInput
from triage.message.language import LANGUAGES
from triage.message.signals.severity import Severity
from triage.say import quote_text, say
from triage.store.models.columns import Instant
from triage.store.queue.grouping import NEVER

RowOrder = Literal["priority", "risk", "wait", "sender"]
Place = tuple[datetime, int, datetime, str]  # where a row stands: the first two and the last ascend, the third descends, as `standing` says
DESCENDS = (False, True, True, False)  # which of the columns of `standing` do
UNKNOWN = "unknown"  # in the place of a language: none was found, or the row has several


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Filter of the rows of a list. It picks whole rows, so that a decision about a row is always about all that the row counts."""

    severities: tuple[Severity, ...] = ()  # of the worst message; none: any
    verified: bool | None = None  # is every message proven to be from its author's domain?
    attachments: bool | None = None  # has a message of it an attachment?
    languages: tuple[str, ...] = ()  # in which all its messages are written, or UNKNOWN

    def checked(self) -> "RowFilter":
        """Itself; BadInput for a language that Mailroom does not tell from others."""
        names = (*LANGUAGES, UNKNOWN)
        for one in self.languages:
            if one not in names:
                raise BadInput(
                    say("there is no language {language}; there are {names}", language=quote_text(one), names=", ".join(names)),
                    field="language",
                )
        return self

    def matches(self, traits: "Traits") -> bool:
        """Whether it shows a row with these traits."""
        return (
            (not self.severities or traits.severity in self.severities)
            and self.verified in (None, traits.verified)
            and self.attachments in (None, traits.attachments)
            and (not self.languages or (traits.language or UNKNOWN) in self.languages)
        )

    def condition(self, columns: "RowColumns") -> ColumnElement[bool]:
        """The filter as a condition on these columns."""
        wanted: list[ColumnElement[bool]] = []
        if self.severities:
            wanted.append(columns.severity.in_([int(one) for one in self.severities]))
        for column, value in ((columns.verified, self.verified), (columns.attachments, self.attachments)):
            if value is not None:
                wanted.append(column if value else not_(column))
        if self.languages:
            wanted.append(columns.language.in_(["" if one == UNKNOWN else one for one in self.languages]))
        return and_(true(), *wanted)


EVERY_ROW = RowFilter()


@dataclass(frozen=True, slots=True, eq=False)
class Snoozes:
    """Messages that somebody has snoozed. A row is out of their way while all its messages are; another message brings it back."""

    which: ColumnElement[bool]  # these, as a condition on Delivery
    shown: bool  # are these rows listed, instead of all others?


class Traits(NamedTuple):
    """Traits of a row that a filter asks about."""

    severity: Severity
    verified: bool
    attachments: bool
    language: str  # "": unknown, or several


class RowColumns(NamedTuple):
    """The columns that a filter asks, of whatever has them."""

    severity: Any
    verified: Any
    attachments: Any
    language: Any


def risk_rank(severity: Any, weight: Any) -> Any:
    """Sort key of a risk: the severity, and within it the number."""
    return severity * 1_000 + weight


def standing(order: RowOrder, row: Any) -> tuple[Any, Any, Any, Any]:
    """The four columns that rows are sorted by in this order: of a query with `pressing`, `urgency`, `newest`, `oldest`, `sender`, `key`,
    `severity` and `weight`. Those of DESCENDS descend."""
    return stand_by(order, row, literal(NEVER, Instant), literal(0))


def standing_place(order: RowOrder, row: Any) -> Place:
    """The same of a row that was read."""
    return stand_by(order, row, NEVER, 0)


def stand_by(order: RowOrder, row: Any, never: Any, none: Any) -> tuple[Any, Any, Any, Any]:
    """The columns, or values, by which a row stands; `never` and `none` where the order does not ask."""
    if order == "risk":
        return never, risk_rank(row.severity, row.weight), row.newest, row.key
    if order == "wait":
        return row.oldest, none, never, row.key
    if order == "sender":
        return never, none, never, row.sender + " " + row.key
    return row.pressing, row.urgency, row.newest, row.key


def beyond(stands: Sequence[Any], place: Place, *, also: bool) -> ColumnElement[bool]:
    """Condition: rows behind a place. `also`: and the one that is there. The first comparison is one for an index."""
    first, second, third, key = stands
    behind = key >= place[3] if also else key > place[3]
    later = or_(third < place[2], and_(third == place[2], behind))
    later = or_(second < place[1], and_(second == place[1], later))
    return and_(first >= place[0], or_(first > place[0], and_(first == place[0], later)))
