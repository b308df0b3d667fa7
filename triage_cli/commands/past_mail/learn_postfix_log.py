"""`mailroom learn postfix-log`: whom employees write to, out of the log of the Postfix that sends their mail."""

import queue
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TextIO

import click

from mta.outbound.postfix_log import Left, PostfixLog
from triage.config.settings import Settings
from triage.policy.contacts.contact_evidence import Reason, Sent
from triage.policy.learning import learn_contacts
from triage.text.numbers import format_count
from triage.times import utcnow
from triage_cli.client.client_option import settings_of
from triage_cli.client.local_setup import open_transaction, shell_user
from triage_cli.output.tables import json_sentences, say

GROUP = 500  # messages in one transaction
PATIENCE = 2.0  # seconds that messages wait for others while the log is followed


@click.group()
def learn() -> None:
    """Learn contacts from a Postfix log or a script."""


@learn.command("postfix-log")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.File("r", encoding="utf-8", errors="replace"))
@json_sentences
@click.pass_context
def postfix_log(ctx: click.Context, files: tuple[TextIO, ...]) -> None:
    """Learn from the log of a Postfix that sends employees' messages; - is standard input.

    Follow it with `tail -F /var/log/mail.log | mailroom learn postfix-log -`. A log cannot tell holiday notices from personal messages;
    docs/how-to/outgoing-mail.md has better ways. The same log read twice is counted twice.
    """
    settings = settings_of(ctx)
    total = learn_contacts.Learned()
    for messages in group_messages(follow_log(read_sent(files))):
        add_counts(total, learn_group(messages, settings))
    skipped = ", ".join(f"{count} {reason}" for reason, count in total.skipped.most_common())
    learned = format_count(total.learned, "address", "addresses")
    say(f"{learned} learned, {total.known} known before, {total.parked} pending; not learned: {skipped or 'nothing'}")


def read_sent(files: Iterable[TextIO]) -> Iterator[Sent]:
    """The messages that left, as the logs tell them."""
    log = PostfixLog()
    for file in files:
        for line in file:
            if mail := log.feed(line, utcnow()):
                yield sent_message(mail)


def sent_message(mail: Left) -> Sent:
    """A message of the log, as far as it can teach: who wrote it is who sent it, for all that a log knows."""
    sender = mail.sender or ""
    why_not = None if sender else Reason.NULL_SENDER
    return Sent(sender, tuple(mail.recipients), sender, mail.at or utcnow(), mail.message_id, why_not=why_not)


def follow_log(messages: Iterator[Sent]) -> Iterator[Sent | None]:
    """The messages, and None whenever none has come for a while: a log that is followed never ends."""
    waiting: queue.Queue[Sent | StopIteration | None] = queue.Queue(GROUP)

    def read() -> None:
        try:
            for mail in messages:
                waiting.put(mail)
        finally:
            waiting.put(StopIteration())

    threading.Thread(target=read, name="log", daemon=True).start()
    while True:
        try:
            one = waiting.get(timeout=PATIENCE)
        except queue.Empty:
            yield None
            continue
        if isinstance(one, StopIteration):
            return
        yield one


def group_messages(messages: Iterable[Sent | None]) -> Iterator[list[Sent]]:
    """Messages for one transaction."""
    group: list[Sent] = []
    for mail in messages:
        if mail is not None:
            group.append(mail)
        if len(group) >= GROUP or (mail is None and group):
            yield group
            group = []
    if group:
        yield group


def learn_group(messages: list[Sent], settings: Settings) -> learn_contacts.Learned:
    """Learns contacts from these sent messages, in one transaction."""
    teach = partial(learn_contacts.learn_many, messages=messages, how="log", settings=settings, by=shell_user(), now=utcnow())
    return open_transaction(settings, teach)


def add_counts(total: learn_contacts.Learned, one: learn_contacts.Learned) -> None:
    """Add it up."""
    total.learned += one.learned
    total.known += one.known
    total.parked += one.parked
    total.skipped.update(one.skipped)
