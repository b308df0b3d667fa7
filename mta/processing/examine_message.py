"""Examines a message before it is judged: authentication, summary, scanners, DNS lists."""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace

from mail_auth.authenticate import authenticate_message
from mail_auth.dns.query_budget import Resolver
from mta.processing import edge_token
from mta.processing.code_reader import CodeReader
from mta.processing.dnsbl import Listing
from mta.processing.partner_reader import PartnerReader, may_report
from mta.processing.report_reader import ReportReader
from mta.processing.scanners import Scanners
from triage.addressing.envelope import Envelope
from triage.message.authentication import Authentication
from triage.message.dmarc_reports.aggregate_report import AggregateReport
from triage.message.forwarded import Pointed
from triage.message.outbound import Journaled
from triage.message.signals.scan_results import NOT_ASKED, Scan
from triage.message.summary import Summary
from triage.runtime.sandbox_pool import Overrun, Pool
from triage.say import say
from triage.times import utcnow


@dataclass(frozen=True, slots=True)
class Found:
    """Results of examining a message."""

    authentication: Authentication
    summary: Summary
    overran: bool = False  # the parser gave up
    listed: str = ""  # who lists the client as bad, as a sentence without its end
    scan: Scan = NOT_ASKED
    journaled: Journaled | None = None  # of a copy of outgoing mail: the journal report that it is
    came_in: bool = False  # of such a copy: it is one of mail that came in through us
    report: AggregateReport | None = None  # on our domains, where it is for the address of these
    pointed: tuple[Pointed, ...] | None = None  # of what an employee or a partner forwards to us: the messages that are meant


NOTHING = Found(Authentication(""), Summary())


class Examiner:
    """Finds it out, with a resolver and a parser of its own; safe for several threads."""

    def __init__(
        self,
        resolver: Resolver,
        pool: Pool,
        listing: Listing,
        scanners: Scanners,
        codes: CodeReader,
        reports: ReportReader,
        trusted_authserv_ids: Collection[str],
        edge_token: str = "",
        *,
        partners: PartnerReader | None = None,
    ) -> None:
        self.resolver, self.pool, self.trusted_authserv_ids = resolver, pool, trusted_authserv_ids
        self.listing, self.scanners, self.codes, self.reports = listing, scanners, codes, reports
        self.edge_token, self.partners = edge_token, partners

    def believed(self, envelope: Envelope, raw: bytes) -> Envelope:
        """The envelope as far as the one who brought the message may be believed."""
        return edge_token.trusted_envelope(envelope, raw, self.edge_token)

    def examine(self, envelope: Envelope, raw: bytes) -> Found:
        """Takes as long as the resolver and the parser may take."""
        authentication = authenticate_message(envelope, raw, self.resolver, utcnow(), self.trusted_authserv_ids)
        report = self.reports.read(envelope, raw, authentication.dmarc)  # first: who has to come again costs nothing more
        pointed = self.partners.read(envelope, raw, authentication.dmarc) if self.partners else None
        summary, overran = summarise_message(self.pool, raw)
        pointed = None if pointed is None or not may_report(envelope, summary) else pointed
        scan = self.scanners.about(envelope, raw)
        summary = self.codes.read(summary, raw)
        listed = self.listing.about(envelope, scan.opinion, self.resolver)
        return Found(authentication, summary, overran, listed, scan, report=report, pointed=pointed)


def summarise_message(pool: Pool, raw: bytes) -> tuple[Summary, bool]:
    """Parses a message in the sandbox; returns whether the parser gave up over it. Then only what the header says is known."""
    try:
        return Summary.from_json(json.loads(pool.run(raw))), False
    except Overrun as fault:
        problem = say("The parser gave up: {why}.", why=str(fault))
    try:
        summary = Summary.from_json(json.loads(pool.run(raw, headers_only=True)))
    except Overrun:
        summary = Summary()
    return replace(summary, parsed=False, problems=(*summary.problems, problem)), True
