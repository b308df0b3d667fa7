"""Alerts: their sentences, and the settings of their recipients."""

from datetime import UTC, datetime, timedelta

import pytest

from triage.config.alert_types import (
    CAUSES,
    EXPIRING,
    TIME_LIMITED,
    TITLES,
    WAITING,
    Wait,
    alert_sentence,
    find_alerts_fault,
    named_recipients,
    target_of,
)

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cause", "waits", "said"),
    [
        (WAITING, [Wait(WAITING, "it", "joe", 1, AT)], "IT: 1 message is held, the oldest since 24 Nov 10:30."),
        (
            WAITING,
            [Wait(WAITING, "it", "joe", 2, AT + timedelta(hours=1)), Wait(WAITING, "it", "", 3, AT)],
            "IT: 5 messages for 2 people are held, the oldest since 24 Nov 10:30.",
        ),
        (TIME_LIMITED, [Wait(TIME_LIMITED, "it", "joe", 1, AT)], "IT: 1 message is time-limited; the first stops working on 24 Nov 10:30."),
        (EXPIRING, [Wait(EXPIRING, "it", "joe", 2, AT)], "IT: 2 messages expire, the first on 24 Nov 10:30."),
        ("outgoing", [Wait("outgoing", "", "", words="Mail does not get on.")], "Mail does not get on."),
    ],
)
def test_a_sentence(cause: str, waits: list[Wait], said: str) -> None:
    assert alert_sentence(cause, waits, "IT", "Europe/Berlin") == said


def test_every_cause_has_a_title() -> None:
    assert set(TITLES) == set(CAUSES)


@pytest.mark.parametrize(
    ("targets", "told", "why"),
    [
        (("sales=30", "it = 0", "person:joe.fern=15"), ("sales=ana",), ""),
        (("person:=15",), (), "targets: “person:=15” is no department with its minutes"),
        (("sales",), (), "targets: “sales” is no department with its minutes: write such as sales=30"),
        (("sales=soon",), (), "targets: “sales=soon” is no department with its minutes"),
        ((), ("sales",), "alert_recipients: “sales” names nobody"),
        ((), ("=ana",), "alert_recipients: “=ana” names nobody"),
    ],
)
def test_settings(targets: tuple[str, ...], told: tuple[str, ...], why: str) -> None:
    assert find_alerts_fault(targets, told).startswith(why)
    assert bool(find_alerts_fault(targets, told)) is bool(why)


def test_a_person_may_have_a_target_of_their_own() -> None:
    targets = ("it=30", "person:Joe.Fern = 15", "person:mara.berg=0")
    found = [target_of(targets, 60, code, uid) for code, uid in (("it", "joe.fern"), ("it", ""), ("hr", "mara.berg"), ("hr", "ann"))]
    assert found == [timedelta(minutes=15), timedelta(minutes=30), None, timedelta(hours=1)]


def test_a_department_may_have_a_target_of_its_own() -> None:
    targets = ("sales=30", "it = 0")
    assert [target_of(targets, 60, code) for code in ("sales", "it", "hr")] == [timedelta(minutes=30), None, timedelta(hours=1)]
    assert target_of((), 0, "sales") is None
    assert named_recipients(("sales=ana", "it=ben", "sales = Desk@Company.example"), "sales") == ("ana", "desk@company.example")
