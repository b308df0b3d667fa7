"""The caller over the API's Unix socket (`triage_api.local_socket.socket_server`): a user of this machine, for one command."""

from dataclasses import dataclass

from starlette.types import Scope

from triage.actor import Actor

KEY = "mailroom.caller"  # in the scope of a request; no HTTP server puts it there, whatever a client sends


@dataclass(frozen=True, slots=True)
class Caller:
    """Caller of a command on this machine."""

    actor: Actor


def caller_of(scope: Scope) -> Caller | None:
    """The caller of a request; None when it came by HTTP."""
    found = scope.get(KEY)
    return found if isinstance(found, Caller) else None
