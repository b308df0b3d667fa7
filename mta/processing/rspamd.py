"""Asks the company's own Rspamd over HTTP what it would do with a message."""

import http
import http.client
import json
import math
import re
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from mta.processing.scanner import Scanner
from triage.addressing.envelope import Envelope
from triage.errors import BadInput
from triage.ids import format_id
from triage.message.signals.scan_results import Opinion
from triage.text.sanitize import escape_visible

LARGEST = 10 * 1024 * 1024  # bytes of a message that is sent there; larger ones are not junk's way
LONGEST_ANSWER = 1024 * 1024  # bytes
SYMBOLS = 5  # that are told: the heaviest
SYMBOL_LIMIT = 120  # characters
UNSAFE = re.compile(r"[\x00-\x1f\x7f]")


class Rspamd(Scanner[Opinion]):
    """Client of Rspamd."""

    def __init__(self, url: str, timeout: float) -> None:
        """`url`: of its normal worker, http://HOST:PORT; `timeout`: seconds for one message. BadInput when the URL is none."""
        self.host, self.port = parse_server(url, "rspamd_url", 11333)
        self.timeout = timeout
        super().__init__("Rspamd", f"{self.host}:{self.port}", LARGEST)

    def asked(self, envelope: Envelope, raw: bytes) -> Opinion:
        """See Scanner."""
        deadline = time.monotonic() + self.timeout
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.putrequest("POST", "/checkv2")
            for name, value in envelope_headers(envelope):
                connection.putheader(name, UNSAFE.sub("?", value).encode())
            connection.putheader("Content-Length", str(len(raw)))
            connection.endheaders(raw)
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                raise ValueError(f"it answers {response.status} {response.reason}")
            return parse_opinion(json.loads(read_body(response, connection, deadline)))
        finally:
            connection.close()

    def ping(self) -> None:
        """See Scanner."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request("GET", "/ping")
            if not connection.getresponse().read(LONGEST_ANSWER).startswith(b"pong"):
                raise ValueError("it does not say pong")
        finally:
            connection.close()


def parse_server(url: str, setting: str, usual: int) -> tuple[str, int]:
    """Host and port of http://HOST:PORT; `usual`: the port where none is named. BadInput when it is none."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port or usual
    except ValueError as fault:
        raise BadInput(f"[policy] {setting}: “{url}”: {fault}") from fault
    if parts.scheme != "http" or not host or parts.path.strip("/"):
        raise BadInput(f"[policy] {setting}: “{url}” is not http://HOST:PORT, such as http://127.0.0.1:{usual}")
    return host, port


def envelope_headers(envelope: Envelope) -> Iterator[tuple[str, str]]:
    """Yields the envelope as header fields of Rspamd's protocol (/checkv2)."""
    yield "IP", envelope.client
    yield "Helo", envelope.helo
    yield "From", envelope.reverse_path
    for recipient in envelope.recipients:
        yield "Rcpt", recipient
    if envelope.client_name:
        yield "Hostname", envelope.client_name
    yield "Queue-Id", format_id(envelope.spool_id)


def read_body(response: http.client.HTTPResponse, connection: http.client.HTTPConnection, deadline: float) -> bytes:
    """The body, within its limits of size and time."""
    pieces: list[bytes] = []
    while piece := response.read1(64 * 1024):
        pieces.append(piece)
        left = deadline - time.monotonic()
        if left <= 0 or sum(map(len, pieces)) > LONGEST_ANSWER:
            raise ValueError("its answer is too slow or too long")
        if connection.sock:
            connection.sock.settimeout(left)
    return b"".join(pieces)


def parse_opinion(answer: object) -> Opinion:
    """Parses Rspamd's answer. ValueError when it is none."""
    if not isinstance(answer, dict) or not isinstance(answer.get("action"), str):
        raise ValueError("its answer names no action")
    score, limit = (finite_number(answer.get(name)) for name in ("score", "required_score"))
    return Opinion(escape_visible(answer["action"])[:SYMBOL_LIMIT], score, limit, heaviest_symbols(answer.get("symbols")))


def heaviest_symbols(found: object) -> tuple[str, ...]:
    """Returns the symbols against the message, the heaviest first: their descriptions, or the names where there are none."""
    values = [(name, one) for name, one in found.items() if isinstance(one, dict)] if isinstance(found, dict) else []
    against = [(finite_number(one.get("score")) or 0.0, str(one.get("description") or name)) for name, one in values]
    heaviest = sorted((one for one in against if one[0] > 0), key=lambda one: (-one[0], one[1]))[:SYMBOLS]
    return tuple(escape_visible(text)[:SYMBOL_LIMIT] for _, text in heaviest)


def finite_number(number: object) -> float | None:
    """A number as one, None for anything else."""
    return float(number) if isinstance(number, (int, float)) and math.isfinite(number) else None
