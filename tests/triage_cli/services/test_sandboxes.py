"""Functions that the sandbox units serve: those that the other processes ask for, and no others."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from triage.runtime.sandbox_pool import ANSWER, DONE, FAILED
from triage_cli.services import sandboxes

ROOT = Path(__file__).parents[3]
UNITS = ROOT / "deploy" / "systemd"
INSTALLED = {  # what units of before 0.1.0 start
    "parse": (
        "triage.bounded",
        "--socket",
        "triage.content:summarise_json",
        "triage.outgoing:read_json",
        "triage.preview:render_json",
        "triage_api.attachments:attachment",
    ),
    "draw": ("triage.bounded", "--socket", "triage.drawing:draw"),
}
ASKED = [(unit, name) for unit, names in sandboxes.FUNCTIONS.items() for name in names]


def answer(unit: str, function: str, command: Sequence[str] = ()) -> tuple[int, bytes]:
    """Returns what a sandbox says first, and its reason; `command`: how another unit than ours starts it."""
    hello = json.dumps([function, 1 << 30, 30.0, 0]).encode() + b"\n"
    starts = ["-m", *(command or ("triage_cli", unit))]
    done = subprocess.run([sys.executable, "-P", *starts], cwd=ROOT, input=hello, capture_output=True, check=False)
    kind, size = ANSWER.unpack(done.stdout[: ANSWER.size])
    return kind, done.stdout[ANSWER.size : ANSWER.size + size]


@pytest.mark.parametrize(("unit", "function"), ASKED)
def test_a_sandbox_is_ready_for_each_function(unit: str, function: str) -> None:
    assert answer(unit, function) == (DONE, b"")


@pytest.mark.parametrize(("unit", "function"), ASKED)
def test_a_unit_that_was_installed_before_serves_it_too(unit: str, function: str) -> None:
    assert answer(unit, function, INSTALLED[unit]) == (DONE, b"")


def test_a_sandbox_serves_no_other_function() -> None:
    assert answer("parse", "triage.message.preview.render_pages:draw_page") == (FAILED, b"it is not for this function")


@pytest.mark.parametrize("unit", sandboxes.FUNCTIONS)
def test_units_name_no_module_that_may_be_renamed(unit: str) -> None:
    assert f"python3 -I -m triage_cli {unit}\n" in (UNITS / f"mailroom-{unit}@.service").read_text()


def test_a_sandbox_imports_no_command() -> None:
    program = "import sys; import triage.runtime.sandbox_pool; from triage_cli.services import sandboxes; print('click' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
