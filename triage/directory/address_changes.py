"""Addresses whose owner the directory would change, in the record: who held them, what waits for a person, and their answers."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from triage.access.scope import over_everything
from triage.actor import Actor, Role
from triage.addressing.company import CompanyDirectory
from triage.directory.address_owners import CONTESTED, GROUP, PERSON, Holders, Owner, OwnerChange, owner_of
from triage.directory.known_addresses import KEPT, KnownAddress
from triage.errors import NotAllowed, NotFound
from triage.say import say
from triage.store import ledger
from triage.store.models.directory import AddressChange, ConfidentialFolder, KnownRecipient, MailGroup, Person

WAITING, APPROVED, DECLINED = "waiting", "approved", "declined"
TRIAGE = "triage"  # kind of an address that a person has by their name: department+person@


def read_holders(session: Session) -> Holders:
    """Reads which person had each address and name at the last sync; an approved new owner replaces the old one."""
    people = select(col(Person.uid), col(Person.identity), col(Person.mailbox), col(Person.aliases)).where(col(Person.active))
    addresses: dict[str, str] = {}
    uids: dict[str, str] = {}
    for address, name, aliases in session.execute(select(col(MailGroup.address), col(MailGroup.name), col(MailGroup.aliases))):
        if name != CONTESTED:
            addresses.update(dict.fromkeys((address, *aliases), f"{GROUP}:{name}"))
    for uid, identity, mailbox, aliases in session.execute(people):
        uids[uid] = identity
        addresses.update(dict.fromkeys((*aliases, mailbox), identity or uid))
    for address, key in approved_changes(session):
        kind, _, name = key.partition(":")
        addresses[address] = name if kind == PERSON else key
    return Holders(addresses, uids)


def approved_changes(session: Session) -> set[tuple[str, str]]:
    """The addresses that may have another owner, each with the key of the new one."""
    approved = select(col(AddressChange.address), col(AddressChange.claimant)).where(col(AddressChange.state) == APPROVED)
    return {(address, claimant) for address, claimant in session.execute(approved)}


def left_addresses(session: Session) -> dict[str, str]:
    """The addresses that people who have left had last, those too that the directory has taken from them since."""
    gone = select(col(Person.uid)).where(~col(Person.active))
    theirs = or_(col(KnownRecipient.leaver).in_(gone), (col(KnownRecipient.leaver) == "") & col(KnownRecipient.person).in_(gone))
    rows = select(col(KnownRecipient.address), func.coalesce(func.nullif(col(KnownRecipient.leaver), ""), col(KnownRecipient.person)))
    return dict(iter(session.execute(rows.where(theirs))))


def keep_triage_addresses(
    session: Session, addresses: dict[str, KnownAddress], wanted: CompanyDirectory, approved: Collection[tuple[str, str]]
) -> list[OwnerChange]:
    """Leave triage addresses with whoever had them, when somebody else has got their name: those changes wait too.

    An address of who has left is taken out of `addresses`, for its place to be found like that of their other addresses.
    """
    people = {person.uid: person for person in wanted.people}
    names = dict(iter(session.execute(select(col(Person.uid), col(Person.name)))))
    whose = func.coalesce(func.nullif(col(KnownRecipient.leaver), ""), col(KnownRecipient.person))
    waiting = []
    for address, uid in session.execute(select(col(KnownRecipient.address), whose).where(col(KnownRecipient.kind).in_(KEPT))):
        now = addresses.get(address)
        if now is None or now.kind != TRIAGE or uid in ("", now.person):
            continue
        change = OwnerChange(address, Owner(PERSON, uid, names.get(uid, uid)), owner_of(people[now.person]))
        if (address, change.new.key) in approved:
            continue
        waiting.append(change)
        had = people.get(uid)
        if had is not None and had.active:
            addresses[address] = KnownAddress(address, "former", had.department, uid, had.mailbox, True)
        else:
            del addresses[address]
    return waiting


def store_changes(session: Session, waiting: Sequence[OwnerChange], *, now: datetime) -> list[OwnerChange]:
    """Remember what waits; those that are new. What is no longer claimed, or has been carried out, is forgotten."""
    known = {row.address: row for row in session.scalars(select(AddressChange))}
    fresh = []
    for one in {change.address: change for change in waiting}.values():
        row = known.pop(one.address, None)
        if row is not None and row.claimant == one.new.key:
            row.owner, row.owner_shown, row.claimant_shown = one.old.key, one.old.shown, one.new.shown
            row.confidential = is_confidential(session, one)
            continue
        if row is not None:
            session.delete(row)
            session.flush()
        fresh.append(one)
        session.add(
            AddressChange(
                address=one.address,
                owner=one.old.key,
                owner_shown=one.old.shown,
                claimant=one.new.key,
                claimant_shown=one.new.shown,
                confidential=is_confidential(session, one),
                since=now,
            )
        )
    for row in known.values():
        session.delete(row)
    return fresh


def is_confidential(session: Session, change: OwnerChange) -> bool:
    """Whether the folder of the old or the new owner is confidential."""
    named = [one.name for one in (change.old, change.new) if one.kind == PERSON]
    departments = select(col(Person.department)).where(col(Person.uid).in_(named))
    own = or_(
        (col(ConfidentialFolder.kind) == "person") & col(ConfidentialFolder.name).in_(named),
        (col(ConfidentialFolder.kind) == "department") & col(ConfidentialFolder.name).in_(departments),
    )
    return session.scalar(select(col(ConfidentialFolder.name)).where(own).limit(1)) is not None


def list_changes(session: Session, *, by: Actor) -> list[AddressChange]:
    """Returns changes that wait or were declined, the newest sync first; only to administrators and auditors of the whole company."""
    if not by.scope.company or by.role not in (Role.ADMIN, Role.AUDITOR):
        return []
    return list(session.scalars(select(AddressChange).order_by(col(AddressChange.since).desc(), col(AddressChange.address))))


def answer_changes(session: Session, addresses: Iterable[str], *, approve: bool, by: Actor, now: datetime) -> list[AddressChange]:
    """Approve or decline other owners of addresses; the next sync carries out what is approved.

    NotFound when an address does not wait. NotAllowed unless an administrator of the whole company asks, and never for one's own claim.
    """
    over_everything(by, Role.ADMIN)
    rows = [find_change(session, address.strip().casefold()) for address in dict.fromkeys(addresses)]
    for row in rows:
        if claims_for_themselves(session, row, by):
            raise NotAllowed(say("{address} would become yours: another administrator has to approve that", address=row.address))
    for row in rows:
        row.state, row.settled_by, row.settled_at = APPROVED if approve else DECLINED, str(by), now
        detail = {"owner": row.owner_shown, "claimant": row.claimant_shown, "since": row.since.isoformat()}
        ledger.write_act(session, "approve-address" if approve else "decline-address", row.address, by=by, now=now, detail=detail)
    return rows


def find_change(session: Session, address: str) -> AddressChange:
    """The change that waits for an address."""
    row = session.get(AddressChange, address)
    if row is None:
        raise NotFound(say("no change of owner is open for {address}", address=address))
    return row


def claims_for_themselves(session: Session, row: AddressChange, by: Actor) -> bool:
    """Says whether the address would become that of the actor who answers."""
    theirs = select(Person).where(or_(col(Person.login) == by.name, (col(Person.login) == "") & (col(Person.uid) == by.name)))
    people = session.scalars(theirs) if by.kind == "person" else ()
    return any(row.claimant in (f"{PERSON}:{one.uid}", f"{PERSON}:{one.identity}") for one in people)


def count_waiting(session: Session) -> tuple[int, datetime | None]:
    """Counts the changes that wait for an answer, and returns since when the first one does."""
    counted = select(func.count(), func.min(col(AddressChange.since), type_=AddressChange.__table__.c.since.type))  # type: ignore[attr-defined]
    number, since = session.execute(counted.where(col(AddressChange.state) == WAITING)).one()
    return number, since
