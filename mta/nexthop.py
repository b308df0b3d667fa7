"""The next hop of mail that goes on: SMTP, LMTP or Maildir, and what it says in the end."""

import contextlib
import itertools
import os
import re
import smtplib
import socket
import ssl
import time
from pathlib import Path
from typing import Protocol

from mta.trace import crlf
from triage.envelope import Address
from triage.errors import BadInput
from triage.queue import Outcome
from triage.visible import visible

REPLY_LENGTH = 500  # characters of a reply that are kept
HOST_PORT = re.compile(r"(?:\[(?P<literal>[0-9A-Fa-f:.]+)\]|(?P<host>[\w-]{1,63}(?:\.[\w-]{1,63})*)):(?P<port>[0-9]{1,5})", re.A)
PATH = re.compile(r'(?:[^\x00-\x20\x7f<>"\\]+|"(?:[^\x00-\x1f\x7f"\\]|\\[\x20-\x7e])*"@[^\x00-\x20\x7f<>"\\]+)?')
# 5xx replies about the connection, not about the message: bad sequence, no mail here (RFC 7504), STARTTLS or sign-in wanted (RFC 4954)
ABOUT_THE_CONNECTION = frozenset({503, 521, 530, 534, 535, 538})
POSSIBLE = "write smtp://HOST:PORT, lmtp://HOST:PORT, lmtp:///PATH/OF/SOCKET or maildir:DIRECTORY"

_stored = itertools.count(1)


class NextHop(Protocol):
    """Where mail goes next. One thread uses it at a time; only `abort` may come from another."""

    def send(self, reverse_path: str, mailbox: str, raw: bytes) -> Outcome:
        """Hand one message over for one mailbox. Whatever the next hop does is an outcome, never an exception."""

    def close(self) -> None:
        """Let go of the connection, if there is one; the next `send` makes a new one."""

    def abort(self) -> None:
        """Make a `send` that hangs in another thread come to an end."""


def open_nexthop(url: str, *, timeout: float, hostname: str) -> NextHop:
    """The next hop of a URL; nothing is dialled yet. `timeout`: seconds to wait for each answer; `hostname`: our name there.

    SMTP uses STARTTLS where it is offered (RFC 7435) and does not verify the certificate: the next hop is an inner server.
    BadInput when the URL is of no kind we know.
    """
    kind, _, place = url.partition(":")
    found = HOST_PORT.fullmatch(place.removeprefix("//"))
    if kind == "maildir" and place and not place.startswith("//"):
        return MaildirHop(url, Path(place), hostname)
    if kind == "lmtp" and place.startswith("///") and len(place) > len("///"):
        return DialledHop(url, place.removeprefix("//"), 0, timeout=timeout, hostname=hostname)
    if kind in ("smtp", "lmtp") and place.startswith("//") and found and 0 < int(found["port"]) <= 65535:
        return DialledHop(url, found["literal"] or found["host"], int(found["port"]), timeout=timeout, hostname=hostname)
    raise BadInput(f"the next hop {url!r} is not known; {POSSIBLE}")


class Ended(Exception):
    """The attempt is over: its outcome, what there is to say, and whether the connection is of no more use."""

    def __init__(self, kind: str, reply: str, *, hang_up: bool = False) -> None:
        super().__init__(reply)
        self.kind, self.reply, self.hang_up = kind, reply, hang_up


class DialledHop:
    """SMTP or LMTP over one connection that is kept and used again."""

    def __init__(self, url: str, host: str, port: int, *, timeout: float, hostname: str) -> None:
        self.url, self.host, self.port = url, host, port
        self.timeout, self.hostname = timeout, hostname
        self.lmtp = url.startswith("lmtp:")
        self.connection: smtplib.SMTP | None = None

    def send(self, reverse_path: str, mailbox: str, raw: bytes) -> Outcome:
        """As NextHop.send. Trouble is temporary unless a 5xx says that it is about this message."""
        try:
            reply = self.deliver(reverse_path, mailbox, crlf(raw))
        except Ended as end:
            if end.hang_up:
                self.close()
            return Outcome(end.kind, one_line(end.reply), self.url)
        except OSError as fault:  # smtplib's exceptions are OSErrors too
            self.close()
            return Outcome("deferred", one_line(f"the connection was lost: {fault}"), self.url)
        return Outcome("delivered", one_line(reply), self.url)

    def deliver(self, reverse_path: str, mailbox: str, raw: bytes) -> str:
        """The reply that took the message over. A kept connection that turns out to be of no use is replaced once."""
        if self.connection:
            try:
                expect(self.connection.docmd("RSET"), 2)
                begin(self.connection, reverse_path, mailbox, raw)
            except Ended as end:
                if not end.hang_up:
                    raise
                self.close()
            except OSError:
                self.close()
            else:
                return hand_over(self.connection, raw)
        connection = self.dial()
        begin(connection, reverse_path, mailbox, raw)
        return hand_over(connection, raw)

    def dial(self, *, starttls: bool = True) -> smtplib.SMTP:
        """A new connection, greeted, and encrypted where that is offered; in the clear where that fails."""
        kind = smtplib.LMTP if self.lmtp else smtplib.SMTP
        self.connection = connection = kind(local_hostname=self.hostname, timeout=self.timeout)
        try:
            greeting = connection.connect(self.host, self.port)
        except OSError as fault:
            raise Ended("deferred", f"it cannot be reached: {fault.strerror or fault}", hang_up=True) from fault
        welcome(greeting)
        greet(connection)
        if starttls and not self.lmtp and connection.has_extn("starttls"):
            try:
                encrypt(connection, self.host)
            except (ssl.SSLError, ConnectionError):
                self.close()
                return self.dial(starttls=False)
        return connection

    def close(self) -> None:
        """As NextHop.close: QUIT is said, but its answer not waited for."""
        connection, self.connection = self.connection, None
        if connection:
            with contextlib.suppress(OSError):
                connection.putcmd("QUIT")
            connection.close()

    def abort(self) -> None:
        """As NextHop.abort: the other thread sees the connection end."""
        connection = self.connection
        if connection and connection.sock:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def welcome(answer: tuple[int, bytes]) -> None:
    """The answer to dialling or greeting must be friendly; if it is not, that is no fault of the message."""
    if answer[0] // 100 != 2:
        raise Ended("deferred", said(answer), hang_up=True)


def greet(connection: smtplib.SMTP) -> None:
    """EHLO or LHLO; HELO for an SMTP server that knows no EHLO."""
    answer = connection.ehlo()
    if answer[0] // 100 == 5 and not isinstance(connection, smtplib.LMTP):
        answer = connection.helo()
    welcome(answer)


def encrypt(connection: smtplib.SMTP, host: str) -> None:
    """STARTTLS (RFC 3207): nothing that was said before it counts. A server that cannot just now stays in the clear."""
    if connection.docmd("STARTTLS")[0] != 220:
        return
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    assert connection.sock is not None
    connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
    connection.file = None  # what was read ahead in the clear is forgotten
    greet(connection)


def begin(connection: smtplib.SMTP, reverse_path: str, mailbox: str, raw: bytes) -> None:
    """MAIL, RCPT and DATA; Ended unless the next hop now wants the message."""
    if not PATH.fullmatch(reverse_path) or not mailbox or not PATH.fullmatch(mailbox):
        raise Ended("bounced", f"<{reverse_path}> or <{mailbox}> is no address that SMTP can carry")
    options = extensions(connection, international=not (reverse_path + mailbox).isascii(), eight_bit=not raw.isascii(), size=len(raw))
    expect(connection.docmd("MAIL", f"FROM:<{reverse_path}>{options}"), 2)
    expect(connection.docmd("RCPT", f"TO:<{mailbox}>"), 2)
    expect(connection.docmd("DATA"), 3)


def extensions(connection: smtplib.SMTP, *, international: bool, eight_bit: bool, size: int) -> str:
    """What MAIL asks for. A next hop that lacks what the message needs is a permanent failure that staff can read (mailflow.md 12)."""
    if international and not connection.has_extn("smtputf8"):
        raise Ended("bounced", "the next hop does not take international addresses (it offers no SMTPUTF8)")
    if eight_bit and not connection.has_extn("8bitmime"):
        raise Ended("bounced", "the next hop does not take 8-bit messages (it offers no 8BITMIME)")
    limit = connection.esmtp_features.get("size", "")
    if limit.isdigit() and 0 < int(limit) < size:
        raise Ended("bounced", f"the next hop takes messages of at most {limit} bytes (SIZE), this one has {size}")
    connection.command_encoding = "utf-8" if international else "ascii"
    wanted = {f" SIZE={size}": connection.has_extn("size"), " BODY=8BITMIME": eight_bit, " SMTPUTF8": international}
    return "".join(option for option, needed in wanted.items() if needed)


def expect(answer: tuple[int, bytes], wanted: int) -> None:
    """Ended unless the reply's first digit is `wanted`. What is neither 4xx nor 5xx was not expected: try again on a new connection."""
    code = answer[0]
    if code // 100 == wanted:
        return
    permanent = code // 100 == 5 and code not in ABOUT_THE_CONNECTION
    lost = code == 421 or code in ABOUT_THE_CONNECTION or code // 100 not in (4, 5)
    raise Ended("bounced" if permanent else "deferred", said(answer), hang_up=lost)


def hand_over(connection: smtplib.SMTP, raw: bytes) -> str:
    """Send the message to the final dot; the reply that takes it over."""
    connection.send(stuffed(raw) + b".\r\n")
    try:
        answer = connection.getreply()
    except OSError as fault:
        raise Ended("deferred", f"no answer after the final dot, so it may have arrived: {fault}", hang_up=True) from fault
    expect(answer, 2)
    return said(answer)


def stuffed(raw: bytes) -> bytes:
    """Lines that begin with a dot get a second one (RFC 5321, 4.5.2); the last line ends."""
    stuffed = raw.replace(b"\r\n.", b"\r\n..")
    return (b"." if raw.startswith(b".") else b"") + stuffed + (b"" if raw.endswith(b"\r\n") else b"\r\n")


def said(answer: tuple[int, bytes]) -> str:
    """A reply in words: code and text."""
    code, text = answer
    return f"{code if code >= 0 else 'not SMTP:'} {text.decode('utf-8', 'replace')}"


def one_line(reply: str) -> str:
    """The reply as one visible line that is short enough to keep."""
    return visible(" ".join(reply.split()))[:REPLY_LENGTH]


class MaildirHop:
    """A Maildir for each mailbox, DIRECTORY/ADDRESS/{tmp,new,cur}: for small sites, the demo and tests."""

    def __init__(self, url: str, directory: Path, hostname: str) -> None:
        self.url, self.directory = url, directory
        self.hostname = re.sub(r"[^A-Za-z0-9.-]", "_", hostname)

    def send(self, reverse_path: str, mailbox: str, raw: bytes) -> Outcome:
        """As NextHop.send. The file holds exactly these bytes, and is safe on the disk when the outcome is "delivered"."""
        try:
            folder = self.directory / folder_name(mailbox)
        except ValueError as fault:
            return Outcome("bounced", one_line(str(fault)), self.url)
        try:
            name = self.store(folder, raw)
        except OSError as fault:
            return Outcome("deferred", one_line(f"{folder} cannot be written: {fault.strerror}"), self.url)
        return Outcome("delivered", f"stored as {name}", self.url)

    def store(self, folder: Path, raw: bytes) -> str:
        """Write to tmp, make it safe, move to new: readers never see half a message. The file's name."""
        micros = time.time_ns() // 1000
        host = f"{self.hostname},S={len(raw)}"
        name = f"{micros // 1_000_000}.M{micros % 1_000_000:06}P{os.getpid()}Q{next(_stored)}.{host}"
        if not (folder / "tmp").is_dir():
            make_maildir(folder)
        draft = folder / "tmp" / name
        try:
            with draft.open("xb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(folder / "new" / name)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        make_safe(folder / "new")
        return name

    def close(self) -> None:
        """As NextHop.close: there is no connection."""

    def abort(self) -> None:
        """As NextHop.abort: a disk cannot be hung up."""


def folder_name(mailbox: str) -> str:
    """The mailbox's address as the name of one folder; ValueError when it could lead anywhere else."""
    name = str(Address.parse(mailbox))
    if "/" in name or name.startswith(".") or len(name.encode()) > 255:
        raise ValueError(f"{mailbox[:80]!r} cannot be the name of a Maildir")
    return name


def make_maildir(folder: Path) -> None:
    """The three folders, tmp last: where it is, all are."""
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for directory in (folder, folder.parent):
        make_safe(directory)


def make_safe(directory: Path) -> None:
    """What the directory lists survives a power cut."""
    listing = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(listing)
    finally:
        os.close(listing)
