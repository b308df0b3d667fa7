"""Log lines as text or JSON, on standard error or in the journal. Nothing in them acts on a terminal or begins a line of its own."""

import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from triage.config.settings import Logs
from triage.text.sanitize import escape_visible
from triage_cli.output.tables import json_text

OWN_KEYS = ("time", "level", "role", "logger", "event", "fault")  # of every JSON line; no value has such a name
VALUES = {  # what a JSON line names, where it speaks of it: these names do not change
    "account": "login or address that somebody signs in with, or a department's mailbox account",
    "act": "folder of the mail program that a message was moved into",
    "address": "address of Mailroom itself that an employee wrote to",
    "at": "when it is tried again",
    "attachment": "number of the attachment",
    "attempt": "number of the attempt",
    "client": "IP address of the client, with what it calls itself",
    "copy": "id of a copy in a mail program",
    "delivery": "id of a delivery",
    "folder": "folder in a mailbox",
    "line": "number of a line of a file",
    "mailbox": "mailbox that a delivery is for",
    "message": "id of a message, as in the 250 reply",
    "method": "method of an HTTP request",
    "milliseconds": "how long a request took",
    "name": "file name of a submission",
    "next_hop": "server that deliveries go to",
    "outcome": "what came of it",
    "owner": "uid of the user who wrote a submission",
    "pause": "seconds until it is tried again",
    "path": "route of an HTTP request, without what was searched for",
    "recipient": "address in RCPT TO",
    "recipients": "how many recipients a message has",
    "reply": "reply of a server: ours to a client, or the next hop's",
    "reverse_path": "address in MAIL FROM",
    "rule": "name of the policy rule that decided",
    "size": "bytes of a message",
    "state": "state of a delivery",
    "status": "status of an HTTP answer",
    "stream": "stream of security events: lines or syslog",
    "tls": "version of TLS, empty without",
    "verdict": "what the policy decided: relay, quarantine or purge",
    "why": "reason in words",
}
STANDARD_ERROR = 2
PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}  # syslog(3)


def is_journal() -> bool:
    """Whether standard error goes to the systemd journal. It notes the time itself, and reads priorities (sd-daemon(3))."""
    try:
        there = os.fstat(STANDARD_ERROR)
    except OSError:  # it is closed
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


def is_own_unit() -> bool:
    """Whether systemd started this very process, so that the unit tells the role."""
    return os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid())


class TextLines(logging.Formatter):
    """Log format with a line for each event, with its time and role where nobody else notes them; only a fault's traceback has more
    lines."""

    def __init__(self, role: str) -> None:
        self.in_journal = is_journal()
        plain = "%(message)s" if is_own_unit() else f"{role}: %(message)s"
        super().__init__(plain if self.in_journal else f"%(asctime)s {role} %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The lines, each with its priority for the journal."""
        return add_priority(super().format(record), record) if self.in_journal else super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Formats a log line and escapes it, so that text from messages is harmless."""
        return escape_visible(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        """The trace of a fault."""
        return escape_visible(super().formatException(ei), lines=True)


class JsonLines(logging.Formatter):
    """`log.info("entered %(message)s", {"message": id})` becomes an object with `event` and `message`."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role, self.in_journal = role, is_journal()

    def format(self, record: logging.LogRecord) -> str:
        named = record.args if isinstance(record.args, Mapping) else {}
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "role": self.role,
            "logger": record.name,
            "event": escape_visible(record.getMessage()),
            **{name: escape_visible(value) if isinstance(value, str) else value for name, value in named.items()},
        }
        if record.exc_info:
            line["fault"] = escape_visible(self.formatException(record.exc_info).replace("\n", " | "))
        return add_priority(json_text(line), record) if self.in_journal else json_text(line)


def add_priority(text: str, record: logging.LogRecord) -> str:
    """The text with its priority before each line: the journal takes each for an entry."""
    mark = f"<{PRIORITIES.get(record.levelno, PRIORITIES[logging.INFO])}>"
    return "\n".join(mark + line for line in text.split("\n"))


def follow_settings(logs: Logs, role: str) -> None:
    """Write lines from now on as the settings say."""
    root = logging.getLogger()
    root.setLevel(logs.level.upper())
    if logs.format == "json":
        for handler in root.handlers:
            handler.setFormatter(JsonLines(role))
