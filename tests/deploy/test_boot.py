"""The units under a real systemd: mail comes in by its socket, is judged, released, and lies in a Maildir; and what nobody can do there."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.test_units import DATABASE, NETWORKED, SECRETS, UNITS, unit_name
from tests.peers.processes import HANG
from tests.peers.systemd import Machine, boot_machine, may_boot
from tests.triage import pdfs

pytestmark = [pytest.mark.peers, pytest.mark.skipif(not may_boot(), reason="only root can boot a systemd in namespaces of its own")]

ROLES = sorted(unit_name(path).removesuffix("@") for path in UNITS.glob("*.service"))
IN_DIRECTORIES = {"webhooks": "webhooks_chat.key", "identity": "identity_company.secret"}
FILES = sorted({*(SECRETS.keys() - IN_DIRECTORIES), *(name.replace("_", "/", 1) for name in IN_DIRECTORIES.values())})
PLAIN = {name for name in FILES[::3] if "/" not in name}  # the others are encrypted
SEALED_OFF = {"parse", "draw"}  # what reads hostile bytes sees nothing at all
SETTINGS = """
[company]
domains = ["company.example"]
hostname = "mx.company.example"
[database]
url = "sqlite:////var/lib/mailroom/mailroom.db"
[spool]
directory = "/var/spool/mailroom"
[relay]
next_hop = "maildir:/var/lib/mailroom/mailboxes"
[dns]
zone_file = "/var/lib/mailroom/mailroom.zone"
[policy]
undo_seconds = 0
[directory]
file = "/etc/mailroom/company.toml"
"""
COMPANY = """
[company]
postmaster = "anna@company.example"
[[department]]
code = "it"
name = "IT"
mailbox = "anna@company.example"
[[person]]
uid = "anna"
name = "Anna"
department = "it"
mailbox = "anna@company.example"
[[staff]]
login = "ana"
name = "Ana"
role = "admin"
scope = ["company"]
"""
SEND = """
import json, smtplib
with smtplib.SMTP("127.0.0.1", 25, timeout=180) as door:
    mail = b"From: stranger@outside.example\\r\\nSubject: hello\\r\\n\\r\\nhi\\r\\n"
    door.sendmail("stranger@outside.example", ["anna@company.example"], mail)
print(json.dumps("sent"))
"""
ASK = """
import json, sys, urllib.request
with urllib.request.urlopen("http://127.0.0.1:8080" + sys.argv[1], timeout=180) as answer:
    print(json.dumps([answer.status, len(answer.read())]))
"""
GUESS = """
import json, urllib.error, urllib.request
given = json.dumps({"login": "ana", "password": "wrong"}).encode()
headers = {"Content-Type": "application/json", "Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"}
try:
    urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8080/api/v1/session", given, headers), timeout=180)
except urllib.error.HTTPError as refusal:
    print(json.dumps(refusal.code))
"""
PROBE = """
import ctypes, json, mmap, os, pathlib, socket, subprocess
def can(deed):
    try:
        deed()
    except (OSError, LookupError, subprocess.SubprocessError):
        return False
    return True
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
print(json.dumps({
    "shell": can(lambda: subprocess.run(["/usr/bin/sh", "-c", ":"], check=True)),
    "writable_code": can(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)),
    "capabilities": int(status["CapEff"], 16) | int(status["CapPrm"], 16) | int(status["CapBnd"], 16),
    "new_privileges": status["NoNewPrivs"].strip() == "0",
    "internet_socket": can(lambda: socket.socket(socket.AF_INET).close()),
    "interfaces": sorted(name for _, name in socket.if_nameindex()) if can(lambda: socket.if_nameindex()) else [],
    "credentials": sorted(one.name for one in pathlib.Path(credentials).iterdir() if one.read_text() == "secret\\n") if credentials else [],
    "others": can(lambda: list(pathlib.Path("/etc/mailroom/secrets").iterdir())),
    "settings": can(lambda: open("/etc/mailroom/mailroom.toml").read()[0]),  # what something is mounted over may be there, and empty
    "company": can(lambda: open("/etc/mailroom/company.toml").read()[0]),
    "spool": can(lambda: os.listdir("/var/spool/mailroom")[0]),
    "database": can(lambda: open("/var/lib/mailroom/mailroom.db", "rb").read()[0]),
    "writes_home": can(lambda: pathlib.Path("/usr/local/x").write_text("x")),
    "user": os.getuid(),
}))
"""


DRAW = """
import json, sys
from triage.runtime.sandbox_pool import Pool
from triage.message.preview.rendered_pages import count_of, page_of
raw = sys.argv[1].encode()
with Pool("triage.message.preview.render_pages:draw_page", size=1, memory_bytes=512 * 1024 * 1024, seconds=60, programs=1) as drawer:
    width, height, pixels = page_of(drawer.run(raw, page=1))
    print(json.dumps([count_of(drawer.run(raw, page=0)), width, height, list(pixels[:3])]))
"""


def prepare() -> str:
    """Script of an administrator's set-up; also runs each role's unit with another program that tries to read all secrets."""
    return rf"""
set -euo pipefail
cp -r /opt/tree/deploy/systemd/. /etc/systemd/system/
systemd-sysusers /opt/tree/deploy/sysusers.d/mailroom.conf
systemd-tmpfiles --create /opt/tree/deploy/tmpfiles.d/mailroom.conf
ln -s /opt/ready /opt/mailroom/venv
mkdir -m 700 /etc/probed /etc/probed/{{encrypted,webhooks,identity}}
for name in {" ".join(FILES)}; do echo secret > /etc/probed/$name; done
mkdir /etc/probed-plain && mv -t /etc/probed-plain {" ".join(f"/etc/probed/{name}" for name in PLAIN)}
/opt/mailroom/venv/bin/python3 -I -m triage_cli secrets --directory /etc/probed encrypt
mkdir -p /etc/probed/encrypted/webhooks /etc/probed/encrypted/identity
mv -t /etc/probed /etc/probed-plain/*.*
cd /etc/systemd/system
for role in {" ".join(ROLES)}; do
    sed -e 's|^ExecStart=.*|ExecStart=/opt/mailroom/venv/bin/python3 -I /etc/probe.py|' -e 's/^Type=.*/Type=oneshot/' \
        -e '/^Requires=/d' -e '/^Restart/d' -e '/^PartOf=/d' -e '/^Standard/d' -e '/^LimitFSIZE/d' \
        -e 's|/etc/mailroom/secrets/|/etc/probed/|' \
        $(ls mailroom-$role.service mailroom-$role@.service 2>/dev/null) > mailroom-probe-$role.service
    printf '[Service]\nBindReadOnlyPaths=/etc/probe.py\nStandardOutput=file:/run/probe-%s.json\n' $role >> mailroom-probe-$role.service
done
cd /
for what in "db upgrade" sync; do
    runuser -u mailroom-upkeep -- env MAILROOM_CONFIG=/etc/mailroom/mailroom.toml /opt/mailroom/venv/bin/python3 -I -m triage_cli $what
done
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with the units started."""
    given = {
        "etc/mailroom/mailroom.toml": SETTINGS,
        "etc/mailroom/company.toml": COMPANY,
        "var/lib/mailroom/mailroom.zone": "",
        "etc/probe.py": PROBE,
        "etc/prepare.sh": prepare(),
    }
    with boot_machine(tmp_path_factory.mktemp("systemd"), given, "mailroom.target") as one:
        for role in ("receive", "judge", "relay", "api", "upkeep"):
            one.wait_until(f"mailroom-{role}.service")
        yield one


def mailroom(machine: Machine, *words: str) -> str:
    """The command, as an administrator runs it there."""
    runs = ["runuser", "-u", "mailroom-upkeep", "--", "/opt/mailroom/venv/bin/python3", "-I", "-m", "triage_cli", *words]
    done = machine.run("env", "MAILROOM_CONFIG=/etc/mailroom/mailroom.toml", *runs, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_a_mail_comes_in_by_the_socket_and_goes_out_to_the_mailbox(machine: Machine) -> None:
    assert machine.python(SEND) == "sent"
    until(lambda: "hello" in mailroom(machine, "deliveries"), machine)
    mailroom(machine, "release", "--sender", "stranger@outside.example", "--reason", "known", "--wait")
    found = machine.run("sh", "-c", "cat /var/lib/mailroom/mailboxes/*/new/*").stdout
    assert "Subject: hello" in found
    assert "X-Mailroom-Verdict: " in found


def test_the_journal_knows_the_role_and_the_priority(machine: Machine) -> None:
    def entries(*words: str) -> list[dict[str, str]]:
        said = machine.run("journalctl", "-o", "json", "--no-pager", "-t", "mailroom-api", *words).stdout
        return [json.loads(line) for line in said.splitlines()]

    assert machine.python(GUESS) == 401
    until(lambda: any("sign-in failed" in one["MESSAGE"] for one in entries("-p", "warning")), machine)
    (guess,) = [one for one in entries("-p", "warning") if "sign-in failed" in one["MESSAGE"]]
    assert guess["MESSAGE"].startswith("sign-in failed from 127.0.0.1 as ana: ")  # no second time, and no role: the unit tells it
    assert guess["_SYSTEMD_UNIT"] == "mailroom-api.service"
    assert {one["PRIORITY"] for one in entries()} >= {"4", "6"}


def test_console_and_health_answer_through_the_socket(machine: Machine) -> None:
    assert machine.python(ASK, "/healthz")[0] == 200
    status, size = machine.python(ASK, "/")
    assert (status, size > 200) == (200, True)


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_can_and_cannot_do(machine: Machine, role: str) -> None:
    unit = f"mailroom-probe-{role}.service"
    machine.run("systemctl", "start", unit, check=False)
    able: dict[str, Any] = json.loads(machine.run("cat", f"/run/probe-{role}.json").stdout)
    assert able.pop("user") > 0
    assert able.pop("interfaces") in ([], ["lo"])
    own = {name for name, whose in SECRETS.items() if role in whose}
    named = {IN_DIRECTORIES.get(name, name) for name in own}
    assert set(able.pop("credentials")) == {name if name in PLAIN else f"encrypted.{name}" for name in named}
    assert able == {
        "shell": False,
        "writable_code": False,
        "capabilities": 0,
        "new_privileges": False,
        "others": False,
        "writes_home": False,
        "internet_socket": role in NETWORKED,
        "database": role in DATABASE | {"retention", "webhooks"},
        "settings": role not in SEALED_OFF,
        "company": role in ("sync", "upkeep"),
        "spool": role not in SEALED_OFF | {"identity"},
    }


def test_a_rotation_restarts_the_role_and_takes_a_bad_secret_back(machine: Machine) -> None:
    def rotate(*words: str) -> Any:
        command = ["/opt/mailroom/venv/bin/python3", "-I", "-m", "triage_cli", "secrets", "rotate", "--yes", *words]
        return machine.run(*command, check=False)

    def started() -> str:
        return machine.run("systemctl", "show", "--value", "--property=ExecMainStartTimestampMonotonic", "mailroom-receive.service").stdout

    before = started()
    done = rotate("smtp.edge_token")
    assert (done.returncode, "Restarts 1 role: receive" in done.stdout, "rotated, encrypted" in done.stdout) == (0, True, True), done.stderr
    assert started() != before
    kept = machine.run("ls", "-R", "/etc/mailroom/secrets").stdout
    machine.run("sh", "-c", "echo no certificate >/run/bad")
    refused = rotate("smtp.tls_cert=/run/bad", "smtp.tls_key=/run/bad")
    assert (refused.returncode, "did not start: mailroom-receive.service" in refused.stderr) == (1, True), refused.stderr
    assert machine.run("ls", "-R", "/etc/mailroom/secrets").stdout == kept, "there was none before"
    assert machine.state("mailroom-receive.service") == "active"
    assert machine.python(SEND) == "sent"


def test_the_doctor_finds_a_secret_in_the_environment_of_a_unit(machine: Machine) -> None:
    def find_secrets() -> list[str]:
        doctor = ["/opt/mailroom/venv/bin/python3", "-I", "-m", "triage_cli", "doctor", "--json"]
        command = ["runuser", "-u", "mailroom-upkeep", "--", "env", "MAILROOM_CONFIG=/etc/mailroom/mailroom.toml", *doctor]
        said = json.loads(machine.run(*command, check=False).stdout)
        return [f"{one['level']} {one['found']}" for one in said if one["what"] == "secrets"]

    machine.run("systemctl", "start", "dbus.socket")  # by which others than root ask systemd
    assert [one[:2] for one in find_secrets()] == ["ok"], find_secrets()
    drop_in = "/etc/systemd/system/mailroom-receive.service.d"
    token = "[Service]\nEnvironment=MAILROOM_SMTP__EDGE_TOKEN=word MAILROOM_SMTP__LISTEN=0.0.0.0:25\n"
    machine.run("sh", "-c", f"mkdir -p {drop_in} && printf '{token}' >{drop_in}/token.conf && systemctl daemon-reload")
    (found,) = find_secrets()
    assert ("fail" in found, "holds smtp.edge_token" in found, "word" in found) == (True, True, False)
    machine.run("sh", "-c", f"rm -r {drop_in} && systemctl daemon-reload")


def test_hostile_mail_is_read_by_a_unit_of_its_own(machine: Machine) -> None:
    running = machine.run("systemctl", "list-units", "--no-legend", "--plain", "mailroom-parse@*").stdout
    assert running.count("running") >= 1


def test_attachments_are_drawn_by_a_unit_of_its_own(machine: Machine) -> None:
    draw = ["/opt/mailroom/venv/bin/python3", "-I", "-c", DRAW, pdfs.pdf(pdfs.RED, pdfs.HELLO).decode()]
    done = machine.run("runuser", "-u", "mailroom-api", "--", "env", "MAILROOM_DRAWER_SOCKET=/run/mailroom/draw.sock", *draw, check=False)
    assert done.returncode == 0, done.stderr + machine.journal("mailroom-draw@*")
    assert json.loads(done.stdout) == [2, 1400, 700, [255, 0, 0]]


def test_a_role_that_dies_is_started_again(machine: Machine) -> None:
    machine.run("systemctl", "kill", "--signal=KILL", "mailroom-receive.service")
    machine.wait_until("mailroom-receive.service")
    assert machine.python(SEND) == "sent", "the socket keeps connections meanwhile"


def until(true: Any, machine: Machine) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + HANG
    while not true():
        assert time.monotonic() < deadline, machine.journal("mailroom-judge.service")
        time.sleep(0.2)
