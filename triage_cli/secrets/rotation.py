"""Rotation of secrets: new values, the roles that read them started again, and the old values back where a role does not start."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from triage.errors import BadInput, Refused
from triage.text.numbers import format_count
from triage_cli.secrets.encrypted_files import NotEncryptable, Secrets, choose_key
from triage_cli.secrets.known_secrets import TIMED, known_secret

BOOTED = Path("/run/systemd/system")  # sd_booted(3)
SECONDS = 300  # that a role may take to start
PAIR = {"smtp.tls_cert", "smtp.tls_key"}


@dataclass(frozen=True, slots=True)
class Rotation:
    """Plan of a rotation: the new values by name, which of them Mailroom made, and the roles that are restarted."""

    values: Mapping[str, bytes]
    made: frozenset[str]
    roles: tuple[str, ...]  # those that run now

    def describe(self) -> Iterator[str]:
        """Says what follows, a sentence each: what others have to do, and what happens here."""
        for name in self.values:
            yield f"{name}: {'Mailroom makes a new value' if name in self.made else 'the new value is the one that you give'}."
        yield from dict.fromkeys(known_secret(name).follows for name in self.values)
        if self.roles:
            yield f"Restarts {format_count(len(self.roles), 'role')}: {', '.join(self.roles)}."
            yield "If one does not start, the old secret comes back."
        else:
            yield "No role that reads it runs here: each reads it when it starts."
        yield find_form()


def find_form() -> str:
    """Says how secrets are kept on this machine."""
    try:
        choose_key()
    except NotEncryptable as fault:
        return f"Kept as a file that only root reads: {fault}."
    return "Encrypted by systemd-creds, where it can."


def plan_rotation(secrets: Secrets, given: Mapping[str, bytes | None]) -> Rotation:
    """Plans the rotation of these secrets; None: Mailroom makes the value. BadInput says what is missing; nothing is changed."""
    values, made = {}, set()
    for name, value in given.items():
        known = known_secret(name)
        old = secrets.read(name)
        new = value if value is not None else known.make(old.decode("utf-8", "replace")).encode()
        if not new.strip():
            raise BadInput(
                f"{name}: {'the new value is empty' if value is not None else 'somebody else makes it'}: give NAME=FILE, or NAME=-"
            )
        if new == old:
            raise BadInput(f"{name}: the new value is the old one")
        values[name] = new
        made |= {name} if value is None else set()
    if len(PAIR & values.keys()) == 1:
        raise BadInput("certificate and key are a pair: name smtp.tls_cert=FILE and smtp.tls_key=FILE together")
    roles = dict.fromkeys(role for name in values for role in known_secret(name).roles if role not in TIMED)
    return Rotation(values, frozenset(made), tuple(role for role in roles if is_running(role)))


def rotate(secrets: Secrets, plan: Rotation) -> bool:
    """Writes the new values and restarts the roles. Returns whether all are encrypted.

    Refused, and all is as before, when a role does not start.
    """
    kept = {name: secrets.keep(name) for name in plan.values}
    try:
        encrypted = [secrets.write(name, value) for name, value in plan.values.items()]
        failed = restart_roles(plan.roles)
    except BaseException:
        put_all_back(secrets, kept)
        raise
    if failed:
        put_all_back(secrets, kept)
        again = restart_roles(plan.roles)
        ends = f"; it does not start with the old one either: {', '.join(again)}" if again else ""
        raise Refused(f"with the new secret a role did not start: {', '.join(failed)} (journalctl -u). The old secret is back{ends}")
    return all(encrypted)


def put_all_back(secrets: Secrets, kept: Mapping[str, dict[Path, bytes]]) -> None:
    """Makes the files of all these secrets what they were."""
    for name, files in kept.items():
        secrets.put_back(name, files)


def is_running(role: str) -> bool:
    """Tells whether the unit of a role runs on this machine, under systemd."""
    return BOOTED.is_dir() and ask_systemd("is-active", "--quiet", unit_of(role))


def restart_roles(roles: tuple[str, ...]) -> list[str]:
    """Restarts these roles and waits until each says that it is ready. Returns the units that did not."""
    return [unit_of(role) for role in roles if not ask_systemd("restart", unit_of(role))]


def unit_of(role: str) -> str:
    """Returns the name of a role's unit."""
    return f"mailroom-{role}.service"


def ask_systemd(*words: str) -> bool:
    """Runs systemctl; tells whether it succeeded."""
    command = ["systemctl", *words]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        return False
