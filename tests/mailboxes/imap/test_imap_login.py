"""Into a mailbox of a Dovecot that wants TLS and knows tokens: every kind of credentials, and what is said when there is no way in."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from imapclient import IMAPClient  # type: ignore[import-untyped]

from mailboxes.imap import imap_login
from mailboxes.mailbox import Impossible, Unreachable
from mailboxes.recall.imap_mailbox import WHAT_LIES, ImapMailbox
from mailboxes.recall.mailbox_session import NO_CREDENTIALS, open_mailbox
from tests.mailboxes.delivering import letter
from tests.peers import processes
from tests.peers.mail import dovecot
from tests.peers.receiving import make_certificate
from triage.config.settings import Recall, Settings
from triage.errors import BadInput

ANNA = "anna@company.example"
TOKEN = "anna.s.token"
WANTS_TLS = """
ssl = yes
{files}
auth_mechanisms = plain login oauthbearer xoauth2
oauth2 {{
  introspection_mode = auth
  introspection_url = http://127.0.0.1:{tokens}/
  username_attribute = sub
}}
passdb oauth2 {{
  mechanisms_filter = oauthbearer xoauth2
}}
imap_capability = IMAP4rev1 LITERAL+
service imap-login {{
  inet_listener imaps {{
    port = {port}
  }}
}}
"""
CERTIFICATE = "ssl_server_cert_file = {0}\nssl_server_key_file = {1}"


class Tokens(BaseHTTPRequestHandler):
    """Says whose a token is."""

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        body = json.dumps({"sub": ANNA} if known else {"error": "unknown"}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def way_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dovecot.Server, Recall]]:
    """The server, and settings that lead into it: IMAPS with the master user."""
    directory, port = tmp_path_factory.mktemp("strict"), processes.free_port()
    files = make_certificate(directory, "localhost")
    (directory / "master").write_text(dovecot.MASTER_PASSWORD + "\n")
    with ThreadingHTTPServer(("127.0.0.1", 0), Tokens) as tokens:
        threading.Thread(target=tokens.serve_forever, daemon=True).start()
        more = WANTS_TLS.format(files=CERTIFICATE.format(*files), tokens=tokens.server_port, port=port)
        with dovecot.running(more=more) as server:
            yield (
                server,
                Recall(
                    imap=f"imaps://localhost:{port}",
                    ca_file=str(files[0]),
                    master_user=dovecot.MASTER,
                    password_file=str(directory / "master"),
                    timeout=10,
                ),
            )
        tokens.shutdown()


def enters(settings: Recall) -> bool:
    """Whether it is Anna's mailbox that we are in."""
    client: IMAPClient = imap_login.open_session(settings, ANNA)
    client.select_folder("INBOX", readonly=True)
    client.logout()
    return True


@pytest.mark.peers
def test_the_master_user_enters_over_tls(way_in: tuple[dovecot.Server, Recall]) -> None:
    _, settings = way_in
    assert enters(settings)
    assert enters(replace(settings, separator=""))  # SASL PLAIN with an authorization identity


@pytest.mark.peers
def test_starttls_is_asked_for_and_verified(way_in: tuple[dovecot.Server, Recall], monkeypatch: pytest.MonkeyPatch) -> None:
    server, settings = way_in
    monkeypatch.setattr(imap_login, "is_loopback", lambda host: False)  # as if it were another machine
    over_starttls = replace(settings, imap=f"imap://localhost:{server.imap_port}")
    assert enters(over_starttls)
    with pytest.raises(Unreachable, match=r"cannot be reached: .*CERTIFICATE_VERIFY_FAILED"):
        enters(replace(over_starttls, ca_file=""))
    with pytest.raises(Unreachable, match=r"cannot be reached: .*CERTIFICATE_VERIFY_FAILED"):
        enters(replace(over_starttls, imap=f"imap://127.0.0.1:{server.imap_port}"))  # the certificate is for localhost


@pytest.mark.peers
def test_a_certificate_that_nobody_vouches_for_lets_nobody_in(way_in: tuple[dovecot.Server, Recall]) -> None:
    with pytest.raises(Unreachable, match=r"cannot be reached: .*CERTIFICATE_VERIFY_FAILED"):
        enters(replace(way_in[1], ca_file=""))


@pytest.mark.peers
def test_each_account_with_its_own_password(way_in: tuple[dovecot.Server, Recall], tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text(f"bob@company.example:other\n{ANNA}:{dovecot.PASSWORD}\n")
    settings = replace(way_in[1], auth="per-account", password_file=str(passwords))
    assert enters(settings)
    passwords.write_text(f"{ANNA}:wrong\n")
    with pytest.raises(Unreachable, match=r"refuses our sign-in: .*AUTHENTICATIONFAILED"):
        enters(settings)
    passwords.write_text("")
    with pytest.raises(Unreachable, match=r"has no line for anna@company.example"):
        enters(settings)


@pytest.mark.peers
def test_with_a_token(way_in: tuple[dovecot.Server, Recall], tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    settings = replace(way_in[1], auth="xoauth2", token_file=str(token))
    assert enters(settings)
    assert enters(replace(settings, token_file="", token_command=f"sh -c 'test {{user}} = {ANNA} && echo {TOKEN}'"))
    token.write_text("stolen")
    with pytest.raises(Unreachable, match="refuses our sign-in"):
        enters(settings)
    with pytest.raises(Unreachable, match="token_command gave no token"):
        enters(replace(settings, token_file="", token_command="false"))


@pytest.mark.peers
@pytest.mark.parametrize("auth", ["xoauth2", "per-account"])
def test_why_a_copy_was_not_taken_names_no_setting_and_no_file(
    way_in: tuple[dovecot.Server, Recall], tmp_path: Path, caplog: pytest.LogCaptureFixture, settings: Settings, auth: str
) -> None:
    recall = replace(way_in[1], auth=auth, token_file=str(tmp_path / "none"), password_file=str(tmp_path / "none"))
    with pytest.raises(Unreachable) as fault:
        open_mailbox(recall.imap, ANNA, replace(settings, recall=recall))
    assert str(fault.value) == NO_CREDENTIALS
    assert f"{tmp_path / 'none'} cannot be read: No such file" in caplog.text  # for operators


@pytest.mark.peers
def test_a_server_without_uidplus_is_refused_by_name_and_loses_nothing(way_in: tuple[dovecot.Server, Recall]) -> None:
    mailbox = ImapMailbox(way_in[1], ANNA)
    assert not mailbox.client.has_capability("UIDPLUS")
    mailbox.client.append("INBOX", letter(1))
    mailbox.client.select_folder("INBOX", readonly=True)
    (uid,) = mailbox.client.search()
    copy = mailbox.copy("INBOX", uid, mailbox.client.fetch([uid], WHAT_LIES)[uid])
    assert copy
    with pytest.raises(Impossible, match="has no UIDPLUS"):
        mailbox.take([copy])
    assert mailbox.client.search() == [uid]
    mailbox.close()


def test_a_server_that_is_not_there_is_named() -> None:
    port = processes.free_port()
    with pytest.raises(Unreachable, match=f"the IMAP server imap://127.0.0.1:{port} cannot be reached: .*refused"):
        imap_login.open_session(Recall(imap=f"imap://127.0.0.1:{port}"), ANNA)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (Recall(imap="pop3://x"), r"recall\.imap must be imaps://HOST"),
        (Recall(imap="imaps://"), r"recall\.imap must be imaps://HOST"),
        (Recall(imap="imaps://x:99999"), r"recall\.imap must be imaps://HOST"),
        (Recall(imap="imaps://x"), r"recall\.master_user is missing"),
        (Recall(imap="imaps://x", master_user="m"), r"recall\.password_file is missing"),
        (Recall(imap="imaps://x", auth="per-account"), r"recall\.password_file is missing"),
        (Recall(imap="imaps://x", auth="xoauth2"), r"recall\.token_file or recall\.token_command is missing"),
    ],
)
def test_settings_that_let_nobody_in(settings: Recall, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        imap_login.check_login_settings(settings)


def test_the_login_name_of_a_mailbox() -> None:
    assert imap_login.login_of(Recall(), ANNA) == ANNA
    assert imap_login.login_of(Recall(login="local-part"), ANNA) == "anna"
