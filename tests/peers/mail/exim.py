"""Exim, as Debian builds it: as a sender's MTA that hands all to Mailroom, and as a company's own mail server."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.peers import processes

PROGRAM = Path(__file__).parents[1] / ".cache" / "exim4" / "usr" / "sbin" / "exim4"  # where install.sh unpacks it

HEAD = """
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
"""

SENDER = """
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
    """Exim configuration with its queue. Without a daemon: each message is sent at once, or stays in the queue."""

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
        """Exim's log, with the replies of Mailroom."""
        return processes.read_tail(self.directory / "log-main")

    def run(self, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run Exim with this configuration."""
        command = [str(PROGRAM), "-C", str(self.directory / "conf"), *words]
        return subprocess.run(command, input=given, capture_output=True, timeout=processes.HANG, check=True)


@contextlib.contextmanager
def install_exim(relay_port: int, domain: str, transport: str = "") -> Iterator[Exim]:
    """Exim of `domain`, sending to Mailroom on `relay_port`; `transport` are further options of its SMTP transport."""
    with place_of_its_own() as directory:
        write_configuration(directory, SENDER, domain=domain, relay_port=relay_port, transport=transport)
        yield Exim(directory)


@contextlib.contextmanager
def place_of_its_own() -> Iterator[Path]:
    """A directory with a spool, both of Exim's user."""
    if not PROGRAM.exists():
        raise processes.Missing("Exim is missing: run `make peers`, which unpacks exim4-daemon-light")
    if os.getuid() != 0:
        raise processes.Missing("Exim takes a configuration of ours as root only: run the tests as root")
    with processes.short_directory("exim") as directory:
        (directory / "spool").mkdir()
        for place in (directory, directory / "spool"):
            os.chown(place, 65534, 65534)
        yield directory


def write_configuration(directory: Path, what: str, **values: object) -> None:
    """Write its configuration."""
    (directory / "conf").write_text((HEAD + what).format(program=PROGRAM, directory=directory, **values))


SERVER = """
domainlist local_domains = {domain}
hostlist relay_from_hosts = 127.0.0.1 : {lan_host}
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
acl_smtp_rcpt = rcpt

begin acl
rcpt:
  accept hosts = +relay_from_hosts
  require domains = +local_domains
  require verify = recipient
  accept

begin routers
.include_if_exists {routers}
outside:
  driver = manualroute
  domains = ! +local_domains
  route_list = * 127.0.0.1
  self = send
  transport = outside
aliases:
  driver = redirect
  data = ${{lookup{{$local_part@$domain}}lsearch{{{directory}/aliases}}}}
mailboxes:
  driver = accept
  condition = ${{lookup{{$local_part@$domain}}lsearch{{{directory}/mailboxes}}{{yes}}{{no}}}}
  transport = mailboxes

begin transports
.include_if_exists {transports}
outside:
  driver = smtp
  port = {outside}
  hosts_avoid_tls = *
  allow_localhost
mailboxes:
  driver = smtp
  protocol = lmtp
  hosts = 127.0.0.1
  port = {lmtp}
  hosts_avoid_tls = *
  allow_localhost

begin retry
* * F,1h,1s
"""


@dataclass(frozen=True, slots=True)
class Company:
    """A running Exim of a company, which delivers into mailboxes by LMTP."""

    port: int
    directory: Path

    @property
    def configuration(self) -> Path:
        """Path of its configuration file."""
        return self.directory / "conf"

    def log(self) -> str:
        """Exim's log."""
        return processes.read_tail(self.directory / "log-main")


@contextlib.contextmanager
def start_exim(domain: str, lmtp: int, outside: int, includes: Path, tables: dict[str, str], lan_host: str) -> Iterator[Company]:
    """Exim as the mail server of a domain. It includes exim-router and exim-transport of `includes`, as soon as they are there."""
    with place_of_its_own() as directory:
        for name, text in tables.items():
            (directory / name).write_text(text)
        port = processes.free_port()
        files = {"routers": includes / "exim-router", "transports": includes / "exim-transport"}
        write_configuration(directory, SERVER, domain=domain, port=port, lan_host=lan_host, outside=outside, lmtp=lmtp, **files)
        command = [str(PROGRAM), "-C", str(directory / "conf"), "-bdf", "-q2s"]
        process = processes.start(command, directory / "output")
        try:
            processes.until(processes.is_answering(port), "Exim answers", process, directory / "output")
            yield Company(port, directory)
        finally:
            processes.stop(process)
