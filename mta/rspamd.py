"""Asks the company's own Rspamd over HTTP what it would do with a message."""

import http.client
import json
import logging
import math
import re
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from triage.envelope import Envelope
from triage.errors import BadInput
from triage.ids import show
from triage.visible import visible

LARGEST = 10 * 1024 * 1024  # bytes of a message that is sent there; larger ones are not junk's way
LONGEST_ANSWER = 1024 * 1024  # bytes
PAUSE = 30.0  # seconds in which it is left alone after it did not answer
UNSAFE = re.compile(r"[\x00-\x1f\x7f]")

log = logging.getLogger(__name__)


class Rspamd:
    """One Rspamd; safe for several threads. While it does not answer, nobody waits for it."""

    def __init__(self, url: str, timeout: float) -> None:
        """`url`: of its normal worker, http://HOST:PORT; `timeout`: seconds for one message. BadInput when the URL is none."""
        parts = urlsplit(url)
        try:
            self.host, self.port = parts.hostname or "", parts.port or 11333
        except ValueError as fault:
            raise BadInput(f"[policy] rspamd_url: {url!r}: {fault}") from fault
        if parts.scheme != "http" or not self.host or parts.path.strip("/"):
            raise BadInput(f"[policy] rspamd_url: {url!r} is not http://HOST:PORT, such as http://127.0.0.1:11333")
        self.timeout = timeout
        self.lock = threading.Lock()
        self.not_before = 0.0

    def rejects(self, envelope: Envelope, raw: bytes) -> str:
        """Why Rspamd would reject the message, as a sentence without its end; "" when it would not, or does not answer."""
        if len(raw) > LARGEST or time.monotonic() < self.not_before:
            return ""
        try:
            answer = self.asked(envelope, raw)
        except (OSError, http.client.HTTPException, ValueError) as fault:
            self.leave_alone(fault)
            return ""
        return sentence(answer)

    def asked(self, envelope: Envelope, raw: bytes) -> object:
        """Rspamd's answer. OSError, HTTPException or ValueError when there is none within the time."""
        deadline = time.monotonic() + self.timeout
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.putrequest("POST", "/checkv2")
            for name, value in headers(envelope):
                connection.putheader(name, UNSAFE.sub("?", value).encode())
            connection.putheader("Content-Length", str(len(raw)))
            connection.endheaders(raw)
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                raise ValueError(f"it answers {response.status} {response.reason}")
            return json.loads(whole(response, connection, deadline))
        finally:
            connection.close()

    def leave_alone(self, fault: Exception) -> None:
        """Ask nothing for a while; say so once."""
        with self.lock:
            silent = time.monotonic() >= self.not_before
            self.not_before = time.monotonic() + PAUSE
        if silent:
            log.warning(
                "Rspamd at %s:%d does not answer, for %d s mail is judged without it: %s", self.host, self.port, PAUSE, visible(str(fault))
            )


def headers(envelope: Envelope) -> Iterator[tuple[str, str]]:
    """What Rspamd wants to know of the envelope (its protocol, /checkv2)."""
    yield "IP", envelope.client
    yield "Helo", envelope.helo
    yield "From", envelope.reverse_path
    for recipient in envelope.recipients:
        yield "Rcpt", recipient
    if envelope.client_name:
        yield "Hostname", envelope.client_name
    yield "Queue-Id", show(envelope.spool_id)


def whole(response: http.client.HTTPResponse, connection: http.client.HTTPConnection, deadline: float) -> bytes:
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


def sentence(answer: object) -> str:
    """What the answer says against the message: only "reject" counts, everything softer is for people to look at."""
    if not isinstance(answer, dict) or answer.get("action") != "reject":
        return ""
    score, limit = answer.get("score"), answer.get("required_score")
    known = all(isinstance(number, (int, float)) and math.isfinite(number) for number in (score, limit))
    return "Rspamd would reject it" + (f" (score {score:.1f}, its limit is {limit:.0f})" if known else "")
