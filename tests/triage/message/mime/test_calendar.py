"""Calendar parts: the method and the UID of the first entry, whatever else they contain."""

import pytest
from hypothesis import given, strategies as st

from triage.message.mime.calendar import UID_LIMIT, Calendar, read_calendar
from triage.text.sanitize import escape_visible

EVENT = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:one@company.example\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:two\r\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (EVENT, Calendar("request", "one@company.example")),
        (EVENT.replace("\r\n", "\n"), Calendar("request", "one@company.example")),
        (EVENT.replace("one@", "one\r\n @"), Calendar("request", "one@company.example")),
        (EVENT.replace("UID:one", "UID;X-ODD=1:one"), Calendar("request", "one@company.example")),
        ("method: reply \nuid: x \n", Calendar("reply", "x")),
        ("DESCRIPTION:x\\nUID:hidden\r\nX-UID:no\r\n", Calendar()),
        ("UID:\r\nMETHOD:\r\n", Calendar()),
        ("UID:a\x1b[31mb\r\n", Calendar("", "a\\x1b[31mb")),
        (f"UID:{'x' * (UID_LIMIT + 1)}\r\n", Calendar()),
        ("UID: \t one  two \t \r\n", Calendar("", "one  two")),
        (f"UID:{' ' * 30_000}one{' ' * 30_000}two\r\n", Calendar()),  # in one pass
        ("", Calendar()),
    ],
)
def test_what_is_read(text: str, found: Calendar) -> None:
    assert (read_calendar(text).method, read_calendar(text).uid) == (found.method, found.uid)


@given(st.lists(st.one_of(st.text(max_size=50), st.sampled_from(["UID:", "METHOD:REPLY", "\r\n", "\r\n ", ";X=1:"])), max_size=20))
def test_no_text_is_too_odd(pieces: list[str]) -> None:
    found = read_calendar("".join(pieces))
    assert escape_visible(found.uid) == found.uid
    assert len(found.uid) <= UID_LIMIT
    assert found.method == found.method.casefold()


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("SUMMARY:Budget\r\nDTSTART:20261201T130000Z\r\nLOCATION:Room 5\r\n", "Budget\n2026-12-01 13:00 UTC\nRoom 5"),
        ("DESCRIPTION:Join:\\nhttps://meet.example/1\\, now\r\nsummary;LANGUAGE=de:Tee\r\n", "Tee\n\nJoin:\nhttps://meet.example/1, now"),
        ('DESCRIPTION;ALTREP="cid:a:b":one\r\n two\r\n', "onetwo"),
        ("URL:https://meet.example/2\r\nSUMMARY:first\r\nSUMMARY:second\r\n", "first\nhttps://meet.example/2"),
        ("UID:1\r\nDTSTART:20261201T130000Z\r\n", ""),
    ],
)
def test_what_it_says_to_people(event: str, words: str) -> None:
    calendar = f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{event}END:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:another\r\nEND:VEVENT\r\n"
    assert read_calendar(calendar).words == words
