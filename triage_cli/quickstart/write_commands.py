"""Writes the commands that let a mail server hand some recipients' messages to Mailroom and take them back."""

import re
import stat
from importlib import resources
from pathlib import Path

from triage_cli.quickstart import exim_snippets, postfix_services
from triage_cli.quickstart.mail_server import MailServer
from triage_cli.quickstart.write_settings import Ports

COMMANDS = ("switch-on", "switch-off", "bypass-check")
PARTS = ("common.sh", "mailboxes.py")
ROOT = 0
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def write_commands(server: MailServer, output: Path, ports: Ports, mailroom: str, bypass_minutes: int) -> None:
    """Write the commands, and what they add to the mail server, into the directory."""
    values = {
        "MAILROOM": mailroom,
        "SERVER_DIRECTORY": server.config_directory,
        "EXIM": server.command,
        "TAKE": str(ports.take),
        "DOMAINS_PATTERN": "|".join(re.escape(domain) for domain in server.domains),
        "BYPASS_MINUTES": str(bypass_minutes),
    }
    write_file(output / "switch.env", "".join(f"{name}={quote_word(value)}\n" for name, value in values.items()))
    if server.program == "Postfix":
        write_file(output / "postfix-services", postfix_services.list_services(server, ports))
    else:
        for name, content in exim_snippets.write_snippets(output, ports).items():
            write_file(output / name, content)
    copy_file("postfix.sh" if server.program == "Postfix" else "exim.sh", output / "server.sh")
    for name in (*COMMANDS, *PARTS):
        if name != "bypass-check" or bypass_minutes:
            copy_file(name, output / name)


def others_can_change(directory: Path) -> str:
    """The first of this directory and those above it that somebody but root can change; "" when there is none. Root runs the commands."""
    for one in (directory, *directory.parents):
        about = one.stat()
        if about.st_uid != ROOT or (about.st_mode & OTHERS_WRITE and not about.st_mode & stat.S_ISVTX):
            return str(one)
    return ""


def write_file(target: Path, content: str, mode: int = 0o644) -> None:
    """Write a file that is root's, whoever owned one of this name before."""
    target.unlink(missing_ok=True)
    target.write_text(content, "utf-8")
    target.chmod(mode)


def copy_file(name: str, target: Path) -> None:
    """Copies a file, readable by all and executable when it is a command."""
    content = (resources.files("triage_cli.quickstart") / "commands" / name).read_text("utf-8")
    write_file(target, content, 0o755 if name in COMMANDS else 0o644)


def quote_word(value: str) -> str:
    """A word for the shell."""
    return "'" + value.replace("'", "'\\''") + "'"
