"""Traces of a person outside their messages: deleted, or replaced by a pseudonym."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, delete, func, or_, select, update
from sqlmodel import Session, col

from triage.access import accounts
from triage.access.dual_control import WAITING
from triage.actor import Actor
from triage.compliance.privacy.data_subject import Whose
from triage.delivery.recall import hunted_messages
from triage.directory import apply as directory, reassigned_addresses
from triage.ids import format_id
from triage.policy.known_senders import domain_proofs
from triage.policy.rules import content_store, store as rules
from triage.quarantine import refused_at_smtp
from triage.store import ledger, versions
from triage.store.models.approvals import PendingAct
from triage.store.models.assignments import Assignment, Comment, DismissedNote, Presence, ShiftNote, Snooze
from triage.store.models.campaigns import Campaign
from triage.store.models.contacts import Contact, FamiliarName, PostedList, SentMail
from triage.store.models.counts import Arrived, QueueSample
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Notice
from triage.store.models.directory import FormerMailbox, FormerName, KnownRecipient, Person
from triage.store.models.employees import (
    DigestEntry,
    DigestRefusal,
    EmployeeSession,
    Expectation,
    MailReport,
    OutboundBrake,
    OutboundRun,
    OutsideReport,
)
from triage.store.models.mailboxes import RelatedMail
from triage.store.models.notifications import PushSubscription, SentAlert
from triage.store.models.rules import Rule
from triage.store.models.sign_in import AuthenticatorApp, ExternalIdentity, Passkey, RecoveryCode, WebmailLink
from triage.store.models.staff import (
    BrowserPin,
    FailedSignIn,
    KnownMessage,
    Preference,
    SavedSearch,
    StaffMember,
    StaffSession,
    TrainingAnswer,
)

BY = Actor.system("privacy")


def forget_person(session: Session, whose: Whose, pseudonym: str, *, with_rules: bool, now: datetime) -> int:
    """Forget them; how many rules still name them. A block is kept unless `with_rules`: without the address it could not work."""
    if whose.uid:
        of_somebody_here(session, whose, pseudonym, now)
    else:
        of_somebody_outside(session, whose, pseudonym)
    named = or_(col(Rule.value) == whose.address, content_store.names_address(whose.address))
    about = or_(named, col(Rule.scope) == f"person:{whose.uid}") if whose.uid else named
    if with_rules or whose.uid:
        for rule in session.scalars(select(Rule).where(about).order_by(col(Rule.id)).with_for_update()):
            unname_rule(session, rule, whose, pseudonym, now)
        versions.advance_version(session, rules.VERSION)
    return session.scalar(select(func.count()).select_from(Rule).where(about)) or 0


def unname_rule(session: Session, rule: Rule, whose: Whose, pseudonym: str, now: datetime) -> None:
    """A rule about them is out of force and names them no more."""
    if rule.removed_at is None:
        rule.removed_at, rule.removed_by = now, str(BY)
        ledger.write_act(session, "remove-rule", f"rule:{format_id(rule.id)}", by=BY, now=now, detail={"effect": rule.effect})
    rule.value = pseudonym if rule.value == whose.address else rule.value
    rule.scope = f"person:{pseudonym}" if whose.uid and rule.scope == f"person:{whose.uid}" else rule.scope
    rule.conditions = {name: [pseudonym if one == whose.address else one for one in values] for name, values in rule.conditions.items()}
    rule.note = ""
    ledger.write_act(session, "unname-rule", f"rule:{format_id(rule.id)}", by=BY, now=now)


def of_somebody_outside(session: Session, whose: Whose, pseudonym: str) -> None:
    """An address that wrote here, or was written to."""
    address = whose.address
    session.execute(delete(Contact).where(col(Contact.address) == address))
    session.execute(delete(FamiliarName).where(col(FamiliarName.address) == address))
    domain_proofs.forget_unused(session, address.rpartition("@")[2])
    expects = or_(col(Expectation.sender) == address, col(Expectation.words).icontains(address, autoescape=True))
    session.execute(delete(Expectation).where(expects))
    refused_at_smtp.erase_address(session, address)
    session.execute(update(MailReport).where(col(MailReport.author) == address).values(author=pseudonym, subject=""))
    session.execute(update(OutsideReport).where(col(OutsideReport.author) == address).values(author=pseudonym, subject=""))
    session.execute(update(OutsideReport).where(col(OutsideReport.by) == address).values(by=pseudonym, by_shown=pseudonym, answer_to=""))
    told = cast(col(Notice.delivery_id), String)
    session.execute(update(Notice).where(col(Notice.sender) == address).values(sender=pseudonym, about=told, text=""))
    hunted_messages.erase_about(session, address)
    session.execute(update(RelatedMail).where(col(RelatedMail.author) == address).values(author="", subject=""))
    session.execute(update(Campaign).where(col(Campaign.about).contains(f" {address}", autoescape=True)).values(about=None))
    for decision in session.scalars(select(Decision).where(json_holds(col(Decision.selection), address))):
        decision.selection = decision.selection | {"sender": pseudonym}
    for mail in session.scalars(select(SentMail).where(json_holds(col(SentMail.went_to), address))):
        mail.went_to = [one for one in mail.went_to if one != address]
    for act in session.scalars(select(PendingAct).where(json_holds(col(PendingAct.order), address), col(PendingAct.state) != WAITING)):
        act.order = json.loads(json.dumps(act.order).replace(json.dumps(address), json.dumps(pseudonym)))
    session.flush()


def json_holds(column: Any, text: str) -> ColumnElement[bool]:
    """Whether this text is a value somewhere in the JSON of a column."""
    return cast(column, String).contains(json.dumps(text), autoescape=True)


def of_somebody_here(session: Session, whose: Whose, pseudonym: str, now: datetime) -> None:
    """Erases the traces of a former employee, both as an employee and as staff."""
    uid = whose.uid
    person = session.get_one(Person, uid)
    login = person.login or uid
    refused_at_smtp.erase_address(session, whose.address)
    session.execute(delete(Contact).where(col(Contact.person) == uid))
    for outgoing in (SentMail, OutboundBrake, OutboundRun):
        session.execute(delete(outgoing).where(col(outgoing.person) == uid))
    session.execute(update(PostedList).where(col(PostedList.person) == uid).values(person=""))
    hunted_messages.erase_about(session, whose.address, uid)
    session.execute(delete(KnownRecipient).where(or_(col(KnownRecipient.person) == uid, col(KnownRecipient.leaver) == uid)))
    session.execute(delete(SentAlert).where(col(SentAlert.who) == f"person:{uid}"))
    for counted in (Arrived, QueueSample):
        session.execute(update(counted).where(col(counted.person) == uid).values(person=pseudonym))
    session.execute(delete(EmployeeSession).where(col(EmployeeSession.uid) == uid))
    for told in (DigestEntry, DigestRefusal):
        session.execute(delete(told).where(col(told.person) == uid))
    for said in (Expectation, MailReport, OutsideReport):
        session.execute(delete(said).where(col(said.person) == uid))
    for kept in (AuthenticatorApp, BrowserPin, ExternalIdentity, Passkey, PushSubscription, RecoveryCode, StaffSession):
        session.execute(delete(kept).where(col(kept.login) == login))
    for noted in (FailedSignIn, TrainingAnswer, Preference):
        session.execute(delete(noted).where(col(noted.login) == login))
    session.execute(update(KnownMessage).where(col(KnownMessage.login) == login).values(login=""))
    session.execute(update(KnownMessage).where(col(KnownMessage.mailbox) == whose.address).values(mailbox=""))
    for there in (DismissedNote, Presence, Snooze):
        session.execute(delete(there).where(col(there.login) == login))
    session.execute(delete(SavedSearch).where(col(SavedSearch.owner) == f"person:{login}"))
    session.execute(delete(WebmailLink).where(col(WebmailLink.owner).in_([f"person:{login}", f"employee:{uid}"])))
    anonymous = {"by": f"person:{pseudonym}", "by_shown": pseudonym}  # the text is evidence, and erased with the message
    session.execute(update(Comment).where(col(Comment.by) == f"person:{login}").values(**anonymous))
    own_notes = select(col(ShiftNote.id)).where(col(ShiftNote.by) == f"person:{login}")
    session.execute(delete(DismissedNote).where(col(DismissedNote.note_id).in_(own_notes)))
    session.execute(delete(ShiftNote).where(col(ShiftNote.by) == f"person:{login}"))
    ended = {"done_by": f"person:{pseudonym}", "done_by_shown": pseudonym}
    session.execute(update(ShiftNote).where(col(ShiftNote.done_by) == f"person:{login}").values(**ended))
    session.execute(delete(Assignment).where(or_(col(Assignment.to) == login, col(Assignment.by) == f"person:{login}")))
    called = and_(col(FormerName.kind) == "person", col(FormerName.now) == uid) | and_(
        col(FormerName.kind) == "staff", col(FormerName.now) == login
    )
    session.execute(delete(FormerName).where(called))
    session.execute(delete(FormerMailbox).where(col(FormerMailbox.person) == uid))
    reassigned_addresses.forget_name(session, person.name)
    left = select(StaffMember).where(col(StaffMember.login) == login, ~col(StaffMember.active))
    if member := session.scalars(left).one_or_none():
        session.delete(member)
        accounts.record_account_change(session, login, BY, now, what="erase")
    session.delete(person)
    session.flush()
    versions.advance_version(session, directory.VERSION)
