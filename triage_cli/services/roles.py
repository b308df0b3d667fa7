"""Roles, a process each: started by `mailroom serve` or by service units."""

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module

import click

from triage.config.settings import Settings
from triage.runtime import gc_tuning, metrics
from triage.runtime.systemd import notify_ready
from triage_cli.client.client_option import settings_of
from triage_cli.services.log_format import TextLines, follow_settings
from triage_cli.services.stop_signals import stop_on_signals

PR_SET_PDEATHSIG = 1  # prctl(2)
DOORS = frozenset({"receive", "outbound", "api", "identity"})  # roles that others connect to
WITHOUT_RECORDS = frozenset({"identity"})  # roles that read no record of a message
WITHOUT_SPOOL = frozenset({"receive", "identity"})  # roles that write no figures of their own there
BUSY = frozenset({"judge"})  # roles that make and drop thousands of objects for each message
SUPERVISOR = "MAILROOM_SUPERVISOR"  # in the environment of a role: the process that started it


CHATTY = ("alembic", "asyncio", "uvicorn")  # libraries that log each step of theirs


def log_to_stderr(role: str) -> None:
    """Sets up logging to standard error for a role."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextLines(role))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # what no line shows is not looked up (the logging HOWTO, "Optimization")
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    for library in CHATTY:
        logging.getLogger(library).setLevel(logging.WARNING)


def watch_role(settings: Settings, role: str) -> None:
    """Log as the settings say from now on, and count what this role does, warnings too. Workers of `receive` begin by themselves."""
    follow_settings(settings.logs, role)
    if role not in WITHOUT_SPOOL:
        metrics.begin_metrics(settings.spool.directory, role)
    logging.getLogger().addHandler(metrics.Counting(role))


def start_role(ctx: click.Context, module: str, role: str, **more: str | None) -> None:
    """Run a role until it is told to stop (SIGTERM, SIGINT). One that opens a door says itself when it is open.

    `more`: what the role needs to know besides its settings.
    """
    begin_role(role)
    stop = stop_on_signals()
    with gc_tuning.pause_gc():
        run: Callable[..., None] = import_module(module).run_role
    settings = settings_of(ctx)
    if role not in WITHOUT_RECORDS:
        import_module("triage.store.message_record.dictionaries").check_dictionaries()
    watch_role(settings, role)
    if role in BUSY:
        gc_tuning.collect_rarely()
    if role not in DOORS:
        notify_ready()
    try:
        run(settings, stop, **more)
    finally:
        metrics.end_metrics(settings.spool.directory, role)


def begin_role(role: str) -> None:
    """Starts a role: it ends with its supervisor, and logs to standard error."""
    end_with(os.environ.get(SUPERVISOR, ""))
    log_to_stderr(role)


def end_with(supervisor: str) -> None:
    """Do not outlive the supervisor with this process id; "" when there is none. It may be dead already."""
    if supervisor and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(supervisor):  # it died before we could ask for the signal
            sys.exit(0)


@click.command()
@click.pass_context
def receive(ctx: click.Context) -> None:
    """Run the SMTP server."""
    begin_role("receive")

    def read() -> Settings:
        settings = settings_of(ctx)
        follow_settings(settings.logs, "receive")
        return settings

    watch_role(read(), "receive")
    import_module("mta.server.supervisor").supervise_workers(read)


@click.command()
@click.pass_context
def judge(ctx: click.Context) -> None:
    """Run the processor, which authenticates and judges new messages."""
    start_role(ctx, "mta.processing.processor", "judge")


@click.command()
@click.pass_context
def outbound(ctx: click.Context) -> None:
    """Run the port for employees' outgoing messages."""
    start_role(ctx, "mta.outbound.outbound_processor", "outbound")


@click.command()
@click.pass_context
def relay(ctx: click.Context) -> None:
    """Run delivery to the next hops."""
    start_role(ctx, "mta.delivery.relay", "relay")


@click.command()
@click.pass_context
def recall(ctx: click.Context) -> None:
    """Run the removal of messages from mailboxes."""
    start_role(ctx, "mailboxes.recall.recall_role", "recall")


@click.command()
@click.pass_context
def api(ctx: click.Context) -> None:
    """Run the HTTP API and the console."""
    start_role(ctx, "triage_cli.services.api_role", "api", config=ctx.find_root().obj)


@click.command()
@click.pass_context
def identity(ctx: click.Context) -> None:
    """Run the sign-in at identity providers (OpenID Connect)."""
    start_role(ctx, "identity.identity_role", "identity")


@click.command()
@click.pass_context
def upkeep(ctx: click.Context) -> None:
    """Run maintenance: audit log, retention, alerts, digests."""
    start_role(ctx, "triage_cli.services.upkeep", "upkeep")


@click.command()
@click.pass_context
def mirror(ctx: click.Context) -> None:
    """Run the mirror of held messages in IMAP accounts."""
    start_role(ctx, "mailboxes.mirror.mirror_role", "mirror")
