"""Mail store behind what enters mailboxes."""

from collections.abc import Iterator

import pytest

from tests.peers.mail import dovecot


@pytest.fixture(scope="module")
def server() -> Iterator[dovecot.Server]:
    """A Dovecot for the tests of a file."""
    with dovecot.running() as running:
        yield running
