"""Reads DMARC aggregate reports out of messages to the address for these, in a sandbox of its own."""

import json
import logging
from collections.abc import Collection

from mta.processing.pooled_reader import PooledReader
from triage.addressing.envelope import Envelope
from triage.message.authentication import Dmarc, Result
from triage.message.dmarc_reports.aggregate_report import AggregateReport
from triage.runtime.sandbox_pool import Busy, Overrun, Pool

MEMORY = 256 * 1024 * 1024  # bytes
SEARCH = 2  # seconds, within which the child reads
OVERTIME = 1.0  # seconds, to end
PATIENCE = 0.5  # seconds that a report waits for the child; other messages need the worker
FUNCTION = "triage.message.dmarc_reports.read_report:read_json"

log = logging.getLogger(__name__)


class ReportReader(PooledReader):
    """Child process that reads reports; safe for several threads."""

    def __init__(self, addresses: Collection[str]) -> None:
        """`addresses`: folded, to which reports are sent; none, and nothing is ever read."""
        self.addresses = addresses
        self.pool = Pool(FUNCTION, size=1, memory_bytes=MEMORY, seconds=SEARCH + OVERTIME, patience=PATIENCE)

    def read(self, envelope: Envelope, raw: bytes, proof: Dmarc) -> AggregateReport | None:
        """The report that a proven message is; None for any other message, and for one that is too much for its reader. Busy where others
        are read first: it comes again.
        """
        if proof.result is not Result.PASS or not envelope.is_to(self.addresses):
            return None
        try:
            found = json.loads(self.pool.run(raw, seconds=SEARCH))
            return AggregateReport.from_json(found) if isinstance(found, dict) else None
        except Busy as fault:
            raise Busy("other DMARC reports are read first") from fault
        except (Overrun, ValueError, RecursionError):
            return None
        except RuntimeError as fault:  # no child can be started: that is no message's fault
            log.error("DMARC reports are not read: %s", fault)
            return None
