"""Signals about behaviour: first contact, many recipients, bulk, unreadable, wrong date."""

from typing import Any

import pytest

from tests.triage.message.signals.seeing import by, seen
from triage.message.mime.html_text import SIZE_LIMIT
from triage.message.signals.behaviour import stranger_here
from triage.message.signals.signal_context import Met
from triage.message.summary import LINK_LIMIT, make_summary


@pytest.mark.parametrize(
    ("met", "sentences"),
    [
        (Met(), {"first-contact": "First message from ann@sender.example to your company."}),
        (
            Met(colleagues=True),
            {"first-contact": "First message from ann@sender.example to your company. Others at sender.example have written before."},
        ),
        (Met(wrote=True), {"never-let-in": "ann@sender.example has written before, but no message was ever released."}),
        (Met(wrote=True, accepted=True), {}),
    ],
)
def test_first_contact(met: Met, sentences: dict[str, str]) -> None:
    assert seen(beside={"met": met}) == sentences


def test_first_contact_of_a_department_and_of_a_person() -> None:
    def signal_names(**known: Any) -> list[str]:
        return [one.name for one in stranger_here("ann@sender.example", "it", **known)]

    assert signal_names(to_department=False, to_person="") == ["first-contact-department"]
    assert signal_names(to_department=True, to_person="ida") == ["first-contact-person"]
    assert signal_names(to_department=True, to_person="") == []


@pytest.mark.parametrize(("recipients", "said"), [(1, False), (9, False), (10, True), (600, True)])
def test_many_of_us(recipients: int, said: bool) -> None:
    assert ("many-of-us" in seen(beside={"recipients": recipients})) is said


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"automatic": "list-unsubscribe"}, {"bulk": "Bulk message, by its header field list-unsubscribe."}),
        ({"automatic": "precedence"}, {"bulk": "Bulk message, by its header field precedence."}),
        ({"automatic": "list-id", "list_id": "dev.sender.example"}, {"bulk": "Bulk message, sent by the mailing list dev.sender.example."}),
        ({"automatic": "auto-submitted"}, {"automatic": "Sent by a program, by its header field auto-submitted."}),
        ({}, {}),
    ],
)
def test_bulk(changes: dict[str, Any], found: dict[str, str]) -> None:
    assert seen(**changes) == found


def test_hidden_characters_and_foreign_letters() -> None:
    assert set(seen(subject="Pay\\u200bpal")) == {"hidden-characters"}
    assert "foreign-letters" in seen(**by("a@xn--80ak6aa92e.com"))


def test_unreadable_and_unclear() -> None:
    assert set(seen(parsed=False)) == {"unreadable"}
    assert set(seen(author="", authors=())) == {"unclear-author"}


def test_what_is_too_much_to_look_at_is_said() -> None:
    assert set(seen()) == set()
    links = "".join(f"<a href='https://h.example/{number}'>more</a> " for number in range(LINK_LIMIT + 1))
    for page in (links, "<p>x</p>" * (SIZE_LIMIT // 8 + 1)):
        raw = f"From: a@b.example\r\nContent-Type: text/html\r\n\r\n{page}\r\n".encode()
        assert seen(overlooked=make_summary(raw).overlooked)["too-much"].startswith("Not all of it was examined. ")


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("Tue, 24 Nov 2026 09:00:00 +0000", False),
        ("Tue, 10 Nov 2026 09:00:00", False),
        ("Fri, 24 Nov 2006 09:00:00 +0000", True),
        ("Thu, 24 Nov 2033 09:00:00 +0000", True),
        ("Tue, 99 Nov 2026 99:00:00 +9999", False),
        ("nonsense", False),
        ("", False),
    ],
)
def test_dates(date: str, said: bool) -> None:
    assert ("wrong-date" in seen(date=date)) is said
