"""The api role: the HTTP API and the console, with the one way to sign in that the settings name."""

import threading

from demo.exercises import deck
from directory_sync.ldap.bind import Bind
from migrations.version import check
from triage.access.staff_login import Prover
from triage.config.settings import Settings
from triage.errors import BadInput
from triage_api import app


def run(settings: Settings, stop: threading.Event) -> None:
    """Serve until told to stop. BadInput when a setting is of no use."""
    app.run(settings, stop, prover_of(settings), deck, check)


def prover_of(settings: Settings) -> Prover | None:
    """Who says that a password is right; None: our own hashes."""
    if settings.api.sign_in == "local":
        return None
    check_sign_in(settings)
    return Bind(settings.directory)


def check_sign_in(settings: Settings) -> None:
    """BadInput when nobody could sign in that way."""
    if settings.api.sign_in == "directory" and settings.directory.source != "ldap":
        raise BadInput('[api] sign_in = "directory" needs [directory] source = "ldap"')
