"""The app with all its routes, and the server that runs it."""

import asyncio
import contextlib
import errno
import html
import logging
import re
import socket
import threading
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.routing import BaseRoute
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from triage.access.accounts import PROXY
from triage.access.staff_login import Prover
from triage.addressing.networks import parse_networks
from triage.config.settings import Api, Settings, host_port
from triage.errors import BadInput
from triage.quarantine.training_messages import Deck
from triage.runtime.systemd import handed_over, notify_ready
from triage_api.http.dependencies import Office
from triage_api.http.installation import Installation
from triage_api.http.middleware import Guard
from triage_api.http.problems import answer_problems
from triage_api.http.trusted_header import TrustedHeader
from triage_api.local_socket.socket_server import Ready, ShellSocket
from triage_api.openapi import App
from triage_api.routes.access import (
    api_tokens,
    coverage,
    folder_readers,
    passkeys,
    people,
    pins,
    preferences,
    providers,
    proxy_sign_in,
    second_factor,
    session,
    sessions,
    staff,
    substitutes,
    web_push,
    webmail_links,
)
from triage_api.routes.decisions import approvals, decisions, escalations, hunts, keeper_requests, rejections
from triage_api.routes.employees import own_mail, own_webmail, release_requests, reported_mail
from triage_api.routes.messages import attachment_pages, message_trace, messages, webmail
from triage_api.routes.operations import events, health, installation as installations, metrics, outbound_brakes, outgoing_queue, webhooks
from triage_api.routes.operations.events import Feed
from triage_api.routes.operations.metrics import Metrics
from triage_api.routes.operations.static_files import Console
from triage_api.routes.policy import (
    changed_proofs,
    contacts,
    emergency,
    enforcement,
    rule_suggestions,
    rules,
    sender_checks,
    sending_services,
    start_list,
)
from triage_api.routes.queue import (
    campaigns,
    colleagues,
    deliveries,
    saved_searches,
    selections,
    senders,
    shift_notes,
    training,
    triage_items,
    where,
)
from triage_api.routes.records import arrivals, audit, legal_holds, person_data, reports
from triage_api.schemas.language import Interpreter

RESOURCES = (
    session,
    providers,
    proxy_sign_in,
    second_factor,
    passkeys,
    pins,
    sessions,
    preferences,
    own_mail,
    own_webmail,
    people,
    deliveries,
    campaigns,
    triage_items,
    colleagues,
    messages,
    attachment_pages,
    message_trace,
    webmail,
    web_push,
    webmail_links,
    where,
    selections,
    saved_searches,
    senders,
    shift_notes,
    decisions,
    rule_suggestions,
    rules,
    start_list,
    contacts,
    rejections,
    reported_mail,
    release_requests,
    outgoing_queue,
    outbound_brakes,
    events,
    audit,
    coverage,
    arrivals,
    reports,
    staff,
    folder_readers,
    substitutes,
    approvals,
    keeper_requests,
    hunts,
    enforcement,
    training,
    api_tokens,
    emergency,
    sender_checks,
    changed_proofs,
    sending_services,
    escalations,
    legal_holds,
    person_data,
    webhooks,
    installations,
)
HERE = ("127.0.0.1", "::1")
HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
HEADERS_TAKEN = frozenset({"authorization", "cookie", "host", "origin", "content-length", "content-type", "forwarded", "x-forwarded-for"})
GRACE = 5  # seconds that requests under way have when we stop

log = logging.getLogger(__name__)


def make_app(
    settings: Settings,
    prover: Prover | None = None,
    deck: Deck = tuple,
    ready: Ready | None = None,
    installation: Installation | None = None,
) -> FastAPI:
    """The API and the console for these settings. BadInput when the database URL, the spool directory or api.metrics is of no use.

    `ready`: refuses a database that a command would refuse; without it no command of this machine is answered. `installation`: what
    administrators may see of the settings and the health.
    """
    office = Office(settings, prover, deck, installation=installation)
    feed = Feed(office)
    shell = ShellSocket(settings, ready) if ready else None

    @contextlib.asynccontextmanager
    async def open_hours(app: FastAPI) -> AsyncIterator[None]:
        async with shell.answering(app, office.engine) if shell else contextlib.nullcontext():
            notify_ready()  # the socket listens already
            yield
        feed.close()
        office.close()

    app = App(
        title="Mailroom",
        version="1",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=open_hours,
        routes=collect_routes(),
    )
    app.state.office, app.state.feed, app.state.metrics = office, feed, Metrics(office)
    answer_problems(app)
    app.add_api_route("/api/docs", lambda: HTMLResponse(serve_docs(app.openapi())), include_in_schema=False)
    app.router.default = Console()
    app.add_middleware(Guard, office=office)
    app.add_middleware(Interpreter)
    if settings.api.public_url:  # only behind a proxy
        believed = [*HERE, *(str(one) for one in parse_networks("api.proxies", settings.api.proxies))]
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=believed)
    check_trusted_header(settings.api)
    app.add_middleware(TrustedHeader, api=settings.api)
    return app


def check_trusted_header(api: Api) -> None:
    """BadInput when the settings name no proxy for this way to sign in, or no header that one could use."""
    parse_networks("api.sign_in_proxies", api.sign_in_proxies)
    if not HEADER_NAME.fullmatch(api.sign_in_header) or api.sign_in_header.lower() in HEADERS_TAKEN:
        raise BadInput(f"api.sign_in_header must be the name of a header that only the proxy sets, not {api.sign_in_header!r}")
    if PROXY in api.sign_in and not api.sign_in_proxies:
        raise BadInput('[api] sign_in = "proxy" needs the addresses of the proxy: sign_in_proxies')


@cache
def collect_routes() -> list[BaseRoute]:
    """Collects the routes of every app, once a process: this takes longer than the rest of making an app."""
    resources = (*(resource.router for resource in RESOURCES), person_data.taking, health.router, metrics.router)
    return [route for router in resources for route in router.routes]


def serve_docs(document: dict[str, Any]) -> str:
    """The operations as a page that loads nothing from anywhere."""
    rows = "".join(
        f"<tr><td>{method.upper()}<td><code>{html.escape(path)}</code><td>{html.escape(operation.get('description', ''))}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Mailroom API</title><h1>Mailroom API</h1>'
        '<p>Everything about it, for programs: <a href="/api/openapi.json">openapi.json</a></p>'
        f"<table><tr><th>Method</th><th>Path</th><th>What it does</th></tr>{rows}</table></html>"
    )


def run_server(
    settings: Settings,
    stop: threading.Event | None = None,
    prover: Prover | None = None,
    deck: Deck = tuple,
    ready: Ready | None = None,
    installation: Installation | None = None,
) -> None:
    """Serve the API and the console until SIGTERM, SIGINT or `stop`; requests under way are finished.

    BadInput when the port, the database URL or the spool directory cannot be used.
    """
    with bind_socket(settings.api.listen) as listener:
        serve_socket(make_app(settings, prover, deck, ready, installation), settings, listener, stop or threading.Event())


def serve_socket(app: FastAPI, settings: Settings, listener: socket.socket, stop: threading.Event) -> None:
    """Serve an app on a listening socket until told to stop."""
    server = Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            ws="none",  # the API writes none, whatever is installed
            server_header=False,
            proxy_headers=False,  # the app reads them, after it has looked at who really came
            timeout_graceful_shutdown=GRACE,
            lifespan="on",
        ),
        stop,
    )
    log.info("listening on %s", name_of(listener))
    server.run(sockets=[listener])


class Server(uvicorn.Server):
    """uvicorn's server, which also stops when an event is set, and sends those away first who only listen."""

    def __init__(self, config: uvicorn.Config, stop: threading.Event) -> None:
        super().__init__(config)
        self.stop = stop

    async def on_tick(self, counter: int) -> bool:
        """uvicorn asks ten times a second whether to stop."""
        self.should_exit = self.should_exit or self.stop.is_set()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        app: Any = self.config.app
        await asyncio.to_thread(app.state.feed.close)
        await super().shutdown(sockets)


def name_of(listener: socket.socket) -> str:
    """Returns the address at which browsers, or the proxy in front of us, reach this listener."""
    address = listener.getsockname()
    return str(address) if listener.family == socket.AF_UNIX else f"http://{address[0]}:{address[1]}"


def bind_socket(listen: str) -> socket.socket:
    """The socket that systemd hands over, or one listening on api.listen; BadInput says what is in the way."""
    if activated := next(handed_over(), None):
        return activated[1]
    host, port = host_port(listen, "api.listen")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as fault:
        if fault.errno == errno.EADDRINUSE:
            raise BadInput(f"{listen} is in use; stop the program that listens there, or set api.listen to another port") from fault
        raise BadInput(f"api.listen {listen} cannot be used: {fault.strerror}") from fault
