"""Plain mode with a real Dovecot: strangers' mail lies in the department's account, in the folder of whose it is; known senders pass."""

from pathlib import Path

import pytest

from tests.peers import company, outside, processes
from tests.peers.mail import dovecot
from tests.peers.outside import OutsideMessage

pytestmark = [pytest.mark.peers, pytest.mark.long]
DETAIL = """
mailbox_list_layout = fs
recipient_delimiter = +
lmtp_save_to_detail_mailbox = yes
lda_mailbox_autocreate = yes
lda_mailbox_autosubscribe = yes
"""  # as docs/how-to/mail-clients.md has it
IT, RUSSELL = f"it@{company.DOMAIN}", f"russell.coker@{company.DOMAIN}"


def subjects(server: dovecot.Server, account: str, folder: str) -> list[str]:
    """Subjects in a folder."""
    with server.client(account) as client:
        if not dovecot.open_folder(client, folder):
            return []
        found = client.fetch(client.search(), ["ENVELOPE"]) if client.search() else {}
        return sorted(one[b"ENVELOPE"].subject.decode() for one in found.values())


def test_it_only_rewrites_and_routes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILROOM_COMPANY__PLAIN", "true")
    with dovecot.running(more=DETAIL) as server:
        assert subjects(server, IT, "INBOX") == []  # Dovecot may drop a session while another one makes the same account
        next_hop = f"lmtp://127.0.0.1:{server.lmtp_port}"
        with company.running(tmp_path, f"sqlite:///{tmp_path}/mailroom.db", next_hop) as house:
            house.run("allow", f"friend@{outside.SUPPLIER.name}", "--scope", "person:russell.coker", check=True)
            house.take(OutsideMessage(f"friend@{outside.SUPPLIER.name}", RUSSELL, "From a friend"))
            house.take(OutsideMessage(f"eve@{outside.STRANGER.name}", RUSSELL, "From a stranger"))
            house.take(OutsideMessage(f"eve@{outside.STRANGER.name}", f"it+russell.coker@{company.DOMAIN}", "To the folder"))
            house.take(OutsideMessage(f"eve@{outside.STRANGER.name}", f"helpdesk@{company.DOMAIN}", "To the role"))
            wanted = ["From a stranger", "To the folder"]
            processes.until(lambda: subjects(server, IT, "russell.coker") == wanted, "strangers' mail lies in the folder", log=house.log)
            processes.until(lambda: subjects(server, IT, "Shared") == ["To the role"], "and a role's in the shared one", log=house.log)
            processes.until(
                lambda: subjects(server, RUSSELL, "INBOX") == ["From a friend"], "a known sender's in the mailbox", log=house.log
            )
            assert house.run("deliveries", "--state", "held", "--json", check=True).stdout.strip() == "[]"
