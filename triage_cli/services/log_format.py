"""Log lines, for people or as JSON with what they speak of by name. Nothing in them acts on a terminal or begins a line of its own."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from triage.config.settings import Logs
from triage.text.sanitize import escape_visible
from triage_cli.output.tables import json_text


class TextLines(logging.Formatter):
    """One line an event, with the role that it happened in; only the trace of a fault has more."""

    def __init__(self, role: str) -> None:
        super().__init__(f"%(asctime)s {role} %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """What mail says in it is harmless."""
        return escape_visible(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        """The trace of a fault."""
        return escape_visible(super().formatException(ei), lines=True)


class JsonLines(logging.Formatter):
    """`log.info("entered %(message)s", {"message": id})` becomes an object with `event` and `message`."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role

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
        return json_text(line)


def follow(logs: Logs, role: str) -> None:
    """Write lines from now on as the settings say."""
    root = logging.getLogger()
    root.setLevel(logs.level.upper())
    if logs.format == "json":
        for handler in root.handlers:
            handler.setFormatter(JsonLines(role))
