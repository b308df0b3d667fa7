"""Set-up of local commands: database version, the user at the keyboard, wake-up pipes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine
from sqlmodel import Session

from migrations.version import check
from triage.actor import Actor
from triage.config.settings import Settings
from triage.runtime.wakeup import WakeupPipe
from triage.store import db, pg_notify
from triage_cli.client.keyboard_user import at_the_keyboard

T = TypeVar("T")


@contextmanager
def database_of(settings: Settings) -> Iterator[Engine]:
    """The database, refused when it is not at this program's version; its connections are closed at the end."""
    engine = db.open_engine(settings.database.url)
    try:
        check(engine)
        yield engine
    finally:
        engine.dispose()


def shell_user() -> Actor:
    """Returns the actor of this shell: whoever may run this command on this machine may do everything, under their own name."""
    return Actor.shell(*at_the_keyboard())


def open_transaction(settings: Settings, work: Callable[[Session], T]) -> T:
    """Work in one transaction; after its commit "change" is rung."""
    with database_of(settings) as engine:
        done = db.carry_out(engine, work)
    wake_waiters(settings, "change")
    return done


@contextmanager
def open_read_session(settings: Settings) -> Iterator[Session]:
    """A session that only reads."""
    with database_of(settings) as engine, db.read_transaction(engine) as session:
        yield session


def wake_waiters(settings: Settings, *pipes: str) -> None:
    """Wake those who wait, here and elsewhere. Without a spool on this machine nobody does here."""
    if settings.spool.directory.is_dir():
        for name in pipes:
            pipe = WakeupPipe(settings.spool.directory, name)
            pipe.wake()
            pipe.close()
    pg_notify.notify_machines(settings, pipes)
