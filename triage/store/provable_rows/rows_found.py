"""Rows as acts find them: rules, tokens, staff accounts and modes, read before a transaction changes them.

The entry of an act has what it found beside what it left. So a change that nobody made is found, also where an act changed the same part of
the row later.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session

from triage.store.provable_rows import row_digests
from triage.store.provable_rows.row_digests import GONE, KIND_OF, KINDS, Kind

KIND_OF_TABLE: Mapping[type[Any], Kind] = {kind.order.class_: kind for kind in KINDS}
FOUND = "rows-found"  # in a session: digests of rows before its transaction changed them, by kind and subject
SAVED = "rows-found-saved"  # in a session: what these were when each savepoint began
Digests = dict[tuple[str, str], str]


def digest_subjects(session: Session, acts: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The digests for the entries of acts, (act, subject), as the rows are now in this transaction. Acts about other things have none."""
    wanted: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for act, subject in acts:
        if act in KIND_OF:
            wanted[KIND_OF[act].name].append((act, subject))
    if wanted:
        session.flush()
    digests: Digests = {}
    for kind in KINDS:
        if some := wanted[kind.name]:
            left = dict(row_digests.read_digests(session, kind, {subject for _, subject in some}, lock=True))
            digests |= {(act, subject): add_found(session, kind, subject, left.get(subject, GONE)) for act, subject in some}
    return digests


def note_rows(session: Session, kind: Kind, subjects: Iterable[str]) -> None:
    """Locks the rows of these subjects and notes what they are. A statement that changes rows, and is no flush, needs it before."""
    known = found_in(session)
    if new := {one for one in subjects if (kind.name, one) not in known}:
        digests = dict(row_digests.read_digests(session, kind, new, lock=True))
        known.update({(kind.name, one): digests.get(one, GONE) for one in new})


def add_found(session: Session, kind: Kind, subject: str, left: str) -> str:
    """Adds to the digest that an act left what it found. The next act of this transaction finds what this one left."""
    return row_digests.join_found(left, found_in(session).pop((kind.name, subject), left))


def found_in(session: Session) -> Digests:
    """Returns what the transaction of a session found."""
    found: Digests = session.info.setdefault(FOUND, {})
    return found


def note_flush(session: Session, _context: object, _objects: object) -> None:
    """Notes the rows that a flush is about to change."""
    changing: dict[type[Any], set[str]] = defaultdict(set)
    for one in (*session.new, *session.dirty, *session.deleted):
        if kind := KIND_OF_TABLE.get(type(one)):
            if one in session.new and kind.is_single:
                found_in(session).setdefault((kind.name, kind.name_row(one)), GONE)
            elif one not in session.dirty or session.is_modified(one):
                changing[type(one)].add(kind.name_row(one))
    for table, subjects in changing.items():
        note_rows(session, KIND_OF_TABLE[table], subjects)


def save_found(session: Session, begun: SessionTransaction) -> None:
    """Saves what was found when a savepoint begins."""
    if begun.nested:
        session.info.setdefault(SAVED, {})[begun] = dict(found_in(session))


def restore_found(session: Session, ended: SessionTransaction) -> None:
    """Brings back what had been found before a savepoint that was rolled back."""
    if ended.nested:
        session.info[FOUND] = session.info.get(SAVED, {}).pop(ended, {})


def forget_found(session: Session, ended: SessionTransaction) -> None:
    """Forgets what a transaction found, at its end."""
    if ended.parent is None:
        session.info.pop(FOUND, None)
        session.info.pop(SAVED, None)


event.listen(Session, "before_flush", note_flush)
event.listen(Session, "after_transaction_create", save_found)
event.listen(Session, "after_soft_rollback", restore_found)
event.listen(Session, "after_transaction_end", forget_found)
