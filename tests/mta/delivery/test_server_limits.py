"""Limits that a server announces, and the commands that we still send (RFC 9422)."""

import pytest

from mta.delivery.server_limits import NO_LIMIT, Allowance

ANNA, BOB, ANN, EVE = "anna@company.example", "bob@company.example", "ann@other.example", "eve@third.example"


@pytest.mark.parametrize(
    ("announced", "most"),
    [
        ("", (NO_LIMIT, NO_LIMIT, NO_LIMIT)),
        ("MAILMAX=10 RCPTMAX=100 RCPTDOMAINMAX=1", (10, 100, 1)),
        ("rcptmax=5  future-limit OTHER=x=y MailMax=7", (7, 5, NO_LIMIT)),
        ("MAILMAX=0 RCPTMAX=-1 RCPTDOMAINMAX=1000000", (NO_LIMIT, NO_LIMIT, NO_LIMIT)),
        ("MAILMAX RCPTMAX= RCPTDOMAINMAX=1.5", (NO_LIMIT, NO_LIMIT, NO_LIMIT)),
        ("XMAILMAX=3 RCPTMAX=3,4", (NO_LIMIT, NO_LIMIT, NO_LIMIT)),
    ],
)
def test_what_is_announced(announced: str, most: tuple[int, int, int]) -> None:
    found = Allowance(announced)
    assert (found.messages, found.recipients, found.domains) == most


@pytest.mark.parametrize(
    ("announced", "messages"),
    [
        ("", [([ANNA, ANN, BOB], [0, 1, 2])]),
        ("RCPTMAX=2", [([ANNA, ANN, BOB], [0, 1]), ([BOB], [0])]),
        ("RCPTDOMAINMAX=1", [([ANNA, ANN, BOB], [0, 2]), ([ANN], []), ([BOB], [0])]),
        ("RCPTDOMAINMAX=2 RCPTMAX=1", [([ANNA, ANN], [0]), ([ANN, EVE], [0]), ([EVE], []), ([EVE, ANNA], [1])]),
        ("MAILMAX=2", [([ANNA], [0]), ([ANNA], [0]), ([ANNA], [])]),
    ],
)
def test_what_is_left_of_it(announced: str, messages: list[tuple[list[str], list[int]]]) -> None:
    allowance = Allowance(announced)
    for mailboxes, places in messages:
        assert allowance.lasts_for(mailboxes) is bool(places)
        if places:
            assert allowance.spend(mailboxes) == places
