"""Reports of suspicious messages by partner companies: a lane beside the employees' reports.

They never act, and no statistic counts them as reports of employees. Who reported hears the verdict once.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.delivery import partner_answers
from triage.delivery.internal_mail import EmployeeNotice
from triage.errors import BadInput, NotAllowedNow, NotFound
from triage.ids import format_id, new_id
from triage.message.authentication import Authentication, Dmarc, Result
from triage.message.forwarded import Pointed
from triage.message.summary import Summary
from triage.policy.facts import PartnerReport
from triage.quarantine.requests.suspicion_reports import (
    DAY,
    LONGEST,
    MOST_A_DAY,
    MOST_THANKS,
    TOLD_AT_ONCE,
    VERDICTS,
    Reported,
    by_people_in_scope,
    cut_subject,
)
from triage.quarantine.search.listing import list_some
from triage.say import join_parts, quote_text, say
from triage.store import ledger
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import OutsideReport
from triage.store.new_rows import NewDelivery
from triage.text.defuse_links import defuse_text

PARTNERS = "partners"  # the lane
THANKS, ANSWER = "partner-thanks", "partner-answer"
HARMLESS, HARMFUL = (
    say("We reviewed it and found it harmless."),
    say("We reviewed it and found it harmful. Do not answer it, and do not follow its links."),
)


def judge_report(session: Session, proof: Dmarc, *, now: datetime) -> PartnerReport:
    """Returns what becomes of a partner's message to the address for reports, and changes nothing. Messages that come in together are
    counted as one.
    """
    if proof.result is not Result.PASS:
        return "unknown"
    return "taken" if count_lately(session, proof.domain, now) < MOST_A_DAY else "many"


def count_lately(session: Session, origin: str, now: datetime) -> int:
    """Counts reports of a partner within a day."""
    lately = (col(OutsideReport.origin) == origin, col(OutsideReport.at) > now - DAY)
    return session.scalar(select(func.count()).select_from(OutsideReport).where(*lately)) or 0


def report_as_partner(
    session: Session,
    copy: NewDelivery,
    envelope: Envelope,
    found: Authentication,
    summary: Summary,
    pointed: Sequence[Pointed],
    *,
    settings: Settings,
    now: datetime,
) -> None:
    """Lists a partner's message as one report, with a receipt for its author. `copy`: the message itself, which staff open."""
    domain, one = found.dmarc.domain, pointed[0] if pointed else Pointed(subject=summary.subject)
    before = count_lately(session, domain, now)
    made = OutsideReport(
        id=new_id(),
        lane=PARTNERS,
        origin=domain,
        by=summary.author[:254],
        by_shown=summary.author[:254],
        at=now,
        key=f"message:{format_id(envelope.spool_id)}",
        delivery_id=copy.id,
        author=one.author[:254],
        subject=(one.subject or summary.subject)[:LONGEST],
        answer_to=partner_answers.address_to_answer(summary, found, settings),
    )
    session.add(made)
    session.flush()
    about = f"delivery:{format_id(copy.id)}"
    ledger.write_act(session, "partner-report", about, by=Actor.system("reports"), now=now, detail={"for": domain})
    if made.answer_to and before < MOST_THANKS:
        send_to_partner(session, made, write_thanks(made), rule=THANKS, settings=settings, now=now)


def send_to_partner(session: Session, row: OutsideReport, notice: EmployeeNotice, *, rule: str, settings: Settings, now: datetime) -> None:
    """Queues a message to the author of a partner's report, in the folder of the report."""
    about = session.get(Delivery, row.delivery_id) if row.delivery_id else None
    folder = (about.department, about.person) if about else ("", "")
    partner_answers.send_answer(session, notice, folder=folder, rule=rule, settings=settings, now=now)


def write_thanks(row: OutsideReport) -> EmployeeNotice:
    """Writes the receipt."""
    opening = say("Thank you for forwarding {what}. We will review it and tell you the result.", what=describe_subject(row))
    footer = say("Until then, do not answer the message, and do not open anything in it.")
    return EmployeeNotice(row.answer_to, say("Thank you for your report"), (), footer, opening)


def write_verdict(row: OutsideReport) -> EmployeeNotice:
    """Writes the answer. It names nothing but what the partner sent to us, and no member of staff."""
    reported = say("You forwarded {what} to us.", what=describe_subject(row))
    said = (reported, HARMLESS if row.verdict == "good" else HARMFUL, *([defuse_text(row.words)] if row.words else []))
    footer = say("Thank you for asking us. The decision is yours: this is our opinion of one message.")
    return EmployeeNotice(row.answer_to, say("The result of your report"), (), footer, join_parts("\n", said))


def describe_subject(row: OutsideReport) -> str:
    """Returns what was reported, as part of a sentence in which nothing can be opened."""
    return say("“{subject}”", subject=defuse_text(cut_subject(row.subject))) if row.subject else say("a message without a subject")


def visible_reports(session: Session, by: Actor) -> ColumnElement[bool]:
    """Condition: reports that an actor sees: about messages in their scope; without a message, of people in their scope. Those of nobody
    we know are for who sees the whole company.
    """
    return or_(
        and_(col(Delivery.id).is_not(None), access.visible_deliveries(by)),
        and_(col(OutsideReport.delivery_id).is_(None), by_people_in_scope(session, OutsideReport, by)),
    )


def open_reports(session: Session, by: Actor) -> Select[OutsideReport]:
    """Unanswered reports in the actor's scope."""
    rows = select(OutsideReport).outerjoin(Delivery, col(Delivery.id) == col(OutsideReport.delivery_id))
    return rows.where(visible_reports(session, by), col(OutsideReport.answered_at).is_(None))


def list_reports(session: Session, lane: str, *, by: Actor, limit: int = 50, before: int | None = None) -> list[Reported]:
    """Lists unanswered reports of a lane in the actor's scope, newest first."""
    rows = open_reports(session, by).where(col(OutsideReport.lane) == lane).order_by(col(OutsideReport.id).desc()).limit(limit)
    found = session.scalars(rows if before is None else rows.where(col(OutsideReport.id) < before)).all()
    messages = {one.id: one for one in list_some(session, [one.delivery_id for one in found if one.delivery_id], by=by)}
    return [
        Reported(one.id, one.by_shown, one.at, one.how, one.author, one.subject, 0, messages.get(one.delivery_id or 0), one.lane)
        for one in found
    ]


def count_reports(session: Session, *, by: Actor) -> int:
    """Counts unanswered reports in the actor's scope."""
    return session.scalar(select(func.count()).select_from(open_reports(session, by).subquery())) or 0


def is_outside(session: Session, report_id: int) -> bool:
    """Whether a report is of a partner, and not of an employee."""
    return session.get(OutsideReport, report_id) is not None


def answer_report(session: Session, report_id: int, verdict: str, *, by: Actor, words: str = "", now: datetime) -> int:
    """Say what a reported message is; how many hear of it. It changes nothing about any message.

    NotFound outside the actor's scope, NotAllowedNow when it has its answer.
    """
    access.may_decide(by)
    if verdict not in VERDICTS:
        raise BadInput(say("{verdict} is not one of {names}", verdict=quote_text(verdict), names=", ".join(VERDICTS)), field="verdict")
    rows = select(OutsideReport).outerjoin(Delivery, col(Delivery.id) == col(OutsideReport.delivery_id))
    one = rows.where(visible_reports(session, by), col(OutsideReport.id) == report_id).with_for_update(of=OutsideReport)
    row = session.scalars(one).first()
    if row is None:
        raise NotFound(say("there is no report {report_id}", report_id=format_id(report_id)))
    if row.answered_at is not None:
        raise NotAllowedNow(say("this report is already answered"))
    row.answered_at, row.answered_by, row.answered_by_shown = now, str(by), by.shown
    row.verdict, row.words = verdict, " ".join(words.split())[:LONGEST]
    session.flush()
    about = f"delivery:{format_id(row.delivery_id)}" if row.delivery_id else f"report:{format_id(row.id)}"
    ledger.write_act(session, "answer-report", about, by=by, now=now, detail={"verdict": verdict, "reporters": 1})
    return 1


def has_unanswered_reporters(session: Session) -> bool:
    """Whether anybody may wait for a verdict."""
    return session.scalar(select(col(OutsideReport.id)).where(col(OutsideReport.notified_at).is_(None)).limit(1)) is not None


def send_verdicts(session: Session, *, settings: Settings, now: datetime) -> int:
    """Writes to partners whose reports were answered, and who have not heard of it; how many."""
    answered = (col(OutsideReport.notified_at).is_(None), col(OutsideReport.answered_at).is_not(None), col(OutsideReport.lane) == PARTNERS)
    rows = select(OutsideReport).where(*answered).order_by(col(OutsideReport.id)).limit(TOLD_AT_ONCE).with_for_update()
    told = session.scalars(rows).all()
    for row in told:
        row.notified_at = now
        if row.answer_to and row.origin in settings.report_partners:
            send_to_partner(session, row, write_verdict(row), rule=ANSWER, settings=settings, now=now)
    session.flush()
    return len(told)
