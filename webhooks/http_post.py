"""HTTP POST to a URL of the settings: bounded in time, follows no redirection."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from triage.config import secret_files
from triage.config.settings import Webhooks
from triage.config.webhooks import Hook
from triage.notifications.webhooks import payloads
from triage.notifications.webhooks.outbox import Answer, Call
from triage.text.sanitize import escape_visible

AGENT = "Mailroom webhooks"
REFUSING = frozenset({400, 413, 415, 422})  # it is this call that is not wanted
QUOTED = 200  # bytes of an answer that are shown


def post_webhook(hook: Hook, call: Call, settings: Webhooks, now: float) -> Answer:
    """Make the call; whatever goes wrong is an answer in words. `now`: seconds since 1970, for the signature."""
    try:
        url, said = secret_files.url_of(hook), call.body.encode()
        fields = payloads.call_headers(call.event, secret_files.keys_of(hook), said, int(now))
        with connect_until(url, settings) as connection:
            connection.request("POST", target_of(url), said, {"content-type": "application/json", "user-agent": AGENT} | fields)
            return answer_of(connection.getresponse())
    except TimeoutError:
        return Answer("failed", f"no answer within {settings.timeout} s")
    except ssl.SSLError as fault:
        return Answer("failed", f"TLS: {fault.reason or fault}")
    except (OSError, ValueError, http.client.HTTPException) as fault:
        return Answer("failed", escape_visible(str(fault) or type(fault).__name__))


@contextlib.contextmanager
def connect_until(url: str, settings: Webhooks) -> Iterator[http.client.HTTPConnection]:
    """A connection that ends when its time is over, whatever the other side does meanwhile: TimeoutError."""
    parts, over = urlsplit(url), threading.Event()
    host = parts.hostname or ""
    connection = http.client.HTTPConnection(host, parts.port, timeout=settings.timeout)
    if parts.scheme == "https":
        trusting = ssl.create_default_context(cafile=settings.ca_file or None)
        connection = http.client.HTTPSConnection(host, parts.port, timeout=settings.timeout, context=trusting)

    def end() -> None:
        over.set()
        if held := connection.sock:
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

    guard = threading.Timer(settings.timeout, end)
    guard.start()
    try:
        connection.connect()
        if over.is_set():  # before there was anything to cut off
            raise TimeoutError
        yield connection
        if over.is_set():  # cut off, an answer ends like one that is complete
            raise TimeoutError
    except (OSError, http.client.HTTPException) as fault:
        if over.is_set():
            raise TimeoutError from fault
        raise
    finally:
        guard.cancel()
        connection.close()


def target_of(url: str) -> str:
    """Path and query, as a request line has them."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def answer_of(response: http.client.HTTPResponse) -> Answer:
    """Reads the receiver's response to a call."""
    words = escape_visible(f"{response.status} {response.reason}").strip()
    if 200 <= response.status < 300:
        return Answer("taken", words)
    if 300 <= response.status < 400:
        return Answer("failed", f"{words}: it sends us elsewhere, and that is not followed; change the URL")
    said = response.read(QUOTED).decode("utf-8", "replace")
    words += f": {escape_visible(' '.join(said.split()))}" if said.strip() else ""
    kind = "gone" if response.status == 410 else "refused" if response.status in REFUSING else "failed"
    return Answer(kind, words, rest_of(response.headers.get("retry-after", "")))


def rest_of(text: str) -> timedelta:
    """Returns how long to wait, where the receiver says so in seconds (RFC 9110, 10.2.3)."""
    return timedelta(seconds=int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else timedelta()
