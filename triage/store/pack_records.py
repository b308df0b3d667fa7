"""Packs the records of messages from before they were compressed: in slices, from the oldest on, while mail comes in.

A slice and how far it came are one transaction. Whoever is killed, or has no room on the disk, loses nothing and goes on from there.
A message that cannot be packed stays as it is.
"""

import logging
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Update, and_, bindparam, delete, null, select, update
from sqlmodel import Session, SQLModel, col

from triage.ids import format_id
from triage.store import db
from triage.store.message_record.record_codec import MessageRecord, is_packed_whole
from triage.store.message_record.record_parts import Row, columns_of, files_of, links_of
from triage.store.models.markers import Marker
from triage.store.models.messages import OLD, Message, MessageFile, MessageLink
from triage.store.transaction_retry import is_passing

MARKER = "message-records"  # its number: the last message that was packed
DONE = 2**62  # above every id

log = logging.getLogger(__name__)


def pack_slice(session: Session, *, limit: int = 200) -> int:
    """Pack the next messages from before; how many were looked at, 0 when there are none left."""
    marker = session.get(Marker, MARKER, with_for_update=True)
    if marker is None or marker.number == DONE:
        return 0
    wanted = select(col(Message.id), col(Message.record), OLD[0].is_not(None)).where(col(Message.id) > marker.number)
    rows = session.execute(wanted.order_by(col(Message.id)).limit(limit).with_for_update()).all()
    pack_rows(session, [(number, record) for number, record, is_old in rows if is_old])
    marker.number = rows[-1][0] if rows else DONE
    return len(rows)


def pack_rows(session: Session, records: Sequence[tuple[int, MessageRecord]]) -> None:
    """Pack these messages, in halves where one is refused. That one stays as it is, and the log says which it was."""
    try:
        with session.begin_nested():
            confirm_packing(records)
            rewrite_records(session, records)
    except Exception as fault:
        if is_passing(fault):
            raise
        if len(records) == 1:
            log.exception("the record of message %(message)s cannot be packed and stays as it is", {"message": format_id(records[0][0])})
            return
        half = len(records) // 2
        pack_rows(session, records[:half])
        pack_rows(session, records[half:])


def confirm_packing(records: Iterable[tuple[int, MessageRecord]]) -> None:
    """ValueError when one of these records would not come out as it goes in."""
    for number, record in records:
        if not is_packed_whole(record):
            raise ValueError(f"the record of message {format_id(number)} does not come out of its packed bytes")


def rewrite_records(session: Session, records: Sequence[tuple[int, MessageRecord]]) -> None:
    """Replace records of messages, given by id, with all that SQL asks of them.

    The messages first: whoever else rewrites them is then done, and all of their links and files are seen.
    """
    if not records:
        return
    rows = [{"id": number, "record": record, **columns_of(record)} for number, record in records]
    session.connection().execute(rewriting(), [{f"new_{name}": value for name, value in row.items()} for row in rows])
    forget_parts(session, [number for number, _ in records])
    enter_parts(session, rows)


@cache
def rewriting() -> Update:
    """The statement that writes a record and its columns, and empties the old ones."""
    names = ("record", *columns_of(MessageRecord({}, {}, {}, [])))
    table = SQLModel.metadata.tables["message"]
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names} | {column.name: null() for column in OLD}
    return update(table).where(table.c.id == bindparam("new_id")).values(**values)


def enter_parts(session: Session, messages: Iterable[Row]) -> None:
    """Enter the links and files of messages, each a row with `id` and `record`."""
    some = list(messages)
    db.insert_all(session, MessageLink, [row for one in some for row in links_of(one)])
    db.insert_all(session, MessageFile, [row for one in some for row in files_of(one)])


def forget_parts(session: Session, messages: Sequence[int]) -> None:
    """The links and files of messages go."""
    for table in (MessageLink, MessageFile):
        session.execute(delete(table).where(db.is_among(session, col(table.message_id), messages)), execution_options=db.UNSEEN)


def is_unpacked() -> ColumnElement[bool]:
    """SQL condition for messages that are not packed yet. Once all are it costs nothing, for none is above that number."""
    reached = select(col(Marker.number)).where(col(Marker.name) == MARKER).scalar_subquery()
    return and_(col(Message.id) > reached, OLD[0].is_not(None))
