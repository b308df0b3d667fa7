"""Conversations with the receiving daemon, word for word, as the files in dialogs/ tell them; and how DATA ends."""

import json
import re
import socket
import ssl
import tarfile
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mta.session.data_reader import Content
from mta.session.header_scan import PLAIN_AUTHOR, author_mailbox, scan_header
from tests.peers.receiving import Receiver, make_certificate, start_receiver
from triage.addressing.envelope import Address
from triage.config.settings import Settings
from triage.message.authors import author_of

DIALOGS = sorted((Path(__file__).parents[1] / "dialogs").glob("*.smtp"))


class Client:
    """The client's side of a dialog file.

    `set: name=value` settings of [smtp], `set: lmtp` for the other listener, first · `C: text` sends a line, several in
    a row at once · `S: text` is the next line that the server says, `*` stands for anything · `TLS` starts it · `END`
    the server closes · `KEPT: n` so many messages are in the spool · `ENVELOPE: name=value …` of the last of them. In C
    lines `\\x00`, `\\r`, `\\n` stand for bytes, and `*80` at the end repeats what is before it; `C~` sends without CRLF.
    """

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.socket: socket.socket = receiver.connect()
        self.stream = self.socket.makefile("rb")
        self.unsent = b""

    def send(self) -> None:
        self.socket.sendall(self.unsent)
        self.unsent = b""

    def follow(self, line: str) -> None:
        word, _, text = line.partition(" ")
        if word in ("C:", "C~"):
            self.unsent += encode_line(text) + (b"\r\n" if word == "C:" else b"")
            return
        self.send()
        if word == "S:":
            said = self.stream.readline().decode().removesuffix("\r\n")
            assert fnmatchcase(said.replace("[", "("), text.replace("[", "(")), f"expected {text!r}, but the server said {said!r}"
        elif word == "TLS":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
            self.stream = self.socket.makefile("rb")
        elif word == "END":
            assert self.stream.read() == b""
        elif word == "KEPT:":
            assert len(self.receiver.stored()) == int(text)
        elif word == "ENVELOPE:":
            envelope = self.receiver.stored()[-1][0].as_json()
            expected = dict(pair.split("=", 1) for pair in text.split())
            assert {name: str(envelope[name]) for name in expected} == expected
        else:
            raise AssertionError(f"{line!r} is no line of a dialog")

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


def encode_line(text: str) -> bytes:
    """The bytes that a C line sends."""
    repeated = re.search(r"\*(\d+)$", text)
    if repeated:
        text = text[: repeated.start()] * int(repeated[1])
    plain = {"\\n": b"\n", "\\r": b"\r"}
    parts = re.split(r"(\\x[0-9a-f]{2}|\\n|\\r)", text)
    return b"".join(plain.get(part) or (bytes.fromhex(part[2:]) if part.startswith("\\x") else part.encode()) for part in parts)


def set_values(lines: list[str], settings: Settings, tmp_path: Path) -> dict[str, Any]:
    """The settings that a dialog asks for."""
    chosen: dict[str, Any] = {}
    for line in lines:
        if line == "set: tls":
            certificate, key = make_certificate(tmp_path)
            chosen |= {"tls_cert": str(certificate), "tls_key": str(key)}
        elif line == "set: lmtp":
            chosen["lmtp"] = True
        elif line.startswith("set: "):
            name, _, value = line.removeprefix("set: ").partition("=")
            kind = type(getattr(settings.smtp, name))
            chosen[name] = (value,) if kind is tuple else kind(value)
    return chosen


@pytest.mark.parametrize("dialog", DIALOGS, ids=lambda path: path.stem)
def test_dialog(dialog: Path, settings: Settings, tmp_path: Path) -> None:
    lines = [line for line in dialog.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    with start_receiver(settings, **set_values(lines, settings, tmp_path)) as receiver:
        client = Client(receiver)
        for number, line in enumerate((line for line in lines if not line.startswith("set: ")), 1):
            try:
                client.follow(line)
            except AssertionError as fault:
                raise AssertionError(f"{dialog.name}, step {number}, {line!r}: {fault}") from fault
        client.close()


def test_there_are_dialogs() -> None:
    assert len(DIALOGS) > 15


# relay attempts

RELAY_ATTEMPTS = [
    ("<victim@elsewhere.example>", "550 5.7.1"),
    ("<victim%elsewhere.example@company.example>", "550 5.1.1"),
    ("<elsewhere.example!victim@company.example>", "550 5.1.1"),
    ("<@company.example:victim@elsewhere.example>", "553 5.1.3"),
    ("<@company.example,@other.example:anna@company.example>", "553 5.1.3"),
    ('<"victim@elsewhere.example"@company.example>', "553 5.1.3"),
    ('<"anna"@company.example>', "553 5.1.3"),
    ("<victim@elsewhere.example@company.example>", "553 5.1.3"),
    ("<anna@company.example@elsewhere.example>", "553 5.1.3"),
    ("<anna@[127.0.0.1]>", "553 5.1.3"),
    ("<anna@[IPv6:::1]>", "553 5.1.3"),
    ("<anna>", "553 5.1.3"),
    ("<@company.example>", "553 5.1.3"),
    ("<anna@>", "553 5.1.3"),
    ("<anna@company.example.evil.example>", "550 5.7.1"),
    ("<anna@sub.company.example>", "550 5.7.1"),
    ("<anna@company>", "550 5.7.1"),
    ("<anna@company..example>", "553 5.1.3"),
    ("<.anna@company.example>", "553 5.1.3"),
    ("< anna@company.example>", "553 5.1.3"),
    ("<anna @company.example>", "553 5.1.3"),
    ("<anna@company.example >", "553 5.1.3"),
    ("<anna@company.example\t>", "553 5.1.3"),
    ("<anna\x1b@company.example>", "553 5.1.3"),
    ("<anna\x7f@company.example>", "553 5.1.3"),
    ("<anna,bo@company.example>", "553 5.1.3"),
    ("<anna@company.example>,<victim@elsewhere.example>", "501 5.5.4"),
    ("<anna@company.example> <victim@elsewhere.example>", "555 5.5.4"),
    ("<anna@company.example><victim@elsewhere.example>", "501 5.5.4"),
    ("anna@company.example", "501 5.5.4"),
    ("<anna@company.example", "501 5.5.4"),
    ("<<anna@company.example>>", "501 5.5.4"),
    ("<>", "501 5.5.4"),
    ("", "501 5.5.4"),
    ("<|cat /etc/passwd@company.example>", "553 5.1.3"),
    ("</var/spool/x@company.example>", "550 5.1.1"),
    ("<b\u00e4r@company.example>", "553 5.6.7"),
    ("<" + "a" * 65 + "@company.example>", "553 5.1.3"),
    ("<anna+tag@company.example>", "550 5.1.1"),
    ("<anna@company.example> NOTIFY=NEVER", "555 5.5.4"),
]


def talk(receiver: Receiver, *lines: bytes) -> list[str]:
    """Send each line when the one before was answered; all replies, the greeting first. Multi-line ones count as one."""
    with receiver.connect() as connection, connection.makefile("rb") as stream:
        replies = [reply(stream)]
        for line in lines:
            connection.sendall(line)
            replies.append(reply(stream))
    return replies


def reply(stream: Any) -> str:
    """Reads a reply."""
    lines = [stream.readline().decode()]
    while lines[-1][3:4] == "-":
        lines.append(stream.readline().decode())
    return "".join(lines).strip()


def test_no_address_form_is_a_way_through(settings: Settings) -> None:
    with start_receiver(settings) as receiver:
        for given_path, expected in RELAY_ATTEMPTS:
            said = talk(receiver, b"EHLO c\r\n", b"MAIL FROM:<a@stranger.example>\r\n", f"RCPT TO:{given_path}\r\n".encode())
            assert said[3].startswith(expected), (given_path, said[3])
            assert said[3].isascii()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("<>", "250 2.1.0"),
        ("<a@b.example>", "250 2.1.0"),
        ("<SRS0=x=y=b.example=a@fwd.example>", "250 2.1.0"),
        ('<"john doe"@b.example>', "250 2.1.0"),
        ('<"a>b"@b.example>', "250 2.1.0"),
        ("<a@[192.0.2.1]>", "250 2.1.0"),
        ("<root>", "501 5.1.7"),
        ("<a@b@c.example>", "501 5.1.7"),
        ("<@x.example:a@b.example>", "501 5.1.7"),
        ("<a@b.example\x1b[2J>", "501 5.1.7"),
        ("<\u00fc@b.example>", "553 5.6.7"),
        ("<\u00fc@b.example> SMTPUTF8", "250 2.1.0"),
        ("<a@b.example> SMTPUTF8=1", "501 5.5.4"),
        ("<a@b.example> BODY=8BITMIME SIZE=1000", "250 2.1.0"),
        ("<a@b.example> body=7bit", "250 2.1.0"),
        ("<a@b.example> BODY=BINARYMIME", "501 5.5.4"),
        ("<a@b.example> SIZE=-1", "501 5.5.4"),
        ("<a@b.example> SIZE=", "501 5.5.4"),
        ("<a@b.example> SIZE=99999999999", "552 5.3.4"),
        ("<a@b.example> SIZE=" + "9" * 400, "501 5.5.4"),
        ("<a@b.example> AUTH=<>", "555 5.5.4"),
        ("a@b.example", "501 5.5.4"),
        ("<" + "a" * 300 + "@b.example>", "501 5.1.7"),
    ],
)
def test_mail_from(path: str, expected: str, settings: Settings) -> None:
    with start_receiver(settings) as receiver:
        assert talk(receiver, b"EHLO c\r\n", f"MAIL FROM:{path}\r\n".encode())[2].startswith(expected)


# smuggling: what must not end DATA, and what may

NOT_THE_END = [
    *("\n.\n", "\n.\r", "\r.\n", "\r.\r", "\n.\r\n", "\r.\r\n", "\r\n.\n", "\r\n.\r"),
    *("\r\n\0.\r\n", "\r\n.\0\r\n", "\r\n.\r\r\n", "\r\r\n.\r\r\n"),
]
SMUGGLED = "MAIL FROM:<boss@company.example>\r\nRCPT TO:<anna@company.example>\r\nDATA\r\nFrom: boss@company.example\r\n\r\nhello"


def smuggle(receiver: Receiver, sequence: str) -> None:
    """A message that tries to smuggle another one stays a single message, with CRLF only, and its marks say what was done."""
    before = len(receiver.stored())
    text = f"From: a@stranger.example\r\n\r\nfirst{sequence}{SMUGGLED}\r\n.\r\n".encode("latin-1")
    start = (b"EHLO c\r\n", b"MAIL FROM:<a@stranger.example>\r\n", b"RCPT TO:<anna@company.example>\r\n", b"DATA\r\n")
    said = talk(receiver, *start, text, b"QUIT\r\n")
    assert [line[:3] for line in said] == ["220", "250", "250", "250", "354", "250", "221"]
    stored = receiver.stored()
    assert len(stored) == before + 1
    envelope, raw = stored[-1]
    assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")
    assert b"boss@company.example" in raw
    bare = re.search(r"\r(?!\n)|(?<!\r)\n", sequence)
    assert envelope.normalised == bool(bare)


@pytest.mark.parametrize("sequence", NOT_THE_END, ids=ascii)
def test_only_crlf_dot_crlf_ends_a_message(sequence: str, settings: Settings) -> None:
    with start_receiver(settings) as receiver:
        smuggle(receiver, sequence)


@pytest.mark.corpus
def test_the_known_smuggling_sequences_end_nothing(settings: Settings, corpus: Path) -> None:
    with tarfile.open(corpus / "smtp.tar.gz") as archive:
        member = archive.extractfile("smtp/end-of-data-sequences.json")
        assert member is not None
        known = json.load(member)
    with start_receiver(settings) as receiver:
        for sequence in {*known["inbound"], *known["outbound"]}:
            smuggle(receiver, sequence)


LETTERS = st.sampled_from([b"\r", b"\n", b".", b"a", b"\0", b"\r\n", b"\r\n.", b"\r\n..", b".\r\n", b"\r\n.\r\n", b"\xff"])


@given(st.lists(LETTERS, max_size=30).map(b"".join), st.lists(st.integers(0, 60), max_size=8))
def test_the_end_of_data_does_not_depend_on_how_it_is_cut(text: bytes, cuts: list[int]) -> None:
    stream = text + b"\r\n.\r\n"
    end = (b"\r\n" + stream).index(b"\r\n.\r\n")
    lines = (b"\r\n" + stream)[2:end].split(b"\r\n") if end else []
    expected = re.sub(rb"\r\n|\r|\n", b"\r\n", b"".join(line.removeprefix(b".") + b"\r\n" for line in lines))
    content = Content(10_000)
    places = [0, *sorted({min(cut, len(stream)) for cut in cuts}), len(stream)]
    rest = None
    for start, stop in pairwise(places):
        chunk = stream[start:stop]
        rest = content.feed(chunk) if rest is None else rest + chunk
    assert rest == stream[end + 3 :]
    size = content.size
    raw, normalised = content.message()
    assert raw == expected
    assert normalised == (size != len(raw))


@pytest.mark.parametrize(("size", "kept"), [(997, True), (1000, True), (1001, False), (200_000, False)])
def test_a_message_may_be_as_large_as_the_limit_and_no_larger(size: int, kept: bool) -> None:
    for letter in (b"x", b"."):  # the dots that transparency adds do not count
        message = (letter * 70 + b"\r\n") * (size // 72) + b"y" * (size % 72 - 2) + b"\r\n"
        wire = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]
        content = Content(1000)
        assert content.feed(wire + b".\r\n") == b""
        assert (content.size, content.too_large, content.kept) == (size, not kept, kept)
        if kept:
            assert content.message() == (message, False)


def test_memory_stays_bounded_whatever_comes() -> None:
    content = Content(100_000)
    for _ in range(100):
        assert content.feed(b"\r\n.." * 5_000) is None
        assert len(content.held) <= 100_000 * 4 // 3 + 20_000
    assert content.too_large


# the one look at the header


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"From: mallory@stranger.example", "mallory@stranger.example"),
        (b"FROM : Mallory <Mallory@Stranger.Example> (hi)", "mallory@stranger.example"),
        (b"From: =?utf-8?q?M?=\r\n <mallory@stranger.example>", "mallory@stranger.example"),
        (b'From: "good <good@ok.example>" <mallory@stranger.example>', "mallory@stranger.example"),
        (b"From: (a (nested) <x@y.example>) mallory@stranger.example", "mallory@stranger.example"),
        (b"From: a@b.example, mallory@stranger.example", ""),
        (b"From: group: mallory@stranger.example;", ""),
        (b"From: <mallory@stranger.example> <a@b.example>", ""),
        (b"From: mallory@stranger.example\r\nFrom: a@b.example", ""),
        (b"From: mallory", ""),
        (b"X-From: mallory@stranger.example", ""),
        (b"Subject: x\r\n\r\nFrom: mallory@stranger.example", ""),
        (b"From: " + b"(" * 5000 + b" mallory@stranger.example", ""),
        (b'From: "' + b'\\"' * 4000 + b" <mallory@stranger.example>", ""),
        (b"From: " + b"a" * 9000 + b"@stranger.example", ""),
    ],
)
def test_the_author_that_the_door_sees(field: bytes, expected: str) -> None:
    seen = scan_header(field + b"\r\nTo: x@y.example\r\n\r\nbody\r\n", "mx.company.example")
    assert str(seen.author or "") == expected


@given(st.from_regex(PLAIN_AUTHOR, fullmatch=True))
def test_the_short_way_to_a_plain_author_leads_where_the_long_one_does(value: bytes) -> None:
    found = author_of([value]).address
    assert author_mailbox(value) == (Address.parse(found) if found else None)


def test_the_scan_counts_hops_and_signers() -> None:
    header = (
        b"Received: from a by mx.company.example with ESMTP id 1\r\nReceived: from b\r\n\tby MX.Company.Example; now\r\n"
        b"received: from mx.company.example by other.example\r\nReceived: by mx.company.example.evil.example\r\n"
        b"DKIM-Signature: v=1; bh=x; d = Signer.Example ; s=a\r\nDKIM-Signature: v=1; bd=no.example; s=b\r\n"
        b"DKIM-Signature: v=1;\r\n d=second.example\r\n\r\nReceived: by mx.company.example\r\n"
    )
    seen = scan_header(header, "mx.company.example")
    assert (seen.hops, seen.own_hops) == (4, 2)
    assert seen.signers == {"signer.example", "second.example"}


PIECES = st.sampled_from(
    [b"From:", b" ", b"\r\n", b"<", b">", b"a@b.example", b'"', b"\\", b"(", b")", b",", b"Received: by mx\r\n", b"\xff"]
)


@given(st.lists(PIECES).map(b"".join))
def test_the_scan_takes_anything(raw: bytes) -> None:
    seen = scan_header(raw, "mx")
    assert seen.author in (None, Address("a", "b.example")) or "@" in str(seen.author)


def test_a_flood_of_fields_is_not_counted_to_the_end() -> None:
    assert len(scan_header(b"".join(b"DKIM-Signature: d=%d.example\r\n" % number for number in range(2_000)) + b"\r\n", "mx").signers) == 10
    assert scan_header(b"Received: x\r\n" * 10_000 + b"\r\n", "mx").hops == 2_000
    assert scan_header(b"X: " + b"y" * 300_000 + b"\r\nFrom: a@b.example\r\n\r\n", "mx").author is None


@pytest.mark.parametrize(
    "field",
    [
        f"DKIM-Signature: v=1; d={''.join(map(chr, range(0x4E00, 0x9000)))}.example; s=x",
        "From: é" + 2_600 * "\u200d" + "é <a@b",
        "From: a" + 2_000 * "\u0300\u0315" + "@b.example",
        f"DKIM-Signature: d={'.'.join([''.join(map(chr, range(0x4E00, 0x4E00 + 63)))] * 15)}\r\n" * 90 + "X: y",
        "From:" + 8_000 * " " + "!",
    ],
)
def test_letters_that_take_their_time_hold_nobody_up(field: str) -> None:
    seen = scan_header(f"{field}\r\n\r\nbody\r\n".encode(), "mx.company.example")
    assert (seen.author, seen.signers) == (None, frozenset())
