"""People, logins and departments that the settings name and that are called otherwise by now: only its administrator rewrites that file."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from triage.business_hours import SUBSTITUTE
from triage.config.alert_types import PERSON, code_of, people_of
from triage.config.settings import Settings
from triage.directory import leaver_policy, rename_records
from triage.store.models.directory import Department, Person
from triage.store.models.staff import StaffMember

DEPARTMENT = "department"


class Named(NamedTuple):
    """A name in the settings: where, of what kind, and the name."""

    setting: str
    kind: str  # staff: a login; person: a uid; department: a code
    name: str


def named_people(settings: Settings) -> Iterator[Named]:
    """Lists people and logins named by the settings, except for confidential folders and scopes, which follow by themselves."""
    cover, notices, mirror = settings.coverage, settings.notices, settings.mirror
    policies = {
        "coverage.out_of_hours": (f"={cover.out_of_hours}",),
        "coverage.departments": cover.departments,
        "coverage.people": cover.people,
    }
    for setting, entries in policies.items():
        for entry in entries:
            whose, _, policy = (part.strip().casefold() for part in entry.partition("="))
            if setting == "coverage.people":
                yield Named(setting, rename_records.PERSON, whose)
            if policy.startswith(SUBSTITUTE):
                yield Named(setting, rename_records.STAFF, policy.removeprefix(SUBSTITUTE))
    lists = {
        ("notices.alert_recipients", rename_records.STAFF): [entry.partition("=")[2] for entry in notices.alert_recipients],
        ("notices.digest_never", rename_records.PERSON): notices.digest_never,
        ("notices.targets", rename_records.PERSON): people_of(notices.targets),
        ("mirror.act_as", rename_records.STAFF): [entry.partition("=")[2] for entry in mirror.act_as],
        ("mirror.staff", rename_records.STAFF): [entry.partition("=")[0] for entry in mirror.staff],
    }
    for (setting, kind), names in lists.items():
        yield from (Named(setting, kind, name.strip().casefold()) for name in names if "@" not in name)


def named_departments(settings: Settings) -> Iterator[Named]:
    """Lists departments named by the settings, except where naming creates one, and except for the mirror, which the doctor checks."""
    notices, rule = settings.notices, settings.directory.leavers
    lists: dict[str, Iterable[str]] = {
        "company.record_only_departments": settings.company.record_only_departments,
        "coverage.departments": map(str.casefold, text_before("=", settings.coverage.departments)),
        "relay.routes": department_folders(text_before("=", settings.relay.routes)),
        "notices.targets": (code for code in map(code_of, notices.targets) if not code.startswith(PERSON)),
        "notices.alert_recipients": text_before("=", notices.alert_recipients),
        "notices.digest_departments": notices.digest_departments,
        "directory.confidential": map(str.casefold, department_folders(text_before("=>", settings.directory.confidential))),
        "directory.leavers": [rule.removeprefix(leaver_policy.FOLDER)] if rule.startswith(leaver_policy.FOLDER) else [],
        "webhooks.hooks": (code for hook in settings.webhooks.hooks for code in hook.departments),
    }
    for setting, codes in lists.items():
        yield from (Named(setting, DEPARTMENT, code) for code in codes)


def text_before(sign: str, entries: Iterable[str]) -> Iterator[str]:
    """Yields the text before the sign in each entry."""
    return (entry.partition(sign)[0].strip() for entry in entries)


def department_folders(names: Iterable[str]) -> Iterator[str]:
    """The codes of those that are departments."""
    return (name.removeprefix("department:") for name in names if name.startswith("department:"))


def find_outdated(session: Session, settings: Settings) -> list[str]:
    """Returns names in the settings that mean nobody, or somebody else than they did, in words."""
    people, logins = rename_records.former_names(session)
    former: dict[str, dict[str, list[str]]] = {rename_records.PERSON: people, rename_records.STAFF: logins, DEPARTMENT: {}}
    all_named = dict.fromkeys((*named_people(settings), *named_departments(settings)))
    found = (describe_stale(one, former[one.kind].get(one.name, []), here=is_here(session, one)) for one in all_named)
    return [words for words in found if words]


def is_here(session: Session, one: Named) -> bool:
    """Whether a person or a department here has this name."""
    if one.kind == DEPARTMENT:
        return session.get(Department, one.name) is not None
    person = session.scalar(select(col(Person.uid)).where(col(Person.uid) == one.name, col(Person.active)))
    if one.kind == rename_records.PERSON or person:
        return person is not None
    staff = select(col(StaffMember.login)).where(col(StaffMember.login) == one.name, col(StaffMember.active))
    signs_in = select(col(Person.uid)).where(col(Person.login) == one.name, col(Person.active)).limit(1)
    return session.scalar(staff) is not None or session.scalar(signs_in) is not None


def describe_stale(one: Named, today: list[str], *, here: bool) -> str:
    """Says what is wrong with a name in the settings, "" when nothing is."""
    names = " or ".join(today)
    if today and here:
        return f"{one.setting} names {one.name}, who is somebody else by now: who was called so is {names}"
    if today:
        return f"{one.setting} names {one.name}, who is called {names} now"
    nobody = "there is no such department" if one.kind == DEPARTMENT else "nobody here is called so"
    return "" if here else f"{one.setting} names {one.name}, and {nobody}"
