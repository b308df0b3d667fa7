"""The api role: the HTTP API and the console, with the ways to sign in that the settings name."""

import os
import threading
from collections.abc import Iterable

from migrations.version import check
from triage.access.staff_login import Prover
from triage.config.settings import Settings
from triage.config.settings_loader import choose_file, find_sources
from triage.config.settings_values import list_values
from triage.errors import BadInput
from triage.quarantine.training_messages import TrainingMessage
from triage_api import app
from triage_api.http.installation import Installation


def run_role(settings: Settings, stop: threading.Event, config: str | None = None) -> None:
    """Serve until told to stop. BadInput when a setting is of no use. `config`: the settings file of the command line."""
    app.run_server(settings, stop, prover_of(settings), read_deck, check, describe_installation(settings, config))


def describe_installation(settings: Settings, config: str | None) -> Installation:
    """Describes this installation to administrators. The checks are loaded when somebody first asks for their findings."""

    def examine() -> Iterable[object]:
        from triage_cli.doctor.local_report import examine_locally

        return examine_locally(settings)

    file = choose_file(config, os.environ)
    return Installation(examine, tuple(list_values(settings, find_sources(config))), str(file or ""))


def read_deck() -> tuple[TrainingMessage, ...]:
    """Returns the training messages. They are written at the first training: a tenth of the role's start would go there."""
    from demo import training_messages

    return training_messages.read_deck()


def prover_of(settings: Settings) -> Prover | None:
    """Returns the check of passwords by the directory; None: only our own hashes count."""
    check_sign_in(settings)
    if "directory" not in settings.api.sign_in:
        return None
    from directory_sync.ldap.bind import Bind  # loads an LDAP library, which most companies do not use

    return Bind(settings.directory)


def check_sign_in(settings: Settings) -> None:
    """BadInput when nobody could sign in that way."""
    if "directory" in settings.api.sign_in and settings.directory.source != "ldap":
        raise BadInput('[api] sign_in = "directory" needs [directory] source = "ldap"')
    if "oidc" in settings.api.sign_in and not settings.identity.providers:
        raise BadInput('[api] sign_in = "oidc" needs a provider: [identity.providers.NAME] (docs/how-to/single-sign-on.md)')
    app.check_trusted_header(settings.api)
    if set(settings.api.sign_in) == {"passkey"}:
        raise BadInput('[api] sign_in = "passkey" needs another way too: people add their first passkey after they signed in')
    if not settings.api.sign_in:
        raise BadInput("[api] sign_in is empty: nobody could sign in")
