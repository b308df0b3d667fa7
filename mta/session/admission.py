"""Admission of SMTP clients: how a connection counts, and why a client is refused."""

from mta.peer.smtp_peer import Visitor
from mta.session import replies
from mta.session.server_context import ServerContext


def count_connection(server: ServerContext, visitor: Visitor, client: str) -> None:
    """Count a connection for its client. An edge brings messages of many: its connections count for the whole server only."""
    visitor.is_edge = visitor.lmtp or server.edges.has_accepted_mail(visitor.peer)
    visitor.client = "" if visitor.is_edge else client
    visitor.counted = visitor.client
    server.clients.came(visitor.counted)


def refuse_visitor(server: ServerContext, visitor: Visitor) -> str:
    """Returns the reply that refuses this visitor, "" when they are served."""
    if server.stopping:
        return replies.SHUTTING_DOWN
    if visitor.lmtp and not server.edges.may_speak_lmtp(visitor.peer):
        return replies.EDGES_ONLY
    if server.submitters and not server.submitters.may_come(visitor.peer):
        return replies.INSIDERS_ONLY
    if server.clients.is_full():
        return replies.BUSY
    return replies.TOO_MANY_CONNECTIONS if server.clients.has_too_many(visitor.counted) else ""
