"""After a restore: looks into the mailboxes for what may have been delivered since the backup. It changes nothing in them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Engine

from mailboxes.mailbox import Impossible, Unreachable
from mailboxes.match import Sought
from mailboxes.recall.mailbox_session import NO_WAY_IN, open_mailbox
from triage.config.settings import Settings
from triage.delivery.recall import reconcile
from triage.delivery.recall.reconcile import Box
from triage.say import error_sentence
from triage.store import db


@dataclass(slots=True)
class Findings:
    """Deliveries found, absent and unknown in one mailbox."""

    box: Box
    found: list[int] = field(default_factory=list)  # deliveries whose copy lies there
    absent: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)  # that nobody could look for
    why: str = ""  # nobody could look
    later: bool = False  # trying again may help


def examine_mailboxes(engine: Engine, boxes: list[Box], settings: Settings) -> Iterator[Findings]:
    """Looks into each mailbox, a few at a time, and yields the results in the order of the mailboxes."""
    with ThreadPoolExecutor(max(1, settings.recall.concurrency), thread_name_prefix="look") as workers:
        yield from workers.map(partial(search_box, engine, settings), boxes)


def search_box(engine: Engine, settings: Settings, box: Box) -> Findings:
    """Looks for the missing messages in one mailbox."""
    seen = Findings(box)
    with db.read_transaction(engine) as session:
        for wanted in reconcile.list_searched_deliveries(session, box):
            if not seen.why:
                search_mailbox(settings, seen, wanted)
            if seen.why:
                seen.unknown += [one.delivery_id for one in wanted]
            session.expunge_all()
    return seen


def search_mailbox(settings: Settings, seen: Findings, wanted: list[reconcile.Sought]) -> None:
    """Looks for these. Without a Message-ID, and under another number, a copy cannot be known again: it is as if nobody had looked."""
    known = [one for one in wanted if one.message_id or not one.renumbered]
    try:
        if not seen.box.place:
            raise Impossible(NO_WAY_IN)
        mailbox = open_mailbox(seen.box.place, seen.box.mailbox, settings)
        try:
            there = mailbox.find(
                [search_criteria(one) for one in known], min((one.received_at for one in known), default=wanted[0].received_at)
            )
        finally:
            mailbox.close()
    except (Unreachable, Impossible) as fault:
        seen.why, seen.later = error_sentence(fault), isinstance(fault, Unreachable)
        return
    for one, copies in zip(known, there, strict=True):
        (seen.found if copies.copies else seen.absent).append(one.delivery_id)
    seen.unknown += [one.delivery_id for one in wanted if one not in known]


def search_criteria(one: reconcile.Sought) -> Sought:
    """Returns the search keys of a delivery's copies, perhaps entered again under another number."""
    return Sought(one.marker, one.message_id, one.content, any_marker=one.renumbered)
