"""Client of a content scanner. A scanner that does not answer is skipped for a while, and messages are judged without it."""

import http.client
import logging
import threading
import time
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from triage.addressing.envelope import Envelope
from triage.say import say
from triage.text.sanitize import escape_visible

PAUSE = 30.0  # seconds in which somebody is left alone who did not answer

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class Scanner(ABC, Generic[Answer]):
    """Scanner of messages; safe for several threads. While it does not answer, nobody waits for it."""

    def __init__(self, name: str, where: str, largest: int) -> None:
        """`largest`: bytes of a message that is sent there at most."""
        self.name, self.where, self.largest = name, where, largest
        self.lock = threading.Lock()
        self.not_before = 0.0

    @abstractmethod
    def asked(self, envelope: Envelope, raw: bytes) -> Answer:
        """The answer. OSError, HTTPException or ValueError when there is none within the time."""

    @abstractmethod
    def ping(self) -> None:
        """OSError, HTTPException or ValueError when it is not there, or is somebody else."""

    def about(self, envelope: Envelope, raw: bytes) -> tuple[Answer | None, str]:
        """The answer about a message; or None, and why there is none, in a sentence."""
        if len(raw) > self.largest:
            return None, say("{scanner} did not check the message: it is too large.", scanner=self.name)
        if time.monotonic() >= self.not_before:
            try:
                return self.asked(envelope, raw), ""
            except (OSError, http.client.HTTPException, ValueError) as fault:
                self.pause_use(fault)
        return None, say("{scanner} did not check the message: no answer.", scanner=self.name)

    def pause_use(self, fault: Exception) -> None:
        """Ask nothing for a while; say so once."""
        with self.lock:
            silent = time.monotonic() >= self.not_before
            self.not_before = time.monotonic() + PAUSE
        if silent:
            why = escape_visible(str(fault))
            log.warning("%s at %s does not answer, for %d s mail is judged without it: %s", self.name, self.where, PAUSE, why)
