"""SQL conditions for rows in confidential folders, whoever asks."""

from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlmodel import col

from triage.store.models.deliveries import Delivery
from triage.store.models.directory import ConfidentialFolder

NOBODY = ""  # the login of the row that says that there is a seal
KINDS = ("department", "person")  # of folders that can be confidential
SEALED = {
    kind: select(col(ConfidentialFolder.name)).where(col(ConfidentialFolder.kind) == kind, col(ConfidentialFolder.login) == NOBODY)
    for kind in KINDS
}  # codes, uids


def is_confidential(table: Any = Delivery) -> ColumnElement[bool]:
    """SQL condition for deliveries in a confidential folder, whoever asks."""
    return or_(col(table.department).in_(SEALED["department"]), col(table.person).in_(SEALED["person"]))
