"""Calendar parts, well formed and not."""

import pytest
from hypothesis import given, strategies as st

from triage.invitations import Calendar, read

EXCHANGE_ZONE = "BEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\nBEGIN:STANDARD\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"


def calendar(*lines: str, method: str = "REQUEST", zone: str = "") -> str:
    """A calendar part with one event of these lines."""
    return f"BEGIN:VCALENDAR\r\nMETHOD:{method}\r\n{zone}BEGIN:VEVENT\r\n" + "".join(line + "\r\n" for line in lines) + "END:VEVENT\r\n"


@pytest.mark.parametrize(
    ("start", "zone", "at"),
    [
        ("DTSTART:20261124T100000Z", "", "2026-11-24T10:00:00+00:00"),
        ("DTSTART;TZID=Europe/Berlin:20261124T100000", "", "2026-11-24T09:00:00+00:00"),
        ('DTSTART;TZID="America/New_York":20260701T100000', "", "2026-07-01T14:00:00+00:00"),
        ("DTSTART;TZID=W. Europe Standard Time:20261124T100000", EXCHANGE_ZONE, "2026-11-24T09:00:00+00:00"),
        ("DTSTART;TZID=../../etc/passwd:20261124T100000", "", "2026-11-24T10:00:00+00:00"),
        ("DTSTART;VALUE=DATE:20261124", "", "2026-11-24T00:00:00+00:00"),
        ("DTSTART:20261124T1000\r\n 00Z", "", "2026-11-24T10:00:00+00:00"),
        ("DTSTART:20269999T100000Z", "", ""),
        ("DTSTART;TZID=Europe/Berlin:00010101T000000", "", ""),
        ("DTSTART:soon", "", ""),
        ("DTEND:20261124T100000Z", "", ""),
    ],
)
def test_when_it_begins(start: str, zone: str, at: str) -> None:
    assert read(calendar("UID:a@b", start, zone=zone)) == Calendar("request", "a@b", at)


def test_folded_lines_are_one_and_the_first_event_counts() -> None:
    text = calendar("UID:very-", " long", "DTSTART:20261124T100000Z", method="CANCEL") + calendar("UID:other", "DTSTART:20271124")
    assert read(text) == Calendar("cancel", "very-long", "2026-11-24T10:00:00+00:00")


def test_no_event() -> None:
    assert read("") == Calendar()
    assert read("BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nDTSTART:20261124T100000Z\r\n") == Calendar()


@given(st.text(max_size=300))
def test_anything(text: str) -> None:
    read(text)
    read(calendar(f"DTSTART;TZID={text}:20261124T100000", f"UID:{text}"))
