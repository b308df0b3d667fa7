"""Sign-in by a proxy's header: refused from elsewhere, when sent twice, and for unknown people."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.peers.processes import HANG
from tests.triage_api.conftest import ORIGIN, Browser, opened
from triage.access.accounts import PROVIDER
from triage.config.settings import Api, Settings
from triage.errors import BadInput
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.staff import StaffMember
from triage_api.app import check_trusted_header, serve_socket

PROXY, ELSEWHERE = "10.0.0.5", "10.0.0.6"
NAMED = {"Remote-User": "ana"}
PAST = "this request bypassed the proxy: open the console at the address of the proxy"
NO_ACCOUNT = "the proxy names {0}, and no open account here has that name; ask an administrator, who can add it: `mailroom staff add {0}`"
TWICE = "Remote-User came more than once: an administrator lets the proxy remove what browsers send, and set it once"
NOBODY = "the proxy names nobody in Remote-User: sign in there, or ask an administrator to let it send that"


@pytest.fixture
def settings_of_proxy(settings: Settings, sqlite_url: str) -> Settings:
    """Staff sign in at a proxy."""
    api = replace(settings.api, sign_in=("proxy", "local"), sign_in_proxies=(PROXY,))
    return replace(settings, database=replace(settings.database, url=sqlite_url), api=api)


@pytest.fixture
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as made:
        yield made


@pytest.fixture
def app(settings_of_proxy: Settings, sqlite_engine: Engine) -> Iterator[FastAPI]:
    with opened(settings_of_proxy, sqlite_engine) as made:
        yield made


def enter(portal: BlockingPortal, app: FastAPI, address: str, headers: Any) -> tuple[int, str]:
    """Status, and who is in or why not."""
    with closing(Browser(portal, app, address)) as browser:
        return read_answer(browser.post("/session/proxy", headers=headers))


def read_answer(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["login" if answer.status_code == 201 else "detail"]


def test_who_is_named_is_in_for_as_long_as_the_proxy_names_them(portal: BlockingPortal, app: FastAPI, sqlite_engine: Engine) -> None:
    with closing(Browser(portal, app, PROXY)) as browser:
        assert browser.get("/session/ways", headers=NAMED).json()["proxy"] == "ana"
        assert read_answer(browser.post("/session/proxy", headers={"remote-user": " ANA "})) == (201, "ana")
        assert browser.get("/me", headers=NAMED).status_code == 200
        assert [browser.get("/me", headers=one).status_code for one in ({}, {"Remote-User": "ida"})] == [401, 401]
        browser.client.cookies.set("mailroom", key := browser.client.cookies["mailroom"], domain="127.0.0.1")
        with closing(Browser(portal, app, ELSEWHERE)) as thief:
            assert thief.get("/me", headers=NAMED | {"Cookie": f"mailroom={key}"}).status_code == 401
    with read_transaction(sqlite_engine) as session:
        (detail,) = session.scalars(select(col(AuditRecord.detail)).where(col(AuditRecord.act) == "sign-in"))
    assert detail == {"client": PROXY, "method": "proxy"}


HOSTILE = {
    "from elsewhere": (ELSEWHERE, [("Remote-User", "ana")], PAST),
    "from elsewhere in the proxy's name": (
        ELSEWHERE,
        [("Remote-User", "ana"), ("X-Forwarded-For", PROXY), ("Forwarded", f"for={PROXY}")],
        PAST,
    ),
    "no address at all": ("", [("Remote-User", "ana")], PAST),
    "twice": (PROXY, [("Remote-User", "ana"), ("remote-user", "ida")], TWICE),
    "twice, once empty": (PROXY, [("Remote-User", "ana"), ("Remote-User", "")], TWICE),
    "two in one": (PROXY, [("Remote-User", "ana, ida")], "the proxy names nobody who could be here: a login has 1 to 64 characters"),
    "empty": (PROXY, [("Remote-User", " ")], NOBODY),
    "missing": (PROXY, [], NOBODY),
    "another header": (PROXY, [("X-Remote-User", "ana")], NOBODY),
    "nobody's name": (PROXY, [("Remote-User", "nobody")], NO_ACCOUNT.format("nobody")),
    "an account of a provider": (PROXY, [("Remote-User", "eva")], NO_ACCOUNT.format("eva")),
    "a break-glass account": (PROXY, [("Remote-User", "ida")], NO_ACCOUNT.format("ida")),
    "a closed account": (PROXY, [("Remote-User", "sam")], NO_ACCOUNT.format("sam")),
}


@pytest.mark.parametrize(("address", "headers", "why"), HOSTILE.values(), ids=HOSTILE.keys())
def test_nobody_else_is(
    portal: BlockingPortal, app: FastAPI, sqlite_engine: Engine, address: str, headers: list[tuple[str, str]], why: str
) -> None:
    changes: dict[str, dict[str, Any]] = {"eva": {"source": PROVIDER}, "ida": {"is_break_glass": True}, "sam": {"active": False}}
    with transaction(sqlite_engine) as session:
        for login, change in changes.items():
            session.execute(update(StaffMember).where(col(StaffMember.login) == login).values(change))
    origin = [("Origin", ORIGIN)]
    status, said = enter(portal, app, address, headers + origin)
    assert (status, said.startswith(why)) == (403, True), said


def test_past_a_trusted_proxy_the_header_is_nothing_and_nothing_is_written(
    portal: BlockingPortal, settings_of_proxy: Settings, sqlite_engine: Engine
) -> None:
    """X-Forwarded-For of a believed proxy says who the client is, not who may name people."""
    api = replace(settings_of_proxy.api, public_url="https://mailroom.example", proxies=(ELSEWHERE,))
    headers = NAMED | {"X-Forwarded-For": PROXY, "Origin": "https://mailroom.example"}
    with opened(replace(settings_of_proxy, api=api), sqlite_engine) as app:
        assert enter(portal, app, ELSEWHERE, headers) == (403, PAST)
        assert enter(portal, app, PROXY, headers)[0] == 201
    with read_transaction(sqlite_engine) as session:
        assert session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "sign-in-failed")).all() == []


def test_over_a_unix_socket_nobody_has_an_address_to_be_believed(tmp_path: Path, app: FastAPI, settings_of_proxy: Settings) -> None:
    stop = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path := str(tmp_path / "api"))
        listener.listen()
        server = threading.Thread(target=serve_socket, args=(app, settings_of_proxy, listener, stop))
        server.start()
        try:
            with httpx.Client(transport=httpx.HTTPTransport(uds=path), base_url=ORIGIN, headers=NAMED | {"Origin": ORIGIN}) as client:
                assert read_answer(client.post("/api/v1/session/proxy")) == (403, PAST)
        finally:
            stop.set()
            server.join(HANG)


def test_where_it_is_no_way_to_sign_in_the_header_is_only_a_header(
    portal: BlockingPortal, settings_of_proxy: Settings, sqlite_engine: Engine
) -> None:
    api = replace(settings_of_proxy.api, sign_in=("local",))
    with opened(replace(settings_of_proxy, api=api), sqlite_engine) as app:
        assert enter(portal, app, PROXY, NAMED) == (403, "nobody signs in here through a proxy; choose another way on the sign-in page")


def test_a_second_factor_is_asked_for_all_the_same(portal: BlockingPortal, settings_of_proxy: Settings, sqlite_engine: Engine) -> None:
    api = replace(settings_of_proxy.api, require_second_factor=("triage",))
    with opened(replace(settings_of_proxy, api=api), sqlite_engine) as app, closing(Browser(portal, app, PROXY)) as browser:
        assert browser.post("/session/proxy", headers=NAMED).status_code == 202
        assert browser.get("/me", headers=NAMED).status_code == 401


def test_no_pin_opens_a_session_that_the_proxy_would_have_ended(
    portal: BlockingPortal, settings_of_proxy: Settings, sqlite_engine: Engine
) -> None:
    api, pin = replace(settings_of_proxy.api, pin_networks=("10.0.0.0/24",)), {"pin": "804715"}
    with opened(replace(settings_of_proxy, api=api), sqlite_engine) as app, closing(Browser(portal, app, PROXY)) as browser:
        assert browser.sign_in("ana").status_code == 201
        assert browser.request("PUT", "/session/pin", json=pin).status_code == 204
        assert read_answer(browser.post("/session/proxy", headers=NAMED)) == (201, "ana")
        answer = browser.request("PUT", "/session/pin", json=pin, headers=NAMED)
        assert (answer.status_code, answer.json()["detail"].startswith("a proxy has signed you in")) == (403, True)
        assert browser.get("/session/ways").json()["pins"] == []
        assert browser.post("/session/unlock", {"login": "ana"} | pin).status_code == 403


@pytest.mark.parametrize(
    ("api", "why"),
    [
        (Api(sign_in=("proxy",)), "needs the addresses of the proxy: sign_in_proxies"),
        (Api(sign_in=("proxy",), sign_in_proxies=("nowhere",)), r"api\.sign_in_proxies must be networks"),
        (Api(sign_in=("proxy",), sign_in_proxies=(PROXY,), sign_in_header="Cookie"), "a header that only the proxy sets, not 'Cookie'"),
        (Api(sign_in=("proxy",), sign_in_proxies=(PROXY,), sign_in_header="Remote User"), "not 'Remote User'"),
    ],
)
def test_settings_that_would_let_everybody_in_are_refused(api: Api, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        check_trusted_header(api)
