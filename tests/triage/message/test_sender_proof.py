"""In which ways a message is proven, and when that is new."""

import pytest
from hypothesis import given, strategies as st

from triage.message.authentication import Authentication, Dkim, Dmarc, Result, Spf
from triage.message.sender_proof import SenderProof, awaited_ways, client_network, proof_ways, spell_ways

AUTHOR, CLIENT = "sales@tyne.example", "192.0.2.1"
PASSES = Dmarc(Result.PASS, "tyne.example", "tyne.example", "reject", ("spf", "dkim"))
BOUNCES = Spf(Result.PASS, "mailfrom", "bounce.tyne.example")


def signed(domain: str, result: Result = Result.PASS) -> Dkim:
    return Dkim(result, domain)


@pytest.mark.parametrize(
    ("found", "ways"),
    [
        (Authentication(AUTHOR, (BOUNCES,), (signed("tyne.example"),), dmarc=PASSES), ("dkim:tyne.example",)),
        (
            Authentication(AUTHOR, (BOUNCES,), (signed("mail.tyne.example"),), dmarc=PASSES),
            ("dkim:mail.tyne.example",),
        ),
        (
            Authentication(AUTHOR, (BOUNCES,), (signed("provider.example"),), dmarc=PASSES),
            ("spf:tyne.example 192.0.0.0/16",),
        ),
        (
            Authentication(AUTHOR, (BOUNCES,), (signed("tyne.example", Result.FAIL),), dmarc=PASSES),
            ("spf:tyne.example 192.0.0.0/16",),
        ),
        (
            Authentication(AUTHOR, (Spf(Result.PASS, "mailfrom", "tyne.example", origin="edge.example"),), dmarc=PASSES),
            ("spf:tyne.example",),
        ),
        (
            Authentication(AUTHOR, dmarc=Dmarc(Result.PASS, "tyne.example", origin="edge.example")),
            ("dmarc:edge.example",),
        ),
        (Authentication(AUTHOR, (BOUNCES,), (signed("tyne.example"),), dmarc=Dmarc(Result.FAIL)), ()),
        (Authentication("", (BOUNCES,), (signed("tyne.example"),), dmarc=PASSES), ()),
    ],
)
def test_what_signs_a_message_counts_more_than_who_sent_it(found: Authentication, ways: tuple[str, ...]) -> None:
    assert proof_ways(found, CLIENT) == ways


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("40.107.22.9", "40.107.0.0/16"),
        ("::ffff:40.107.22.9", "40.107.0.0/16"),
        ("2a01:111:f400:7e1a::1", "2a01:111::/32"),
        ("", ""),
        ("unknown", ""),
    ],
)
def test_a_mail_system_has_many_addresses(client: str, network: str) -> None:
    assert client_network(client) == network


def test_what_dns_did_not_say_is_not_new() -> None:
    found = Authentication(AUTHOR, (BOUNCES,), (signed("tyne.example", Result.TEMPERROR),), dmarc=PASSES)
    usual = frozenset({"dkim:tyne.example"})
    assert not SenderProof("tyne.example", proof_ways(found, CLIENT), usual, awaited_ways(found)).is_new
    assert SenderProof("tyne.example", proof_ways(found, CLIENT), usual).is_new


def test_each_way_has_words() -> None:
    ways = ("dkim:a.example", "spf:b.example 192.0.0.0/16", "spf:c.example", "dmarc:edge.example", "dmarc:")
    assert spell_ways(ways) == (
        "signed by a.example (DKIM), sent for b.example by servers in 192.0.0.0/16 (SPF), sent for c.example by a permitted server (SPF) "
        "and 2 more ways"
    )
    assert spell_ways(ways[3:]) == "proven by the edge server edge.example (DMARC) and proven (DMARC)"


WAYS = st.frozensets(st.sampled_from(["dkim:a.example", "dkim:b.example", "spf:a.example 192.0.0.0/16"]))


@given(WAYS, WAYS, WAYS)
def test_one_usual_way_is_enough(ways: frozenset[str], usual: frozenset[str], awaited: frozenset[str]) -> None:
    proof = SenderProof("a.example", tuple(sorted(ways)), usual, awaited)
    assert proof.is_new == (bool(usual) and not usual & (ways | awaited))
