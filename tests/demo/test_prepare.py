"""A demo is laid out once, again without a change, and started over only where a demo was."""

import stat
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from demo import company
from demo.prepare import MARKER, prepare_demo
from directory_sync.toml import toml_reader
from triage.config import settings_loader
from triage.errors import BadInput


def content(directory: Path) -> dict[str, bytes]:
    """Contents of the files below the directory."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_the_settings_and_the_directory_can_be_read_by_the_house(tmp_path: Path) -> None:
    read = settings_loader.read_settings(str(prepare_demo(tmp_path / "dé mo", smtp_port=12525, http_port=18080)), {})
    assert read.company.domains == (company.DOMAIN,)
    assert (read.smtp.listen, read.api.listen) == ("127.0.0.1:12525", "127.0.0.1:18080")
    assert read.database.url == f"sqlite:///{tmp_path}/dé mo/mailroom.db"
    assert read.relay.next_hop == f"maildir:{tmp_path}/dé mo/mailboxes"
    assert read.policy.undo_seconds == 10
    assert {*company.FREEMAIL, "gmail.com"} <= set(read.policy.freemail_domains)
    assert Path(read.dns.zone_file).is_file()
    people = toml_reader.read_directory(Path(read.directory.file), read.company.domains)
    assert (people.departments, people.people, people.groups, people.postmaster) == (
        company.DEPARTMENTS,
        company.list_people(),
        company.GROUPS,
        "ida.lindqvist@company.example",
    )
    assert [(one.login, one.role, one.scope) for one in people.staff] == [(one.login, one.role, one.scope) for one in company.STAFF]
    for member in people.staff:
        assert PasswordHasher().verify(member.password_hash, company.PASSWORD)


def test_forty_people_in_six_departments_with_addresses_of_their_own() -> None:
    people = company.list_people()
    assert len(people) == len({person.uid for person in people}) == 40
    assert {person.department for person in people} == {department.code for department in company.DEPARTMENTS}
    assert sum(not person.name.isascii() for person in people) >= 15


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    prepare_demo(tmp_path)
    (tmp_path / "mailroom.db").write_bytes(b"kept")
    before = content(tmp_path)
    prepare_demo(tmp_path)
    assert content(tmp_path) == before


def test_what_is_missing_is_written_and_the_rest_stays(tmp_path: Path) -> None:
    prepare_demo(tmp_path)
    before = content(tmp_path)
    (tmp_path / "keys" / "crooks.pem").unlink()
    (tmp_path / "mailroom.toml").unlink()
    prepare_demo(tmp_path)
    after = content(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"keys/crooks.pem", "demo.zone"}


def test_fresh_removes_the_old_demo_and_nothing_behind_a_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    demo = tmp_path / "demo"
    prepare_demo(demo)
    before = content(demo)
    (demo / "mailboxes" / "jo").mkdir(parents=True)
    (demo / "mailroom.db").write_bytes(b"old")
    (demo / "link").symlink_to(elsewhere)
    prepare_demo(demo, fresh=True)
    after = content(demo)
    assert set(after) == set(before)
    assert after["keys/crooks.pem"] != before["keys/crooks.pem"]
    assert (elsewhere / "kept").read_text() == "kept"


@pytest.mark.parametrize("fresh", [False, True])
def test_a_directory_with_something_else_in_it_is_left_alone(tmp_path: Path, fresh: bool) -> None:
    (tmp_path / "thesis.odt").write_text("three years")
    with pytest.raises(BadInput, match=f"is not empty and not a demo's \\(it has no {MARKER}\\): name another directory for the demo"):
        prepare_demo(tmp_path, fresh=fresh)
    assert content(tmp_path) == {"thesis.odt": b"three years"}


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"cannot hold the demo: .*\. Name another directory"):
        prepare_demo(tmp_path / "file" / "demo")


def test_private_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    prepare_demo(tmp_path)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()}
    assert modes == {0o600}
