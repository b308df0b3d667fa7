"""Upgrades of what each earlier release left on disk: nothing is lost, undone or sent twice."""

import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.migrations.keep_release import RELEASES, STORY, TO
from tests.peers import processes
from tests.peers.company import Company
from tests.peers.outside import OutsideMessage

KEPT = sorted(RELEASES.glob("*/*.tar.xz"))
POSTGRESQL = pytest.mark.postgresql
YEARS = "\n[retention]\nheld_days = 36500\npurged_days = 36500\nreleased_days = 36500\n"  # messages of the story grow old


def test_something_is_kept_of_this_kind_of_database() -> None:
    assert {path.name for path in KEPT} == {"sqlite.tar.xz", "postgresql.tar.xz"}


def each() -> list[Any]:
    """Lists the backups of released versions."""
    return [
        pytest.param(
            path,
            marks=[POSTGRESQL, pytest.mark.long] if "postgresql" in path.name else (),
            id=f"{path.parent.name}-{path.name}",
        )
        for path in KEPT
    ]


@pytest.mark.parametrize("kept", each())
def test_an_earlier_release_goes_on(kept: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with tarfile.open(kept) as archive:
        archive.extractall(tmp_path, filter="data")
    on_postgresql = kept.name.startswith("postgresql")
    database = request.getfixturevalue("postgresql_server").create("later") if on_postgresql else f"sqlite:///{tmp_path}/mailroom.db"
    house = Company(tmp_path, database, f"maildir:{tmp_path}/mailboxes", more=YEARS)
    (tmp_path / "mailboxes").mkdir()
    house.lay_out(upgrade=False)
    house.run("backup", "restore", str(tmp_path / "backup"), check=True)
    try:
        house.start()
        goes_on(house)
    finally:
        house.stop()


def goes_on(house: Company) -> None:
    """Assert that every message has its old state and can be decided about."""
    states = {one.subject: one.state.replace("spooled", "held") for one in STORY}
    with house.signed_in() as desk:
        desk.wait_for(len(STORY))
        found = {one["subject"]: one for one in desk.deliveries()}
        assert {subject: one["state"] for subject, one in found.items()} == states
        assert " entries chained, " in house.run("audit", "verify", check=True).stdout
        house.run("resume", check=True)
        held = [one["id"] for one in found.values() if one["state"] == "held"]
        assert desk.decide("release", {"ids": held}).status_code == 201
        desk.wait_for(len(held) + 2, state="delivered")
        (purge,) = [one for one in desk.client.get("/decisions").json()["items"] if one["verb"] == "purge"]
        assert desk.client.post(f"/decisions/{purge['id']}/undo").status_code == 201
        desk.wait_for(1, state="held")
    assert delivered(house) == Counter(one.subject for one in STORY if states[one.subject] == "held")
    spammer = next(one.author for one in STORY if one.state == "purged")
    processes.until(
        lambda: house.refusal(OutsideMessage(spammer, TO, "Again")) is None, "the undone block is gone from the door", log=house.log
    )


def delivered(house: Company) -> Counter[str]:
    """Count the deliveries of each message by this version."""
    subjects: Counter[str] = Counter()
    for path in (house.directory / "mailboxes").glob("*/new/*"):
        subjects[next(line[9:] for line in path.read_bytes().decode().splitlines() if line.startswith("Subject: "))] += 1
    return subjects
