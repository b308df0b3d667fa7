"""Carries very large decisions out, a slice at a time: part of the upkeep role, in a thread of its own."""

import logging
import threading
import time

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from triage.compliance.audit import hash_chain
from triage.config.settings import Settings
from triage.quarantine.decisions import bulk_decisions
from triage.store import db
from triage.store.transaction_retry import pause_after
from triage.times import utcnow
from triage_cli.client.local_setup import wake_waiters

LOOK_EVERY = 0.5  # seconds
PATIENCE = 2.0  # with a database that is down
BREATH = 0.02  # seconds between two slices, in which others write

log = logging.getLogger("mailroom.upkeep")


def follow_bulk_decisions(settings: Settings, engine: Engine, holder: str, stop: threading.Event) -> None:
    """Look for large decisions and carry them out until told to stop. A database that is down is waited for."""
    ahead = bulk_decisions.Ahead()
    while not stop.wait(LOOK_EVERY):
        try:
            while not stop.wait(BREATH) and one_slice(settings, engine, holder, ahead):
                pass
        except DBAPIError as fault:
            stop.wait(pause_after(fault, PATIENCE))
        except Exception:  # one decision that cannot go on must not end this for all later ones
            log.exception("a large decision could not be carried out further")
            stop.wait(PATIENCE)


def one_slice(settings: Settings, engine: Engine, holder: str, ahead: bulk_decisions.Ahead) -> bool:
    """Carries out one slice of the oldest large decision, if this process is the one that does it; returns whether it did."""
    with db.read_transaction(engine) as session:
        decision_id = bulk_decisions.under_way(session)
        if decision_id is None:
            return False
        bulk_decisions.load_next_slices(session, decision_id, ahead, now=utcnow())
    with db.transaction(engine) as session:
        now = utcnow()
        if not hash_chain.elect_sealer(session, holder, now, duty=bulk_decisions.DUTY, lease=bulk_decisions.LEASE):
            return False
        begun = time.monotonic()  # as of which it holds the file
        bulk_decisions.go_on(session, decision_id, now=now, settings=settings, ahead=ahead)
    ahead.adjust_size(time.monotonic() - begun)
    wake_waiters(settings, "relay", "recall", "change")
    return True
