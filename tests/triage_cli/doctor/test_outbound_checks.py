"""The doctor about employees' mail: what it says of each thing that is not in order, and what to do."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mta.outbound import take_submissions
from tests.peers import outside
from tests.peers.receiving import make_certificate
from tests.triage import arriving
from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.ids import new_id
from triage.intake import store_outbound
from triage.message.summary import make_summary
from triage.policy.contacts.contact_evidence import Sent
from triage.policy.learning import learn_contacts
from triage.runtime.spool_stats import OFTEN
from triage.store import bodies, db
from triage.times import utcnow
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding
from triage_cli.doctor.outbound_checks import check_outbound

JOE = "joe.fern@company.example"


@pytest.fixture
def house(settings: Settings, sqlite_url: str, sqlite_engine: Engine) -> Settings:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    return replace(
        settings,
        database=replace(settings.database, url=sqlite_url),
        relay=replace(settings.relay, smarthost="smtp://provider.example:25"),
        outbound=replace(settings.outbound, networks=("192.0.2.25",)),
    )


def list_findings(settings: Settings) -> list[tuple[str, str]]:
    found: list[Finding] = list(check_outbound(settings))
    assert all(bool(one.do) == (one.level != OK) for one in found)
    return [(one.level, one.found) for one in found]


def changed(settings: Settings, **values: object) -> Settings:
    return replace(settings, outbound=replace(settings.outbound, **values))  # type: ignore[arg-type]


def test_a_house_in_order(house: Settings) -> None:
    assert list_findings(house) == [
        (OK, "submitted by 192.0.2.25"),
        (OK, "sent to smtp://provider.example:25"),
        (OK, "its spool is new: no message was submitted yet"),
        (OK, "0 contacts, 0 pending review"),
    ]


def test_programs_of_this_machine_may_send(house: Settings) -> None:
    found = list_findings(changed(house, networks=(), submit_directory="/var/spool/mailroom-submit"))
    assert found[0] == (OK, "submitted by programs on this machine")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (0, []),
        (2, [(WARN, "2 files of the submission spool with no valid message, kept in {place}")]),
        (3, [(WARN, "3 files of the submission spool with no valid message, kept in {place}; further ones are deleted")]),
    ],
)
def test_files_that_were_refused(
    house: Settings, tmp_path: Path, files: int, says: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(take_submissions, "MOST_REFUSED", 3)
    (place := tmp_path / "drop" / "refused").mkdir(parents=True)
    for number in range(files):
        (place / f"{number}.msg").touch()
    found = list_findings(changed(house, submit_directory=str(tmp_path / "drop")))
    assert [one for one in found if "submission spool" in one[1]] == [(level, words.format(place=place)) for level, words in says]


def test_nobody_may_send(settings: Settings) -> None:
    assert [level for level, _ in list_findings(settings)] == [OK]


@pytest.mark.parametrize(
    ("values", "level", "says"),
    [
        ({"networks": ("0.0.0.0/0",)}, FAIL, "the whole internet"),
        ({"networks": ("40.92.0.0/15",)}, WARN, "outbound.networks holds 40.92.0.0/15: outsiders there could send through you"),
        ({"accounts_file": "/nowhere"}, FAIL, "cannot be used"),
        ({"smarthost": "smtp://inner:25"}, FAIL, "messages would loop"),
    ],
)
def test_what_is_not_in_order(house: Settings, values: dict[str, object], level: str, says: str) -> None:
    house = replace(house, relay=replace(house.relay, next_hop="smtp://inner:25"))
    assert [one for one in list_findings(changed(house, **values)) if one[0] == level and says in one[1]]


def test_passwords_that_others_may_read(house: Settings, tmp_path: Path) -> None:
    chain, key = make_certificate(tmp_path)
    file = tmp_path / "accounts"
    file.write_text("exchange:secret\n")
    house = replace(house, smtp=replace(house.smtp, tls_cert=str(chain), tls_key=str(key)))
    for mode, level in ((0o644, WARN), (0o640, OK)):
        file.chmod(mode)
        assert list_findings(changed(house, accounts_file=str(file)))[0][0] == level


def test_only_copies_are_taken(house: Settings) -> None:
    alone = replace(house, relay=replace(house.relay, smarthost=""))
    assert [level for level, _ in list_findings(alone)] == [FAIL]
    assert (OK, "only copies to copies@company.example are accepted, to learn contacts") in list_findings(
        changed(alone, journal_address="copies@company.example")
    )


def test_mail_that_waits(house: Settings) -> None:
    spool = house.spool.directory / "outbound"
    for name in ("incoming", "retry", "damaged"):
        (spool / name).mkdir(parents=True)
    (spool / "incoming" / "0000000000001.1.3.batch").touch()
    (spool / "damaged" / "x.batch").touch()
    (spool / "retry" / f"0001764000000000.{OFTEN:03d}.0AMSCK1ANT458.1.batch").touch()
    found = list_findings(house)
    assert [one[0] for one in found if "without success" in one[1]] == [FAIL]
    assert [one[0] for one in found if "3 messages to send" in one[1]] == [FAIL]
    assert (WARN, "1 damaged batch in its spool") in found


def send(engine: Engine, settings: Settings, raw: bytes) -> None:
    """Send an employee's message through us."""
    envelope = Envelope(new_id(), utcnow(), JOE, ("ann@x.example",), "192.0.2.25", "inner.company.example")
    with db.transaction(engine) as session:
        store_outbound.store_outgoing(session, envelope, bodies.pack_body(raw), make_summary(raw), settings=settings, now=utcnow())


KEY = f"{outside.SELECTOR}._domainkey.company.example. TXT {outside.split_strings(outside.key_record())}\n"


@pytest.mark.parametrize(
    ("signed", "changed", "zone", "level", "says"),
    [
        (True, False, KEY, OK, "the last 1 message had your valid DKIM signature"),
        (True, False, "", WARN, "a DKIM signature by company.example (selector s1) does not verify"),
        (True, True, KEY, WARN, "a DKIM signature by company.example (selector s1) does not verify"),
        (False, False, KEY, WARN, "1 of the last 1 message had no DKIM signature of yours"),
    ],
    ids=["good", "no-key", "changed", "unsigned"],
)
def test_whether_others_can_prove_that_it_is_ours(
    house: Settings, sqlite_engine: Engine, tmp_path: Path, signed: bool, changed: bool, zone: str, level: str, says: str
) -> None:
    (tmp_path / "own.zone").write_text(zone)
    house = replace(house, dns=replace(house.dns, zone_file=str(tmp_path / "own.zone")))
    raw = outside.OutsideMessage(JOE, "ann@x.example", "Our offer").raw(signed=signed)
    send(sqlite_engine, house, raw + b"a footer\r\n" * changed)
    assert [one[0] for one in list_findings(house) if says in one[1]] == [level]


def test_what_waits_for_a_look(house: Settings, sqlite_engine: Engine) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    with db.transaction(sqlite_engine) as session:
        messages = [Sent(JOE, ("ann@x.example",), JOE, now)]
        by = Actor.system("outbound")
        learn_contacts.learn_many(session, messages, how="outbound", settings=changed(house, daily_cap=0), by=by, now=now)
    assert list_findings(house)[-1] == (WARN, "0 contacts, 1 pending review")
