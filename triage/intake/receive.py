"""A message enters the database: examined, evaluated for each recipient, stored. Many at a time, each for itself."""

import itertools
import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import event, select
from sqlmodel import Session, col

from triage.addressing.envelope import Envelope
from triage.addressing.public_suffix import is_shared
from triage.config.settings import Settings
from triage.delivery import bounces, journal
from triage.errors import NotYet
from triage.ids import format_id
from triage.intake import lookups
from triage.intake.stages import Arrival, Evaluated, Examined, Faults, Fresh, Stored, with_first_look
from triage.intake.store_incoming import drop_confidential, store_all
from triage.message.authentication import Authentication, Result
from triage.message.fingerprint import Fingerprint
from triage.message.inside_sender import inside_sender
from triage.message.mime.links import is_related_host, registered_organisation
from triage.message.signals.scan_results import NOT_ASKED, Scan
from triage.message.summary import Summary
from triage.policy.contacts import store as contacts
from triage.policy.decide import PARTNER_REPORT, decide_verdict
from triage.policy.known_senders import checks, domain_proofs
from triage.policy.learning import known_names
from triage.policy.rules import redirects, store as rules
from triage.quarantine.campaigns import assign as campaigns
from triage.quarantine.requests import outside_reports
from triage.reports import sending_services
from triage.runtime import metrics
from triage.say import say
from triage.store import db, message_ids
from triage.store.models.deliveries import Delivery
from triage.store.new_rows import NewDelivery
from triage.text.sanitize import escape_visible

log = logging.getLogger(__name__)
DECIDED = "message %(message)s for %(recipient)s is %(state)s: verdict %(verdict)s by rule %(rule)s, delivery %(delivery)s"


def receive_message(
    session: Session,
    envelope: Envelope,
    raw: bytes,
    authentication: Authentication,
    summary: Summary,
    *,
    settings: Settings,
    now: datetime,
    listed: str = "",
    scan: Scan = NOT_ASKED,
    patient: bool = False,
) -> tuple[int, ...]:
    """Enter a message, one delivery a mailbox; the delivery ids.

    Idempotent by `envelope.spool_id`: a second call changes nothing and returns the same ids. `listed`: who lists the client
    as bad, in words. `scan`: what scanners said. `patient`: there is time to judge it again; NotYet, and nothing is entered,
    when a verdict rests on a DNS that did not answer.
    """
    arrival = Arrival(envelope, raw, authentication, summary, listed, scan, patient)
    (entered,) = receive_all(session, [arrival], settings=settings, now=now)
    if isinstance(entered, Exception):
        raise entered
    return entered


class Examination(NamedTuple):
    """Messages that came in about the same time: which of them are in the database already, and what the others show alone."""

    found: Sequence[tuple[Envelope, int | None]]  # of each its envelope, and its id where it was entered already
    examined: Sequence[Examined]
    faults: Faults


class SortedArrivals(NamedTuple):
    """Messages that are examined and sorted into campaigns, to be entered in the next transaction."""

    examination: Examination
    campaign_ids: Mapping[int, int | None]  # by the number of the arrival; of those that are entered already there is none


def sort_arrivals(session: Session, arrivals: Sequence[Arrival], *, settings: Settings, now: datetime) -> SortedArrivals:
    """Put messages that came in about the same time into campaigns, for `receive_all` in the next transaction.

    Two that begin a campaign of the same messages wait for each other until they commit: a transaction with nothing else in it is short.
    A message that is not entered afterwards finds its campaign again when it comes again.
    """
    db.commit_lazily(session)  # what is lost with the machine, no message is in: the later transaction takes it to the disk with itself
    examination = examine_arrivals(session, arrivals, settings=settings, now=now)
    sorting = sort_examined(session, examination.examined, settings)
    campaign_ids = {one.number: sorting.assign(place) for place, one in enumerate(examination.examined)}
    sorting.write(now)
    return SortedArrivals(examination, campaign_ids)


def receive_all(
    session: Session,
    arrivals: Sequence[Arrival],
    *,
    settings: Settings,
    now: datetime,
    presorted: SortedArrivals | None = None,
) -> list[tuple[int, ...] | Exception]:
    """Enter messages that came in about the same time: of each the delivery ids, or why it was not entered. As `receive_message` each.

    What concerns all of them is asked once, and what is written is written at the end: a message that cannot be judged
    takes no other one with it. When the database will not have one, none is entered and its exception is raised. Whoever has the
    time before the transaction asks `with_first_look` first. `presorted`: what `sort_arrivals` said of them; None: they are examined and
    sorted here. Whoever entered one of them in between makes the database refuse all.
    """
    found, examined, told = presorted.examination if presorted else examine_arrivals(session, arrivals, settings=settings, now=now)
    faults = Faults(told)
    sorting: campaigns.Sorting | campaigns.Sorted = (
        campaigns.Sorted(session, [presorted.campaign_ids[one.number] for one in examined], now)
        if presorted
        else sort_examined(session, examined, settings)
    )
    evaluated = evaluate_all(session, examined, sorting, faults, settings=settings, now=now)
    stored = store_all(session, evaluated, faults, settings=settings, now=now)
    learn_from(session, stored, settings=settings, now=now)
    count_after_commit(session, stored)
    written = {one.number: tuple(copy.id for copy in one.deliveries) for one in stored}
    return [
        faults.get(number) or written.get(number) or delivery_ids_of(session, entered or 0) for number, (_, entered) in enumerate(found)
    ]


def examine_arrivals(session: Session, arrivals: Sequence[Arrival], *, settings: Settings, now: datetime) -> Examination:
    """Tells which messages are in the database already, and examines the others."""
    faults = Faults()
    found = message_ids.identified_all(session, [one.envelope for one in arrivals])
    return Examination(found, examine_all(arrivals, found, faults, settings=settings, now=now), faults)


def examine_all(
    arrivals: Sequence[Arrival], found: Sequence[tuple[Envelope, int | None]], faults: Faults, *, settings: Settings, now: datetime
) -> list[Examined]:
    """Examines the messages that are not in the database yet, each by what it shows alone."""

    def examine(one: Fresh) -> Examined:
        looked_at = with_first_look(one.arrival, settings=settings, now=now)
        assert looked_at.at_sight is not None
        return Examined(one.number, looked_at, one.envelope, looked_at.at_sight)

    fresh = (Fresh(number, arrivals[number], envelope) for number, (envelope, entered) in enumerate(found) if not entered)
    return faults.each(fresh, examine)


def sort_examined(session: Session, examined: Sequence[Examined], settings: Settings) -> campaigns.Sorting:
    """Finds the campaigns of messages, by what they say and, of suspicious ones, by what they have in common beside it."""
    keys = {place: one.list_keys(settings) for place, one in enumerate(examined)}
    return campaigns.Sorting(session, [find_fingerprint(one) for one in examined], keys)


def find_fingerprint(one: Examined) -> Fingerprint | None:
    """Returns by what a message is found to be like others; None for a partner's report."""
    return None if one.is_partner_report else Fingerprint.from_text(one.summary.fingerprint)


def evaluate_all(
    session: Session,
    examined: Sequence[Examined],
    sorting: campaigns.Sorting | campaigns.Sorted,
    faults: Faults,
    *,
    settings: Settings,
    now: datetime,
) -> list[Evaluated]:
    """Decide for each recipient of the messages; those that could be decided about."""
    asked = (lookups.MessageQuery(one.envelope, one.summary, sorting.likely(place)) for place, one in enumerate(examined))
    known = lookups.look_up(session, asked, settings=settings, now=now)
    places = itertools.count()

    def evaluate(one: Examined) -> Evaluated:
        place = next(places)
        campaign_id = sorting.assign(place)
        try:
            return evaluate_message(session, one, campaign_id, known, settings=settings, now=now)
        except Exception:
            sorting.take_back(place)
            raise

    evaluated = faults.each(examined, evaluate)
    sorting.write(now)
    return evaluated


def evaluate_message(
    session: Session, one: Examined, campaign_id: int | None, known: lookups.Known, *, settings: Settings, now: datetime
) -> Evaluated:
    """Decide for each recipient of a message. NotYet where a verdict rests on a DNS that did not answer, and there is time."""
    arrival = one.arrival
    facts = lookups.gather_facts(
        session,
        one.envelope,
        one.authentication,
        one.summary,
        settings=settings,
        now=now,
        listed=arrival.listed,
        virus=arrival.scan.virus,
        inside=inside_sender(one.envelope, arrival.raw, settings.smtp.internal_networks, settings.smtp.signed_in_hosts),
        campaign_id=campaign_id,
        known=known,
        danger=one.at_sight.danger,
        deviations=one.at_sight.deviations,
        severity=one.at_sight.severity,
        lasts=one.at_sight.deadline,
        signs=one.at_sight.names,
    )
    if arrival.report:
        becomes = sending_services.judge_report(session, arrival.report, one.authentication.dmarc, settings=settings, now=now)
        facts = [replace(each, dmarc_report=becomes) if each.recipient.address in settings.dmarc_addresses else each for each in facts]
    if arrival.pointed is not None:
        standing = outside_reports.judge_report(session, one.authentication.dmarc, now=now)
        facts = [replace(each, partner_report=standing) if each.recipient.address in settings.partner_addresses else each for each in facts]
    verdicts = redirects.drop_duplicates([(each, decide_verdict(each)) for each in facts])
    waiting = next((verdict.reason for _, verdict in verdicts if verdict.unknown), "")
    if arrival.patient and waiting:
        dns = escape_visible(one.authentication.dmarc.reason)
        raise NotYet(say("{why} ({dns})", why=waiting, dns=dns) if one.authentication.unknown else waiting)
    return Evaluated(one, campaign_id, tuple(facts), tuple(verdicts))


def learn_from(session: Session, stored: Sequence[Stored], *, settings: Settings, now: datetime) -> None:
    """Learns from stored messages: bounces, uses of rules, contacts heard from, checks that held, proofs of domains, lists.

    Nothing is learned from a phishing simulation.
    """
    stored = [one for one in stored if not one.evaluated.is_simulation]
    for one in stored:
        for copy in one.deliveries:
            if copy.direction == "bounce":
                bounces.come_back(session, one.examined.envelope, copy, one.examined.summary, now=now)
    if applied := [rule for one in stored for rule in one.evaluated.rules_applied]:
        rules.count_uses(session, applied, now)
    contacts.count_heard(session, (contact for one in stored for contact in one.evaluated.contacts_heard), now)
    held = ((one.examined.summary.author, names) for one in stored if (names := one.evaluated.checks_held))
    checks.count_held(session, held, settings, now=now)
    domain_proofs.record_proofs(session, open_proofs(session, stored), settings=settings, now=now)
    for one in stored:
        if (report := one.examined.arrival.report) and any(facts.dmarc_report for facts in one.evaluated.facts):
            sending_services.count_report(session, report, one.examined.authentication.dmarc, settings=settings, now=now)
    for one in stored:
        take_partner_report(session, one, settings=settings, now=now)
    accepted = (one.examined.summary for one in drop_confidential(session, [one for one in stored if one.evaluated.is_accepted]))
    known_names.remember_names(session, ((summary.author, summary.author_name) for summary in accepted))
    freemail = settings.policy.freemail_domains
    contacts.seen_lists(session, dict(post for one in stored if (post := signed_list(one.examined.arrival, freemail))))


def take_partner_report(session: Session, one: Stored, *, settings: Settings, now: datetime) -> None:
    """Lists a message as a partner's report, where it was judged to be one."""
    taken = any(facts.partner_report == "taken" for facts, _ in one.evaluated.verdicts)
    copy = next((copy for copy in one.deliveries if taken and copy.rule == PARTNER_REPORT), None)
    if copy:
        examined = one.examined
        said = examined.authentication, examined.summary, examined.arrival.pointed or ()
        outside_reports.report_as_partner(session, copy, examined.envelope, *said, settings=settings, now=now)


def open_proofs(session: Session, stored: Sequence[Stored]) -> list[domain_proofs.Came]:
    """Returns new proofs of domains by known senders' messages. Messages for confidential folders alone do not count."""
    news = [one for one in stored if (came := one.evaluated.came) and came.is_news]
    return [came for one in drop_confidential(session, news) if (came := one.evaluated.came)]


def count_after_commit(session: Session, stored: Sequence[Stored]) -> None:
    """Count what was decided and log it, a line for each delivery, once it is committed."""
    verdicts = Counter((verdict.rule, verdict.disposition) for one in stored for _, verdict in one.evaluated.verdicts)

    def count(_: Session) -> None:
        for (rule, disposition), number in verdicts.items():
            metrics.count_event("mailroom_verdicts", number, rule=rule, verdict=str(disposition))
        if log.isEnabledFor(logging.INFO):
            for copy in (copy for one in stored for copy in one.deliveries):
                log.info(DECIDED, log_fields(copy))

    event.listen(session, "after_commit", count, once=True)


def log_fields(copy: NewDelivery) -> dict[str, str]:
    """Returns the fields of a log line about a delivery."""
    return {
        "message": format_id(copy.message_id),
        "delivery": format_id(copy.id),
        "recipient": escape_visible(copy.recipient),
        "state": copy.state,
        "verdict": copy.verdict,
        "rule": copy.rule,
    }


def delivery_ids_of(session: Session, message_id: int) -> tuple[int, ...]:
    """The ids of the deliveries of a message that was entered earlier."""
    mine = (col(Delivery.message_id) == message_id, col(Delivery.direction) != journal.JOURNAL)
    return tuple(session.scalars(select(col(Delivery.id)).where(*mine).order_by(col(Delivery.id))))


def signed_list(arrival: Arrival, freemail: Collection[str]) -> tuple[str, tuple[str, str]] | None:
    """Returns a list's posting address, id and signer. Only if an organisation's signature says that address and id are its own.

    Who signs messages of anybody says nothing: a stranger there could make a list of whom people here write to.
    """
    summary = arrival.summary
    domain = summary.list_post.rpartition("@")[2]
    if not summary.list_id or not domain or domain in freemail or is_shared(registered_organisation(domain)):
        return None
    passed = (one for one in arrival.authentication.dkim if one.result is Result.PASS and one.signs_list)
    signers = [one.domain for one in passed if is_related_host(one.domain, domain) and is_related_host(one.domain, summary.list_id)]
    return (summary.list_post, (summary.list_id, signers[0])) if signers else None
