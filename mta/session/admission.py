"""Admission of SMTP clients: how a connection counts, and why a client is refused."""

from mta.peer.smtp_peer import Visitor
from mta.session import replies
from mta.session.server_context import ServerContext


def count_connection(door: ServerContext, visitor: Visitor, client: str) -> None:
    """Count a connection for its client. An edge brings messages of many: its connections count for the whole door only."""
    visitor.is_edge = visitor.lmtp or door.edges.hands_over(visitor.peer)
    visitor.client = "" if visitor.is_edge else client
    visitor.counted = visitor.client
    door.clients.came(visitor.counted)


def refuse_visitor(door: ServerContext, visitor: Visitor) -> str:
    """Returns the reply that refuses this visitor, "" when they are served."""
    if door.stopping:
        return replies.SHUTTING_DOWN
    if visitor.lmtp and not door.edges.may_speak_lmtp(visitor.peer):
        return replies.EDGES_ONLY
    if door.submitters and not door.submitters.may_come(visitor.peer):
        return replies.INSIDERS_ONLY
    if door.clients.is_full():
        return replies.BUSY
    return replies.TOO_MANY_CONNECTIONS if door.clients.has_too_many(visitor.counted) else ""
