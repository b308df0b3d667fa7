"""Stacks for comparison: Postfix with checks, and Dovecot's mailboxes behind it. Started as root on spare ports."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.peers import processes
from tests.peers.company import DOMAIN
from tests.peers.mail import dovecot, postfix

DNS = "127.0.53.53"
PATIENCE = 300.0  # seconds: Rspamd reads a long list of names when it starts
INSIDE = "127.0.0.9"  # of nobody: 127.0.0.1 is a stranger here, whose SPF is looked at
LMTP_WITHOUT_PAUSE = "service lmtp {\n  restart_request_count = unlimited\n}\n"

UNBOUND = """
server:
  interface: {address}
  port: 53
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "{directory}"
  pidfile: ""
  use-syslog: no
  logfile: "{directory}/unbound.log"
  num-threads: 1
  module-config: "iterator"
  local-zone: "." static
{data}
remote-control:
  control-enable: no
"""

MAIN = """
mynetworks = {inside}/32
recipient_delimiter = +
virtual_mailbox_domains = {domain}
virtual_transport = lmtp:inet:127.0.0.1:{lmtp_port}
lmtp_destination_recipient_limit = 1
smtpd_relay_restrictions = reject_unauth_destination
message_size_limit = 52428800
milter_default_action = tempfail
in_flow_delay = 0
"""

SPF = """
debugLevel = 0
TestOnly = 1
HELO_reject = False
Mail_From_reject = False
PermError_reject = False
TempError_Defer = False
skip_addresses = {inside}/32
Header_Type = AR
Authserv_Id = mx.{domain}
"""

OPENDKIM = """
Mode v
Socket inet:{port}@127.0.0.1
UserID {user}
Syslog no
AuthservID mx.{domain}
AlwaysAddARHeader yes
InternalHosts {directory}/inside
ExternalIgnoreList {directory}/inside
Nameservers {dns}
DNSTimeout 5
"""

OPENDMARC = """
Socket inet:{port}@127.0.0.1
UserID {user}
Syslog false
AuthservID mx.{domain}
TrustedAuthservIDs mx.{domain}
IgnoreHosts {directory}/inside
RejectFailures false
SoftwareHeader false
"""

RSPAMD = {
    "options.inc": 'dns {{ nameserver = ["{dns}:53"]; timeout = 2s; retransmits = 1; }}\n'
    'local_addrs = ["{inside}/32"];\npidfile = false;\n',
    "logging.inc": 'type = "file"; filename = "{directory}/rspamd.log"; level = "error";\n',
    "worker-proxy.inc": 'bind_socket = "127.0.0.1:{port}"; milter = yes; timeout = 20s; count = 2;\n'
    'upstream "local" {{ default = yes; self_scan = yes; }}\n',
    "worker-normal.inc": "enabled = false;\n",
    "worker-fuzzy.inc": "enabled = false;\n",
    "worker-controller.inc": 'bind_socket = "127.0.0.1:{other}"; password = "peers"; secure_ip = "127.0.0.1";\n',
    "actions.conf": "reject = 1000; add_header = 900; greylist = null; rewrite_subject = null;\n",
    "milter_headers.conf": 'use = ["authentication-results"];\nskip_local = false;\n'
    'routines {{ authentication-results {{ header = "Authentication-Results"; add_smtp_user = false; }} }}\n',
    "settings.conf": 'peers {{ priority = high; ip = ["127.0.0.0/8"]; apply {{ flags = ["no_stat"]; '
    'groups_enabled = ["spf","dkim","dmarc","arc","policies"]; '
    'symbols_enabled = ["SPF_CHECK","DKIM_CHECK","DMARC_CHECK","ARC_CHECK"]; }} }}\n',
    **dict.fromkeys((f"{name}.conf" for name in ("spf", "dkim", "dmarc", "arc")), "check_local = true;\ncheck_authed = true;\n"),
    **dict.fromkeys(
        (
            f"{name}.conf"
            for name in (
                *("rbl", "fuzzy_check", "asn", "phishing", "greylist", "ratelimit", "history_redis", "neural", "reputation", "mx_check"),
                *("replies", "rspamd_update", "dkim_signing", "surbl", "metadata_exporter", "known_senders", "bayes_expiry"),
                "url_redirector",
            )
        ),
        "enabled = false;\n",
    ),
}


@dataclass(frozen=True, slots=True)
class Stack:
    """Mail server stack: the port that accepts messages, the processes whose time counts, and the store of delivered messages."""

    port: int
    pids: tuple[int, ...]
    store: Path

    def filed(self) -> int:
        """Messages in the mailboxes."""
        return in_mailboxes(self.store)

    def proven(self) -> int:
        """Count the stored messages whose author DMARC proved."""
        return sum(b"dmarc=pass" in path.read_bytes()[:4000] for path in self.store.glob("*/Maildir/new/*"))


def in_mailboxes(store: Path) -> int:
    """Messages in Dovecot's mailboxes."""
    found = 0
    for mailbox in store.glob("*"):
        with contextlib.suppress(OSError):
            found += sum(1 for _ in (mailbox / "Maildir" / "new").iterdir())
    return found


@contextlib.contextmanager
def start_stacks(zone: str) -> Iterator[dict[str, Stack]]:
    """Both, with one DNS."""
    with contextlib.ExitStack() as stack:
        directory = prepare_directory(stack, zone)
        yield {"opendkim": with_opendkim(stack, directory / "opendkim"), "rspamd": with_rspamd(stack, directory / "rspamd")}


def with_opendkim(stack: contextlib.ExitStack, directory: Path) -> Stack:
    """Postfix, the SPF policy server, OpenDKIM and OpenDMARC."""
    directory.mkdir()
    (directory / "inside").write_text(f"{INSIDE}\n")
    milters, pids = [], []
    for name, text in (("opendkim", OPENDKIM), ("opendmarc", OPENDMARC)):
        port = processes.free_port()
        user = processes.choose_user(name)
        (directory / f"{name}.conf").write_text(text.format(port=port, user=user, directory=directory, domain=DOMAIN, dns=DNS))
        option = "-x" if name == "opendkim" else "-c"
        pids.append(start_daemon(stack, directory, [processes.need(name, name), "-f", option, str(directory / f"{name}.conf")], port))
        milters.append(f"inet:127.0.0.1:{port}")
    (directory / "spf.conf").write_text(SPF.format(inside=INSIDE, domain=DOMAIN))
    main = f"smtpd_milters = {' '.join(milters)}\n"
    main += "smtpd_recipient_restrictions = reject_unauth_destination, check_policy_service unix:private/spf\nspf_time_limit = 3600\n"
    policy = processes.need("policyd-spf", "postfix-policyd-spf-python")
    return in_front(stack, directory, pids, main, f"spf unix - n n - 0 spawn user=nobody argv={policy} {directory}/spf.conf\n")


def with_rspamd(stack: contextlib.ExitStack, directory: Path) -> Stack:
    """Postfix and Rspamd, which is asked for SPF, DKIM, DMARC and ARC only."""
    directory.mkdir()
    port, other = processes.free_port(), processes.free_port()
    home, user = directory / "rspamd", processes.choose_user("_rspamd")
    local = home / "local.d"
    for path in (local, home / "override.d"):
        path.mkdir(parents=True)
    values = {"dns": DNS, "inside": INSIDE, "directory": home, "port": port, "other": other}
    for name, text in RSPAMD.items():
        (local / name).write_text(text.format(**values) if "{" in text else text)
    subprocess.run(["chown", "-R", user, str(home)], check=True)
    command = [processes.need("rspamd", "rspamd"), "-f", "-i", "-u", user, "-g", user, "-c", "/etc/rspamd/rspamd.conf"]
    command += [f"--var={name}={home}" for name in ("LOCAL_CONFDIR", "DBDIR", "RUNDIR", "LOGDIR")]
    pid = start_daemon(stack, directory, command, port)
    return in_front(stack, directory, [pid], f"smtpd_milters = inet:127.0.0.1:{port}\n", "")


def prepare_directory(stack: contextlib.ExitStack, zone: str) -> Path:
    """A directory, and DNS that answers for the senders and for nobody else; its processor time is not the stack's."""
    if os.getuid() != 0:
        raise processes.Missing("Postfix starts as root only: run make bench as root")
    directory = stack.enter_context(processes.short_directory("stack"))
    (directory / "resolv.conf").write_text(f"nameserver {DNS}\noptions timeout:2 attempts:1\n")
    records = [line for line in zone.splitlines() if " IN " in line and not line.startswith((".", "$"))]
    data = "".join(f"  local-data: '{line}'\n" for line in records)
    (directory / "unbound.conf").write_text(UNBOUND.format(address=DNS, directory=directory, data=data))
    process = processes.start(
        [processes.need("unbound", "unbound"), "-d", "-c", str(directory / "unbound.conf")], directory / "unbound.output"
    )
    stack.callback(processes.stop, process)
    return directory


def start_daemon(stack: contextlib.ExitStack, directory: Path, command: Sequence[str], port: int) -> int:
    """A server that sees our DNS, once it answers; its process id."""
    log = directory / f"{Path(command[0]).name}.output"
    process = processes.start(wrap_command(directory.parent, command), log)
    stack.callback(processes.stop, process)
    processes.until(processes.is_answering(port), f"{command[0]} answers", process, log, patience=PATIENCE)
    return process.pid


def wrap_command(directory: Path, command: Sequence[str]) -> list[str]:
    """A command in a file system of its own, in which resolv.conf names our DNS."""
    mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", mount, str(directory / "resolv.conf"), *command]


def in_front(stack: contextlib.ExitStack, directory: Path, pids: Sequence[int], main: str, master: str) -> Stack:
    """Postfix, with Dovecot behind it."""
    store = stack.enter_context(dovecot.running(more=LMTP_WITHOUT_PAUSE))
    assert store.process is not None
    place, port = directory / "postfix", processes.free_port()
    place.mkdir()
    given = MAIN.format(inside=INSIDE, domain=DOMAIN, lmtp_port=store.lmtp_port) + main
    postfix.lay_out(place, port, port, f"mx.{DOMAIN}", processes.choose_user("nobody"), given)
    with (place / "etc" / "master.cf").open("a") as file:
        file.write(master)
    program = processes.need("postfix", "postfix")
    pid = start_daemon(stack, directory, [program, "-c", str(place / "etc"), "start-fg"], port)
    stack.callback(subprocess.run, [program, "-c", str(place / "etc"), "stop"], check=False, capture_output=True)
    return Stack(port, (pid, *pids, store.process.pid), store.directory / "mail")
