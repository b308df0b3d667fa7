"""Reads DMARC aggregate reports out of messages to the address for these, in a sandbox of its own."""

import json
from collections.abc import Collection
from typing import Self

from triage.addressing.envelope import Envelope, parse_or_none
from triage.message.dmarc_reports.aggregate_report import AggregateReport
from triage.runtime.sandbox_pool import Overrun, Pool

MEMORY = 256 * 1024 * 1024  # bytes
SECONDS = 10.0
FUNCTION = "triage.message.dmarc_reports.read_report:read_json"


class ReportReader:
    """One child that reads reports; safe for several threads."""

    def __init__(self, addresses: Collection[str]) -> None:
        """`addresses`: folded, to which reports are sent; none, and nothing is ever read."""
        self.addresses = addresses
        self.pool = Pool(FUNCTION, size=1, memory_bytes=MEMORY, seconds=SECONDS)

    def read(self, envelope: Envelope, raw: bytes) -> AggregateReport | None:
        """The report that a message is; None for any other message, and for one that is too much for its reader."""
        if not any(str(parse_or_none(one)) in self.addresses for one in envelope.recipients if self.addresses):
            return None
        try:
            found = json.loads(self.pool.run(raw))
            return AggregateReport.from_json(found) if isinstance(found, dict) else None
        except (Overrun, ValueError, RecursionError):
            return None

    def close(self) -> None:
        """End the child."""
        self.pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
