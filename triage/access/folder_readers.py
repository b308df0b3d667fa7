"""Readers of a folder's messages, and why they may: staff, substitutes, keepers, tokens, IMAP accounts of the mirror.

The answer comes from the condition that guards the messages themselves (`scope.within_scope`), asked about a folder instead of a delivery.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, select
from sqlmodel import Session, col

from triage import ids
from triage.access import api_tokens, confidential_folders, scope as access, staff_members, substitutes
from triage.actor import Actor, Grant, Role, Scope
from triage.config.settings import Settings
from triage.errors import BadInput, NotAllowed, NotFound
from triage.say import format_minute, join_parts, list_with_and, quote_text, say
from triage.store.confidential_rows import NOBODY
from triage.store.models.directory import ConfidentialFolder, Department, Person
from triage.store.models.staff import ApiToken, StaffMember, Substitution

CONTENT, COUNT = "content", "count"  # of the messages: all, or how many are held
PERSON, TOKEN, ACCOUNT = "person", "token", "account"  # kinds of readers
READING = frozenset({Grant.READ, Grant.ADMIN})  # an admin token exports people's data
KINDS = (PERSON, "department")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reader of a folder's messages, or of the number held in it."""

    kind: str  # person, token, account
    name: str  # login, id of a token, or address of an IMAP account
    shown: str
    role: str  # "" for an account
    access: str  # content, count
    why: str


@dataclass(frozen=True, slots=True)
class FolderReaders:
    """The whole answer about a folder."""

    folder: str  # as a scope names it
    name: str
    confidential: tuple[str, ...]  # confidential folders that it is or lies in
    readers: tuple[Reader, ...]
    notes: tuple[str, ...]  # who else reads it, in sentences


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of the directory."""

    department: str
    person: str  # uid; "" for the department's own folder
    name: str
    assistants: tuple[str, ...] = ()  # uids

    @property
    def word(self) -> str:
        """The folder as a scope names it."""
        return f"person:{self.person}" if self.person else f"department:{self.department}"

    @property
    def table(self) -> Any:
        """Single-row table that lies in this folder, with the columns that conditions about scopes ask for."""
        return select(literal(self.department).label("department"), literal(self.person).label("person")).subquery().c


def list_readers(session: Session, folder: str, *, by: Actor, settings: Settings, now: datetime) -> FolderReaders:
    """Returns everyone who can read a folder: `department:CODE`, `person:UID`, or the code or uid alone.

    For administrators and auditors whose scope has the folder, and for keepers of a confidential one. NotAllowed for others, NotFound
    where there is no such folder, BadInput where a code is a uid too.
    """
    place = find_folder(session, folder)
    confidential = confidential_over(session, place)
    check_asker(session, place, confidential, by)
    return describe_readers(session, place, confidential, settings=settings, now=now)


def list_own_readers(session: Session, uid: str, *, settings: Settings, now: datetime) -> FolderReaders:
    """Returns everyone who can read messages of a person's own folder, for this person. NotFound for a person unknown here."""
    place = find_folder(session, f"{PERSON}:{uid}")
    found = describe_readers(session, place, confidential_over(session, place), settings=settings, now=now)
    return replace(found, readers=tuple(one for one in found.readers if one.access == CONTENT))


def describe_readers(session: Session, place: Place, confidential: tuple[str, ...], *, settings: Settings, now: datetime) -> FolderReaders:
    """The whole answer about a folder, those who read its messages first."""
    found = [*staff_readers(session, place, confidential, now), *token_readers(session, place, now)]
    found += account_readers(place, found, settings)
    readers = sorted(found, key=lambda one: (one.access != CONTENT, one.kind == TOKEN, one.kind, one.name))
    return FolderReaders(place.word, place.name, confidential, tuple(readers), tuple(other_readers(session, place, confidential)))


def find_folder(session: Session, folder: str) -> Place:
    """The folder that these words name."""
    kind, colon, name = folder.strip().casefold().rpartition(":")
    if colon and kind not in KINDS:
        raise BadInput(say("{folder} is no folder; write department:CODE or person:UID", folder=quote_text(folder)), field="folder")
    found = [place for one in ([kind] if colon else KINDS) if (place := find_place(session, one, name))]
    if not found:
        raise NotFound(
            say("there is no folder {folder}; `mailroom people list` and `people departments` list them", folder=quote_text(folder))
        )
    if len(found) > 1:
        raise BadInput(
            say("{folder} is a person and a department; write person:{name} or department:{name}", folder=quote_text(folder), name=name)
        )
    return found[0]


def find_place(session: Session, kind: str, name: str) -> Place | None:
    """The folder of this person, who may have left, or department."""
    if kind == PERSON:
        person = session.get(Person, name)
        return Place(person.department, person.uid, person.name, tuple(person.assistants)) if person else None
    department = session.get(Department, name)
    return Place(department.code, "", department.name) if department else None


def confidential_over(session: Session, place: Place) -> tuple[str, ...]:
    """The confidential folders that a folder is or lies in."""
    words = {f"department:{place.department}", place.word}
    return tuple(sorted(words & confidential_folders.list_confidential(session)))


def check_asker(session: Session, place: Place, confidential: tuple[str, ...], by: Actor) -> None:
    """NotAllowed unless the actor may know who reads this folder."""
    if not confidential or not has_row(session, access.within_scope(by, place.table)):
        access.require_role(by, Role.ADMIN, Role.AUDITOR)
    if not has_row(session, access.directory_scope(by, place.table)):
        raise NotAllowed(say("your scope is {yours}: {folder} is not in it", yours=access.scope_shown(by), folder=place.word))


def has_row(session: Session, where: ColumnElement[bool]) -> bool:
    """Says whether the one row of a `Place.table` fulfils this condition."""
    asked: Select[Any] = select(literal(1)).where(where)
    return session.execute(asked).first() is not None


def access_of(session: Session, place: Place, actor: Actor) -> str:
    """Returns the actor's access to the messages in a folder: CONTENT, COUNT, or "" for none."""
    if has_row(session, access.within_scope(actor, place.table)):
        return CONTENT
    return COUNT if has_row(session, access.directory_scope(actor, place.table)) else ""


def staff_readers(session: Session, place: Place, confidential: tuple[str, ...], now: datetime) -> Iterator[Reader]:
    """The staff with this folder in their scope of now, that of those whom they stand in for included."""
    kept = select(col(ConfidentialFolder.kind), col(ConfidentialFolder.name), col(ConfidentialFolder.login)).where(
        col(ConfidentialFolder.login) != NOBODY
    )
    keepers = {(f"{kind}:{name}", login) for kind, name, login in session.execute(kept)}
    for member in session.scalars(select(StaffMember).where(col(StaffMember.active)).order_by(col(StaffMember.login))).all():
        actor = staff_members.find_staff_actor(session, member.login, now)
        seen = access_of(session, place, actor) if actor else ""
        if actor and seen:
            keeps = [word for word in confidential if (word, member.login) in keepers]
            why = join_parts(
                "; ", [*reasons_of_staff(session, place, member, now), *(say("keeper of {folder}", folder=one) for one in keeps)]
            )
            yield Reader(PERSON, member.login, member.name, member.role, seen, why)


def reasons_of_staff(session: Session, place: Place, member: StaffMember, now: datetime) -> Iterator[str]:
    """Yields the reasons why a member of staff has a folder in their scope."""
    if word := reaching_word(member.scope, place):
        person = staff_members.person_of(session, member.login) if word.startswith("person:") else None
        assists = person is not None and person.uid in place.assistants
        yield say("assistant of {name}", name=place.name) if assists else describe_responsibility(word)
    for absent, ends_at in session.execute(substituted_by(member.login, now)):
        if reaching_word(absent.scope, place):
            yield say("substitute for {name} until {until} UTC", name=absent.name, until=format_minute(ends_at))
    if member.is_break_glass:
        yield say("break-glass account")


def describe_responsibility(word: str) -> str:
    """Returns for whom a word of a scope makes somebody responsible."""
    kind, _, name = word.partition(":")
    if not name:
        return say("responsible for the whole company")
    return (
        say("responsible for the department {department}", department=name) if kind == "department" else say("responsible for this folder")
    )


def substituted_by(login: str, now: datetime) -> Select[StaffMember, datetime]:
    """Selects the absent staff whom somebody substitutes for now, and until when."""
    ends = select(StaffMember, col(Substitution.ends_at)).join(Substitution, col(Substitution.absent) == col(StaffMember.login))
    return ends.where(col(Substitution.substitute) == login, substitutes.in_force(now), col(StaffMember.active)).order_by(
        *substitutes.IN_ORDER
    )


def reaching_word(words: list[str], place: Place) -> str:
    """The word of a scope that reaches a folder; "": none does."""
    scope = Scope.parse(tuple(words))
    department = f"department:{place.department}"
    return next((word for word in scope.words() if word in ("company", department, place.word)), "")


def token_readers(session: Session, place: Place, now: datetime) -> Iterator[Reader]:
    """The tokens in force that read this folder."""
    good = select(ApiToken).where(col(ApiToken.revoked_at).is_(None), col(ApiToken.expires_at) > now).order_by(col(ApiToken.id))
    for token in session.scalars(good).all():
        actor = api_tokens.actor_of(token)
        reads = actor.grants is not None and not READING.isdisjoint(actor.grants) and api_tokens.in_force(session, token, now)
        if reads and (seen := access_of(session, place, actor)):
            why = say(
                "token of {maker} until {until} UTC, scope {scope}",
                maker=token.made_by,
                until=format_minute(token.expires_at),
                scope=reaching_word(token.scope, place),
            )
            yield Reader(TOKEN, ids.format_id(token.id), token.name, str(actor.role), seen, why)


def account_readers(place: Place, staff: list[Reader], settings: Settings) -> list[Reader]:
    """The department's account on the IMAP server, where the mirror shows what its member of staff reads."""
    accounts = dict(entry.split("=", 1) for entry in settings.mirror.departments)
    logins = dict(entry.split("=", 1) for entry in settings.mirror.act_as)
    address, login = accounts.get(place.department, ""), logins.get(place.department, "")
    shown = any((one.kind, one.name, one.access) == (PERSON, login, CONTENT) for one in staff)
    why = say("IMAP account that shows what {login} reads", login=login)
    return [Reader(ACCOUNT, address, address, "", CONTENT, why)] if address and shown else []


def other_readers(session: Session, place: Place, confidential: tuple[str, ...]) -> Iterator[str]:
    """Yields a sentence about each reader of a folder without an account here."""
    if place.person:
        yield say(
            "{name} sees sender and subject of their own held messages in the daily digest and on the page for employees.", name=place.name
        )
    elif inside := confidential_people(session, place):
        yield say("Confidential folders in this department have readers of their own: {folders}.", folders=list_with_and(inside))
    if not place.person:
        yield say("Single people's folders can have more readers, such as assistants.")
    yield (
        say("Administrators of the server see only how many messages are held here, on its command line.")
        if confidential
        else say("Administrators of the server can read every message here, on its command line.")
    )
    yield say("Administrators of the server, its database and its backups can read everything that is stored there.")


def confidential_people(session: Session, place: Place) -> list[str]:
    """The confidential folders of people in a department."""
    people = session.scalars(select(col(Person.uid)).where(col(Person.department) == place.department))
    return sorted({f"person:{uid}" for uid in people} & confidential_folders.list_confidential(session))
