"""Which rows lie in confidential folders, whoever asks, as SQL conditions."""

from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlmodel import col

from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Sealed

NOBODY = ""  # the login of the row that says that there is a seal


def anyhow(table: Any = Delivery) -> ColumnElement[bool]:
    """Which deliveries lie under a seal, whoever asks."""
    return or_(col(table.department).in_(names("department")), col(table.person).in_(names("person")))


def names(kind: str) -> Select[str]:
    """The codes or uids that are sealed."""
    return select(col(Sealed.name)).where(col(Sealed.kind) == kind, col(Sealed.login) == NOBODY)
