"""Damaged records among many: passed over where facts are collected, and counted as the worse case where somebody consents."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from sqlalchemy import Row

from triage.message.authentication import Authentication
from triage.store.message_record.record_codec import MessageRecord

Rows = TypeVar("Rows", bound=Row[Any])


def skip_damaged(rows: Iterable[Rows]) -> Iterator[Rows]:
    """Yields the rows of a query whose column `record` can be read: a damaged one says nothing, and stops no other."""
    return (row for row in rows if not row.record.fault)


def may_satisfy(record: MessageRecord, proof: str, *, as_list: bool = False) -> bool:
    """Whether a message has this proof; one whose record is damaged may have it."""
    return record.fault is not None or Authentication.from_json(record.authentication).satisfies(proof, as_list=as_list)


def may_have_signal(record: MessageRecord, names: Iterable[str]) -> bool:
    """Whether a message has one of these signals; one whose record is damaged may have it."""
    return record.fault is not None or not {one["name"] for one in record.signals}.isdisjoint(names)
