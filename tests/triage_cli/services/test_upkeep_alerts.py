"""Upkeep sends what is due, and the brake of the directory raises an alert until it is released."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.peers import processes
from tests.triage_cli.conftest import Arrives, Shell
from triage.access import staff_login
from triage.access.staff_login import How
from triage.compliance.audit import hash_chain
from triage.config.alert_types import CAUSES
from triage.config.settings import Notices, Settings
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.notifications import OpenAlert
from triage.times import utcnow
from triage_cli.services import upkeep_alerts

HEAD = '[company]\npostmaster = "p0@company.example"\n[[department]]\ncode = "it"\nname = "IT"\n'
PERSON = '[[person]]\nuid = "p{0}"\nname = "P {0}"\ndepartment = "it"\nmailbox = "p{0}@company.example"\n'
STAFF = '[[staff]]\nlogin = "ida"\nname = "Ida"\nrole = "admin"\nscope = ["company"]\nperson = "p0"\n'


def company(directory: Path, people: int) -> None:
    (directory / "company.toml").write_text(HEAD + "".join(PERSON.format(number) for number in range(people)) + STAFF)


def list_recipients(engine: Engine) -> list[str]:
    with db.read_transaction(engine) as session:
        return list(session.scalars(select(col(Delivery.mailbox)).where(col(Delivery.direction) == "report")))


def acts(engine: Engine) -> list[str]:
    with db.read_transaction(engine) as session:
        return list(session.scalars(select(col(AuditRecord.act)).where(col(AuditRecord.act).in_(["alert", "notify"]))))


def test_a_directory_that_is_not_believed(shell: Shell, engine: Engine, settings: Settings, tmp_path: Path) -> None:
    company(tmp_path, 20)
    assert shell("sync", "--confirm").code == 0
    company(tmp_path, 5)
    assert shell("sync", "--dry-run").code == 0
    assert not upkeep_alerts.watch_alerts(settings, engine, "here:1")  # nothing is wrong yet
    assert shell("sync").code == 2
    assert shell("sync").code == 2
    assert upkeep_alerts.watch_alerts(settings, engine, "here:1")
    assert not upkeep_alerts.watch_alerts(settings, engine, "here:1")
    assert (list_recipients(engine), acts(engine)) == (["p0@company.example"], ["alert", "notify"])
    assert shell("sync", "--confirm").code == 0
    with db.read_transaction(engine) as session:
        assert session.scalars(select(OpenAlert)).all() == []


def test_one_machine_tells_people_and_a_restart_tells_nobody_again(
    shell: Shell, arrives: Arrives, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    company(tmp_path, 2)
    assert shell("sync", "--confirm").code == 0
    arrives("it+p1@company.example")
    wanted = replace(settings, notices=Notices(digest_at=f"{utcnow():%H:%M}"))
    for holder, looked_at in (("here:1", 2), ("there:2", 0), ("here:3", 0)):
        assert upkeep_alerts.notify_employees(wanted, engine, holder, threading.Event()) == looked_at
    assert list_recipients(engine) == ["p1@company.example"]


def test_owners_hear_of_a_sign_in_from_a_new_place_from_one_machine(
    shell: Shell, engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    company(tmp_path, 2)
    assert shell("sync", "--confirm").code == 0
    assert upkeep_alerts.notify_owners(settings, engine, "here:1") == 0  # begins with what happens from now on
    with db.transaction(engine) as session:
        for client in ("192.0.2.9", "203.0.113.7"):
            assert staff_login.start_session(session, "ida", client, How(), lasts=timedelta(days=1), now=utcnow())
        hash_chain.seal_entries(session)
    assert upkeep_alerts.notify_owners(settings, engine, "there:2") == 0
    stop = threading.Event()
    thread = threading.Thread(target=upkeep_alerts.follow_alerts, args=(settings, engine, "here:1", stop))
    thread.start()
    try:
        processes.until(lambda: list_recipients(engine), "the owner is told")
    finally:
        stop.set()
        thread.join()
    assert list_recipients(engine) == ["p0@company.example"]
    assert upkeep_alerts.notify_owners(settings, engine, "here:1") == 0


def test_only_one_of_several_machines_tells(shell: Shell, arrives: Arrives, engine: Engine, settings: Settings, tmp_path: Path) -> None:
    company(tmp_path, 20)
    assert shell("sync", "--confirm").code == 0
    arrives("it+p1@company.example")
    with db.transaction(engine) as session:
        held = session.scalars(select(Delivery).where(col(Delivery.state) == "held")).one()
        held.time_limited_until, held.urgency = utcnow().replace(year=2099), 90
    wanted = replace(settings, notices=Notices(alerts=("time-limited",)))
    assert upkeep_alerts.watch_alerts(wanted, engine, "here:1")
    with db.transaction(engine) as session:
        session.scalars(select(OpenAlert)).one().newest = 0  # as if there were news
    assert not upkeep_alerts.watch_alerts(wanted, engine, "there:2")
    assert upkeep_alerts.watch_alerts(wanted, engine, "here:1")
    assert list_recipients(engine) == ["p0@company.example"]  # within the quiet minutes


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('alerts = ["hunger"]', f"alerts may hold {', '.join(CAUSES)}, not “hunger”"),
        ('targets = ["sales"]', "targets: “sales” is no department with its minutes"),
        ('alert_recipients = ["sales="]', "alert_recipients: “sales=” names nobody"),
    ],
)
def test_mistakes_in_the_settings_are_named(shell: Shell, config: Path, text: str, wrong: str) -> None:
    config.write_text(config.read_text() + f"[notices]\n{text}\n")
    said = shell("deliveries")
    assert (said.code, wrong in said.err) == (2, True), said.err
