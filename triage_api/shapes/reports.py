"""Reports: sentences, and tables that may be drawn."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from triage_api.shapes.texts import Shape


class ReportColumn(Shape):
    """One column of a table."""

    name: Annotated[str, Field(description="Under this name each row has its cell.")]
    says: Annotated[str, Field(description="What it is, in words.")]
    kind: Literal["text", "count", "number", "seconds", "share", "day"]


class ReportPlot(Shape):
    """How the console draws a table."""

    kind: Literal["bars", "lines", "week"]
    of: Annotated[list[str], Field(description="The columns that are drawn.")]


class ReportTable(Shape):
    """Numbers in rows. The first column names the row."""

    name: str
    title: str
    columns: list[ReportColumn]
    rows: list[dict[str, Any]]
    plot: ReportPlot | None


class Report(Shape):
    """One report: its sentences say the same as its tables."""

    name: str
    title: str
    since: datetime
    until: datetime
    time_zone: Annotated[str, Field(description="Whose days and hours they are.")]
    sentences: list[str]
    definition: Annotated[str, Field(description="What its words mean, and how it was counted.")]
    tables: list[ReportTable]


class Reports(Shape):
    """All of them."""

    items: list[Report]
