"""Trusted edges: who is one, and what they may say of the client."""

import pytest
from hypothesis import given, strategies as st

from mta.peer.smtp_peer import LOCAL, Visitor
from mta.peer.trusted_edges import Edges, parse_xforward, remember_forwarded
from triage.errors import BadInput


def test_who_is_an_edge() -> None:
    edges = Edges(("192.0.2.0/28", "2001:db8::25", "198.51.100.1"))
    assert [edges.has_accepted_mail(peer) for peer in ("192.0.2.15", "192.0.2.16", "2001:db8::25", "2001:db8::26", LOCAL)] == [
        True,
        False,
        True,
        False,
        False,
    ]
    assert not any(Edges().has_accepted_mail(peer) or Edges().passes_through(peer) for peer in ("127.0.0.1", "::1", LOCAL))


def test_a_proxy_is_no_edge() -> None:
    proxies = Edges(("192.0.2.1",), "proxy")
    assert (proxies.passes_through("192.0.2.1"), proxies.has_accepted_mail("192.0.2.1")) == (True, False)
    assert not Edges(("192.0.2.1",)).passes_through("192.0.2.1")


def test_who_may_speak_lmtp() -> None:
    edges = Edges(("192.0.2.1",))
    assert all(edges.may_speak_lmtp(peer) for peer in (LOCAL, "127.0.0.1", "::1", "192.0.2.1"))
    assert not edges.may_speak_lmtp("192.0.2.2")


@pytest.mark.parametrize("network", ["edge.company.example", "192.0.2.0/33", ""])
def test_what_is_no_network_is_said_to_be_none(network: str) -> None:
    with pytest.raises(BadInput, match=r"smtp\.trusted_edges: .* is no network, such as"):
        Edges((network,))


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("NAME=out.stranger.example ADDR=192.0.2.9", {"NAME": "out.stranger.example", "ADDR": "192.0.2.9"}),
        ("addr=IPV6:2001:DB8::9", {"ADDR": "2001:db8::9"}),
        ("ADDR=::ffff:192.0.2.9", {"ADDR": "192.0.2.9"}),
        ("ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL]", {"ADDR": "", "NAME": ""}),
        ("HELO=a+2Bb+3Dc", {"HELO": "a+b=c"}),
        ("PROTO=ESMTP SOURCE=local PORT=4711", {"PROTO": "ESMTP", "SOURCE": "LOCAL", "PORT": "4711"}),
        ("", None),
        ("ADDR", None),
        ("ADDR=", None),
        ("ADDR=192.0.2.300", None),
        ("ADDR=192.0.2.9 X=1", None),
        ("HELO=a+0D+0AX-Forged:", None),
        ("HELO=a+2", None),
        ("HELO=a=b", None),
        ("PORT=x", None),
        ("PROTO=a+20b", None),
        ("SOURCE=elsewhere", None),
    ],
)
def test_what_xforward_says(argument: str, expected: dict[str, str] | None) -> None:
    assert parse_xforward(argument) == expected


SAID = st.tuples(
    st.sampled_from(["NAME", "HELO", "ADDR", "PORT"]), st.sampled_from(["a", "192.0.2.9", "25", "a+2Bb", "+0D", "a+C3", "é", "\x1b", ""])
)


@given(st.lists(SAID.map("=".join), max_size=3).map(" ".join) | st.text(max_size=80))
def test_anything_is_understood_or_refused(argument: str) -> None:
    assert all(value.isprintable() and value.isascii() for value in (parse_xforward(argument) or {}).values())


def test_what_is_not_named_again_stays_until_the_client_is_forgotten() -> None:
    visitor = Visitor("192.0.2.1", is_edge=True, greeting="edge.company.example")
    remember_forwarded(visitor, {"ADDR": "198.51.100.9", "HELO": "a.example"})
    remember_forwarded(visitor, {"NAME": "b.example", "HELO": ""})
    assert (visitor.client, visitor.helo, visitor.client_name, visitor.edge) == ("198.51.100.9", "", "b.example", "192.0.2.1")
    assert str(visitor) == "client=198.51.100.9 helo= edge=192.0.2.1"
    visitor.forget_client()
    assert (visitor.client, visitor.client_name) == ("", "")
