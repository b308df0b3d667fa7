"""Departments that are no more: what is held in their folders lies where somebody looks, in the transaction that closes them."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, func, literal, select
from sqlmodel import Session, col

from triage.directory import undeliverable
from triage.directory.delivery_notes import append_notes
from triage.say import say
from triage.store import confidential_rows, ledger
from triage.store.delivery_state import State
from triage.store.models.counts import CachedFolder
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department, KnownRecipient


def move_held(session: Session, names: Mapping[str, str]) -> int:
    """Held messages of a department that is gone goes to the one that has its address now, else to the postmaster's; how much that was.

    `names`: of the departments before. What is confidential stays: who may see in still does.
    """
    codes, counted = select(col(Department.code)), select(col(CachedFolder.department)).where(col(CachedFolder.held) > 0)
    gone = ({*names, *session.scalars(counted)} - set(session.scalars(codes))) - {""}
    last = undeliverable.postmaster_department(session)
    if not gone or last is None:
        return 0
    lost: ColumnElement[bool] = (col(Delivery.state) == State.HELD) & col(Delivery.department).in_(gone)
    lost &= col(Delivery.department).not_in(confidential_rows.SEALED["department"]) & col(Delivery.person).not_in(
        confidential_rows.SEALED["person"]
    )
    has_it = select(col(KnownRecipient.department)).where(
        col(KnownRecipient.address) == col(Delivery.listed), col(KnownRecipient.department).in_(codes)
    )
    said = {code: say("It was addressed to the department {name}, which no longer exists.", name=names.get(code, code)) for code in gone}
    rows = session.execute(select(col(Delivery.id), col(Delivery.department)).where(lost)).all()
    append_notes(session, {number: said[code] for number, code in rows})
    return ledger.move_held_deliveries(session, lost, department=func.coalesce(has_it.scalar_subquery(), literal(last.code)))
