"""Doctor's checks of the directory, of DNS and of the access to mailboxes, each against a real one."""

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.peers.mail import dovecot
from tests.peers.processes import free_port
from tests.peers.slapd import BASE, MANAGER, PASSWORD, start_slapd
from tests.triage import arriving
from triage.config.settings import Recall, Settings
from triage.notifications import alerts
from triage.store import db
from triage_cli.doctor import connection_checks, local_checks
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding

PEOPLE = f"""
dn: {BASE}
objectClass: organization
objectClass: dcObject
o: Company
dc: company

dn: uid=anna,{BASE}
objectClass: inetOrgPerson
uid: anna
cn: Anna
sn: Berg
mail: anna@company.example

dn: cn=desk,{BASE}
objectClass: groupOfNames
cn: desk
member: uid=anna,{BASE}
"""


@pytest.fixture
def house(settings: Settings, sqlite_url: str, sqlite_engine: Engine) -> Settings:
    """A house whose database knows people."""
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    return replace(settings, database=replace(settings.database, url=sqlite_url))


def finding_of(findings: Iterator[Finding]) -> tuple[str, str]:
    """The one finding: how bad, and what was seen; if it is not well it says what to do."""
    (finding,) = findings
    assert bool(finding.do) == (finding.level != OK)
    return finding.level, finding.found


def test_a_directory_file_and_its_mistakes(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "people.toml"
    settings = replace(settings, directory=replace(settings.directory, file=str(file)))
    assert finding_of(connection_checks.check_directory(settings))[0] == FAIL
    file.write_text('[company]\npostmaster = "it@company.example"\n')
    assert finding_of(connection_checks.check_directory(settings)) == (OK, f"0 people in {file}")


HASHED = 'password_hash = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"\n'
STAFF = '[[staff]]\nlogin = "ida"\nname = "Ida"\nrole = "admin"\nscope = ["company"]\n' + HASHED


@pytest.mark.parametrize(
    ("mode", "staff", "way", "level"),
    [(0o644, STAFF, 0o755, WARN), (0o640, STAFF, 0o755, OK), (0o644, f"# {HASHED}", 0o755, OK), (0o644, STAFF, 0o750, OK)],
)
def test_a_directory_file_that_everybody_reads(settings: Settings, mode: int, staff: str, way: int, level: str) -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest's own lie in one that is closed to others
        Path(place).chmod(way)
        file = Path(place, "people.toml")
        file.write_text(f'[company]\npostmaster = "it@company.example"\n{staff}')
        file.chmod(mode)
        *_, finding = connection_checks.check_directory(replace(settings, directory=replace(settings.directory, file=str(file))))
        assert (finding.level, "password hashes" in finding.found) == (level, level == WARN)
        if finding.do:
            subprocess.run(["sh", "-c", finding.do], check=True)
            assert file.stat().st_mode & 0o777 == 0o640


def test_a_directory_that_is_not_believed(house: Settings, tmp_path: Path, sqlite_engine: Engine) -> None:
    file = tmp_path / "people.toml"
    file.write_text('[company]\npostmaster = "it@company.example"\n')
    house = replace(house, directory=replace(house.directory, file=str(file)))
    with db.transaction(sqlite_engine) as session:
        alerts.raise_brake(session, "The directory would remove 60 of 100 people", now=arriving.NOW)
    read, believed = connection_checks.check_directory(house)
    assert (read.level, believed.level) == (OK, FAIL)
    assert "refused since 24 Nov" in believed.found
    assert "would remove 60 of 100 people" in believed.found
    assert "--confirm" in believed.do


@pytest.mark.peers
def test_an_ldap_server_that_lets_us_in_or_not(settings: Settings, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    with start_slapd(PEOPLE) as server:
        ldap = replace(
            settings.directory,
            source="ldap",
            url=server.url,
            tls_ca=str(server.ca),
            base=BASE,
            bind_dn=MANAGER,
            password_file=str(secret),
            postmaster="it@company.example",
        )
        level, words = finding_of(connection_checks.check_directory(replace(settings, directory=ldap)))
        assert (level, words) == (OK, f"{server.url} accepts our sign-in and shows people below {BASE}")
        level, words = finding_of(
            connection_checks.check_directory(replace(settings, directory=replace(ldap, people_filter="(uid=nobody)")))
        )
        assert level == FAIL
        assert "shows no person" in words
        named = (f"cn=Desk, {BASE} => triage company", f"cn=desks,{BASE} => triage company", "desk => triage company")
        level, words = finding_of(connection_checks.check_directory(replace(settings, directory=replace(ldap, staff_groups=named[:1]))))
        assert (level, words) == (OK, f"{server.url} accepts our sign-in and shows people below {BASE}")
        _, *unknown = connection_checks.check_directory(replace(settings, directory=replace(ldap, staff_groups=named)))
        assert [(one.level, one.found.partition(", which")[0]) for one in unknown] == [
            (WARN, f"it shows no group cn=desks,{BASE}"),
            (WARN, "it shows no group desk"),
        ]
        secret.write_text("wrong")
        level, words = finding_of(connection_checks.check_directory(replace(settings, directory=ldap)))
        assert level == FAIL
        assert "does not accept the password" in words


def test_dns_answers_and_leads_here_or_not(settings: Settings, tmp_path: Path) -> None:
    domain, zone = settings.company.domains[0], tmp_path / "asked.zone"
    settings = replace(settings, company=replace(settings.company, domains=(domain,)), dns=replace(settings.dns, zone_file=str(zone)))
    zone.write_text(f"$ORIGIN .\n$TTL 60\n. SOA ns. root. 1 1 1 1 1\n. NS ns.\nns. A 127.0.0.1\n{domain}. MX 10 MX.{domain}.\n")
    assert finding_of(connection_checks.check_resolvers(settings)) == (OK, f"messages for {domain} go to mx.{domain}")
    zone.write_text("$ORIGIN .\n$TTL 60\n. SOA ns. root. 1 1 1 1 1\n. NS ns.\nns. A 127.0.0.1\n")
    assert finding_of(connection_checks.check_resolvers(settings)) == (WARN, f"{domain} has no MX record")


def test_dns_that_does_not_answer(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_checks, "PATIENCE", 0.3)
    settings = replace(settings, dns=replace(settings.dns, zone_file="", nameservers=("127.0.0.254",)))
    assert finding_of(connection_checks.check_resolvers(settings))[0] == FAIL


@pytest.mark.peers
def test_the_way_into_the_mailboxes(house: Settings, tmp_path: Path) -> None:
    secret = tmp_path / "master"
    secret.write_text(dovecot.MASTER_PASSWORD)
    with dovecot.running() as server:
        way = Recall(imap=f"imap://127.0.0.1:{server.imap_port}", master_user=dovecot.MASTER, password_file=str(secret))
        level, words = finding_of(connection_checks.check_mailboxes(replace(house, recall=way)))
        assert (level, words.startswith(f"{way.imap} accepts our sign-in to ")) == (OK, True)
        secret.write_text("wrong")
        assert finding_of(connection_checks.check_mailboxes(replace(house, recall=way)))[0] == FAIL
    assert (
        finding_of(connection_checks.check_mailboxes(replace(house, recall=replace(way, imap=f"imap://127.0.0.1:{free_port()}"))))[0]
        == FAIL
    )
    assert finding_of(connection_checks.check_mailboxes(replace(house, recall=replace(way, master_user="")))) == (
        FAIL,
        'recall.master_user is missing: recall.auth = "master" needs it',
    )


def test_no_way_into_the_mailboxes(house: Settings) -> None:
    smtp = replace(house, relay=replace(house.relay, next_hop="smtp://127.0.0.1:25", routes=()))
    assert finding_of(connection_checks.check_mailboxes(smtp))[0] == WARN
    assert [*connection_checks.check_mailboxes(replace(smtp, relay=replace(smtp.relay, next_hop="maildir:/srv/mail")))] == []


def test_a_database_that_is_not_there_has_one_finding_only(house: Settings, tmp_path: Path) -> None:
    house = replace(house, database=replace(house.database, url=f"sqlite:///{tmp_path}/none.db"), recall=Recall(imap="imap://127.0.0.1"))
    assert [*connection_checks.check_mailboxes(house), *local_checks.check_coverage(house)] == []
    assert finding_of(local_checks.check_database(house))[0] == FAIL


def test_scanners_that_are_not_there_and_addresses_that_are_none(settings: Settings) -> None:
    assert list(connection_checks.check_scanners(settings)) == []
    policy = replace(settings.policy, clamd="/nowhere/clamd.ctl", rspamd_url="http://127.0.0.1:9", rspamd_learn_url="http://127.0.0.1:9")
    found = list(connection_checks.check_scanners(replace(settings, policy=policy)))
    assert [one.level for one in found] == [FAIL, FAIL, FAIL]
    assert found[2].found.startswith("Rspamd's controller at 127.0.0.1:9 does not answer: ")
    assert found[0].found.startswith("ClamAV at /nowhere/clamd.ctl does not answer: ")
    assert found[1].found.startswith("Rspamd at 127.0.0.1:9 does not answer: ")
    level, text = finding_of(connection_checks.check_scanners(replace(settings, policy=replace(settings.policy, clamd="clamd"))))
    assert (level, "is neither the path of a socket nor HOST:PORT" in text) == (FAIL, True)
