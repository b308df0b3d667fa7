"""Instants of the API as the shell prints them: ISO 8601 in UTC, to the second or the minute."""

from datetime import datetime


def format_instant(instant: str | None, timespec: str = "seconds") -> str:
    """An instant; "" when there is none."""
    return datetime.fromisoformat(instant).isoformat(timespec=timespec) if instant else ""


def format_day(instant: str | None) -> str:
    """The day of an instant."""
    return instant[:10] if instant else ""
