"""Business hours, such as `mon-fri 08:00-18:00`, and whether a moment is within them at the company's place. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPAN = re.compile(r"([a-z]{3})(?:-([a-z]{3}))? (\d\d:\d\d)-(\d\d:\d\d)")
MIDNIGHT = "24:00"
WAIT, PASS, SUBSTITUTE = "wait", "pass-time-limited", "substitute:"  # what happens out of hours


@dataclass(frozen=True, slots=True)
class Span:
    """From some time until another one of the same day, on some days of the week."""

    days: frozenset[int]  # Monday is 0
    start: time
    end: time  # time.max: midnight

    @classmethod
    @lru_cache(100)
    def parse(cls, text: str) -> "Span":
        """Read `mon-fri 08:00-18:00` or `sat 09:00-24:00`; days may go over the weekend. ValueError says what is expected."""
        found = SPAN.fullmatch(text.strip().casefold())
        try:
            if found is None:
                raise ValueError
            first, last = DAYS.index(found[1]), DAYS.index(found[2] or found[1])
            start, end = time.fromisoformat(found[3]), time.max if found[4] == MIDNIGHT else time.fromisoformat(found[4])
        except ValueError:
            raise ValueError(f"“{text}” is no span of hours: write such as mon-fri 08:00-18:00") from None
        if start >= end:
            raise ValueError(f"“{text}” ends before it begins: write two spans for a night")
        return cls(frozenset((first + day) % 7 for day in range((last - first) % 7 + 1)), start, end)

    def holds(self, local: datetime) -> bool:
        """Whether this moment, on clocks there, is within these hours."""
        return local.weekday() in self.days and self.start <= local.time() < self.end


def at_work(spans: tuple[str, ...], zone: str, now: datetime) -> bool:
    """Whether somebody is at work at this moment. Without spans always; the time zone is an IANA name."""
    local = now.astimezone(ZoneInfo(zone))
    return not spans or any(Span.parse(span).holds(local) for span in spans)


def next_opening(spans: tuple[str, ...], zone: str, moment: datetime) -> datetime:
    """The first moment from this one on at which somebody is at work."""
    if at_work(spans, zone, moment):
        return moment
    local = moment.astimezone(ZoneInfo(zone))
    days = (local.date() + timedelta(days=ahead) for ahead in range(9))
    starts = (
        datetime.combine(day, span.start, ZoneInfo(zone)) for day in days for span in map(Span.parse, spans) if day.weekday() in span.days
    )
    return min(start for start in starts if start >= local)


def worked_since(spans: tuple[str, ...], zone: str, now: datetime, worked: timedelta) -> datetime:
    """The moment since when so much time of work has passed; without spans all time is. Nobody looks back further than a year."""
    if not spans:
        return now - worked
    local, left = now.astimezone(ZoneInfo(zone)), worked
    for ago in range(366):
        day = local.date() - timedelta(days=ago)
        later = now
        for start, until in sorted(times_of(spans, zone, day), key=lambda span: span[1], reverse=True):
            end = min(until, later)  # spans may overlap
            if end - start >= left:
                return end - left
            left -= max(timedelta(), end - start)
            later = min(start, later)
    return now - timedelta(days=366)


def worked_until(spans: tuple[str, ...], zone: str, since: datetime, worked: timedelta) -> datetime:
    """The moment until when so much time of work will have passed; without spans all time is. Nobody looks ahead further than a year."""
    if not spans:
        return since + worked
    local, left = since.astimezone(ZoneInfo(zone)), worked
    for ahead in range(366):
        earlier = since
        for start, until in sorted(times_of(spans, zone, local.date() + timedelta(days=ahead))):
            begin = max(start, earlier)  # spans may overlap
            if until - begin >= left:
                return begin + left
            left -= max(timedelta(), until - begin)
            earlier = max(until, earlier)
    return since + timedelta(days=366)


def times_of(spans: tuple[str, ...], zone: str, day: date) -> list[tuple[datetime, datetime]]:
    """Returns the business hours of a day, in UTC."""
    here = [span for span in map(Span.parse, spans) if day.weekday() in span.days]
    return [(moment_at(day, span.start, zone), moment_at(day, span.end, zone)) for span in here]


def moment_at(day: date, clock: time, zone: str) -> datetime:
    """The moment at which clocks there show this, in UTC; time.max is midnight."""
    if clock == time.max:
        day, clock = day + timedelta(days=1), time()
    return datetime.combine(day, clock, ZoneInfo(zone)).astimezone(UTC)


def works_on(spans: tuple[str, ...], day: date) -> bool:
    """Whether somebody is at work at some hour of this day."""
    return not spans or any(day.weekday() in Span.parse(span).days for span in spans)


def is_zone(zone: str) -> bool:
    """Whether there is such a time zone. All of them are not looked up for one."""
    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError):  # unknown, a directory, a path that leads elsewhere
        return False
    return True


def find_hours_fault(spans: tuple[str, ...], zone: str, policies: tuple[str, ...]) -> str:
    """Returns why these are no hours, no time zone or no policies for the time out of them, "" when they are."""
    if not is_zone(zone):
        return f"“{zone}” is no time zone: write such as Europe/Berlin"
    for span in spans:
        try:
            Span.parse(span)
        except ValueError as wrong:
            return str(wrong)
    for policy in policies:
        if policy not in (WAIT, PASS) and not (policy.startswith(SUBSTITUTE) and policy != SUBSTITUTE):
            return f"“{policy}” is none of wait, pass-time-limited and substitute:LOGIN"
    return ""
