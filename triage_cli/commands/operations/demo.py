"""`mailroom demo`: a small invented company on this machine, with a morning of mail to look at."""

import sys
import threading
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

import click
from sqlalchemy import Engine, func, select
from sqlmodel import col

from demo import company, morning
from demo.prepare import prepare_demo
from migrations.upgrade import upgrade
from mta.processing.recipient_map_writer import write_recipient_map
from triage.actor import EVERYTHING, Actor, Role
from triage.config import settings_loader
from triage.config.settings import Settings, host_port
from triage.policy.rules import store as rules
from triage.store import db
from triage.store.models.messages import Message
from triage.store.models.rules import Rule
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from triage_cli.client.client_option import refuse_server
from triage_cli.output.tables import say
from triage_cli.services import startup_checks, supervisor
from triage_cli.services.stop_signals import stop_on_signals

DIRECTORY = Path("var/demo")
SEEDER = Actor("shell", "demo", Role.ADMIN, EVERYTHING, "Ida Lindqvist")
PATIENCE = 60.0  # seconds until the console must answer


@click.command()
@click.option("--fresh", is_flag=True, help="Start again with an empty database.")
@click.option(
    "--directory", type=click.Path(path_type=Path), default=DIRECTORY, show_default=True, help="Directory for all files of the demo."
)
@click.option("--smtp-port", default=2525, show_default=True)
@click.option("--http-port", default=8080, show_default=True)
@click.option("--outbound-port", default=2526, show_default=True, help="Port for employees' outgoing messages.")
@click.option("--no-mail", is_flag=True, help="Send no sample messages.")
@click.pass_context
def demo(ctx: click.Context, fresh: bool, directory: Path, smtp_port: int, http_port: int, outbound_port: int, no_mail: bool) -> int:
    """Run an invented company on this machine."""
    refuse_server(ctx)
    file = prepare_demo(directory, fresh=fresh, smtp_port=smtp_port, http_port=http_port, outbound_port=outbound_port)
    settings = settings_loader.read_settings(str(file), {})
    engine = made_ready(settings)
    stop = stop_on_signals()

    def begin() -> None:
        play = not no_mail and is_empty(engine)
        threading.Thread(target=open_demo, args=(settings, directory, play, stop), daemon=True).start()

    log_file = directory / "mailroom.log"
    log_file.unlink(missing_ok=True)
    code = supervisor.supervise_roles(str(file), stop, begin, log_file)
    if code:
        click.echo(escape_visible(read_last_error(log_file)), err=True)
    return code


def read_last_error(log_file: Path) -> str:
    """Returns the last error of a role that could not start, from its log file."""
    lines = log_file.read_text("utf-8", "replace").splitlines()
    return next((line for line in reversed(lines) if line.startswith("mailroom: ")), f"mailroom: a part could not start; see {log_file}")


def made_ready(settings: Settings) -> Engine:
    """The database at its version, the directory and the first rules in it, the SMTP server informed."""
    settings.spool.directory.mkdir(parents=True, exist_ok=True)
    engine = db.open_engine(settings.database.url)
    upgrade(engine)
    startup_checks.prepare_start(settings)
    with db.transaction(engine) as session:
        if session.scalar(select(func.count()).select_from(Rule)) == 0:
            for order in company.RULES:
                rules.add_rule(session, order, by=SEEDER, now=utcnow(), settings=settings)
    write_recipient_map(settings, engine)
    return engine


def is_empty(engine: Engine) -> bool:
    """Whether no message has come in yet."""
    with db.read_transaction(engine) as session:
        return session.scalar(select(col(Message.id)).limit(1)) is None


def open_demo(settings: Settings, directory: Path, play: bool, stop: threading.Event) -> None:
    """Wait until the console answers, say where everything is, and let the morning begin."""
    console = settings.api.public_url or f"http://{settings.api.listen}"
    if not await_console(f"{console}/readyz", stop):
        return
    click.echo(print_welcome(settings, directory, console))
    if play:
        host, port = host_port(settings.smtp.listen, "smtp.listen")
        played = morning.play_morning(directory, host, port, progress=show_progress)
        say(f"The sample messages have arrived: {played.sent}. Now it is your turn.")


def await_console(url: str, stop: threading.Event) -> bool:
    """Wait for the console's first page."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not stop.is_set():
        try:
            with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  our own address
                return bool(response.status == 200)
        except (URLError, OSError):
            time.sleep(0.1)
    return False


def show_progress(sent: int, total: int) -> None:
    """Shows how many messages of the demo were sent, on a terminal only."""
    if sys.stdout.isatty():
        click.echo(f"\r  mail {sent}/{total} ", nl=sent == total)


def print_welcome(settings: Settings, directory: Path, console: str) -> str:
    """Returns the welcome of the demo: addresses, sign-ins, and one line to send a first message with."""
    host, port = host_port(settings.smtp.listen, "smtp.listen")
    person = company.list_people()[0]
    to = f"{person.department}+{person.uid}@{settings.company.domains[0]}"
    send = (
        f"python3 -c \"import smtplib; smtplib.SMTP('{host}', {port}).sendmail('you@stranger.example', '{to}', "
        f"'From: you@stranger.example\\r\\nTo: {to}\\r\\nSubject: Hello\\r\\n\\r\\nMay I come in?\\r\\n')\""
    )
    config = "" if directory == DIRECTORY else f" (with --config {directory}/mailroom.toml)"
    staff = ", ".join(f"{one.login} ({one.role})" for one in company.STAFF)
    return f"""
Mailroom is open.
  Console      {console}   sign in as ana, password {company.PASSWORD}
  Passkeys     {console.replace("127.0.0.1", "localhost")}   passkeys need a host name
  Also staff   {staff}; the same password
  Mail in      {host}:{port}
  Mail out     {settings.outbound.listen}   employees write here; Mailroom learns their contacts
  Mailboxes    {directory}/mailboxes/   released messages arrive here
  Outside      {directory}/outside/     employees' messages and notices to senders arrive here
  Test message {send}
  Shell        {command_called() + " deliveries"}{config}; show ID, release ID and many more (--help)
  Log          {directory}/mailroom.log
  Stop         Ctrl+C; start over with: {command_called()} demo --fresh{"" if directory == DIRECTORY else f" --directory {directory}"}
"""


def command_called() -> str:
    """Returns the path of this command as a shell here finds it."""
    path = Path(sys.argv[0]).absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
