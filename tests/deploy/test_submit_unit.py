"""A service without network, rights or a writable system sends by `mailroom-submit`, under a real systemd."""

import json
import time
from pathlib import Path

import pytest

from tests.deploy.test_boot import COMPANY, SETTINGS
from tests.deploy.test_units import UNITS, analyze
from tests.peers.processes import HANG
from tests.peers.systemd import Machine, boot_machine, may_boot

pytestmark = [pytest.mark.peers, pytest.mark.skipif(not may_boot(), reason="only root can boot a systemd in namespaces of its own")]

SMARTHOST = """
[outbound]
submit_directory = "/var/spool/mailroom-submit"
smarthost = "maildir:/var/lib/mailroom/outside"
"""
WATCHER = """
[Service]
Type=oneshot
User=watcher
SupplementaryGroups=mailroom-submit
ExecStart=/opt/ready/bin/python3 -I -m mta.outbound.submit_command -t -f chief@company.example
StandardInput=data
StandardInputText=From: chief@company.example
StandardInputText=To: ann@example.org
StandardInputText=Subject: disk is full
NoNewPrivileges=yes
PrivateNetwork=yes
ProtectSystem=strict
ProtectHome=yes
PrivateDevices=yes
CapabilityBoundingSet=
ReadWritePaths=/var/spool/mailroom-submit
"""
PREPARE = """
set -euo pipefail
cp -r /opt/tree/deploy/systemd/. /etc/systemd/system/
mkdir -p /etc/systemd/system/mailroom-outbound.service.d
cp /opt/tree/deploy/systemd/submit.conf /etc/systemd/system/mailroom-outbound.service.d/
systemd-sysusers /opt/tree/deploy/sysusers.d/mailroom.conf
useradd --system watcher
systemd-tmpfiles --create /opt/tree/deploy/tmpfiles.d/mailroom.conf
ln -s /opt/ready /opt/mailroom/venv
cd /
for what in "db upgrade" sync; do
    runuser -u mailroom-upkeep -- env MAILROOM_CONFIG=/etc/mailroom/mailroom.toml /opt/mailroom/venv/bin/python3 -I -m triage_cli $what
done
"""
READ = """
import glob, json
print(json.dumps([open(one, errors="replace").read() for one in glob.glob("/var/lib/mailroom/outside/**/new/*", recursive=True)]))
"""


@pytest.mark.long
def test_a_confined_service_sends(tmp_path: Path) -> None:
    given = {
        "etc/mailroom/mailroom.toml": SETTINGS + SMARTHOST,
        "etc/mailroom/company.toml": COMPANY,
        "var/lib/mailroom/mailroom.zone": "",
        "etc/systemd/system/watcher.service": WATCHER,
        "etc/prepare.sh": PREPARE,
    }
    with boot_machine(tmp_path / "machine", given, "mailroom.target") as machine:
        machine.run("systemctl", "start", "mailroom-outbound.service", "mailroom-relay.service")
        machine.wait_until("mailroom-outbound.service")
        done = machine.run("systemctl", "start", "watcher.service", check=False)
        assert done.returncode == 0, machine.journal("watcher.service")
        (text,) = wait_for_message(machine)
    assert "From: watcher@mx.company.example\n" in text.replace("\r\n", "\n")
    assert "X-Original-From: chief@company.example" in text
    assert "(mailroom-submit, from uid" in text


def wait_for_message(machine: Machine) -> list[str]:
    """Messages that went to the smarthost, once one has."""
    deadline = time.monotonic() + HANG
    while not (found := machine.python(READ)):
        assert time.monotonic() < deadline, machine.journal("mailroom-outbound.service") + machine.journal("mailroom-relay.service")
        time.sleep(0.2)
    assert isinstance(found, list)
    return found


def test_the_exposure_with_the_drop_in_is_what_the_page_says(tmp_path: Path) -> None:
    for unit, names in (("mailroom-outbound.service", ["submit.conf"]), ("mailroom-.service", ["10-hardening.conf"])):
        drop_ins = tmp_path / f"{unit}.d"
        drop_ins.mkdir()
        for name in names:
            source = UNITS / name if (UNITS / name).exists() else UNITS / f"{unit}.d" / name
            (drop_ins / name).write_text(source.read_text())
    copy = tmp_path / "mailroom-outbound.service"
    copy.write_text((UNITS / copy.name).read_text())
    done = analyze("security", "--offline=true", "--threshold=4", "--json=short", copy)
    assert done.returncode == 0, done.stdout
    on = {one["json_field"] for one in json.loads(done.stdout) if one["set"] is False}
    assert "PrivateUsers" in on, "the drop-in is read"
