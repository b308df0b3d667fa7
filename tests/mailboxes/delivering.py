"""A company whose mail has been delivered, into Dovecot or into Maildirs: what was there before, and a recaller to take it out again."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select, update
from sqlmodel import col

from mailboxes.recall.recall_role import Recaller
from mta.delivery import relay
from tests.peers import processes
from tests.peers.mail import dovecot
from triage.actor import ALL_RIGHTS, EVERYTHING, Actor, Role
from triage.addressing.envelope import Envelope
from triage.config.settings import Recall, Relay, Settings
from triage.ids import new_id
from triage.message.authentication import Authentication
from triage.message.summary import make_summary
from triage.quarantine.decisions import decide as decisions, mailbox_sweep, outcomes, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search.selection import Selection
from triage.runtime.wakeup import WakeupPipe
from triage.store import bodies, db, ledger
from triage.store.delivery_state import State
from triage.store.message_record.record_codec import MessageRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import KnownRecipient
from triage.store.models.messages import Message
from triage.times import utcnow

ANA = Actor.person("ana", Role.ADMIN, EVERYTHING, "Ana Roth", rights=ALL_RIGHTS)
JUDGE = Actor.system("judge")
PHISHER, OLD = "wave@phisher.example", "old@phisher.example"
ANNA, BOB, CARL = "anna@company.example", "bob@company.example", "carl@company.example"

WAITING = {State.QUEUED.value, State.RELAYING.value}
Lying = tuple[str, bytes, tuple[str, ...], datetime]  # folder, bytes, flags, date


def letter(number: int = 1, author: str = PHISHER, *, message_id: str = "", more: str = "") -> bytes:
    """A message of the wave, different from all the others."""
    identity = message_id or f"<{number}.wave@phisher.example>"
    text = f"From: Pay <{author}>\r\nTo: you\r\nSubject: invoice {number}\r\nMessage-ID: {identity}\r\n{more}\r\nPay {number}.\r\n"
    return text.encode()


@dataclass
class House:
    """The database, the way to the mailboxes and the way back."""

    engine: Engine
    settings: Settings

    def delivered(self, raw: bytes, *mailboxes: str, author: str = PHISHER) -> list[int]:
        """Release it and send it on as the relay does; the ids of the deliveries."""
        ids = self.queued(raw, *mailboxes, author=author)
        self.relayed(ids)
        assert set(self.states(ids)) == {State.DELIVERED}
        return ids

    def queued(self, raw: bytes, *mailboxes: str, author: str = PHISHER) -> list[int]:
        """Queues a message that was released for these mailboxes; the ids of the deliveries."""
        now = utcnow()
        envelope = Envelope(new_id(), now, author, mailboxes, "192.0.2.7", "mail.phisher.example")
        with db.transaction(self.engine) as session:
            content_id, content = bodies.keep_body(session, raw)
            message = Message(
                spool_id=envelope.spool_id,
                content_id=content_id,
                received_at=now,
                record=MessageRecord(envelope.as_json(), Authentication(author).as_json(), make_summary(raw).as_json(), []),
            )
            deliveries = [delivery(message, mailbox, author, now) for mailbox in mailboxes]
            ids = [one.id for one in deliveries]
            ledger.enter_message(session, message, content, deliveries, by=JUDGE, now=now)
        return ids

    def relayed(self, ids: list[int]) -> None:
        """Let a relay work until none of these waits any more."""
        with relaying(self.settings):
            processes.until(lambda: not WAITING & set(self.states(ids)), "the mail is sent on", patience=3 * processes.HANG)

    def decides(self, verb: Verb, selected: Selection | None = None, **more: Any) -> DecisionReport:
        """A decision of Ana's, about the wave unless it says otherwise."""
        with db.transaction(self.engine) as session:
            return decisions.decide_messages(
                session,
                DecisionRequest(selected or Selection.of(sender=PHISHER), verb, "a test", **more),
                by=ANA,
                now=utcnow(),
                settings=self.settings,
            )

    def undoes(self, decision: DecisionReport) -> DecisionReport:
        """Ana takes it back."""
        with db.transaction(self.engine) as session:
            return undoing.undo_decision(session, decision.id, by=ANA, reason="", now=utcnow(), settings=self.settings)

    def sweeps(self, *mailboxes: str, dry_run: bool = False, ahead: timedelta = timedelta()) -> DecisionReport:
        """Ana wants the old sender's mail out of these mailboxes, which the company knows from now on."""
        with db.transaction(self.engine) as session:
            for one in mailboxes:
                session.merge(KnownRecipient(address=one, kind="legacy", department="it", person=one.partition("@")[0], mailbox=one))
            return mailbox_sweep.begin_sweep(session, OLD, by=ANA, reason="", now=utcnow() + ahead, settings=self.settings, dry_run=dry_run)

    def report(self, decision: DecisionReport) -> DecisionReport:
        """Report of the decision by now."""
        with db.read_transaction(self.engine) as session:
            return outcomes.get_decision(session, decision.id, by=ANA)

    def outcome(self, decision: DecisionReport) -> tuple[str, str]:
        """Outcome of the only item of a decision, and the reason."""
        (item,) = self.report(decision).items
        return item.outcome, item.why

    def states(self, ids: list[int]) -> list[str]:
        """States of these deliveries."""
        with db.read_transaction(self.engine) as session:
            states = session.execute(select(col(Delivery.id), col(Delivery.state)).where(db.is_among(session, col(Delivery.id), ids)))
            found = dict(states.all())
        return [found[one] for one in ids]

    def due_now(self) -> None:
        """Time goes by: leases end, pauses are over."""
        with db.transaction(self.engine) as session:
            late = col(Delivery.state).in_([State.RECALLING, State.RESTORING])
            session.execute(update(Delivery).where(late).values(due_at=utcnow()))

    def recalled(self, decision: DecisionReport) -> DecisionReport:
        """Let a recaller work until this decision is carried out."""
        with recalling(self.settings):
            processes.until(lambda: not self.report(decision).under_way, "the decision is carried out")
        return self.report(decision)


def delivery(message: Message, mailbox: str, author: str, now: datetime) -> Delivery:
    """A delivery that is to leave now."""
    return Delivery(
        message_id=message.id,
        state=State.QUEUED,
        received_at=message.received_at,
        recipient=mailbox,
        department="it",
        person=mailbox.partition("@")[0],
        mailbox=mailbox,
        author=author,
        author_domain=author.rpartition("@")[2],
        author_name="Pay",
        subject="invoice",
        search="",
        proof="",
        weight=0,
        verdict="relay",
        rule="allowed-sender",
        reason="",
        due_at=now,
        queued_at=now,
    )


@contextlib.contextmanager
def relaying(settings: Settings) -> Iterator[None]:
    """A relay at work in a thread."""
    stop, pipe = threading.Event(), WakeupPipe(settings.spool.directory, "relay")
    thread = threading.Thread(target=relay.run_role, args=(settings, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        pipe.wake()
        thread.join(processes.HANG)
        pipe.close()


@contextlib.contextmanager
def recalling(settings: Settings) -> Iterator[Recaller]:
    """A recaller at work in a thread; whatever it raises is raised at the end."""
    recaller, stop, faults = Recaller(settings), threading.Event(), []

    def work() -> None:
        try:
            while not stop.is_set():
                recaller.turn()
            recaller.finish()
        except BaseException as fault:
            faults.append(fault)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield recaller
    finally:
        stop.set()
        recaller.pipe.wake()
        thread.join(processes.HANG)
        recaller.close()
    if faults:
        raise faults[0]


def behind_dovecot(settings: Settings, server: dovecot.Server, directory: Path) -> Settings:
    """Mail goes to Dovecot by LMTP, and is taken back over IMAP with the master user."""
    secret = directory / "master"
    secret.write_text(dovecot.MASTER_PASSWORD + "\n")
    return replace(
        settings,
        relay=Relay(next_hop=f"lmtp://127.0.0.1:{server.lmtp_port}"),
        recall=Recall(
            imap=f"imap://127.0.0.1:{server.imap_port}", master_user=dovecot.MASTER, password_file=str(secret), timeout=10, concurrency=3
        ),
    )


def lying(server: dovecot.Server, mailbox: str) -> list[Lying]:
    """Content of a mailbox: folder, bytes, flags and date, sorted; without UIDs, which a restore changes."""
    found: list[Lying] = []
    with server.client(mailbox) as client:
        for flags, _, folder in client.list_folders():
            if b"\\Noselect" in flags:
                continue
            client.select_folder(folder, readonly=True)
            for answer in client.fetch(uids, ["FLAGS", "INTERNALDATE", "BODY.PEEK[]"]).values() if (uids := client.search()) else []:
                shown = tuple(sorted(flag.decode() for flag in answer[b"FLAGS"] if flag != b"\\Recent"))
                found.append((folder, answer[b"BODY[]"], shown, answer[b"INTERNALDATE"]))
    return sorted(found)
