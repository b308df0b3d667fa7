"""Waves from throw-away domains for the house's tests: copies of one text, each with a proof of its own, suspicious if a test says so."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from sqlmodel import Session

from tests.triage.arriving import NOW, arrive
from triage.actor import Actor
from triage.config.settings import Settings
from triage.message.authentication import Dmarc, Result
from triage.message.signals import find_signals
from triage.message.signals.find_signals import Found
from triage.message.signals.signal_context import Seen, Signal
from triage.policy.contacts.contact_evidence import Sent
from triage.policy.learning import learn_contacts

TEXT = (
    "the password of your mailbox expires today and you will lose access to messages calendar and shared files. Confirm your account on"
    " the page below with your current password. The check takes less than a minute and concerns all employees on holiday and at home."
)
ODD, BENIGN = "odd: your password", "Your invoice"  # subjects
PEOPLE = ("it+joe.fern@company.example", "legal+mara.berg@company.example")
WRITER = "joe.fern@company.example"
UPKEEP = Actor.system("learn")


def weigh_by_subject(patch: pytest.MonkeyPatch) -> None:
    """Let the subject decide the signals: "odd" is suspicious, everything else has no warnings."""
    found = find_signals.find_signals

    def weigh(seen: Seen, before: Found | None = None) -> tuple[Signal, ...]:
        if "odd" in seen.summary.subject:
            return (Signal("asks-for-password", "It asks for a password.", 60),)
        return tuple(replace(one, weight=0) for one in found(seen, before))

    patch.setattr("triage.intake.store_incoming.find_signals.find_signals", weigh)


def proven(domain: str) -> Dmarc:
    """The domain proves to have sent it."""
    return Dmarc(Result.PASS, domain, domain, "none", ("dkim",))


def many(number: int) -> list[str]:
    """So many senders, each of a domain of its own."""
    return [f"desk{place}@throw-away-{place}.example" for place in range(number)]


def wave(
    session: Session,
    settings: Settings,
    senders: Sequence[str],
    subject: str = ODD,
    dmarc: Dmarc | None = None,
    text: str = TEXT,
    to: Sequence[str] = PEOPLE,
    at: datetime = NOW,
) -> list[int]:
    """Receives a copy of the text from each sender, each with a proof of its own unless one is given; the deliveries."""
    came: list[int] = []
    for place, sender in enumerate(senders):
        proof = dmarc or proven(sender.partition("@")[2])
        came += arrive(
            session, settings, to[place % len(to)], author=sender, subject=subject, dmarc=proof, text=f"{text} Ticket {place}", at=at
        )
    return came


def write_to(session: Session, settings: Settings, address: str, by: Actor = UPKEEP) -> None:
    """An employee has written to this address: it is a contact."""
    mail = Sent(WRITER, (address,), WRITER, NOW, f"<{address}>")
    learn_contacts.learn_many(session, [mail], how="outbound", settings=settings, by=by, now=NOW)
