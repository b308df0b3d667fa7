"""A resource's routes import its own schemas, and those that these are made of."""

import subprocess
import sys

import pytest

PROGRAM = """
import importlib, sys
importlib.import_module("triage_api.routes." + sys.argv[1])
names = (name.removeprefix("triage_api.schemas.") for name in sys.modules if name.startswith("triage_api.schemas."))
print(*(name for name in names if "." in name))
"""


@pytest.mark.parametrize(
    ("resource", "schemas"),
    [
        ("queue.deliveries", set()),
        ("access.people", set()),
        ("operations.outgoing_queue", {"queue.deliveries"}),
        ("access.staff", set()),
        ("access.api_tokens", set()),
        (
            "policy.rules",
            {
                "policy.consent",
                "decisions.approvals",
                "decisions.rule_trials",
                "queue.selections",
                "queue.deliveries",
                "decisions.decisions",
            },
        ),
    ],
)
def test_a_resource_has_its_own(resource: str, schemas: set[str]) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, resource], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {resource} | schemas
