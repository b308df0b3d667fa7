"""The numbers for a monitor: true, for whom they are meant, and there when something else is down."""

import shutil
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from tests.triage import arriving
from tests.triage_api.conftest import Browser, Came, NewBrowser, opened
from tests.triage_api.http.test_prometheus_format import read
from triage import ids
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.runtime.spool_stats import OFTEN, OUTBOUND, batch_name
from triage.store import db
from triage.times import utcnow
from triage_api.app import make_app
from triage_api.http.dependencies import Office
from triage_api.routes.operations import metrics

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def spool(settings: Settings) -> Path:
    """A spool directory as a judge makes it."""
    for name in ("incoming", "retry", "damaged"):
        (settings.spool.directory / name).mkdir()
    return settings.spool.directory


def asked(browser: Browser) -> Values:
    answer = browser.get("//metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return read(answer.text)


def test_what_waits(new_browser: NewBrowser, came: Came, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "FRESH", 0.0)
    monitor = new_browser(address="127.0.0.1")
    nothing = asked(monitor)
    assert nothing["mailroom_spool_messages", (("spool", "incoming"),)] == 0
    assert [nothing["mailroom_spool_oldest_age_seconds", (("spool", name),)] for name in ("incoming", "outbound")] == [0, 0]
    came()
    came()
    (spool / "incoming" / batch_name(1, 12)).write_bytes(b"")
    (spool / "damaged" / "1.batch").write_bytes(b"")
    for name in ("incoming", "retry", "damaged"):
        (spool / OUTBOUND / name).mkdir(parents=True)
    hour = ids.first_id_at(utcnow() - timedelta(hours=1))
    (spool / OUTBOUND / "incoming" / f"{ids.format_id(hour)}.1.3.batch").write_bytes(b"")
    for attempt in (1, OFTEN):
        (spool / "retry" / f"0001764000000000.{attempt:03d}.0AMSCK1ANT458.1.batch").write_bytes(b"")
    found = asked(monitor)
    assert found["mailroom_spool_messages", (("spool", "outbound"),)] == 3
    assert (
        found["mailroom_spool_oldest_age_seconds", (("spool", "incoming"),)]
        < 3600
        <= found["mailroom_spool_oldest_age_seconds", (("spool", "outbound"),)]
    )
    assert found["mailroom_spool_messages", (("spool", "retry"),)] == 2
    assert found["mailroom_spool_stuck_messages", (("spool", "incoming"),)] == 1
    assert found["mailroom_spool_messages", (("spool", "incoming"),)] == 12
    assert found["mailroom_spool_damaged_batches", ()] == 1
    assert found["mailroom_deliveries", (("state", "held"),)] == 2
    assert found["mailroom_deliveries", (("state", "recalling"),)] == 0
    assert found["mailroom_held_oldest_age_seconds", ()] > 0
    assert (found["mailroom_recall_due", ()], found["mailroom_recall_due_age_seconds", ()]) == (0, 0)
    assert (found["mailroom_database_up", ()], found["mailroom_spool_up", ()], found["mailroom_queue_due", ()]) == (1, 1, 0)


def test_a_scrape_soon_after_costs_nothing(new_browser: NewBrowser, spool: Path, engine: Engine, came: Came) -> None:
    monitor = new_browser(address="127.0.0.1")
    before = asked(monitor)
    came()
    assert asked(monitor) == before


@pytest.mark.parametrize(
    ("address", "fields", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("127.8.8.8", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("192.0.2.9", {}, 403),
        ("2001:db8::1", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.9"}, 403),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.9"}, 403),
        ("not an address", {}, 403),
    ],
)
def test_who_may_read_them(address: str, fields: dict[str, str], status: int, new_browser: NewBrowser, spool: Path) -> None:
    assert new_browser(address=address).get("//metrics", headers=fields).status_code == status


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"X-Forwarded-For": "127.0.0.1"}, 200),  # as a proxy says it that is believed
        ({"X-Forwarded-For": "192.0.2.9"}, 403),  # as one that is not
        ({"X-Forwarded-For": "127.0.0.1, 192.0.2.9"}, 403),
        ({"Forwarded": "for=127.0.0.1"}, 403),
    ],
)
def test_nobody_reads_them_in_the_name_of_a_proxy(fields: dict[str, str], status: int, api_settings: Settings, engine: Engine) -> None:
    behind = replace(api_settings, api=replace(api_settings.api, public_url="https://mailroom.company.example"))
    with opened(behind, engine) as app, start_blocking_portal() as portal, closing(Browser(portal, app, "127.0.0.1")) as browser:
        assert browser.get("//metrics", headers=fields).status_code == status


def test_a_spool_or_a_database_that_is_gone_is_a_number_too(new_browser: NewBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(metrics, "read_gauges", gone)
    found = asked(new_browser(address="127.0.0.1"))
    ups = {name: value for (name, _), value in found.items() if name.endswith("_up")}
    assert ups == {"mailroom_spool_up": 0, "mailroom_database_up": 0}
    assert {name for name, _ in found} - set(ups) == {"mailroom_time_seconds", "mailroom_disk_free_bytes", "mailroom_disk_size_bytes"}


def test_the_machine(new_browser: NewBrowser, spool: Path, settings: Settings) -> None:
    before = time.time()
    found = asked(new_browser(address="127.0.0.1"))
    assert before <= found["mailroom_time_seconds", ()] <= time.time()
    disk = shutil.disk_usage(settings.spool.directory)
    assert found["mailroom_disk_size_bytes", (("place", "spool"),)] == disk.total
    assert 0 < found["mailroom_disk_free_bytes", (("place", "spool"),)] < disk.total


@pytest.mark.parametrize("source", ["file", "ldap"])
def test_only_a_directory_server_is_read_again_and_again(settings: Settings, database_url: str, engine: Engine, source: str) -> None:
    there = replace(settings, database=replace(settings.database, url=database_url), directory=replace(settings.directory, source=source))
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    with closing(Office(there)) as office:
        families = {one.name: [sample.value for sample in one.samples] for one in metrics.Metrics(office).of_record()}
    assert len(families["mailroom_directory_age_seconds"]) == (source == "ldap")
    assert len(families["mailroom_backup_age_seconds"]) == (engine.dialect.name == "sqlite")  # others save PostgreSQL


def test_something_else_than_networks_is_refused_at_the_start(settings: Settings) -> None:
    with pytest.raises(BadInput, match=r"api\.metrics must be networks such as 127\.0\.0\.0/8, not “everybody”"):
        make_app(replace(settings, api=replace(settings.api, metrics=("10.0.0.0/8", "everybody"))))
