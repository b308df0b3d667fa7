"""Severity of a message by its weight and its findings."""

import pytest

from triage.message.signals.severity import DANGERS, Severity, rate_severity


@pytest.mark.parametrize(
    ("weight", "findings", "word"),
    [
        (0, (), "none"),
        (14, ("first-contact",), "none"),
        (15, ("first-contact", "links-elsewhere"), "unclear"),
        (39, (), "unclear"),
        (40, (), "suspicious"),
        (74, (), "suspicious"),
        (75, (), "dangerous"),
        (100, (), "dangerous"),
        (0, ("virus",), "dangerous"),
        (35, ("attachment-macros", "first-contact"), "dangerous"),
        (30, ("attachment-encrypted",), "unclear"),
    ],
)
def test_severity(weight: int, findings: tuple[str, ...], word: str) -> None:
    assert rate_severity(weight, findings).word == word


def test_every_danger_is_dangerous_whatever_else_is_so() -> None:
    assert {rate_severity(weight, {danger}) for danger in DANGERS for weight in (0, 39, 74)} == {Severity.DANGEROUS}
