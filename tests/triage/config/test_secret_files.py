"""Credentials of systemd units, as the settings name them."""

from pathlib import Path

import pytest

from triage.config.secret_files import held_here

OF_THE_ROLE = "/run/credentials/mailroom-webhooks.service/webhooks_chat.key"
DOCTOR = {"CREDENTIALS_DIRECTORY": "/run/credentials/run-r1.service"}


@pytest.mark.parametrize(
    ("file", "environment", "found"),
    [
        (OF_THE_ROLE, DOCTOR, "/run/credentials/run-r1.service/webhooks_chat.key"),
        (OF_THE_ROLE, {"CREDENTIALS_DIRECTORY": "/run/credentials/mailroom-webhooks.service"}, OF_THE_ROLE),
        (OF_THE_ROLE, {}, OF_THE_ROLE),
        ("/etc/mailroom/chat.key", DOCTOR, "/etc/mailroom/chat.key"),
        ("chat.key", DOCTOR, "chat.key"),
    ],
)
def test_each_unit_has_its_own(file: str, environment: dict[str, str], found: str) -> None:
    assert held_here(file, environment) == Path(found)
