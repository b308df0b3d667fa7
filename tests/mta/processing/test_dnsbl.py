"""DNS blocklists: the clients to look up, and the answers that list one."""

from dataclasses import replace

import pytest

from mail_auth.dns.dns_lists import DnsList
from mta.peer.trusted_edges import Edges
from mta.processing.dnsbl import Listing, asked_about_clients, describe_rejection, public_client
from tests.mail_auth.answers import Answers
from tests.triage import arriving
from triage.config.settings import Settings
from triage.message.signals.scan_results import Opinion

CLIENT = replace(arriving.envelope(), client="198.97.190.53")
NOBODY = Answers()
LISTS = Answers({"53.190.97.198.zen.example A": "127.0.0.4"})
ZEN = (DnsList("zen.example"),)
NO, SAID = Opinion("reject", 18.25, 15.0), "Rspamd would reject it (score 18.2, its limit is 15)"


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, True),
        ({"client": "2a00:1450:4001:82b::200e"}, True),
        ({"client": "::ffff:198.97.190.53"}, True),
        ({"edge": "203.0.113.1"}, True),  # the client that an edge names
        ({"client": ""}, False),
        ({"client": "not an address"}, False),
        ({"client": "198.97.190.53", "edge": "198.97.190.53"}, False),  # the edge itself
        ({"client": "198.97.190.53", "proxy": "198.97.190.53"}, False),
        ({"client": "127.0.0.1"}, False),
        ({"client": "::1"}, False),
        ({"client": "10.1.2.3"}, False),
        ({"client": "192.168.1.1"}, False),
        ({"client": "::ffff:10.1.2.3"}, False),
        ({"client": "169.254.0.1"}, False),
        ({"client": "fe80::1"}, False),
        ({"client": "fd00::1"}, False),
        ({"client": "100.64.0.1"}, False),
        ({"client": "224.0.0.1"}, False),
        ({"client": "0.0.0.0"}, False),
    ],
)
def test_only_clients_that_others_can_know_are_asked_about(changes: dict[str, str], asked: bool) -> None:
    envelope = replace(CLIENT, **changes)  # type: ignore[arg-type]
    everything = Listing(ZEN)
    resolver = Answers()
    assert (public_client(envelope) is not None) is asked
    everything.about(envelope, None, resolver)
    assert bool(resolver.asked) is asked


def test_lists_come_first_and_then_what_rspamd_would_reject() -> None:
    assert Listing(ZEN).about(CLIENT, NO, LISTS).startswith("zen.example lists")
    assert Listing(ZEN).about(CLIENT, NO, NOBODY) == SAID
    assert Listing(ZEN).about(CLIENT, None, NOBODY) == ""
    assert Listing().about(CLIENT, None, LISTS) == ""


def test_another_edge_of_ours_is_not_asked_about() -> None:
    listing = Listing(ZEN, Edges(["198.97.190.0/24"]))
    assert listing.about(replace(CLIENT, edge="203.0.113.1"), NO, LISTS) == ""
    assert listing.about(replace(CLIENT, edge="203.0.113.1", client="198.97.191.1"), NO, LISTS) == SAID


def test_the_settings_say_who_is_asked(settings: Settings) -> None:
    assert asked_about_clients(settings).lists == ()
    assert asked_about_clients(replace(settings, policy=replace(settings.policy, dns_lists=("zen.example",)))).lists == ZEN


@pytest.mark.parametrize(
    ("opinion", "said"),
    [
        (NO, SAID),
        (Opinion("reject", None, None), "Rspamd would reject it"),
        (Opinion("no action", 1.0, 15.0), ""),
        (Opinion("add header", 8.0, 15.0), ""),
        (Opinion("greylist", 5.0, 15.0), ""),
        (Opinion("soft reject", 5.0, 15.0), ""),
        (None, ""),
    ],
)
def test_only_reject_counts(opinion: Opinion | None, said: str) -> None:
    assert describe_rejection(opinion) == said
