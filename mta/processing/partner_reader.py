"""Reads which messages a partner company means that forwards suspicious ones to us, in a sandbox of its own."""

import json
import logging
from collections.abc import Collection

from mta.processing.pooled_reader import PooledReader
from triage.addressing.envelope import Envelope
from triage.message.authentication import Dmarc, Result
from triage.message.forwarded import Pointed
from triage.message.summary import Summary
from triage.runtime.sandbox_pool import Busy, Overrun, Pool

MEMORY = 512 * 1024 * 1024  # bytes
SECONDS = 5.0
PATIENCE = 0.5  # seconds that a report waits for the child; other messages need the worker
FUNCTION = "triage.message.outbound:read_json"

log = logging.getLogger(__name__)


class PartnerReader(PooledReader):
    """Child process that reads what partners forward; safe for several threads."""

    def __init__(self, addresses: Collection[str], partners: Collection[str]) -> None:
        """`addresses`: folded, to which reports are sent; `partners`: domains whose messages are reports. None, and nothing is read."""
        self.addresses, self.partners = addresses, partners
        self.pool = Pool(FUNCTION, size=1, memory_bytes=MEMORY, seconds=SECONDS, patience=PATIENCE)

    def read(self, envelope: Envelope, raw: bytes, proof: Dmarc) -> tuple[Pointed, ...] | None:
        """The messages that a partner's report is about, none where nothing can be read; None for any other message. Busy where others are
        read first: it comes again.
        """
        if proof.domain not in self.partners or proof.result not in (Result.PASS, Result.TEMPERROR) or not envelope.is_to(self.addresses):
            return None
        try:
            read = json.loads(self.pool.run(raw, forwarded=True))
            return tuple(Pointed.from_json(one) for one in read["pointed"])
        except Busy as fault:
            raise Busy("other reports of partners are read first") from fault
        except (Overrun, ValueError, TypeError, KeyError, RecursionError):  # a child that was taken over may answer anything
            return ()
        except RuntimeError as fault:  # no child can be started: that is no message's fault
            log.error("reports of partners are not read: %s", fault)
            return ()


def may_report(envelope: Envelope, summary: Summary) -> bool:
    """Whether a person may have written a message: no two programs ever thank each other."""
    return bool(envelope.reverse_path) and not summary.automatic and summary.content_type != "multipart/report"
