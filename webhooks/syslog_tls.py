"""Events to a syslog server over TLS: RFC 5424 messages, framed by their length (RFC 5425), confirmed by the end of the connection."""

import contextlib
import errno
import fcntl
import os
import socket
import ssl
import struct
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from triage.config.settings import Settings, Siem, host_port
from triage.notifications.security_events import write_line

LOG_AUDIT = 13  # facility (RFC 5424, 6.2.1)
UNSENT = struct.Struct("i")
LOST = (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)
LOST_OF_TLS = (ssl.SSL_ERROR_EOF, ssl.SSL_ERROR_SYSCALL)
UNREAD = "the server closed the connection without reading everything: see its log; perhaps it wants a certificate (siem.certificate_file)"
BREATH = 0.005  # seconds between two looks at what the other side has confirmed


def send_events(events: Sequence[dict[str, Any]], settings: Settings) -> None:
    """Send them, in a connection of their own. OSError says why not: then send them all again.

    Syslog has no answer. So we end the connection and wait until the server has ended it, too: it has read everything then. Bytes that it
    left unread are answered by a reset, in both cases: it ended before they came, or it was killed.
    """
    frames = b"".join(frame_message(one, settings.company.hostname) for one in events)
    until = time.monotonic() + settings.siem.timeout
    with connect_server(settings.siem) as server:
        try:
            server.sendall(frames)
            await_end(server, until)
        except OSError as fault:
            lost = fault.errno in LOST_OF_TLS if isinstance(fault, ssl.SSLError) else fault.errno in LOST
            if lost:
                raise ConnectionResetError(UNREAD) from fault
            raise


def frame_message(event: dict[str, Any], hostname: str) -> bytes:
    """Frames an event as a syslog message with its length before it (RFC 5425, 4.3)."""
    about = event["event"]
    priority = LOG_AUDIT * 8 + about["severity"]
    header = f"<{priority}>1 {event['@timestamp']} {hostname} mailroom - {about['action'][:32]} - "
    message = header.encode("ascii", "replace") + write_line(event)
    return b"%d %s" % (len(message), message)


@contextlib.contextmanager
def connect_server(siem: Siem) -> Iterator[ssl.SSLSocket]:
    """A connection to the server, which has shown who it is. It is cut when siem.timeout is over: TimeoutError."""
    host, port = host_port(siem.syslog, "siem.syslog")
    context = ssl.create_default_context(cafile=siem.ca_file or None)
    if siem.certificate_file:
        context.load_cert_chain(siem.certificate_file, siem.key_file or None)
    over = threading.Event()
    try:
        dialled = socket.create_connection((host, port), siem.timeout)
        with context.wrap_socket(dialled, server_hostname=host, do_handshake_on_connect=False) as server:
            guard = threading.Timer(siem.timeout, cut_off, (server, over))
            guard.start()
            try:
                server.do_handshake()
                yield server
            finally:
                guard.cancel()
    except OSError as fault:
        if over.is_set() or isinstance(fault, TimeoutError):
            raise TimeoutError(f"no answer within {siem.timeout} s") from fault
        raise


def cut_off(server: ssl.SSLSocket, over: threading.Event) -> None:
    """Cuts a connection off whose time is over: whoever waits for the other side goes on with an error."""
    over.set()
    with contextlib.suppress(OSError):
        socket.socket.shutdown(server, socket.SHUT_RDWR)


def await_end(server: ssl.SSLSocket, until: float) -> None:
    """End the connection in both directions (RFC 5425, 4.4); OSError when the server has not read all of it."""
    with contextlib.suppress(ssl.SSLEOFError):  # servers that end without a close_notify: the checks below tell whether they have read it
        server.unwrap()
    server.shutdown(socket.SHUT_WR)
    while server.recv(4096):
        pass
    while count_unconfirmed(server):
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(BREATH)


def count_unconfirmed(server: socket.socket) -> int:
    """Bytes that the other machine has not confirmed. OSError when it has reset the connection: nobody reads them there."""
    (unsent,) = UNSENT.unpack(fcntl.ioctl(server, termios.TIOCOUTQ, bytes(UNSENT.size)))
    if code := server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, os.strerror(code))
    return int(unsent)
