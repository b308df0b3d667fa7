"""Employees' mail: taken from the internal server into a spool of its own, passed on by the relay, and learned from.

The listener says 250 when the message is on stable storage. Only then is it read, entered for the relay, and learned from; what
cannot be read or learned from goes on all the same.
"""

import contextlib
import json
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError as NoConnection
from sqlmodel import Session

from mta.outbound.take_submissions import SubmissionSpool
from mta.processing.examine_message import Found
from mta.processing.processor import FAST_PARSER, PARSER_MEMORY, PARSERS, Writer, repeat_in_thread
from mta.processing.worker_pool import Judged, Lane
from mta.server import receiver
from mta.server.sockets import open_listeners
from mta.server.tls_context import Certificate
from mta.session.submitters import Submitters
from mta.spool.spool import Spool
from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.ids import format_id
from triage.intake import store_outbound
from triage.message.authentication import Authentication
from triage.message.forwarded import Pointed
from triage.message.outbound import Journaled
from triage.message.summary import Summary
from triage.policy.contacts.contact_evidence import Reason, Sent, read_sent
from triage.policy.learning import learn_contacts
from triage.policy.learning.writers import Lookup
from triage.quarantine.requests import announce_sender, suspicion_reports
from triage.runtime.sandbox_pool import Overrun, Pool
from triage.runtime.spool_stats import OUTBOUND
from triage.runtime.systemd import notify_ready
from triage.runtime.wakeup import WakeupPipe
from triage.store import bodies
from triage.store.bodies import Packed
from triage.store.db import open_engine
from triage.store.pg_notify import Notifier
from triage.text.sanitize import escape_visible
from triage.times import utcnow

WORKERS = 4
SUBMISSION_PAUSE = 1.0  # seconds between looks at the submission spool, whose writers cannot wake us
BY = Actor.system("outbound")
JOURNAL, REPORTS, EXPECTED = "copies", "reports", "expected mail"

UNREACHABLE = (OperationalError, InterfaceError, NoConnection)  # the database may be down, or it may be the message

log = logging.getLogger(__name__)


def run_role(settings: Settings, stop: threading.Event, ready: Callable[[], None] = notify_ready) -> None:
    """Take employees' mail, pass it on and learn from it, until `stop`. BadInput when the settings do not allow it."""
    submitters = Submitters(settings.outbound)
    check_outbound_settings(settings)
    certificate = Certificate(settings.smtp, "outbound")
    directory = settings.spool.directory
    judged: queue.SimpleQueue[Judged] = queue.SimpleQueue()
    ended = threading.Event()
    with contextlib.ExitStack() as closing:
        spool = Spool(directory / OUTBOUND)
        spool.tidy()
        submitted = (
            closing.enter_context(contextlib.closing(SubmissionSpool(settings, spool))) if settings.outbound.submit_directory else None
        )
        own = closing.enter_context(contextlib.closing(open_listeners(as_listener(settings).smtp, "outbound.listen")))
        engine = open_engine(settings.database.url)
        closing.callback(engine.dispose)
        pipes = [closing.enter_context(contextlib.closing(WakeupPipe(directory, name))) for name in (OUTBOUND, "relay", "change")]
        spool.after_batch = pipes[0].wake
        closing.callback(Notifier(settings, sends=pipes[1:]).close)
        pool = closing.enter_context(
            contextlib.closing(Pool("triage.message.outbound:read_json", size=PARSERS, memory_bytes=PARSER_MEMORY, seconds=FAST_PARSER))
        )
        lane = Lane(spool, Reader(pool, settings), judged, workers=WORKERS)
        writer = Departures(engine, spool, settings, pipes[1:])
        threads = [
            repeat_in_thread(ended, "reading the outbound spool", lambda: lane.feed(spool.batches()), pipes[0].wait),
            repeat_in_thread(ended, "reading the outbound retry spool", lambda: lane.feed(spool.due(utcnow())), ended.wait),
            start_entering(writer, judged, ended, stop),
        ]
        if submitted:
            threads.append(repeat_in_thread(ended, "reading the submission spool", submitted.take, ended.wait, SUBMISSION_PAUSE))
        try:
            receiver.serve_sessions(as_listener(settings), certificate, spool, own, stop, ready, submitters=submitters)
        finally:
            ended.set()
            lane.close()
            pipes[0].wake()
            for thread in threads:
                thread.join()
            lane.unlock_batches()


def check_outbound_settings(settings: Settings) -> None:
    """BadInput when nobody could send, or nothing could go anywhere."""
    outbound = settings.outbound
    if not settings.takes_outbound:
        raise BadInput("outbound.networks: nobody may send yet; name the networks of your internal mail servers, such as 192.0.2.25")
    if outbound.submit_directory and not settings.has_way_out:
        raise BadInput("outbound.submit_directory: there is no way to the outside; name a server in outbound.smarthost")
    if outbound.accounts_file and not settings.smtp.tls_cert:
        raise BadInput("outbound.accounts_file: passwords are taken over TLS only; set smtp.tls_cert and smtp.tls_key")
    if not settings.has_way_out and not (outbound.journal_address or outbound.report_address or outbound.expect_address):
        raise BadInput("outbound.smarthost: there is no way to the outside; name the server that mail goes to next")


def as_listener(settings: Settings) -> Settings:
    """The settings as the listener's: one client brings messages of everybody, so there are no limits for each client."""
    smtp = replace(
        settings.smtp,
        listen=settings.outbound.listen,
        lmtp_listen="",
        workers=1,
        trusted_edges=(),
        max_connections_per_client=settings.smtp.max_connections,
        max_messages_per_minute=0,
    )
    return replace(settings, smtp=smtp)


def start_entering(writer: Writer, judged: "queue.SimpleQueue[Judged]", ended: threading.Event, stop: threading.Event) -> threading.Thread:
    """The thread that enters what was read. Without it nothing would go on: then everything stops, and is started again."""

    def work() -> None:
        try:
            writer.write(judged, ended)
        except BaseException:
            log.exception("employees' mail cannot be entered")
            stop.set()
            raise

    thread = threading.Thread(target=work, name="entering", daemon=True)
    thread.start()
    return thread


class Reader:
    """Reads what a message says, in a bounded child; safe for several threads."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.pool, self.settings = pool, settings

    def believed(self, envelope: Envelope, _raw: bytes) -> Envelope:
        """Returns the envelope as it is: the SMTP server has already checked who may send."""
        return envelope

    def examine(self, envelope: Envelope, raw: bytes) -> Found:
        """Parses an outgoing message in the sandbox. A message that the parser gives up over goes on unread."""
        desks = {desk_of(one, self.settings) for one in envelope.recipients}
        is_copy = JOURNAL in desks
        try:
            read = json.loads(self.pool.run(raw, journal=is_copy, forwarded=REPORTS in desks))
        except Overrun as fault:
            unread = {"message": format_id(envelope.spool_id), "why": str(fault)}
            log.warning("message %(message)s could not be read and teaches nothing: %(why)s", unread)
            return Found(Authentication(""), Summary())
        report = Journaled.from_json(read["journaled"]) if read["journaled"] else None
        pointed = tuple(Pointed.from_json(one) for one in read.get("pointed", ()))
        said = Summary.from_json(read["summary"])
        return Found(Authentication(""), said, journaled=report, came_in=read["came_in"], pointed=pointed)


def desk_of(recipient: str, settings: Settings) -> str:
    """Returns which of our own addresses a recipient is, whose messages go nowhere else; "" for any other."""
    outbound = settings.outbound
    desks = {outbound.journal_address: JOURNAL, outbound.report_address: REPORTS, outbound.expect_address: EXPECTED}
    return next((desk for address, desk in desks.items() if recipient.casefold() == address.casefold() != ""), "")


class Departures(Writer):
    """Enters employees' mail for the relay, and what it teaches."""

    def why_later(self, message: Judged) -> str:
        """Returns the fault for which a message is read again later: nothing waits for a parser that gave up."""
        return message.fault

    def work(self, messages: list[Judged]) -> Callable[[Session], list[Exception | None]]:
        """Sends each message behind a savepoint of its own."""
        ready = [(message, bodies.pack_body(message.raw)) for message in messages]
        return lambda session: [self.depart_in_savepoint(session, *one) for one in ready]

    def depart_in_savepoint(self, session: Session, message: Judged, packed: Packed) -> Exception | None:
        """Stores a departing message within a savepoint; the reason when it could not, else None."""
        try:
            with session.begin_nested():
                self.depart(session, message, packed)
        except UNREACHABLE:
            raise
        except Exception as fault:
            return fault
        return None

    def depart(self, session: Session, message: Judged, packed: Packed) -> None:
        """The house's verbs: it departs, and only what has departed for the first time teaches."""
        envelope, found = message.envelope, message.found
        desks = {desk_of(one, self.settings) for one in envelope.recipients}
        others = tuple(one for one in envelope.recipients if not desk_of(one, self.settings))
        if others:
            leaving = replace(envelope, recipients=others)
            departed = store_outbound.store_outgoing(session, leaving, packed, found.summary, settings=self.settings, now=utcnow())
            if departed is not None and departed.teaches:
                self.learn(session, find_lesson(leaving, found.summary), "outbound")
        if JOURNAL in desks:
            self.learn(
                session, find_copied_lesson(envelope, found, by_employee=self.is_employee(session, envelope.reverse_path)), "journal"
            )
        if desks & {REPORTS, EXPECTED}:
            self.hear(session, envelope, found, desks)

    def hear(self, session: Session, envelope: Envelope, found: Found, desks: set[str]) -> None:
        """Handles what employees write to Mailroom: suspicious messages and expected senders."""
        for desk, take in ((REPORTS, self.report), (EXPECTED, self.expect)):
            if desk in desks and (why := take(session, envelope, found)):
                about = {"message": format_id(envelope.spool_id), "address": desk, "why": escape_visible(why)}
                log.warning("message %(message)s to the address for %(address)s was not taken: %(why)s", about)

    def report(self, session: Session, envelope: Envelope, found: Found) -> str:
        """Records a report of a suspicious message; returns why it is not taken, "" when it is."""
        return suspicion_reports.report_message(session, envelope, found.summary, found.pointed or (), settings=self.settings, now=utcnow())

    def expect(self, session: Session, envelope: Envelope, found: Found) -> str:
        """Records the sender that an employee expects; returns why not, "" when it is recorded."""
        return announce_sender.by_mail(session, envelope, found.summary, settings=self.settings, now=utcnow())

    def is_employee(self, session: Session, address: str) -> bool:
        """Whether somebody here writes from this address."""
        return Lookup(session, self.settings).writer(address) is not None

    def learn(self, session: Session, mail: Sent, how: str) -> None:
        """Learns contacts from a message; a fault in that delays no message."""
        try:
            with session.begin_nested():
                learn_contacts.learn_many(session, [mail], how=how, settings=self.settings, by=BY, now=utcnow())
        except UNREACHABLE:
            raise
        except Exception:
            log.exception("a message could not be learned from")


def find_lesson(envelope: Envelope, summary: Summary) -> Sent:
    """Extracts the contacts that an outgoing message teaches: its sender and recipients."""
    mail = read_sent(summary, envelope.reverse_path, envelope.recipients, envelope.received_at)
    return mail if summary.parsed or mail.why_not else replace(mail, why_not=Reason.UNREADABLE)


def find_copied_lesson(envelope: Envelope, found: Found, *, by_employee: bool) -> Sent:
    """Extracts the contacts that a copy teaches: from a journal report's envelope, or from the recipients in a plain copy's header.

    Only a server writes reports: what employees send to the address themselves is none. And a copy of what came in through us
    teaches nothing, whatever a stranger has written into it.
    """
    plain = find_lesson(replace(envelope, recipients=found.summary.to), found.summary)
    if found.came_in:
        return replace(plain, why_not=Reason.NOT_OURS)
    if (report := found.journaled) and not by_employee:
        mail = read_sent(report.summary, report.sender, report.recipients, envelope.received_at)
        return mail if report.summary.parsed or mail.why_not else replace(mail, why_not=Reason.UNREADABLE)
    return plain
