"""The house itself answers: the API's own routes, in this process, for whoever is at the keyboard. No HTTP and no server."""

import asyncio
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.types import Message, Scope

from migrations.version import check
from triage.access.staff_login import SignedIn
from triage.config.settings import Settings
from triage.runtime import gc_tuning
from triage_api import routes as all_routes
from triage_api.http.dependencies import Office
from triage_api.http.problems import answer_problems
from triage_api.http.session_auth import authenticate_staff, authenticate_watcher
from triage_api.http.token_scopes import path_resource
from triage_api.local_socket.socket_server import scope_of
from triage_cli.client.api_client import API, Answer, Desk, Take
from triage_cli.client.local_setup import shell_user, wake_waiters

FOLDERS = {file.stem: file.parent.name for file in Path(all_routes.__path__[0]).glob("*/*.py")}
ROOMS = {  # where the routes of a resource are, unless the module has its name: a command loads no others
    "assignments": ("colleagues",),
    "away": ("coverage",),
    "comments": ("colleagues",),
    "confidential-removals": ("keeper_requests",),
    "deliveries": ("colleagues", "deliveries"),
    "departments": ("people",),
    "directory": ("people",),
    "distribution-lists": ("people",),
    "duties": ("escalations",),
    "learn": ("contacts",),
    "me": ("session",),
    "messages": ("message_trace", "messages"),
    "outgoing": ("outgoing_queue", "outbound_brakes"),
    "recipients": ("people",),
    "reported": ("reported_mail",),
    "requests": ("release_requests",),
    "rules": ("rule_suggestions", "rules"),
    "searches": ("saved_searches",),
    "sweeps": ("decisions",),
    "tokens": ("api_tokens",),
    "triage": ("triage_items",),
}


class Home(Office):
    """This machine, also one without a spool: then nobody waits here for a wake-up."""

    def __init__(self, settings: Settings) -> None:
        """BadInput when the database is not at this program's version."""
        super().__init__(settings, pipes=())
        try:
            check(self.engine)
        except BaseException:
            self.close()
            raise

    def wake(self, names: Iterable[str]) -> None:
        """Wake those who wait."""
        wake_waiters(self.settings, *sorted(set(names)))


class Here(Desk):
    """Asks the house on this machine."""

    def __init__(self, settings: Settings) -> None:
        """BadInput when the database is not in order."""
        self.home = Home(settings)

    def send(self, method: str, target: str, body: bytes, take: Take | None) -> Answer:
        scope = scope_of(method, target, bool(body))
        app = app_of(path_resource(scope["path"].removeprefix(API)))
        app.state.office = self.home
        return asyncio.run(call_app(app, scope, body, take))

    def close(self) -> None:
        self.home.close()


@cache
def app_of(name: str) -> FastAPI:
    """The routes of one resource, for whoever is at the keyboard."""
    with gc_tuning.pause_gc():
        return made_of(name)


def made_of(name: str) -> FastAPI:
    """The same, again."""
    made = FastAPI(openapi_url=None)
    made.dependency_overrides = {authenticate_staff: shell_user, authenticate_watcher: lambda: SignedIn(shell_user(), unseen=False)}
    answer_problems(made)
    for room in ROOMS.get(name, (name.replace("-", "_"),)):
        for routes in vars(import_module(f"triage_api.routes.{FOLDERS[room]}.{room}")).values():
            if isinstance(routes, APIRouter):
                made.include_router(routes)  # built once more: only so the overrides count
    return made


async def call_app(app: FastAPI, scope: Scope, body: bytes, take: Take | None) -> Answer:
    """Call an app as a server would."""
    status, pieces = 0, bytearray()
    asked: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return asked.pop() if asked else await asyncio.Future()  # we never hang up

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif take and status < 300:
            take(message.get("body", b""))
        else:
            pieces.extend(message.get("body", b""))

    await app(scope, receive, send)
    return Answer(status, bytes(pieces))
