"""Imports of each module by itself, on each interpreter: finds names that the standard library has dropped."""

import importlib.util
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = (
    "triage",
    "mail_auth",
    "mta",
    "mailboxes",
    "directory_sync",
    "identity",
    "webhooks",
    "triage_api",
    "triage_cli",
    "demo",
    "migrations",
)
OF_EXTRAS = {"directory_sync.ldap.openldap_driver": "ldap"}  # modules that need a library which is not installed everywhere


def modules(room: str) -> list[str]:
    """Returns the modules of a top folder, by name."""
    found = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / room).rglob("*.py")
        if path.stem != "__main__"
    }
    return sorted(found - {name for name, library in OF_EXTRAS.items() if importlib.util.find_spec(library) is None})


@pytest.fixture(autouse=True)
def signals_as_they_were() -> Iterator[None]:
    """A module that is a process of its own (`triage_cli.services.preload`) blocks SIGTERM, and who is started from here would never hear
    it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_can_be_imported(room: str) -> None:
    failed = {}
    for name in modules(room):
        try:
            importlib.import_module(name)
        except Exception as fault:
            failed[name] = repr(fault)
    assert failed == {}
