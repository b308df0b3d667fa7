"""Leaver policy: messages for somebody who has left are refused, or go to their manager or a department's folder for some days."""

from collections.abc import Mapping
from dataclasses import dataclass

from triage.addressing.company import CompanyDirectory, DepartmentEntry, PersonEntry

REFUSE, MANAGER, FOLDER = "refuse", "manager", "folder:"


@dataclass(frozen=True, slots=True)
class Leaving:
    """Leaver policy of the company: the rule for everybody, and the number of days for which their messages go on."""

    rule: str = REFUSE
    days: int = 90


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, and the mailbox that what is released from it goes to."""

    department: str
    person: str  # uid; "" for the department's shared folder
    mailbox: str


class Places:
    """Finds the place for messages of each leaver of one company."""

    def __init__(self, company: CompanyDirectory, earlier: Mapping[str, PersonEntry]) -> None:
        self.people: dict[str, PersonEntry] = {**earlier, **{person.uid: person for person in company.people}}
        self.departments = {department.code: department for department in company.departments}
        self.postmaster = company.postmaster

    def of(self, leaver: PersonEntry, rule: str) -> Place | None:
        """Returns where a leaver's messages go by this rule; None when they are refused."""
        if rule == MANAGER:
            manager = self.manager_of(leaver)
            return Place(manager.department, manager.uid, manager.mailbox) if manager else self.folder(leaver.department)
        if rule.startswith(FOLDER):
            return self.folder(rule.removeprefix(FOLDER)) or self.folder(leaver.department)
        return None

    def manager_of(self, leaver: PersonEntry) -> PersonEntry | None:
        """The nearest manager above who still works here."""
        seen, above = {leaver.uid}, self.people.get(leaver.manager)
        while above is not None and not above.active and above.uid not in seen:
            seen.add(above.uid)
            above = self.people.get(above.manager)
        return above if above is not None and above.active else None

    def folder(self, code: str) -> Place | None:
        """A department's shared folder; None when there is no such department."""
        department = self.departments.get(code)
        return Place(code, "", self.mailbox_of(department)) if department else None

    def mailbox_of(self, department: DepartmentEntry) -> str:
        """A department's mailbox, else that of who is responsible for it, else the postmaster's."""
        responsible = self.people.get(department.responsible)
        return department.mailbox or (responsible.mailbox if responsible and responsible.active else self.postmaster)


def find_policy_fault(rule: str, codes: frozenset[str]) -> str:
    """Returns the reason why this is no rule for leavers, "" when it is one."""
    if rule in (REFUSE, MANAGER) or (rule.startswith(FOLDER) and rule.removeprefix(FOLDER) in codes):
        return ""
    if rule.startswith(FOLDER):
        return f"there is no department “{rule.removeprefix(FOLDER)}”; there are {', '.join(sorted(codes))}"
    return f"“{rule}” is none of refuse, manager and folder:CODE"
