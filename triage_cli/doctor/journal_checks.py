"""Doctor checks of the journal: whether copies of accepted messages reach the archive."""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlmodel import col

from triage.config.settings import Settings
from triage.delivery.journal import JOURNAL
from triage.delivery.routes import next_hop_of
from triage.errors import BadInput
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.text.numbers import format_count
from triage.text.sanitize import escape_visible
from triage_cli.client.local_setup import database_of
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding

WHAT = "journal"
WAITING = (State.QUEUED, State.RELAYING)


def check_journal(settings: Settings) -> Iterator[Finding]:
    """Are the copies for the archive delivered? A database that does not answer has a finding of its own."""
    to = settings.journal.address
    if not to:
        yield Finding(OK, WHAT, "accepted messages are not copied to an archive (docs/how-to/retention-and-privacy.md)")
        return
    if "@" not in to:
        yield Finding(FAIL, WHAT, f'journal.address is "{escape_visible(to)}", which is no address', "write the archive's whole address")
        return
    hop = next_hop_of(settings, department="", mailbox=to, direction=JOURNAL)
    yield Finding(OK, WHAT, f"every accepted message is copied to {escape_visible(to)} by {hop}")
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            mine, waits = col(Delivery.direction) == JOURNAL, col(Delivery.state).in_(WAITING)
            number = select(func.count()).select_from(Delivery).where(mine)
            lost, waiting = session.scalar(number.where(col(Delivery.state) == State.BOUNCED)), session.scalar(number.where(waits))
            replies = select(col(Delivery.last_reply)).where(mine, waits, col(Delivery.last_reply) != "")
            said = session.scalar(replies.order_by(col(Delivery.id).desc()).limit(1))
    except BadInput:
        return
    if lost:
        words = f"{format_count(lost, 'copy', 'copies')} failed for good, or bounced from the archive"
        yield Finding(WARN, WHAT, words, "see `mailroom outgoing`; `mailroom outgoing retry ID` sends one again")
    if waiting and said:
        words = f"{format_count(waiting, 'copy', 'copies')} in the queue; the archive replied: {escape_visible(said)}"
        yield Finding(FAIL, WHAT, words, "repair the archive: Mailroom retries until it accepts them, and keeps them until then")
