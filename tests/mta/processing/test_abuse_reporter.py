"""The judge's round that queues abuse reports: each removal once, and the relay is woken."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

from sqlalchemy import Engine, func, select
from sqlmodel import col

from mta.processing import abuse_reporter
from mta.processing.abuse_reporter import AbuseReporter
from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, arrive
from triage.config.settings import Notices, Settings
from triage.delivery import abuse_reports
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.runtime.wakeup import WakeupPipe
from triage.store import db
from triage.store.models.deliveries import Delivery


def test_each_removal_is_reported_once_and_the_relay_wakes(engine: Engine, settings: Settings) -> None:
    settings = replace(settings, notices=Notices(abuse_reports_to="abuse@provider.example"))
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    with closing(WakeupPipe(settings.spool.directory, "relay")) as pipe:
        reporter = AbuseReporter(engine, settings, pipe)
        with db.transaction(engine) as session:
            ids = arrive(session, settings, "it+joe.fern@company.example", author="eve@two.example")
            decisions.decide_messages(session, DecisionRequest(Selection(ids=ids), Verb.PURGE), by=ANA, now=NOW, settings=settings)
        for hours, reports in ((0, 0), (1, 1), (2, 1)):
            with patch.object(abuse_reporter, "utcnow", lambda hours=hours: NOW + timedelta(hours=hours)):
                reporter.report_due()
            with db.read_transaction(engine) as session:
                queued = select(func.count()).select_from(Delivery).where(col(Delivery.rule) == abuse_reports.RULE)
                assert session.scalar(queued) == reports
            assert pipe.wait(0) == (hours == 1)
