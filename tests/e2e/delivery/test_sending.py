"""The next hop is away: staff see it, decide about what waits, and what is left arrives when it is back."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import House, sign_in
from tests.peers import company, outside, processes
from tests.peers.browsers import browser as browser_peer
from tests.peers.mail.next_hop import Peer, next_hop
from tests.peers.outside import OutsideMessage

pytestmark = [pytest.mark.peers, pytest.mark.long]


@pytest.fixture
def port() -> int:
    """Free port for the next hop."""
    return processes.free_port()


@pytest.fixture
def alone(tmp_path: Path, port: int) -> Iterator[House]:
    """A company whose next hop is away."""
    with company.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", f"lmtp://127.0.0.1:{port}") as made:
        yield House(made, None)


def test_what_waits_for_a_next_hop_is_seen_and_decided(alone: House, page: Page, port: int) -> None:
    letters = [OutsideMessage(f"ana@{outside.STRANGER.name}", f"russell.coker@{company.DOMAIN}", f"Offer {number}") for number in range(3)]
    for letter in letters:
        alone.company.take(letter)
    with alone.company.signed_in() as desk:
        held = desk.wait_for(3, state="held")
        desk.decide("release", {"ids": [one["id"] for one in held]})
    sign_in(page, alone)
    page.get_by_role("link", name="Outgoing").click()
    expect(page.get_by_text("Server not reachable.")).to_be_visible()
    expect(page.get_by_text("3 messages waiting")).to_be_visible()
    expect(page.get_by_text("it cannot be reached: Connection refused").first).to_be_visible()
    page.get_by_role("button", name="Hold: Offer 0").click()
    expect(page.get_by_text("2 messages waiting")).to_be_visible()
    page.get_by_role("button", name="Give up: Offer 1").click()
    expect(page.get_by_text("1 message waiting, 1 rejected")).to_be_visible()
    with contextlib.ExitStack() as stack:
        peers: list[Peer] = []

        def is_back(route: Route) -> None:
            """From this moment on, and no earlier: as long as it waits there is a button."""
            peers.append(stack.enter_context(next_hop(lmtp=True, port=port)))
            route.continue_()

        browser_peer.intercept(page, "**/api/v1/outgoing/retry", is_back, times=1)
        with page.expect_response("**/api/v1/outgoing/retry"):
            page.get_by_role("button", name="Retry all now").click()
        processes.until(lambda: peers and len(peers[0].taken) == 1, "the one that still waits arrives", log=alone.company.log)
        (peer,) = peers
        page.get_by_role("button", name="Retry now: Offer 1").click()
        expect(page.get_by_text("No messages waiting for delivery.")).to_be_visible()
        assert sorted(line for taken in peer.taken for line in taken.raw.split(b"\r\n") if line.startswith(b"Subject:")) == [
            b"Subject: Offer 1",
            b"Subject: Offer 2",
        ]
