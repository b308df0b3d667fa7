"""Dovecot as the company's mail store: takes mail by LMTP and gives it back by IMAP, on spare ports."""

import contextlib
import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imapclient import IMAPClient  # type: ignore[import-untyped]
from imapclient.exceptions import IMAPClientError  # type: ignore[import-untyped]

from tests.peers import processes

PACKAGES = "dovecot-core dovecot-imapd dovecot-lmtpd"
PASSWORD = "pw"
MASTER, MASTER_PASSWORD = "recall", "may enter everywhere"

COMMON = """
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
listen = 127.0.0.1
protocols = imap lmtp
ssl = no
first_valid_uid = 1
first_valid_gid = 1
default_vsz_limit = 1G
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
mail_max_userip_connections = 100
auth_failure_delay = 0
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""

# Debian 13
SINCE_2_4 = """dovecot_config_version = {version}
dovecot_storage_version = {version}
auth_allow_cleartext = yes
mail_driver = maildir
mail_home = {directory}/mail/%{{user | lower}}
mail_path = ~/Maildir
mail_uid = {uid}
mail_gid = {gid}
auth_master_user_separator = *
passdb masters {{
  driver = passwd-file
  passwd_file_path = {directory}/masters
  master = yes
}}
passdb static {{
  password = {password}
}}
userdb static {{
  allow_all_users = yes
}}
"""

# Debian 12, Ubuntu 24.04
BEFORE_2_4 = """disable_plaintext_auth = no
mail_location = maildir:~/Maildir
mail_uid = {uid}
mail_gid = {gid}
auth_master_user_separator = *
passdb {{
  driver = passwd-file
  args = {directory}/masters
  master = yes
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={directory}/mail/%Lu allow_all_users=yes
}}
"""


@dataclass(slots=True)
class Server:
    """A running Dovecot; a mailbox comes into being with its first message."""

    lmtp_port: int
    imap_port: int
    directory: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it answers."""
        program, log = processes.need("dovecot", PACKAGES), self.directory / "log"
        self.process = processes.start([program, "-F", "-c", str(self.directory / "dovecot.conf")], self.directory / "output")
        processes.until(processes.is_answering(self.lmtp_port), "Dovecot's LMTP answers", self.process, log)
        processes.until(processes.is_answering(self.imap_port), "Dovecot's IMAP answers", self.process, log)

    def stop(self) -> None:
        """With every session that is open."""
        if self.process:
            processes.stop(self.process)

    @contextlib.contextmanager
    def client(self, mailbox: str) -> Iterator[IMAPClient]:
        """A session as the mailbox's owner."""
        with IMAPClient("127.0.0.1", self.imap_port, ssl=False) as client:
            client.login(mailbox, PASSWORD)
            client.normalise_times = False
            yield client

    def messages(self, mailbox: str) -> list[bytes]:
        """Fetches the messages of an INBOX, as IMAP gives them."""
        with self.client(mailbox) as client:
            client.select_folder("INBOX", readonly=True)
            found = client.fetch(client.search(), ["BODY.PEEK[]"])
            return [body for number in sorted(found) if (body := found[number].get(b"BODY[]"))]  # what goes this moment has none


def open_folder(client: IMAPClient, folder: str, *, readonly: bool = True) -> bool:
    """Open a folder; False where there is none. One that is just being made is listed a moment before it can be opened.

    It is looked for in the list first, as mail programs do: whoever opens a folder while Dovecot makes it can disturb that.
    """
    if not client.folder_exists(folder):
        return False
    try:
        client.select_folder(folder, readonly=readonly)
    except IMAPClientError as fault:
        if "[NONEXISTENT]" not in str(fault):
            raise
        return False
    return True


def read_version(program: str) -> tuple[int, ...]:
    """Return Dovecot's version, e.g. (2, 4, 1)."""
    shown = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    return tuple(int(part) for part in shown.split()[0].split("-")[0].split(".")[:3])


@contextlib.contextmanager
def running(lmtp_port: int = 0, more: str = "") -> Iterator[Server]:
    """Dovecot with nobody's mail in it; `more` is added to its configuration."""
    program = processes.need("dovecot", PACKAGES)
    with processes.short_directory("dovecot") as directory:
        server = Server(lmtp_port or processes.free_port(), processes.free_port(), directory)
        lay_out(directory, server, read_version(program), more)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def lay_out(directory: Path, server: Server, number: tuple[int, ...], more: str) -> None:
    """Write its configuration and directories."""
    root = os.getuid() == 0
    me = pwd.getpwuid(os.getuid())
    keeper = pwd.getpwnam(processes.choose_user("nobody")) if root else me
    for name in ("run", "state", "mail"):
        (directory / name).mkdir()
    shutil.chown(directory / "mail", keeper.pw_uid, keeper.pw_gid)
    values = {
        "directory": directory,
        "lmtp_port": server.lmtp_port,
        "imap_port": server.imap_port,
        "uid": keeper.pw_uid,
        "gid": keeper.pw_gid,
        "password": PASSWORD,
        "internal": "dovecot" if root else me.pw_name,
        "internal_group": "dovecot" if root else grp.getgrgid(me.pw_gid).gr_name,
        "login": "dovenull" if root else me.pw_name,
        "version": ".".join(map(str, number)),
    }
    text = (SINCE_2_4 if number >= (2, 4) else BEFORE_2_4) + COMMON
    (directory / "masters").write_text(f"{MASTER}:{{PLAIN}}{MASTER_PASSWORD}::::::\n")
    (directory / "dovecot.conf").write_text(text.format(**values) + more)
