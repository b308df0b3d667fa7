"""Root runs the commands of quickstart: no file and no directory of theirs may be somebody else's."""

import os
import subprocess
from pathlib import Path

import pytest

from triage_cli.quickstart.mail_server import MailServer
from triage_cli.quickstart.write_commands import others_can_change, write_commands, write_file
from triage_cli.quickstart.write_settings import Ports

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can give files to others")

SOMEBODY = 4711


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A directory of them, and Mailroom's own beside them."""
    output = tmp_path / "day-one"
    (output / "data").mkdir(parents=True)
    os.chown(output / "data", SOMEBODY, SOMEBODY)
    server = MailServer("Postfix", config_directory="/nowhere", domains=("company.example",), way_back="lmtp:inet:127.0.0.1:24")
    write_commands(server, output, Ports(1, 2, 3), "/usr/bin/false", 1)
    return output


def refusal(output: Path, command: str) -> str:
    """Refusal of a command before it has done anything."""
    done = subprocess.run([output / command, "anna@company.example"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize("command", ["switch-on", "switch-off", "bypass-check"])
@pytest.mark.parametrize("name", ["", "switch.env", "server.sh", "postfix-services", "mailboxes.py"])
def test_a_command_refuses_what_others_can_change(commands: Path, command: str, name: str) -> None:
    path = commands / name
    os.chown(path, SOMEBODY, SOMEBODY)
    assert f"{path} must belong to root" in refusal(commands, command)
    os.chown(path, 0, 0)
    path.chmod(0o775)
    assert f"{path} must belong to root" in refusal(commands, command)


def test_a_directory_above_counts_and_mailrooms_own_does_not(commands: Path) -> None:
    assert "Mailroom does not answer" in refusal(commands, "switch-on")
    os.chown(commands.parent, SOMEBODY, SOMEBODY)
    assert f"{commands.parent} must belong to root" in refusal(commands, "switch-on")


def test_a_program_of_others_is_not_run_as_root(commands: Path) -> None:
    program = commands.parent / "mailroom"
    write_file(program, "#!/bin/sh\n", 0o755)
    os.chown(program, SOMEBODY, SOMEBODY)
    os.chown(commands / "data", 0, 0)
    write_file(commands / "switch.env", (commands / "switch.env").read_text().replace("/usr/bin/false", str(program)))
    done = subprocess.run([commands / "switch-on", "--all"], capture_output=True, text=True, check=False)
    assert (done.returncode, f"{program} must belong to root" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    "address",
    ["anna@elsewhere.example", "anna@company.example smtp:[192.0.2.1]", "anna@company.example\nben@x.example", "#@company.example"],
)
def test_an_address_of_others_is_no_route(commands: Path, address: str) -> None:
    done = subprocess.run([commands / "switch-on", address], capture_output=True, text=True, check=False)
    assert (done.returncode, "is no address of this mail server" in done.stderr) == (1, True)


def test_quickstart_sees_who_can_change_a_directory(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "day-one"
    output.mkdir(parents=True)
    assert others_can_change(output) == ""
    output.chmod(0o770)
    assert others_can_change(output) == str(output)
    output.chmod(0o1777)  # as /tmp: nobody takes away the files of others there
    assert others_can_change(output) == ""
    os.chown(output.parent, SOMEBODY, SOMEBODY)
    assert others_can_change(output) == str(output.parent)


def test_a_file_is_roots_whoever_had_it(tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "switch.env", tmp_path / "elsewhere"
    elsewhere.write_text("as before")
    target.symlink_to(elsewhere)
    write_file(target, "new")
    assert (elsewhere.read_text(), target.read_text(), target.stat().st_uid, target.is_symlink()) == ("as before", "new", 0, False)
