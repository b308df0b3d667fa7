"""What commands on this machine begin with: the database at the right version, the one at the keyboard, the bells."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlmodel import Session

from migrations.version import check
from triage import db, telegraph
from triage.actor import EVERYTHING, Actor, Role
from triage.bell import Bell
from triage.settings import Settings
from triage_cli.asks import settings_of as settings_of


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
    """Whoever may run this command on this machine may do everything, under their own name."""
    login = getpass.getuser()
    return Actor("shell", login, Role.ADMIN, EVERYTHING, f"{login} (shell)", place=os.environ.get("SSH_CONNECTION", "").partition(" ")[0])


@contextmanager
def writing(settings: Settings, *bells: str) -> Iterator[Session]:
    """One transaction; after its commit the named bells and "change" are rung."""
    with database_of(settings) as engine, db.transaction(engine) as session:
        yield session
    ring(settings, *bells, "change")


@contextmanager
def looking(settings: Settings) -> Iterator[Session]:
    """A session that only reads."""
    with database_of(settings) as engine, db.reading(engine) as session:
        yield session


def ring(settings: Settings, *bells: str) -> None:
    """Wake those who wait, here and elsewhere. Without a spool on this machine nobody does here."""
    if settings.spool.directory.is_dir():
        for name in bells:
            bell = Bell(settings.spool.directory, name)
            bell.ring()
            bell.close()
    telegraph.tell(settings, bells)
