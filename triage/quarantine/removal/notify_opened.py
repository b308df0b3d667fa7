"""Tells employees that a message which they had opened was removed: each once for a campaign, in the company's own words."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, exists, not_, or_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor, Right
from triage.config.settings import Notices, Settings
from triage.delivery import internal_mail, recalled_copies
from triage.delivery.internal_mail import EmployeeNotice
from triage.errors import NotAllowed, NotFound, Stale
from triage.ids import format_id
from triage.quarantine.campaigns.notified_recipients import TELL, Notified, campaign_subject, list_notified
from triage.quarantine.removal import second_person
from triage.quarantine.search.selection_summary import was_answered, was_read
from triage.say import format_day, say
from triage.store import confidential_rows, ledger
from triage.store.delivery_state import State
from triage.store.models.campaigns import Campaign
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.text.defuse_links import dead_address, defuse_text
from triage.text.i18n.translate import translate_sentence, translate_template

RULE, REASON = "opened-notice", say("it tells employees that a message which they had opened was removed")
SUBJECT = say("A harmful message was removed from your mailbox")
FOOTER = say("You get this message because your mailbox had marked the harmful one as read or answered.")
PLACEHOLDER = re.compile(r"\{(subject|sender|date|name|company)\}")
LONGEST = 200  # characters of what a placeholder stands for


@dataclass(frozen=True, slots=True)
class OpenedNotice:
    """Notice to an employee who had opened a copy, as they get it."""

    delivery: int  # their newest copy
    deliveries: tuple[int, ...]  # all that they had opened
    mailbox: str
    person: str  # uid; "" for a shared folder
    name: str
    department: str
    subject: str
    text: str  # with the last line
    notified: Notified | None  # before


@dataclass(frozen=True, slots=True)
class OpenedNotices:
    """Notices about a campaign, by mailbox. `fence` changes when one of them does, or when somebody is notified."""

    notices: tuple[OpenedNotice, ...]
    fence: str

    def due(self, *, again: bool) -> tuple[OpenedNotice, ...]:
        """Notices to send: nobody is notified twice unless `again`."""
        return tuple(one for one in self.notices if again or one.notified is None)


def list_notices(session: Session, campaign_id: int, *, by: Actor, settings: Settings) -> OpenedNotices:
    """Returns the notices to those who had opened a copy that was removed. NotFound unless some of the campaign is in the actor's scope.

    Copies in confidential folders and recipients outside the company are left out.
    """
    where = and_(col(Delivery.campaign_id) == campaign_id, access.visible_deliveries(by))
    if session.scalar(select(col(Delivery.id)).where(where).limit(1)) is None:
        raise NotFound(say("there is no campaign {campaign_id}", campaign_id=format_id(campaign_id)))
    own = and_(col(Person.uid) == col(Delivery.person), not_(col(Delivery.redirected)))
    theirs = and_(col(Person.mailbox) == col(Delivery.mailbox), col(Delivery.redirected))  # who has it now opened it
    rows = select(Delivery, Person).outerjoin(Person, or_(own, theirs))
    found = session.execute(rows.where(where, was_opened_and_removed()).order_by(col(Delivery.id).desc())).all()
    together: dict[str, list[tuple[Delivery, Person | None]]] = {}
    for delivery, person in found:
        mailbox = person.mailbox if person else delivery.mailbox
        if not internal_mail.is_outside(mailbox, settings) and (person is None or person.active):
            together.setdefault(mailbox, []).append((delivery, person))
    notified = list_notified(session, campaign_id)
    notices = tuple(write_opened(mailbox, rows, notified, settings) for mailbox, rows in sorted(together.items()))
    return OpenedNotices(notices, fence_of(notices))


def was_opened_and_removed() -> ColumnElement[bool]:
    """Condition: copies out of their mailbox that their recipient had read or answered; none of a confidential folder."""
    taken, open_to_all = exists().where(recalled_copies.is_taken()), not_(confidential_rows.is_confidential())
    return and_(col(Delivery.state) == State.PURGED, taken, or_(was_read(), was_answered()), open_to_all)


def write_opened(
    mailbox: str, rows: list[tuple[Delivery, Person | None]], notified: Mapping[int, Notified], settings: Settings
) -> OpenedNotice:
    """The notice to one mailbox about the copies in it, newest first, in the company's language."""
    newest, person = rows[0]
    before = [notified[one.id] for one, _ in rows if one.id in notified]
    language = settings.company.language
    text = fill_text(newest, person, settings)
    return OpenedNotice(
        delivery=newest.id,
        deliveries=tuple(one.id for one, _ in rows),
        mailbox=mailbox,
        person=person.uid if person else "",
        name=person.name if person else "",
        department=person.department if person else newest.department,
        subject=translate_sentence(SUBJECT, language),
        text=f"{text}\n\n{translate_sentence(FOOTER, language)}",
        notified=max(before, key=lambda one: one.at, default=None),
    )


def fill_text(newest: Delivery, person: Person | None, settings: Settings) -> str:
    """The company's text with its placeholders filled in, in one pass: what a value says is never a placeholder."""
    language, zone = settings.company.language, ZoneInfo(settings.coverage.time_zone)
    template = settings.notices.opened_text
    ours = translate_template(template, language) if template == Notices().opened_text else template
    removed_at = (newest.settled_at or newest.received_at).astimezone(zone)
    values = {
        "subject": defuse_text(newest.subject) or translate_sentence(say("(no subject)"), language),
        "sender": dead_address(newest.author),
        "date": translate_sentence(format_day(removed_at), language),
        "name": person.name if person else newest.mailbox,
        "company": settings.company.domains[0],
    }
    return PLACEHOLDER.sub(lambda found: values[found[1]][:LONGEST], ours).strip()


def fence_of(notices: Iterable[OpenedNotice]) -> str:
    """A digest of what each would get, and of when they were notified."""
    parts = [[one.mailbox, one.text, one.notified.at.isoformat() if one.notified else ""] for one in notices]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def may_notify(by: Actor, settings: Settings) -> bool:
    """Whether this actor may take any delivered message out of mailboxes alone, and so tell whose messages these were."""
    return by.role in access.DECIDING and second_person.may_alone(by, settings)


def notify_opened(session: Session, campaign_id: int, *, again: bool, fence: str, by: Actor, settings: Settings, now: datetime) -> int:
    """Queues the notices that `list_notices` says, in the audit log; returns how many. `again`: also to those who were notified before.

    NotAllowed without the right to remove delivered messages alone, Stale when the notices are others than those of `fence`.
    """
    access.may_decide(by)
    if not may_notify(by, settings):
        raise NotAllowed(say("this needs the right {right}", right=Right.REMOVE_DELIVERED))
    session.scalars(select(Campaign).where(col(Campaign.id) == campaign_id).with_for_update()).first()  # one after the other
    found = list_notices(session, campaign_id, by=by, settings=settings)
    if found.fence != fence:
        raise Stale(say("the list of people to notify has changed: review it again"))
    due = found.due(again=again)
    for one in due:
        queue_notice(session, one, settings=settings, by=by, now=now)
    if due:
        detail = {
            "deliveries": [format_id(number) for one in due for number in one.deliveries],
            "again": again,
            "text": settings.notices.opened_text,
        }
        ledger.write_act(session, TELL, campaign_subject(campaign_id), by=by, now=now, detail=detail, items=len(due))
    return len(due)


def queue_notice(session: Session, one: OpenedNotice, *, settings: Settings, by: Actor, now: datetime) -> None:
    """Queues one notice as it was shown."""
    notice = EmployeeNotice(one.mailbox, one.subject, (), "", one.text)
    folder = (one.department, one.person)
    internal_mail.send_notice(session, notice, folder=folder, rule=RULE, reason=REASON, settings=settings, by=by, now=now)
