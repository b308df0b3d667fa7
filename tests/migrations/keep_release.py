"""Keeps what this version leaves on a disk, for later versions to prove that they upgrade it: `make keep-release`.

A small company at work, one on each kind of database, and its `mailroom backup` in releases/VERSION/KIND.tar.xz.
`STORY` says what is in it; test_releases.py asks each later version about it.
"""

import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.peers import outside, postgresql, processes
from tests.peers.company import DOMAIN, Company
from tests.peers.outside import OutsideMessage

RELEASES = Path(__file__).parent / "releases"
TO = f"it+russell.coker@{DOMAIN}"


@dataclass(frozen=True)
class Mail:
    """A message of the story: who wrote it, and what had become of it when the release was kept."""

    author: str
    subject: str
    state: str  # spooled: accepted, and not judged yet

    def letter(self) -> OutsideMessage:
        """As it was written."""
        return OutsideMessage(self.author, TO, self.subject, attachments=(("plan.txt", b"first\r\n"),))


SPAMMER = f"offers@{outside.PHISHER.name}"
KNOWN = f"orders@{outside.SUPPLIER.name}"
STORY = (
    Mail(KNOWN, "An order that passes", "delivered"),
    Mail(f"ana@{outside.STRANGER.name}", "A question that waits", "held"),
    Mail(f"ben@{outside.STRANGER.name}", "A question that was let in", "delivered"),
    Mail(SPAMMER, "An offer that was taken away", "purged"),
    Mail(f"cara@{outside.STRANGER.name}", "A question that nobody has judged", "spooled"),
)


def main() -> None:
    """Keep both kinds, also again until the version is tagged."""
    place = RELEASES / version("mailroom")
    if place.exists() and is_tagged():
        raise SystemExit(f"{place} is of the release: it is never changed; raise the version")
    with tempfile.TemporaryDirectory() as directory, postgresql.start_cluster() as server:
        for kind in ("sqlite", "postgresql"):
            work = Path(directory, kind)
            work.mkdir()
            database = f"sqlite:///{work}/mailroom.db" if kind == "sqlite" else server.create("kept")
            keep(Company(work, database, f"maildir:{work}/mailboxes"), place / f"{kind}.tar.xz")


def is_tagged() -> bool:
    """Whether this version was released."""
    tags = ["git", "tag", "--list", f"v{version('mailroom')}"]
    return bool(subprocess.run(tags, cwd=RELEASES, check=True, capture_output=True, text=True).stdout.strip())


def keep(house: Company, archive: Path) -> None:
    """Let the story happen, and back it up."""
    house.lay_out()
    house.run("allow", KNOWN, check=True)
    try:
        house.start()
        happen(house)
        house.stop()
        take_unjudged(house)
        backup = house.directory / "backup"
        house.run("backup", str(backup), check=True)
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive, "w:xz") as file:
            file.add(backup, "backup")
    finally:
        house.stop()


def happen(house: Company) -> None:
    """Play the story for all messages with a verdict."""
    for one in STORY:
        if one.state != "spooled":
            house.take(one.letter())
    with house.signed_in() as desk:
        waiting = {one["subject"]: one for one in desk.wait_for(3, state="held")}
        for one in STORY:
            if one.state == "purged":
                order = {"effect": "block", "match": "address", "scope": "company"}
                assert desk.decide("purge", {"ids": [waiting[one.subject]["id"]]}, rule=order).status_code == 201
            elif one.state == "delivered" and one.author != KNOWN:
                assert desk.decide("release", {"ids": [waiting[one.subject]["id"]]}).status_code == 201
        desk.wait_for(2, state="delivered")


def take_unjudged(house: Company) -> None:
    """The SMTP server alone takes what nobody judges."""
    door = processes.start([*house.command, "receive"], house.log, environment=house.environment)
    try:
        processes.until(house.greets, "SMTP says 220", door, house.log)
        for one in STORY:
            if one.state == "spooled":
                house.take(one.letter())
    finally:
        processes.stop(door)


if __name__ == "__main__":
    main()
