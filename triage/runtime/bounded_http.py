"""HTTP to identity providers and token endpoints, bounded in bytes and time; certificates are checked, redirects are not followed."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, SSLError

from triage.config.identity_providers import is_trustworthy
from triage.errors import Unanswered, Untrusted

LARGEST = 512 * 1024  # bytes of an answer
PIECE = 64 * 1024
AGENT = "Mailroom"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the JSON object of an answer; in how many seconds somebody may ask again, 0 when nothing is said about it."""

    status: int
    values: dict[str, Any]
    retry_after: float = 0.0


@dataclass
class Http:
    """HTTP client for one purpose, such as a sign-in, with one time limit for all its requests."""

    seconds: float
    issuer: str
    ca_file: str = ""
    ends: float = field(init=False)

    def __post_init__(self) -> None:
        self.ends = time.monotonic() + self.seconds

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object at a URL. Unanswered when there is none."""
        answer = self.request("GET", url, headers or {}, None)
        if answer.status != 200:
            raise Unanswered(f"{url} answered {answer.status}")
        return answer.values

    def request(self, method: str, url: str, headers: Mapping[str, str], body: str | None) -> Answer:
        """Sends a request. Unanswered when no whole answer comes in time, Untrusted when the URL or the answer must not be used."""
        if not is_trustworthy(url, self.issuer):
            raise Untrusted(f"“{url}” is no https:// address")
        try:
            with self.pool() as pool, self.deadline(pool.connection_from_url(url)):
                fields = {"accept": "application/json", "user-agent": AGENT} | dict(headers)
                response = pool.request(
                    method, url, body=body, headers=fields, redirect=False, retries=False, preload_content=False, timeout=self.timeout()
                )
                return Answer(response.status, self.values_of(response), seconds_until(response.headers.get("retry-after", "")))
        except SSLError as fault:
            raise Unanswered(f"{url} has no certificate that can be trusted, or breaks TLS off: {fault}") from fault
        except (HTTPError, OSError) as fault:
            raise Unanswered(f"{url} does not answer within {self.seconds:g} s: {type(fault).__name__}") from fault

    @contextmanager
    def deadline(self, pool: urllib3.HTTPConnectionPool) -> Iterator[None]:
        """Shut the connections of this pool when the time is over: a timeout alone starts again with each byte of the headers."""
        opened: list[socket.socket] = []

        class Watched(pool.ConnectionCls):  # type: ignore[name-defined, misc]
            def _new_conn(self) -> socket.socket:
                made: socket.socket = super()._new_conn()
                opened.append(made.dup())  # shuts the same connection, also below TLS
                return made

        def shut() -> None:
            for one in opened:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

        pool.ConnectionCls = Watched
        watchdog = threading.Timer(self.left(), shut)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()
            watchdog.join()
            for one in opened:
                one.close()

    def left(self) -> float:
        """Seconds that are left. Unanswered when there are none."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise Unanswered(f"no answer within {self.seconds:g} s")
        return left

    def pool(self) -> urllib3.PoolManager:
        """Connections that check certificates."""
        context = ssl.create_default_context(cafile=self.ca_file or None)
        return urllib3.PoolManager(num_pools=1, ssl_context=context)

    def timeout(self) -> urllib3.Timeout:
        """Timeout of the next request: the time that is left."""
        return urllib3.Timeout(total=self.left())

    def values_of(self, response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
        """The JSON object of an answer that ends in time and is not too large."""
        got = b""
        while piece := response.read1(PIECE):
            got += piece
            if len(got) > LARGEST:
                raise Untrusted(f"an answer of more than {LARGEST // 1024} KiB")
            if time.monotonic() > self.ends:
                raise Unanswered(f"no whole answer within {self.seconds:g} s")
        self.left()  # a connection that was shut looks like one that ended
        try:
            values = json.loads(got)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            if 200 <= response.status < 300:
                raise Untrusted("an answer that is no JSON object")
            return {}
        return values


def seconds_until(text: str) -> float:
    """Returns the seconds that Retry-After asks for (RFC 9110, 10.2.3), as a number or a date; 0 when it says nothing that can be read."""
    if text.isascii() and text.isdigit() and len(text) < 8:
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
