"""Log lines as JSON: an object a line, with the sentence and what it speaks of by name."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from triage.settings import Logs
from triage.visible import visible


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
            "event": visible(record.getMessage()),
            **{name: visible(value) if isinstance(value, str) else value for name, value in named.items()},
        }
        if record.exc_info:
            line["fault"] = visible(self.formatException(record.exc_info).replace("\n", " | "))
        return json.dumps(line, default=str)


def follow(logs: Logs, role: str) -> None:
    """Write lines from now on as the settings say."""
    root = logging.getLogger()
    root.setLevel(logs.level.upper())
    if logs.format == "json":
        for handler in root.handlers:
            handler.setFormatter(JsonLines(role))
