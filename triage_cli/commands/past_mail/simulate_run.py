"""Lets past mail come once more, as if the SMTP server had been closed; the database is only read."""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime

import click
from sqlalchemy import Engine

from mailboxes.mailbox import Unreachable
from mta.processing.received_headers import addressed_to
from triage.addressing.envelope import Address
from triage.config.settings import Settings
from triage.directory.recipient_map import RecipientMap
from triage.errors import Refused
from triage.intake import simulate
from triage.message.similarity import Likeness
from triage.reports.simulated_mail import Rehearsed
from triage.store import db
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from triage_cli.commands.past_mail.examine_past_mail import Examiner, Past, Reading, Written, is_internal

INSIDE, TWICE, BEFORE = "between employees", "a second copy in the same mailbox", "outside the period"


@dataclass(slots=True)
class Simulation:
    """Simulated messages, and those that were left out, with the reasons."""

    rows: list[Rehearsed] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    refused: dict[str, set[str]] = field(
        default_factory=dict
    )  # addresses of ours that the SMTP server does not know, and the messages for them
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Player:
    """Lets past mail come once more, one mailbox in a thread, as if the SMTP server had been closed."""

    settings: Settings
    engine: Engine
    examiner: Examiner
    reading: Reading
    until: datetime
    alike: Likeness | None
    recipient_map: RecipientMap
    written: Written = field(default_factory=Written)
    now: datetime = field(default_factory=utcnow)

    def play(self, mailbox: str) -> Simulation:
        """Simulates what policy would have done with the messages in one mailbox."""
        found = Simulation()
        with db.read_transaction(self.engine) as session:
            address = simulate.address_of(session, mailbox, self.settings)
        if not address:
            found.faults.append(f"{escape_visible(mailbox)} is nobody's mailbox in the directory: its mail is left out")
            return found
        seen: set[str] = set()
        leads: dict[str, bool] = {}
        for stored in self.reading.arrived(mailbox):
            past = self.examiner.examined(stored, self.recipient(stored.raw, mailbox, leads) or address)
            mark = past.summary.message_id or str(past.envelope.spool_id)
            if why := TWICE if mark in seen else self.why_not(past.envelope.received_at):
                found.left_out[why] += 1
            elif is_internal(past, self.settings, self.written):
                found.left_out[INSIDE] += 1
            else:
                for name in self.refused(past):
                    found.refused.setdefault(name, set()).add(mark)
                answered = self.written.answers.get((mailbox, past.summary.message_id))
                with db.read_transaction(self.engine) as session:
                    found.rows += simulate.simulate_message(
                        session,
                        past.envelope,
                        past.authentication,
                        past.summary,
                        settings=self.settings,
                        now=self.now,
                        answered=answered,
                        alike=self.alike,
                    )
            seen.add(mark)
        return found

    def recipient(self, raw: bytes, mailbox: str, leads: dict[str, bool]) -> str:
        """The address that a message was sent to, as far as the last server tells it and it still leads to this mailbox; "" otherwise."""
        for address in addressed_to(raw):
            if address not in leads:
                with db.read_transaction(self.engine) as session:
                    leads[address] = simulate.leads_to(session, address, mailbox, self.settings)
            if leads[address]:
                return address
        return ""

    def refused(self, past: Past) -> Iterator[str]:
        """The addresses of ours that a message was for and that the SMTP server would refuse: somebody has forgotten them in the
        directory.
        """
        for text in dict.fromkeys((*addressed_to(past.raw), *past.summary.to)):
            with contextlib.suppress(ValueError):
                address = Address.parse(text)
                known = self.recipient_map.admits(address) or self.recipient_map.has_left(address) or self.recipient_map.is_closed(address)
                if address.domain in self.settings.company.domains and not known:
                    yield str(address)

    def why_not(self, arrived: datetime) -> str:
        """Returns why a message is left out of the simulation, "" when it is simulated."""
        return "" if self.reading.since <= arrived < self.until else BEFORE


def read_all(player: Player, connections: int) -> Simulation:
    """First what everybody wrote, then what came in: whoever answered wanted it."""
    try:
        mailboxes = player.reading.source.accounts()
    except Unreachable as fault:
        raise Refused(str(fault)) from fault
    found = Simulation()
    with ThreadPoolExecutor(connections) as threads:
        for work, label in (
            (lambda mailbox: player.reading.written(mailbox, player.written), "What was sent"),
            (lambda mailbox: gather_mailbox(found, player.play(mailbox)), "What came in"),
        ):
            futures = [threads.submit(work, mailbox) for mailbox in mailboxes]
            with click.progressbar(length=len(futures), label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
                for future in as_completed(futures):
                    future.result()
                    bar.update(1)
    found.faults += dict.fromkeys(player.reading.faults)
    found.left_out.update(player.reading.unreadable)
    return found


def gather_mailbox(into: Simulation, one: Simulation) -> None:
    """Add what one mailbox gave."""
    into.rows += one.rows
    into.faults += one.faults
    into.left_out.update(one.left_out)
    for name, messages in one.refused.items():
        into.refused.setdefault(name, set()).update(messages)
