"""Mailboxes of a company before it had Mailroom: the demo's mornings, strewn over some days, as its old server delivered them."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace

import dkim  # type: ignore[import-untyped]
import pytest

from demo import company
from demo.correspondence import collect_drafts
from demo.keys import Key
from demo.sample_messages import SampleMessage, compose_message
from mail_auth.authenticate import authenticate_message
from mail_auth.dns.zone_file import ZoneFileResolver
from triage.addressing.envelope import Envelope
from triage.message.trace.authentication_results import authentication_results

SERVER = "mx.old.example"  # it writes Authentication-Results in this name
MAILBOX = {f"{role}@{company.DOMAIN}": one.mailbox for one in company.DEPARTMENTS for role in one.roles}
HOME = {one.mailbox: one.department for one in company.list_people()} | {one.mailbox: one.code for one in company.DEPARTMENTS}
ANSWER_AFTER = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Copy:
    """Message in a mailbox, and what the story says about it."""

    kind: str
    author: str
    arrived: datetime
    mailbox: str
    department: str
    answered: bool


@dataclass(frozen=True, slots=True)
class Post:
    """Delivers into Maildirs, and writes the company's answers."""

    root: Path
    signing: dict[str, Key]
    resolver: ZoneFileResolver

    def deliver(self, sample: SampleMessage, raw: bytes, arrived: datetime, *, answered: bool) -> list[Copy]:
        """Delivers a message into the mailbox of each recipient; the server first writes its fields on top."""
        envelope = Envelope(1, arrived, sample.reverse_path, sample.recipients, "127.0.0.1", f"mail.{sample.domain}")
        results = authentication_results(authenticate_message(envelope, raw, self.resolver, arrived), SERVER).encode()
        trace = f"Received: from mail.{sample.domain} ([192.0.2.7]) by {SERVER}; {format_datetime(arrived)}\r\n".encode()
        message = message_from_bytes(raw)
        author = company_address(str(message["From"]))
        copies = []
        for recipient in sample.recipients:
            mailbox = MAILBOX.get(recipient, ALIAS.get(recipient, recipient))
            top = f"Return-Path: <{sample.reverse_path}>\r\nX-Original-To: {recipient}\r\nDelivered-To: {mailbox}\r\n".encode()
            self.store(mailbox, "", top + trace + results + raw, arrived)
            if answered:
                self.answer(mailbox, str(message["Message-ID"]), author, arrived + ANSWER_AFTER)
            department = "" if sample.kind == "postmaster" else HOME[mailbox]
            copies.append(Copy(sample.kind, author, arrived, mailbox, department, answered))
        return copies

    def answer(self, mailbox: str, message_id: str, to: str, at: datetime) -> None:
        """Add the recipient's reply."""
        text = (
            f"From: {mailbox}\nTo: {to}\nDate: {format_datetime(at)}\nMessage-ID: <answer-{message_id.strip('<>')}>\n"
            f"In-Reply-To: {message_id}\nSubject: Re: your mail\n\nThank you.\n"
        )
        self.store(mailbox, ".Sent", text.encode(), at)

    def store(self, mailbox: str, folder: str, raw: bytes, at: datetime) -> None:
        """A file of the Maildir, named by its second, with the line ends of the disk."""
        directory = self.root / mailbox / folder
        for part in ("cur", "new", "tmp"):
            (directory / part).mkdir(parents=True, exist_ok=True)
        number = sum(1 for _ in (directory / "cur").iterdir())
        (directory / "cur" / f"{int(at.timestamp())}.{number}.old:2,S").write_bytes(raw.replace(b"\r\n", b"\n"))


PEOPLE = company.list_people()
ALIAS = {alias: one.mailbox for one in PEOPLE for alias in one.aliases}
ALIAS |= {f"{one.department}+{one.uid}@{company.DOMAIN}": one.mailbox for one in PEOPLE}  # some know the triage address already
ALIAS[f"postmaster@{company.DOMAIN}"] = company.make_directory().postmaster
ANSWERED = {"applicant", "customer", "new-supplier", "counsel"}  # kinds of mail that their readers answered
GROUPS = {group.address for group in company.GROUPS}


def company_address(text: str) -> str:
    """The address of a mailbox as a header has it."""
    return (text.rpartition("<")[2] if "<" in text else text).rstrip("> ").strip().casefold()


def fill(post: Post, monkeypatch: pytest.MonkeyPatch, *, start: datetime, days: int) -> list[Copy]:
    """A demo morning for each day, each message at an hour of its own between 7 and 19; what is in each mailbox afterwards."""
    rng = random.Random(7)
    copies = []
    for day in range(days):
        for place, draft in enumerate(collect_drafts(random.Random(day), start)):
            written = start + timedelta(days=day, hours=7 + rng.random() * 12)
            written = written.replace(microsecond=0)
            sample = compose_message(draft, rng, written)
            if set(sample.recipients) & GROUPS:
                continue  # the old server knew the members
            monkeypatch.setattr(dkim, "time", SimpleNamespace(time=written.timestamp))
            copies += post.deliver(
                sample, sample.signed(post.signing), written + timedelta(seconds=5), answered=sample.kind in ANSWERED and place % 2 == 0
            )
    return copies
