"""The settings go on naming people as they were called: what is said of that."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.triage.arriving import COMPANY, IDA, NOW, SYNC
from triage.addressing.company import DepartmentEntry, PersonEntry, StaffEntry
from triage.config.settings import Company, Coverage, Directory, Mirror, Notices, Relay, Settings, Webhooks
from triage.config.webhooks import Hook
from triage.directory import apply as directory, stale_settings
from triage.quarantine import coverage
from triage.store import db

HOUSE = Company(domains=("company.example",), hostname="mx.company.example")
MARA = replace(COMPANY.people[0], identity="A")
LIND = replace(MARA, uid="mara.lind", name="Mara Lind", mailbox="mara.lind@company.example")
OTHER = PersonEntry("mara.berg", "Mara Oyen", "it", "oyen@company.example", identity="B")
NAMED: dict[str, dict[str, Any]] = {
    "coverage.out_of_hours": {"coverage": Coverage(out_of_hours="substitute:mara.berg")},
    "coverage.departments": {"coverage": Coverage(departments=("it = substitute:Mara.Berg", "legal=wait"))},
    "coverage.people": {"coverage": Coverage(people=("mara.berg=wait",))},
    "notices.alert_recipients": {"notices": Notices(alert_recipients=("legal=mara.berg", "it=desk@company.example"))},
    "notices.targets": {"notices": Notices(targets=("it=30", "person:Mara.Berg=15"))},
    "notices.digest_never": {"notices": Notices(digest_never=("mara.berg", "desk@company.example"))},
    "mirror.act_as": {"mirror": Mirror(act_as=("it=mara.berg",))},
    "mirror.staff": {"mirror": Mirror(staff=("mara.berg=m@company.example",))},
}


def warnings_after(engine: Engine, settings: Settings, *days: tuple[PersonEntry, ...]) -> list[str]:
    """Warnings after these people were in the directory, one company after the other."""
    with db.transaction(engine) as session:
        for people in days:
            staff = (*COMPANY.staff, *(StaffEntry(one.uid, one.name, "triage", ("company",)) for one in people))
            company = replace(COMPANY, people=(*people, *COMPANY.people[1:]), staff=staff)
            directory.apply_directory(session, company, HOUSE, by=SYNC, now=NOW)
        return stale_settings.find_outdated(session, settings)


@pytest.mark.parametrize("setting", NAMED)
def test_who_is_called_otherwise_is_said_with_both_names(sqlite_engine: Engine, settings: Settings, setting: str) -> None:
    named = replace(settings, **NAMED[setting])
    assert warnings_after(sqlite_engine, named, (MARA,)) == []
    assert warnings_after(sqlite_engine, named, (LIND,)) == [f"{setting} names mara.berg, who is called mara.lind now"]


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ((LIND, OTHER), "notices.alert_recipients names mara.berg, who is somebody else by now: who was called so is mara.lind"),
        ((), "notices.alert_recipients names mara.berg, and nobody here is called so"),
    ],
)
def test_who_has_left_or_whose_name_another_one_has(
    sqlite_engine: Engine, settings: Settings, after: tuple[PersonEntry, ...], words: str
) -> None:
    assert warnings_after(sqlite_engine, replace(settings, **NAMED["notices.alert_recipients"]), (MARA,), after) == [words]


DEPARTMENTS: dict[str, dict[str, Any]] = {
    "company.record_only_departments": {"company": replace(HOUSE, record_only_departments=("legal", "sales"))},
    "coverage.departments": {"coverage": Coverage(departments=("Sales = wait", "Legal=wait"))},
    "relay.routes": {"relay": Relay(routes=("department:sales=lmtp:///run/sales", "domain:company.example=lmtp:///run/all"))},
    "notices.targets": {"notices": Notices(targets=("sales = 30", "legal=60", "person:mara.berg=15"))},
    "notices.alert_recipients": {"notices": Notices(alert_recipients=("sales=desk@company.example",))},
    "notices.digest_departments": {"notices": Notices(digest_departments=("legal", "sales"))},
    "directory.confidential": {"directory": Directory(confidential=("department:Sales => ana", "person:mara.berg => ana"))},
    "directory.leavers": {"directory": Directory(leavers="folder:sales")},
    "webhooks.hooks": {"webhooks": Webhooks(hooks=(Hook("chat", "https://chat.example/", departments=("legal", "sales")),))},
}


@pytest.mark.parametrize("setting", DEPARTMENTS)
def test_a_department_that_is_no_more_is_said(sqlite_engine: Engine, settings: Settings, setting: str) -> None:
    named = replace(settings, **DEPARTMENTS[setting])
    assert warnings_after(sqlite_engine, named, (MARA,)) == [f"{setting} names sales, and there is no such department"]
    with db.transaction(sqlite_engine) as session:
        sales = replace(COMPANY, departments=(*COMPANY.departments, DepartmentEntry("sales", "Sales")))
        directory.apply_directory(session, sales, HOUSE, by=SYNC, now=NOW)
        assert stale_settings.find_outdated(session, named) == []


def test_a_folder_that_nobody_sees_at_night_for_that_is_an_alarm(sqlite_engine: Engine, settings: Settings) -> None:
    night = Coverage(hours=("mon-fri 08:00-09:00",), departments=("it=substitute:mara.berg",))
    warnings_after(sqlite_engine, settings, (MARA,), (LIND,))
    with db.transaction(sqlite_engine) as session:
        for login in ("ana", "mara.lind"):
            coverage.set_away(session, login, NOW.replace(year=2027), by=IDA, now=NOW)
        assert [one.code for one in coverage.uncovered_folders(session, night, NOW)] == ["it"]
