"""The doctor: what it sees of a healthy house, and what it says to do about each thing that is not."""

import contextlib
import json
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, update
from sqlmodel import col

from mta.processing.recipient_map_writer import write_recipient_map
from mta.spool import recipient_map_file
from tests.peers.mail.next_hop import next_hop
from tests.peers.postgresql import Server
from tests.peers.processes import free_port
from tests.peers.receiving import make_certificate, start_receiver
from tests.triage import arriving
from tests.triage_cli.conftest import Shell
from triage import ids
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.runtime import sandbox
from triage.runtime.spool_stats import OFTEN, batch_name
from triage.store import db, read_replica, restore_pause
from triage.store.delivery_state import State
from triage.store.message_record import dictionaries
from triage.store.models.deliveries import Delivery
from triage.store.models.staff import StaffMember
from triage.times import utcnow
from triage_cli.doctor import journal_checks, local_checks, network_checks
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding

ARCHIVE = "archive@archive.example"
Change = Callable[[Settings], object]


@pytest.fixture
def house(settings: Settings, sqlite_url: str, sqlite_engine: Engine) -> Settings:
    """A house whose judge has written the SMTP server snapshot, and whose ports are free."""
    settings = replace(
        settings,
        database=replace(settings.database, url=sqlite_url),
        smtp=replace(settings.smtp, listen=f"127.0.0.1:{free_port()}"),
        api=replace(settings.api, listen=f"127.0.0.1:{free_port()}"),
    )
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    for name in ("incoming", "retry", "damaged"):
        (settings.spool.directory / name).mkdir()
    write_recipient_map(settings, sqlite_engine)
    return settings


def list_findings(findings: Iterator[Finding]) -> list[tuple[str, str, str]]:
    """The findings; each that is not well says what to do."""
    found = [*findings]
    assert all(bool(finding.do) == (finding.level != OK) for finding in found)
    return [(finding.level, finding.what, finding.found) for finding in found]


# inside


def test_a_house_in_order(house: Settings) -> None:
    for check in (
        local_checks.check_database,
        local_checks.check_spool,
        local_checks.check_recipient_map,
        network_checks.check_ports,
        network_checks.next_hop,
    ):
        assert {level for level, _, _ in list_findings(check(house))} == {OK}, check
    ((_, _, words),) = list_findings(local_checks.check_recipient_map(house))
    assert words.endswith("up to date")


@pytest.mark.postgresql
def test_a_database_that_everybody_on_the_machine_can_open(house: Settings) -> None:
    Path(house.database.url.removeprefix("sqlite:///")).chmod(0o644)
    _, (level, _, found) = list_findings(local_checks.check_database(house))
    assert (level, "every user of this machine can open" in found) == (WARN, True)


def test_a_postgresql_that_may_forget_what_it_promised(house: Settings, postgresql_url: str, postgresql_engine: Engine) -> None:
    house = replace(house, database=replace(house.database, url=postgresql_url))
    _, (level, what, found) = list_findings(local_checks.check_database(house))  # as the server of these tests is
    name = postgresql_engine.url.database
    with postgresql_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET synchronous_commit = on')
        try:
            assert [level for level, _, _ in list_findings(local_checks.check_database(house))] == [OK]
        finally:
            connection.exec_driver_sql(f'ALTER DATABASE "{name}" RESET synchronous_commit')
    assert (level, what) == (FAIL, "database")
    assert found.startswith("synchronous_commit is off")


@pytest.mark.postgresql
def test_a_user_of_postgresql_who_may_only_read(house: Settings, postgresql_url: str, postgresql_engine: Engine) -> None:
    with postgresql_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CREATE ROLE looker; GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker")
        try:
            url = f"{postgresql_url}{'&' if '?' in postgresql_url else '?'}options=-c%20role%3Dlooker"
            found = list_findings(local_checks.check_database(replace(house, database=replace(house.database, url=url))))
        finally:
            connection.exec_driver_sql("DROP OWNED BY looker; DROP ROLE looker")
    assert [level for level, _, _ in found[:2]] == [OK, FAIL]
    assert found[1][2].startswith("its user may not read and change ")


@pytest.mark.postgresql
def test_what_others_keep_in_the_same_database_is_theirs(house: Settings, postgresql_url: str, postgresql_engine: Engine) -> None:
    """As PostGIS has a table that only its owner may change."""
    with postgresql_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CREATE ROLE worker; GRANT ALL ON ALL TABLES IN SCHEMA public TO worker; CREATE TABLE theirs ()")
        try:
            url = f"{postgresql_url}{'&' if '?' in postgresql_url else '?'}options=-c%20role%3Dworker"
            found = list_findings(local_checks.check_database(replace(house, database=replace(house.database, url=url))))
        finally:
            connection.exec_driver_sql("DROP TABLE theirs; DROP OWNED BY worker; DROP ROLE worker")
    assert found[0][0] == OK
    assert [words for _, _, words in found if "tables" in words] == []


@pytest.mark.postgresql
def test_machines_wake_each_other_or_it_is_said_why_not(house: Settings, postgresql_url: str) -> None:
    house = replace(house, database=replace(house.database, url=postgresql_url))
    assert [level for level, _, _ in list_findings(local_checks.check_wake_up(house))] == [OK]
    elsewhere = replace(house, database=replace(house.database, listen_url="postgresql://nobody@/none?host=/nowhere"))
    assert [level for level, _, _ in list_findings(local_checks.check_wake_up(elsewhere))] == [WARN]


@pytest.mark.postgresql
def test_a_read_replica_that_is_far_behind_or_none_is_told(
    house: Settings, postgresql_url: str, postgresql_replica: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    replicated = replace(house.database, url=postgresql_url, read_url=postgresql_replica.url("tests"), read_lag_seconds=3600)
    with psycopg.connect(postgresql_url) as connection:
        connection.execute("CREATE TABLE committed ()")
    with psycopg.connect(postgresql_url) as connection:
        connection.execute("DROP TABLE committed")
    seen = []
    for database in (
        replicated,
        replace(replicated, read_url=postgresql_url),
        replace(replicated, read_url="postgresql://nobody@/none?host=/nowhere"),
    ):
        ((level, _, words),) = list_findings(local_checks.check_read_replica(replace(house, database=database)))
        seen.append((level, words.partition(":")[0]))
    assert seen == [(OK, "database.read_url answers searches and reports"), *[(WARN, "database.read_url is not used")] * 2]
    for lag, behind in ((timedelta(hours=2), "2 hours behind"), (None, "behind, and does not say how far")):
        monkeypatch.setattr(read_replica, "measure_lag", lambda *_, lag=lag: lag)
        ((level, _, words),) = list_findings(local_checks.check_read_replica(replace(house, database=replicated)))
        assert (level, words) == (WARN, f"database.read_url is {behind}")


def test_one_machine_needs_nobody_to_wake_it(house: Settings) -> None:
    assert list_findings(local_checks.check_wake_up(house)) == []


def test_a_restored_house_sends_nothing_until_somebody_says_so(house: Settings, sqlite_engine: Engine) -> None:
    assert list_findings(local_checks.check_restore_pause(house)) == []
    with db.transaction(sqlite_engine) as session:
        restore_pause.pause_delivery(session, backup_at=arriving.NOW, now=arriving.NOW + timedelta(days=1))
    ((level, what, found),) = list_findings(local_checks.check_restore_pause(house))
    assert (level, what) == (WARN, "restored")
    assert found.startswith("a backup of 24 Nov 2026 09:30 UTC was restored: nothing is sent on")


@pytest.mark.parametrize(
    ("seconds", "level"), [(0, OK), (local_checks.LATE.total_seconds() + 5, WARN), (local_checks.TOO_LATE.total_seconds() + 5, FAIL)]
)
def test_mail_that_waits_too_long(seconds: float, level: str, house: Settings) -> None:
    number = ids.first_id_at(utcnow() - timedelta(seconds=seconds))
    (house.spool.directory / "incoming" / f"{ids.format_id(number)}.1.7.batch").write_bytes(b"")
    ((said, _, words),) = list_findings(local_checks.check_spool(house))
    assert said == level
    assert words.startswith(f"7 messages to process, the oldest for {int(seconds)} s")


@pytest.mark.parametrize(
    ("state", "minutes", "levels"),
    [
        (State.QUEUED, 0.5, [OK, OK]),
        (State.QUEUED, 2, [WARN, OK]),
        (State.QUEUED, 20, [FAIL, OK]),
        (State.QUEUED, -20, [OK, OK]),
        (State.RECALLING, 20, [OK, FAIL]),
        (State.HELD, 20, [OK, OK]),
    ],
)
def test_released_mail_that_nobody_sends_on(
    state: State, minutes: float, levels: list[str], house: Settings, sqlite_engine: Engine
) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.arrive(session, house)
        session.execute(update(Delivery).values(state=state, due_at=utcnow() - timedelta(minutes=minutes)))
    found = list_findings(local_checks.check_delivery(house))
    assert [level for level, _, _ in found] == levels
    with db.transaction(sqlite_engine) as session:
        restore_pause.pause_delivery(session, backup_at=arriving.NOW, now=arriving.NOW)
    assert {level for level, _, _ in list_findings(local_checks.check_delivery(house))} == {OK}, (
        "that nothing leaves has a finding of its own"
    )


@pytest.mark.parametrize(
    ("attempts", "said"),
    [((1, OFTEN - 1), []), ((OFTEN,), ["1 accepted message was"]), ((OFTEN, 999), ["2 accepted messages were"])],
)
def test_mail_that_cannot_be_put_on_the_record(house: Settings, attempts: tuple[int, ...], said: list[str]) -> None:
    for attempt in attempts:
        (house.spool.directory / "retry" / f"0001764000000000.{attempt:03d}.0AMSCK1ANT458.1.batch").touch()
    assert [(level, words.split(" tried")[0]) for level, _, words in list_findings(local_checks.check_spool(house))][1:] == [
        (FAIL, words) for words in said
    ]


def test_damaged_batches_are_named(house: Settings) -> None:
    (house.spool.directory / "damaged" / batch_name(1, 1)).write_bytes(b"")
    assert [(level, words.split(" in ")[0]) for level, _, words in list_findings(local_checks.check_spool(house))][1:] == [
        (WARN, "1 damaged batch")
    ]


@pytest.mark.parametrize(
    ("way", "hashed", "source", "level"),
    [
        ("local", "", "local", WARN),
        ("local", "a hash", "local", OK),
        ("directory", "a hash", "local", WARN),
        ("directory", "", "directory", OK),
    ],
)
def test_whether_somebody_administers_the_company(
    way: str, hashed: str, source: str, level: str, house: Settings, sqlite_engine: Engine
) -> None:
    with db.transaction(sqlite_engine) as session:
        session.add(StaffMember(login="ida", name="Ida", role="admin", scope=["company"], password_hash=hashed, source=source))
    ((said, _, _),) = list_findings(local_checks.check_administrators(replace(house, api=replace(house.api, sign_in=(way,)))))
    assert said == level


def no_snapshot(settings: Settings) -> None:
    (settings.spool.directory / recipient_map_file.NAME).unlink()


def old_snapshot(settings: Settings) -> None:
    engine = db.open_engine(settings.database.url)
    with db.transaction(engine) as session:
        directory.apply_directory(
            session, replace(arriving.COMPANY, people=arriving.COMPANY.people[:1]), settings.company, by=arriving.SYNC, now=arriving.NOW
        )
    engine.dispose()


@pytest.mark.parametrize(
    ("change", "check", "level", "words"),
    [
        (no_snapshot, local_checks.check_recipient_map, FAIL, "missing"),
        (
            lambda s: (s.spool.directory / recipient_map_file.NAME).write_bytes(b"{"),
            local_checks.check_recipient_map,
            FAIL,
            "cannot be read",
        ),
        (old_snapshot, local_checks.check_recipient_map, WARN, "out of date"),
        (lambda s: (s.spool.directory / "incoming").rmdir(), local_checks.check_spool, OK, "nothing was received yet"),
        (lambda s: s.spool.directory.rename(s.spool.directory.with_name("away")), local_checks.check_spool, FAIL, "is no directory"),
        (lambda s: Path(s.database.url.removeprefix("sqlite:///")).unlink(), local_checks.check_database, FAIL, "is empty"),
        (lambda s: Path(s.database.url.removeprefix("sqlite:///")).unlink(), local_checks.check_recipient_map, OK, "up to date"),
    ],
)
def test_what_is_wrong_inside(
    change: Change, check: Callable[[Settings], Iterator[Finding]], level: str, words: str, house: Settings
) -> None:
    change(house)
    ((said, _, found),) = list_findings(check(house))
    assert (said, words in found) == (level, True), found


@pytest.mark.parametrize(("free", "level"), [(3 * 1024**3, OK), (1024**3, WARN), (1024**2, FAIL)])
def test_disks(free: int, level: str, house: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=2**40, free=free))
    assert [(said, words.rpartition(" the ")[2]) for said, _, words in list_findings(local_checks.check_disk(house))] == [
        (level, "spool"),
        (level, "database"),
        (level, "mailboxes"),
    ]


# outside


def test_our_own_door_is_no_stranger(house: Settings) -> None:
    with start_receiver(house) as receiver:
        listen = "{}:{}".format(*receiver.address)
        ours, _ = list_findings(network_checks.check_ports(replace(house, smtp=replace(house.smtp, listen=listen))))
        assert ours == (OK, "smtp.listen", f"mailroom answers on {listen}")
        stranger, _ = list_findings(
            network_checks.check_ports(
                replace(house, company=replace(house.company, hostname="mx.other.example"), smtp=replace(house.smtp, listen=listen))
            )
        )
        assert stranger[:2] == (FAIL, "smtp.listen")
        _, web = list_findings(network_checks.check_ports(replace(house, api=replace(house.api, listen=listen))))
        assert web[:2] == (FAIL, "api.listen")


def test_a_port_that_others_have_or_nobody_may(house: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_checks, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        listen = f"127.0.0.1:{silent.getsockname()[1]}"
        found, _ = list_findings(network_checks.check_ports(replace(house, smtp=replace(house.smtp, listen=listen))))
        assert found[0] == FAIL
        assert "taken by another program" in found[2]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        listen = f"127.0.0.1:{silent.getsockname()[1]}"
        _, found, _ = list_findings(network_checks.check_ports(replace(house, smtp=replace(house.smtp, lmtp_listen=listen))))
        assert found[:2] == (FAIL, "smtp.lmtp_listen")
    for listen, words in (("192.0.2.1:2525", "cannot be listened on"), ("2525", "must be HOST:PORT")):
        found, _ = list_findings(network_checks.check_ports(replace(house, smtp=replace(house.smtp, listen=listen))))
        assert found[0] == FAIL
        assert words in found[2]


@pytest.mark.parametrize(
    ("days", "name", "levels"),
    [(0, "mx.company.example", [WARN]), (0, "mx.other.example", [WARN, WARN]), (-2, "mx.company.example", [FAIL])],
)
def test_a_certificate(days: int, name: str, levels: list[str], house: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain, key = make_certificate(tmp_path, name)  # good for a day
    now = utcnow() - timedelta(days=days)
    monkeypatch.setattr(network_checks, "utcnow", lambda: now)
    assert [level for level, _, _ in list_findings(network_checks.check_certificate(with_certificate(house, chain, key)))] == levels


def with_certificate(house: Settings, chain: Path | str, key: Path | str) -> Settings:
    return replace(house, smtp=replace(house.smtp, tls_cert=str(chain), tls_key=str(key)))


def test_a_certificate_that_is_none_or_good_for_long(house: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list_findings(network_checks.check_certificate(house)) == [(WARN, "certificate", "none: messages arrive unencrypted")]
    chain, key = make_certificate(tmp_path)
    monkeypatch.setattr(network_checks, "SOON", timedelta())
    assert [level for level, _, _ in list_findings(network_checks.check_certificate(with_certificate(house, chain, key)))] == [OK]
    key.write_text("damaged")
    ((level, _, words),) = list_findings(network_checks.check_certificate(with_certificate(house, chain, key)))
    assert (level, "cannot be used" in words) == (FAIL, True)


def test_a_door_that_shows_another_certificate_than_the_files(house: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_checks, "SOON", timedelta())
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    old, new = (make_certificate(tmp_path / name) for name in ("old", "new"))
    for shown, files, words in (
        (old, old, []),
        (old, new, ["the SMTP server uses another one"]),
        (("", ""), new, ["the SMTP server has none"]),
    ):
        with start_receiver(with_certificate(house, *shown)) as receiver:
            listen = "{}:{}".format(*receiver.address)
            found = list_findings(
                network_checks.check_certificate(with_certificate(replace(house, smtp=replace(house.smtp, listen=listen)), *files))
            )
        assert [(level, text.partition(",")[0]) for level, _, text in found[1:]] == [(WARN, one) for one in words]


def test_the_consoles_certificate(house: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*make_certificate(tmp_path))  # good for a day
    with socket.create_server(("127.0.0.1", 0)) as proxy, ThreadPoolExecutor(1) as threads:
        url = f"https://127.0.0.1:{proxy.getsockname()[1]}/mail"
        there = replace(house, api=replace(house.api, public_url=url))
        for soon, level in ((timedelta(days=21), WARN), (timedelta(), OK)):
            monkeypatch.setattr(network_checks, "SOON", soon)
            shown = threads.submit(shake_hands, proxy, context)
            ((found, what, words),) = list_findings(network_checks.check_console(there))
            assert (found, what, words.partition(" until")[0]) == (level, "console", "good")
            shown.result()
    ((found, _, words),) = list_findings(network_checks.check_console(there))
    assert (found, words.startswith(f"no certificate at {url}: ")) == (WARN, True)
    for unseen in ("", "http://127.0.0.1:8080"):
        assert list_findings(network_checks.check_console(replace(house, api=replace(house.api, public_url=unseen)))) == []


def shake_hands(proxy: socket.socket, context: ssl.SSLContext) -> None:
    """Accept one client of a TLS proxy; it may leave without reading its tickets."""
    connection, _ = proxy.accept()
    with context.wrap_socket(connection, server_side=True) as client, contextlib.suppress(OSError):
        client.recv(1)


def test_a_next_hop_and_what_it_lacks(house: Settings) -> None:
    with next_hop(lmtp=True) as peer:
        found = list_findings(network_checks.next_hop(replace(house, relay=replace(house.relay, next_hop=peer.url))))
    assert [(level, words.split(":")[0]) for level, _, words in found[:1]] == [(OK, "lmtp")]
    assert (WARN, f"it accepts 1000000 bytes (SIZE), the SMTP server {house.smtp.max_size}: larger messages bounce") in [
        (level, words) for level, _, words in found
    ]
    with next_hop(hides=("8BITMIME", "SMTPUTF8")) as peer:
        found = list_findings(network_checks.next_hop(replace(house, relay=replace(house.relay, next_hop=peer.url))))
    assert {words.split(":")[0] for level, _, words in found if level == WARN} >= {
        "it does not offer 8BITMIME",
        "it does not offer SMTPUTF8",
    }


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("smtp://127.0.0.1:1", "it cannot be reached"),
        ("lmtp:///nowhere/lmtp", "it cannot be reached"),
        ("pigeon://coop", "is not known"),
    ],
)
def test_a_next_hop_that_is_not_there(url: str, words: str, house: Settings) -> None:
    ((level, _, found),) = list_findings(network_checks.next_hop(replace(house, relay=replace(house.relay, next_hop=url))))
    assert (level, words in found) == (FAIL, True), found


# the command


@pytest.mark.parametrize(
    ("address", "state", "reply", "levels"),
    [
        ("", "queued", "", ["ok"]),
        ("archive", "queued", "", ["fail"]),
        (ARCHIVE, "queued", "", ["ok"]),
        (ARCHIVE, "queued", "450 4.2.0 later", ["ok", "fail"]),
        (ARCHIVE, "bounced", "it came back", ["ok", "warn"]),
    ],
)
def test_the_journal(house: Settings, sqlite_engine: Engine, address: str, state: str, reply: str, levels: list[str]) -> None:
    archiving = replace(house, journal=replace(house.journal, address=address))
    with db.transaction(sqlite_engine) as session:
        arriving.arrive(session, archiving)
        copies = update(Delivery).where(col(Delivery.direction) == "journal")
        session.execute(copies.values(last_reply=reply, state=State(state)))
    assert [one.level for one in journal_checks.check_journal(archiving)] == levels


def test_the_report_and_its_exit_code(shell: Shell, config: Path) -> None:
    sick = shell("doctor")
    assert sick.code == 1
    lines = sick.out.splitlines()
    assert lines[0] == f"ok    settings       read from {config}"
    assert any(line.startswith("fail  recipient map  missing") for line in lines)
    assert any(line.strip().startswith("-> run `mailroom sync`") for line in lines)
    found: list[dict[str, Any]] = json.loads(shell("doctor", "--json").out)
    assert {"level": "ok", "what": "settings", "found": f"read from {config}", "do": ""} in found
    assert {finding["what"] for finding in found} >= {"database", "spool", "recipient map", "disk", "smtp.listen", "api.listen", "next hop"}


def test_settings_that_cannot_be_read_are_the_only_finding(shell: Shell, config: Path) -> None:
    config.write_text("[company]\ndomain = 1\n")
    said = shell("doctor")
    assert (said.code, said.out.count("\n")) == (1, 2)
    assert said.out.startswith("fail  settings  ")


def test_a_mistake_of_ours_is_a_finding_too(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(_: object) -> int:
        raise ValueError("\x1b[2J")

    monkeypatch.setattr(local_checks, "spool_backlog", mistaken)
    monkeypatch.setattr(Path, "is_dir", lambda _: True)
    said = shell("doctor")
    assert "fail  spool" in said.out
    assert "check failed: ValueError: \\x1b[2J" in said.out
    assert "next hop" in said.out


@pytest.mark.parametrize(("said", "level"), [("refuse", OK), ("defer", WARN)])
def test_unknown_addresses_are_deferred_for_the_first_days_only(said: str, level: str, house: Settings) -> None:
    (finding,) = local_checks.unknown_recipients(replace(house, smtp=replace(house.smtp, unknown_recipients=said)))
    assert (finding.level, "450 4.1.1" in finding.do) == (level, level == WARN)


@pytest.mark.parametrize(
    ("networks", "token", "level"),
    [
        ((), "", OK),
        (("192.168.0.0/16", "10.1.2.3"), "", OK),
        (("198.97.190.0/24",), "", OK),
        (("40.92.0.0/15",), "", WARN),
        (("40.92.0.0/15",), "sesame", OK),
    ],
)
def test_edges_that_strangers_may_share(networks: tuple[str, ...], token: str, level: str, house: Settings) -> None:
    (finding,) = local_checks.check_edges(replace(house, smtp=replace(house.smtp, trusted_edges=networks, edge_token=token)))
    assert finding.level == level


@pytest.mark.parametrize(
    ("draws", "socket", "program", "level", "says"),
    [
        (True, "", "/usr/bin/pdftoppm", OK, "QR codes in images and PDF are read in a sandbox"),
        (True, "", None, WARN, "QR codes are read in images, not in PDF: poppler is missing"),
        (False, "/run/mailroom/parse.sock", None, WARN, "QR codes are read in images, not in PDF"),
        (False, "", None, WARN, "QR codes are not read: there is no sandbox for images"),
    ],
)
def test_where_qr_codes_are_read(
    house: Settings, monkeypatch: pytest.MonkeyPatch, draws: bool, socket: str, program: str | None, level: str, says: str
) -> None:
    monkeypatch.setattr(sandbox, "can_draw", lambda: draws)
    monkeypatch.setattr(sandbox, "parser_socket", lambda: socket)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: program)
    assert list_findings(local_checks.check_codes(house)) == [(level, "codes", says)]


def test_a_damaged_dictionary_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(local_checks.check_dictionary()) == []
    monkeypatch.setattr(dictionaries, "DIRECTORY", tmp_path)
    monkeypatch.setattr(dictionaries, "read_dictionary", dictionaries.read_dictionary.__wrapped__)
    (found,) = local_checks.check_dictionary()
    assert (found.level, "records_1.zdict from the directory `dictionaries` of a backup" in found.found) == (FAIL, True)
