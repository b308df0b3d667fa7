"""Claimed authors of unclear From fields: bounded and harmless, and a clear author comes first."""

from tests.triage.message.test_claimed_author import CLAIMED, LONGEST_CLAIM
from triage.message.authors import MANY, author_of
from triage.message.claimed_author import authors_of
from triage.text.sanitize import escape_visible

SEEDS = (
    *(field.encode() for field, _ in CLAIMED),
    b"Ann <ann@sender.example>\nBea <bea@sender.example>",
    b"Bank <\x1b[2J@\xe2\x80\xae>",
    b"An <" + bytes(80) + b"n@se\xff\xfdnder.example>",
)


def one_input(data: bytes) -> None:
    """`data` is the From fields of a message, a line each."""
    fields = data.split(b"\n")
    found, author = authors_of(fields), author_of(fields).address
    assert len(found) <= MANY
    assert len(set(found)) == len(found)
    assert all("@" in one and len(one) <= LONGEST_CLAIM and escape_visible(one) == one for one in found)
    assert not author or found[0] == author
