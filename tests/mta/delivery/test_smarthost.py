"""A real Postfix with Dovecot's SASL as the smarthost: it lets us in, and its limits lose nothing."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mta.delivery.delivery_workers import open_hop
from mta.delivery.next_hop import NextHop
from tests.peers import processes
from tests.peers.mail import dovecot, postfix
from tests.peers.receiving import make_certificate
from triage.config.settings import Company, Settings
from triage.delivery.queue import Outcome
from triage_cli.doctor import network_checks, probes
from triage_cli.doctor.finding import FAIL, OK

pytestmark = pytest.mark.peers

DOMAIN, HOST = "provider.example", "out.provider.example"
PEOPLE = [f"person{number}@{DOMAIN}" for number in range(7)]
MAIL = b"From: Ruth <ruth@company.example>\r\nSubject: hello\r\n\r\nend\r\n"
ASKS_DOVECOT = """
auth_mechanisms = {mechanisms}
service auth {{
  unix_listener {socket} {{
    mode = 0666
  }}
}}
"""
SUBMISSION = """
mynetworks =
smtpd_client_event_limit_exceptions =
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {socket}
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_limit = 3
message_size_limit = 100000
anvil_rate_time_unit = 2s
smtpd_client_message_rate_limit = {rate}
"""


@dataclass
class Provider:
    """Postfix and Dovecot, and our settings for them."""

    server: postfix.Server
    settings: Settings
    logins: Path

    def login(self, password: str) -> None:
        """Write the password for the smarthost."""
        self.logins.write_text(f"{self.settings.relay.smarthost} ruth:{password}\n")
        self.logins.chmod(0o600)

    def way(self) -> NextHop:
        """To it, with these settings."""
        return open_hop(self.settings.relay.smarthost, self.settings)

    def sent(self, people: list[str], raw: bytes = MAIL) -> list[Outcome]:
        """Outcomes of a message to these people."""
        way = self.way()
        outcomes = way.send("ruth@company.example", people, raw)
        way.close()
        return outcomes


@contextlib.contextmanager
def running(directory: Path, settings: Settings, *, mechanisms: str = "plain login", rate: int = 0) -> Iterator[Provider]:
    """Both of them. `rate`: messages that one client may send in two seconds, 0: any number."""
    certificate, key = make_certificate(directory, HOST)
    with processes.short_directory("sasl") as place:
        socket = place / "auth"
        with dovecot.running(more=ASKS_DOVECOT.format(socket=socket, mechanisms=mechanisms)):
            main = SUBMISSION.format(certificate=certificate, key=key, socket=socket, rate=rate)
            with postfix.start_postfix(1, DOMAIN, main) as server:
                logins = directory / "logins"
                url = f"smtp://127.0.0.1:{server.port}"
                relay = replace(settings.relay, smarthost=url, logins_file=str(logins), tls_ca=str(certificate), tls_name=HOST)
                provider = Provider(server, replace(settings, relay=relay), logins)
                provider.login(dovecot.PASSWORD)
                yield provider


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """Smarthost shared by tests that leave it unchanged."""
    company = Company(domains=("company.example",), hostname="mx.company.example")
    with running(tmp_path_factory.mktemp("provider"), Settings(company)) as found:
        yield found


@pytest.fixture
def provider(shared: Provider, settings: Settings) -> Provider:
    """With this test's settings."""
    relay = replace(shared.settings.relay, next_hop=settings.relay.next_hop)
    shared.login(dovecot.PASSWORD)
    return Provider(shared.server, replace(settings, relay=relay), shared.logins)


def test_it_takes_mail_from_us_and_from_nobody_else(provider: Provider) -> None:
    (outcome,) = provider.sent(PEOPLE[:1])
    assert (outcome.kind, "queued as" in outcome.reply) == ("delivered", True)
    processes.until(lambda: "sasl_method=PLAIN, sasl_username=ruth" in provider.server.log(), "Postfix's log says how it signed in")
    provider.logins.write_text("")
    (outcome,) = provider.sent(PEOPLE[:1])
    assert (outcome.kind, outcome.reply[:9]) == ("bounced", "554 5.7.1")


@pytest.mark.parametrize("mechanism", ["login", "plain"])
def test_with_the_one_mechanism_that_it_has(mechanism: str, settings: Settings, tmp_path: Path) -> None:
    with running(tmp_path, settings, mechanisms=mechanism) as provider:
        assert [outcome.kind for outcome in provider.sent(PEOPLE[:1])] == ["delivered"]
        signed_in = f"sasl_method={mechanism.upper()}, sasl_username=ruth"
        processes.until(lambda: signed_in in provider.server.log(), "Postfix's log says how it signed in")  # a little after the answer


def test_a_wrong_password_is_no_matter_of_the_mail(provider: Provider) -> None:
    provider.login("wrong")
    (outcome,) = provider.sent(PEOPLE[:1])
    assert (outcome.kind, outcome.unreachable, outcome.shut_out) == ("deferred", True, True)
    assert outcome.reply.startswith("it refuses our sign-in: 535 5.7.8 Error: authentication failed")


def test_too_many_recipients_go_in_further_transactions(provider: Provider) -> None:
    outcomes = provider.sent(PEOPLE)
    assert [outcome.kind for outcome in outcomes] == ["delivered"] * 7
    assert len({outcome.reply for outcome in outcomes}) == 3  # three, three and one


def test_what_is_larger_than_it_says_bounces(provider: Provider) -> None:
    (outcome,) = provider.sent(PEOPLE[:1], MAIL + b"x" * 998 * 101)
    assert (outcome.kind, outcome.reply[:59]) == ("bounced", "the next hop takes messages of at most 100,000 bytes (SIZE)")


def test_its_limit_of_speed_is_known_as_one(settings: Settings, tmp_path: Path) -> None:
    with running(tmp_path, settings, rate=3) as provider:
        way = provider.way()
        outcomes = [way.send("ruth@company.example", PEOPLE[:1], MAIL)[0] for _ in range(4)]
        way.close()
    assert [(outcome.kind, outcome.too_fast) for outcome in outcomes] == [("delivered", False)] * 3 + [("deferred", True)]
    assert outcomes[3].reply.startswith("450 4.7.1 Error: too much mail from")


def test_the_doctor_signs_in(provider: Provider) -> None:
    found = [*network_checks.next_hop(provider.settings), *probes.takes_us_out(provider.settings)]
    assert any(
        one.level == OK and f"{provider.settings.relay.smarthost} answers, encrypted, and accepts our sign-in as ruth: " in one.found
        for one in found
    )
    assert FAIL not in {one.level for one in found}
    provider.login("wrong")
    (failed,) = (one for one in network_checks.next_hop(provider.settings) if one.level == FAIL)
    assert "it refuses our sign-in: 535 5.7.8" in failed.found
    assert failed.do.startswith("correct relay.logins_file")
