"""Claim: a directory of 10,000 people in which nothing changed costs under 1.5 s, one of 50,000 under 8 s, in under 300 MB.

A real slapd over StartTLS, a database of SQLite. The first run reads everything and fills the tables; a later run asks for
changes and identities; a whole run reads everything; where one person has changed everything is compared with the tables.
Beside them the floor: ldap3 reading the same attributes page by page, and nothing else.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.rounds import goals, printing, processor
from directory_sync.ldap.ldap_connection import Entry, open_connection
from directory_sync.ldap.ldap_source import LdapSource
from directory_sync.reading import Reading
from migrations.upgrade import upgrade
from tests.directory_sync.company600 import DEPARTMENTS
from tests.directory_sync.entries import PEOPLE, group, ldif, person
from tests.peers import processes
from tests.peers.slapd import BASE, MANAGER, PASSWORD, Slapd, start_slapd
from triage.actor import Actor
from triage.config.settings import Company, Directory
from triage.directory import apply as directory
from triage.store import db
from triage.times import utcnow

SIZES = (10_000, 50_000)  # people
LONG_AGO = {"modifyTimestamp": "20260101000000Z"}  # what changed within the last hour is read each time
COMPANY = Company(domains=("company.example",), hostname="mx.company.example")
WORK = {
    "floor": "ldap3, only reading",
    "first": "first run",
    "nothing": "nothing changed",
    "whole": "whole run, nothing changed",
    "changed": "one person changed",
}


def main() -> int:
    """Measure each size in a process of its own, and print."""
    rows, others, idle = [], [], []
    for size in SIZES:
        with start_slapd(ldif(*make_crowd(size))) as server:
            server.modify(f"dn: uid=p1,{PEOPLE}\nchangetype: modify\nreplace: sn\nsn: newest\n")
            (server.directory / "password").write_text(PASSWORD)
            watch = processor.Watch((server.process.pid,) if server.process else ())
            reader = [sys.executable, "-P", __file__, server.url, str(server.directory)]
            measured = json.loads(subprocess.run(reader, stdout=subprocess.PIPE, check=True).stdout)
            others.append(watch.stop()[2])
        idle.append(measured["work"]["nothing"][0])
        rows += [
            [f"{size:,}", WORK[name], f"{wall:.2f} s", f"{cpu:.2f} s", f"{measured['megabytes']:.0f} MB"]
            for name, (wall, cpu) in measured["work"].items()
        ]
    printing.print_table(["people", "work", "wall", "CPU", "most memory, all runs"], rows)
    goals.print_goals({"directory.small": idle[0], "directory.large": idle[1], "directory.memory": measured["megabytes"]})
    printing.print_machine("OpenLDAP", others=others)
    return 0


def measure_size(url: str, place: Path) -> dict[str, object]:
    """Seconds of wall clock and of our processor for each kind of work, and the most memory that it took in megabytes."""
    source = LdapSource(settings_of(url, place), COMPANY)
    with processes.short_directory("sync") as directory_of_database:
        engine = db.open_engine(f"sqlite:///{directory_of_database}/mailroom.db")
        upgrade(engine)
        seen: list[Reading] = []

        def run(*, full: bool = False) -> None:  # as the role does: what is the same reading is not looked at again
            reading = source.read(full=full)
            if not seen or reading is not seen[0]:
                with db.transaction(engine) as session:
                    directory.apply_directory(session, reading.company, COMPANY, by=Actor.system("sync"), now=utcnow())
            seen[:] = [reading]

        def floor() -> None:
            with open_connection(source.place) as connection:
                for _ in connection.search(BASE, source.schema.people, source.schema.attributes_of_people()):
                    pass

        work = {"floor": time_work(floor), "first": time_work(run), "nothing": time_work(run), "whole": time_work(lambda: run(full=True))}
        Slapd(place, int(url.rpartition(":")[2]), 0).modify(f"dn: uid=p2,{PEOPLE}\nchangetype: modify\nreplace: cn\ncn: Another Name\n")
        work["changed"] = time_work(run)
        engine.dispose()
    return {"work": work, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def time_work(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds of wall clock and of processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def make_crowd(size: int) -> Iterator[Entry]:
    """People with two addresses, a department and a manager, and a list of each department."""
    for number in range(size):
        addresses = [f"p{number}@company.example", f"person.{number}@company.example"]
        more = {"departmentNumber": DEPARTMENTS[number % 16], "manager": f"uid=p{number % 16},{PEOPLE}"} | LONG_AGO
        yield person(f"p{number}", mail=addresses, **more)
    for one in range(16):
        yield group(f"all-{one}", *(f"p{number}" for number in range(one, size, 16)), mail=f"all-{one}@company.example", **LONG_AGO)


def settings_of(url: str, place: Path) -> Directory:
    """Return the settings for the LDAP server; its certificate and password are in the server's directory."""
    return Directory(
        source="ldap",
        url=url,
        tls_ca=str(place / "server.pem"),
        bind_dn=MANAGER,
        password_file=str(place / "password"),
        base=BASE,
        postmaster="p1@company.example",
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure_size(sys.argv[1], Path(sys.argv[2]))))
        sys.exit(0)
    sys.exit(main())
