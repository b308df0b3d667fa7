"""Cyrus IMAP, as Debian builds it: mailboxes behind LMTP and IMAP, with an administrator who may open them all (RFC 4616)."""

import contextlib
import os
import pwd
import shutil
import smtplib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.peers import processes

UNPACKED = Path(__file__).parents[1] / ".cache" / "cyrus"  # by install.sh
DOMAIN, ADMIN, PASSWORD = "company.example", "mailroom", "secret"

CONFIGURATION = """
configdirectory: {directory}/conf
defaultpartition: default
partition-default: {directory}/spool
cyrus_user: {user}
admins: {admin}
unixhierarchysep: yes
altnamespace: yes
virtdomains: userid
defaultdomain: {domain}
servername: {domain}
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {directory}/sasldb
sasl_mech_list: PLAIN
autocreate_quota: 0
autocreate_post: yes
autocreate_users: anyone
duplicatesuppression: no
"""
SERVICES = """
SERVICES {{
  imap cmd="{programs}/imapd -C {directory}/imapd.conf" listen="127.0.0.1:{imap_port}"
  lmtp cmd="{programs}/lmtpd -C {directory}/imapd.conf -a" listen="127.0.0.1:{lmtp_port}"
}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running Cyrus; a mailbox comes into being with its first message."""

    lmtp_port: int
    imap_port: int

    def deliver(self, raw: bytes, *mailboxes: str) -> None:
        """As a next hop takes it."""
        with smtplib.LMTP("127.0.0.1", self.lmtp_port, timeout=processes.HANG) as client:
            assert client.sendmail("", list(mailboxes), raw) == {}


@contextlib.contextmanager
def start_cyrus() -> Iterator[Server]:
    """Cyrus with nobody's mail in it. It takes no privileges, so that its programs are copied to where that user can read them."""
    if not (UNPACKED / "usr/lib/cyrus/bin/master").exists():
        raise processes.Missing("Cyrus is missing: run `make peers`, which unpacks cyrus-imapd where Debian has it")
    user = processes.choose_user("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    with processes.short_directory("cyrus") as directory:
        shutil.copytree(UNPACKED / "usr", directory / "usr", symlinks=True)
        (library,) = (directory / "usr" / "lib").glob("*/libcyrus.so.0")
        environment = os.environ | {"LD_LIBRARY_PATH": str(library.parent), "CYRUS_USER": user}
        server = Server(processes.free_port(), processes.free_port())
        lay_out(directory, server, user, environment)
        log = directory / "log"
        master = [str(directory / "usr/lib/cyrus/bin/master"), "-C", f"{directory}/imapd.conf", "-M", f"{directory}/cyrus.conf"]
        process = processes.start([*master, "-p", f"{directory}/conf/pid", "-D"], log, user=user, environment=environment)
        try:
            for port in (server.lmtp_port, server.imap_port):
                processes.until(processes.is_answering(port), "Cyrus answers", process, log)
            yield server
        finally:
            processes.stop(process)


def lay_out(directory: Path, server: Server, user: str, environment: dict[str, str]) -> None:
    """Write its configuration, directories and administrator."""
    for name in ("conf", "conf/proc", "conf/log", "conf/msg", "conf/db", "conf/socket", "conf/lock", "spool"):
        (directory / name).mkdir()
    values = {"directory": directory, "user": user, "admin": ADMIN, "domain": DOMAIN}
    (directory / "imapd.conf").write_text(CONFIGURATION.format(**values))
    ports = {"imap_port": server.imap_port, "lmtp_port": server.lmtp_port}
    (directory / "cyrus.conf").write_text(SERVICES.format(directory=directory, programs=directory / "usr/lib/cyrus/bin", **ports))
    add = [str(directory / "usr/sbin/saslpasswd2"), "-p", "-f", str(directory / "sasldb"), "-u", DOMAIN, ADMIN]
    subprocess.run(add, input=PASSWORD.encode(), env=environment, check=True, capture_output=True)
    if os.getuid() == 0:
        for path in (directory, *directory.rglob("*")):
            if "usr" not in path.relative_to(directory).parts:
                shutil.chown(path, user)
    prepare = [str(directory / "usr/lib/cyrus/bin/ctl_cyrusdb"), "-C", f"{directory}/imapd.conf", "-r"]
    log = directory / "conf" / "prepared"
    processes.start(prepare, log, user=user, environment=environment).wait(processes.HANG)
