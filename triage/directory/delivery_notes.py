"""Notes of held deliveries about their address: added with their message id and parameters, or removed with the name that they hold."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, or_, select, update
from sqlmodel import Session, col

from triage.say import forms_of, from_row, join_parts
from triage.store.db import is_among
from triage.store.models.deliveries import Delivery


def append_notes(session: Session, said: Mapping[int, str]) -> None:
    """Add a sentence to the notes of these deliveries, by their ids, where they lack it."""
    rows = session.execute(
        select(col(Delivery.id), col(Delivery.note), col(Delivery.forms)).where(is_among(session, col(Delivery.id), said))
    )
    changed = []
    for row in rows:
        if said[row.id] not in row.note:
            note = join_parts(" ", (from_row(row, "note"), said[row.id]))
            changed.append({"id": row.id, "note": str(note), "forms": (row.forms or {}) | (forms_of(note=note) or {})})
    if changed:
        session.execute(update(Delivery), changed)


def clear_notes(session: Session, *parts: str) -> None:
    """Empty the notes that contain one of these texts."""
    where: ColumnElement[bool] = or_(*(col(Delivery.note).contains(part, autoescape=True) for part in parts))
    rows = session.execute(select(col(Delivery.id), col(Delivery.forms)).where(where))
    cleared = [{"id": row.id, "note": "", "forms": without_note(row.forms)} for row in rows]
    if cleared:
        session.execute(update(Delivery), cleared)


def without_note(forms: Mapping[str, object] | None) -> dict[str, object] | None:
    """The forms of the other sentences of a delivery."""
    return {name: form for name, form in (forms or {}).items() if name != "note"} or None
