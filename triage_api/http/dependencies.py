"""Dependencies of requests: settings, database, wake-up pipes, and the sandboxes that render previews."""

from collections.abc import Iterable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends
from sqlalchemy import Engine
from starlette.requests import HTTPConnection

from triage.access.staff_login import Prover
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.quarantine.training_messages import Deck
from triage.runtime.sandbox_pool import Pool
from triage.runtime.wakeup import WakeupPipe
from triage.store.db import LARGE_CACHE, open_engine
from triage.store.pg_notify import Notifier
from triage.store.read_replica import ReadReplica
from triage_api.http.installation import Installation
from triage_api.http.rate_limit import Pace, Sightings

CHILD_MEMORY = 256 * 1024 * 1024  # bytes a child may take for one message (security.md)
CHILD_SECONDS = 10.0
DRAWER_MEMORY = 512 * 1024 * 1024  # a page may hold a large picture
PREVIEW = "triage.message.preview.preview_document:render_json"
ATTACHMENT = "triage_api.routes.messages.attachment_bytes:read_attachment"
DRAWING = "triage.message.preview.render_pages:draw_page"
PIPES = ("relay", "recall", "door", "change")


class Office:
    """Resources of an API process. Opened by `make_app`, closed when the app ends."""

    def __init__(
        self,
        settings: Settings,
        prover: Prover | None = None,
        deck: Deck = tuple,
        *,
        pipes: Iterable[str] = PIPES,
        installation: Installation | None = None,
    ) -> None:
        """BadInput when the database URL or the spool directory is of no use.

        `prover`: who says that a password is right, if not we. `deck`: the training messages.
        """
        self.installation = installation or Installation()
        self.deck = deck
        self.settings = settings
        self.prover = prover
        self.pace = Pace(settings.api.token_requests_per_minute)
        self.sightings = Sightings()
        self.engine: Engine = open_engine(settings.database.url, cache=LARGE_CACHE)
        self.replica = ReadReplica(self.engine, settings.database)
        directory = settings.spool.directory
        try:
            self.pipes = {name: WakeupPipe(directory, name) for name in pipes}
        except OSError as fault:
            why = f"spool.directory {directory} cannot be used: {fault.strerror}"
            raise BadInput(f"{why}; make it, and let the user that runs the api write there") from fault
        self.notifier = Notifier(settings, sends=self.pipes.values(), receives=[self.pipes["change"]]) if self.pipes else None
        # made here and not at first use, which may be two requests at once; their children start when they are needed
        self.previews = Pool(PREVIEW, size=2, memory_bytes=CHILD_MEMORY, seconds=CHILD_SECONDS)
        self.attachments = Pool(ATTACHMENT, size=1, memory_bytes=CHILD_MEMORY, seconds=CHILD_SECONDS)
        self.drawings = Pool(DRAWING, size=2, memory_bytes=DRAWER_MEMORY, seconds=CHILD_SECONDS, programs=1)

    @property
    def public_origin(self) -> str:
        """Origin of the console in staff's browsers, as their Origin field says it."""
        url = self.settings.api.public_url or f"http://{self.settings.api.listen}"
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}".casefold()

    def site_of(self, connection: HTTPConnection) -> str:
        """The origin at which this browser sees the console: the public one, or localhost on the machine itself."""
        host = connection.headers.get("host", "").casefold()
        is_local = not self.settings.api.public_url and urlsplit(f"//{host}").hostname == "localhost"
        return f"http://{host}" if is_local else self.public_origin

    @property
    def cookie_name(self) -> str:
        """The session cookie; with TLS it carries the prefix that binds it to exactly this host."""
        return "__Host-mailroom" if self.secure else "mailroom"

    @property
    def secure(self) -> bool:
        """Whether browsers connect by TLS."""
        return self.public_origin.startswith("https://")

    def wake(self, names: Iterable[str]) -> None:
        """Wake other processes; only after a commit."""
        for name in sorted(set(names)):
            self.pipes[name].wake()

    def close(self) -> None:
        """Give everything back. A second time there is nothing left to give."""
        if self.notifier:
            self.notifier.close()
            self.notifier = None
        while self.pipes:
            self.pipes.popitem()[1].close()
        for pool in (self.previews, self.attachments, self.drawings):
            pool.close()
        self.replica.close()
        self.engine.dispose()


def office_of(connection: HTTPConnection) -> Office:
    """The office of the app that got this request."""
    found: Office = connection.app.state.office
    return found


Here = Annotated[Office, Depends(office_of)]
