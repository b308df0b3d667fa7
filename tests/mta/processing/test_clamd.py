"""Requests to clamd and its answers; with a real clamd too."""

import contextlib
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from mta.processing import clamd
from mta.processing.clamd import Clamd
from mta.processing.scanners import Scanners, choose_scanners
from tests.peers.mail import clamd as peer
from tests.triage import arriving
from tests.triage.messages import multipart, part
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.message.signals.scan_results import NOT_ASKED, Scan

ENVELOPE = arriving.envelope()
MAIL = b"From: eve@stranger.example\r\nSubject: offer\r\n\r\nhello\r\n"
SILENT = "ClamAV did not check the message: no answer."
Answer = Callable[[socketserver.StreamRequestHandler], None]


@contextlib.contextmanager
def answering(answer: Answer) -> Iterator[tuple[str, list[bytes]]]:
    """Fake clamd that reads a stream and answers as given; its address, and the streams it received."""
    came: list[bytes] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                assert self.rfile.read(10) == b"zINSTREAM\0"
                stream = b""
                while length := int.from_bytes(self.rfile.read(4), "big"):
                    stream += self.rfile.read(length)
                came.append(stream)
                answer(self)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", came
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def says(text: bytes) -> Answer:
    def answer(handler: socketserver.StreamRequestHandler) -> None:
        handler.wfile.write(text)

    return answer


def drips(handler: socketserver.StreamRequestHandler) -> None:
    """An answer that never ends."""
    while True:
        handler.wfile.write(b" ")
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"stream: OK\0", ("", "")),
        (b"stream: Win.Test.EICAR_HDB-1 FOUND\0", ("Win.Test.EICAR_HDB-1", "")),
        (b"stream: Evil\x1b[2J FOUND\0", ("Evil\\x1b[2J", "")),
        (b"INSTREAM size limit exceeded. ERROR\0", (None, SILENT)),
        (b"stream: Can't allocate memory ERROR\0", (None, SILENT)),
        (b"UNKNOWN COMMAND\0", (None, SILENT)),
        (b"", (None, SILENT)),
        (b"x" * 10_000, (None, SILENT)),
    ],
)
def test_answers(answer: bytes, found: tuple[str | None, str]) -> None:
    with answering(says(answer)) as (address, came):
        assert Clamd(address, 60).about(ENVELOPE, MAIL) == found
    assert came == [MAIL]


def test_a_large_message_is_sent_in_pieces_and_a_larger_one_not_at_all() -> None:
    with answering(says(b"stream: OK\0")) as (address, came):
        one = Clamd(address, 60)
        large = b"x" * (clamd.PIECE * 3 + 7)
        assert one.about(ENVELOPE, large) == ("", "")
        assert one.about(ENVELOPE, b"x" * (clamd.LARGEST + 1)) == (None, "ClamAV did not check the message: it is too large.")
        assert one.about(ENVELOPE, MAIL) == ("", ""), "it is asked about the next one"
    assert came == [large, MAIL]


def test_who_does_not_answer_in_time_is_left_alone_for_a_while() -> None:
    with answering(drips) as (address, came):
        one = Clamd(address, 0.3)
        assert one.about(ENVELOPE, MAIL) == (None, SILENT)
        assert one.about(ENVELOPE, MAIL) == (None, SILENT)
        assert len(came) <= 1
        one.not_before = 0
        one.about(ENVELOPE, MAIL)
        assert one.not_before > 0


@pytest.mark.parametrize("address", ["/nowhere/clamd.ctl", "127.0.0.1:9", "[::1]:9"])
def test_nobody_there(address: str) -> None:
    assert Clamd(address, 5).about(ENVELOPE, MAIL) == (None, SILENT)


@pytest.mark.parametrize("address", ["clamd", "clamd.ctl", "host:", "host:0", "host:99999", "a b:3310", "http://host:3310"])
def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(BadInput, match="clamd"):
        Clamd(address, 1)


def test_the_settings_say_who_is_asked(settings: Settings) -> None:

    nobody = choose_scanners(settings)
    assert (nobody.clamd, nobody.rspamd) == (None, None)
    assert nobody.about(ENVELOPE, MAIL) is NOT_ASKED
    policy = replace(settings.policy, clamd="[::1]:3310", rspamd_url="http://[::1]:11333")
    both = choose_scanners(replace(settings, policy=policy))
    assert both.clamd is not None
    assert both.rspamd is not None
    assert (both.clamd.host, both.clamd.port, both.rspamd.host, both.rspamd.port) == ("::1", 3310, "::1", 11333)
    assert both.about(ENVELOPE, MAIL) == Scan(silent=(SILENT, "Rspamd did not check the message: no answer."))


@pytest.mark.peers
def test_the_real_one() -> None:
    infected = multipart(
        part("Content-Type: text/plain", b"see attached"),
        part("Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=a.bin", peer.VIRUS, encoded=True),
    )
    with peer.start_clamd() as addresses:
        for address in addresses:
            one = Clamd(address, 60)
            one.ping()
            assert one.about(ENVELOPE, infected) == (f"{peer.NAME}.UNOFFICIAL", "")
            assert one.about(ENVELOPE, MAIL) == ("", "")
        assert Scanners(one).about(ENVELOPE, infected) == Scan(virus=f"{peer.NAME}.UNOFFICIAL")
    assert one.about(ENVELOPE, infected) == (None, SILENT), "it is down: mail is judged without it"
