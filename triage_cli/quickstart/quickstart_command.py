"""`mailroom quickstart`: reads the mail server of this machine and writes what puts Mailroom in front of one person, without risk."""

import shutil
import sys
from pathlib import Path

import click

from triage.errors import BadInput, Refused
from triage.text.sanitize import escape_visible
from triage_cli.client.client_option import refuse_server
from triage_cli.client.exit_codes import DONE, REFUSED
from triage_cli.output.tables import say
from triage_cli.quickstart import dns_advice, exim_snippets, read_dovecot, write_commands, write_directory, write_settings
from triage_cli.quickstart.mail_server import MailServer, addresses_in
from triage_cli.quickstart.read_exim import read_exim
from triage_cli.quickstart.read_postfix import is_routed, open_postfix, read_postfix
from triage_cli.quickstart.write_settings import DATA, Ports, free_port

OUTPUT = Path("mailroom-quickstart")
QUEUE, BYPASS = "queue", "bypass"
SMTP = 25
OWNER_ONLY, FOR_EXIM = 0o750, 0o755  # Exim reads its snippets as another user
WRITTEN = ("mailroom.toml", "company.toml")
NEXT = """
Next, in {output}:
  1. Look through mailroom.toml and company.toml. Give people their departments.
  2. {mailroom} --config mailroom.toml db upgrade && {mailroom} --config mailroom.toml sync
     {mailroom} --config mailroom.toml staff add YOU --role admin --scope company
  3. {mailroom} --config mailroom.toml serve &
     {mailroom} --config mailroom.toml doctor
  4. As root, begin with one person:   ./switch-on {first}
     Take all of it back at any time:  ./switch-off
Mailroom starts in Record only: everything but blocked messages and forgeries of your domain passes.
What is held later waits until somebody decides, also out of hours: [coverage] in mailroom.toml.
"""
NO_COMMANDS = """
mailroom.toml and company.toml are written as a start. No commands to switch on are: this is not understood, and messages could get lost:"""
NOT_ROOTS = """
mailroom.toml and company.toml are written as a start. No commands to switch on are: root would run them, and
somebody else can change {directory}. Become root, and name an --output that only root can change, such as /etc/mailroom/day-one."""
AWAY = {
    QUEUE: "While Mailroom is away, {program} queues the messages of these recipients and retries for days.",
    BYPASS: "When Mailroom has not answered for {minutes} minutes, bypass-check switches it off: what comes then is not held. "
    "Add it to root's crontab: * * * * * {output}/bypass-check",
}


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=OUTPUT,
    help="Directory for the files; nothing else is written.",
)
@click.option("--postfix", "postfix_directory", metavar="DIR", default="", help="Directory of main.cf. Default: Postfix's own.")
@click.option("--exim", "exim_config", metavar="FILE", default="", help="Read Exim with this configuration file instead of Postfix.")
@click.option(
    "--mailboxes",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Addresses of mailboxes, one a line, where neither the mail server nor Dovecot can list them.",
)
@click.option(
    "--while-away",
    default=QUEUE,
    metavar="queue|bypass:MINUTES",
    help="What the mail server does while Mailroom is down: queue the messages, or deliver past it after so many minutes.",
)
@click.option(
    "--ports",
    metavar="IN,BACK,CONSOLE",
    default="",
    help="Ports of 127.0.0.1 where Mailroom receives messages, returns them, and serves the console. Default: the first that are free "
    "from 2525, 10025 and 8080.",
)
@click.option("--overwrite", is_flag=True, help="Replace the files of an earlier run.")
@click.pass_context
def quickstart(
    ctx: click.Context,
    output: Path,
    postfix_directory: str,
    exim_config: str,
    mailboxes: Path | None,
    while_away: str,
    ports: str,
    overwrite: bool,
) -> int:
    """Read the local mail server's configuration, and write settings and commands to start with.

    Nothing but the files in --output is written, and no other program is changed. Where something is not understood, the command
    says what, and writes no commands. Exit code 1 then.
    """
    refuse_server(ctx)
    output = output.resolve()
    minutes = bypass_minutes(while_away)
    earlier = [name for name in WRITTEN if (output / name).exists()]
    if earlier and not overwrite:
        raise BadInput(f"{output} holds {' and '.join(earlier)} of an earlier run: name another --output, or give --overwrite")
    server = read_mail_server(postfix_directory, exim_config, mailboxes)
    places = chosen_ports(ports, SMTP if server.program == "Exim" else 0)
    print_findings(server)
    output.mkdir(mode=FOR_EXIM if server.program == "Exim" else OWNER_ONLY, parents=True, exist_ok=True)
    for directory in (output / DATA, output / DATA / "spool"):
        directory.mkdir(mode=OWNER_ONLY, exist_ok=True)
    write_commands.write_file(output / "mailroom.toml", write_settings.format_settings(server, output, places))
    write_commands.write_file(output / "company.toml", write_directory.format_directory(server), 0o640)
    if server.unsure:
        click.echo(NO_COMMANDS)
        for one in server.unsure:
            say(f"  - {one}")
        say("docs/how-to/edge-servers.md describes a set-up by hand.")
        return REFUSED
    if changeable := write_commands.others_can_change(output):
        say(NOT_ROOTS.format(directory=changeable))
        return REFUSED
    write_commands.write_commands(server, output, places, command_path(), minutes)
    away = AWAY[BYPASS if minutes else QUEUE].format(minutes=minutes, output=output, program=server.program)
    first = next(iter(sorted(server.mailboxes)), "ADDRESS")
    if server.program == "Exim":
        click.echo(escape_visible(exim_snippets.HOW.format(output=output), lines=True))
    click.echo(escape_visible(NEXT.format(output=output, mailroom=command_path(), first=first), lines=True))
    say(away)
    return DONE


def chosen_ports(said: str, give: int) -> Ports:
    """The three ports. `give`: the one that takes back, where the mail server has it already."""
    if not said:
        take = free_port(2525)
        return Ports(take, give or free_port(10025, (take,)), free_port(8080, (take,)))
    numbers = said.split(",")
    if len(numbers) != 3 or not all(one.isdigit() and 0 < int(one) < 65536 for one in numbers) or len(set(numbers)) < 3:
        raise BadInput(f"--ports: three different ports such as 2525,10025,8080, not {said}")
    return Ports(*map(int, numbers))


def bypass_minutes(said: str) -> int:
    """Minutes after which Postfix delivers past Mailroom, 0: never."""
    kind, _, number = said.partition(":")
    if kind == QUEUE and not number:
        return 0
    if kind == BYPASS and number.isdigit() and int(number) > 0:
        return int(number)
    raise BadInput(f"--while-away: queue or bypass:MINUTES, such as bypass:15, not {said}")


def read_mail_server(postfix_directory: str, exim_config: str, mailboxes: Path | None) -> MailServer:
    """The mail server of this machine, with the users that Dovecot knows."""
    postfix = None if exim_config else open_postfix(postfix_directory)
    server = read_postfix(postfix) if postfix else read_exim(exim_config)
    if server is None:
        raise Refused("this user finds no Postfix (postconf) and no Exim: name one with --postfix or --exim, or become root")
    if postfix and is_routed(postfix):
        server.unsure.append("Postfix already hands messages to Mailroom: run switch-off of the earlier run first")
    read_dovecot.add_users(server)
    if mailboxes:
        given = addresses_in(mailboxes.read_text("utf-8"))
        server.mailboxes |= {one: "" for one in given if one.rpartition("@")[2] in server.domains and one not in server.mailboxes}
    if not server.mailboxes:
        server.unsure.append("no mailbox could be listed: give --mailboxes FILE")
    return server


def print_findings(server: MailServer) -> None:
    """Print what was read, and the DNS records."""
    say(f"{server.program} {server.version} on {server.hostname}, configured in {server.config_directory}")
    for one in (*server.notes, *dns_advice.advise_records(server)):
        say(f"  {one}")


def command_path() -> str:
    """Returns the whole path of this command as it was called."""
    found = shutil.which(sys.argv[0])
    return str(Path(found).absolute()) if found and Path(found).name == "mailroom" else str(Path(sys.executable).parent / "mailroom")
