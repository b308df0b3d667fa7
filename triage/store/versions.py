"""Named numbers that processes compare, to see cheaply that something changed, and the texts beside them."""

import json
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlmodel import Session, col

from triage.store import db
from triage.store.models.markers import Marker

NUMBER = select(col(Marker.number)).where(col(Marker.name) == bindparam("name"))
TEXT = select(col(Marker.text)).where(col(Marker.name) == bindparam("name"))


def advance_version(session: Session, name: str, by: int = 1) -> None:
    """Move the marker on, in the transaction of what changed; others who want to move it wait for that to end."""
    db.insert_if_missing(session, Marker, name=name, number=0, text="")
    session.execute(update(Marker).where(col(Marker.name) == name).values(number=col(Marker.number) + by))


def put_version(session: Session, name: str, number: int) -> None:
    """Set the marker to a number, whatever it was."""
    db.insert_if_missing(session, Marker, name=name, number=number, text="")
    session.execute(update(Marker).where(col(Marker.name) == name).values(number=number))


def raise_version(session: Session, name: str, number: int) -> None:
    """Moves a marker on to a number; never back, and not one that was removed."""
    session.execute(update(Marker).where(col(Marker.name) == name, col(Marker.number) < number).values(number=number))


def lock_version(session: Session, name: str) -> None:
    """Lets others who lock or move the marker wait until this transaction ends."""
    session.scalar(select(col(Marker.number)).where(col(Marker.name) == name).with_for_update())


def remove_version(session: Session, name: str) -> None:
    """Removes a marker: its number is 0 again."""
    session.execute(delete(Marker).where(col(Marker.name) == name))


def read_version(session: Session, name: str) -> int:
    """Returns the number of a marker; 0 before its first advance."""
    return session.scalar(NUMBER, {"name": name}) or 0


def read_text(session: Session, name: str) -> str:
    """Returns the text of a marker; "" before it was written."""
    return session.scalar(TEXT, {"name": name}) or ""


def write_text(session: Session, name: str, value: Any) -> None:
    """Writes a value as JSON into the text of a marker, whose number is 0 then."""
    session.merge(Marker(name=name, number=0, text=json.dumps(value)))
