"""Looks at what waits, and has staff and the record told: part of the upkeep role, in a thread of its own."""

import logging
import threading
import time

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from triage.compliance.audit import hash_chain
from triage.config.settings import Settings
from triage.notifications import alerts, digests, new_places, staff_mail
from triage.quarantine.requests import outside_reports, suspicion_reports
from triage.store import db
from triage.store.transaction_retry import pause_after
from triage.times import utcnow
from triage_cli.client.local_setup import wake_waiters

LOOK_EVERY = 5.0  # seconds
DUTY = "alerts"
ANSWERS = {  # by whether anybody may wait for a verdict
    suspicion_reports.has_unanswered_reporters: suspicion_reports.send_verdicts,
    outside_reports.has_unanswered_reporters: outside_reports.send_verdicts,
}

log = logging.getLogger("mailroom.upkeep")


def follow_alerts(settings: Settings, engine: Engine, holder: str, stop: threading.Event) -> None:
    """Look again and again until told to stop. A database that is down is waited for."""
    pause = LOOK_EVERY
    while not stop.wait(pause):
        pause = LOOK_EVERY
        try:
            watch_alerts(settings, engine, holder)
            notify_employees(settings, engine, holder, stop)
            notify_reporters(settings, engine, holder)
            notify_owners(settings, engine, holder)
        except DBAPIError as fault:
            pause = pause_after(fault, LOOK_EVERY)
        except Exception:  # one alert that cannot be sent must not end this for all later ones
            log.exception("alerts could not be looked at")


def watch_alerts(settings: Settings, engine: Engine, holder: str) -> bool:
    """Looks for alerts once, and writes only where there is something to write; returns whether there was."""
    with db.read_transaction(engine) as session:
        now = db.at_earliest(session, utcnow())
        found = alerts.find_alerts(session, settings, now)
        news = (
            alerts.has_changed(session, found)
            or alerts.due_for_record(session, settings, now)
            or staff_mail.due_notices(session, settings, now)
        )
    if not news:
        return False
    with db.transaction(engine) as session:
        now = db.at_earliest(session, utcnow())
        if not hash_chain.elect_sealer(session, holder, now, duty=DUTY):
            return False
        alerts.store_alerts(session, found, now=now)
        recorded = alerts.record_alerts(session, settings, now=now)
        notices = staff_mail.queue_notices(session, settings, now=now)
    if recorded or notices:
        wake_waiters(settings, "relay", "change")
        log.info("%d alerts recorded, %d notices to staff queued", recorded, notices)
    return True


def notify_employees(settings: Settings, engine: Engine, holder: str, stop: threading.Event) -> int:
    """Tell people what waits for them, slice by slice, when it is time; how many were looked at. Alerts do not wait for the last one."""
    until = time.monotonic() + LOOK_EVERY
    with db.read_transaction(engine) as session:
        moment = digests.due_moment(session, settings, db.at_earliest(session, utcnow()))
    number = 0
    while moment and not stop.is_set() and time.monotonic() < until:
        with db.transaction(engine) as session:
            now = db.at_earliest(session, utcnow())  # as every machine sees it: else one that is ahead and one that is right tell in turns
            some = (
                digests.send_digests(session, settings, moment, now=now) if hash_chain.elect_sealer(session, holder, now, duty=DUTY) else 0
            )
        if not some:
            break
        number += some
        wake_waiters(settings, "relay")
    if number:
        log.info("%d daily digests queued", number)
    return number


def notify_reporters(settings: Settings, engine: Engine, holder: str) -> int:
    """Tell those who reported mail what came of it; how many."""
    with db.read_transaction(engine) as session:
        if not any(waits(session) for waits in ANSWERS):
            return 0
    with db.transaction(engine) as session:
        told = (
            sum(send(session, settings=settings, now=utcnow()) for send in ANSWERS.values())
            if hash_chain.elect_sealer(session, holder, utcnow(), duty=DUTY)
            else 0
        )
    if told:
        wake_waiters(settings, "relay", "change")
        log.info("%d reporters get an answer", told)
    return told


def notify_owners(settings: Settings, engine: Engine, holder: str) -> int:
    """Queue messages to the owners of staff accounts about sign-ins from new addresses; how many."""
    with db.read_transaction(engine) as session:
        if not new_places.is_behind(session):
            return 0
    with db.transaction(engine) as session:
        now = db.at_earliest(session, utcnow())
        told = new_places.notify_owners(session, settings, now=now) if hash_chain.elect_sealer(session, holder, now, duty=DUTY) else 0
    if told:
        wake_waiters(settings, "relay", "change")
        log.info("queued %d messages to owners of accounts about sign-ins from new addresses", told)
    return told
