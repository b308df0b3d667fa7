"""Preconditions of a start: database, directory, SMTP server."""

import logging

from sqlmodel import Session, col, select

from mta.processing.recipient_map_writer import write_recipient_map
from triage.config.settings import Settings
from triage.errors import Refused
from triage.store import db
from triage.store.message_record.dictionaries import check_dictionaries
from triage.store.models.directory import KnownRecipient
from triage_cli.client.local_setup import database_of
from triage_cli.services.apply_directory import take_over

log = logging.getLogger("mailroom.serve")


def prepare_start(settings: Settings) -> None:
    """Prepares the start of the other roles: checks the database and the dictionary, reads the directory, writes the recipient map.

    A directory file that is wrong is refused on the first start; later the company goes on with the directory it has.
    """
    check_dictionaries()
    with database_of(settings) as engine:
        try:
            take_over(settings)
        except Refused as refusal:
            with db.read_transaction(engine) as session:
                if not has_directory(session):
                    raise
            log.error("the directory stays as it was: %s", refusal)
        write_recipient_map(settings, engine)


def has_directory(session: Session) -> bool:
    """Whether a directory has been taken over before."""
    return session.exec(select(col(KnownRecipient.address)).limit(1)).first() is not None
