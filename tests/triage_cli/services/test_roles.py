"""A role can run, and ends with the supervisor that started it, also with one that died before the role could notice."""

import inspect
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from triage_cli.services import roles
from triage_cli.services.roles import SUPERVISOR


def ended() -> int:
    """The id of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


# they begin by the same verb
OTHERS = [pytest.param(role, marks=pytest.mark.long) for role in ("relay", "recall", "upkeep", "api", "webhooks")]


@pytest.mark.parametrize("role", ["receive", "judge", *OTHERS])
def test_a_role_whose_supervisor_is_dead_ends_at_once(role: str, tmp_path: Path) -> None:
    (tmp_path / "mailroom.toml").write_text("[company]\ndomains = []\n")  # it would be refused with 2
    command = [sys.executable, "-m", "triage_cli", "--config", str(tmp_path / "mailroom.toml"), role]
    code = [
        subprocess.run(command, env=os.environ | {SUPERVISOR: str(pid)}, check=False, capture_output=True).returncode
        for pid in (ended(), os.getpid())
    ]
    assert code == [0, 2]


WITHOUT_DICTIONARY = """
import sys
from pathlib import Path
from triage.store.message_record import dictionaries
from triage_cli.main import main
dictionaries.DIRECTORY = Path(sys.argv.pop(1))
main()
"""


@pytest.mark.parametrize("role", ["judge", *OTHERS[:4]])
def test_a_role_without_its_dictionary_names_the_backup_and_ends(role: str, tmp_path: Path) -> None:
    (tmp_path / "mailroom.toml").write_text(
        f"[company]\ndomains = ['company.example']\nhostname = 'mx.company.example'\n[spool]\ndirectory = '{tmp_path}'\n"
    )
    command = [sys.executable, "-P", "-c", WITHOUT_DICTIONARY, str(tmp_path), "--config", str(tmp_path / "mailroom.toml"), role]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert "copy records_1.zdict from the directory `dictionaries` of a backup" in done.stderr
    assert done.returncode > 0


def test_every_role_that_a_command_starts_has_a_function_that_runs_it() -> None:
    modules = re.findall(r'start_role\(ctx, "([\w.]+)"', inspect.getsource(roles))
    assert "identity.identity_role" in modules
    assert [name for name in modules if not callable(getattr(import_module(name), "run_role", None))] == []
