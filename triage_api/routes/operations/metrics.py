"""Numbers for a monitor: what waits, since when, and whether mail moves. Only for the networks that api.metrics names."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from prometheus_client.metrics_core import Metric
from sqlalchemy.exc import SQLAlchemyError

from triage.addressing.networks import is_within, parse_networks
from triage.config.alert_types import CAUSES
from triage.config.settings import Api
from triage.errors import BadInput
from triage.notifications.webhooks.outbox import Fared
from triage.reports.gauges import Gauges, read_gauges
from triage.runtime import disk_space, metrics as runtime_metrics
from triage.runtime.disk_space import Room
from triage.runtime.spool_stats import OUTBOUND, Backlog, spool_backlog
from triage.store import db
from triage.times import utcnow
from triage_api.http.client_address import is_hidden
from triage_api.http.dependencies import Here, Office
from triage_api.http.prometheus_format import MEDIA_TYPE, write_exposition, write_gauge, write_labelled
from triage_api.http.resource_router import name_operation
from triage_api.http.sign_in_log import place_of

FRESH = 5.0  # seconds that an answer is given again: counting a million deliveries takes a while
REFUSED = "These numbers are for the networks that api.metrics names, and yours is not among them.\n"

router = APIRouter(tags=["health"], default_response_class=PlainTextResponse, generate_unique_id_function=name_operation)


@router.get("/metrics", include_in_schema=False)  # it has a format and readers of its own
def metrics(here: Here, request: Request) -> PlainTextResponse:
    """Metrics in Prometheus' text format."""
    if not is_admitted(request, here.settings.api):
        return PlainTextResponse(REFUSED, 403)
    known: Metrics = request.app.state.metrics
    return PlainTextResponse(known.text(), media_type=MEDIA_TYPE)


def is_admitted(request: Request, api: Api) -> bool:
    """Whether this client may read the metrics."""
    if is_hidden(request, api):
        return False
    return is_within(place_of(request), parse_networks("api.metrics", api.metrics))


class Metrics:
    """The numbers of one API process, read again when they are older than FRESH."""

    def __init__(self, here: Office) -> None:
        """BadInput when api.metrics names something else than networks."""
        parse_networks("api.metrics", here.settings.api.metrics)
        self.here = here
        self.lock = threading.Lock()
        self.read_at, self.known = -FRESH, ""

    def text(self) -> str:
        """The document. Without a database it says so, and has what needs none."""
        with self.lock:
            if time.monotonic() - self.read_at >= FRESH:
                families = [*self.of_spool(), *self.of_record(), *self.of_machine(), *self.of_processes()]
                self.known, self.read_at = write_exposition(families), time.monotonic()
            return self.known

    def of_spool(self) -> Iterable[Metric]:
        """Metrics of this machine's spool."""
        try:
            waiting = spool_backlog(self.here.settings.spool.directory)
        except OSError:
            return [write_gauge("mailroom_spool_up", "1 when the spool directory of this machine can be read.", 0)]
        try:
            leaving = spool_backlog(self.here.settings.spool.directory / OUTBOUND)
        except OSError:
            leaving = Backlog()  # nobody hands over employees' mail on this machine
        return spool_families(waiting, leaving, utcnow())

    def of_processes(self) -> Iterable[Metric]:
        """Counters and timers of this machine's roles."""
        try:
            return runtime_metrics.collect_metrics(self.here.settings.spool.directory)
        except BadInput:
            return []

    def of_machine(self) -> Iterable[Metric]:
        """Metrics of this machine: the time, and free space."""
        return machine_families(dict(disk_space.visible_rooms(self.here.settings)), utcnow())

    def of_record(self) -> Iterable[Metric]:
        """Metrics from the database."""
        now = utcnow()
        try:
            with db.read_transaction(self.here.engine) as session:
                found = read_gauges(session, now)
        except SQLAlchemyError:
            return [write_gauge("mailroom_database_up", "1 when the database answers.", 0)]
        return record_families(found, now, follows=self.here.settings.directory.source == "ldap")


def spool_families(waiting: Backlog, leaving: Backlog, now: datetime) -> list[Metric]:
    """The backlog, in words that Prometheus knows."""
    return [
        write_gauge("mailroom_spool_up", "1 when the spool directory of this machine can be read.", 1),
        write_labelled(
            "mailroom_spool_messages",
            "Accepted messages of this machine that wait to be judged; outbound: employees' messages to be sent.",
            "spool",
            {"incoming": waiting.messages, "retry": waiting.deferred, "outbound": leaving.messages + leaving.deferred},
        ),
        write_labelled(
            "mailroom_spool_oldest_age_seconds",
            "Age of the oldest message in this spool that was not processed yet.",
            "spool",
            {"incoming": age_of(waiting.oldest, now), "outbound": age_of(leaving.oldest, now)},
        ),
        write_labelled(
            "mailroom_spool_stuck_messages",
            "Accepted messages of this machine that were retried too often: `mailroom spool` says why.",
            "spool",
            {"incoming": waiting.stuck, "outbound": leaving.stuck},
        ),
        write_gauge("mailroom_spool_damaged_batches", "Damaged spool batches, kept for inspection.", waiting.damaged),
    ]


def machine_families(rooms: dict[str, Room], now: datetime) -> list[Metric]:
    """The machine's numbers, in words that Prometheus knows."""
    free = "Free disk space of this machine: spool, database (SQLite), checkpoints, mailboxes (Maildirs)."
    return [
        write_gauge("mailroom_time_seconds", "The time of this machine's clock (Unix time).", now.timestamp()),
        write_labelled("mailroom_disk_free_bytes", free, "place", {name: one.free for name, one in rooms.items()}),
        write_labelled("mailroom_disk_size_bytes", "The size of that disk.", "place", {name: one.size for name, one in rooms.items()}),
    ]


def record_families(found: Gauges, now: datetime, *, follows: bool) -> list[Metric]:
    """The record's numbers, in words that Prometheus knows. `follows`: a directory server is asked again and again."""
    return [
        write_gauge("mailroom_database_up", "1 when the database answers.", 1),
        write_labelled(
            "mailroom_deliveries",
            "Deliveries that are not final, by state.",
            "state",
            {str(state): count for state, count in found.by_state.items()},
        ),
        write_gauge("mailroom_emergency_open", "1 while everything passes that is neither blocked nor forged.", int(found.emergency)),
        write_gauge("mailroom_held_oldest_age_seconds", "Age of the oldest held message.", age_of(found.oldest_held, now)),
        write_gauge("mailroom_queue_due", "Deliveries that are due.", found.due),
        write_gauge("mailroom_queue_due_age_seconds", "Age of the oldest due delivery.", age_of(found.longest_due, now)),
        write_gauge(
            "mailroom_recall_due",
            "Recalls and restores in mailboxes that are due.",
            found.recalls_due,
        ),
        write_gauge("mailroom_recall_due_age_seconds", "Age of the oldest due recall or restore.", age_of(found.longest_recall_due, now)),
        write_gauge(
            "mailroom_directory_age_seconds",
            "Time since the last accepted reading of the LDAP server; since the first audit entry if there was none.",
            *((age_of(found.directory_read, now),) if follows else ()),
        ),
        write_gauge(
            "mailroom_backup_age_seconds",
            "Time since the last `mailroom backup` of the database; with SQLite, since the first audit entry if there was none.",
            *((age_of(found.backup_made, now),) if found.backup_made else ()),
        ),
        write_labelled(
            "mailroom_alerts",
            "Active alerts, by cause.",
            "cause",
            {cause: found.alerts.get(cause, 0) for cause in CAUSES},
        ),
        *webhook_families(found, now),
    ]


def webhook_families(found: Gauges, now: datetime) -> list[Metric]:
    """Builds the metrics of each webhook."""
    families: dict[str, tuple[str, Callable[[Fared], float]]] = {
        "mailroom_webhook_waiting": ("Calls that wait for a webhook.", lambda one: one.waiting),
        "mailroom_webhook_oldest_age_seconds": ("Age of the oldest waiting call.", lambda one: age_of(one.oldest, now)),
        "mailroom_webhook_failures": ("Failed calls in a row.", lambda one: one.failures),
        "mailroom_webhook_gone": ("1 when the receiver has said that it wants no more.", lambda one: int(one.gone)),
        "mailroom_webhook_dropped": ("Calls that were given up.", lambda one: one.dropped),
    }
    return [write_labelled(name, help, "hook", {one.name: read(one) for one in found.webhooks}) for name, (help, read) in families.items()]


def age_of(since: datetime | None, now: datetime) -> float:
    """Seconds since then; 0 when there is nothing."""
    return max(0.0, (now - since).total_seconds()) if since else 0.0
