"""Of how much use a message is still."""

from datetime import timedelta

import pytest

from tests.triage.mails import multipart, part
from tests.triage.signals.seeing import NOW, seen, to
from triage.content import Summary, summarise
from triage.signals import Life, life, perishable_minutes


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
        ("Lunch", "See you in 10 minutes at the gate.", None),
        ("Meeting", "The report of 2026 has 4000 pages.", None),
        ("Security code of conduct 2026", "Please read our new rules.", None),
        ("", "", None),
    ],
)
def test_perishable(subject: str, text: str, minutes: int | None) -> None:
    assert perishable_minutes(Summary(subject=subject, text=text)) == minutes
    assert ("perishable" in seen(subject=subject, text=text)) is (minutes is not None)


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
    assert life(Summary(subject=subject, text=text, links=to("https://sender.example/c?t=1"))) == found


@pytest.mark.parametrize(
    ("method", "hours", "minutes"),
    [("REQUEST", 2, 120), ("CANCEL", 2, 120), ("REPLY", 2, None), ("PUBLISH", 2, None), ("REQUEST", 30, None), ("REQUEST", -1, None)],
)
def test_meetings_that_begin_soon(method: str, hours: int, minutes: int | None) -> None:
    start = f"{NOW + timedelta(hours=hours):%Y%m%dT%H%M%SZ}"
    invitation = f"BEGIN:VCALENDAR\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\nUID:1@x\r\nDTSTART:{start}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    raw = multipart(part("Content-Type: text/plain", b"We meet."), part("Content-Type: text/calendar", invitation.encode(), encoded=True))
    summary = summarise(raw)
    assert summary.calendar_starts
    assert perishable_minutes(summary, NOW) == minutes
    assert Summary.from_json(summary.as_json()) == summary
