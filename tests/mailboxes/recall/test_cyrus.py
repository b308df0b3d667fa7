"""Another server than Dovecot: what is taken out of a mailbox in Cyrus IMAP comes back as it was."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailboxes.match import Sought
from mailboxes.recall.imap_mailbox import ImapMailbox
from tests.mailboxes.delivering import letter
from tests.peers import processes
from tests.peers.mail import cyrus
from triage.config.settings import Recall
from triage.delivery.recalled_copies import Copy

pytestmark = pytest.mark.peers
ANNA = "anna@company.example"
RAW = letter(1)
WANTED = [Sought("0AMTQ", "1.wave@phisher.example", RAW)]


@pytest.fixture(scope="module")
def server() -> Iterator[cyrus.Server]:
    try:
        with cyrus.start_cyrus() as running:
            yield running
    except processes.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def mailbox(server: cyrus.Server, tmp_path: Path) -> Iterator[ImapMailbox]:
    """Anna's, with a message of the wave and another one."""
    password = tmp_path / "password"
    password.write_text(cyrus.PASSWORD)
    server.deliver(b"X-Mailroom-Message: 0AMTQ\r\n" + RAW, ANNA)
    server.deliver(letter(2), ANNA)
    url = f"imap://127.0.0.1:{server.imap_port}"
    mailbox = ImapMailbox(Recall(imap=url, master_user=cyrus.ADMIN, password_file=str(password), separator="", timeout=60), ANNA)
    yield mailbox
    mailbox.close()


def found(mailbox: ImapMailbox) -> list[Copy]:
    """The copies of the message."""
    (there,) = mailbox.find(WANTED, datetime.now(UTC) - timedelta(days=1))
    return there.copies


def test_what_is_taken_comes_back_as_it_was(mailbox: ImapMailbox) -> None:
    (copy,) = found(mailbox)
    client = mailbox.client
    client.select_folder("INBOX")
    client.add_flags([copy.uid], ["\\Seen", "\\Answered", "$Label1", "[odd"])
    client.create_folder("Archiv/Räume")
    client.move([copy.uid], "Archiv/Räume")
    mailbox.selected = None
    (before,) = found(mailbox)
    assert (before.folder, set(before.flags)) == ("Archiv/Räume", {"\\Seen", "\\Answered", "$Label1", "[odd"})

    mailbox.take([before])
    assert found(mailbox) == []
    (other,) = mailbox.find([Sought("none", "2.wave@phisher.example", letter(2))], before.internal_date)
    assert [one.folder for one in (*other.copies, *other.related)] == ["INBOX"]

    assert mailbox.put_back(before) == "Archiv/Räume"
    (after,) = found(mailbox)
    assert replace(after, uid=before.uid, flags=tuple(sorted(after.flags))) == replace(before, flags=tuple(sorted(before.flags)))
