"""A resource's routes import its own shapes, and those that these are made of."""

import subprocess
import sys

import pytest

ALWAYS = {"items", "second_looks", "session", "texts"}  # refusals, and who is asking
PROGRAM = """
import importlib, sys
importlib.import_module(sys.argv[1])
print(*(name.rpartition(".")[2] for name in sys.modules if name.startswith("triage_api.shapes.")))
"""


@pytest.mark.parametrize(
    ("resource", "shapes"),
    [
        ("deliveries", {"escalated"}),
        ("people", set()),
        ("queue", {"deliveries", "escalated"}),
        ("staff", set()),
        ("tokens", set()),
        ("rules", {"consent", "second_keys", "trials", "selections", "deliveries", "escalated", "decisions"}),
    ],
)
def test_a_resource_has_its_own(resource: str, shapes: set[str]) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, f"triage_api.{resource}"], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == ALWAYS | {resource} | shapes
