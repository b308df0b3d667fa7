"""A PostgreSQL standby (`database.read_url`) answers long questions while it has caught up; otherwise the primary server does.

Whoever searches sees all that was committed when they asked. Reports may be `database.read_lag_seconds` old, and end that long ago.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any, cast

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlmodel import Session

from triage.config.settings import Database
from triage.errors import BadInput
from triage.store import db
from triage.times import utcnow

CATCH_UP = 0.1  # seconds that a question waits for what was committed before it
LOOK = 0.005  # seconds between two looks
REST = 10.0  # seconds until a replica that failed is asked again
FAR_BEHIND = timedelta(seconds=1)  # not caught up in CATCH_UP
AS_OF = "as of"  # in Session.info
WRITTEN = text("SELECT CAST(pg_current_wal_lsn() AS text), clock_timestamp(), system_identifier FROM pg_control_system()")
REPLAYED = text(
    "SELECT pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn() >= CAST(:written AS pg_lsn), false),"
    " pg_last_xact_replay_timestamp(), system_identifier FROM pg_control_system()"
)

log = logging.getLogger(__name__)


class ReplicaFailed(SQLAlchemyError):
    """The replica ended a question; asked again at once, the primary server answers it."""


class NoReplica(Exception):
    """The server of `database.read_url` does not replicate that of `database.url`."""


def check_read_url(database: Database) -> None:
    """BadInput when `database.read_url` cannot be a replica of `database.url`."""
    if not database.read_url:
        return
    for name, url in (("database.read_url", database.read_url), ("database.url", database.url)):
        if not url.startswith(db.POSTGRESQL):
            raise BadInput(f"{name} must begin with postgresql:// where database.read_url is set: only PostgreSQL has read replicas")
    if database.read_lag_seconds < 1:
        raise BadInput("database.read_lag_seconds must be 1 or more")
    open_engine(database).dispose()


def open_engine(database: Database) -> Engine:
    """The engine for `database.read_url`. Nothing is connected yet; BadInput as in `db.open_engine`."""
    return db.postgresql_engine(database.read_url, "database.read_url")


class ReadReplica:
    """Engines of the primary server and of its replica, if there is one."""

    def __init__(self, primary: Engine, database: Database) -> None:
        """BadInput as in `check_read_url`. `primary` stays the caller's."""
        check_read_url(database)
        self.primary = primary
        self.engine = open_engine(database) if database.read_url else None
        self.most_lag = timedelta(seconds=database.read_lag_seconds)
        self.rests_until = 0.0
        self.fault = ""
        self.lock = threading.Lock()

    @contextmanager
    def read(self, *, may_lag: bool = False) -> Iterator[Session]:
        """A session that only reads: on the replica if it has all that is committed, or `may_lag` and it is not too far behind.

        ReplicaFailed when the replica ended a question.
        """
        with self.open_replica(may_lag) as session:
            if session is not None:
                yield session
                return
        with db.read_transaction(self.primary) as session:
            yield session

    @contextmanager
    def open_replica(self, may_lag: bool) -> Iterator[Session | None]:
        """A session on the replica; None when the primary server has to answer."""
        if self.engine is None or monotonic() < self.rests_until:
            yield None
            return
        written = self.read_position()
        try:
            connection = self.engine.connect()
        except DBAPIError as fault:
            self.rest(describe_fault(fault))
            yield None
            return
        with connection:
            as_of = self.find_moment(connection, written, self.most_lag if may_lag else timedelta(0))
            if as_of is None:
                yield None
                return
            with db.read_on(connection) as session:
                session.info[AS_OF] = as_of
                try:
                    yield session
                except DBAPIError as fault:  # before the session is closed: that rolls back, and no failure is seen any more
                    if not has_failed(connection):  # another database's fault, of what else the request did
                        raise
                    self.rest(describe_fault(fault))
                    raise ReplicaFailed(self.fault) from fault

    def read_position(self) -> Any:
        """Returns how far the primary server has written, its time, and the identifier of its cluster."""
        with db.read_transaction(self.primary) as session:
            return session.execute(WRITTEN).one()

    def find_moment(self, connection: Connection, written: Any, most_lag: timedelta) -> datetime | None:
        """Returns up to when the replica knows everything; None when that is too long ago, or when it is none."""
        try:
            found = await_replay(connection, written, most_lag)
        except (DBAPIError, NoReplica) as fault:
            self.rest(describe_fault(fault))
            return None
        self.note("" if found else "it is too far behind")
        return found

    def rest(self, why: str) -> None:
        """Leave the replica alone for a while."""
        self.rests_until = monotonic() + REST
        self.note(why)

    def note(self, fault: str) -> None:
        """Says in the log when the replica begins or ceases to be of use."""
        with self.lock:
            before, self.fault = self.fault, fault
        if fault and not before:
            log.warning("database.read_url is not used, database.url answers alone: %s", fault)
        elif before and not fault:
            log.info("database.read_url is used again")

    def close(self) -> None:
        """Close the connections to the replica."""
        if self.engine is not None:
            self.engine.dispose()


def await_replay(connection: Connection, written: Any, most_lag: timedelta) -> datetime | None:
    """Returns up to when a replica knows everything, at most `most_lag` before `written`; None when it does not catch up soon.

    NoReplica when it is no standby of that server.
    """
    looking = connection.execution_options(isolation_level="AUTOCOMMIT")
    position, now, cluster = written
    ends = monotonic() + CATCH_UP
    while True:
        is_standby, has_all, replayed_at, other = looking.execute(REPLAYED, {"written": position}).one()
        looking.commit()
        if not is_standby or other != cluster:
            raise NoReplica("it is not a standby" if not is_standby else "it replicates another server")
        if has_all:
            return cast(datetime, now).astimezone(UTC)
        lag = now - replayed_at if replayed_at else None
        if lag is not None and lag <= most_lag:
            return cast(datetime, replayed_at).astimezone(UTC)
        if monotonic() > ends or (lag is not None and lag > FAR_BEHIND):
            return None
        sleep(LOOK)


def measure_lag(primary: Engine, database: Database) -> timedelta | None:
    """Returns the age of the replica's knowledge; None when it does not say. DBAPIError or NoReplica when it cannot be used."""
    reads = ReadReplica(primary, database)
    assert reads.engine is not None
    written = reads.read_position()
    try:
        with reads.engine.connect() as connection:
            moment = await_replay(connection, written, timedelta.max)
    finally:
        reads.close()
    return written[1] - moment if moment else None


def describe_fault(fault: DBAPIError | NoReplica) -> str:
    """Says why the replica is of no use, in the words of its driver or in ours."""
    return str(fault.orig if isinstance(fault, DBAPIError) else fault).strip()


def has_failed(connection: Connection) -> bool:
    """Whether this connection is broken, or its transaction was."""
    if connection.invalidated:
        return True
    driver: Any = connection.connection.dbapi_connection
    return driver.info.transaction_status.name in ("INERROR", "UNKNOWN")


def limit_end(session: Session, until: datetime | None) -> datetime | None:
    """Returns the end of a period that is asked for, or where the replica's knowledge ends if that is earlier."""
    known: datetime | None = session.info.get(AS_OF)
    return min(until, known) if until and known else until


def as_of(session: Session) -> datetime:
    """Up to when a session of `ReadReplica.read` knows everything."""
    return session.info.get(AS_OF) or utcnow()
