"""Client of the identity role for the API: the socket, and an answer about a provider or why there is none."""

import logging
import os
from pathlib import Path
from typing import Any

from triage.errors import Unanswered, Untrusted
from triage.runtime import json_socket

SOCKET = "MAILROOM_IDENTITY_SOCKET"  # in the environment: where a service manager has the socket
DIRECTORY, NAME = "identity", "ask.sock"  # in the spool directory
GRACE = 0.5  # seconds beside those that the provider has

log = logging.getLogger(__name__)


def path_of(spool: Path) -> Path:
    """The socket's path."""
    return Path(os.environ.get(SOCKET) or spool / DIRECTORY / NAME)


def ask_identity(spool: Path, question: dict[str, Any], seconds: float) -> Any:
    """Asks the identity role. Unanswered when nobody answers, Untrusted when the answer is not to be believed."""
    try:
        answer = json_socket.ask_socket(path_of(spool), question, seconds + GRACE)
    except Unanswered as fault:
        log.warning("the role identity does not answer (%s); its own log says why", fault.__cause__ or fault)
        raise
    if "ok" in answer:
        return answer["ok"]
    if "untrusted" in answer:
        raise Untrusted(str(answer["untrusted"]))
    raise Unanswered(str(answer.get("unanswered", "no answer")))
