"""`mailroom sync` with an LDAP server: what it says, what it refuses, and how the role follows changes to the SMTP server."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from directory_sync.source import open_source
from tests.directory_sync.entries import PEOPLE, ldif, person
from tests.peers import processes
from tests.peers.slapd import Slapd, start_slapd
from tests.triage_cli.conftest import Shell
from triage.addressing.envelope import Address
from triage.config import settings_loader
from triage.directory import recipients
from triage.directory.apply import Braked
from triage.errors import Refused
from triage.runtime.wakeup import WakeupPipe
from triage.store import db, last_runs
from triage.times import utcnow
from triage_cli.client import local_setup
from triage_cli.commands.access import sync
from triage_cli.services import apply_directory

pytestmark = pytest.mark.peers


@pytest.fixture
def server() -> Iterator[Slapd]:
    with start_slapd(
        ldif(*(person(f"p{number}", departmentNumber="IT") for number in range(20)), person("x", mail="x@elsewhere.example"))
    ) as running:
        yield running


@pytest.fixture
def config(config: Path, server: Slapd, tmp_path: Path) -> Path:
    """The company's people are in the LDAP server."""
    lines = server.write_settings(tmp_path, "p1@company.example") + "interval = 1\n"
    config.write_text(config.read_text().replace(f'file = "{tmp_path}/company.toml"', lines))
    return config


def test_a_run_says_what_it_does_before_and_after(shell: Shell) -> None:
    dry = shell("sync", "--dry-run")
    assert dry.code == 0
    assert "p7 joins: Name of p7, it" in dry.out
    assert f"refused: uid=x,{PEOPLE}: x@elsewhere.example is outside the company's domains" in dry.out
    assert "mara.berg leaves: Mara Berg" in dry.out
    assert "addresses would be added" in dry.out
    said = json.loads(shell("sync", "--json").out)
    assert (said["people"], said["dry_run"], said["needs_confirm"]) == (20, False, "")
    assert "p7 joins: Name of p7, it" in said["changes"]
    again = shell("sync")
    assert again.out.splitlines()[-1] == "20 people; 0 addresses added, 0 removed"


def test_a_run_that_is_too_much_needs_a_word(shell: Shell, server: Slapd) -> None:
    assert shell("sync").code == 0
    server.load(ldif(person("p1"), person("p2")))
    assert "this would remove 18 of 20 people: it needs --confirm" in shell("sync", "--dry-run").out
    refused = shell("sync")
    assert refused.code == 2
    assert "would remove 18 of 20 people" in refused.err
    assert "run `mailroom sync --confirm`" in refused.err
    assert shell("sync", "--confirm").code == 0
    assert shell("sync").out == "2 people; 0 addresses added, 0 removed\n"


def test_a_rename_is_said_before_and_after_and_in_the_log(
    shell: Shell, config: Path, server: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    config.write_text(f'{config.read_text()}\n[notices]\nalert_recipients = ["it=p7"]\n')
    named = "notices.alert_recipients names p7, who is called p7.lind now"
    assert named not in shell("sync").out
    server.modify(f"dn: uid=p7,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=p7.lind\ndeleteoldrdn: 1\n")
    said = "p7 gets another uid: p7.lind"
    dry = shell("sync", "--dry-run").out
    assert (said in dry, f"note: {named}" in dry) == (True, True)
    assert caplog.messages.count(f"directory: {said}") == 0
    with caplog.at_level("INFO", "mailroom.sync"):
        assert said in shell("sync").out
    assert (caplog.messages.count(f"directory: {said}"), caplog.messages.count(f"settings: {named}")) == (1, 1)
    assert said not in shell("sync").out


def test_a_directory_that_was_set_up_anew_needs_a_word_that_it_is_the_same_people(shell: Shell, server: Slapd) -> None:
    assert shell("sync").code == 0
    server.load(ldif(*(person(f"p{number}", departmentNumber="IT", cn=f"Dr. P {number}") for number in range(20))))
    assert "give the uids of 20 of 20 people to somebody else" in shell("sync").err
    assert "p7 is renamed: from Name of p7 to Dr. P 7" in shell("sync", "--same-people").out
    assert shell("sync").out == "20 people; 0 addresses added, 0 removed\n"


def test_a_server_that_is_down_is_named(shell: Shell, server: Slapd) -> None:
    server.stop()
    down = shell("sync")
    assert down.code != 0
    assert "does not answer" in down.err
    assert shell("sync", "--follow", "--dry-run").code == 2


def test_a_reading_that_is_believed_is_noted_and_no_other(config: Path, server: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, moment = settings_loader.read_settings(str(config)), utcnow()
    source = open_source(settings)

    def noted() -> timedelta | None:
        with local_setup.open_read_session(settings) as session:
            at = last_runs.directory_read_at(session)
        return at - moment if at else None

    found, seen = [], None
    for hour in range(3):
        for module in (sync, apply_directory):
            monkeypatch.setattr(module, "utcnow", lambda hour=hour: moment + timedelta(hours=hour))
        seen = sync.read_directory(settings, source, seen, full=False)
        found.append(noted())
    server.load(ldif(person("p1"), person("p2")))
    with pytest.raises(Braked):
        sync.read_directory(settings, source, seen, full=True)
    server.stop()
    with pytest.raises(Refused):
        sync.read_directory(settings, source, seen, full=True)
    assert [*found, noted()] == [timedelta(hours=hour) for hour in (0, 1, 2, 2)]


def test_the_role_follows_and_rings_the_door(shell: Shell, config: Path, server: Slapd) -> None:
    assert shell("sync").code == 0
    settings = settings_loader.read_settings(str(config))
    stop, pipe = threading.Event(), WakeupPipe(settings.spool.directory, "door")
    role = threading.Thread(target=sync.run_role, args=(settings, stop))
    role.start()
    try:
        server.modify(
            f"dn: uid=new,{PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: new\ncn: New\nsn: N\nmail: new@company.example\n"
        )
        engine = db.open_engine(settings.database.url)

        def is_known() -> bool:
            with db.read_transaction(engine) as session:
                return recipients.resolve_address(session, Address.parse("new@company.example"), settings.company) is not None

        processes.until(is_known, "the joiner is known")
        assert pipe.wait(processes.HANG), "the judge writes the door anew"
        server.stop()
        server.start()  # a restart in between is no more than a pause
        server.modify(f"dn: uid=new,{PEOPLE}\nchangetype: delete\n")
        processes.until(lambda: not is_known(), "the leaver is refused")
        engine.dispose()
    finally:
        stop.set()
        role.join(processes.HANG)
        pipe.close()
    assert not role.is_alive()
