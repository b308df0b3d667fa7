"""Instants: aware UTC datetimes in code, integer microseconds since 1970 in the database."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)  # far enough from the calendar's end to reckon with


def utcnow() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970; exact, unlike float timestamps. Naive datetimes raise TypeError."""
    return (instant - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The instant that many microseconds after 1970."""
    return EPOCH + micros * MICROSECOND


def in_reach(*instants: datetime | None) -> bool:
    """Whether one can reckon with them: from 1970 on, and not so late that a sum leaves the calendar (9999)."""
    return all(EPOCH <= one <= LATEST for one in instants if one)
