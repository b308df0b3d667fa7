"""Mailboxes as they are read for seeding and simulation: Maildirs, mbox files and a real Dovecot give the same messages, once."""

import contextlib
import itertools
import pickle
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from mailboxes.imap.special_use import SENT, use_of
from mailboxes.mailbox import ShutOut, Unreachable
from mailboxes.sources import imap_source, mbox_source
from mailboxes.sources.imap_source import ImapSource, uid_ranges
from mailboxes.sources.maildir_source import MaildirSource
from mailboxes.sources.mbox_source import MboxSource
from mailboxes.sources.owners import owner_of
from mailboxes.sources.source import Account, Batch, Folder, Mark, Source
from tests.mailboxes.delivering import behind_dovecot
from tests.peers import processes
from tests.peers.mail import dovecot
from triage.config.settings import Recall, Settings

ADA = "ada@company.example"
_numbers = itertools.count(1)


def sent(number: int, body: str = "hello") -> bytes:
    """A message that somebody wrote."""
    return f"From: {ADA}\r\nTo: p{number}@partner.example\r\nSubject: number {number}\r\nX-Other: x\r\n\r\n{body}\r\n".encode()


def heads(batches: Iterator[Batch]) -> list[bytes]:
    """The Subject of every message, in order."""
    return [line for batch in batches for one in batch.messages for line in one.raw.splitlines() if line.startswith(b"Subject:")]


def numbers(*some: int) -> list[bytes]:
    """The Subjects of these."""
    return [f"Subject: number {number}".encode() for number in some]


def folder_of(account: Account, use: str = "sent") -> Folder:
    """The only folder of this use."""
    (folder,) = (one for one in account.folders() if one.use == use)
    return folder


# what a folder is used for, and whose a path is


def test_sent_folders_are_known_by_name_in_more_than_twenty_languages() -> None:
    assert len(SENT) >= 20
    for names in SENT.values():
        for name in names:
            assert use_of((), ["INBOX", name.upper()]) == "sent", name


@pytest.mark.parametrize(
    ("attributes", "path", "use"),
    [
        ((b"\\HasNoChildren", b"\\Sent"), ["Anything"], "sent"),
        ((b"\\Junk",), ["Sent"], "junk"),
        ((), ["Sent", "2019"], "sent"),
        ((), ["INBOX"], "inbox"),
        ((), ["INBOX", "Absent"], ""),
        ((), ["Sentences"], ""),
        ((), ["  sent   ITEMS "], "sent"),
        ((), ["Gesendete Objekte"], "sent"),
        ((), ["E\u0301le\u0301ments envoye\u0301s"], "sent"),
    ],
)
def test_an_attribute_counts_before_the_name(attributes: tuple[bytes, ...], path: list[str], use: str) -> None:
    assert use_of(attributes, path) == use


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("Ada@Company.Example", ADA),
        ("ada@company.example/Maildir", ADA),
        ("company.example/ada/Maildir", ADA),
        ("ada/.maildir", ADA),
        ("ada.mbox", ADA),
        ("ada", ADA),
        ("Maildir", ""),
        ("a b", ""),
    ],
)
def test_whose_a_path_is(path: str, owner: str) -> None:
    assert owner_of(Path(path), "company.example") == owner


# Maildirs


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    """Ada's Maildir; its sent folder has a name in modified UTF-7 and three messages."""
    root = tmp_path / "mail" / ADA
    for folder in (root, root / ".Gesendete Objekte", root / ".&AMk-l&AOk-ments envoy&AOk-s"):
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True)
    for number, name in enumerate(("999999999.a.host:2,S", "1700000000.b.host:2,", "1700000001.c.host"), 1):
        (root / ".&AMk-l&AOk-ments envoy&AOk-s" / ("cur" if ":" in name else "new") / name).write_bytes(sent(number))
    return root


def test_a_maildir_is_read_in_the_order_of_delivery_and_once(maildir: Path) -> None:
    source = MaildirSource(maildir.parent)
    assert source.accounts() == [ADA]
    account = source.open(ADA)
    assert {folder.name: folder.use for folder in account.folders()} == {
        "INBOX": "inbox",
        ".Gesendete Objekte": "sent",
        ".&AMk-l&AOk-ments envoy&AOk-s": "sent",
    }
    folder = Folder(".&AMk-l&AOk-ments envoy&AOk-s", "sent")
    (batch,) = account.read(folder)
    assert heads(iter([batch])) == numbers(1, 2, 3)
    assert batch.messages[1].arrived == datetime.fromtimestamp(1700000000, UTC)
    assert b"hello" not in batch.messages[0].raw
    (maildir / folder.name / "new" / "1700000002.d.host").write_bytes(sent(4))
    assert heads(source.open(ADA).read(folder, after=batch.mark)) == numbers(4)
    assert heads(account.read(folder, since=datetime.fromtimestamp(1700000001, UTC))) == numbers(3, 4)
    assert [one.raw for one in next(iter(account.read(folder, whole=True))).messages] == [sent(number) for number in (1, 2, 3, 4)]


def test_what_cannot_be_read_is_said_and_stops_nothing(maildir: Path) -> None:
    broken = maildir / ".Gesendete Objekte" / "cur"
    (broken / "1700000000.a.host:2,S").mkdir()
    (broken / "1700000001.b.host:2,S").write_bytes(sent(1))
    (broken / "1700000002.c.host:2,S").symlink_to("nowhere")
    (batch,) = MaildirSource(maildir.parent).open(ADA).read(Folder(".Gesendete Objekte"))
    assert (heads(iter([batch])), batch.unreadable) == (numbers(1), ("Is a directory",))


def test_a_large_mail_costs_no_more_than_its_header(maildir: Path) -> None:
    large = maildir / "cur" / "1700000000.a.host:2,S"
    large.write_bytes(sent(1))
    with large.open("ab") as file:
        file.truncate(100 * 1024 * 1024)
    (batch,) = MaildirSource(maildir.parent).open(ADA).read(Folder("INBOX"))
    assert heads(iter([batch])) == numbers(1)
    assert len(batch.messages[0].raw) < 200
    (batch,) = MaildirSource(maildir.parent).open(ADA).read(Folder("INBOX"), whole=True)
    assert (batch.messages, batch.unreadable) == ((), ("larger than is read",))


@pytest.mark.corpus
def test_every_folder_of_real_mail_is_read(corpus: Path, tmp_path: Path) -> None:
    with tarfile.open(corpus / "maildirs.tar.gz") as packed:
        packed.extractall(tmp_path, filter="data")
    source = MaildirSource(tmp_path / "maildirs")
    accounts = [source.open(address) for address in source.accounts()]
    found = [(folder.use, heads(account.read(folder))) for account in accounts for folder in account.folders()]
    assert len(accounts) == 23
    assert sum(use == "sent" for use, _ in found) == 24
    assert sum(len(some) for use, some in found if use == "sent") >= 340  # a few have no Subject


# mbox


@given(written=st.lists(st.tuples(st.sampled_from(["\n", "\r\n"]), st.text("aF>rom \n", max_size=40)), max_size=8), seen=st.integers(0, 8))
def test_an_mbox_is_cut_where_its_messages_begin(
    written: list[tuple[str, str]], seen: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("mbox") / "ada.mbox"
    raws = []
    for number, (end, body) in enumerate(written):
        lines = [f"Subject: number {number}", "", *body.split("\n")]
        raws.append((f"From ada Tue Nov 24 10:00:00 2026{end}", end, lines))

    def write(count: int) -> None:
        quoted = (
            first + "".join((">" + line if line.lstrip(">").startswith("From ") else line) + end for line in lines) + end
            for first, end, lines in raws[:count]
        )
        file.write_bytes("".join(quoted).encode())

    write(min(seen, len(raws)))
    source = MboxSource((file,), "company.example")
    folder = folder_of(source.open(ADA))
    mark, first = None, []
    for batch in source.open(ADA).read(folder, whole=True):
        mark = batch.mark
        first += [one.raw for one in batch.messages]
    write(len(raws))
    rest = [one.raw for batch in source.open(ADA).read(folder, after=mark, whole=True) for one in batch.messages]
    assert first + rest == ["".join(line + end for line in lines).encode() for _, end, lines in raws]
    subjects = [f"Subject: number {number}".encode() for number in range(len(raws))]
    assert heads(source.open(ADA).read(folder)) == subjects


def test_an_mbox_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "sent"
    file.write_bytes(b"From a\n" + sent(1) + b"\nFrom b\n" + sent(2))
    account = MboxSource((file,), owner=ADA).open(ADA)
    (batch,) = account.read(folder_of(account))
    file.write_bytes(b"From b\n" + sent(2) + b"\nFrom c\n" + sent(3) + b"x" * 1000)
    assert heads(account.read(folder_of(account), after=batch.mark)) == numbers(2, 3)
    assert batch.mark.validity


def test_the_mbox_files_below_a_directory_are_told_apart_by_owner_and_folder(tmp_path: Path) -> None:
    for name in ("ada/mail/sent-mail", "ada/mail/drafts", "bob@company.example/Sent.mbox", "carl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"From x\n" + sent(1))
    source = MboxSource((tmp_path,), "company.example")
    assert source.accounts() == [ADA, "bob@company.example", "carl@company.example"]
    uses = [[(Path(one.name).name, one.use) for one in source.open(address).folders()] for address in source.accounts()]
    assert uses == [[("drafts", ""), ("sent-mail", "sent")], [("Sent.mbox", "sent")], [("carl", "sent")]]


def test_an_endless_header_is_no_message_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mbox_source, "HEAD_LIMIT", 1000)
    file = tmp_path / "sent"
    file.write_bytes(b"From a\nSubject: " + b"x" * 2000 + b"\n\nFrom b\n" + sent(2))
    account = MboxSource((file,), owner=ADA).open(ADA)
    (batch,) = account.read(folder_of(account))
    assert (heads(iter([batch])), batch.unreadable) == (numbers(2), ("larger than is read",))


def test_a_source_that_is_not_there_says_so(tmp_path: Path) -> None:
    for source in (MaildirSource(tmp_path / "no"), MboxSource((tmp_path / "no",))):
        with pytest.raises(Unreachable, match="no"):
            source.accounts()
    with pytest.raises(Unreachable, match=r"there is no Maildir of ada@company\.example"):
        MaildirSource(tmp_path).open(ADA)


# IMAP

SPECIAL = """
namespace inbox {
  mailbox Outgoing {
    special_use = \\Sent
    auto = create
  }
}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[dovecot.Server]:
    with dovecot.running(more=SPECIAL) as running:
        yield running


@pytest.fixture
def recall(settings: Settings, server: dovecot.Server, tmp_path: Path) -> Recall:
    return behind_dovecot(settings, server, tmp_path).recall


@pytest.fixture
def anna(server: dovecot.Server) -> str:
    """Mailbox with five sent messages."""
    address = f"anna{next(_numbers)}@company.example"
    with server.client(address) as client:
        client.create_folder("Éléments envoyés")
        for number in range(1, 6):
            client.append("Outgoing", sent(number), (), datetime(2026, 11, number, 12, tzinfo=UTC))
    return address


@pytest.fixture
def enter(recall: Recall) -> Iterator[Callable[[str], Account]]:
    """Enter a mailbox; left at the end."""
    with contextlib.ExitStack() as stack:

        def entered(address: str) -> Account:
            account = ImapSource(recall, (address,)).open(address)
            stack.callback(account.close)
            return account

        yield entered


@pytest.mark.peers
def test_a_mailbox_is_read_over_imap_with_the_master_user(anna: str, enter: Callable[[str], Account]) -> None:
    account = enter(anna)
    assert {folder.name: folder.use for folder in account.folders()} == {"INBOX": "inbox", "Outgoing": "sent", "Éléments envoyés": "sent"}
    (batch,) = account.read(Folder("Outgoing"))
    assert heads(iter([batch])) == numbers(1, 2, 3, 4, 5)
    assert b"X-Other" not in batch.messages[0].raw
    assert [one.arrived for one in batch.messages] == [datetime(2026, 11, number, 12, tzinfo=UTC) for number in range(1, 6)]
    assert list(account.read(Folder("Éléments envoyés"))) == []
    assert list(account.read(Folder("Outgoing"), after=batch.mark)) == []
    assert heads(account.read(Folder("Outgoing"), after=Mark(batch.mark.validity, "3"))) == numbers(4, 5)
    assert heads(account.read(Folder("Outgoing"), after=Mark("another", "3"))) == numbers(1, 2, 3, 4, 5)
    assert heads(account.read(Folder("Outgoing"), since=datetime(2026, 11, 4, tzinfo=UTC))) == numbers(4, 5)
    (batch,) = account.read(Folder("Outgoing"), whole=True)
    assert [one.raw for one in batch.messages] == [sent(number) for number in range(1, 6)]


@pytest.mark.peers
def test_nothing_is_changed_in_a_mailbox_that_is_read(anna: str, enter: Callable[[str], Account], server: dovecot.Server) -> None:
    list(enter(anna).read(Folder("Outgoing"), whole=True))
    with server.client(anna) as client:
        client.select_folder("Outgoing", readonly=True)
        assert {flag for answer in client.fetch(client.search(), ["FLAGS"]).values() for flag in answer[b"FLAGS"]} <= {b"\\Recent"}


@pytest.mark.peers
def test_a_long_folder_comes_in_batches(anna: str, enter: Callable[[str], Account], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_source, "BATCH", 2)
    batches = list(enter(anna).read(Folder("Outgoing")))
    assert [(len(batch.messages), batch.mark.last, batch.left) for batch in batches] == [(2, "2", 3), (2, "4", 1), (1, "5", 0)]


@pytest.mark.peers
def test_who_is_not_let_in_is_shut_out(anna: str, recall: Recall, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong")
    with pytest.raises(ShutOut, match="refuses our sign-in"):
        ImapSource(replace(recall, password_file=str(tmp_path / "wrong")), (anna,)).open(anna)


@pytest.mark.peers
def test_sources_can_be_sent_to_another_process(recall: Recall, maildir: Path) -> None:
    sources: tuple[Source, ...] = (ImapSource(recall, (ADA,)), MaildirSource(maildir.parent), MboxSource((maildir,)))
    assert pickle.loads(pickle.dumps(sources)) == sources


class Played:
    """An IMAP server that says what the test wrote, to each command the next answer, and hangs up."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.play)
        self.thread.start()

    def play(self) -> None:
        """Plays the prepared answers on a connection."""
        connection, _ = self.listener.accept()
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as commands:
            connection.sendall(b"* OK [CAPABILITY IMAP4rev1] played\r\n")
            while self.answers:
                tag, command = commands.readline().split(b" ", 1)
                known = command.startswith(b"CAPABILITY")
                said = b"* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n" if known else self.answers.pop(0)
                connection.sendall(said.replace(b"TAG", tag))

    def close(self) -> None:
        self.thread.join(processes.HANG)
        self.listener.close()


@contextlib.contextmanager
def played(tmp_path: Path, *answers: bytes) -> Iterator[Account]:
    """The account behind such a server, with its folder selected next."""
    server = Played([b"TAG OK let in\r\n", *answers])
    (tmp_path / "password").write_text(f"{ADA}:x")
    recall = Recall(imap=f"imap://127.0.0.1:{server.port}", auth="per-account", password_file=str(tmp_path / "password"), timeout=10)
    account = ImapSource(recall, (ADA,)).open(ADA)
    try:
        yield account
    finally:
        account.close()
        server.close()


SELECTED = b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 9] x\r\nTAG OK [READ-ONLY] done\r\n"


def answer(uid: int, text: bytes = b"Subject: number %d\r\n\r\n") -> bytes:
    """A FETCH answer."""
    raw = text.replace(b"%d", b"%d" % uid)
    return b"* %d FETCH (UID %d BODY[HEADER.FIELDS (SUBJECT)] {%d}\r\n%s)\r\n" % (uid, uid, len(raw), raw)


@pytest.mark.parametrize(
    ("said", "subjects"),
    [
        (answer(1) + answer(2) + b"TAG OK done\r\n", (1, 2)),
        (b"* 4 EXISTS\r\n" + answer(1) + b"* 2 FETCH (FLAGS (\\Seen))\r\n" + answer(2) + b"* 1 EXPUNGE\r\nTAG OK done\r\n", (1, 2)),
        (answer(2) + answer(2) + answer(1) + answer(3) + b"TAG OK done\r\n", (2, 3)),  # UIDs that do not ascend, and one twice
        (b"* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {4}\r\nabcd)\r\n" + answer(2) + b"TAG OK done\r\n", (2,)),  # no UID at all
        (answer(0) + answer(5) + b"TAG OK done\r\n", (5,)),
        (b'* 1 FETCH (BODY[HEADER.FIELDS (X)] "" UID 1)\r\n* 2 FETCH (BODY[HEADER] NIL UID 2)\r\n' + answer(3) + b"TAG OK done\r\n", (3,)),
        (b"* 1 FETCH (BODY[HEADER] {22}\r\nSubject: number 1\r\n\r\n\x00 UID 1)\r\nTAG OK done\r\n", (1,)),
        (b'* 1 FETCH (INTERNALDATE "99-Foo-2026 10:00:00 +0000" UID 1 BODY[] {19}\r\nSubject: number 1\r\n)\r\nTAG OK done\r\n', (1,)),
    ],
)  # fmt: skip
def test_what_servers_answer_in_their_own_ways(said: bytes, subjects: tuple[int, ...], tmp_path: Path) -> None:
    with played(tmp_path, SELECTED, said) as account:
        assert heads(account.read(Folder("Sent"))) == numbers(*subjects)


FILED = b'* 1 FETCH (UID 1 INTERNALDATE "01-Nov-2026 12:00:00 +0000")\r\n* 3 FETCH (INTERNALDATE " 3-Nov-2026 12:00:00 +0000" UID 3)\r\n'


def test_the_dates_of_messages_are_asked_for_once_somebody_wants_to_know_one(tmp_path: Path) -> None:
    with played(tmp_path, SELECTED, answer(1) + answer(2) + answer(3) + b"TAG OK done\r\n", FILED + b"TAG OK done\r\n") as account:
        (batch,) = account.read(Folder("Sent"))
        arrived = [one.arrived for one in (*batch.messages, *batch.messages)]
    assert arrived == [datetime(2026, 11, 1, 12, tzinfo=UTC), None, datetime(2026, 11, 3, 12, tzinfo=UTC)] * 2


def test_a_server_that_tells_no_dates_and_one_that_breaks_off_are_told_apart(tmp_path: Path) -> None:
    for said, fault in ((b"TAG NO never\r\n", contextlib.nullcontext()), (b"", pytest.raises(Unreachable, match="dates"))):
        with played(tmp_path, SELECTED, answer(1) + b"TAG OK done\r\n", said) as account, fault:
            (batch,) = account.read(Folder("Sent"))
            assert batch.messages[0].arrived is None


@pytest.mark.parametrize(
    ("beyond", "said", "subjects"),
    [
        (b"9", [answer(1) + answer(8) + answer(9000)], (1, 8)),  # more than was asked for
        (b"501", [answer(1) + answer(500)], (1, 500)),
        (b"502", [answer(1), answer(501)], (1, 501)),
        (b"9000000", [answer(5), answer(8_000_000) + answer(8_999_999)], (5, 8_000_000, 8_999_999)),  # few, far apart: all the rest at once
        (b"0", [answer(5), answer(501) + answer(502)], (5, 501, 502)),  # it does not say
        (b"0", [answer(5), answer(5)], (5,)),
    ],
)
def test_a_folder_is_read_in_parts_where_its_uids_are_close(
    beyond: bytes, said: list[bytes], subjects: tuple[int, ...], tmp_path: Path
) -> None:
    selected = SELECTED.replace(b"UIDNEXT 9", b"UIDNEXT " + beyond)
    with played(tmp_path, selected, *(one + b"TAG OK done\r\n" for one in said)) as account:
        assert heads(account.read(Folder("Sent"))) == numbers(*subjects)


@pytest.mark.parametrize("said", [b"TAG OK nothing\r\n", b"TAG BAD there is nothing\r\n"])
def test_an_empty_folder_is_no_trouble_and_the_next_one_is_read(said: bytes, tmp_path: Path) -> None:
    empty = SELECTED.replace(b"3 EXISTS", b"0 EXISTS").replace(b"UIDNEXT 9", b"UIDNEXT 1")
    search = [b"* SEARCH\r\nTAG OK done\r\n"] if b"BAD" in said else []
    with played(tmp_path, empty, said, *search, SELECTED, answer(1) + b"TAG OK done\r\n") as account:
        assert heads(account.read(Folder("Drafts"))) == []
        assert heads(account.read(Folder("Sent"))) == numbers(1)


def test_a_folder_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with played(tmp_path, b"TAG NO not yours\r\n", b"TAG BAD no folder\r\n") as account, pytest.raises(Unreachable, match="not yours"):
        list(account.read(Folder("Sent")))


def test_a_message_that_the_server_has_trouble_with_is_passed_over(tmp_path: Path) -> None:
    answers = (
        SELECTED,
        answer(1) + b"TAG NO [SERVERBUG] internal error\r\n",
        b"* SEARCH 1 2 3\r\nTAG OK done\r\n",
        b"TAG NO [SERVERBUG] internal error\r\n",
        answer(3) + b"TAG OK done\r\n",
    )
    with played(tmp_path, *answers) as account:
        batches = list(account.read(Folder("Sent")))
    assert heads(iter(batches)) == numbers(1, 3)
    assert [batch.unreadable for batch in batches] == [(), ("NO [SERVERBUG] internal error",), ()]
    assert batches[-1].mark == Mark("7", "3")


@pytest.mark.parametrize("said", [answer(1)[:-9], answer(1), answer(1) + b"* BYE shutting down\r\n"])
def test_a_connection_that_breaks_off_is_no_end_of_the_folder(said: bytes, tmp_path: Path) -> None:
    with played(tmp_path, SELECTED, said) as account, pytest.raises(Unreachable, match="the folder Sent could not be read"):
        list(account.read(Folder("Sent")))


def test_a_header_without_end_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_source, "HEAD_LIMIT", 1000)
    with played(tmp_path, SELECTED, answer(1, b"x" * 3000) + answer(2) + b"TAG OK done\r\n") as account:
        batches = list(account.read(Folder("Sent")))
    assert (heads(iter(batches)), batches[0].unreadable) == (numbers(2), ("larger than is read",))


@pytest.mark.parametrize(("uids", "sets"), [([], []), ([1], ["1"]), ([1, 2, 3, 7, 9, 10], ["1:3,7,9:10"]), (list(range(1, 1201, 2)), None)])
def test_uids_are_asked_for_as_ranges(uids: list[int], sets: list[str] | None) -> None:
    found = uid_ranges(uids)
    assert sets is None or found == sets
    read = [int(word.split(":")[0]) for one in found for word in one.split(",")]
    assert set(read) <= set(uids)
    assert all(len(one.split(",")) <= 500 for one in found)
