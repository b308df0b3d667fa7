"""The house itself answers: the API's own routes, in this process, for whoever is at the keyboard. No HTTP and no server."""

import asyncio
from collections.abc import Iterable
from functools import cache
from importlib import import_module

from fastapi import APIRouter, FastAPI
from starlette.types import Message, Scope

from migrations.version import check
from triage import garbage
from triage.settings import Settings
from triage.sign_in import SignedIn
from triage_api.grants import resource
from triage_api.office import Office
from triage_api.problems import speak_problems
from triage_api.session import staff, watcher
from triage_api.shell_socket import scope_of
from triage_cli.desk import API, Answer, Desk, Take
from triage_cli.opened import ring, shell_user

ROOMS = {  # where the routes of a resource are, unless the module has its name: a command loads no others
    "addressees": ("people",),
    "away": ("cover",),
    "departments": ("people",),
    "directory": ("people",),
    "groups": ("people",),
    "handovers": ("colleagues",),
    "learn": ("correspondents",),
    "me": ("session_routes",),
    "session": ("session_routes",),
    "rules": ("proposals", "rules"),
    "sweeps": ("decisions",),
}


class Home(Office):
    """This machine, also one without a spool: then nobody waits here for a bell."""

    def __init__(self, settings: Settings) -> None:
        """BadInput when the database is not at this program's version."""
        super().__init__(settings, bells=())
        try:
            check(self.engine)
        except BaseException:
            self.close()
            raise

    def ring(self, names: Iterable[str]) -> None:
        """Wake those who wait."""
        ring(self.settings, *sorted(set(names)))


class Here(Desk):
    """Asks the house on this machine."""

    def __init__(self, settings: Settings) -> None:
        """BadInput when the database is not in order."""
        self.home = Home(settings)

    def send(self, method: str, target: str, body: bytes, take: Take | None) -> Answer:
        scope = scope_of(method, target, bool(body))
        app = app_of(resource(scope["path"].removeprefix(API)))
        app.state.office = self.home
        return asyncio.run(answered(app, scope, body, take))

    def close(self) -> None:
        self.home.close()


@cache
def app_of(name: str) -> FastAPI:
    """The routes of one resource, for whoever is at the keyboard."""
    with garbage.paused():
        return made_of(name)


def made_of(name: str) -> FastAPI:
    """The same, anew."""
    made = FastAPI(openapi_url=None)
    made.dependency_overrides = {staff: shell_user, watcher: lambda: SignedIn(shell_user(), unseen=False)}
    speak_problems(made)
    for room in ROOMS.get(name, (name.replace("-", "_"),)):
        for routes in vars(import_module(f"triage_api.{room}")).values():
            if isinstance(routes, APIRouter):
                made.include_router(routes, prefix=API)
    return made


async def answered(app: FastAPI, scope: Scope, body: bytes, take: Take | None) -> Answer:
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
