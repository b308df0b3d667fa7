"""Recipients other than people: departments with a mailbox, and distribution lists with their current members."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.config.settings import Company
from triage.delivery.groups import list_members
from triage.quarantine.folders import in_scope, is_found
from triage.quarantine.search.text_spellings import column_holds
from triage.store.models.directory import Department, MailGroup


@dataclass(frozen=True, slots=True)
class Box:
    """A department's mailbox or a group, as a redirect names it."""

    kind: str  # department, group
    to: str
    name: str
    mailbox: str


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A group and who gets a copy of what it gets."""

    address: str
    name: str
    department: str
    department_name: str
    expand: bool
    closed: bool  # to mail from outside
    aliases: tuple[str, ...]
    members: tuple[str, ...]  # mailboxes; none where another server knows them, or outside the scope of who asks


def list_boxes(session: Session, q: str = "", *, by: Actor, limit: int = 50) -> tuple[Box, ...]:
    """Departments with a mailbox and groups, by name: a redirect may go to any. Every word of `q` occurs in name, code or address.

    Outside the actor's scope the mailbox of a department is not shown, and found only by its whole address.
    """
    departments = session.scalars(select(Department).where(col(Department.mailbox) != ""))
    found = [(box_of(one, shown=in_scope(by, one.code, "")), one.mailbox) for one in departments]
    found += [(Box("group", one.address, one.name, one.address), one.address) for one in session.scalars(select(MailGroup))]
    words = q.casefold().split()
    fitting = [one for one, mailbox in found if all(is_found(word, f"{one.to} {one.name} {one.mailbox}", mailbox) for word in words)]
    return tuple(sorted(fitting, key=lambda one: (one.name.casefold(), one.to))[:limit])


def box_of(one: Department, *, shown: bool) -> Box:
    """A department's mailbox, with its address where that is shown."""
    return Box("department", f"department:{one.code}", one.name, one.mailbox if shown else "")


def list_groups(session: Session, company: Company, q: str = "", *, by: Actor, limit: int = 50, after: str = "") -> tuple[ListedGroup, ...]:
    """Groups by address, those behind `after`. Every word of `q` occurs in name or address.

    Members and further addresses are shown inside the actor's scope only.
    """
    where = [column_holds(col(MailGroup.address) + " " + col(MailGroup.name), word) for word in q.casefold().split()]
    rows = session.execute(
        select(MailGroup, func.coalesce(col(Department.name), col(MailGroup.department)))
        .outerjoin(Department, col(Department.code) == col(MailGroup.department))
        .where(col(MailGroup.address) > after, *where)
        .order_by(col(MailGroup.address))
        .limit(limit)
    )
    return tuple(group_of_row(session, group, name, company, inside=in_scope(by, group.department, "")) for group, name in rows.all())


def group_of_row(session: Session, group: MailGroup, department_name: str, company: Company, *, inside: bool) -> ListedGroup:
    """Converts a distribution list's row; `inside`: with the members who get its messages."""
    members = list_members(session, group, company) if inside and group.expand else ()
    return ListedGroup(
        address=group.address,
        name=group.name,
        department=group.department,
        department_name=department_name,
        expand=group.expand,
        closed=group.closed,
        aliases=tuple(group.aliases) if inside else (),
        members=tuple(member.mailbox for member in members),
    )
