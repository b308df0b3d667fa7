"""Into mailboxes with tokens of a provider, at a real Dovecot: by both mechanisms, for seeding and recall, and when the server is busy."""

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from mailboxes.imap import imap_login
from mailboxes.mailbox import Busy, ShutOut
from mailboxes.oauth import access_tokens
from mailboxes.oauth.access_tokens import AccessTokens
from mailboxes.recall.mailbox_session import Visit, open_mailbox
from mailboxes.sources import seed_contacts
from mailboxes.sources.imap_source import ImapSource
from mailboxes.sources.seed_contacts import Plan, Report
from tests.mailboxes.recall.test_mailbox_session import PARSERS, job
from tests.mailboxes.sources.test_seed_contacts import BY, mail
from tests.peers import token_provider
from tests.peers.mail import dovecot
from tests.peers.token_provider import TokenProvider
from tests.triage import arriving
from triage.config.settings import Recall, Settings
from triage.store import db
from triage.times import utcnow
from triage_cli.commands.past_mail.examine_past_mail import Reading

ANNA, BOB, CARL = "anna@company.example", "bob@company.example", "carl@company.example"
EVERYBODY = (ANNA, BOB, CARL)

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TokenProvider, dovecot.Server, dovecot.Server]]:
    """The provider; a server with the mechanism of Microsoft alone, and one with that of RFC 7628 alone."""
    with (
        token_provider.running(tmp_path_factory.mktemp("provider")) as provider,
        dovecot.running(more=provider.dovecot("xoauth2")) as microsoft,
        dovecot.running(more=provider.dovecot("oauthbearer")) as google,
    ):
        for server in (microsoft, google):
            for number, mailbox in enumerate(EVERYBODY):
                with server.client(mailbox) as client:
                    client.create_folder("Sent")
                    client.append("Sent", mail(number, mailbox))
        yield provider, microsoft, google


@pytest.fixture
def provider(running: tuple[TokenProvider, dovecot.Server, dovecot.Server], monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenProvider]:
    """The provider, whom nobody has asked yet."""
    monkeypatch.setattr(imap_login, "TOKENS", AccessTokens())
    provider = running[0]
    provider.forms.clear()
    provider.claims.clear()
    provider.signing_in = [*EVERYBODY]
    yield provider
    provider.answers.clear()
    provider.revoked.clear()


@pytest.fixture(params=["microsoft", "google"])
def cloud(request: pytest.FixtureRequest, running: tuple[TokenProvider, dovecot.Server, dovecot.Server], provider: TokenProvider) -> Recall:
    """Settings for either provider."""
    if request.param == "microsoft":
        return provider.microsoft(f"imap://127.0.0.1:{running[1].imap_port}")
    return provider.google(f"imap://127.0.0.1:{running[2].imap_port}")


def tokens_for_three(settings: Recall) -> int:
    """Number of token requests for three mailboxes."""
    return 1 if settings.auth == "microsoft" else 3


def test_each_mailbox_opens(cloud: Recall, provider: TokenProvider, settings: Settings) -> None:
    for mailbox in EVERYBODY:
        opened = open_mailbox(cloud.imap, mailbox, replace(settings, recall=cloud))
        assert "Sent" in opened.folders()  # type: ignore[attr-defined]
        opened.close()
    assert len(provider.forms) == tokens_for_three(cloud)


def seed(engine: Engine, settings: Settings, recall: Recall, connections: int = 1) -> Report:
    """The sent mail of everybody, in one child unless told otherwise."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    plan = Plan(ImapSource(recall, EVERYBODY), "imap://x", connections=connections, pause=0.01)
    return seed_contacts.read_accounts(engine, plan, settings=settings, by=BY, heard=lambda report, account: None)


def test_sent_mail_is_read(cloud: Recall, provider: TokenProvider, sqlite_engine: Engine, settings: Settings) -> None:
    provider.answers.append((429, {"retry-after": "1"}, {}))  # waited out
    report = seed(sqlite_engine, settings, cloud)
    assert (report.failed, report.done, report.messages) == ({}, 3, 3)
    assert len(provider.forms) == 1 + tokens_for_three(cloud)


def test_a_provider_that_refuses_all_is_not_asked_for_every_mailbox(
    provider: TokenProvider, cloud: Recall, sqlite_engine: Engine, settings: Settings
) -> None:
    error = {"error": "unauthorized_client", "error_description": "AADSTS7000222: expired"}
    provider.answers += [(401, {}, error)] * 9
    report = seed(sqlite_engine, settings, cloud)
    assert set(report.failed) == set(EVERYBODY)
    assert all("the provider gives no token: unauthorized_client" in why for why in report.failed.values())
    assert len(provider.forms) == 1


def test_a_token_that_the_server_refuses_says_what_it_needs_there(
    cloud: Recall, provider: TokenProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens, "ANEW", 0.0)
    provider.revoked |= {f"1.{owner}" for owner in (ANNA, token_provider.ALL)}
    with pytest.raises(ShutOut, match=r"refuses our sign-in: .*; (the application needs IMAP\.AccessAsApp|IMAP may be switched off)"):
        imap_login.open_session(cloud, ANNA)
    imap_login.hang_up(imap_login.open_session(cloud, ANNA))  # with another token
    assert len(provider.forms) == 2


@contextlib.contextmanager
def throttling(refused: str, said: str) -> Iterator[int]:
    """A port where this command is refused with these words, as Exchange and Gmail do; all else goes well."""

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK [CAPABILITY IMAP4rev1 UIDPLUS SASL-IR AUTH=XOAUTH2] here\r\n")
            for line in self.rfile:
                tag, name = line.decode().split()[:2]
                answer = {"LIST": '* LIST () "/" INBOX\r\n', "CAPABILITY": "* CAPABILITY IMAP4rev1 UIDPLUS\r\n"}.get(name, "")
                self.wfile.write(f"{answer}{tag} {said if name == refused else 'OK done'}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize(
    ("said", "pause"),
    [
        ("NO Server Busy", 30),
        ("BAD Request is throttled. Suggested Backoff Time: 59995 milliseconds", 59.995),
        ("NO Server Unavailable. 15", 30),
        ("NO [ALERT] Too many simultaneous connections. (Failure)", 30),
        ("NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", 30),
    ],
)
def test_a_server_that_throttles_the_sign_in_is_left_alone(provider: TokenProvider, said: str, pause: float) -> None:
    with throttling("AUTHENTICATE", said) as port, pytest.raises(Busy) as fault:
        imap_login.open_session(provider.microsoft(f"imap://127.0.0.1:{port}"), ANNA)
    assert fault.value.pause == pytest.approx(pause)


def test_a_visit_that_is_throttled_ends_with_the_pause_that_is_asked_for(provider: TokenProvider, settings: Settings) -> None:
    with throttling("SELECT", "NO Server Busy. Suggested Backoff Time: 300000 milliseconds") as port:
        recall = provider.microsoft(f"imap://127.0.0.1:{port}")
        visit = Visit([replace(job(1), place=recall.imap)], replace(settings, recall=recall), lambda found: set(), PARSERS)
        (ending,) = visit.run().values()
    assert (ending.kind, ending.pause) == ("deferred", 300)


def test_a_simulation_waits_for_a_provider_that_is_busy(cloud: Recall, provider: TokenProvider) -> None:
    provider.answers.append((429, {"retry-after": "1"}, {}))
    reading = Reading(ImapSource(cloud, EVERYBODY), utcnow() - timedelta(days=9999))
    sent = [len(list(reading.messages(mailbox, whole=False, sent=True))) for mailbox in EVERYBODY]
    assert (sent, reading.faults) == ([1, 1, 1], [])
