"""What the receiving daemon writes into its log: one harmless line for each message accepted and each refusal."""

import logging
import traceback

from mta.visitor import Visitor
from triage.envelope import Envelope
from triage.ids import show
from triage.visible import visible

log = logging.getLogger("mta.receive")


def accepted(reply: str, envelope: Envelope, size: int, visitor: Visitor) -> None:
    """A message is safe; `size` in bytes as it came."""
    if log.isEnabledFor(logging.INFO):
        about = f"{visitor} from=<{envelope.reverse_path}> to={len(envelope.recipients)}"
        log.info("accepted %s", visible(f'"{reply}" {about} size={size} tls={envelope.tls}'))


def refused(reply: str, visitor: Visitor, reverse_path: str | None = None, recipient: str = "") -> None:
    """Something was refused."""
    to = f" to=<{recipient}>" if recipient else ""
    log.info("refused %s", visible(f'"{reply}" {visitor} from=<{reverse_path or ""}>{to}'))


def signed_in(reply: str, name: str, visitor: Visitor) -> None:
    """Somebody has given a name and a password."""
    log.info("signing in %s", visible(f'"{reply}" name={name[:80]} {visitor}'))


def left(envelope: Envelope, visitor: Visitor) -> None:
    """The client hung up while its message was stored."""
    log.info("left before the answer %s", visible(f"{show(envelope.spool_id)} {visitor} from=<{envelope.reverse_path}>"))


def not_stored(fault: BaseException, visitor: Visitor) -> None:
    """A message could not be made safe."""
    log.error("not stored: %s", visible(f"{described(fault)} {visitor}"))


def fault(doing: str, error: BaseException, visitor: Visitor) -> None:
    """We made a mistake."""
    log.error("fault at %s", visible(f"{doing}: {described(error)} {visitor}"))


def described(error: BaseException) -> str:
    """A fault in one line: what and where."""
    where = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{type(error).__name__}: {error}" + "".join(f" at {place.name}, line {place.lineno}" for place in where)
