"""compose.yaml and what it is made of: whole, accepted by the programs themselves, and with no more rights than needed."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.peers import processes
from triage.config.settings_loader import read_settings

pytestmark = pytest.mark.peers

TREE = Path(__file__).parents[2]
PARTS = TREE / "deploy" / "containers"
VERSION = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]["version"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the stack, with their secrets made as docs/how-to/containers.md says."""
    place = tmp_path_factory.mktemp("stack")
    shutil.copytree(PARTS, place / "deploy" / "containers")
    for name in ("compose.yaml", "Containerfile"):
        shutil.copy(TREE / name, place)
    for _ in range(2):  # the second time changes nothing
        subprocess.run([place / "deploy" / "containers" / "secrets.sh"], check=True, capture_output=True)
    return place


@pytest.fixture(scope="module")
def stack(tree: Path) -> dict[str, Any]:
    """As Compose reads it."""
    compose = processes.need("docker-compose", "docker-compose")
    done = subprocess.run([compose, "-f", "compose.yaml", "config"], cwd=tree, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    read_in: dict[str, Any] = yaml.safe_load(done.stdout)
    return read_in


def test_everything_around_mailroom_is_there(stack: dict[str, Any]) -> None:
    assert set(stack["services"]) == {"mailroom", "database-upgrade", "postfix", "postgresql", "openldap", "dovecot"}
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", (PARTS / "Containerfile").read_text(), re.MULTILINE))
    assert {one["build"]["target"] for one in stack["services"].values() if "target" in one.get("build", {})} == stages


def test_mailroom_runs_without_rights_and_keeps_what_it_must(stack: dict[str, Any]) -> None:
    for name in ("mailroom", "database-upgrade"):
        service = stack["services"][name]
        assert (service["read_only"], service["cap_drop"], service["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
        assert {one["target"] for one in service["volumes"] if one["type"] == "volume"} == {"/var/spool/mailroom", "/var/lib/mailroom"}
    assert stack["services"]["mailroom"]["ports"][0]["host_ip"] == "127.0.0.1"
    assert "environment" not in stack["services"]["mailroom"], "secrets are files"


def test_the_database_is_upgraded_when_its_own_first_start_is_over(stack: dict[str, Any]) -> None:
    """Before that a server answers on the socket alone (docker_temp_server_start of the image)."""
    assert stack["services"]["database-upgrade"]["depends_on"]["postgresql"]["condition"] == "service_healthy"
    asked = stack["services"]["postgresql"]["healthcheck"]["test"]
    assert asked[asked.index("-h") + 1] == "127.0.0.1"


def test_its_settings_are_right_with_their_secrets_as_files(stack: dict[str, Any], tree: Path, tmp_path: Path) -> None:
    for one in stack["services"]["mailroom"]["secrets"]:
        shutil.copy(stack["secrets"][one["source"]]["file"], tmp_path / one["target"])
    settings = read_settings(str(PARTS / "mailroom.toml"), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    password = (tree / "secrets" / "database-password").read_text()
    assert (len(password), settings.database.url) == (48, f"postgresql://mailroom:{password}@postgresql/mailroom")
    assert Path(settings.directory.password_file).read_text() == (tree / "secrets" / "ldap-password").read_text()
    assert list(settings.smtp.trusted_edges) == [f"{stack['services']['postfix']['networks']['inside']['ipv4_address']}/32"]


def test_secrets_are_for_their_owner(tree: Path) -> None:
    assert (tree / "secrets").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("file", [TREE / "Containerfile", PARTS / "Containerfile"], ids=["mailroom", "peers"])
def test_what_is_copied_is_there(file: Path) -> None:
    text = file.read_text()
    copied = [name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for name in line.split()]
    assert [name for name in copied if not (file.parent / name).exists()] == []


def test_the_image_of_mailroom_has_a_user_a_pulse_and_its_places() -> None:
    last = (TREE / "Containerfile").read_text().rpartition("\nFROM ")[2]
    for line in ("USER 2525:2525", "HEALTHCHECK ", 'VOLUME ["/var/lib/mailroom", "/var/spool/mailroom"]', "STOPSIGNAL SIGTERM"):
        assert f"\n{line}" in last, line


@pytest.fixture(scope="module")
def quadlets() -> dict[str, str]:
    """Units that podman makes of the quadlets, by their names."""
    generator = Path("/usr/libexec/podman/quadlet")
    if not generator.exists():
        pytest.skip("podman is not installed: apt-get install podman")
    places = {"QUADLET_UNIT_DIRS": str(PARTS / "quadlet")}
    done = subprocess.run([generator, "-dryrun", "-no-kmsg-log"], env=places, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    parts = re.split(r"^---(\S+)---$", done.stdout, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_quadlets_have_no_more_rights_than_compose(quadlets: dict[str, str]) -> None:
    assert set(quadlets) == {"mailroom.service", "mailroom-upgrade.service"}
    for unit in quadlets.values():
        (line,) = re.findall("^ExecStart=(.*)$", unit, re.MULTILINE)
        assert {"--read-only", "--cap-drop", "--security-opt=no-new-privileges", "--memory=4g", "--pids-limit"} <= set(line.split())
        assert f"localhost/mailroom:{VERSION}" in line.split()
    assert "\nRequires=mailroom-upgrade.service\nAfter=mailroom-upgrade.service\n" in quadlets["mailroom.service"]
    assert quadlets["mailroom-upgrade.service"].count(" db upgrade\n") == 1


def test_openldap_takes_its_company(tmp_path: Path) -> None:
    slapadd = processes.need("slapadd", "slapd")
    config = tmp_path / "slapd.conf"
    (tmp_path / "data").mkdir()
    config.write_text((PARTS / "slapd.conf").read_text().replace("/var/lib/ldap", str(tmp_path / "data")))
    done = subprocess.run([slapadd, "-u", "-f", config, "-l", PARTS / "company.ldif"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_dovecot_takes_its_configuration() -> None:
    doveconf = processes.need("doveconf", "dovecot-core dovecot-ldap")
    text = (PARTS / "dovecot.conf").read_text().replace("= vmail", "= nobody")
    done = subprocess.run([doveconf, "-n", "-c", "/dev/stdin"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "passdb ldap" in done.stdout


def test_postfix_takes_its_configuration(tmp_path: Path) -> None:
    postconf = processes.need("postconf", "postfix")
    shutil.copy(PARTS / "postfix-main.cf", tmp_path / "main.cf")
    (tmp_path / "master.cf").touch()
    done = subprocess.run([postconf, "-c", tmp_path, "-n"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_scripts_are_shell(tmp_path: Path) -> None:
    for script, shell in ((PARTS / "secrets.sh", "bash"), (PARTS / "openldap.sh", "sh")):
        assert os.access(script, os.X_OK)
        subprocess.run([shell, "-n", script], check=True)
