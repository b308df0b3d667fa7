"""A message by ann@sender.example, and what a trained eye says about it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from triage.message.authentication import Authentication, Dmarc, Result
from triage.message.signals.find_signals import find_signals
from triage.message.signals.signal_context import Seen, Signal
from triage.message.summary import Attachment, Link, Summary

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
OURS = frozenset({"company.example"})
PEOPLE = {"rosa dahl": "rosa.dahl@company.example", "jörg müller": "joerg.mueller@company.example"}
PROVEN = Authentication("ann@sender.example", dmarc=Dmarc(Result.PASS, "sender.example"))
FORGED = Authentication("ann@sender.example", dmarc=Dmarc(Result.FAIL, "sender.example"))
ANN: dict[str, Any] = {"parsed": True, "author_name": "Ann Lee", "author": "ann@sender.example", "authors": ("ann@sender.example",)}


def looked_at(authentication: Authentication = PROVEN, beside: dict[str, Any] | None = None, **changes: Any) -> dict[str, Signal]:
    """Signals by name of the message with these changes; `beside` is what was looked up (Seen)."""
    plain = Seen(Summary(**ANN | changes), authentication, NOW, OURS, PEOPLE)
    return {signal.name: signal for signal in find_signals(replace(plain, **beside or {}))}


def seen(authentication: Authentication = PROVEN, beside: dict[str, Any] | None = None, **changes: Any) -> dict[str, str]:
    """Name and sentence of every signal but that it is proven."""
    found = looked_at(authentication, beside, **changes)
    return {name: signal.sentence for name, signal in found.items() if name != "proven"}


def by(address: str, name: str = "") -> dict[str, Any]:
    """The fields of a summary by this author."""
    return {"author": address, "authors": (address,), "author_name": name}


def named(name: str, media_type: str = "application/octet-stream") -> tuple[Attachment, ...]:
    """Attachment of this name."""
    return (Attachment(1, name, media_type, 1, ""),)


def to(*targets: str) -> tuple[Link, ...]:
    """Links that lead there."""
    return tuple(Link("here", target) for target in targets)
