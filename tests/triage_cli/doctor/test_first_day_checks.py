"""The traps of a first day: a Postfix here whose recipients are unknown, a route by listener, roles that start, root, disks, a canary."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from tests.peers import processes
from tests.peers.mail.next_hop import next_hop
from tests.triage import arriving
from triage.config.settings import Settings
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage_cli.doctor import canary, mail_server_checks, process_checks
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding
from triage_cli.quickstart.read_postfix import Postfix, open_postfix

MASTER = "smtp inet n - y - - smtpd\n"
FILTER = " -o content_filter=lmtp:inet:127.0.0.1:2424\n"


@pytest.fixture
def house(settings: Settings, sqlite_url: str, sqlite_engine: Engine) -> Settings:
    """A small company."""
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    return replace(settings, database=replace(settings.database, url=sqlite_url))


def postfix(place: Path, main: str, master: str = MASTER) -> Postfix:
    """A Postfix with these files."""
    processes.need("postfix", "postfix")
    (place / "main.cf").write_text(f"compatibility_level = 3.6\nmydestination = mail.company.example\n{main}")
    (place / "master.cf").write_text(master)
    found = open_postfix(str(place))
    assert found is not None
    return found


def levels(findings: Iterator[Finding]) -> list[tuple[str, str]]:
    """Level and words."""
    return [(one.level, one.found) for one in findings]


@pytest.mark.peers
@pytest.mark.postgresql
def test_addresses_of_postfix_that_the_directory_lacks(house: Settings, tmp_path: Path) -> None:
    main = "virtual_mailbox_domains = company.example\n"
    main += "virtual_mailbox_maps = inline:{{%s@company.example = x}, {joe.fern@company.example = x}}\n"
    ((level, words),) = levels(mail_server_checks.unknown_addresses(house, postfix(tmp_path, main % "zoe")))
    assert (level, "the directory lacks 1 address of Postfix (zoe@company.example)" in words) == (WARN, True)
    ((level, words),) = levels(mail_server_checks.unknown_addresses(house, postfix(tmp_path, main % "mara.berg")))
    assert (level, words) == (OK, "the directory has all of Postfix's addresses (2)")


@pytest.mark.peers
@pytest.mark.parametrize(
    ("master", "level", "words"),
    [
        ("smtp inet n - y - 1 postscreen" + FILTER, FAIL, "it has no effect, and messages pass unheld"),
        ("smtp inet n - y - - smtpd" + FILTER, WARN, "hosts in mynetworks cannot send outside"),
        (MASTER, "", ""),
    ],
)
def test_a_route_by_listener(tmp_path: Path, master: str, level: str, words: str) -> None:
    found = levels(mail_server_checks.listener_routes(postfix(tmp_path, "", master)))
    assert [one for one, _ in found] == ([level] if level else [])
    assert all(words in one for _, one in found)


@pytest.mark.parametrize("comes", [True, False])
def test_a_canary_must_come_by(house: Settings, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch, *, comes: bool) -> None:
    monkeypatch.setattr(canary, "MOST", 0.5)
    monkeypatch.setattr(canary, "token_hex", lambda _: "1")
    with db.transaction(sqlite_engine) as session:
        arriving.arrive(session, house)
        session.execute(update(Delivery).values(subject="Mailroom canary 1" if comes else "another one"))
    with next_hop() as mta:
        ((level, words),) = levels(canary.send_canary(house, "it+joe.fern@company.example", mta.url.removeprefix("smtp://")))
    assert (mta.taken[0].reverse_path, mta.taken[0].mailbox) == ("<>", "it+joe.fern@company.example")
    assert level == (OK if comes else FAIL), words


def test_a_canary_that_nobody_takes(house: Settings) -> None:
    ((level, words),) = levels(canary.send_canary(house, "a@company.example", f"127.0.0.1:{processes.free_port()}"))
    assert (level, "refuses a message" in words) == (FAIL, True)


def test_a_spool_of_root_and_a_disk_on_the_network(house: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    (house.spool.directory / "incoming").mkdir()
    assert [level for level, _ in levels(process_checks.check_users(house))] == ([WARN] if Path.home().owner() == "root" else [])
    assert levels(process_checks.check_network_disks(house)) == []
    monkeypatch.setattr(process_checks, "file_system", lambda _: "nfs4")
    assert [level for level, _ in levels(process_checks.check_network_disks(house))] == [WARN, WARN]


def test_the_kind_of_a_file_system() -> None:
    assert process_checks.file_system(Path("/proc/self")) == "proc"


@pytest.mark.parametrize("answers", [True, False])
def test_it_waits_for_roles_that_start(house: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, answers: bool) -> None:
    monkeypatch.setattr(process_checks, "MOST", 60 if answers else 0.5)
    config = tmp_path / "mailroom.toml"
    command = [sys.executable, "-c", "print(flush=True); input()", "--config", str(config), "serve"]
    with next_hop() as listening:
        place = listening.url.removeprefix("smtp://")
        console = place if answers else f"127.0.0.1:{processes.free_port()}"
        seen = replace(house, smtp=replace(house.smtp, listen=place), api=replace(house.api, listen=console))
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as serve:
            try:
                assert serve.stdout is not None
                serve.stdout.readline()  # only now /proc surely has its command line
                found = levels(process_checks.wait_for_roles(seen, config))
                others = levels(process_checks.wait_for_roles(seen, tmp_path / "other.toml"))
            finally:
                serve.terminate()
    assert [level for level, _ in found] == [OK if answers else WARN]
    assert others == []
