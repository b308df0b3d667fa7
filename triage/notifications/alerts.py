"""Finds the causes of alerts: waiting, time-limited or expiring messages, a stuck queue, a directory that is not believed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, String, and_, delete, exists, func, literal, or_, select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.config.alert_types import (
    BRAKE,
    BRAKED,
    CAUSES,
    COMES_ANEW,
    DIFFERS,
    EACH,
    EMERGENCY,
    EXPIRING,
    FLOODED,
    FUSE,
    HARDLY_WANTED,
    LASTS,
    OWNERS,
    QUEUE,
    REMOVAL,
    REQUESTED,
    SOON,
    SUSPICIOUS_DELIVERED,
    TIME_LIMITED,
    UNLIKE,
    UNSEEN,
    WAITING,
    Wait,
    alert_sentence,
)
from triage.config.settings import Settings
from triage.delivery.routes import INWARD
from triage.directory import address_changes
from triage.notifications.break_glass_alerts import find_opened_accounts
from triage.notifications.hunt_alerts import find_hunts
from triage.policy import emergency
from triage.policy.known_senders import checks, delivered_risky, held_senders, renew_proofs
from triage.policy.outbound_brakes.brake_outgoing import OPEN
from triage.quarantine import outbound_brakes
from triage.quarantine.removal import large_removals
from triage.quarantine.requests import open_requests
from triage.quarantine.search import expiry, legal_hold
from triage.say import Said, form_of, format_minute, join_parts, load_sentence, say, say_count
from triage.store import db, ledger
from triage.store.delivery_state import State
from triage.store.models.campaigns import Campaign
from triage.store.models.columns import Instant
from triage.store.models.counts import CachedFolder
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department
from triage.store.models.employees import MailRequest
from triage.store.models.notifications import OpenAlert, SentAlert
from triage.store.queue.grouping import HELD_MAIL
from triage.store.queue.waiting_targets import Targets, find_apart, folders_by_target
from triage.times import to_micros

BY = Actor.system("alerts")
COMPANY = ""  # the department of what is the company's
ON_RECORD = "record"  # who is told, where the record is: of it webhooks are told
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REMEMBERED = timedelta(days=7)
BEFORE = datetime.min.replace(tzinfo=UTC)  # everything
AHEAD = HOUR  # that the clocks of two machines are never apart


def find_alerts(session: Session, settings: Settings, now: datetime) -> list[Wait]:
    """Finds all present causes of alerts, folder by folder."""
    return [
        *find_waiting(session, settings, now),
        *find_time_limited(session, now),
        *find_expiring(session, settings, now),
        *find_unseen(session, settings, now),
        *find_requested(session),
        *find_suspicious_delivered(session, now),
        *find_floods(session, now),
        *find_queue_alerts(session, settings, now),
        *find_mailbox_alerts(session, settings, now),
        *open_emergency(session, now),
        *large_removals.find_large_removals(session, settings, now),
        *find_opened_accounts(session, now),
        *find_hunts(session, now),
        *find_owner_changes(session),
        *find_blown_fuses(session, settings),
        *find_stolen_accounts(session, settings, now),
        *find_changed_proofs(session),
        *find_brakes(session, now),
        *(as_wait(row) for row in session.scalars(select(OpenAlert).where(col(OpenAlert.cause) == BRAKE))),  # lasts until the next good run
    ]


def find_waiting(session: Session, settings: Settings, now: datetime) -> Iterator[Wait]:
    """Folders where mail that may be wanted has waited longer than the target of their person or department, in hours of work.

    Only those are looked into in which something was held when the counts were folded last.
    """
    targets = Targets.of_settings(settings)
    for code, person, folder in folders_by_target(session, find_apart(session, targets, {})):
        before = targets.before(code, now, person)
        if before is not None:
            theirs = and_(col(Delivery.department) == col(CachedFolder.department), col(Delivery.person) == col(CachedFolder.person))
            late = and_(
                folder, theirs, HELD_MAIL, col(Delivery.received_at) < before, col(Delivery.urgency) >= HARDLY_WANTED, targets.scope
            )
            yield from by_folder(session, WAITING, late, col(Delivery.received_at))


def find_time_limited(session: Session, now: datetime) -> Iterator[Wait]:
    """Folders with mail that is of use for a short time only and may be wanted."""
    presses = and_(HELD_MAIL, col(Delivery.time_limited_until) > now)
    yield from by_folder(session, TIME_LIMITED, presses, col(Delivery.time_limited_until))


def find_expiring(session: Session, settings: Settings, now: datetime) -> Iterator[Wait]:
    """Folders with mail that expires within a day unless somebody decides."""
    yield from by_end(session, EXPIRING, expiry.expired_condition(now + expiry.SOON, expiry.expiry_terms(settings)), settings)


def find_unseen(session: Session, settings: Settings, now: datetime) -> Iterator[Wait]:
    """Folders with mail that is past its time and cannot expire, because its recipient was never told of it."""
    terms = expiry.expiry_terms(settings)
    if not terms.unseen:
        yield from by_end(session, UNSEEN, expiry.unseen_condition(now, terms), settings)


def by_end(session: Session, cause: str, which: ColumnElement[bool], settings: Settings) -> Iterator[Wait]:
    """Groups these held messages by folder, with the time at which the first one expires."""
    place = (col(Delivery.department), col(Delivery.person))
    counted = select(*place, func.count(), func.min(expiry.time_start(), type_=Instant), func.max(col(Delivery.id)))
    these = and_(HELD_MAIL, which, ~legal_hold.on_legal_hold(session))
    rows = counted.outerjoin(Decision, col(Decision.id) == col(Delivery.decision_id)).where(these).group_by(*place)
    for department, person, number, begun, newest in session.execute(rows):
        yield Wait(cause, department, person, number, begun + timedelta(days=settings.retention.held_days), newest)


def find_requested(session: Session) -> Iterator[Wait]:
    """Folders of whose mail somebody asked for some, and has no answer."""
    place = (col(Delivery.department), col(Delivery.person))
    counted = select(*place, func.count(), func.min(col(MailRequest.asked_at), type_=Instant), func.max(col(MailRequest.id)))
    rows = counted.join(MailRequest, col(MailRequest.delivery_id) == col(Delivery.id)).where(open_requests.is_open()).group_by(*place)
    for department, person, number, first, newest in session.execute(rows):
        yield Wait(REQUESTED, department, person, number, first, newest)


def find_suspicious_delivered(session: Session, now: datetime) -> Iterator[Wait]:
    """Folders into which a rule let messages of the last day that look suspicious or worse."""
    recent = and_(delivered_risky.is_delivered_risky(), col(Delivery.received_at) > now - DAY)
    yield from by_folder(session, SUSPICIOUS_DELIVERED, recent, col(Delivery.received_at))


def find_floods(session: Session, now: datetime) -> Iterator[Wait]:
    """Folders to which a mail bomb came in the last day: the recipient has to be told in another way than by a message."""
    of_folder = col(Campaign.about) == col(Delivery.department) + literal("+", String) + col(Delivery.person)  # not of one sender in it
    here = exists().where(col(Campaign.id) == col(Delivery.campaign_id), of_folder).correlate(Delivery)
    recent = and_(HELD_MAIL, col(Delivery.flood).is_(True), here, col(Delivery.received_at) > now - DAY)
    yield from by_folder(session, FLOODED, recent, col(Delivery.received_at))


def by_folder(session: Session, cause: str, which: ColumnElement[bool], moment: SQLColumnExpression[Any]) -> Iterator[Wait]:
    """Groups these messages by folder: their number, the first moment, the newest."""
    place = (col(Delivery.department), col(Delivery.person))
    counted = select(*place, func.count(), func.min(moment, type_=Instant), func.max(col(Delivery.id))).where(which).group_by(*place)
    for department, person, number, first, newest in session.execute(counted):
        yield Wait(cause, department, person, number, first, newest)


def find_queue_alerts(session: Session, settings: Settings, now: datetime) -> Iterator[Wait]:
    """A next hop that is away, mail for people here that waits too long for it, and many messages refused."""
    minutes, bounces = settings.notices.outgoing_minutes, settings.notices.outgoing_bounces
    if minutes:
        stands = and_(col(Delivery.state) == State.QUEUED, col(Delivery.queued_at) < now - timedelta(minutes=minutes))
        counted = select(func.count(), func.min(col(Delivery.queued_at), type_=Instant)).where(
            stands, or_(col(Delivery.waits_for) != "", and_(col(Delivery.direction).in_(INWARD), col(Delivery.due_at).is_not(None)))
        )
        number, since = session.execute(counted).one()
        if number:
            away = session.scalars(select(col(Delivery.waits_for)).where(stands, col(Delivery.waits_for) != "").distinct().limit(3)).all()
            yield Wait(QUEUE, COMPANY, "standing", number, since, words=describe_stuck(wait_for_next_hop(number, since), away))
    if bounces:
        refused = and_(col(Delivery.state) == State.BOUNCED, col(Delivery.direction) == "in", col(Delivery.settled_at) > now - HOUR)
        number = session.scalar(select(func.count()).select_from(Delivery).where(refused)) or 0
        if number > bounces:
            words = say("The next hop refused {number} messages within an hour. See `mailroom outgoing`.", number=number)
            yield Wait(QUEUE, COMPANY, "refused", number, words=words)


def find_mailbox_alerts(session: Session, settings: Settings, now: datetime) -> Iterator[Wait]:
    """Purged mail that lies in mailboxes for too long still, or mail that is not back there: the recaller is away, or does not get in."""
    if minutes := settings.notices.outgoing_minutes:
        late = col(Delivery.queued_at) < now - timedelta(minutes=minutes)
        wanted = and_(col(Delivery.state).in_((State.RECALLING, State.RESTORING)), late)
        number, since = session.execute(select(func.count(), func.min(col(Delivery.queued_at), type_=Instant)).where(wanted)).one()
        if number:
            words = describe_stuck(wait_for_mailboxes(number, since))
            yield Wait(QUEUE, COMPANY, "recalling", number, since, words=words)


def wait_for_next_hop(number: int, since: datetime) -> Said:
    """Says how many messages wait to be delivered."""
    return say_count(
        "{count} message has waited for the next hop since {since} UTC",
        "{count} messages have waited for the next hop, the oldest since {since} UTC",
        count=number,
        since=format_minute(since, year=False),
    )


def wait_for_mailboxes(number: int, since: datetime) -> Said:
    """Says how many messages wait to be recalled or put back."""
    return say_count(
        "{count} message has waited since {since} UTC to be recalled from a mailbox or put back",
        "{count} messages have waited to be recalled from mailboxes or put back, the oldest since {since} UTC",
        count=number,
        since=format_minute(since, year=False),
    )


def describe_stuck(waits: str, away: Sequence[str] = ()) -> str:
    """Says that messages are not delivered or recalled. `away`: next hops that cannot be reached."""
    if away:
        return say("{waits}; not reachable: {away}. See `mailroom outgoing` and `mailroom doctor`.", waits=waits, away=", ".join(away))
    return say("{waits}. See `mailroom outgoing` and `mailroom doctor`.", waits=waits)


def find_owner_changes(session: Session) -> Iterator[Wait]:
    """Addresses that the directory gives to somebody else, as long as nobody has answered."""
    number, since = address_changes.count_waiting(session)
    if number:
        words = say_count(
            "{count} address keeps its owner, but the directory names another. Decide under People or with `mailroom sync --new-owner`.",
            "{count} addresses keep their owners, but the directory names others. Decide under People or with `mailroom sync --new-owner`.",
            count=number,
        )
        yield Wait(OWNERS, COMPANY, "", number, since, words=words)


def open_emergency(session: Session, now: datetime) -> Iterator[Wait]:
    """The emergency."""
    if opened := emergency.current_emergency(session, now):
        yield Wait(EMERGENCY, COMPANY, "", since=opened.at, words=say("{emergency}.", emergency=opened.sentence))


def find_blown_fuses(session: Session, settings: Settings) -> Iterator[Wait]:
    """Checks of known senders that only report, because they held messages of too many senders on one day."""
    for row in checks.blown_fuses(session, settings.policy):
        words = say(
            "The check {name} held {held} messages of many known senders on {day}. Since then it only reports. Review the "
            "messages. Then turn the check on again with `mailroom checks resume {name}`, or switch it off in the settings.",
            name=row.name,
            held=row.held,
            day=row.day,
        )
        yield Wait(FUSE, COMPANY, row.name, 1, row.fuse_at, words=words)


def find_stolen_accounts(session: Session, settings: Settings, now: datetime) -> Iterator[Wait]:
    """The known sender of whom the checks held most within a day, where that is as much as disarms a check. What confidential folders
    hold is not counted."""
    most = settings.policy.hold_known_a_day
    found = held_senders.most_held(session, settings.policy.freemail_domains, now - DAY) if most else None
    if found and found.messages >= most:
        words = say(
            "{number} messages of one known sender have been held since {since} UTC: they are unlike the sender's others. The "
            "account may be stolen. Search for rule:unlike-themselves, and call the sender.",
            number=found.messages,
            since=format_minute(found.first, year=False),
        )
        yield Wait(UNLIKE, COMPANY, "", found.messages, found.first, found.newest, words)


def find_changed_proofs(session: Session) -> Iterator[Wait]:
    """Domains of known senders that prove themselves in another way than before, until staff or time makes that usual."""
    number, newest = renew_proofs.count_new(session)
    if newest:
        words = say_count(
            "{count} known sender sends differently. Its messages without warnings pass. Review it in the queue or with `mailroom proofs`.",
            "{count} known senders send differently. Their messages without warnings pass. Review them in the queue or with "
            "`mailroom proofs`.",
            count=number,
        )
        yield Wait(DIFFERS, COMPANY, "", number, newest, to_micros(newest), words)


def find_brakes(session: Session, now: datetime) -> Iterator[Wait]:
    """Employees' accounts that wrote to many new recipients. The message to staff names them; the audit log does not."""
    rows = outbound_brakes.list_waiting_brakes(session, now)
    if rows:
        waits = any(row.state == OPEN for row in rows)
        number = max(row.recipients for row in rows)
        many = say("An employee's account wrote to {number} new recipients within an hour.", number=number)
        what = say("Its messages are held: release or remove them under Outgoing, or with `mailroom brakes`.")
        reports = say("They were sent: the brake only reports so far (`mailroom brakes`).")
        yield Wait(BRAKED, COMPANY, "", len(rows), rows[0].at, rows[-1].id, join_parts(" ", (many, what if waits else reports)))


def raise_brake(session: Session, words: str, *, now: datetime) -> None:
    """The directory was not believed; it stays an alert until it is again. The same words again are no news."""
    row = session.get(OpenAlert, (BRAKE, COMPANY, ""))
    if row is None:
        session.add(OpenAlert(cause=BRAKE, department=COMPANY, person="", raised_at=now, words=str(words), words_form=form_of(words)))
    elif row.words != words:
        row.words, row.words_form, row.raised_at = str(words), form_of(words), now


def clear_brake_alert(session: Session) -> None:
    """The directory is believed."""
    session.execute(delete(OpenAlert).where(col(OpenAlert.cause) == BRAKE))


def last_alerts(session: Session) -> dict[tuple[str, str, str], OpenAlert]:
    """Returns the alerts that the last check found."""
    return {(row.cause, row.department, row.person): row for row in session.scalars(select(OpenAlert))}


def has_changed(session: Session, found: Iterable[Wait]) -> bool:
    """Whether something is else so than when somebody looked last."""
    kept = {key: as_wait(row) for key, row in last_alerts(session).items()}
    return kept != {(one.cause, one.department, one.person): one for one in found}


def store_alerts(session: Session, found: Iterable[Wait], *, now: datetime) -> None:
    """Remember what is so: raised now is what is new, and what comes again where more has come. The brake is kept by who pulls it."""
    before = {key: row for key, row in last_alerts(session).items() if row.cause != BRAKE}
    for one in found:
        if one.cause == BRAKE:
            continue
        row = before.pop((one.cause, one.department, one.person), None)
        if row is None:
            row = OpenAlert(cause=one.cause, department=one.department, person=one.person, raised_at=now)
            session.add(row)
        elif row.raised_at > now + AHEAD or (one.cause in COMES_ANEW and one.newest > row.newest):  # or a clock was ahead
            row.raised_at = now
        row.number, row.since, row.newest = one.number, one.since, one.newest
        row.words, row.words_form = str(one.words), form_of(one.words)
    for row in before.values():
        session.delete(row)
    session.flush()
    forget_ended(session, now)


def as_wait(row: OpenAlert) -> Wait:
    """A row as a value."""
    return Wait(row.cause, row.department, row.person, row.number, row.since, row.newest, load_sentence(row.words, row.words_form))


def quiet_time(settings: Settings, cause: str) -> timedelta:
    """Returns how long an alert of this cause is not repeated."""
    if cause in EACH:
        return timedelta(0)
    usual = timedelta(minutes=settings.notices.quiet_minutes)
    return min(SOON, usual) if cause in COMES_ANEW else usual


def find_unsent_alerts(
    session: Session, who: str, alerts: Iterable[OpenAlert], settings: Settings, now: datetime
) -> dict[str, list[OpenAlert]]:
    """Returns the alerts, by cause, that somebody has not received yet: where one is new, and it was quiet for long enough.

    Told in a far future is not told: that was while a clock was ahead.
    """
    before = select(SentAlert).where(col(SentAlert.who) == who, col(SentAlert.at) <= now + AHEAD)
    told = {(row.cause, row.department, row.person): row.at for row in session.scalars(before)}
    last: dict[str, datetime] = {}
    for (cause, *_), at in told.items():
        last[cause] = max(at, last.get(cause, at))
    found: dict[str, list[OpenAlert]] = defaultdict(list)
    for row in alerts:
        if row.cause not in EACH or is_news(row, told.get((row.cause, row.department, row.person), BEFORE), now):
            found[row.cause].append(row)
    return {
        cause: some
        for cause, some in found.items()
        if (cause not in last or now - last[cause] >= quiet_time(settings, cause))
        and any(is_news(row, told.get((row.cause, row.department, row.person), BEFORE), now) for row in some)
    }


def is_news(row: OpenAlert, since: datetime, now: datetime) -> bool:
    """Whether it is newer than the last alert about it, or lasts too long."""
    return row.raised_at > since or (row.cause in LASTS and now - since >= DAY)


def save_sent_alerts(session: Session, who: str, alerts: Iterable[OpenAlert], now: datetime) -> None:
    """Saves that somebody received these alerts, as they are now."""
    for row in alerts:
        key = {"who": who, "cause": row.cause, "department": row.department, "person": row.person}
        db.insert_if_missing(session, SentAlert, **key, at=now)
        session.get_one(SentAlert, tuple(key.values()), populate_existing=True).at = now


def forget_ended(session: Session, now: datetime) -> None:
    """Forget who was told of what is over for long enough."""
    folder = (col(OpenAlert.department) == col(SentAlert.department), col(OpenAlert.person) == col(SentAlert.person))
    over = ~exists().where(col(OpenAlert.cause) == col(SentAlert.cause), *folder)
    session.execute(delete(SentAlert).where(col(SentAlert.cause).in_(CAUSES), col(SentAlert.at) < now - REMEMBERED, over))


def due_for_record(session: Session, settings: Settings, now: datetime) -> list[tuple[str, str, list[OpenAlert]]]:
    """Returns alerts to be entered in the audit log now: department, cause, and the alerts in its folders."""
    departments: dict[str, list[OpenAlert]] = defaultdict(list)
    for row in last_alerts(session).values():
        departments[row.department].append(row)
    return [
        (code, cause, some)
        for code in sorted(departments)
        for cause, some in find_unsent_alerts(session, f"{ON_RECORD}:{code}", departments[code], settings, now).items()
    ]


def record_alerts(session: Session, settings: Settings, *, now: datetime) -> int:
    """Put in the audit log what is new, a record for each cause and department; how many. Webhooks tell of them."""
    due = due_for_record(session, settings, now)
    names = names_of(session)
    for code, cause, some in due:
        waits = [as_wait(row) for row in some]
        moments = [one.since for one in waits if one.since]
        detail = {
            "cause": cause,
            "department": code,
            "number": sum(one.number for one in waits),
            "people": len(waits),
            "moment": min(moments).isoformat() if moments else "",
            "said": alert_sentence(cause, waits, names.get(code, code), settings.coverage.time_zone),
        } | ({"decisions": [one.person for one in waits]} if cause == REMOVAL else {})
        ledger.write_act(session, "alert", f"department:{code}" if code else "company", by=BY, now=now, detail=detail)
        save_sent_alerts(session, f"{ON_RECORD}:{code}", some, now)
    return len(due)


def names_of(session: Session) -> dict[str, str]:
    """The departments' names by their codes."""
    return dict(session.execute(select(col(Department.code), col(Department.name))).all())
