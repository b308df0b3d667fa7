"""Postfix as a stranger's sending MTA: takes mail from any client on a spare port and hands all of it to Mailroom."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.peers import processes

MAIN = """
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
sendmail_path = /usr/sbin/sendmail
mailq_path = /usr/bin/mailq
newaliases_path = /usr/bin/newaliases
maillog_file = {directory}/log
maillog_file_prefixes = {directory}
myhostname = mail.{domain}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
address_verify_map =
smtp_dns_support_level = disabled
relayhost = [127.0.0.1]:{relay_port}
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {directory}/mailboxes
virtual_mailbox_maps = static:everybody/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtpd_client_connection_count_limit = 0
minimal_backoff_time = 2s
maximal_backoff_time = 5s
queue_run_delay = 2s
biff = no
message_size_limit = 0
virtual_mailbox_limit = 0
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
flush unix n - n 1000? 0 flush
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running Postfix of one stranger's domain."""

    port: int
    directory: Path

    def bounces(self) -> list[bytes]:
        """Bounces to the stranger's own domain, about messages that Mailroom refused."""
        return [path.read_bytes() for path in sorted((self.directory / "mailboxes" / "everybody" / "new").glob("*"))]

    def log(self) -> str:
        """Postfix's log, with the replies of Mailroom."""
        return processes.read_tail(self.directory / "log")

    def waiting(self) -> int:
        """Messages that it could not hand over yet."""
        return sum(
            1 for queue in ("incoming", "active", "deferred") for path in (self.directory / "queue" / queue).rglob("*") if path.is_file()
        )


@contextlib.contextmanager
def start_postfix(relay_port: int, domain: str, main: str = "", *, postscreen: bool = False) -> Iterator[Server]:
    """Postfix of `domain`, sending to Mailroom on `relay_port`; `main` are further lines of main.cf, which count more."""
    program = processes.need("postfix", "postfix")
    if os.getuid() != 0:
        raise processes.Missing("Postfix starts as root only: run the tests as root, or leave those marked `peers` out")
    with processes.short_directory("postfix") as directory:
        port = processes.free_port()
        owner = processes.choose_user("nobody")
        lay_out(directory, port, relay_port, domain, owner, main)
        if postscreen:
            stand_in_front(directory / "etc" / "master.cf", port)
        process = processes.start([program, "-c", str(directory / "etc"), "start-fg"], directory / "output")
        try:
            processes.until(processes.is_answering(port), "Postfix answers", process, directory / "output")
            yield Server(port, directory)
        finally:
            subprocess.run([program, "-c", str(directory / "etc"), "stop"], check=False, capture_output=True)
            processes.stop(process)


def lay_out(directory: Path, port: int, relay_port: int, domain: str, owner: str, main: str) -> None:
    """Write its configuration and queue, and a mailbox for bounces."""
    for name in ("etc", "queue", "data", "mailboxes"):
        (directory / name).mkdir()
    shutil.chown(directory / "data", "postfix")
    shutil.chown(directory / "mailboxes", owner)
    uid, gid = (directory / "mailboxes").stat().st_uid, 65534
    values = {"directory": directory, "port": port, "relay_port": relay_port, "domain": domain, "uid": uid, "gid": gid}
    (directory / "etc" / "main.cf").write_text(each_once(MAIN.format(**values) + main))
    (directory / "etc" / "master.cf").write_text(MASTER.format(**values))


def stand_in_front(master: Path, port: int) -> None:
    """postscreen takes the connections, as Debian's master.cf shows it."""
    service = f"127.0.0.1:{port} inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n"
    service += "dnsblog unix - - n - 0 dnsblog\ntlsproxy unix - - n - 0 tlsproxy\n"
    master.write_text(master.read_text().replace(f"127.0.0.1:{port} inet n - n - - smtpd\n", service))


def each_once(main: str) -> str:
    """Each parameter once, the last value counting.

    Every process of Postfix warns of a repeated one; postlogd, which warns too, then waits for room in its own full socket for ever.
    """
    lines = re.sub(r"\n[ \t]+", " ", re.sub(r"(?m)^#.*\n?", "", main)).splitlines()
    values = {name.strip(): value.strip() for name, found, value in (line.partition("=") for line in lines) if found}
    return "".join(f"{name} = {value}\n" for name, value in values.items())
