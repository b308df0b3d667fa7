"""A resource's routes import its own schemas, and those that these are made of."""

import subprocess
import sys

# What all resources need takes a second to import: that is done once, and each resource is a child of it
PROGRAM = """
import importlib, os, sys
import triage.store.models.deliveries, triage_api.http.dependencies, triage_api.http.idempotency, triage_api.http.session_auth
for resource in sys.argv[1:]:
    if not os.fork():
        importlib.import_module("triage_api.routes." + resource)
        names = (name.removeprefix("triage_api.schemas.") for name in sys.modules if name.startswith("triage_api.schemas."))
        print(resource, *(name for name in names if "." in name), flush=True)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(f"{resource} cannot be imported")
"""
OWN: dict[str, set[str]] = {
    "queue.deliveries": set(),
    "access.people": set(),
    "operations.outgoing_queue": {"queue.deliveries"},
    "access.staff": set(),
    "access.api_tokens": set(),
    "policy.rules": {
        "policy.consent",
        "decisions.approvals",
        "decisions.rule_trials",
        "queue.selections",
        "queue.deliveries",
        "decisions.decisions",
    },
}


def test_a_resource_has_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *OWN], capture_output=True, text=True, check=True)
    found = {resource: {*schemas} for resource, *schemas in map(str.split, done.stdout.splitlines())}
    assert found == {resource: {resource} | schemas for resource, schemas in OWN.items()}
