"""AppArmor's profiles as its own compiler reads them: one for each unit, and no more in it than the unit needs."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.peers import processes

DEPLOY = Path(__file__).parents[2] / "deploy"
PROFILES = DEPLOY / "apparmor" / "mailroom"
BUBBLEWRAP = DEPLOY / "apparmor" / "bwrap"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
RECORD = re.compile(r"/var/lib/mailroom|postgresql")

pytestmark = pytest.mark.peers


def parser(*words: str, profiles: Path = PROFILES) -> str:
    """Output of the AppArmor compiler for the profiles; the kernel needs no AppArmor for this."""
    program = processes.need("apparmor_parser", "apparmor")
    command = [program, "--base", "/etc/apparmor.d", "--Include", str(DEPLOY / "apparmor"), *words, str(profiles)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("profiles", [PROFILES, BUBBLEWRAP], ids=lambda path: path.name)
def test_they_are_without_a_fault(profiles: Path) -> None:
    parser("--skip-kernel-load", "--skip-cache", "--kernel-features=/etc/apparmor.d/abi/4.0", "--warn=all", "--Werror", profiles=profiles)


def test_bubblewrap_makes_a_namespace_and_its_children_have_no_power_in_it() -> None:
    assert parser("--names", profiles=BUBBLEWRAP).split() == ["bwrap", "unpriv_bwrap"]
    outer, inner = BUBBLEWRAP.read_text().split("profile unpriv_bwrap ")
    assert "allow userns," in outer
    assert {"audit deny capability,", "audit deny userns,"} <= {line.strip() for line in inner.splitlines()}
    (exec_rule,) = re.findall(r"^ *allow p\w*x .*$", outer, re.MULTILINE)
    assert exec_rule.endswith("-> bwrap//&unpriv_bwrap,"), "nothing is started without the narrower profile"


def test_each_unit_has_one_and_names_it() -> None:
    assert set(parser("--names").split()) == {re.sub(r"@?\.service$", "", unit.name) for unit in UNITS}
    hardening = DEPLOY / "systemd" / "mailroom-.service.d" / "10-hardening.conf"
    assert "AppArmorProfile=-%p" in hardening.read_text().splitlines()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_profile_lets_a_role_do_what_its_unit_lets_it(unit: Path) -> None:
    wanted = unit.read_text()
    rules = profile(re.sub(r"@?\.service$", "", unit.name))
    assert ("abstractions/mailroom-network" in rules) == ("AF_INET" in wanted)
    assert ("abstractions/mailroom-record" in rules) == ("/var/lib/mailroom" in wanted)
    assert ("/run/credentials/" in rules) == ("LoadCredential=" in wanted)
    seen = [word.lstrip("-") for line in re.findall(r"^BindReadOnlyPaths=(.*)$", wanted, re.MULTILINE) for word in line.split()]
    assert [path for path in seen if path.startswith(("/etc/mailroom/", "/run/clamav", "/run/dovecot")) and path not in rules] == []
    started = re.findall(r"^ExecPaths=(.*)$", wanted, re.MULTILINE)
    assert ("ix" in rules) == bool(started), "no program but what the unit lets it start"


def test_receive_and_the_parsers_reach_no_record_and_no_network() -> None:
    for name in ("receive", "parse", "draw"):
        rules = profile(f"mailroom-{name}")
        assert "audit deny network inet," in rules
        assert not RECORD.search(rules)


def profile(name: str) -> str:
    """The lines of one."""
    found = re.search(rf"^profile {name} .*?^}}", PROFILES.read_text(), re.MULTILINE | re.DOTALL)
    assert found, name
    return found[0]
