"""Dialogues that nobody has thought of: whatever a client says and however it is cut, the SMTP server keeps its promises."""

import contextlib
import errno
import os
import re
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from mta.session import smtp_session
from tests.mta.session.test_smtp_session import RELAY_ATTEMPTS
from tests.peers.receiving import RECIPIENT_MAP, Receiver, start_receiver
from triage.addressing.envelope import Address
from triage.config.settings import Company, Settings, Smtp, Spool
from triage.ids import format_id

EXAMPLES = 150 + 50 * int(os.environ.get("FUZZ_SECONDS", "0"))  # more of them by `make fuzz`
QUEUED = re.compile(r"250 2\.0\.0 queued as (\w{13})(?: for \S+)?")
LINE = re.compile(r"[245]\d\d[ -][ -~]*|354 [ -~]*")
ENHANCED = re.compile(r"([245])\d\d[ -]\1\.\d{1,3}\.\d{1,3} .*|220 .*|354 .*")


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """SMTP server for all dialogues."""
    directory = tmp_path_factory.mktemp("hostile")
    settings = Settings(
        Company(domains=("company.example",), hostname="mx.company.example"),
        spool=Spool(directory),
        smtp=Smtp(max_messages_per_minute=0, max_size=3000, max_recipients=3, max_hops=3),
    )
    with pytest.MonkeyPatch.context() as patched, start_receiver(settings) as running:
        patched.setattr(smtp_session, "MOST_AT_ONCE", 2)  # in many turns
        yield running


def talked(receiver: Receiver, pieces: list[bytes]) -> tuple[list[str], bool]:
    """Say all of it, a piece a packet, and hang up our side. Every line that was answered; did the server end it in order?"""
    with receiver.connect() as connection, connection.makefile("rb") as stream:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines, in_order = [stream.readline()], False
        with contextlib.suppress(OSError):  # the server has had enough
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):  # what we said behind its last word
            lines += stream.readlines()
            in_order = True
    return [line.decode("ascii").removesuffix("\r\n") for line in lines], in_order


def taken(receiver: Receiver) -> dict[str, tuple[str, ...]]:
    """The messages that were stored since the last time: their recipients by id."""
    found = {format_id(envelope.spool_id): envelope.recipients for envelope, _ in receiver.stored()}
    for batch in (Path(receiver.settings.spool.directory) / "incoming").glob("*.batch"):
        batch.unlink()
    return found


PATHS = st.sampled_from([path.encode() for path, _ in RELAY_ATTEMPTS] + [b"<anna@company.example>", b"<bo@company.example>", b"<>"])
WORDS = st.sampled_from(
    [b"", b" ", b"x", b"client.example", b" SIZE=5", b" BODY=8BITMIME", b" SMTPUTF8", b"\x00", b"\xff", b"\r", b"0" * 600]
)
COMMANDS = st.one_of(
    st.tuples(
        st.sampled_from([b"EHLO ", b"HELO ", b"NOOP ", b"VRFY ", b"RSET", b"XFORWARD ", b"AUTH ", b"BDAT ", b"QUIT", b"HELP"]), WORDS
    ),
    st.tuples(st.just(b"MAIL FROM:"), PATHS, WORDS),
    st.tuples(st.just(b"RCPT TO:"), PATHS, WORDS),
    st.tuples(st.just(b"DATA"), st.sampled_from([b"", b"", b" x"])),
    st.tuples(st.binary(max_size=40)),
).map(b"".join)
ENDS = st.sampled_from([b"\r\n"] * 9 + [b"\n", b"\r", b"", b"\0\r\n"])
BODIES = st.lists(st.sampled_from([b"From: a@b.example\r\n", b"\r\n", b".", b"\n.\n", b"\r.\r", b"x" * 900, b"Received: x\r\n", b"\xff\0"]))
GOOD = b"EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<anna@company.example>\r\nDATA\r\n"
TURNS = st.one_of(
    st.tuples(COMMANDS, ENDS).map(b"".join),
    BODIES.map(lambda parts: b"".join(parts) + b"\r\n.\r\n"),
    BODIES.map(lambda parts: GOOD + b"".join(parts) + b"\r\n.\r\n"),
)


@hypothesis_settings(max_examples=EXAMPLES)
@given(st.lists(TURNS, max_size=12).map(b"".join), st.lists(st.integers(0, 3000), max_size=6))
def test_whatever_a_client_says_the_promises_are_kept(receiver: Receiver, stream: bytes, cuts: list[int]) -> None:
    places = [0, *sorted({min(cut, len(stream)) for cut in cuts}), len(stream)]
    said, in_order = talked(receiver, [stream[start:stop] for start, stop in pairwise(places)])
    stored = taken(receiver)
    assert all(LINE.fullmatch(line) for line in said), said
    assert all(ENHANCED.fullmatch(line) or line.startswith(("250-", "250 ")) for line in said), said
    promised = [found[1] for line in said if (found := QUEUED.fullmatch(line))]
    assert len(promised) == len(set(promised))
    assert set(promised) <= set(stored), "250 without storing"
    assert not in_order or set(stored) <= set(promised), "stored without 250"
    for recipients in stored.values():
        assert recipients
        assert all(RECIPIENT_MAP.admits(Address.parse(recipient)) for recipient in recipients), recipients
    assert not any(word in line for line in said for word in ("Error", "Exception", "Traceback", ".py", "object at"))


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BODIES, st.sampled_from([errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EMFILE]))
def test_a_fault_of_ours_is_temporary_and_the_session_goes_on(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, body: list[bytes], fault: int
) -> None:
    def broken(_: int) -> None:
        raise OSError(fault, "secret", "/secret/path")

    text = (b"\r\n" + b"".join(body)).replace(b"\r\n.", b"\r\n..")[2:]
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        said, _ = talked(receiver, [GOOD, text + b"\r\n.\r\nNOOP\r\nQUIT\r\n"])
    assert not any("secret" in line for line in said)
    assert said[-2:] == ["250 2.0.0 OK", "221 2.0.0 Bye"]
    final = said[-3]
    assert final[0] == "4" or final.startswith(("552 5.3.4", "554 5.4.6")), "what is too large or in a loop is the sender's fault"
    assert taken(receiver) == {}
