"""Reports: sentences, and tables that may be drawn."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_serializer

from triage_api.schemas.fields import Shape
from triage_api.schemas.language import Sentence, say_in_language
from triage_api.schemas.vocabulary import ReportCell


class ReportColumn(Shape):
    """Column of a table."""

    name: Annotated[str, Field(description="Under this name each row has its cell.")]
    label: Annotated[Sentence, Field(description="What it is, in words.")]
    kind: Annotated[
        Literal["text", "count", "number", "seconds", "share", "day", "figure"],
        Field(description="figure: a number whose unit (count, seconds or share) is in the row's cell `unit`."),
    ]


class ReportPlot(Shape):
    """Chart that the console draws of a table."""

    kind: Literal["bars", "lines", "week"]
    of: Annotated[list[str], Field(description="The columns that are drawn.")]


class ReportTable(Shape):
    """Numbers in rows. The first column names the row."""

    name: str
    title: Sentence
    columns: list[ReportColumn]
    rows: list[dict[str, ReportCell]]
    plot: ReportPlot | None

    @field_serializer("rows", when_used="json")
    def spoken(self, rows: list[dict[str, Any]]) -> list[dict[str, ReportCell]]:
        """Cells with words of ours in the language of the request."""
        return [{name: say_in_language(cell) if isinstance(cell, str) else cell for name, cell in row.items()} for row in rows]


class Report(Shape):
    """Report: its sentences say the same as its tables."""

    name: str
    title: Sentence
    since: datetime
    until: datetime
    time_zone: Annotated[str, Field(description="Whose days and hours they are.")]
    sentences: list[Sentence]
    definition: Annotated[Sentence, Field(description="What its words mean, and how it was counted.")]
    tables: list[ReportTable]


class Reports(Shape):
    """All of them."""

    items: list[Report]
