"""Takes a company's directory over: departments, people, groups, addresses and staff become as it says. Who is staff."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from triage.access import accounts, confidential_folders
from triage.access.accounts import DIRECTORY
from triage.actor import Actor
from triage.addressing.company import CompanyDirectory, PersonEntry, StaffEntry
from triage.config.settings import Company
from triage.directory import (
    address_changes,
    closed_departments,
    directory_rows,
    leavers,
    reassigned_addresses,
    rename_records,
    renamed_mailboxes,
)
from triage.directory.address_owners import Settled, settle_owners
from triage.directory.directory_rows import Difference, entry_of, entry_row, equalise_table
from triage.directory.known_addresses import KnownAddress, add_former, addresses_of
from triage.directory.leaver_policy import Leaving
from triage.directory.renames import Renaming, find_renames, match_people, named_today, with_identities
from triage.directory.sync_plan import Change, Kind, Plan, plan_sync
from triage.errors import BadInput
from triage.say import form_of, join_parts, say
from triage.store import confidential_rows, ledger, versions
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department, KnownRecipient, MailGroup, Person
from triage.store.models.staff import StaffMember
from triage.store.provable_rows import row_digests

VERSION = "directory"  # the marker that moves when recipients or people change
NO_ADMINISTRATOR = say(
    "Name an administrator in the directory, or, with passwords of Mailroom, run `mailroom staff add LOGIN --role admin --scope company`."
)
MOST_NAMED = 1000  # changes that are written in the audit log one by one


class Braked(BadInput):
    """The directory would change more than is believed."""


@dataclass(frozen=True, slots=True)
class Applied:
    """Result of applying a directory."""

    people: int
    recipients_added: int
    recipients_removed: int
    moved: int  # held deliveries that went along with people who moved
    plan: Plan
    outdated: tuple[str, ...] = ()  # settings that name people who are called otherwise, in words


def apply_directory(
    session: Session,
    directory: CompanyDirectory,
    company: Company,
    *,
    by: Actor,
    now: datetime,
    confirmed: bool = False,
    leaving: Leaving = Leaving(),  # noqa: B008
    ways: Collection[str] = (accounts.LOCAL,),
    same_people: bool = False,
    owners_wait: bool = False,
) -> Applied:
    """Take a company's directory over: departments, people, groups, addresses and staff become as it says, in one transaction.

    Nothing is applied when it is inconsistent (BadInput says where), or when it would take away, move or strip of addresses
    more than 5 and more than 5 % of the people, or leave no administrator who can sign in (Braked), which is a broken source more
    often than a living company; `confirmed` says that it is meant. People whom the directory no longer names are disabled, never
    deleted; their mail goes where `leaving` says. Who is called otherwise keeps all that they had (identities). `ways`: how
    staff sign in (api.sign_in). `same_people`: everybody is who had their name so far, whatever identity they have now. `owners_wait`: an
    address stays with whoever has it until somebody approves another owner.
    """
    accounts.take_turns(session)
    wanted = directory_rows.normalise_directory(directory, company)
    before, wanted, made = compare_directories(session, wanted, leaving, now, same_people=same_people)
    late = rename_records.follow_names(session)
    names = tuple(made.changes({person.uid for person in before.people}))
    if made.uids or made.signs_in:
        require_plausible(Plan(sum(person.active for person in before.people), names), confirmed=confirmed)
        rename_records.carry_records(session, made, by=by, now=now)
        before = known_people(session, wanted, same_people=same_people)
    wanted = directory_rows.with_old_seals(named_today(wanted, *rename_records.former_names(session)), before)
    settled = settle_addresses(session, before, wanted, company) if owners_wait else Settled(wanted)
    wanted = settled.directory
    addresses = addresses_of(wanted, company)
    approved = address_changes.approved_changes(session)
    waiting = [*settled.waiting, *address_changes.keep_triage_addresses(session, addresses, wanted, approved)] if owners_wait else []
    fresh = address_changes.store_changes(session, waiting, now=now)
    names = (*names, *(Change(Kind.OWNER_WAITS, one.address, one.sentence) for one in fresh))
    intended = replace(plan_sync(before, wanted, names), locks_out=locks_out(session, wanted, ways=ways))
    require_plausible(intended, confirmed=confirmed)
    write_rows(session, wanted, by=by, now=now)
    leavers.date_leavers(session, now)
    left = leavers.Leavers(wanted, before.people, leaving, frozenset(one.address for one in waiting))
    written = write_addresses(session, addresses, wanted, left, company, now)
    moved = late + follow_directory(session, before, wanted, left, now)
    if intended.changes or any(written):
        versions.advance_version(session, VERSION)
    applied = Applied(len(wanted.people), written.fresh + written.changed, written.gone + written.changed, moved, intended)
    if intended.changes or any(written) or moved:
        ledger.write_act(session, "directory", "directory", by=by, now=now, detail=detail_of(applied, wanted))
    return applied


def compare_directories(
    session: Session, wanted: CompanyDirectory, leaving: Leaving, now: datetime, *, same_people: bool
) -> tuple[CompanyDirectory, CompanyDirectory, Renaming]:
    """The directory as it was, what is wanted with all that is known of its people, and who is called otherwise there."""
    before = known_people(session, wanted, same_people=same_people)
    wanted = directory_rows.with_unread(wanted, before)
    were = match_people(before, wanted, left_lately(session, leaving, now))
    wanted = with_identities(wanted, were)
    return before, wanted, find_renames(before, wanted, were, accounts.list_logins(session), rename_records.former_names(session))


def settle_addresses(session: Session, before: CompanyDirectory, wanted: CompanyDirectory, company: Company) -> Settled:
    """The wanted directory with every address left to its owner of before, unless another one is approved."""
    left, approved = address_changes.left_addresses(session), address_changes.approved_changes(session)
    return settle_owners(before, wanted, left, approved, company.domains)


def require_plausible(intended: Plan, *, confirmed: bool) -> None:
    """Braked when it is too much to be true, and nobody has said that it is meant."""
    if (why := intended.too_much()) and not confirmed:
        sentences = (
            say("The directory would {changes}, so nothing was changed.", changes=why),
            NO_ADMINISTRATOR if intended.locks_out else "",
            say("Review `mailroom sync --dry-run`. If this is intended, run `mailroom sync --confirm`."),
        )
        raise Braked(join_parts(" ", sentences))


def known_people(session: Session, wanted: CompanyDirectory, *, same_people: bool) -> CompanyDirectory:
    """The directory as it was taken over last, without identities where only names shall count."""
    before = directory_rows.read_directory(session, like=wanted.people)
    return replace(before, people=tuple(replace(one, identity="") for one in before.people)) if same_people else before


def left_lately(session: Session, leaving: Leaving, now: datetime) -> set[str]:
    """Returns the uids of recent leavers, who may be back under another identity: their days as leavers are not over."""
    since = now - timedelta(days=leaving.days)
    return set(session.scalars(select(col(Person.uid)).where(col(Person.left_at) > since)))


def write_rows(session: Session, wanted: CompanyDirectory, *, by: Actor, now: datetime) -> None:
    """Make the tables say what the directory says. Who has left stays, as somebody who has left."""
    people = {entry.uid: entry for entry in wanted.people}
    for row in directory_rows.list_rows(session, Person):
        if row["uid"] not in people:
            people[row["uid"]] = replace(entry_of(PersonEntry, row), active=False)
    equalise_table(session, Department, {entry.code: entry for entry in wanted.departments}, entry_row)
    equalise_table(session, Person, people, entry_row)
    equalise_table(session, MailGroup, {entry.address: entry for entry in wanted.groups}, entry_row)
    write_staff(session, {entry.login: entry for entry in staff_of(session, wanted)}, by=by, now=now)
    accounts.delete_orphans(session)
    confidential_folders.equalise_confidential(session, wanted.sealed)


def write_staff(session: Session, named: dict[str, StaffEntry], *, by: Actor, now: datetime) -> None:
    """Make the staff accounts of the directory what it says, each change in the audit log, as is an account that has no entry yet."""
    before = row_digests.lock_all(session, (row_digests.STAFF,))
    equalise_table(session, StaffMember, named, lambda entry: entry_row(entry) | {"active": True, "source": DIRECTORY})
    after = row_digests.lock_all(session, (row_digests.STAFF,))
    proven = select(col(AuditRecord.subject)).where(
        is_among(session, col(AuditRecord.subject), [f"staff:{login}" for login in named]),
        col(AuditRecord.act).in_(row_digests.STAFF.entries),
        col(AuditRecord.digest) != "",
    )
    known = set(session.scalars(proven))
    changed = {subject: digest for _, subject, digest in row_digests.list_changed(before, after)}
    first = {subject: digest for login in named if (subject := f"staff:{login}") not in known and (digest := after["staff"].get(subject))}
    acts = [(row_digests.SYNCED, subject, digest) for subject, digest in sorted((first | changed).items())]
    ledger.write_digests(session, acts, by=by, now=now)


def write_addresses(
    session: Session,
    addresses: dict[str, KnownAddress],
    wanted: CompanyDirectory,
    left: leavers.Leavers,
    company: Company,
    now: datetime,
) -> Difference:
    """Know these addresses, and those by which strangers go on writing to people who have moved or left."""
    add_former(session, addresses, wanted, company)
    left.add_former_addresses(session, addresses, company, now=now)
    return equalise_table(session, KnownRecipient, addresses, KnownAddress._asdict)


def staff_of(session: Session, wanted: CompanyDirectory) -> list[StaffEntry]:
    """The staff that the directory names, without those who are staff here by an account that it did not make."""
    own = set(session.scalars(select(col(StaffMember.login)).where(col(StaffMember.source) != DIRECTORY)))
    return [entry for entry in wanted.staff if entry.login not in own]


def locks_out(session: Session, wanted: CompanyDirectory, *, ways: Collection[str]) -> bool:
    """Whether the company would lose its last administrator."""
    now = accounts.list_administrators(session, ways=ways)
    ours = select(col(StaffMember.login)).where(col(StaffMember.source) != DIRECTORY, col(StaffMember.login).in_(now))
    named = (accounts.is_company_administrator(entry, ways=ways) for entry in staff_of(session, wanted))
    return bool(now) and not any(named) and session.scalar(ours.limit(1)) is None


def detail_of(applied: Applied, wanted: CompanyDirectory) -> dict[str, Any]:
    """Returns the details of a sync for the audit log."""
    changes = applied.plan.changes
    return {
        "people": applied.people,
        "groups": len(wanted.groups),
        "added": applied.recipients_added,
        "removed": applied.recipients_removed,
        "moved": applied.moved,
        "changes": [str(change) for change in changes[:MOST_NAMED]],
        "change_forms": [form_of(change.sentence) for change in changes[:MOST_NAMED]],
        "more": max(0, len(changes) - MOST_NAMED),
    }


def follow_directory(session: Session, before: CompanyDirectory, wanted: CompanyDirectory, left: leavers.Leavers, now: datetime) -> int:
    """Held messages go along with its people, and out of departments that are no more; how much changed its folder."""
    follow_mailboxes(session, before, wanted)
    renamed_mailboxes.remember_mailboxes(session, before, wanted, now)
    rename_records.follow_addresses(session)
    moved = follow_people(session) + left.take_held_mail_along(session)
    moved += closed_departments.move_held(session, {one.code: one.name for one in before.departments})
    reassigned_addresses.note_held(session)
    return moved


def follow_people(session: Session) -> int:
    """People who move to another department take their held messages along, but none out of a confidential one; how much that was."""
    theirs = select(col(Person.department)).where(col(Person.uid) == col(Delivery.person)).scalar_subquery()
    held = (col(Delivery.state) == State.HELD) & (col(Delivery.person) != "") & (col(Delivery.department) != theirs)
    held &= col(Delivery.department).not_in(confidential_rows.SEALED["department"])
    return ledger.move_held_deliveries(session, held, department=theirs)


def follow_mailboxes(session: Session, before: CompanyDirectory, wanted: CompanyDirectory) -> None:
    """Moves messages held for a person's lost address to their mailbox, so that the address's new owner does not get them.

    Also moves what a redirect rule sends to them, which lies in the original recipient's folder.
    """
    sent_on = (col(Delivery.recipient) != col(Delivery.listed)) & (col(Delivery.detail) == "")
    here = {person.uid: person for person in wanted.people if person.active}
    for was in before.people:
        will = here.get(was.uid)
        if will and (lost := sorted({was.mailbox, *was.aliases} - {will.mailbox, *will.aliases})):
            held = (col(Delivery.state) == State.HELD) & col(Delivery.listed).in_(lost)
            theirs = [one for one, *_ in ledger.lock_deliveries(session, held & ((col(Delivery.person) == was.uid) | sent_on))]
            session.execute(
                update(Delivery).where(is_among(session, col(Delivery.id), theirs)).values(listed=will.mailbox, mailbox=will.mailbox)
            )
