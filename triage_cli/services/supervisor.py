"""`mailroom serve`: every role of one machine as a process of its own, started, watched and started again."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import click

from mta.spool.recipient_map_file import NAME as SNAPSHOT
from mta.spool.spool import Spool
from triage.config import settings_loader
from triage_cli.client.client_option import settings_of
from triage_cli.client.exit_codes import USAGE
from triage_cli.services.forkserver import Child, run_child_command
from triage_cli.services.roles import SUPERVISOR, log_to_stderr
from triage_cli.services.stop_signals import Renewal, stop_on_signals

ALONE = "receive"  # reads what strangers write, and has nothing of the database's in its memory
FIRST = (ALONE, "api")  # people and mail wait for these; the SMTP server opens with the snapshot it has
THEN = ("judge", "relay", "upkeep")  # and what the settings ask for
LONGEST_PAUSE = 30.0
GRACE = 20.0  # seconds to finish what is under way

log = logging.getLogger("mailroom.serve")


@click.command()
@click.pass_context
def serve(ctx: click.Context) -> int:
    """Run all roles of this machine. SIGHUP makes the SMTP server read the settings again."""
    log_to_stderr("serve")
    config, settings = ctx.find_root().obj, settings_of(ctx)
    Spool(settings.spool.directory).close()  # says so if it cannot be written
    stop, renewed = stop_on_signals(), Renewal()

    def prepare() -> None:
        if code := Child(prepare_roles, config, name="prepare").wait():
            raise click.exceptions.Exit(code)

    if not (settings.spool.directory / SNAPSHOT).exists():  # the first start: nobody is known yet who could get mail
        prepare()
        return supervise_roles(config, stop, renewed=renewed)
    return supervise_roles(config, stop, prepare, renewed=renewed)


def prepare_roles(config: str | None) -> None:
    """Prepares all that must be right before the roles start."""
    log_to_stderr("serve")
    import_module("triage_cli.services.startup_checks").prepare_start(settings_loader.read_settings(config))


def later_roles(config: str | None) -> tuple[str, ...]:
    """The roles that start after the first ones."""
    settings = settings_loader.read_settings(config)
    wanted = {
        "outbound": settings.takes_outbound,
        "recall": settings.reaches_mailboxes,
        "mirror": bool(settings.mirror.departments),
        "sync --follow": settings.directory.source == "ldap",
        "webhooks": settings.sends_webhooks,
        "identity": "oidc" in settings.api.sign_in,
    }
    return (*THEN, *(role for role, needed in wanted.items() if needed))


@dataclass
class Role:
    """Role and its process."""

    name: str
    process: subprocess.Popen[bytes] | Child
    started: float = field(default_factory=time.monotonic)
    failures: int = 0
    again_at: float = 0.0


def supervise_roles(
    config: str | None,
    stop: threading.Event,
    prepare: Callable[[], None] = lambda: None,
    log_file: Path | None = None,
    *,
    renewed: Callable[[], bool] = lambda: False,
) -> int:
    """Open door and console, prepare, start the other roles; start again what ends, stop all when told; the exit code.

    When `renewed` says that the settings have changed the SMTP server is told; the other roles read theirs as they start.

    They log to `log_file`, or to standard error. A role that cannot run at all (a port in use) has said why there: then
    everything stops.
    """
    roles = [Role(name, launch_role(name, config, log_file)) for name in FIRST]
    try:
        prepare()
        roles += [Role(name, launch_role(name, config, log_file)) for name in later_roles(config)]
        while not stop.wait(0.1):
            if renewed():
                reload_receive(roles)
            for role in roles:
                if (code := role.process.poll()) is None:
                    continue
                if code == USAGE and not role.failures:  # its first start: it cannot run like this at all
                    return code
                start_again(role, config, code, log_file)
        return 0
    finally:
        stop_all(roles)


def reload_receive(roles: list[Role]) -> None:
    """SIGHUP to `receive`: new workers take over, sessions of before are finished (mta.server.supervisor)."""
    for role in roles:
        if role.name == ALONE and role.process.poll() is None:
            role.process.send_signal(signal.SIGHUP)


def launch_role(name: str, config: str | None, log_file: Path | None) -> subprocess.Popen[bytes] | Child:
    """A role's process. It ends when this one does."""
    words = [*(["--config", config] if config else []), *name.split()]
    return (
        execute_role(words, log_file) if name == ALONE else Child(run_child_command, words, name=name.partition(" ")[0], log_file=log_file)
    )


def execute_role(words: Sequence[str], log_file: Path | None) -> subprocess.Popen[bytes]:
    """A process that shares nothing with this one and what it has imported."""
    environment = os.environ | {SUPERVISOR: str(os.getpid())}
    program = [sys.executable, "-m", "triage_cli", *words]
    if log_file is None:
        return subprocess.Popen(program, env=environment, stdin=subprocess.DEVNULL)
    with log_file.open("ab") as log_to:
        return subprocess.Popen(program, env=environment, stdin=subprocess.DEVNULL, stderr=log_to)


def start_again(role: Role, config: str | None, code: int, log_file: Path | None) -> None:
    """Start a role that ended, at once the first time, then after longer and longer pauses."""
    now = time.monotonic()
    if not role.again_at:
        role.failures = role.failures + 1 if now - role.started < LONGEST_PAUSE else 1
        role.again_at = now + min(0.1 * 2**role.failures, LONGEST_PAUSE)
        log.error("%s ended with code %d", role.name, code)
    elif now >= role.again_at:
        role.process, role.started, role.again_at = launch_role(role.name, config, log_file), now, 0.0


def stop_all(roles: list[Role]) -> None:
    """Tell every role to finish; end those that do not."""
    for role in roles:
        if role.process.poll() is None:
            role.process.terminate()
    deadline = time.monotonic() + GRACE
    for role in roles:
        try:
            role.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            role.process.kill()
            role.process.wait()
