"""Plain mode: nothing is held. What would be goes on at once to DEPARTMENT+PERSON, a folder of the department's own account."""

from datetime import datetime

from triage.config.settings import Company
from triage.store.delivery_state import State
from triage.store.new_rows import NewDelivery

SHARED = "Shared"  # folder for role addresses and groups


def let_on(copy: NewDelivery, company: Company, now: datetime) -> None:
    """Give a copy that would be held its way there: envelope only, the verdict stays what it is."""
    if company.plain and copy.state == State.HELD and copy.direction == "in":
        copy.mailbox = f"{copy.department}{company.delimiter}{copy.person or SHARED}@{company.domains[0]}"
        copy.redirected = True
        copy.state, copy.due_at, copy.queued_at = State.QUEUED, now, now
