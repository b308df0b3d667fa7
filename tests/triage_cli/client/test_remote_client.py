"""A server elsewhere: how it is named, who may ask it, and what is said when it is away, no Mailroom, another one, or a stranger."""

import ipaddress
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.triage_cli.conftest import Said
from triage_cli import main
from triage_cli.client import remote_client
from triage_cli.main import mailroom

Reply = tuple[int, dict[str, str], str]
JSON = {"Content-Type": "application/json", "Mailroom-Version": remote_client.OURS}
NOTHING: Reply = (200, JSON, '{"items": [], "next_cursor": null, "total_estimate": 0}')
NUMBERS = {"count": 1, "done": 1, "refused": 0, "out_of_reach": 0}
DECIDED: dict[str, Any] = NUMBERS | {"id": "0000000000001", "sentence": "Released.", "undoes": None, "items": []}


class Asked:
    """Requests to a server, and its answers in turn; the last one repeats. None: it hangs up."""

    def __init__(self, *replies: Reply | None) -> None:
        self.replies = list(replies)
        self.requests: list[tuple[str, str, dict[str, str]]] = []

    def next(self) -> Reply | None:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def serving(asked: Asked, tls: SSLContext | None = None) -> Iterator[str]:
    """A server that says what it is told to."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.requests.append((self.command, self.path, dict(self.headers.items())))
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            reply = asked.next()
            if reply is None:
                self.close_connection = True
                return
            status, headers, body = reply
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body.encode()))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = answer

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


Run = Callable[..., Said]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`run("deliveries", server=url)` with a token, from a directory without settings. Nobody waits between two tries."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(remote_client, "AGAIN", remote_client.AGAIN.new(backoff_factor=0, backoff_jitter=0, retry_after_max=0))
    remote_client.compare_versions.cache_clear()
    (tmp_path / "none.toml").write_text("")
    (tmp_path / "token").write_text("mailroom_secret\n")

    def run_shell(*words: str, server: str = "") -> Said:
        options = ["--server", server, "--token-file", str(tmp_path / "token")] if server else []
        capsys.readouterr()
        code = main.run_command(lambda: mailroom(["--config", str(tmp_path / "none.toml"), *options, *words], standalone_mode=False))
        return Said(code, *capsys.readouterr())

    return run_shell


def problem(status: int, detail: str, **headers: str) -> Reply:
    return status, JSON | headers, json.dumps({"type": "about:blank", "title": "x", "status": status, "detail": detail})


@pytest.mark.parametrize(
    ("reply", "code", "says"),
    [
        (problem(401, "This token is unknown, expired or revoked."), 1, "expired or revoked. Give a valid one with --token-file"),
        (problem(403, "this needs a token with the scope decide; yours has read"), 1, "yours has read. What a token may do"),
        (problem(404, "there is no delivery X"), 1, "mailroom: there is no delivery X"),
        (problem(404, "There is nothing at this address."), 1, "knows no such request: is it Mailroom, and of this version"),
        (problem(409, "Released by Ana Roth 4 seconds ago."), 1, "Released by Ana Roth"),
        (problem(422, "q: too long"), 2, "q: too long"),
        (problem(429, "This token sends too many requests", **{"Retry-After": "900"}), 75, "sends too many requests"),
        (problem(503, "the directory server did not answer: try again later"), 75, "try again later"),
        ((502, {}, "<html>Bad Gateway</html>"), 75, "answers 502 as Mailroom never does"),
        ((200, {}, "<html>Welcome</html>"), 1, "as Mailroom never does"),
        ((302, {"Location": "https://elsewhere.example/"}, ""), 1, "answers 302 as Mailroom never does"),
    ],
)
def test_refusals(run: Run, reply: Reply, code: int, says: str) -> None:
    with serving(Asked(reply)) as url:
        said = run("deliveries", server=url)
    assert (said.code, says in said.err, said.out) == (code, True, ""), said


def test_a_server_that_is_away_is_asked_again_later(run: Run) -> None:
    with serving(Asked(NOTHING)) as url:
        pass
    said = run("deliveries", server=url)
    assert (said.code, f"{url} does not answer (" in said.err, "try again later" in said.err) == (75, True, True), said


@pytest.mark.parametrize("trouble", [None, problem(503, "wait", **{"Retry-After": "0"}), problem(429, "too fast", **{"Retry-After": "0"})])
def test_what_failed_on_the_way_is_asked_again_under_the_same_key(run: Run, trouble: Reply | None) -> None:
    asked = Asked(trouble, (201, JSON, json.dumps(DECIDED)))
    with serving(asked) as url:
        said = run("release", "0000000000007", server=url)
    assert (said.code, said.err) == (0, "")
    keys = [headers["Idempotency-Key"] for _, _, headers in asked.requests]
    assert (len(keys), len(set(keys)), len(keys[0])) == (2, 1, 32)
    assert {headers["Authorization"] for _, _, headers in asked.requests} == {"Bearer mailroom_secret"}


def test_a_second_removal_would_find_nothing_so_it_is_not_asked_again(run: Run) -> None:
    asked = Asked((200, JSON, "{}"), None)
    with serving(asked) as url:
        said = run("rules", "remove", "0000000000007", server=url)
    assert (said.code, "it may have done the command: check before you repeat it" in said.err) == (75, True), said
    assert [method for method, _, _ in asked.requests] == ["GET", "DELETE"]


@pytest.mark.parametrize(("theirs", "warned"), [(remote_client.OURS, False), ("99.1.0", True)])
def test_another_version_is_told(run: Run, theirs: str, warned: bool) -> None:
    with serving(Asked((200, JSON | {"Mailroom-Version": theirs}, NOTHING[2]))) as url:
        said = run("deliveries", server=url)
    assert (said.code, f"runs Mailroom {theirs}, this command is {remote_client.OURS}" in said.err) == (0, warned)


def test_a_server_proves_who_it_is(run: Run, tmp_path: Path) -> None:
    authority = certificate(tmp_path)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, tmp_path / "key.pem")
    with serving(Asked(NOTHING), context) as url:
        said = run("deliveries", server=url)
        assert (said.code, "cannot prove who it is" in said.err, "--ca-file" in said.err) == (1, True, True), said
        assert run("deliveries", "--ca-file", str(authority), server=url) == Said(0, "", "")


def certificate(directory: Path) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself, with its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (directory / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return directory / "cert.pem"


@pytest.mark.parametrize(
    ("server", "says"),
    [
        ("mailroom.company.example", "is no address such as https://"),
        ("http://mailroom.company.example", "is not encrypted: the token could be read on its way"),
        ("https://user:secret@mailroom.company.example", "is no address such as https://"),
    ],
)
def test_addresses(run: Run, server: str, says: str) -> None:
    said = run("deliveries", server=server)
    assert (said.code, says in said.err) == (2, True), said


def test_where_server_and_token_come_from(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = Asked(NOTHING)

    def bearer() -> str:
        return asked.requests[-1][2]["Authorization"]

    with serving(asked) as url:
        assert run("deliveries", "--server", url).err == (
            "mailroom: a server asks for a token: name its file with --token-file, or set $MAILROOM_TOKEN\n"
        )
        monkeypatch.setenv("MAILROOM_TOKEN", "mailroom_other")
        assert (run("deliveries", "--server", url).code, bearer()) == (0, "Bearer mailroom_other")
        monkeypatch.setenv("MAILROOM_SERVER", url)
        assert run("rules").code == run("decisions", "--json").code == 0
        said = run("doctor")
        assert (said.code, "`mailroom doctor` works on the machine itself and asks no server" in said.err) == (2, True)
        monkeypatch.delenv("MAILROOM_SERVER")
        monkeypatch.delenv("MAILROOM_TOKEN")
        (tmp_path / "none.toml").write_text(f'[client]\nserver = "{url}"\ntoken_file = "{tmp_path}/token"\n')
        assert (run("deliveries").code, bearer()) == (0, "Bearer mailroom_secret")
    assert "cannot be read: No such file" in run("deliveries", "--token-file", "nowhere").err
    (tmp_path / "none.toml").write_text('[client]\nservr = "x"\n')
    assert "did you mean “server”?" in run("deliveries").err


def test_nothing_of_the_database_is_needed() -> None:
    """Remote commands import nothing of the database."""
    commands = "queue.campaigns decisions.decisions decisions.decide queue.deliveries records.audit policy.rules policy.allow_block"
    names = f"{commands} access.staff access.api_tokens operations.outgoing_queue".split()
    modules = ", ".join(["triage_cli.client.remote_client", *(f"triage_cli.commands.{name}" for name in names)])
    program = f"import sys, {modules}; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
