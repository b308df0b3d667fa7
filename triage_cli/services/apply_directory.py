"""Takes a directory over as the settings say, for `mailroom sync` and the roles that follow the directory."""

import logging
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from directory_sync.reading import Reading
from directory_sync.source import open_source
from triage.actor import Actor
from triage.config.settings import Settings
from triage.directory import address_changes, apply as directory, stale_settings
from triage.directory.address_owners import Holders
from triage.directory.apply import Applied, Braked
from triage.directory.leaver_policy import Leaving
from triage.directory.sync_plan import Kind
from triage.notifications import alerts
from triage.say import error_sentence
from triage.store import db, last_runs
from triage.times import utcnow
from triage_cli.client.local_setup import database_of

log = logging.getLogger("mailroom.sync")


BY = Actor.system("sync")


NAMES = frozenset({Kind.GETS_ANOTHER_UID, Kind.GETS_ANOTHER_LOGIN, Kind.GETS_ANOTHER_IDENTITY, Kind.GIVES_WAY})  # said in the log, too


def take_over(
    settings: Settings, reading: Reading | None = None, *, dry_run: bool = False, confirmed: bool = False, same_people: bool = False
) -> Applied:
    """Make the database equal to what the directory says; Refused when that is wrong or too much, and nothing changes."""
    with database_of(settings) as engine:
        found = reading or open_source(settings).read(holders=read_holders(engine))
        try:
            applied = apply_to(engine, settings, found, dry_run=dry_run, sure=confirmed or dry_run, same_people=same_people)
        except Braked as why:
            with db.transaction(engine) as session:
                alerts.raise_brake(session, error_sentence(why), now=utcnow())
            raise
    for change in () if dry_run else applied.plan.changes:
        if change.kind in NAMES:
            log.info("directory: %s", change)
    for words in () if dry_run else applied.outdated:
        log.warning("settings: %s", words)
    return applied


def read_holders(engine: Engine) -> Holders:
    """Reads the holder of each address at the last directory sync."""
    with db.read_transaction(engine) as session:
        return address_changes.read_holders(session)


def apply_to(engine: Engine, settings: Settings, found: Reading, *, dry_run: bool, sure: bool, same_people: bool) -> Applied:
    """Take it over, in one transaction."""

    def take(session: Session) -> Applied:
        how: dict[str, Any] = {"leaving": leaving_of(settings), "ways": settings.api.sign_in}
        how |= {"same_people": same_people, "owners_wait": settings.directory.source == "ldap"}
        made = directory.apply_directory(session, found.company, settings.company, by=BY, now=utcnow(), confirmed=sure, **how)
        made = replace(made, outdated=tuple(stale_settings.find_outdated(session, settings)))
        if dry_run:
            session.rollback()
        else:
            alerts.clear_brake_alert(session)
            last_runs.directory_was_read(session, now=utcnow())
        return made

    return db.carry_out(engine, take)


def leaving_of(settings: Settings) -> Leaving:
    """Returns the settings for people who leave."""
    return Leaving(settings.directory.leavers, settings.directory.leaver_days)
