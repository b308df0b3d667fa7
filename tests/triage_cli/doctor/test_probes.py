"""Doctor's probes, each against a real server: our own SMTP server, a Postfix behind it, and ways around it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.peers.mail.next_hop import next_hop
from tests.peers.processes import free_port
from tests.peers.receiving import start_receiver
from tests.triage import arriving
from triage.compliance.audit import settings_changes
from triage.config.settings import Settings
from triage.store import db
from triage_cli.doctor import local_checks, probes
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding


@pytest.fixture
def house(settings: Settings, sqlite_url: str, sqlite_engine: Engine) -> Settings:
    """A house whose database knows people."""
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    return replace(settings, database=replace(settings.database, url=sqlite_url))


def list_findings(findings: Iterator[Finding]) -> list[tuple[str, str]]:
    """The findings; each that is not well says what to do."""
    found = [*findings]
    assert all(bool(one.do) == (one.level != OK) for one in found)
    return [(one.level, one.found) for one in found]


def test_our_door_is_no_open_relay(house: Settings) -> None:
    with start_receiver(house) as door:
        host, port = door.address
        listening = replace(house, smtp=replace(house.smtp, listen=f"{host}:{port}"))
        ((level, words),) = list_findings(probes.open_relay(listening))
    assert (level, "refused" in words) == (OK, True)


def test_where_nobody_listens_nothing_is_tried(house: Settings) -> None:
    assert list_findings(probes.open_relay(replace(house, smtp=replace(house.smtp, listen=f"127.0.0.1:{free_port()}")))) == []


@pytest.mark.parametrize(
    ("zone", "changes", "levels"),
    [
        ("company.example. MX 10 mx.company.example.\n", {}, [OK]),
        ("company.example. MX 10 mx.company.example.\ncompany.example. MX 20 old.company.example.\n", {}, [WARN, OK]),
        ("company.example. MX 10 edge.company.example.\n", {"trusted_edges": ("192.0.2.0/24",)}, [OK]),
    ],
)
def test_ways_around_the_door(zone: str, changes: dict[str, Any], levels: list[str], house: Settings, tmp_path: Path) -> None:
    (tmp_path / "own.zone").write_text(zone)
    house = replace(house, dns=replace(house.dns, zone_file=str(tmp_path / "own.zone")), smtp=replace(house.smtp, **changes))
    assert [level for level, _ in list_findings(probes.check_bypass(house))] == levels


def test_another_machine_of_ours_is_no_way_around(house: Settings, tmp_path: Path, sqlite_engine: Engine) -> None:
    (tmp_path / "own.zone").write_text("company.example. MX 10 mx.company.example.\ncompany.example. MX 10 MX2.company.example.\n")
    house = replace(house, dns=replace(house.dns, zone_file=str(tmp_path / "own.zone")))
    assert [level for level, _ in list_findings(probes.check_bypass(house))] == [WARN, OK]
    with db.transaction(sqlite_engine) as session:
        other = replace(house, company=replace(house.company, hostname="mx2.company.example"))
        settings_changes.note_settings(session, other, machine="two", now=arriving.NOW)
    assert [level for level, _ in list_findings(probes.check_bypass(house))] == [OK]


def test_a_next_hop_with_a_private_address_is_not_found_from_outside() -> None:
    assert list_findings(probes.is_reachable("smtp://127.0.0.1:10025")) == [(OK, "127.0.0.1 has no public address")]


@pytest.mark.parametrize(
    ("replies", "levels"),
    [
        (("250 2.1.5 OK", "550 5.1.1 Nobody"), [OK]),
        (("550 5.7.1 Not from you", "550 5.1.1 Nobody"), [FAIL]),
        (("250 2.1.5 OK", "250 2.1.5 OK"), [OK, WARN]),
    ],
)
def test_the_next_hop_is_asked_about_somebody_and_nobody(replies: tuple[str, ...], levels: list[str], house: Settings) -> None:
    with next_hop() as server:
        server.answer("RCPT", *replies)
        asked = replace(house, relay=replace(house.relay, next_hop=server.url, tls="none"))
        assert [level for level, _ in list_findings(probes.known_there(asked))] == levels
        assert server.taken == []


@pytest.mark.parametrize(("reply", "level"), [("250 2.1.5 OK", OK), ("550 5.7.1 Relaying denied", FAIL), ("450 4.7.1 Later", WARN)])
def test_the_smarthost_is_asked_whether_it_passes_our_mail_on(reply: str, level: str, house: Settings) -> None:
    with next_hop() as server:
        server.answer("RCPT", reply)
        asked = replace(house, relay=replace(house.relay, tls="none"), outbound=replace(house.outbound, smarthost=server.url))
        ((found, words),) = list_findings(probes.takes_us_out(asked))
        assert (found, server.taken) == (level, [])
        assert server.url in words
    assert list_findings(probes.takes_us_out(house)) == []


def test_the_clock_and_the_upkeep_have_a_word(house: Settings) -> None:
    assert [level in (OK, WARN) for level, _ in list_findings(local_checks.check_clock(house))] == [True]
    assert [level for level, _ in list_findings(local_checks.check_upkeep(house))] == [FAIL], (
        "what was set up lies in the past and nobody sealed it"
    )


@pytest.mark.parametrize(
    ("replies", "levels"),
    [
        (("250 2.1.0 OK", "250 2.1.0 OK"), [OK, OK]),
        (("250 2.1.0 OK", "501 Invalid MAIL FROM address provided"), [OK, WARN]),
        (("550 5.7.1 not you", "250 2.1.0 OK"), [FAIL, OK]),
        (("450 4.7.1 later", "250 2.1.0 OK"), [WARN, OK]),
    ],
)
def test_the_smarthost_is_asked_for_employees_and_for_notices(replies: tuple[str, ...], levels: list[str], house: Settings) -> None:
    with next_hop() as server:
        server.answer("MAIL", *replies)
        asked = replace(house, relay=replace(house.relay, smarthost=server.url, tls="none"))
        found = list_findings(probes.takes_us_out(asked))
    assert [level for level, _ in found] == levels
    assert ["messages from postmaster@company.example to the outside" in found[0][1], "messages from <> to the outside" in found[1][1]] == [
        True,
        True,
    ]
