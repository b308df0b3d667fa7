"""The languages of Mailroom, and which one a request asks for."""

import pytest

from triage.text.i18n import choose_accepted


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr, de;q=0.5, en;q=0.7", "en"),
        ("fr", "en"),
        ("de;q=0", "en"),
        ("*", "en"),
        ("de;q=often", "en"),
    ],
)
def test_the_language_asked_for(accepted: str, language: str) -> None:
    assert choose_accepted(accepted) == language
