"""Severity: how bad a message looks, in four steps. The only place where a weight becomes a word."""

from collections.abc import Collection, Iterable
from enum import IntEnum

UNCLEAR_FROM, SUSPICIOUS_FROM, DANGEROUS_FROM = 15, 40, 75  # weights of the signals added up, 0 to 100
DANGERS = frozenset(
    {"virus", "own-domain-forged", "attachment-runs", "attachment-disguised", "attachment-macros"}
)  # findings that are a danger whatever the rest of the message looks like

UNCHECKED = frozenset({"content-unchecked"})  # of which nobody can say "no warnings"


class Severity(IntEnum):
    """Severity of a message. The number is what the database keeps, so that the worst of several is the greatest."""

    NONE = 0
    UNCLEAR = 1
    SUSPICIOUS = 2
    DANGEROUS = 3

    @property
    def word(self) -> str:
        """The word that the API, the shell and searches use."""
        return self.name.lower()


def of_row(kept: int | None, weight: int, findings: Iterable[str]) -> Severity:
    """The severity of a delivery as it is kept; of one from before that was kept, by its weight and its findings."""
    return Severity(kept) if kept is not None else rate_severity(weight, set(findings))


def rate_severity(weight: int, findings: Collection[str]) -> Severity:
    """The severity of a message by the weight of its signals (0 to 100) and by their names."""
    if weight >= DANGEROUS_FROM or not DANGERS.isdisjoint(findings):
        return Severity.DANGEROUS
    if weight >= SUSPICIOUS_FROM:
        return Severity.SUSPICIOUS
    return Severity.UNCLEAR if weight >= UNCLEAR_FROM or not UNCHECKED.isdisjoint(findings) else Severity.NONE
