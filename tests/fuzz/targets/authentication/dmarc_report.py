"""Aggregate reports, as XML and packed: one within its limits, or NoReport."""

import contextlib
import gzip
import time

from tests.triage.message.dmarc_reports.made_reports import OURS, record, report, result, zipped
from triage.message.dmarc_reports.aggregate_report import AggregateReport
from triage.message.dmarc_reports.read_report import unpack
from triage.message.dmarc_reports.report_xml import NoReport, parse_report

SEEDS = (
    report(OURS, record(reason="forwarded", results=result("spf", "list.example"))),
    report(root='feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"'),
    gzip.compress(report(OURS)),
    zipped(("a.xml", report(OURS))),
    b'<!DOCTYPE feedback [<!ENTITY a "b">]><feedback>&a;</feedback>',
)
MOST = 1024 * 1024  # bytes


def one_input(data: bytes) -> None:
    """`data` is an attached file."""
    with contextlib.suppress(NoReport):
        xml = unpack(data, MOST)
        assert len(xml) <= MOST
        found = parse_report(xml, time.monotonic() + 5)
        assert AggregateReport.from_json(found.as_json()) == found
