"""Doctor's checks of MTA-STS, TLS-RPT and DANE: no finding where they are absent, mismatches where they exist."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from tests.peers.receiving import make_certificate
from triage.config.settings import Settings
from triage_cli.doctor import tls_records
from triage_cli.doctor.finding import FAIL, OK, WARN

POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx.company.example\r\nmx: *.backup.example\r\nmax_age: 86400\r\n"
MX = "company.example. MX 10 mx.company.example.\ncompany.example. MX 20 a.backup.example.\n"
STS = '_mta-sts.company.example. TXT "v=STSv1; id=20261130"\nmta-sts.company.example. A 127.0.0.1\n'
RPT = '_smtp._tls.company.example. TXT "v=TLSRPTv1; rua=mailto:tls@company.example"\n'


class PolicyHost:
    """An HTTPS server that serves one text as every page."""

    def __init__(self, certificate: tuple[Path, Path]) -> None:
        self.text, self.status = POLICY, 200
        place = self

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(place.status if self.path == tls_records.POLICY_PATH else 404)
                self.end_headers()
                self.wfile.write(place.text.encode())

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)


@pytest.fixture
def policy_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyHost]:
    """mta-sts.company.example, whose certificate this machine trusts."""
    made = make_certificate(tmp_path, "mta-sts.company.example")
    host = PolicyHost((made[0], made[1]))
    monkeypatch.setenv("SSL_CERT_FILE", str(made[0]))
    monkeypatch.setattr(tls_records, "HTTPS", host.server.server_address[1])
    serving = threading.Thread(target=host.server.serve_forever)
    serving.start()
    yield host
    host.server.shutdown()
    host.server.server_close()
    serving.join()


def list_findings(settings: Settings, tmp_path: Path, zone: str) -> list[tuple[str, str]]:
    """The findings for this zone."""
    (tmp_path / "own.zone").write_text(zone or "\n")
    settings = replace(settings, dns=replace(settings.dns, zone_file=str(tmp_path / "own.zone")))
    found = list(tls_records.check_tls_records(settings))
    assert all(bool(one.do) == (one.level != OK) for one in found)
    return [(one.level, one.found) for one in found]


def test_nothing_has_to_be_published(settings: Settings, tmp_path: Path) -> None:
    found = list_findings(settings, tmp_path, MX)
    assert {level for level, _ in found} == {OK}
    assert all("optional" in words for _, words in found)


def test_a_policy_that_fits(settings: Settings, tmp_path: Path, policy_host: PolicyHost) -> None:
    found = list_findings(settings, tmp_path, MX + STS + RPT)
    assert {level for level, _ in found} == {OK}, found
    assert (OK, "MTA-STS of company.example: enforce, for mx.company.example, *.backup.example") in found


@pytest.mark.parametrize(
    ("before", "after", "level", "says"),
    [
        ("mx: mx.company.example\r\n", "", FAIL, "(mode enforce) does not name mx.company.example"),
        ("*.backup.example", "backup.example", FAIL, "does not name a.backup.example"),
        ("mode: enforce\r\nmx: mx.company.example\r\n", "mode: testing\r\n", WARN, "(mode testing) does not name"),
        ("version: STSv1", "version: 1", WARN, "cannot be used: it does not say version: STSv1"),
        ("max_age: 86400", "max_age: long", WARN, "its max_age is no number"),
        ("mode: enforce", "mode: strict", WARN, "its mode is neither"),
    ],
)
def test_a_policy_that_does_not_fit(
    before: str, after: str, level: str, says: str, settings: Settings, tmp_path: Path, policy_host: PolicyHost
) -> None:
    assert before in POLICY
    policy_host.text = POLICY.replace(before, after)
    ((found, words),) = [one for one in list_findings(settings, tmp_path, MX + STS) if one[0] != OK]
    assert (found, says in words) == (level, True), words


def test_a_policy_that_senders_cannot_read(
    settings: Settings, tmp_path: Path, policy_host: PolicyHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy_host.status = 302
    assert any("the answer is 302" in words for level, words in list_findings(settings, tmp_path, MX + STS) if level == WARN)
    monkeypatch.delenv("SSL_CERT_FILE")
    assert any("certificate verify failed" in words for level, words in list_findings(settings, tmp_path, MX + STS) if level == WARN)
    without_address = STS.partition("mta-sts.company.example. A")[0]
    assert any(
        "has no address in DNS" in words for level, words in list_findings(settings, tmp_path, MX + without_address) if level == WARN
    )


@pytest.mark.parametrize(
    ("zone", "says"),
    [
        ('_mta-sts.company.example. TXT "v=STSv1"\n', "the MTA-STS record of company.example has no id"),
        (STS + '_mta-sts.company.example. TXT "v=STSv1; id=2"\n', "has 2 MTA-STS records"),
        ('_smtp._tls.company.example. TXT "v=TLSRPTv1"\n', "the TLS-RPT record of company.example names no address"),
        (RPT + RPT.replace("tls@", "other@"), "has 2 TLS-RPT records"),
        ("_25._tcp.mx.company.example. TLSA 1 1 1 " + "00" * 32 + "\n", "has usage 2 or 3"),
    ],
)
def test_records_that_senders_ignore(zone: str, says: str, settings: Settings, tmp_path: Path) -> None:
    ((level, words),) = [one for one in list_findings(settings, tmp_path, MX + zone) if one[0] != OK]
    assert (level, says in words) == (WARN, True), words


@pytest.mark.parametrize("fields", ["3 1 1", "3 0 2", "2 0 1", "3 1 0"])
def test_a_tlsa_record_and_the_certificate(fields: str, settings: Settings, tmp_path: Path) -> None:
    chain = make_certificate(tmp_path, "mx.company.example")[0]
    settings = replace(settings, smtp=replace(settings.smtp, tls_cert=str(chain)))
    _, selector, matching = fields.split()
    digest = tls_records.digest_of(x509.load_pem_x509_certificate(chain.read_bytes()), selector, matching)
    record = f"_25._tcp.mx.company.example. TLSA {fields} "
    (good,) = [one for one in list_findings(settings, tmp_path, f"{record}{digest}\n") if "TLSA" in one[1]]
    assert good[0] == OK, good
    (bad,) = [one for one in list_findings(settings, tmp_path, f"{record}{'00' * (len(digest) // 2)}\n") if "TLSA" in one[1]]
    assert (bad[0], "senders that check DANE deliver nothing here" in bad[1]) == (FAIL, True)
