"""Doctor's checks of next hops with sign-in: the file, TLS, and the server's answer."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.peers.mail.next_hop import Peer, next_hop
from tests.peers.receiving import make_certificate
from triage.config.settings import Settings
from triage_cli.doctor import network_checks
from triage_cli.doctor.finding import FAIL, OK, WARN

HOST, PASSWORD = "out.provider.example", "not to be shown"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"), HOST)


@pytest.fixture
def peer(files: tuple[Path, Path]) -> Iterator[Peer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    with next_hop(tls=context, accounts={"us": PASSWORD}) as running:
        yield running


@pytest.fixture
def ours(peer: Peer, settings: Settings, files: tuple[Path, Path], tmp_path: Path) -> Settings:
    """Settings that sign in there."""
    file = tmp_path / "logins"
    file.write_text(f"{peer.url} us:{PASSWORD}\n")
    file.chmod(0o600)
    return replace(settings, relay=replace(settings.relay, next_hop=peer.url, logins_file=str(file), tls_ca=str(files[0]), tls_name=HOST))


def check_network(settings: Settings) -> dict[str, tuple[str, str]]:
    """Findings that are not well, by their subject, with level and advice; none shows a password."""
    found = [*network_checks.next_hop(settings)]
    assert not any(PASSWORD in one.found + one.do for one in found)
    return {one.found: (one.level, one.do) for one in found if "it does not offer" not in one.found and "(SIZE)" not in one.found}


def test_it_signs_in(ours: Settings, peer: Peer) -> None:
    ((words, (level, _)),) = check_network(ours).items()
    assert level == OK
    assert words.startswith(f"{peer.url} answers, encrypted, and accepts our sign-in as us: ")
    assert peer.commands == ["STARTTLS", "AUTH PLAIN"]


@pytest.mark.parametrize(
    ("reply", "says", "do"),
    [
        ("535 5.7.8 no", "it refuses our sign-in: 535 5.7.8 no", "correct relay.logins_file"),
        ("454 4.7.0 later", "we cannot sign in there for now: 454 4.7.0 later", "start that server"),
    ],
)
def test_it_says_what_was_answered(ours: Settings, peer: Peer, reply: str, says: str, do: str) -> None:
    peer.answer("AUTH", reply)
    ((words, (level, what)),) = check_network(ours).items()
    assert (level, words, what.startswith(do)) == (FAIL, f"{peer.url}: {says}", True)


def test_a_certificate_that_nobody_vouches_for(ours: Settings, peer: Peer) -> None:
    ((words, (level, do)),) = check_network(replace(ours, relay=replace(ours.relay, tls_ca=""))).items()
    assert (level, words) == (FAIL, f"{peer.url}: TLS failed: self-signed certificate")
    assert do.startswith("its certificate has to name the host of its URL")


def test_a_file_for_all_to_read_with_a_line_for_nobody(ours: Settings, peer: Peer) -> None:
    file = Path(ours.relay.logins_file)
    file.write_text(f"{peer.url} us:{PASSWORD}\nsmtp://elsewhere.example:587 us:{PASSWORD}\n")
    file.chmod(0o644)
    found = check_network(ours)
    assert found[f"{file} has a line for smtp://elsewhere.example:587, which is no next hop"][0] == WARN
    assert found[f"{file} holds passwords and others may read or write it"] == (WARN, f"chmod 640 {file}")


def test_a_file_that_is_none(ours: Settings) -> None:
    Path(ours.relay.logins_file).write_text(PASSWORD)
    ((words, (level, do)),) = check_network(ours).items()
    assert (level, "line 1 is none" in words) == (FAIL, True)
    assert do == "change relay.next_hop, relay.routes, relay.smarthost or relay.logins_file"
