"""Open reports of suspicious messages, as SQL conditions: which wait for an answer, and which decision answers one."""

from sqlalchemy import ColumnElement, and_, exists
from sqlmodel import col

from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport

GOOD, BAD = "good", "bad"
SIMULATED = "simulation"  # the verdict that Mailroom gives itself


SETTLING = {"release": GOOD, "redirect": GOOD, "purge": BAD, "reject": BAD}  # verbs that answer, and how


def settles_report() -> ColumnElement[bool]:
    """Whether this decision answers this report, where both are joined to their delivery."""
    return and_(
        col(Decision.id) == col(Delivery.decision_id),
        col(Decision.at) >= col(MailReport.at),
        col(Decision.verb).in_(list(SETTLING)),
        col(Decision.undone_by).is_(None),
    )


def is_open() -> ColumnElement[bool]:
    """SQL condition for reports that wait for an answer, where MailReport is joined to Delivery."""
    return and_(col(MailReport.answered_at).is_(None), ~exists().where(settles_report()).correlate(Delivery, MailReport))


def is_reported() -> ColumnElement[bool]:
    """Whether an open report names this delivery."""
    return exists().where(col(MailReport.delivery_id) == col(Delivery.id), is_open()).correlate(Delivery)
