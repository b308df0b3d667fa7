"""Searches the pictures of messages for QR codes, in sandboxes of their own: a message without pictures never waits for them."""

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Self

from triage.message.codes.code_links import add_codes
from triage.message.summary import NAME_LIMIT, Summary
from triage.runtime import sandbox
from triage.runtime.sandbox_pool import Overrun, Pool
from triage.say import say

CHILDREN = 2
MEMORY = 512 * 1024 * 1024  # bytes
SEARCH = 2  # seconds, within which a child begins on further pictures and draws pages
OVERTIME = 3.0  # seconds for what it has begun by then
PATIENCE = 3.0  # seconds that a message waits for a child
FUNCTION = "triage.message.codes.read_codes:read_json"

log = logging.getLogger(__name__)


class CodeReader:
    """A few children that read QR codes; safe for several threads. No PDF where no program may be started."""

    def __init__(self) -> None:
        self.draws = sandbox.can_draw()
        self.searches = self.draws or bool(sandbox.parser_socket())
        self.pool = Pool(FUNCTION, size=CHILDREN, memory_bytes=MEMORY, seconds=SEARCH + OVERTIME, programs=int(self.draws))
        self.places = threading.BoundedSemaphore(CHILDREN)

    def read(self, summary: Summary, raw: bytes) -> Summary:
        """The summary with the codes of its pictures. What could not be searched is said; the message goes on."""
        if not (summary.pictures and self.searches):
            return summary
        if not self.places.acquire(timeout=PATIENCE):
            return add_problem(summary, say("Its pictures were not searched for QR codes: too many messages have some."))
        try:
            found = tuple(parse_answer(self.pool.run(raw, pdf=self.draws, seconds=SEARCH)))
        except Overrun as fault:
            return add_problem(summary, say("Its pictures could not be searched for QR codes: {why}.", why=str(fault)), overlooked=True)
        except RuntimeError as fault:  # no child can be started: that is no message's fault
            log.error("pictures are not searched for QR codes: %s", fault)
            return add_problem(summary, say("Its pictures were not searched for QR codes."))
        finally:
            self.places.release()
        return add_codes(summary, found)

    def close(self) -> None:
        """End the children."""
        self.pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def parse_answer(answer: bytes) -> Iterator[tuple[str, str]]:
    """Places and addresses. Overrun where a child, which may have been taken over, says anything else."""
    try:
        found: Any = json.loads(answer)
        for place, target in found:
            if not (isinstance(place, str) and isinstance(target, str)):
                raise TypeError
            yield place[:NAME_LIMIT], target
    except (ValueError, TypeError, RecursionError) as fault:
        raise Overrun("the answer was malformed") from fault


def add_problem(summary: Summary, problem: str, *, overlooked: bool = False) -> Summary:
    """The message with one thing more that was wrong. `overlooked`: it may have been made so."""
    added = (*summary.overlooked, problem) if overlooked else summary.overlooked
    return replace(summary, problems=(*summary.problems, problem), overlooked=added)
