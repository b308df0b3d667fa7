"""Requests to Rspamd and its answers; with a real Rspamd too."""

import contextlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from mta.processing import rspamd
from mta.processing.rspamd import Rspamd
from tests.peers.mail import rspamd as peer
from tests.peers.processes import HANG
from tests.triage import arriving
from triage.errors import BadInput
from triage.message.signals.scan_results import Opinion

CLIENT = replace(arriving.envelope(), client="198.97.190.53")
MAIL = b"From: eve@stranger.example\r\nSubject: offer\r\n\r\n"
REJECT = b'{"action": "reject", "score": 18.25, "required_score": 15.0}'
SILENT = "Rspamd did not check the message: no answer."


@pytest.mark.parametrize("url", ["rspamd", "https://mail.example", "http://", "http://x:port", "http://x/checkv2", "http://x:70000"])
def test_a_url_that_is_none_is_named(url: str) -> None:
    with pytest.raises(BadInput, match="rspamd_url"):
        Rspamd(url, 1)


Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def answering(answer: Answer) -> Iterator[tuple[str, list[dict[str, list[str]]], list[bytes]]]:
    """Fake Rspamd that answers as given; its URL, and headers and bodies of the requests."""
    asked: list[dict[str, list[str]]] = []
    bodies: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append({name: self.headers.get_all(name, []) for name in self.headers})
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            with contextlib.suppress(OSError):
                answer(self)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked, bodies
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def says(body: bytes, status: int = 200) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def drips(handler: http.server.BaseHTTPRequestHandler) -> None:
    """An answer that never ends."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def floods(handler: http.server.BaseHTTPRequestHandler) -> None:
    """An answer that is far too long."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" " * 1024 * 1024)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (REJECT, Opinion("reject", 18.25, 15.0)),
        (b'{"action": "reject"}', Opinion("reject", None, None)),
        (b'{"action": "reject", "score": NaN, "required_score": "x"}', Opinion("reject", None, None)),
        (b'{"action": "no action", "score": 1}', Opinion("no action", 1.0, None)),
        (
            b'{"action": "add header", "score": 8, "symbols": {"A": {"score": 2}, "B": {"score": 5, "description": "Bad\\u001b"},'
            b' "GOOD": {"score": -3}, "X": 7}}',
            Opinion("add header", 8.0, None, ("Bad\\x1b", "A")),
        ),
        (b'{"action": "greylist", "symbols": []}', Opinion("greylist", None, None)),
        (b'["reject"]', None),
        (b'{"action": 1}', None),
    ],
)
def test_answers(answer: bytes, found: Opinion | None) -> None:
    with answering(says(answer)) as (url, _, _):
        assert Rspamd(url, 5).about(CLIENT, MAIL) == (found, "" if found else SILENT)


def test_it_is_told_the_envelope_and_the_message_as_it_came() -> None:
    evil = replace(
        CLIENT,
        reverse_path="bär@stranger.example",
        recipients=("a@company.example", "b@company.example"),
        helo="x\r\nSettings-ID: y",
        client_name="out.example",
    )
    with answering(says(REJECT)) as (url, asked, bodies):
        Rspamd(url, 5).about(evil, MAIL)
    (headers,) = asked
    assert headers["IP"] == ["198.97.190.53"]
    assert headers["Rcpt"] == ["a@company.example", "b@company.example"]
    assert headers["Helo"] == ["x??Settings-ID: y"]
    assert headers["Hostname"] == ["out.example"]
    assert headers["From"][0].encode("latin-1").decode() == "bär@stranger.example"
    assert "Settings-ID" not in headers
    assert bodies == [MAIL]


@pytest.mark.parametrize("answer", [says(b"x", 500), says(b"not json"), drips, floods], ids=["500", "not json", "drips", "floods"])
def test_who_does_not_answer_is_left_alone_for_a_while(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(answer) as (url, asked, _):
        one = Rspamd(url, 0.3)
        began = time.monotonic()
        assert one.about(CLIENT, MAIL) == (None, SILENT)
        assert time.monotonic() - began < HANG, "the goal is 0.3 s, this is a guard"
        assert one.about(CLIENT, MAIL) == (None, SILENT)
        assert len(asked) == 1
        one.not_before = 0
        one.about(CLIENT, MAIL)
        assert len(asked) == 2


def test_nobody_there() -> None:
    assert Rspamd("http://127.0.0.1:9", 1).about(CLIENT, MAIL) == (None, SILENT)


def test_a_large_message_is_not_sent_there() -> None:
    with answering(says(REJECT)) as (url, asked, _):
        assert Rspamd(url, 5).about(CLIENT, b"x" * (rspamd.LARGEST + 1)) == (None, "Rspamd did not check the message: it is too large.")
    assert asked == []


@pytest.mark.peers
def test_the_real_one() -> None:
    with peer.start_rspamd() as url:
        one = Rspamd(url, 60)
        junk, _ = one.about(CLIENT, MAIL + peer.JUNK + b"\r\n")
        assert junk is not None
        assert (junk.action, junk.score, junk.limit) == ("reject", 15.0, 15.0)
        fine, _ = one.about(CLIENT, MAIL + b"hello\r\n")
        assert fine is not None
        assert fine.action == "no action"
        assert one.not_before == 0
        one.ping()
