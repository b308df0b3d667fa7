"""Lifetime of codes, links and meetings."""

from datetime import timedelta
from typing import Any

import pytest

from tests.triage.message.signals.seeing import NOW, seen, to
from tests.triage.messages import multipart, part
from triage.message.signals.time_critical import Life, find_deadline, find_lifetime, spell_minutes
from triage.message.summary import Summary, make_summary


def minutes_of(summary: Summary) -> int | None:
    """Lifetime of a message in minutes."""
    found = find_lifetime(summary, NOW)
    return found.minutes if found else None


@pytest.mark.parametrize(
    ("subject", "text", "minutes"),
    [
        ("Your verification code", "Your code is 483 920.", 10),
        ("Sign-in code: 483920", "It expires in 15 minutes.", 15),
        ("Anmeldung", "Ihr Bestätigungscode lautet 4839. Er ist 5 Minuten gültig. Gültig bis in 5 Minuten.", 5),
        ("Code de vérification", "Votre code de vérification : 483920", 10),
        ("Reset your password", "This link expires in 30 minutes.", 30),
        ("Reset your password", "The link is valid for 1 hour.", 60),
        ("One-time code G-483920", "", 10),
        ("Reset your password", "This link expires in 24 hours.", None),
        ("Your sign-in code is 481 922", "It expires in 1 minute.", 1),
        ("Your sign-in code is 481 922", "It is valid for one minute.", 1),
        ("Ihr Anmeldecode 481922", "Er ist eine Minute gültig.", 1),
        ("Ihr Anmelde-Code: 481922", "Er läuft in zehn Minuten ab.", 10),
        ("Reset your password", "This link expires in an hour.", 60),
        ("Lunch", "See you in 10 minutes at the gate.", None),
        ("Meeting", "The report of 2026 has 4000 pages.", None),
        ("Security code of conduct 2026", "Please read our new rules.", None),
        ("", "", None),
    ],
)
def test_time_limited(subject: str, text: str, minutes: int | None) -> None:
    assert minutes_of(Summary(subject=subject, text=text)) == minutes
    assert ("time-limited" in seen(subject=subject, text=text)) is (minutes is not None)


@pytest.mark.parametrize(
    ("subject", "text", "found"),
    [
        ("Confirm your e-mail address", "Click the link.", Life(60, "link", False)),
        ("Confirm your email", "The link is valid for 20 minutes.", Life(20, "link", True)),
        ("Welcome", "Bitte bestätigen Sie Ihre E-Mail-Adresse.", Life(60, "link", False)),
        ("Bienvenue", "Confirmez votre adresse.", Life(60, "link", False)),
        ("Bienvenido", "Confirme su correo electrónico.", Life(60, "link", False)),
        ("Your magic link", "", Life(60, "link", False)),
        ("Your confirmation is required to join the dev mailing list", "", Life(60, "link", False)),  # Mailman
        ("confirm 9f2c", "To confirm that you want to be added to this list, reply or visit:", Life(60, "link", False)),
        ("confirm 9f2c", "You are on this list; nothing to confirm.", None),
        ("Reset your password", "This link expires in 24 hours.", None),
        ("Order confirmed", "Your order is confirmed.", None),
    ],
)
def test_links_that_somebody_waits_for(subject: str, text: str, found: Life | None) -> None:
    assert find_lifetime(Summary(subject=subject, text=text, links=to("https://sender.example/c?t=1"))) == found


@pytest.mark.parametrize(
    ("method", "hours", "minutes"),
    [("REQUEST", 2, 120), ("CANCEL", 2, 120), ("REPLY", 2, None), ("PUBLISH", 2, None), ("REQUEST", 30, None), ("REQUEST", -1, None)],
)
def test_meetings_that_begin_soon(method: str, hours: int, minutes: int | None) -> None:
    start = f"{NOW + timedelta(hours=hours):%Y%m%dT%H%M%SZ}"
    invitation = f"BEGIN:VCALENDAR\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\nUID:1@x\r\nDTSTART:{start}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    raw = multipart(part("Content-Type: text/plain", b"We meet."), part("Content-Type: text/calendar", invitation.encode(), encoded=True))
    summary = make_summary(raw)
    assert summary.calendar_starts
    assert minutes_of(summary) == minutes
    assert Summary.from_json(summary.as_json()) == summary


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(1, "1 minute"), (2, "2 minutes"), (59, "59 minutes"), (60, "1 hour"), (61, "61 minutes"), (120, "2 hours"), (1440, "24 hours")],
)
def test_times_in_words(minutes: int, words: str) -> None:
    assert spell_minutes(minutes) == words


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (Life(1, "code", True), "Contains a code that expires in 1 minute (stated in the message)."),
        (Life(10, "code", False), "Contains a code. Such codes are usually valid for 10 minutes."),
        (Life(60, "link", True), "Contains a link that expires in 1 hour (stated in the message)."),
        (Life(60, "link", False), "Contains a link to confirm something. Such links are usually valid for 1 hour."),
        (Life(90, "meeting", True), "Is about a meeting that begins 90 minutes after the message arrived."),
    ],
)
def test_a_stated_lifetime_is_told_apart_from_an_assumed_one(found: Life, sentence: str) -> None:
    assert found.sentence == sentence


CODE: dict[str, Any] = {"subject": "481434 is your sign-in code", "text": "It expires in 10 minutes."}


@pytest.mark.parametrize(
    ("author", "name", "said", "fits"),
    [
        ("no-reply@docuhaven.example", "Docuhaven", {}, True),
        ("no-reply@mail.docuhaven.example", "Docuhaven Support", {}, True),  # of the same organisation
        ("kontakt@stadtwerke-hollersund.example", "Stadtwerke Hollersund", {}, True),
        ("code@uberlingen.example", "Überlingen", {}, True),
        ("no-reply@docuhaven.example", "", {"subject": "Your Docuhaven sign-in code is 481434"}, True),
        ("no-reply@docuhaven.example", "No reply", {"text": "Your Docuhaven code expires in 10 minutes."}, True),
        ("no-reply@docuhaven.example", "", {}, False),  # it says nothing of whom it is from
        ("no-reply@docuhaven-login.example", "Docuhaven", {}, False),
        ("no-reply@d0cuhaven.example", "Docuhaven", {}, False),
        ("no-reply@renewal.example", "Docuhaven", {"text": "Renewal. Your code expires in 10 minutes."}, False),  # the name comes first
        ("no-reply@renewal.example", "Account Security", {}, False),
        ("", "Docuhaven", {}, False),
    ],
)
def test_a_deadline_counts_where_the_domain_fits_what_is_said(author: str, name: str, said: dict[str, Any], fits: bool) -> None:
    summary = Summary(author=author, author_name=name, **CODE | said)
    assert find_lifetime(summary) == Life(10, "code", True)
    assert (find_deadline(summary) is not None) is fits


@pytest.mark.parametrize(
    ("links", "fits"),
    [
        ((), True),
        (("https://docuhaven.example/c",), True),
        (("https://login.docuhaven.example/c", "https://social.example/docuhaven"), True),
        (("https://docuhaven.example.evil.example/c",), False),
        (("mailto:help@docuhaven.example",), True),
    ],
)
def test_its_links_lead_there(links: tuple[str, ...], fits: bool) -> None:
    summary = Summary(
        author="no-reply@docuhaven.example", author_name="Docuhaven", links=tuple(one for link in links for one in to(link)), **CODE
    )
    assert (find_deadline(summary) is not None) is fits
