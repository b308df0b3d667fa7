"""A calendar part: its fields are short and harmless, and its beginning is a moment in UTC."""

from datetime import UTC, datetime

from triage.message.mime.calendar import READ_LIMIT, UID_LIMIT, read_calendar
from triage.text.sanitize import HARMFUL

SEEDS = (
    b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\nTZOFFSETTO:+0100\r\nEND:VTIMEZONE\r\n"
    b'BEGIN:VEVENT\r\nUID:1@x.example\r\nDTSTART;TZID="W. Europe Standard Time":20261127T100000\r\nSUMMARY;X=de:Caf\xc3\xa9\\, 10\r\n'
    b" \x20Uhr\r\nLOCATION:here\r\nDESCRIPTION:first\\nsecond\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    b"BEGIN:VEVENT\nDTSTART;TZID=Europe/Berlin:20261127T100000\nUID:a\n",
    b"BEGIN:VEVENT\nDTSTART:00010101T000000\nTZOFFSETTO:-9999\nDTSTART;TZID=../x:99991231T235959\n",
    b"BEGIN:VEVENT\nDTSTART;VALUE=DATE:20261127\nMETHOD;X=:reply \nURL:http://x.example/\\\\\n",
)


def one_input(data: bytes) -> None:
    """`data` is the part, decoded."""
    found = read_calendar(data.decode("utf-8", "replace"))
    assert len(found.uid) <= UID_LIMIT
    assert HARMFUL.search(found.uid + found.method + found.starts_at) is None
    assert len(found.words) <= READ_LIMIT + 100
    if found.starts_at:
        assert datetime.fromisoformat(found.starts_at).tzinfo == UTC
