"""A recaller that dies at a point that a test names: `python -m tests.mailboxes.dying SETTINGS POINT`."""

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from imapclient import IMAPClient  # type: ignore[import-untyped]

from mailboxes.recall import mailbox_session, recall_role
from mailboxes.recall.imap_mailbox import ImapMailbox
from triage.config import settings_loader

POINTS: dict[str, tuple[Any, str, bool]] = {  # what is called, and whether death comes after it
    "claimed": (recall_role.Recaller, "set_out", False),
    "found": (ImapMailbox, "find", True),
    "secured": (recall_role.Recaller, "ask_to_secure", True),
    "marked": (IMAPClient, "uid_expunge", False),
    "taken": (ImapMailbox, "take", True),
    "left": (mailbox_session.Visit, "run", True),
    "put back": (ImapMailbox, "put_back", True),
    "settled": (recall_role.Recaller, "settle", True),
}


def deadly(inner: Callable[..., Any], after: bool) -> Callable[..., Any]:
    """The same, but the process ends with it: as with SIGKILL nothing is flushed, closed or finished."""

    def call(*given: Any, **named: Any) -> Any:
        if after:
            inner(*given, **named)
        os._exit(9)

    return call


if __name__ == "__main__":
    owner, name, after = POINTS[sys.argv[2]]
    setattr(owner, name, deadly(getattr(owner, name), after))
    recall_role.run_role(settings_loader.read_settings(sys.argv[1]), threading.Event())
