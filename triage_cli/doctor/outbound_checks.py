"""Doctor checks of outgoing messages: submitters, smarthost, progress, proof and learning."""

import ipaddress
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlmodel import Session, col

from mail_auth import dkim, message
from mail_auth.dns.query_budget import Questions
from mail_auth.dns.resolver_factory import open_resolver
from triage.config.settings import Settings
from triage.delivery.outbound_notices import OUTBOUND as SENT_ON
from triage.delivery.routes import next_hop_of
from triage.errors import BadInput, NotFound
from triage.message.authentication import Dkim, Result
from triage.policy.contacts import contact_review
from triage.runtime.spool_stats import OUTBOUND, spool_backlog
from triage.store import bodies, db
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.text.numbers import format_count
from triage.times import utcnow
from triage_cli.client.local_setup import database_of
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding, find_stuck, open_to_others

WHAT = "outbound"
LATE = timedelta(minutes=1)
LATEST = 20  # deliveries of employees' mail whose signatures are looked at
MOST_OF_ONE = 256  # public addresses in a network that can still be one company's own


def check_outbound(settings: Settings) -> Iterator[Finding]:
    """Outgoing messages: who may submit them, where do they go, are they sent, signed by DKIM, and learned from?"""
    if not settings.takes_outbound:
        yield Finding(OK, WHAT, "no server submits employees' messages: no contacts are learned (docs/how-to/outgoing-mail.md)")
        return
    from mta.outbound.outbound_processor import check_outbound_settings  # loads a whole role, which most companies do not run
    from mta.session.submitters import Submitters

    try:
        Submitters(settings.outbound)
        check_outbound_settings(settings)
    except BadInput as fault:
        yield Finding(FAIL, WHAT, str(fault), "correct that setting; `mailroom outbound` does not start until then")
        return
    yield from check_senders(settings)
    yield from way_out(settings)
    yield from check_waiting(settings)
    yield from check_refused(settings)
    yield from check_signed(settings)
    yield from check_lessons(settings)


def check_senders(settings: Settings) -> Iterator[Finding]:
    """Checks that nobody else may send outgoing messages: no strangers' networks, and an accounts file that only we can read."""
    named = settings.outbound.networks
    networks = [ipaddress.ip_network(text, strict=False) for text in named]
    wide = [str(one) for one in networks if one.is_global and one.num_addresses > MOST_OF_ONE]
    if wide:
        words = f"outbound.networks holds {', '.join(wide)}: outsiders there could send through you"
        yield Finding(WARN, WHAT, words, "list only your own servers, or let them sign in (outbound.accounts_file)")
    file = Path(settings.outbound.accounts_file) if settings.outbound.accounts_file else None
    if file:
        yield from open_to_others(WHAT, file)
    programs = ["programs on this machine"] if settings.outbound.submit_directory else []
    if not wide:
        yield Finding(OK, WHAT, f"submitted by {' and '.join([*named, *(['accounts that sign in'] if file else []), *programs])}")


def way_out(settings: Settings) -> Iterator[Finding]:
    """Checks that outgoing messages never go back to where they came from."""
    if not settings.has_way_out:
        yield Finding(OK, WHAT, f"only copies to {settings.outbound.journal_address} are accepted, to learn contacts")
        return
    hop = next_hop_of(settings, department="", mailbox="", direction="outbound")
    inner = {settings.relay.next_hop, *(route.partition("=")[2].strip() for route in settings.relay.routes)}
    if hop in inner:
        words = f"sent to {hop}, which also delivers to employees: messages would loop"
        yield Finding(FAIL, WHAT, words, "set outbound.smarthost to the server that sends to the outside")
    else:
        yield Finding(OK, WHAT, f"sent to {hop}")


def check_waiting(settings: Settings) -> Iterator[Finding]:
    """Checks that the outbound spool is processed in time."""
    try:
        found = spool_backlog(settings.spool.directory / OUTBOUND)
    except OSError:
        yield Finding(OK, WHAT, "its spool is new: no message was submitted yet")
        return
    waits = utcnow() - found.oldest if found.oldest else timedelta()
    words = f"{format_count(found.messages, 'message')} to send, the oldest for {int(waits.total_seconds())} s; {found.deferred} to retry"
    yield Finding(
        FAIL if waits > LATE else OK,
        WHAT,
        words,
        "check that `mailroom outbound` runs, and read its log; no message is lost" if waits > LATE else "",
    )
    yield from find_stuck(WHAT, found.stuck)
    if found.damaged:
        words = f"{format_count(found.damaged, 'damaged batch', 'damaged batches')} in its spool"
        yield Finding(WARN, WHAT, words, "check the disk; the readable messages are sent; review the rest and remove the files")


def check_refused(settings: Settings) -> Iterator[Finding]:
    """Counts files of the submission spool that were no messages and were kept: somebody may miss what they sent, or tries something."""
    from mta.outbound.take_submissions import MOST_REFUSED, REFUSED  # loads a whole role

    place = Path(settings.outbound.submit_directory) / REFUSED
    try:
        number = sum(1 for _ in place.iterdir()) if settings.outbound.submit_directory else 0
    except OSError:  # no role has made it yet, or it belongs to another user
        return
    if number:
        further = "; further ones are deleted" if number >= MOST_REFUSED else ""
        words = f"{format_count(number, 'file')} of the submission spool with no valid message, kept in {place}{further}"
        yield Finding(WARN, WHAT, words, "read in the log of `mailroom outbound` why and whose they are, then remove them")


def check_signed(settings: Settings) -> Iterator[Finding]:
    """Verifies the DKIM signatures of the messages that were sent last, as their receivers do."""
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            sent = list(last_sent(session))
        resolver = open_resolver(settings.dns)
    except BadInput:
        return
    found = [[one for one in verify_signatures(raw, Questions(resolver)) if is_ours(one.domain, settings)] for raw in sent]
    if not sent:
        return
    broken = next((one for each in found for one in each if one.result is not Result.PASS), None)
    if all(any(one.result is Result.PASS for one in each) for each in found):
        yield Finding(OK, WHAT, f"the last {format_count(len(sent), 'message')} had your valid DKIM signature")
    elif broken:
        words = f"a DKIM signature by {broken.domain} (selector {broken.selector}) does not verify: {broken.reason}"
        do = f"publish the signer's key at {broken.selector}._domainkey.{broken.domain}, and change no message after it was signed"
        yield Finding(WARN, WHAT, words, do)
    else:
        words = f"{sum(not each for each in found)} of the last {format_count(len(sent), 'message')} had no DKIM signature of yours"
        yield Finding(WARN, WHAT, words, "sign them on the server before Mailroom; ignore this when the smarthost signs")


def last_sent(session: Session) -> Iterator[bytes]:
    """Employees' messages that went out last, as they came, where they are still kept."""
    latest = select(col(Message.content_id)).join(Delivery, col(Delivery.message_id) == col(Message.id))
    latest = latest.where(col(Delivery.direction) == SENT_ON).order_by(col(Delivery.id).desc()).limit(LATEST)
    for content_id in dict.fromkeys(session.scalars(latest)):
        try:
            yield bodies.load_body(session, content_id)
        except NotFound:
            continue


def verify_signatures(raw: bytes, questions: Questions) -> tuple[Dkim, ...]:
    """Verifies a message's DKIM signatures, as receivers do."""
    return dkim.verify_signatures(message.read_message(raw), questions, utcnow())


def is_ours(domain: str, settings: Settings) -> bool:
    """Whether a signature by this domain proves that a message is from us."""
    return any(domain == own or domain.endswith(f".{own}") for own in settings.company.domains)


def check_lessons(settings: Settings) -> Iterator[Finding]:
    """Reports how many contacts are known and wait for review. A database that does not answer has a finding of its own."""
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            known, parked = contact_review.count_contacts(session)
    except BadInput:
        return
    words = f"{format_count(known, 'contact')}, {parked} pending review"
    if parked:
        yield Finding(WARN, WHAT, words, "`mailroom contacts list --state pending`, then accept or remove them")
    else:
        yield Finding(OK, WHAT, words)
