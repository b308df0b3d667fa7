"""Searches the pictures of messages for QR codes, in sandboxes of their own: a message without pictures never waits for them."""

import json
import logging
from dataclasses import replace
from typing import Any

from mta.processing.pooled_reader import PooledReader
from triage.message.codes.code_links import add_codes
from triage.message.summary import NAME_LIMIT, Summary
from triage.runtime import sandbox
from triage.runtime.sandbox_pool import Busy, Overrun, Pool
from triage.say import say, say_count

CHILDREN = 2
MEMORY = 512 * 1024 * 1024  # bytes
SEARCH = 2  # seconds, within which a child begins on further pictures and draws pages
OVERTIME = 3.0  # seconds for what it has begun by then
PATIENCE = 3.0  # seconds that a message waits for a child
FUNCTION = "triage.message.codes.read_codes:read_json"

log = logging.getLogger(__name__)


class CodeReader(PooledReader):
    """A few children that read QR codes; safe for several threads. No PDF where no program may be started."""

    def __init__(self) -> None:
        self.draws = sandbox.can_draw()
        self.searches = self.draws or bool(sandbox.parser_socket())
        seconds, programs = SEARCH + OVERTIME, int(self.draws)
        self.pool = Pool(FUNCTION, size=CHILDREN, memory_bytes=MEMORY, seconds=seconds, programs=programs, patience=PATIENCE)

    def read(self, summary: Summary, raw: bytes) -> Summary:
        """The summary with the codes of its pictures. What could not be searched is said; the message goes on."""
        if not (summary.pictures and self.searches):
            return summary
        try:
            found, left = parse_answer(self.pool.run(raw, pdf=self.draws, seconds=SEARCH))
        except Busy:
            return add_problem(summary, say("Its pictures were not searched for QR codes: too many messages have some."))
        except Overrun as fault:
            return add_problem(summary, say("Its pictures could not be searched for QR codes: {why}.", why=str(fault)), overlooked=True)
        except RuntimeError as fault:  # no child can be started: that is no message's fault
            log.error("pictures are not searched for QR codes: %s", fault)
            return add_problem(summary, say("Its pictures were not searched for QR codes."))
        coded = add_codes(summary, found)
        return add_problem(coded, describe_left(left), overlooked=True) if left else coded


def parse_answer(answer: bytes) -> tuple[list[tuple[str, str]], int]:
    """Places and addresses, and how many files were left out. Overrun where a child, which may have been taken over, says anything else."""
    try:
        said: Any = json.loads(answer)
        left, found = said["left"], [(place, target) for place, target in said["found"]]
        if not (isinstance(left, int) and left >= 0 and all(isinstance(one, str) for pair in found for one in pair)):
            raise TypeError
        return [(place[:NAME_LIMIT], target) for place, target in found], left
    except (ValueError, TypeError, KeyError, RecursionError) as fault:
        raise Overrun("the answer was malformed") from fault


def describe_left(left: int) -> str:
    """The sentence about files that were not searched."""
    return say_count(
        "{count} of its pictures and documents was not searched for QR codes: there were too many.",
        "{count} of its pictures and documents were not searched for QR codes: there were too many.",
        count=left,
    )


def add_problem(summary: Summary, problem: str, *, overlooked: bool = False) -> Summary:
    """The message with one thing more that was wrong. `overlooked`: it may have been made so."""
    added = (*summary.overlooked, problem) if overlooked else summary.overlooked
    return replace(summary, problems=(*summary.problems, problem), overlooked=added)
