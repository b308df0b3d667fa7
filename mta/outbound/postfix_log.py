"""Parses Postfix's log for sent messages: sender, accepted recipients, Message-ID. Pure."""

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime

LINE = re.compile(
    r"(?P<time>\S+(?: +\d+ \d\d:\d\d:\d\d)?) (?:\S+ )?postfix(?:/[\w-]+)*/(?P<service>smtp|qmgr|cleanup)\[\d+\]: "
    r"(?P<id>[0-9A-Za-z]{5,20}): (?P<said>.*)"
)
FROM = re.compile(r"from=<(?P<address>[^<>]*)>, size=")
MESSAGE_ID = re.compile(r"(?:resent-)?message-id=<(?P<id>[^<>\s]{1,500})>")
TO = re.compile(r"to=<(?P<address>[^<>]+)>, [^(]*\bstatus=sent \(")  # what follows in brackets is the other server's to say
MOST_OPEN = 100_000  # messages whose end was not seen yet; the oldest are given up


@dataclass(slots=True)
class Left:
    """A message as far as the log has told of it."""

    sender: str | None = None  # None: not told yet
    message_id: str = ""
    recipients: list[str] = field(default_factory=list)
    at: datetime | None = None


class PostfixLog:
    """Fed with lines in their order; gives each message when Postfix is done with it and some other server has taken it."""

    def __init__(self) -> None:
        self.open: OrderedDict[str, Left] = OrderedDict()

    def feed(self, line: str, now: datetime) -> Left | None:
        """Take a line; the message that ends with it, if one does. `now` gives the year that syslog leaves out."""
        found = LINE.match(line)
        if found is None:
            return None
        number, said = found["id"], found["said"]
        if found["service"] == "qmgr" and said.startswith("removed"):
            mail = self.open.pop(number, None)
            return mail if mail and mail.sender is not None and mail.recipients else None
        mail = self.open.setdefault(number, Left())
        if sender := FROM.match(said):
            mail.sender = sender["address"]
        elif named := MESSAGE_ID.match(said):
            mail.message_id = named["id"]
        elif found["service"] == "smtp" and (to := TO.match(said)):
            mail.recipients.append(to["address"])
            mail.at = parse_log_time(found["time"], now)
        if len(self.open) > MOST_OPEN:
            self.open.popitem(last=False)
        return None


def parse_log_time(text: str, now: datetime) -> datetime:
    """The time of a line, in ISO 8601 or as syslog writes it, in UTC where it does not say; `now` when it cannot be read."""
    try:
        if text[:1].isdigit():
            read = datetime.fromisoformat(text)
            return read.replace(tzinfo=read.tzinfo or UTC)
        read = datetime.strptime(f"{now.year} {text}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
        return read if read <= now else read.replace(year=now.year - 1) if (read - now).days > 1 else now
    except ValueError:
        return now
