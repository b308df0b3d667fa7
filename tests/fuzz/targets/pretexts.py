"""The wording of quiet phishing: whatever stands there is judged in bounded time, and what is quoted stands in the message."""

from datetime import UTC, datetime

from triage.message.authentication import Authentication
from triage.message.signals import pretexts
from triage.message.signals.signal_context import Met, Seen
from triage.message.summary import Summary

SEEDS = (
    b"Your subscription has been renewed and $399 were charged. To cancel, call +1 (800) 555-0199.",
    b"Order confirmation: your parcel is on hold. Confirm your delivery",
    b"Your account will be terminated. Your photos will be permanently deleted",
    b"Congratulations! You have been selected to receive a gift card",
    "Ihr Abonnement wurde verlängert und abgebucht. Rufen Sie uns an: Hotline 0800 123456789".encode(),
    "Ihr Postfach ist fast voll und wird gelöscht. Ihr Gutschein wartet".encode(),
)
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def one_input(data: bytes) -> None:
    """`data` is a subject and a text."""
    subject, _, text = data.decode("utf-8", "replace").partition("\n")
    summary = Summary(author="a@sender.example", authors=("a@sender.example",), subject=subject, text=text)
    seen = Seen(summary, Authentication("a@sender.example"), NOW, met=Met())
    for signal in (*pretexts.find_call_about_charge(seen), *pretexts.find_pretexts(seen)):
        assert 0 < signal.weight <= 100
        assert signal.evidence
        assert all(one in seen.words for one in signal.evidence)
