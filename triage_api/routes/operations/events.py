"""Server-sent events: browsers learn that something was committed. The one async endpoint; one thread asks the database."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Header
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request

from triage.compliance.audit import audit_log
from triage.store import db
from triage_api.http.dependencies import Office
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Watcher, is_still_signed_in

POLL = 0.5  # seconds between looks at the database; a wake-up shortens them
LEAST = 0.1  # seconds between looks, however often it is woken
STILL_THERE = 15.0  # seconds between looks whether a listener's session is still good

log = logging.getLogger(__name__)

router = resource_router("events", route_class=APIRoute)


class Feed:
    """Tells every listening browser how many acts have been committed. Its thread runs while somebody listens."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.sequence = -1  # not looked yet
        self.closed = False
        self.listeners: set[Listener] = set()
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None

    def join(self, listener: "Listener") -> None:
        """Adds a listener."""
        with self.lock:
            self.listeners.add(listener)
            if self.thread is None and not self.closed:
                self.sequence = self.count_acts()
                self.thread = threading.Thread(target=self.watch, name="feed", daemon=True)
                self.thread.start()

    def leave(self, listener: "Listener") -> None:
        """Stop telling this one."""
        with self.lock:
            self.listeners.discard(listener)

    def count_acts(self) -> int:
        """Counts the committed acts; returns the last known number when the database does not answer."""
        try:
            with db.read_transaction(self.office.engine) as session:
                return audit_log.number_of_acts(session)
        except SQLAlchemyError as fault:
            log.warning("the database does not answer: %s", fault.__class__.__name__)
            return self.sequence

    def watch(self) -> None:
        """Look, wake_listeners, wait."""
        while True:
            self.office.pipes["change"].wait(POLL)
            with self.lock:
                if self.closed or not self.listeners:
                    self.thread = None
                    return
            sequence = self.count_acts()
            if sequence != self.sequence:
                self.sequence = sequence
                self.wake_listeners()
            time.sleep(LEAST)

    def wake_listeners(self) -> None:
        """Wake every listener."""
        with self.lock:
            for listener in self.listeners:
                listener.wake()

    def close(self) -> None:
        """Send everybody away, so that the server can stop."""
        with self.lock:
            self.closed = True
            thread = self.thread
        self.wake_listeners()
        if thread:
            thread.join()


class Listener:
    """Browser that listens, in the event loop of its request."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.woken = asyncio.Event()

    def wake(self) -> None:
        """From any thread."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.woken.set)

    async def wait(self) -> None:
        """Until woken, or STILL_THERE seconds."""
        try:
            await asyncio.wait_for(self.woken.wait(), STILL_THERE)
        except TimeoutError:
            return
        self.woken.clear()


@router.get("/events", response_class=EventSourceResponse, responses=describe_refusals(401))
async def stream_events(
    request: Request, _by: Watcher, last_event_id: Annotated[str | None, Header()] = None
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: `event: change` with {"sequence": n} after each commit. Fetch again what you show."""
    feed: Feed = request.app.state.feed
    listener = Listener()
    await run_in_threadpool(feed.join, listener)
    try:
        told = feed.sequence
        if last_event_id not in (None, str(told)):
            yield note_commit(told)
        else:
            yield ServerSentEvent(id=str(told), comment="listening")
        while not feed.closed:
            await listener.wait()
            if not await run_in_threadpool(is_still_signed_in, request):
                return
            if feed.sequence != told:
                told = feed.sequence
                yield note_commit(told)
    finally:
        feed.leave(listener)


def note_commit(sequence: int) -> ServerSentEvent:
    """Event for a committed act."""
    return ServerSentEvent(event="change", id=str(sequence), data={"sequence": sequence})
