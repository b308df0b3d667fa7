"""Sends the streams of security events: JSON lines to a file or to standard output, and syslog over TLS."""

import logging
import socket
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from triage.compliance.audit import hash_chain
from triage.config.settings import Settings
from triage.notifications import event_streams
from triage.notifications.event_streams import LINES, SYSLOG, Stretch
from triage.notifications.security_events import LONGEST, write_line
from triage.runtime import durable_files, metrics
from triage.store.db import read_transaction, transaction
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from webhooks import syslog_tls

STDOUT = "stdout"
PAUSES = (1.0, 5.0, 15.0, 60.0)  # seconds after failures, the last one again and again

log = logging.getLogger(__name__)


def write_lines(events: Sequence[dict[str, Any]], settings: Settings) -> None:
    """Add them to siem.lines, on disk when this returns. The file is opened again each time, so that it can be rotated."""
    lines = b"".join(write_line(one) + b"\n" for one in events)
    if settings.siem.lines == STDOUT:
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()
    else:
        durable_files.append_lines(Path(settings.siem.lines), lines, longest=LONGEST + 1)


SENDERS: dict[str, Callable[[Sequence[dict[str, Any]], Settings], None]] = {LINES: write_lines, SYSLOG: syslog_tls.send_events}


def run_stream(stream: str, settings: Settings, engine: Engine) -> Callable[[], bool]:
    """Returns the work of one stream's thread. The audit log is its queue: what cannot be sent waits there."""
    failures, rests_until = 0, 0.0

    def turn() -> bool:
        """Send the next stretch, unless the stream rests after a failure."""
        nonlocal failures, rests_until
        if time.monotonic() < rests_until or (stretch := claim_stretch(stream, settings, engine)) is None:
            return False
        try:
            if stretch.events:
                SENDERS[stream](stretch.events, settings)
        except OSError as fault:
            pause = PAUSES[min(failures, len(PAUSES) - 1)]
            failures, rests_until = failures + 1, time.monotonic() + pause
            metrics.count_event("mailroom_security_event_failures", stream=stream)
            told = {"stream": stream, "why": escape_visible(str(fault) or type(fault).__name__), "pause": pause}
            log.warning("security events cannot be sent to %(stream)s, tried again after %(pause)d s: %(why)s", told)
            return False
        failures = 0
        metrics.count_event("mailroom_security_events", len(stretch.events), stream=stream)
        with transaction(engine) as session:
            event_streams.settle_stretch(session, stream, stretch)
        return True

    return turn


def claim_stretch(stream: str, settings: Settings, engine: Engine) -> Stretch | None:
    """The next stretch, where there is one and no process of another machine is at it."""
    with read_transaction(engine) as session:
        if not event_streams.is_behind(session, stream):
            return None
    holder, lease = socket.gethostname(), timedelta(seconds=3 * settings.siem.timeout)  # the next process of this machine goes on at once
    with transaction(engine) as session:
        if not hash_chain.elect_sealer(session, holder, utcnow(), duty=event_streams.MARKER + stream, lease=lease):
            return None
        return event_streams.read_stretch(session, stream, settings)
