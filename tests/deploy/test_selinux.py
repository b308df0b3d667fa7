"""The SELinux policy, built by Debian's reference policy and read back by setools: what no role may, and what the page says of each."""

import json
import re
import subprocess
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers import processes

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "deploy" / "selinux"
UNITS = ROOT / "deploy" / "systemd"
PAGE = (ROOT / "docs" / "how-to" / "systemd.md").read_text("utf-8")
ROW = re.compile(r"^\| (`mailroom_\w+_t`(?:, `mailroom_\w+_t`)*) \| ([^|]*) \| (yes|no) \| (yes|no) \|$", re.MULTILINE)
BASE = ROOT / "tests" / "peers" / ".cache" / "selinux" / "usr" / "share" / "selinux" / "default"
MAKEFILE = Path("/usr/share/selinux/devel/Makefile")
TO_CIL = Path("/usr/libexec/selinux/hll/pp")
ROLES = sorted(re.sub(r"@?\.service$", "", unit.name).removeprefix("mailroom-") for unit in UNITS.glob("*.service"))
FORBIDDEN = "sys_admin|dac_override|dac_read_search|net_raw|net_admin|sys_ptrace|sys_module|setuid|execmem|execstack|execheap|execmod"
WRITES = {"write", "append", "create", "unlink", "rename", "setattr", "link", "add_name", "remove_name"}
OWN = {"mailroom_db_t", "mailroom_spool_t", "mailroom_submit_t", "mailroom_tmp_t"}  # the only files a role writes
EXPAND = """
import json, setools, sys
policy = setools.SELinuxPolicy(sys.argv[1])
ours = {str(one) for one in policy.lookup_typeattr("mailroom_domain").expand()}
found = []
for rule in setools.TERuleQuery(policy, ruletype=["allow"], source="mailroom_domain", source_indirect=True).results():
    try:
        conditional = bool(rule.conditional)
    except AttributeError:
        conditional = False
    for source in {str(one) for one in rule.source.expand()} & ours:
        found += [[source, str(target), str(rule.tclass), sorted(rule.perms), conditional] for target in rule.target.expand()]
print(json.dumps(found))
"""  # for the python of the system, which has setools

pytestmark = pytest.mark.peers


@dataclass(frozen=True)
class Rule:
    """A permission of one of our domains."""

    source: str
    target: str
    kind: str
    granted: Collection[str]
    is_conditional: bool

    @property
    def permissions(self) -> set[str]:
        """Permissions that it grants."""
        return set(self.granted)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with mailroom.pp, as the page builds it, and mailroom.cil."""
    assert MAKEFILE.exists(), "apt-get install selinux-policy-dev"
    place = tmp_path_factory.mktemp("selinux")
    for name in ("mailroom.te", "mailroom.if", "mailroom.fc"):
        (place / name).write_bytes((POLICY / name).read_bytes())
    run(place, "make", "-f", str(MAKEFILE), "NAME=devel", "mailroom.pp")
    (place / "mailroom.cil").write_text(run(place, str(TO_CIL), "mailroom.pp"))
    return place


@pytest.fixture(scope="module")
def policy(module: Path) -> Path:
    """The policy of Debian with ours in it, as a kernel would load it."""
    packed = sorted(BASE.glob("*.pp.bz2"))
    assert packed, "bash tests/peers/install.sh unpacks selinux-policy-default"
    sources = [module / "mailroom.cil"]
    for file in packed:
        if file.name != "unconfined.pp.bz2":  # it declares a role of the base again
            (module / file.name).with_suffix("").write_text(run(module, "sh", "-c", f"bunzip2 --stdout {file} | {TO_CIL} -"))
            sources.append((module / file.name).with_suffix(""))
    run(module, "secilc", "-c", "33", "-M", "true", "-o", "policy.33", "-f", "/dev/null", *map(str, sources))
    return module / "policy.33"


def run(place: Path, *command: str) -> str:
    """Runs a command there; returns its output."""
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=10 * processes.HANG)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def rules(policy: Path) -> list[Rule]:
    """All that our domains are allowed, by themselves or by an attribute, conditional rules included."""
    processes.need("sesearch", "setools")
    return [Rule(*row) for row in json.loads(run(policy.parent, "/usr/bin/python3", "-c", EXPAND, str(policy)))]


def test_it_builds_and_has_a_permissive_domain_for_each_unit_which_names_it(module: Path) -> None:
    cil = (module / "mailroom.cil").read_text()
    assert sorted(re.findall(r"^\(typepermissive mailroom_(\w+)_t\)$", cil, re.MULTILINE)) == ROLES
    for unit in UNITS.glob("*.service"):
        role = re.sub(r"@?\.service$", "", unit.name).removeprefix("mailroom-")
        assert f"SELinuxContext=-system_u:system_r:mailroom_{role}_t:s0" in unit.read_text().splitlines()


def test_its_own_rules_hold_no_power_that_is_forbidden(module: Path) -> None:
    """The quick form of the next ones: rules that the rest of a policy adds are not in it."""
    rules = [line for line in (module / "mailroom.cil").read_text().splitlines() if line.startswith("(allow ")]
    assert len(rules) > 200
    assert [line for line in rules if re.search(rf"\b({FORBIDDEN})\b", line)] == []
    assert [line for line in rules if re.match(r"\(allow mailroom_(receive|parse|draw)_t \S+ \(\S+ \([^)]*\bname_connect\b", line)] == []
    assert [line for line in rules if re.match(r"\(allow mailroom_(receive|parse|draw|identity)_t mailroom_db_t ", line)] == []


QUESTIONS: dict[str, Callable[[Rule], bool]] = {
    "a capability": lambda rule: rule.kind in ("capability", "capability2", "cap_userns"),
    "writable code": lambda rule: (
        bool({"execmem", "execstack", "execheap", "execmod"} & rule.permissions)
        and rule.target != "textrel_shlib_t"  # Debian's policy grants execmod on these to every domain
    ),
    "another process's memory": lambda rule: "ptrace" in rule.permissions,
    "raw network": lambda rule: rule.kind in ("rawip_socket", "packet_socket") and "create" in rule.permissions,
    "the files of the secrets": lambda rule: rule.target == "mailroom_secret_t",
    "passwords of the system": lambda rule: rule.target == "shadow_t" and "read" in rule.permissions,
    "write to files but its own": lambda rule: rule.kind == "file" and bool(WRITES & rule.permissions) and not is_own(rule.target),
    "write to directories but its own": lambda rule: (
        rule.kind == "dir" and bool(WRITES & rule.permissions) and not is_own(rule.target) and rule.target != "tmp_t"
    ),
}
VIOLATIONS = {
    "a capability": Rule("mailroom_api_t", "mailroom_api_t", "capability", {"sys_admin", "dac_override"}, False),
    "writable code": Rule("mailroom_api_t", "mailroom_api_t", "process", {"execmem"}, False),
    "another process's memory": Rule("mailroom_api_t", "init_t", "process", {"ptrace"}, False),
    "raw network": Rule("mailroom_api_t", "mailroom_api_t", "rawip_socket", {"create"}, False),
    "the files of the secrets": Rule("mailroom_api_t", "mailroom_secret_t", "dir", {"search"}, False),
    "passwords of the system": Rule("mailroom_api_t", "shadow_t", "file", {"read"}, False),
    "write to files but its own": Rule("mailroom_api_t", "etc_t", "file", {"write"}, False),
    "write to directories but its own": Rule("mailroom_api_t", "user_home_dir_t", "dir", {"add_name"}, False),
}


def is_own(target: str) -> bool:
    """Tells whether files of a type are a role's to write: our data, or its own entries of /proc."""
    return target in OWN or target.removeprefix("mailroom_").removesuffix("_t") in ROLES


@pytest.mark.long
def test_nobody_may(rules: list[Rule]) -> None:
    assert {rule.source for rule in rules} == {f"mailroom_{role}_t" for role in ROLES}
    assert len(rules) > 1000
    for name, is_asked in QUESTIONS.items():
        assert [rule for rule in rules if is_asked(rule)] == [], name
        assert is_asked(VIOLATIONS[name]), "the question finds one"


@pytest.mark.long
def test_the_page_says_of_each_domain_what_the_policy_gives(rules: list[Rule]) -> None:
    said = {name: row[1:] for row in ROW.findall(PAGE) for name in re.findall(r"mailroom_(\w+)_t", row[0])}
    assert sorted(said) == ROLES
    found = {}
    for role in ROLES:
        own = [rule for rule in rules if rule.source == f"mailroom_{role}_t"]
        ports = sorted(
            {rule.target.removesuffix("_port_t") for rule in own if "name_connect" in rule.permissions and not rule.is_conditional}
        )
        written = {rule.target for rule in own if rule.kind == "file" and "write" in rule.permissions}
        spool, database = ("yes" if name in written else "no" for name in ("mailroom_spool_t", "mailroom_db_t"))
        found[role] = (", ".join(ports) or "nothing", spool, database)
    assert said == found


@pytest.mark.long
@pytest.mark.parametrize("role", ["receive", "parse", "draw", "api", "outbound", "upkeep", "retention"])
def test_who_serves_what_systemd_opened_makes_no_socket_of_the_internet(rules: list[Rule], role: str) -> None:
    own = [rule for rule in rules if rule.source == f"mailroom_{role}_t" and not rule.is_conditional]
    assert [rule for rule in own if rule.kind in ("tcp_socket", "udp_socket") and {"create", "connect"} & rule.permissions] == []
    if role in ("receive", "parse", "draw"):
        assert [rule for rule in own if rule.target.startswith(("postgresql", "mailroom_db"))] == []


@pytest.mark.long
def test_the_kernel_takes_its_file_contexts(policy: Path) -> None:
    run(policy.parent, "semodule_unpackage", "mailroom.pp", "mailroom.mod", "contexts")
    run(policy.parent, "/usr/sbin/setfiles", "-c", str(policy), "contexts")
