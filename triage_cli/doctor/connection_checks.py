"""Doctor checks of connections: the directory, the resolvers, mailboxes."""

import grp
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path

from sqlalchemy import func, select
from sqlmodel import col

from directory_sync.source import open_source
from mail_auth.dns.query_budget import Temporary
from mail_auth.dns.resolver_factory import open_resolver
from mailboxes.imap import imap_login
from mailboxes.mailbox import Unreachable
from mailboxes.recall.imap_mailbox import NO_UIDPLUS
from mta.processing.rspamd_learning import choose_controller
from mta.processing.scanners import choose_scanners
from triage.compliance import orphaned_references
from triage.config.alert_types import BRAKE
from triage.config.settings import Settings
from triage.directory import stale_settings
from triage.errors import BadInput, Refused
from triage.notifications.alerts import COMPANY
from triage.store import db
from triage.store.models.directory import Person
from triage.store.models.notifications import OpenAlert
from triage.text.numbers import format_count
from triage.times import utcnow
from triage_cli.client.local_setup import database_of
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding
from triage_cli.doctor.network_checks import PATIENCE


def check_directory(settings: Settings) -> Iterator[Finding]:
    """Can the directory be read? For LDAP: does sign-in work, and what does one page of people contain?"""
    try:
        if settings.directory.source == "ldap":
            yield from check_ldap(settings)
        else:
            company = open_source(settings).read().company
            yield Finding(OK, "directory", f"{format_count(len(company.people), 'person', 'people')} in {settings.directory.file}")
            if any(member.password_hash for member in company.staff):
                yield from read_by_others(Path(settings.directory.file))
    except Refused as fault:
        do = "correct it; until then the known addresses stay. `mailroom sync --dry-run` reads everything"
        yield Finding(FAIL, "directory", str(fault), do)
    yield from find_brake(settings)


def check_names(settings: Settings) -> Iterator[Finding]:
    """Do settings, rules, scopes and tokens name only existing people and departments?"""
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            outdated = stale_settings.find_outdated(session, settings)
            left = list(orphaned_references.find_orphans(session, settings.company, utcnow()))
    except BadInput:
        return
    for words in outdated:
        do = "write the current name into the settings: until then this line has no effect"
        yield Finding(WARN, "names", words, do)
    for one in left:
        yield Finding(WARN, "names", one.found, one.do)


def read_by_others(file: Path) -> Iterator[Finding]:
    """Warns when everybody on this machine can read the hashes of passwords in a file. Whoever copies an example makes it so."""
    if file.stat().st_mode & 0o007 and all(one.stat().st_mode & 0o001 for one in file.resolve().parents):
        words = f"every user of this machine can read {file}, which holds password hashes"
        own = os.getgid()  # the units', where they run this
        group = next((one.gr_name for one in grp.getgrall() if one.gr_gid == own), own)
        yield Finding(WARN, "directory", words, f"chgrp {group} {file} && chmod 640 {file}")


def find_brake(settings: Settings) -> Iterator[Finding]:
    """Warns when the brake on directory changes was pulled: then what the directory says now is not what counts here."""
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            pulled = session.get(OpenAlert, (BRAKE, COMPANY, ""))
    except BadInput:
        return
    if pulled:
        do = "`mailroom sync --dry-run` shows what would change; `mailroom sync --confirm` accepts the change"
        words = f"its changes are refused since {pulled.raised_at:%d %b %H:%M} UTC: {pulled.words}"
        yield Finding(FAIL, "directory", words, do)


def check_ldap(settings: Settings) -> Iterator[Finding]:
    """Checks which people the LDAP server shows us, and that it has the staff groups. Refused when it lets us read nothing."""
    from directory_sync.ldap.ldap_connection import open_connection  # with a directory in a file no LDAP is loaded
    from directory_sync.ldap.ldap_source import LdapSource

    source = LdapSource(settings.directory, settings.company)
    place = replace(source.place, timeout=min(source.place.timeout, int(PATIENCE)))
    people = source.kinds[0]
    with open_connection(place) as server:
        seen = next(server.search(people.base, people.query, people.attributes), None)
        unknown = list(source.unknown_groups(server))
    if seen is None:
        do = "change directory.base or people_filter, or give our account read access; nothing changes until then"
        yield Finding(FAIL, "directory", f"{place.url} shows no person below {people.base} for {people.query}", do)
    else:
        yield Finding(OK, "directory", f"{place.url} accepts our sign-in and shows people below {people.base}")
    for group in unknown:
        words = f"it shows no group {group}, which staff_groups names: that line has no effect"
        yield Finding(
            WARN,
            "directory",
            words,
            "write its name as on the server, or give our account read access (directory.group_base, group_filter)",
        )


def check_resolvers(settings: Settings) -> Iterator[Finding]:
    """Does DNS answer, and do the MX records lead here?"""
    try:
        resolver = open_resolver(settings.dns)
        for domain in settings.company.domains:
            hosts = [str(one).split()[-1].lower() for one in resolver.query(domain, "MX", time.monotonic() + PATIENCE)]
            if hosts:
                yield Finding(OK, "dns", f"messages for {domain} go to {', '.join(sorted(hosts))}")
            else:
                yield Finding(WARN, "dns", f"{domain} has no MX record", "publish one for this server, or for your edge server")
    except (BadInput, Temporary) as fault:
        do = "check dns.nameservers: without DNS no sender can be verified, and messages are deferred for up to 15 minutes, then held"
        yield Finding(FAIL, "dns", str(fault), do)


def check_scanners(settings: Settings) -> Iterator[Finding]:
    """Do ClamAV and Rspamd answer, where the settings name them?"""
    do = "start it, or change the address in [policy]; until then messages are judged without it, with a note"
    try:
        asked = [(one.name, one.where, one.ping) for one in choose_scanners(settings).all]
        if controller := choose_controller(settings):
            asked.append((controller.name, controller.where, controller.ping))
        for name, where, ping in asked:
            try:
                ping()
            except (OSError, HTTPException, ValueError) as fault:
                yield Finding(FAIL, "scanners", f"{name} at {where} does not answer: {fault}", do)
            else:
                yield Finding(OK, "scanners", f"{name} answers at {where}")
    except BadInput as fault:
        yield Finding(FAIL, "scanners", str(fault), "correct the settings")


def check_mailboxes(settings: Settings) -> Iterator[Finding]:
    """Does the sign-in to a mailbox over IMAP work? No folder is opened."""
    if not settings.recall.imap:
        if not settings.reaches_mailboxes:
            do = "set [recall], so that a purge can remove delivered messages"
            yield Finding(WARN, "mailboxes", "no access is configured: delivered messages cannot be removed", do)
        return
    try:
        mailbox = a_mailbox(settings)
    except BadInput:  # the database has a finding of its own
        return
    if not mailbox:
        yield Finding(WARN, "mailboxes", "no mailbox is known yet to try", "run `mailroom sync`, then run this again")
        return
    try:
        imap_login.check_login_settings(settings.recall)
        client = imap_login.open_session(replace(settings.recall, timeout=min(settings.recall.timeout, int(PATIENCE))), mailbox)
        try:
            expunges = client.has_capability("UIDPLUS") or client.has_capability("IMAP4rev2")
        finally:
            imap_login.hang_up(client)
    except (Refused, Unreachable) as fault:
        yield Finding(FAIL, "mailboxes", str(fault), "check [recall]: until then no message is removed from mailboxes or restored")
        return
    if expunges:
        yield Finding(OK, "mailboxes", f"{settings.recall.imap} accepts our sign-in to {mailbox}")
    else:
        yield Finding(FAIL, "mailboxes", NO_UIDPLUS, "use a server that has it; until then no message is removed from mailboxes")


def a_mailbox(settings: Settings) -> str:
    """The mailbox of somebody who works here, "" when nobody is known yet. BadInput when the database is not in order."""
    with database_of(settings) as engine, db.read_transaction(engine) as session:
        return session.scalar(select(func.min(col(Person.mailbox))).where(col(Person.active), col(Person.mailbox) != "")) or ""
