"""Log of the SMTP server: one harmless line for each accepted message and each refusal."""

import logging
import traceback

from mta.peer.smtp_peer import Visitor
from triage.addressing.envelope import Envelope
from triage.ids import format_id
from triage.runtime import metrics
from triage.text.sanitize import escape_visible
from triage.times import utcnow

log = logging.getLogger("mta.server.receiver")


REPLY = '"%(reply)s" %(client)s from=<%(reverse_path)s>'


def describe_session(reply: str, visitor: Visitor, reverse_path: str) -> dict[str, object]:
    """Returns the parameters of the log line SAID."""
    return {"reply": escape_visible(reply), "client": escape_visible(str(visitor)), "reverse_path": escape_visible(reverse_path)}


def log_accepted(reply: str, envelope: Envelope, size: int, visitor: Visitor) -> None:
    """A message is safe; `size` in bytes as it came."""
    metrics.count_event("mailroom_smtp_answers", code=reply[:3])
    metrics.observe_seconds("mailroom_accept_seconds", (utcnow() - envelope.received_at).total_seconds())
    if log.isEnabledFor(logging.INFO):
        named = {"message": format_id(envelope.spool_id), "recipients": len(envelope.recipients), "size": size, "tls": envelope.tls}
        log.info(
            f"accepted {REPLY} to=%(recipients)d size=%(size)d tls=%(tls)s", describe_session(reply, visitor, envelope.reverse_path) | named
        )


def log_refused(reply: str, visitor: Visitor, reverse_path: str | None = None, recipient: str = "") -> None:
    """Logs and counts a refusal."""
    metrics.count_event("mailroom_smtp_answers", code=reply[:3])
    to = " to=<%(recipient)s>" if recipient else ""
    log.info(f"refused {REPLY}{to}", describe_session(reply, visitor, reverse_path or "") | {"recipient": escape_visible(recipient)})


def signed_in(reply: str, name: str, visitor: Visitor) -> None:
    """Logs a sign-in. Of a failure fail2ban reads the line (deploy/fail2ban): the address comes first."""
    named = {"client": escape_visible(visitor.peer), "account": escape_visible(name[:80]), "reply": escape_visible(reply)}
    if reply.startswith("2"):
        log.info("signed in from %(client)s as %(account)s", named)
    else:
        log.warning('sign-in failed from %(client)s as %(account)s: "%(reply)s"', named)


def log_disconnected(envelope: Envelope, visitor: Visitor) -> None:
    """The client hung up while its message was stored."""
    named = describe_session("", visitor, envelope.reverse_path) | {"message": format_id(envelope.spool_id)}
    log.info("left before the answer %(message)s %(client)s from=<%(reverse_path)s>", named)


def not_stored(fault: BaseException, visitor: Visitor) -> None:
    """A message could not be made safe."""
    log.error("not stored: %(why)s %(client)s", {"why": escape_visible(describe_fault(fault)), "client": escape_visible(str(visitor))})


def log_fault(doing: str, error: BaseException, visitor: Visitor) -> None:
    """Logs an internal error."""
    log.error(
        "fault at %(why)s %(client)s", {"why": escape_visible(f"{doing}: {describe_fault(error)}"), "client": escape_visible(str(visitor))}
    )


def describe_fault(error: BaseException) -> str:
    """A fault in one line: what and where."""
    where = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{type(error).__name__}: {error}" + "".join(f" at {place.name}, line {place.lineno}" for place in where)
