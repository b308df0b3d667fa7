"""Present name of a mailbox to which messages were delivered under an earlier name, as a table."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from tests.triage.arriving import COMPANY, NOW, SYNC
from triage import ids
from triage.addressing.company import PersonEntry
from triage.config.settings import Company
from triage.directory import apply as directory, renamed_mailboxes
from triage.store import db

HOUSE = Company(domains=("company.example",), hostname="mx.company.example")
A, B, C = (f"{name}@company.example" for name in "abc")
LEA = PersonEntry("lea", "Lea", "it", A, identity="lea")
MO = PersonEntry("mo", "Mo", "it", A, identity="mo")


@pytest.mark.parametrize(
    ("days", "days_later", "was", "called", "earlier"),
    [
        ([(LEA,), (replace(LEA, mailbox=B),)], 0, A, B, [A]),
        ([(LEA,), (replace(LEA, mailbox=B),)], 2, A, A, []),  # delivered there since: it is another one's
        ([(LEA,), (replace(LEA, mailbox=B),), (replace(LEA, mailbox=C),)], 0, A, C, [B, A]),
        ([(LEA,), (replace(LEA, mailbox=B),), (LEA,)], 0, A, A, [B]),
        ([(LEA,), (replace(LEA, uid="leah", mailbox=B),)], 0, A, B, [A]),  # she has another name, too
        ([(LEA,), (replace(LEA, mailbox=B), MO)], 0, A, B, []),  # nobody looks into a stranger's
        ([(LEA,), (replace(LEA, mailbox=B), MO), (replace(LEA, mailbox=B), replace(MO, mailbox=C))], 2, A, C, [A]),
        ([(LEA,), (replace(LEA, mailbox=B),), ()], 0, A, B, [A]),  # who has left
        ([(LEA,), (replace(LEA, mailbox=B),), (replace(MO, mailbox=B),)], 0, A, A, []),  # and whose mailbox is somebody else's
    ],
)
def test_where_it_is(
    sqlite_engine: Engine, days: list[tuple[PersonEntry, ...]], days_later: int, was: str, called: str, earlier: list[str]
) -> None:
    with db.transaction(sqlite_engine) as session:
        for day, people in enumerate(days):
            said = replace(COMPANY, people=(*COMPANY.people, *people))
            directory.apply_directory(session, said, HOUSE, by=SYNC, now=NOW + timedelta(days=day))
        one = number_of(NOW + timedelta(days=days_later) - timedelta(hours=12))
        assert renamed_mailboxes.current_mailboxes(session, {one: was}) == ({} if called == was else {one: called})
        assert [name for name, _ in renamed_mailboxes.earlier_mailboxes(session, [called]).get(called, [])] == earlier


def number_of(moment: datetime) -> int:
    """An id made then."""
    return (int(moment.timestamp() * 1000) - ids.EPOCH_MS) << ids.SEQUENCE_BITS
