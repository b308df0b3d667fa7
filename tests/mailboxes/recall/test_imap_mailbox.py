"""IMAP at its edges, with a real Dovecot: names and identifiers that are legal and unusual."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError  # type: ignore[import-untyped]
from sqlalchemy import Engine

from mailboxes.mailbox import Impossible, Unreachable
from mailboxes.match import Sought
from mailboxes.recall.imap_mailbox import ImapMailbox, search_command
from tests.mailboxes.delivering import House, behind_dovecot, letter, lying
from tests.peers import processes
from tests.peers.mail import dovecot
from triage.config.settings import Settings
from triage.delivery.recalled_copies import Copy
from triage.quarantine.decisions.decision_request import Verb
from triage.quarantine.search.selection import Selection
from triage.store.delivery_state import State

pytestmark = pytest.mark.peers
_numbers = itertools.count(1)


@dataclass
class Home(House):
    """A house behind Dovecot."""

    server: dovecot.Server


@pytest.fixture
def house(sqlite_engine: Engine, settings: Settings, server: dovecot.Server, tmp_path: Path) -> Home:
    return Home(sqlite_engine, behind_dovecot(settings, server, tmp_path), server)


@pytest.fixture
def anna() -> str:
    return f"anna{next(_numbers)}@company.example"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (IMAPClientError("append failed: [OVERQUOTA] full"), Impossible),
        (IMAPClientAbortError("socket error: EOF"), Unreachable),  # whoever hangs up has refused nothing
        (TimeoutError("timed out"), Unreachable),
    ],
)
def test_only_a_refusal_has_a_copy_delivered_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, fault: Exception, kind: type[Exception]
) -> None:
    client = Mock(**{"append.side_effect": fault})
    monkeypatch.setattr("mailboxes.recall.imap_mailbox.open_session", lambda *_: client)
    with pytest.raises(kind):
        ImapMailbox(settings.recall, "anna@company.example").put_back(Copy("INBOX", (), datetime(2026, 11, 24, tzinfo=UTC), b"bytes"))


NAMES = ["a(b)@x", "{9}", "a{9+}", "NIL", "*", "%", "a]", 'a"b', "a\\b", "@", "a"]
FOLDERS = ["007", "12", "NIL", "A&B", "(x", '"', "a*", "a%", "{3}", "x ", " x", "\u65e5\u672c"]


def test_no_message_id_saves_a_mail_from_being_recalled(house: Home, anna: str) -> None:
    for number, name in enumerate(NAMES):
        house.delivered(letter(number, message_id=f"<{name}>"), anna)
    assert house.recalled(house.decides(Verb.PURGE)).done == len(NAMES)
    assert lying(house.server, anna) == []


@pytest.mark.parametrize("sender", ["{9}@phisher.example", "a%b*@phisher.example", "m\u00fcller@phisher.example"])
def test_no_address_saves_its_mail_from_being_swept(house: Home, anna: str, sender: str) -> None:
    with house.server.client(anna) as client:
        client.append("INBOX", letter(1, sender))
    mailbox = ImapMailbox(house.settings.recall, anna)
    assert [len(copies) for copies in mailbox.from_sender(sender, whole=False)] == [1]
    mailbox.close()


def test_a_short_message_id_does_not_make_us_look_at_every_mail() -> None:
    """SEARCH finds parts of words."""
    asked = search_command([Sought("7QK2V5XJ0ABCD", "@", None)], datetime(2026, 3, 1, tzinfo=UTC))
    assert asked.startswith("SINCE 01-Mar-2026 OR HEADER X-Mailroom-Message ")
    assert '"@"' not in asked


def test_every_folder_is_looked_into_and_every_keyword_comes_back(house: Home, anna: str) -> None:
    with house.server.client(anna) as client:
        for number, folder in enumerate(FOLDERS):
            house.delivered(letter(number), anna)
            client.create_folder(folder)
            client.select_folder("INBOX")
            client.add_flags(client.search(), ["123", "007", "NIL", "$x"])
            client.move(client.search(), folder)
    purge = house.recalled(house.decides(Verb.PURGE))
    assert purge.done == len(FOLDERS)
    house.recalled(house.undoes(purge))
    with house.server.client(anna) as client:
        for folder in FOLDERS:
            client.select_folder(folder)
            (flags,) = client.get_flags(client.search()).values()
            assert set(flags) - {b"\\Recent"} == {123, b"007", None, b"$x"}  # the library's reading of them


SHARED = """
mail_plugins {
  acl = yes
}
protocol imap {
  mail_plugins {
    imap_acl = yes
  }
}
acl_driver = vfile
acl_sharing_map {
  dict file {
    path = DIRECTORY/mail/shared
  }
}
namespace shared {
  type = shared
  separator = /
  prefix = shared/$user/
  mail_path = %{owner_home}/Maildir
  list = yes
}
service auth {
  unix_listener auth-userdb {
    mode = 0777
  }
}
"""


@pytest.fixture
def sharing() -> Iterator[dovecot.Server]:
    """A Dovecot whose people let each other into their mailboxes."""
    with processes.short_directory("sharing") as directory:
        directory.chmod(0o777)
        (directory / "mail").mkdir(mode=0o777)
        (directory / "mail").chmod(0o777)
        with dovecot.running(more=SHARED.replace("DIRECTORY", str(directory))) as running:
            if dovecot.read_version(processes.need("dovecot", dovecot.PACKAGES)) < (2, 4):
                pytest.skip("these settings are those of Dovecot 2.4")
            yield running


def test_what_a_colleague_shares_is_not_taken_from_the_colleague(
    sqlite_engine: Engine, settings: Settings, sharing: dovecot.Server, tmp_path: Path
) -> None:
    house = House(sqlite_engine, behind_dovecot(settings, sharing, tmp_path))
    anna, bob = "anna@company.example", "bob@company.example"
    mine, _ = house.delivered(letter(1), anna, bob)
    with sharing.client(bob) as client:
        client.setacl("INBOX", anna, "lrwstipekxa")
    with sharing.client(anna) as client:
        assert f"shared/{bob}" in {name for _, _, name in client.list_folders()}
    house.recalled(house.decides(Verb.PURGE, Selection.of(ids=(mine,))))
    assert (len(sharing.messages(anna)), len(sharing.messages(bob))) == (0, 1)


def test_what_its_owner_moves_this_moment_is_taken_all_the_same(house: Home, anna: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter of the owner's at work: between our look and our hand the copy goes to another folder."""
    (mail,) = house.delivered(letter(1), anna)
    take, moves = ImapMailbox.take, [True]

    def late(mailbox: ImapMailbox, copies: list[Copy]) -> list[Copy]:
        if moves:
            moves.pop()
            with house.server.client(anna) as client:
                client.create_folder("Sorted")
                client.select_folder("INBOX")
                client.move(client.search(), "Sorted")
        return take(mailbox, copies)

    monkeypatch.setattr(ImapMailbox, "take", late)
    purge = house.decides(Verb.PURGE)
    assert house.recalled(purge).done == 1
    assert lying(house.server, anna) == []
    house.recalled(house.undoes(purge))
    assert [copy[0] for copy in lying(house.server, anna)] == ["Sorted"]
    assert house.states([mail]) == [State.DELIVERED]
