"""Who is asked about which client, and what Rspamd's answers mean; with a real Rspamd too."""

import contextlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from mail_auth.dns_lists import DnsList
from mta import rspamd
from mta.edges import Edges
from mta.listing import Listing, asked_about_clients, public
from mta.rspamd import Rspamd
from tests.mail_auth.answers import Answers
from tests.peers import rspamd as peer
from tests.triage import arriving
from triage.envelope import Envelope
from triage.errors import BadInput
from triage.settings import Settings

CLIENT = replace(arriving.envelope(), client="198.97.190.53")
NOBODY = Answers()
LISTS = Answers({"53.190.97.198.zen.example A": "127.0.0.4"})
ZEN = (DnsList("zen.example"),)
MAIL = b"From: eve@stranger.example\r\nSubject: offer\r\n\r\n"
REJECT = b'{"action": "reject", "score": 18.25, "required_score": 15.0}'


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, True),
        ({"client": "2a00:1450:4001:82b::200e"}, True),
        ({"client": "::ffff:198.97.190.53"}, True),
        ({"edge": "203.0.113.1"}, True),  # the client that an edge names
        ({"client": ""}, False),
        ({"client": "not an address"}, False),
        ({"client": "198.97.190.53", "edge": "198.97.190.53"}, False),  # the edge itself
        ({"client": "198.97.190.53", "proxy": "198.97.190.53"}, False),
        ({"client": "127.0.0.1"}, False),
        ({"client": "::1"}, False),
        ({"client": "10.1.2.3"}, False),
        ({"client": "192.168.1.1"}, False),
        ({"client": "::ffff:10.1.2.3"}, False),
        ({"client": "169.254.0.1"}, False),
        ({"client": "fe80::1"}, False),
        ({"client": "fd00::1"}, False),
        ({"client": "100.64.0.1"}, False),
        ({"client": "224.0.0.1"}, False),
        ({"client": "0.0.0.0"}, False),
    ],
)
def test_only_clients_that_others_can_know_are_asked_about(changes: dict[str, str], asked: bool) -> None:
    envelope = replace(CLIENT, **changes)  # type: ignore[arg-type]
    everything = Listing(ZEN, Always(""))
    resolver = Answers()
    assert (public(envelope) is not None) is asked
    everything.about(envelope, MAIL, resolver)
    assert bool(resolver.asked) is asked


class Always(Rspamd):
    """Says the same about everything."""

    def __init__(self, said: str) -> None:
        super().__init__("http://127.0.0.1", 1)
        self.said = said

    def rejects(self, envelope: Envelope, raw: bytes) -> str:
        """See Rspamd."""
        return self.said


def test_lists_are_asked_first_and_rspamd_about_the_others() -> None:
    assert Listing(ZEN, Always("no")).about(CLIENT, MAIL, LISTS).startswith("zen.example lists")
    assert Listing(ZEN, Always("no")).about(CLIENT, MAIL, NOBODY) == "no"
    assert Listing(ZEN).about(CLIENT, MAIL, NOBODY) == ""
    assert Listing().about(CLIENT, MAIL, LISTS) == ""


def test_another_edge_of_ours_is_not_asked_about() -> None:
    listing = Listing(ZEN, Always("no"), Edges(["198.97.190.0/24"]))
    assert listing.about(replace(CLIENT, edge="203.0.113.1"), MAIL, LISTS) == ""
    assert listing.about(replace(CLIENT, edge="203.0.113.1", client="198.97.191.1"), MAIL, LISTS) == "no"


def test_the_settings_say_who_is_asked(settings: Settings) -> None:
    nobody = asked_about_clients(settings)
    assert (nobody.lists, nobody.rspamd) == ((), None)
    policy = replace(settings.policy, dns_lists=("zen.example",), rspamd_url="http://[::1]:11333")
    some = asked_about_clients(replace(settings, policy=policy))
    assert some.lists == ZEN
    assert some.rspamd is not None
    assert (some.rspamd.host, some.rspamd.port) == ("::1", 11333)


@pytest.mark.parametrize("url", ["rspamd", "https://mail.example", "http://", "http://x:port", "http://x/checkv2", "http://x:70000"])
def test_a_url_that_is_none_is_named(url: str) -> None:
    with pytest.raises(BadInput, match="rspamd_url"):
        Rspamd(url, 1)


# Rspamd's answers

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def answering(answer: Answer) -> Iterator[tuple[str, list[dict[str, list[str]]], list[bytes]]]:
    """Somebody on a port who answers as told; the URL, and headers and bodies of what was asked."""
    asked: list[dict[str, list[str]]] = []
    bodies: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append({name: self.headers.get_all(name, []) for name in self.headers})
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            with contextlib.suppress(OSError):
                answer(self)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

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
    ("answer", "said"),
    [
        (REJECT, "Rspamd would reject it (score 18.2, its limit is 15)"),
        (b'{"action": "reject"}', "Rspamd would reject it"),
        (b'{"action": "reject", "score": NaN, "required_score": "x"}', "Rspamd would reject it"),
        (b'{"action": "no action", "score": 1}', ""),
        (b'{"action": "add header", "score": 8}', ""),
        (b'{"action": "greylist"}', ""),
        (b'{"action": "soft reject"}', ""),
        (b'["reject"]', ""),
    ],
)
def test_only_reject_counts(answer: bytes, said: str) -> None:
    with answering(says(answer)) as (url, _, _):
        assert Rspamd(url, 5).rejects(CLIENT, MAIL) == said


def test_it_is_told_the_envelope_and_the_message_as_it_came() -> None:
    evil = replace(
        CLIENT,
        reverse_path="bär@stranger.example",
        recipients=("a@company.example", "b@company.example"),
        helo="x\r\nSettings-ID: y",
        client_name="out.example",
    )
    with answering(says(REJECT)) as (url, asked, bodies):
        Rspamd(url, 5).rejects(evil, MAIL)
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
        assert one.rejects(CLIENT, MAIL) == ""
        assert time.monotonic() - began < 5
        assert one.rejects(CLIENT, MAIL) == ""
        assert len(asked) == 1
        one.not_before = 0
        one.rejects(CLIENT, MAIL)
        assert len(asked) == 2


def test_nobody_there() -> None:
    assert Rspamd("http://127.0.0.1:9", 1).rejects(CLIENT, MAIL) == ""


def test_a_large_message_is_not_sent_there() -> None:
    with answering(says(REJECT)) as (url, asked, _):
        assert Rspamd(url, 5).rejects(CLIENT, b"x" * (rspamd.LARGEST + 1)) == ""
    assert asked == []


@pytest.mark.peers
def test_the_real_one() -> None:
    with peer.running() as url:
        one = Rspamd(url, 8)
        assert one.rejects(CLIENT, MAIL + peer.JUNK + b"\r\n") == "Rspamd would reject it (score 15.0, its limit is 15)"
        assert one.rejects(CLIENT, MAIL + b"hello\r\n") == ""
        assert one.not_before == 0
