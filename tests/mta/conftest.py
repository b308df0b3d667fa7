"""A next hop of each kind, and the way to it."""

from collections.abc import Iterator

import pytest

from mta.delivery.next_hop import NextHop, open_nexthop
from tests.peers.mail.next_hop import Peer, next_hop
from tests.peers.processes import HANG


@pytest.fixture(params=["smtp", "lmtp", "smtp pipelined", "lmtp pipelined"])
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """Next hop that accepts everything."""
    kind, _, pipelined = request.param.partition(" ")
    with next_hop(lmtp=kind == "lmtp", offers=("PIPELINING",) if pipelined else ()) as running:
        yield running


@pytest.fixture
def way(peer: Peer) -> Iterator[NextHop]:
    """A connection that is not yet opened."""
    opened = open_nexthop(peer.url, timeout=HANG, hostname="mx.company.example")
    yield opened
    opened.close()
