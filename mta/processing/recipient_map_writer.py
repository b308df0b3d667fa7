"""Keeps the SMTP server snapshot equal to the record: written on each machine when recipients or blocks have changed."""

import logging

from sqlalchemy import Engine

from mta.spool import block_refusals, recipient_map_file, refused_messages
from triage.config.settings import Settings
from triage.intake.build_recipient_map import build_recipient_map, recipient_map_version
from triage.policy.rules import store as rules
from triage.quarantine import refused_at_smtp
from triage.store.db import read_transaction, transaction
from triage.times import utcnow

log = logging.getLogger(__name__)


def write_recipient_map(settings: Settings, engine: Engine) -> str:
    """Writes the current recipient map; returns its version. OSError or a database error leaves the one before in place.

    As long as no directory was taken over there is none: the SMTP server asks everybody to come again and refuses nobody.
    """
    with read_transaction(engine) as session:
        now = utcnow()
        version = recipient_map_version(session, now)
        recipient_map = build_recipient_map(session, settings=settings, now=now)
    if recipient_map is None:
        log.warning("the directory is empty, so there is no recipient map: run `mailroom sync`")
    else:
        recipient_map_file.write_map(settings.spool.directory, recipient_map)
    return version


class RecipientMapWriter:
    """Writes the recipient map when recipients or blocks have changed."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings, self.engine = settings, engine
        self.version = ""

    def write_if_due(self) -> None:
        """Write it if need be."""
        with read_transaction(self.engine) as session:
            version = recipient_map_version(session, utcnow())
        if version != self.version:
            self.version = write_recipient_map(self.settings, self.engine)
            log.info("the recipient map is up to date, version %s", self.version)
        self.add_up_refusals()
        self.record_refused()

    def add_up_refusals(self) -> None:
        """Write down what blocks have refused at SMTP time. A crash in between may count a file twice, and loses none."""
        for path, counts in block_refusals.take_counts(self.settings.spool.directory):
            if counts:
                with transaction(self.engine) as session:
                    rules.count_refusals(session, counts, utcnow())
            path.unlink(missing_ok=True)

    def record_refused(self) -> None:
        """Write down what the SMTP server refused, for who asks where a message is. A crash in between may write a file twice."""
        for path, found in refused_messages.read_files(self.settings.spool.directory):
            if found:
                with transaction(self.engine) as session:
                    refused_at_smtp.record_refused(session, found, self.settings.company)
            path.unlink(missing_ok=True)
