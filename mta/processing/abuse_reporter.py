"""Queues abuse reports about what staff removed, as the time for second thoughts ends; the relay sends them."""

from sqlalchemy import Engine

from triage.config.settings import Settings
from triage.delivery import abuse_reports
from triage.policy.learning import decision_feedback
from triage.runtime.wakeup import WakeupPipe
from triage.store.db import transaction
from triage.times import utcnow

AT_ONCE = 20  # removals of one look


class AbuseReporter:
    """Goes through the removals that were not reported."""

    def __init__(self, engine: Engine, settings: Settings, relay: WakeupPipe) -> None:
        """Removals of before are not reported."""
        self.engine, self.settings, self.relay = engine, settings, relay
        with transaction(engine) as session:
            decision_feedback.begin_feedback(session, abuse_reports.MARKER)

    def report_due(self) -> None:
        """Report what is due, a removal a transaction."""
        for _ in range(AT_ONCE):
            with transaction(self.engine) as session:
                reported = abuse_reports.report_next(session, settings=self.settings, now=utcnow())
            if reported is None:
                return
            if reported:
                self.relay.wake()


def end_reports(engine: Engine) -> None:
    """Ends abuse reports: later settings do not report removals from before."""
    with transaction(engine) as session:
        decision_feedback.end_feedback(session, abuse_reports.MARKER)
