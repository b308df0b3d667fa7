"""Doctor checks of a Postfix on this machine: recipients that the directory lacks, and routes that lose or miss messages."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlmodel import col

from triage.config.settings import Settings
from triage.errors import BadInput
from triage.store import db
from triage.store.models.directory import KnownRecipient
from triage.text.numbers import format_count
from triage_cli.client.local_setup import database_of
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding
from triage_cli.quickstart.read_postfix import Postfix, open_postfix, read_postfix

WHAT = "mail server"
SHOWN = 5  # addresses that a finding names
BY_RECIPIENT = "disable it, and route chosen recipients to Mailroom (`mailroom quickstart`, docs/tutorial/quick-start.md)"


def check_postfix(settings: Settings) -> Iterator[Finding]:
    """With Postfix on this machine: does the directory know all its addresses, and do all messages pass through Mailroom?"""
    found = open_postfix()
    if found is None:
        return
    yield from unknown_addresses(settings, found)
    yield from listener_routes(found)
    if not found["mydestination"]:
        words = "mydestination of Postfix is empty: messages to root on this machine, such as cron's, bounce"
        yield Finding(WARN, WHAT, words, "postconf -e 'mydestination = $myhostname, localhost' and postfix reload")


def unknown_addresses(settings: Settings, found: Postfix) -> Iterator[Finding]:
    """Mailboxes and aliases in our domains that the directory lacks."""
    server = read_postfix(found)
    served = {address for address in (*server.mailboxes, *server.aliases) if address.rpartition("@")[2] in settings.company.domains}
    if not served:
        return
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            known = set(session.scalars(select(col(KnownRecipient.address)).where(col(KnownRecipient.address).in_(sorted(served)))))
    except BadInput:  # the database has a finding of its own
        return
    missing = sorted(served - known)
    if missing:
        shown = f"{', '.join(missing[:SHOWN])}{' …' if len(missing) > SHOWN else ''}"
        count = format_count(len(missing), "address", "addresses")
        words = f"the directory lacks {count} of Postfix ({shown}): Mailroom would refuse their messages"
        do = 'add them to the directory; until then keep smtp.unknown_recipients = "defer", so that nothing bounces'
        yield Finding(WARN, WHAT, words, do)
    else:
        yield Finding(OK, WHAT, f"the directory has all of Postfix's addresses ({len(served)})")


def listener_routes(found: Postfix) -> Iterator[Finding]:
    """A content_filter on port 25 takes everybody's messages, and none at all behind postscreen."""
    for name, value in found.overrides.items():
        service, _, parameter = name.rpartition("/")
        if parameter != "content_filter" or not value or not service.startswith("smtp/"):
            continue
        if "postscreen" in found.services.get(service, ""):
            words = f"content_filter is set on {service}, which is postscreen: it has no effect, and messages pass unheld"
            yield Finding(FAIL, WHAT, words, BY_RECIPIENT)
        else:
            words = f"content_filter on {service} takes all messages: hosts in mynetworks cannot send outside, unknown aliases bounce"
            yield Finding(WARN, WHAT, words, BY_RECIPIENT)
