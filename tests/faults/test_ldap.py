"""Black box: the LDAP server is away, and comes back empty, under load. Who is known stays known, and gets their mail."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.directory_sync.entries import ldif, person
from tests.faults.test_machine import Faulty, faulty, more, sending
from tests.faults.test_nothing_lost import LONG
from tests.peers import processes
from tests.peers.company import DOMAIN
from tests.peers.slapd import BASE, start_slapd

RUSSELL = person("russell.coker", cn="Russell Coker")
UNCHANGED = "the directory stays as it was"  # as the log says it of a directory that does not answer, or is not believed

pytestmark = pytest.mark.peers


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Faulty]:
    """A company."""
    with faulty(tmp_path) as made:
        yield made


@pytest.mark.long
@pytest.mark.timeout(3600 if LONG else 1800)
def test_a_directory_server_that_is_away_and_comes_back_empty(house: Faulty) -> None:
    """Known people stay known, and get their messages."""
    with start_slapd(ldif(RUSSELL)) as server:
        told = {"URL": server.url, "TLS_CA": server.ca, "BASE": BASE, "POSTMASTER": f"russell.coker@{DOMAIN}", "INTERVAL": 1, "TIMEOUT": 60}
        house.surroundings = {
            "MAILROOM_DIRECTORY__SOURCE": "ldap",
            "MAILROOM_NOTICES__STAFF": "",  # of the brake: mail that nobody has sent
            **{f"MAILROOM_DIRECTORY__{name}": str(value) for name, value in told.items()},
        }
        house.run("sync", "--confirm", check=True)  # fewer people than in the file
        house.start()
        with sending(house, "the LDAP server is away, comes back empty, and is right again") as ledger:
            more(house, ledger)
            for fault in (server.stop, partial(server.load, ldif()), server.start):
                seen = unchanged(house)
                fault()
                processes.until(partial(grown, house, seen), "it is not believed", house.process, house.log)
                more(house, ledger)
            server.load(ldif(RUSSELL))
            more(house, ledger)


def unchanged(house: Faulty) -> int:
    """Count the imports that the log says were refused."""
    return house.log.read_text().count(UNCHANGED)


def grown(house: Faulty, before: int) -> bool:
    """Whether it has said so again."""
    return unchanged(house) > before
