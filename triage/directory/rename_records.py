"""Renames a person in all records that name them, in the sync's transaction."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, cast, delete, func, literal, or_, select, true, update
from sqlmodel import Session, col

from triage.actor import EMPLOYEE, Actor
from triage.directory.renames import Names, Renaming
from triage.store import db, ledger
from triage.store.delivery_state import State
from triage.store.models.approvals import KeepersRequest, PendingAct
from triage.store.models.assignments import Assignment, Comment, DismissedNote, Escalation, Presence, ShiftNote, Snooze
from triage.store.models.audit import AuditRecord
from triage.store.models.campaigns import Campaign
from triage.store.models.compliance import LegalHold, PersonErasure
from triage.store.models.contacts import Contact, NotLearned, PostedList, SentMail
from triage.store.models.counts import Arrived, CachedFolder, QueueSample, Touched
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import (
    AddressChange,
    ConfidentialFolder,
    Department,
    FormerMailbox,
    FormerName,
    KnownRecipient,
    MailGroup,
    Person,
)
from triage.store.models.employees import (
    DigestEntry,
    DigestRefusal,
    EmployeeSession,
    Expectation,
    MailReport,
    MailRequest,
    OutboundBrake,
    OutboundRun,
    OutsideReport,
)
from triage.store.models.idempotency import StoredAnswer
from triage.store.models.notifications import OpenAlert, PushSubscription, SentAlert
from triage.store.models.rules import Emergency, EnforcementStep, Proposal, Rule
from triage.store.models.sign_in import AuthenticatorApp, ExternalIdentity, Passkey, RecoveryCode, SignInStep, WebmailLink
from triage.store.models.staff import (
    ApiToken,
    BrowserPin,
    FailedSignIn,
    KnownMessage,
    Preference,
    SavedSearch,
    StaffMember,
    StaffSession,
    Substitution,
    TrainingAnswer,
)
from triage.store.provable_rows import row_digests, row_sums

PERSON, STAFF = "person", "staff"  # kinds of FormerName
AT_ONCE = 200  # names of one statement
ON_THE_WAY = "\x7f"  # stands before a name while somebody else has still the one that it shall become

UIDS: tuple[Any, ...] = (
    *(OpenAlert.person, Arrived.person, Contact.person, Department.responsible, DigestEntry.person, DigestRefusal.person),
    *(EmployeeSession.uid, Expectation.person, FormerMailbox.person, CachedFolder.person, KnownRecipient.leaver, KnownRecipient.person),
    *(
        LegalHold.person,
        MailReport.person,
        OutsideReport.person,
        NotLearned.person,
        OutboundBrake.person,
        OutboundRun.person,
        Person.manager,
    ),
    *(Person.uid, PersonErasure.uid, PostedList.person),
    *(QueueSample.person, SavedSearch.person, SentMail.person, SentAlert.person, Touched.person),
)
LOGINS: tuple[Any, ...] = (
    *(AuthenticatorApp.login, BrowserPin.login, Passkey.login, RecoveryCode.login),
    *(
        ExternalIdentity.login,
        FailedSignIn.login,
        Assignment.to,
        Presence.login,
        Person.login,
        TrainingAnswer.login,
        KnownMessage.login,
        Preference.login,
    ),
    *(DismissedNote.login, ConfidentialFolder.login, SignInStep.login, Snooze.login, StaffMember.login, StaffSession.login),
    *(PushSubscription.login, Substitution.absent, Substitution.substitute),
)
ACTORS: tuple[Any, ...] = (  # person:LOGIN, employee:UID
    AddressChange.settled_by,
    *(ApiToken.made_by, ApiToken.revoked_by, Campaign.made_by, Decision.by, Decision.second_by, Emergency.by, Emergency.closed_by),
    *(
        Comment.by,
        ShiftNote.by,
        ShiftNote.done_by,
        Escalation.by,
        Escalation.confirmed_by,
        Assignment.by,
        KeepersRequest.asked_by,
        KeepersRequest.settled_by,
        StoredAnswer.actor,
        LegalHold.lifted_by,
        LegalHold.made_by,
        MailReport.answered_by,
        OutsideReport.answered_by,
        MailRequest.asked_by,
    ),
    *(MailRequest.declined_by, PendingAct.asked_by, PendingAct.settled_by, PersonErasure.asked_by, PersonErasure.second_by),
    *(Proposal.answered_by, Proposal.lane, Rule.removed_by, Rule.second_by, SavedSearch.owner, Substitution.made_by, WebmailLink.owner),
)
FOLDERS: tuple[Any, ...] = (  # person:UID
    *(AddressChange.claimant, AddressChange.owner, EnforcementStep.scope, KeepersRequest.folder),
    *(Rule.scope, Rule.target, SavedSearch.shared_with),
)
ALERT_RECIPIENTS: tuple[Any, ...] = (SentAlert.who,)  # staff:LOGIN, person:UID
PEOPLE_LISTED: tuple[Any, ...] = (MailGroup.members, Person.assistants)  # uids
FOLDERS_LISTED: tuple[Any, ...] = (ApiToken.scope, Rule.kept_out, ShiftNote.scope, StaffMember.scope)
ORDERS: tuple[Any, ...] = (Decision.order, Decision.selection, KeepersRequest.selection, LegalHold.selection, PendingAct.order)


def carry_records(session: Session, made: Renaming, *, by: Actor, now: datetime) -> None:
    """Let everything that hangs on these names hang on those that they have become, and put in the audit log who is called otherwise.

    Rights and what is asked for go along: nobody who gets a name later has what belonged to who had it. The record of acts stays as it
    was written.
    """
    before = row_digests.lock_all(session, row_digests.RENAMED)
    people, logins = made.uids, made.signs_in
    folders = word_names("person", people)
    bare = {name: f"person:{people[name]}" for name in people.keys() - department_codes(session, people)}  # alone it may be a department
    carry_mail(session, people)
    carry_column(session, ConfidentialFolder.name, people, col(ConfidentialFolder.kind) == "person")
    carry_columns(session, UIDS, people)
    carry_columns(session, LOGINS, logins)
    actors = word_names("person", logins) | word_names(EMPLOYEE, people)
    theirs = decisions_of(session, actors)
    sums = row_sums.read_sums(session, row_sums.DECISION, theirs)
    carry_columns(session, ACTORS, actors)
    carry_columns(session, FOLDERS, folders)
    carry_columns(session, ALERT_RECIPIENTS, word_names("staff", logins) | folders)
    carry_column(session, Rule.target, bare)
    carry_documents(session, PEOPLE_LISTED, people, lambda listed: [people.get(one, one) for one in listed])
    carry_documents(session, FOLDERS_LISTED, folders, lambda listed: [folders.get(one, one) for one in listed])
    parts = {"person": people, "address": people, "assigned_to": logins, "handed_to": logins, "scope": folders, "to": bare | folders}
    carry_documents(session, ORDERS, {**folders, **people, **logins}, lambda order: rename_in_request(order, parts))
    carry_floods(session, people)
    leave_addresses(session, list(made.people_aside.values()))
    remember_names(session, made, now)
    put_on_record(session, made, by=by, now=now)
    changed = row_digests.list_changed(before, row_digests.lock_all(session, row_digests.RENAMED))
    acts = [(row_digests.RENAME + kind, subject, digest) for kind, subject, digest in changed]
    ledger.write_digests(session, acts, by=by, now=now)
    renamed = row_sums.read_sums(session, row_sums.DECISION, theirs)
    renamed.merge(sums, -1)
    if words := renamed.format_digest():
        ledger.write_digests(session, [(row_digests.RENAME + "decisions", "decisions", words)], by=by, now=now)
    session.expire_all()


def decisions_of(session: Session, actors: Names) -> ColumnElement[bool]:
    """Condition: the decisions that these people made or confirmed."""
    theirs = or_(col(Decision.by).in_(list(actors)), col(Decision.second_by).in_(list(actors)))
    return db.is_among(session, col(Decision.id), session.scalars(select(col(Decision.id)).where(theirs)).all())


def word_names(kind: str, names: Names) -> dict[str, str]:
    """The names as words: `person:mara.berg`."""
    return {f"{kind}:{was}": f"{kind}:{now}" for was, now in names.items()}


def department_codes(session: Session, names: Names) -> set[str]:
    """Returns the names that are codes of departments too."""
    return set(session.scalars(select(col(Department.code)).where(db.is_among(session, col(Department.code), list(names)))))


def in_turn(names: Names) -> Iterator[dict[str, str]]:
    """The changes so that no two things have one name for a moment, and as many at once as a statement takes: who swaps stands aside."""
    waiting = names.keys() & set(names.values())
    for turn in (
        {name: ON_THE_WAY + name for name in sorted(waiting)},
        {ON_THE_WAY + name if name in waiting else name: now for name, now in names.items()},
    ):
        rest = iter(turn.items())
        while some := dict(islice(rest, AT_ONCE)):
            yield some


def carry_columns(session: Session, columns: tuple[Any, ...], names: Names) -> None:
    """Columns that hold such names."""
    for column in columns:
        carry_column(session, column, names)


def carry_column(session: Session, column: Any, names: Names, where: ColumnElement[bool] | None = None) -> None:
    """A column that holds such names."""
    for some in in_turn(names):
        these = and_(col(column).in_(some), true() if where is None else where)
        anew = {column.key: case(some, value=col(column))}
        session.execute(update(column.class_).where(these).values(anew), execution_options=db.UNSEEN)


def carry_mail(session: Session, names: Names) -> None:
    """Messages of these people, held or not: where it is held it lies in another folder from now on."""
    for some in in_turn(names):
        theirs, now = col(Delivery.person).in_(some), case(some, value=col(Delivery.person))
        ledger.move_held_deliveries(session, theirs & (col(Delivery.state) == State.HELD), person=now)
        rest = db.is_among(session, col(Delivery.id), [number for number, *_ in ledger.lock_deliveries(session, theirs)])
        session.execute(update(Delivery).where(rest).values(person=now), execution_options=db.UNSEEN)


def carry_documents(session: Session, columns: tuple[Any, ...], names: Names, anew: Callable[[Any], Any]) -> None:
    """Columns of lists or documents in which such names stand somewhere."""
    for column in columns:
        (key,) = column.class_.__table__.primary_key.columns
        text, words = func.lower(cast(column, String)), [json.dumps(name) for name in names]
        found: dict[Any, Any] = {}
        for start in range(0, len(words), AT_ONCE):
            holds = or_(*(text.contains(word, autoescape=True) for word in words[start : start + AT_ONCE]))
            found |= dict(iter(session.execute(select(key, column).where(holds))))
        for number, value in found.items():
            if (today := anew(value)) != value:
                session.execute(update(column.class_).where(key == number).values({column.key: today}), execution_options=db.UNSEEN)


def rename_in_request(value: Any, parts: Mapping[str, Names]) -> Any:
    """Returns stored request data with the names of today in the parts that hold names."""
    if isinstance(value, list):
        return [rename_in_request(one, parts) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: parts[name].get(one.casefold(), one) if name in parts and isinstance(one, str) else rename_in_request(one, parts)
        for name, one in value.items()
    }


def carry_floods(session: Session, names: Names) -> None:
    """Mail bombs into these people's folders: what comes next belongs to them, too."""
    rows = session.execute(select(col(Campaign.id), col(Campaign.about)).where(col(Campaign.about).is_not(None)))
    changed = {number: today for number, about in rows if (today := about_today(about, names)) != about}
    session.execute(update(Campaign).where(db.is_among(session, col(Campaign.id), list(changed))).values(about=None))
    for number, today in changed.items():
        session.execute(update(Campaign).where(col(Campaign.id) == number).values(about=today))


def about_today(about: str, names: Names) -> str:
    """`department+person`, and behind a space more."""
    folder, space, more = about.partition(" ")
    department, plus, person = folder.partition("+")
    return f"{department}{plus}{names.get(person, person)}{space}{more}"


def leave_addresses(session: Session, aside: list[str]) -> None:
    """Takes the addresses from people whose name is somebody else's now: messages held for them are not sent before staff says for whom."""
    theirs = select(Person).where(db.is_among(session, col(Person.uid), aside))
    for person in session.scalars(theirs, execution_options={"populate_existing": True}):
        nobodys = f"{person.uid}@{person.mailbox.rpartition('@')[2]}"
        person.mailbox, person.aliases = nobodys, []
        held = (col(Delivery.person) == person.uid) & (col(Delivery.state) == State.HELD)
        session.execute(update(Delivery).where(held).values(listed=nobodys, mailbox=nobodys), execution_options=db.UNSEEN)
    session.flush()


def remember_names(session: Session, made: Renaming, now: datetime) -> None:
    """Keep what they were called."""
    for kind, all_names, names in ((PERSON, made.uids, made.people), (STAFF, made.signs_in, made.logins)):
        carry_column(session, FormerName.now, all_names, col(FormerName.kind) == kind)
        rows = [{"kind": kind, "name": was, "now": today, "until": now} for was, today in names.items()]
        db.insert_missing(session, FormerName, rows)
    session.execute(delete(FormerName).where(col(FormerName.name) == col(FormerName.now)))


def put_on_record(session: Session, made: Renaming, *, by: Actor, now: datetime) -> None:
    """An act about each of them, under the name of today."""
    acts = (
        ledger.record_of("rename-person", f"{EMPLOYEE}:{today}", by=by, now=now, detail={"was": was})
        for was, today in sorted(made.people.items())
    )
    db.insert_all(session, AuditRecord, list(acts))


def former_names(session: Session) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Former uids and former logins, and what those who had them are called today."""
    found: dict[str, dict[str, list[str]]] = {PERSON: {}, STAFF: {}}
    for one in session.scalars(select(FormerName).order_by(col(FormerName.now))):
        found[one.kind].setdefault(one.name, []).append(one.now)
    return found[PERSON], found[STAFF]


def follow_addresses(session: Session) -> None:
    """Moves messages held for a person, at an address that a namesake has now, to the person's mailbox."""
    formerly = (col(FormerName.kind) == PERSON, col(FormerName.now) == col(Delivery.person))
    theirs_now = (col(KnownRecipient.address) == col(Delivery.listed), col(KnownRecipient.person) == col(FormerName.name))
    another = select(literal(1)).where(*formerly, *theirs_now).correlate(Delivery).exists()
    not_sent_on = or_(col(Delivery.recipient) == col(Delivery.listed), col(Delivery.detail) != "")
    had_another = col(Delivery.person).in_(select(col(FormerName.now)).where(col(FormerName.kind) == PERSON))
    held = and_(had_another, col(Delivery.state) == State.HELD, not_sent_on, another)
    theirs = select(col(Person.mailbox)).where(col(Person.uid) == col(Delivery.person)).scalar_subquery()
    where = db.is_among(session, col(Delivery.id), [number for number, *_ in ledger.lock_deliveries(session, held)])
    session.execute(update(Delivery).where(where).values(listed=theirs, mailbox=theirs), execution_options=db.UNSEEN)


def follow_names(session: Session) -> int:
    """Moves messages that came in under a name at the moment it changed to the new name, and returns their number."""
    nobodys = select(col(FormerName.name)).where(col(FormerName.kind) == PERSON, col(FormerName.name).not_in(select(col(Person.uid))))
    late = col(Delivery.person).in_(nobodys) & (col(Delivery.state) == State.HELD)
    had = select(col(FormerName.now)).where(col(FormerName.kind) == PERSON, col(FormerName.name) == col(Delivery.person))
    last = had.order_by(col(FormerName.until).desc()).limit(1).correlate(Delivery)
    return ledger.move_held_deliveries(session, late, person=last.scalar_subquery())
