"""TLS policies against servers with good, unknown and no certificates: by STARTTLS and from the first byte."""

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mta.delivery.next_hop import open_nexthop
from mta.delivery.starttls import Encryption
from tests.peers.mail.next_hop import Peer, next_hop
from tests.peers.processes import HANG
from triage.delivery.queue import Outcome
from triage.errors import BadInput

SENDER, ANNA = "ruth@stranger.example", "anna@company.example"
MAIL = b"From: Ruth <ruth@stranger.example>\r\nSubject: hello\r\n\r\nend\r\n"
NAME = "next-hop.test"


@dataclass(frozen=True)
class Identity:
    """A server's TLS context, and the file that vouches for it."""

    context: ssl.SSLContext
    authorities: str


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """A server whose certificate bears NAME and is signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), today, today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    directory = tmp_path_factory.mktemp("tls")
    both, authorities = directory / "both.pem", directory / "authorities.pem"
    both.write_bytes(certificate + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    authorities.write_bytes(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return Identity(context, str(authorities))


@pytest.fixture(scope="module")
def nobody() -> ssl.SSLContext:
    """A server that has no certificate: no handshake succeeds."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def delivered(peer: Peer, encryption: Encryption, times: int = 1) -> list[Outcome]:
    """Outcomes of several messages, one after the other."""
    way = open_nexthop(peer.url, timeout=HANG, hostname="mx.company.example", encryption=encryption)
    outcomes = [outcome for _ in range(times) for outcome in way.send(SENDER, [ANNA], MAIL)]
    way.close()
    return outcomes


@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize(("policy", "encrypted"), [("none", False), ("opportunistic", True), ("required", True), ("verify", True)])
def test_starttls_with_a_server_that_is_vouched_for(identity: Identity, policy: str, encrypted: bool, lmtp: bool) -> None:
    with next_hop(lmtp=lmtp, tls=identity.context) as peer:
        outcomes = delivered(peer, Encryption(policy, identity.authorities, NAME), times=2)
    assert [outcome.kind for outcome in outcomes] == ["delivered", "delivered"]
    assert [taken.encrypted for taken in peer.taken] == [encrypted, encrypted]
    assert peer.connections == 1


@pytest.mark.parametrize(
    ("policy", "kind", "says"),
    [
        ("none", "delivered", ""),
        ("opportunistic", "delivered", ""),
        ("required", "deferred", "it offers no STARTTLS, and messages go there over TLS only"),
        ("verify", "deferred", "it offers no STARTTLS, and messages go there over verified TLS only"),
    ],
)
def test_a_server_without_tls(policy: str, kind: str, says: str) -> None:
    with next_hop() as peer:
        (outcome,) = delivered(peer, Encryption(policy))
    assert (outcome.kind, outcome.unreachable) == (kind, kind == "deferred")
    assert says in outcome.reply


@pytest.mark.parametrize(("policy", "how"), [("required", "TLS"), ("verify", "verified TLS")])
def test_a_server_that_refuses_starttls_just_now(identity: Identity, policy: str, how: str) -> None:
    with next_hop(tls=identity.context) as peer:
        peer.answer("STARTTLS", "454 4.7.0 TLS not available")
        (outcome,) = delivered(peer, Encryption(policy, identity.authorities, NAME))
    assert (outcome.kind, outcome.reply) == (
        "deferred",
        f"it refuses STARTTLS: 454 4.7.0 TLS not available, and messages go there over {how} only",
    )
    assert peer.taken == []


@pytest.mark.parametrize(("policy", "kind"), [("opportunistic", "delivered"), ("required", "deferred"), ("verify", "deferred")])
def test_a_handshake_that_fails(nobody: ssl.SSLContext, policy: str, kind: str) -> None:
    with next_hop(tls=nobody) as peer:
        (outcome,) = delivered(peer, Encryption(policy))
    assert outcome.kind == kind
    assert [taken.encrypted for taken in peer.taken] == ([False] if kind == "delivered" else [])
    assert outcome.reply.startswith("TLS failed: ") == (kind == "deferred")


@pytest.mark.parametrize(
    ("authorities", "name", "says"),
    [(False, NAME, "self-signed certificate"), (True, "", "IP address mismatch"), (True, "other.test", "Hostname mismatch")],
)
def test_verify_sends_nothing_to_whom_nobody_vouches_for(identity: Identity, authorities: bool, name: str, says: str) -> None:
    with next_hop(tls=identity.context) as peer:
        (outcome,) = delivered(peer, Encryption("verify", identity.authorities if authorities else "", name))
    assert (outcome.kind, outcome.unreachable) == ("deferred", True)
    assert says in outcome.reply
    assert peer.taken == []


@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize("policy", ["none", "verify"])
def test_tls_from_the_first_byte(identity: Identity, policy: str, lmtp: bool) -> None:
    with next_hop(lmtp=lmtp, implicit_tls=identity.context) as peer:
        (outcome,) = delivered(peer, Encryption(policy, identity.authorities, NAME))
    assert peer.url.startswith("lmtps://" if lmtp else "smtps://")
    assert outcome.kind == "delivered"
    assert [taken.encrypted for taken in peer.taken] == [True]


def test_tls_from_the_first_byte_never_goes_in_the_clear() -> None:
    with next_hop() as peer:
        peer.url = peer.url.replace("smtp:", "smtps:")
        (outcome,) = delivered(peer, Encryption("opportunistic"))
    assert (outcome.kind, outcome.unreachable) == ("deferred", True)
    assert outcome.reply.startswith("TLS failed: ")
    assert peer.taken == []


def test_a_file_of_authorities_that_is_of_no_use_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(BadInput, match=rf"relay.tls_ca: .*{name}"):
            open_nexthop("smtp://127.0.0.1:25", timeout=1, hostname="mx", encryption=Encryption("verify", str(tmp_path / name)))
