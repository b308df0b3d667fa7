"""Staff sign in with the directory's passwords where the settings say so, and in no other way then."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from anyio.from_thread import start_blocking_portal
from sqlalchemy import Engine

from tests.directory_sync.entries import ldif, person
from tests.directory_sync.ldap.test_ldap_source import settings as directory_settings
from tests.peers.slapd import Slapd, start_slapd
from tests.triage_api.conftest import PASSWORD, Browser, opened
from triage.config.settings import Settings
from triage.errors import BadInput
from triage_cli.services.api_role import prover_of


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    with start_slapd(
        ldif(person("ana", userPassword="from the directory"), person("visitor", userPassword="from the directory"))
    ) as running:
        yield running


@pytest.mark.peers
def test_the_directory_says_who_may_in(server: Slapd, settings: Settings, sqlite_engine: Engine, sqlite_url: str) -> None:
    own = replace(
        settings,
        database=replace(settings.database, url=sqlite_url),
        directory=directory_settings(server),
        api=replace(settings.api, sign_in=("directory",)),
    )
    with opened(own, sqlite_engine, prover_of(own)) as app, start_blocking_portal() as portal:
        browser = Browser(portal, app, "192.0.2.9")
        try:
            assert browser.sign_in("ana", PASSWORD).status_code == 401, "the password that our own table has counts no more"
            assert browser.sign_in("visitor", "from the directory").status_code == 401, "no staff"
            assert browser.sign_in("ana", "").status_code in (401, 422)
            assert browser.sign_in("ana", "from the directory").status_code == 201
            server.stop()
            down = browser.sign_in("ana", "from the directory")
            assert down.status_code == 503
            assert re.search("does not answer", down.json()["detail"])
        finally:
            browser.close()
            server.start()


def test_without_an_ldap_server_the_setting_is_of_no_use(settings: Settings) -> None:
    assert prover_of(settings) is None
    with pytest.raises(BadInput, match=r"needs \[directory\] source"):
        prover_of(replace(settings, api=replace(settings.api, sign_in=("directory",))))
