"""From whom somebody expects mail, as they say it."""

import pytest

from triage.quarantine.requests.parse_expected_sender import parse_senders

OURS, FREE = frozenset({"company.example"}), ("gmail.com",)


@pytest.mark.parametrize(
    ("subject", "text", "found"),
    [
        ("Ann@Supplier.Example", "", ("ann@supplier.example",)),
        ("mail from ann@supplier.example and bob@other.example.", "", ("ann@supplier.example", "bob@other.example")),
        ("supplier.example", "", ("supplier.example",)),
        ("@supplier.example, please", "", ("supplier.example",)),
        ("expecting mail", "It comes from <ann@supplier.example>\n", ("ann@supplier.example",)),
        ("expecting mail", "Soon.\n-- \nJoe\nsupplier.example", ()),
        ("expecting mail", "> ann@supplier.example", ()),
        ("joe@company.example and x@mail.company.example", "", ()),
        ("somebody at gmail.com", "", ()),
        ("jane@gmail.com", "", ("jane@gmail.com",)),
        ("ann@", "the-end", ()),
        ("a@x.example b@x.example c@x.example d@x.example e@x.example f@x.example", "", tuple(f"{one}@x.example" for one in "abcde")),
    ],
)
def test_senders(subject: str, text: str, found: tuple[str, ...]) -> None:
    assert parse_senders(subject, text, ours=OURS, freemail=FREE) == found
