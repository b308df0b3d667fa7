"""The real app on a database with a small company, and browsers that are signed in to it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from sqlalchemy import Engine

from tests import company_rows
from tests.triage.arriving import COMPANY, NOW, SYNC, arrive
from triage import ids
from triage.access import api_tokens, staff_login
from triage.access.api_tokens import TokenOrder
from triage.access.staff_login import Try
from triage.actor import EVERYTHING, Actor, Role
from triage.addressing.company import StaffEntry
from triage.config.settings import Settings
from triage.store.db import transaction
from triage.times import utcnow
from triage_api.app import make_app

PASSWORD = "correct horse"
ORIGIN = "http://127.0.0.1:8080"
PASSWORD_HASH = staff_login.hash_password(PASSWORD)
STAFF = (
    StaffEntry("ana", "Ana Roth", "triage", ("company",), PASSWORD_HASH, ("remove-delivered",)),
    StaffEntry("ben", "Ben Okafor", "triage", ("department:legal",), PASSWORD_HASH),
    StaffEntry("eva", "Eva Lang", "triage", ("person:mara.berg",), PASSWORD_HASH),
    StaffEntry("hana", "Hana Novak", "triage", ("company",), PASSWORD_HASH),
    StaffEntry("hugo", "Hugo Stein", "auditor", ("company",), PASSWORD_HASH),
    StaffEntry("ida", "Ida Lind", "admin", ("company",), PASSWORD_HASH, ("remove-delivered",)),
    StaffEntry("leo", "Leo Falk", "admin", ("department:legal",), PASSWORD_HASH),
    StaffEntry("otto", "Otto Weiss", "auditor", ("company",), PASSWORD_HASH),
    StaffEntry("sam", "Sam Reed", "triage", ("company",), PASSWORD_HASH),
    StaffEntry("uma", "Uma Sand", "auditor", ("department:legal",), PASSWORD_HASH),
)


class Browser:
    """Client of the app with its own cookies. Paths are relative to /api/v1 unless they begin with //."""

    def __init__(self, portal: BlockingPortal, app: FastAPI, address: str) -> None:
        self.portal, self.app = portal, app
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 50_000))
        self.client = httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"Origin": ORIGIN})

    def with_token(self, key: str) -> "Browser":
        """From now on a program: it has a token, and neither cookies nor an origin."""
        self.client.headers["Authorization"] = f"Bearer {key}"
        self.client.headers.pop("Origin", None)
        return self

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Sends a request and returns its whole answer."""
        url = path[1:] if path.startswith("//") else f"/api/v1{path}"
        return self.portal.call(partial(self.client.request, method, url, **more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> httpx.Response:
        return self.request("POST", path, json=json, **more)

    def delete(self, path: str, **more: Any) -> httpx.Response:
        return self.request("DELETE", path, **more)

    def sign_in(self, login: str, password: str = PASSWORD) -> httpx.Response:
        return self.post("/session", {"login": login, "password": password})

    def close(self) -> None:
        self.portal.call(self.client.aclose)


NewBrowser = Callable[..., Browser]


@pytest.fixture
def api_settings(settings: Settings, database_url: str) -> Settings:
    """Settings of the company with the test's database."""
    return replace(settings, database=replace(settings.database, url=database_url))


@pytest.fixture
def app(api_settings: Settings, engine: Engine) -> Iterator[FastAPI]:
    """The real app; the company's directory is in its database."""
    with opened(api_settings, engine) as made:
        yield made


@contextmanager
def opened(settings: Settings, engine: Engine, prover: staff_login.Prover | None = None) -> Iterator[FastAPI]:
    """The app with the company's directory in its database."""
    with transaction(engine) as session:
        company_rows.enter(session, replace(COMPANY, staff=STAFF), settings.company, by=SYNC, now=NOW)
    made = make_app(settings, prover)
    yield made
    made.state.feed.close()
    made.state.office.close()


@pytest.fixture
def new_browser(app: FastAPI, engine: Engine) -> Iterator[NewBrowser]:
    """Makes browsers: with a session of the login that is given, or without one."""
    with start_blocking_portal() as portal, ExitStack() as stack:

        def make(login: str = "", address: str = "192.0.2.9") -> Browser:
            browser = Browser(portal, app, address)
            stack.callback(browser.close)
            if login:
                browser.client.cookies.set("mailroom", session_key(engine, login), domain="127.0.0.1")
            return browser

        yield make


def token_key(engine: Engine, *grants: str, scope: tuple[str, ...] = ("company",)) -> str:
    """The key of a new token."""
    ida = Actor.person("ida", Role.ADMIN, EVERYTHING)
    with transaction(engine) as session:
        return api_tokens.create_token(session, TokenOrder(f"for {'+'.join(grants)} in {scope}", grants, scope), by=ida, now=utcnow())[1]


def session_key(engine: Engine, login: str) -> str:
    """The key of a new session, without the slow check of the password."""
    with transaction(engine) as session:
        opened = staff_login.open_session(session, Try(0, login, "192.0.2.9", ""), lasts=timedelta(hours=12), now=utcnow())
    assert opened is not None
    return opened[1]


@pytest.fixture
def ana(new_browser: NewBrowser) -> Browser:
    """Triage for the whole company."""
    return new_browser("ana")


@pytest.fixture
def came(engine: Engine, api_settings: Settings) -> Callable[..., tuple[str, ...]]:
    """Lets a message come in as `arriving.arrive` does; the ids of its deliveries as the API writes them."""

    def come(*recipients: str, **more: Any) -> tuple[str, ...]:
        with transaction(engine) as session:
            return tuple(ids.format_id(one) for one in arrive(session, api_settings, *recipients, **more))

    return come


Came = Callable[..., tuple[str, ...]]


@pytest.fixture
def ben(new_browser: NewBrowser) -> Browser:
    """Triage for the legal department only."""
    return new_browser("ben")


@pytest.fixture
def sqlite_ana(settings: Settings, sqlite_engine: Engine, sqlite_url: str) -> Iterator[Browser]:
    """Ana on SQLite only, for what no database has to do with."""
    own = replace(settings, database=replace(settings.database, url=sqlite_url))
    with opened(own, sqlite_engine) as app, start_blocking_portal() as portal:
        browser = Browser(portal, app, "192.0.2.9")
        browser.client.cookies.set("mailroom", session_key(sqlite_engine, "ana"), domain="127.0.0.1")
        yield browser
        browser.close()
