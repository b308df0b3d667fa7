"""The mirror at servers that can less, that have no dots in folder names, that are full, or slow."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mailboxes.mailbox import Unreachable
from mailboxes.mirror import mirror_role
from mailboxes.mirror.mirror_account import NO_UIDPLUS, MirrorAccount
from tests.mailboxes.mirroring import FS_LAYOUT, JOE, RELEASED, SHARED_FOLDERS, Town, mirroring, town
from tests.peers import gate, processes
from tests.peers.mail import dovecot
from triage.config.settings import Settings
from triage.quarantine.decisions.decision_request import Verb

pytestmark = pytest.mark.peers
until = processes.until
LITTLE = FS_LAYOUT + "imap_capability = IMAP4rev1 UIDPLUS\n"  # no MOVE, IDLE, CONDSTORE, NAMESPACE, LIST-EXTENDED
LESS = FS_LAYOUT + "imap_capability = IMAP4rev1\n"
QUOTA = """
mail_plugins {
  quota = yes
}
protocol imap {
  mail_plugins {
    imap_quota = yes
  }
}
quota "User quota" {
  driver = count
  storage_size = 20k
  storage_grace = 0
}
"""


@contextlib.contextmanager
def department(engine: Engine, url: str, settings: Settings, directory: Path, more: str) -> Iterator[Town]:
    """A department at a server of its own kind; the mirror is not at work yet."""
    with dovecot.running(more=more) as server:
        yield town(engine, replace(settings, database=replace(settings.database, url=url)), server, directory)


def test_uidplus_is_enough(sqlite_engine: Engine, sqlite_url: str, settings: Settings, tmp_path: Path) -> None:
    with department(sqlite_engine, sqlite_url, settings, tmp_path, LITTLE) as here, mirroring(here.settings):
        first, second = here.comes(), here.comes(author="b@x.example")
        here.shows(first, second)
        with here.client() as client:
            assert not any(client.has_capability(one) for one in ("MOVE", "IDLE", "CONDSTORE", "NAMESPACE"))
            client.select_folder(JOE)
            uids = client.search(["HEADER", "FROM", "b@x.example"])
            client.copy(uids, "Release")
            client.delete_messages(uids)
            client.uid_expunge(uids)
        here.becomes(second, *RELEASED)
        here.shows(second, folder="Done")
        here.decides(Verb.PURGE, first)
        here.shows()


def test_people_share_the_folders_and_act_as_themselves(sqlite_engine: Engine, sqlite_url: str, settings: Settings, tmp_path: Path) -> None:
    """With access to the department's folders (RFC 4314) they move mail from there into folders of their own; the server does the rest."""
    with processes.short_directory("shared") as place:
        place.chmod(0o777)
        with department(sqlite_engine, sqlite_url, settings, tmp_path, SHARED_FOLDERS.replace("PATH", f"{place}/boxes")) as here:
            ana, law = "ana@company.example", "law@company.example"
            both = (*here.settings.mirror.departments, f"legal={law}")
            shared = replace(here.settings.mirror, departments=both, act_as=("it=ana", "legal=ana"), staff=(f"ana={ana}",))
            first, second = here.comes(), here.comes(author="b@x.example")
            with mirroring(here.settings):  # once by its own desk, so that there is a folder to share
                here.shows(first, second)
            with here.client() as it:
                for who in (ana, law):
                    it.setacl(JOE, who, "lrswite")
            with mirroring(replace(here.settings, mirror=shared)), here.client(ana) as program:
                until(lambda: program.folder_exists("Mailroom/Remove"), "she has her folders")
                folder = f"shared/{here.account}/{JOE}"
                program.select_folder(folder)
                program.move(program.search(["HEADER", "FROM", "b@x.example"]), "Mailroom/Remove")
                here.becomes(second, "purged")
                here.shows(first)  # and the mirror of legal, which sees that folder too, leaves it alone
                program.select_folder("Mailroom/Done")
                assert len(program.search()) == 1
        assert here.decisions() == [("person:ana", "purge")]


def test_without_uidplus_nothing_is_touched(sqlite_engine: Engine, sqlite_url: str, settings: Settings, tmp_path: Path) -> None:
    with department(sqlite_engine, sqlite_url, settings, tmp_path, LESS) as here:
        access = mirror_role.with_server(here.settings).mirror
        with pytest.raises(Unreachable, match="no UIDPLUS"):
            MirrorAccount(access, here.account, lambda _raw, _moved: 0, {})
        assert "nothing is mirrored" in NO_UIDPLUS


def test_where_names_know_no_dots_there_is_an_underscore(
    sqlite_engine: Engine, sqlite_url: str, settings: Settings, tmp_path: Path
) -> None:
    with department(sqlite_engine, sqlite_url, settings, tmp_path, "") as here, mirroring(here.settings):
        mail = here.comes()
        here.shows(mail, folder="joe_fern")
        here.moves("Remove", out_of="joe_fern")
        here.becomes(mail, "purged")
        here.shows(folder="joe_fern")


def test_a_full_account_shows_less_and_decides_all_the_same(
    sqlite_engine: Engine,
    sqlite_url: str,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(mirror_role, "LATER", 1.0)
    with department(sqlite_engine, sqlite_url, settings, tmp_path, FS_LAYOUT + QUOTA) as here, mirroring(here.settings):
        first = here.comes(text="x" * 14_000)
        here.shows(first)
        second = here.comes(author="b@x.example", text="y" * 14_000)
        until(lambda: "does not take delivery" in caplog.text, "the log says that it is full")
        small = here.comes(author="c@x.example", text="small")
        here.shows(first, small)  # one that is too large keeps no other waiting
        assert here.state(second) == "held"
        here.moves("Remove", only=b"xxx")
        here.becomes(first, "purged")
        with here.client() as client:
            until(lambda: here.lying("Done"), "it is laid aside")
            client.select_folder("Done")
            client.delete_messages(client.search())
            client.expunge()
        here.shows(small, second)  # there is room again


def test_a_server_that_hangs_is_left_and_tried_again(
    sqlite_engine: Engine, sqlite_url: str, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with department(sqlite_engine, sqlite_url, settings, tmp_path, FS_LAYOUT) as here, gate.open_gate(here.server.imap_port) as door:
        slow = replace(here.settings.mirror, imap=f"imap://127.0.0.1:{door.port}", timeout=1)
        with mirroring(replace(here.settings, mirror=slow)):
            mail = here.comes()
            assert door.arrived.wait(processes.HANG)  # it is let in, and nobody says a word
            until(lambda: "is tried again in" in caplog.text, "it is left")
            door.open.set()
            here.shows(mail)
        assert here.decisions() == []


def test_a_full_account_without_move_decides_all_the_same(
    sqlite_engine: Engine, sqlite_url: str, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with department(sqlite_engine, sqlite_url, settings, tmp_path, LITTLE + QUOTA) as here, mirroring(here.settings):
        first = here.comes(text="x" * 7_000)
        second = here.comes(author="b@x.example", text="small")
        here.shows(first, second)
        with here.client() as client:
            client.select_folder(JOE)
            client.copy(client.search(["BODY", "xxx"]), "Remove")
            client.add_flags(client.search(["BODY", "xxx"]), ["\\Deleted"])  # and nobody expunges it
            here.becomes(first, "purged")
            client.copy(client.search(["BODY", "small"]), "Release")
        here.becomes(second, *RELEASED)
        until(lambda: not here.lying("Remove") and not here.lying("Release"), "both are laid aside")
