"""Doctor's checks of the mirror's accounts, with a real Dovecot, and of the addresses that employees write to."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.peers.mail import dovecot
from tests.peers.processes import free_port
from tests.triage import arriving
from triage.config.settings import Mirror, Outbound, Settings
from triage.store import db
from triage_cli.doctor import mirror_checks
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding


@pytest.fixture
def house(settings: Settings, sqlite_url: str, sqlite_engine: Engine) -> Settings:
    """A house whose database knows people."""
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    return replace(settings, database=replace(settings.database, url=sqlite_url))


def findings_of(findings: Iterator[Finding]) -> list[tuple[str, str]]:
    """Level and text of each finding."""
    return [(one.level, one.found) for one in findings]


@pytest.mark.peers
def test_each_account_is_entered_and_somebody_acts_there(house: Settings, tmp_path: Path) -> None:
    secret = tmp_path / "passwords"
    secret.write_text(f"it@company.example:{dovecot.PASSWORD}\nana@company.example:wrong\n")
    with dovecot.running() as server:
        way = Mirror(
            departments=("it=it@company.example",),
            act_as=("it=ana",),
            imap=f"imap://127.0.0.1:{server.imap_port}",
            password_file=str(secret),
        )
        assert findings_of(mirror_checks.check_mirror(replace(house, mirror=way))) == [
            (OK, f"{way.imap} accepts our sign-in to it@company.example")
        ]
        wrong = replace(way, act_as=("it=nobody",), staff=("ana=ana@company.example",))
        (acts, entered, shut_out) = findings_of(mirror_checks.check_mirror(replace(house, mirror=wrong)))
        assert acts == (FAIL, "nobody, who acts in it@company.example, may not decide: moves there have no effect")
        assert (entered[0], shut_out[0], "refuses our sign-in" in shut_out[1]) == (OK, FAIL, True)


@pytest.mark.parametrize(
    ("mirror", "plain", "found"),
    [
        (Mirror(), False, []),
        (Mirror(departments=("it=it@company.example",)), True, [(WARN, "in plain mode nothing is held, so nothing is mirrored")]),
        (
            Mirror(departments=("it=it@company.example",), imap="imap://127.0.0.1", password_file="x"),
            False,
            [(FAIL, 'mirror.act_as: name who acts in the account of it, such as "it=LOGIN"')],
        ),
        (
            Mirror(departments=("it=it@company.example",), act_as=("it=ana",), imap="imap://127.0.0.1"),
            False,
            [(FAIL, 'mirror.password_file is missing: mirror.auth = "per-account" needs it')],
        ),
    ],
)
def test_settings_that_make_no_sense(house: Settings, mirror: Mirror, plain: bool, found: list[tuple[str, str]]) -> None:
    house = replace(house, mirror=mirror, company=replace(house.company, plain=plain))
    assert findings_of(mirror_checks.check_mirror(house)) == found


def test_a_department_that_is_none(house: Settings) -> None:
    way = Mirror(
        departments=("law=law@company.example",), act_as=("law=ana",), imap=f"imap://127.0.0.1:{free_port()}", password_file="x", timeout=1
    )
    first, second = findings_of(mirror_checks.check_mirror(replace(house, mirror=way)))
    assert (first, second[0]) == ((FAIL, "there is no department law"), FAIL)


@pytest.mark.parametrize(
    ("outbound", "level", "words"),
    [
        (Outbound(report_address="report@other.example"), FAIL, "is in none of our domains"),
        (Outbound(report_address="report@company.example"), FAIL, "no server may submit messages"),
        (Outbound(expect_address="info@company.example", networks=("192.0.2.1",)), WARN, "is also in the directory"),
    ],
)
def test_addresses_for_employees(house: Settings, outbound: Outbound, level: str, words: str) -> None:
    ((found, sentence),) = findings_of(mirror_checks.written_to_us(replace(house, outbound=outbound)))
    assert (found, words in sentence) == (level, True)


@pytest.mark.parametrize(
    ("partners", "more", "found"),
    [
        ((), {}, []),
        (("partner.example",), {"smarthost": "smtp://out.example"}, []),
        (("partner.example",), {"next_hop": "maildir:/var/mail"}, [(WARN, "so partners get no answer")]),
        (("gmail.com",), {"smarthost": "smtp://out.example"}, [(FAIL, "gmail.com is one of yours, or anybody")]),
        (("company.example",), {"smarthost": "smtp://out.example"}, [(FAIL, "company.example is one of yours")]),
    ],
)
def test_partners_that_report(house: Settings, partners: tuple[str, ...], more: dict[str, str], found: list[tuple[str, str]]) -> None:
    outbound = Outbound(report_address="report@company.example", report_partners=partners)
    settings = replace(house, outbound=outbound, relay=replace(house.relay, **more))  # type: ignore[arg-type]
    said = findings_of(mirror_checks.reporting_partners(settings))
    assert [(level, words in text) for (level, text), (_, words) in zip(said, found, strict=True)] == [(level, True) for level, _ in found]


def test_partners_need_an_address(house: Settings) -> None:
    settings = replace(house, outbound=Outbound(report_partners=("partner.example",)))
    levels = [level for level, _ in findings_of(mirror_checks.reporting_partners(settings))]
    assert levels[0] == FAIL


def test_addresses_that_work(house: Settings) -> None:
    outbound = Outbound(report_address="report@company.example", expect_address="expect@company.example", networks=("192.0.2.1",))
    assert findings_of(mirror_checks.written_to_us(replace(house, outbound=outbound))) == []
