"""Exim, as Debian builds it, as a sender's MTA: takes mail from the command line and hands all of it to Mailroom."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.peers import processes

PROGRAM = Path(__file__).parents[1] / ".cache" / "exim4" / "usr" / "sbin" / "exim4"  # where install.sh unpacks it

CONFIGURATION = """
exim_path = {program}
primary_hostname = mail.{domain}
exim_user = nobody
exim_group = nogroup
trusted_users = root
never_users =
spool_directory = {directory}/spool
log_file_path = {directory}/log-%s
keep_environment =
tls_advertise_hosts =
smtputf8_advertise_hosts = *
acl_not_smtp = accept

begin acl

begin routers
everything:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = mailroom

begin transports
mailroom:
  driver = smtp
  port = {relay_port}
  {transport}

begin retry
* * F,1h,1s
"""


@dataclass(frozen=True, slots=True)
class Exim:
    """One configuration with its queue. There is no daemon: each message is sent as it is given, or stays in the queue."""

    directory: Path

    def send(self, raw: bytes, reverse_path: str, *recipients: str) -> None:
        """Hand a message over, and wait until Exim has tried to deliver it."""
        self.run("-odq", "-oi", "-f", reverse_path or "<>", "--", *recipients, given=raw.replace(b"\r\n", b"\n"))
        self.run_queue()

    def run_queue(self) -> None:
        """Try again what waits."""
        self.run("-qff")

    def waiting(self) -> int:
        """Messages in the queue."""
        return int(self.run("-bpc").stdout)

    def log(self) -> str:
        """What it says it did, replies of Mailroom included."""
        return processes.tail(self.directory / "log-main")

    def run(self, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run Exim with this configuration."""
        command = [str(PROGRAM), "-C", str(self.directory / "conf"), *words]
        return subprocess.run(command, input=given, capture_output=True, timeout=processes.HANG, check=True)


@contextlib.contextmanager
def installed(relay_port: int, domain: str, transport: str = "") -> Iterator[Exim]:
    """Exim of `domain`, sending to Mailroom on `relay_port`; `transport` are further options of its SMTP transport."""
    if not PROGRAM.exists():
        raise processes.Missing("Exim is missing: run `make peers`, which unpacks exim4-daemon-light")
    if os.getuid() != 0:
        raise processes.Missing("Exim takes a configuration of ours as root only: run the tests as root")
    with processes.short_directory("exim") as directory:
        (directory / "spool").mkdir()
        for place in (directory, directory / "spool"):
            os.chown(place, 65534, 65534)
        (directory / "conf").write_text(
            CONFIGURATION.format(program=PROGRAM, directory=directory, domain=domain, relay_port=relay_port, transport=transport)
        )
        yield Exim(directory)
