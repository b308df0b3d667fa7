"""For which departments the door is closed."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from triage_api.schemas.fields import Order, Shape, Text, Word


class DepartmentEnforcement(Shape):
    """Whether the door is closed for a department, and who switched it, "" where the settings say so."""

    code: Annotated[str, Field(description="empty: all departments of which nothing else is said")]
    name: str
    mode: Literal["enforce", "observe"]
    by: str
    at: datetime | None
    reason: str


class Enforcement(Shape):
    """The modes in force."""

    items: list[DepartmentEnforcement]


class EnforcementOrder(Order):
    """A switch of the mode."""

    department: Word = ""
    mode: Literal["enforce", "observe"] | None
    reason: Text = ""
