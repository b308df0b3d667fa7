"""Who asks over the API's unix socket (`triage_api.shell_socket`): a user of this machine, for one command."""

from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from starlette.types import Scope

from triage.actor import Actor
from triage_api.viewing import Viewed

KEY = "mailroom.caller"  # in the scope of a request; no HTTP server puts it there, whatever a client sends


@dataclass(frozen=True, slots=True)
class Caller:
    """One command. What it has looked at is its own: the next command's look is put on the record again."""

    actor: Actor
    viewed: Viewed = field(default_factory=Viewed)


def caller_of(scope: Scope) -> Caller | None:
    """The caller of a request; None when it came by HTTP."""
    found = scope.get(KEY)
    return found if isinstance(found, Caller) else None


def looks_of(connection: HTTPConnection) -> Viewed:
    """What has been looked at already: by this command, or by anybody in a browser."""
    caller = caller_of(connection.scope)
    found: Viewed = caller.viewed if caller else connection.app.state.office.viewed
    return found
