"""Doctor's checks of employees' notices and requests, and of the events for a SIEM."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.peers.browsers.push_service import start_push_service
from tests.triage.arriving import ANA
from tests.triage_cli.conftest import Shell
from tests.webhooks import syslog_server
from triage.compliance.audit import hash_chain
from triage.config.settings import Api, Notices, Settings, Siem, Webhooks
from triage.notifications import event_streams
from triage.store import db, ledger
from triage.times import utcnow
from triage_cli.doctor.finding import FAIL, OK, WARN
from triage_cli.doctor.notification_checks import check_employees, check_siem, check_web_push

OPEN = Api(sign_in=("directory",), public_url="https://mailroom.company.example")


@pytest.mark.parametrize(
    ("notices", "api", "said"),
    [
        (Notices(digest_at="off"), Api(), []),
        (Notices(), Api(), [(WARN, "names only postmaster@company.example")]),
        (Notices(digest_contact="100"), Api(), [(OK, "get the daily digest at 08:30, and ask 100")]),
        (Notices(requests=True, digest_at=""), OPEN, [(OK, "get no daily digest, and can request messages")]),
        (Notices(digest_at="16:00", digest_contact="100"), Api(), [(OK, "get the daily digest at 16:00, and ask 100")]),
        (Notices(digest_at="16:00"), OPEN, [(WARN, "names only postmaster@")]),
        (Notices(requests=True, digest_at="off"), Api(), [(WARN, "there is no password sign-in")]),
        (Notices(requests=True, digest_at="16:00"), replace(OPEN, public_url=""), [(WARN, "no links"), (WARN, "names only")]),
    ],
)
def test_letters_that_help_nobody_are_found(
    shell: Shell, settings: Settings, database_url: str, notices: Notices, api: Api, said: list[tuple[str, str]]
) -> None:
    here = replace(settings, notices=notices, api=api, database=replace(settings.database, url=database_url))
    found = list(check_employees(here))
    assert [one.level for one in found] == [level for level, _ in said]
    assert all(words in one.found for one, (_, words) in zip(found, said, strict=True)), found
    assert all(one.do for one in found if one.level != OK)


def test_web_push_without_its_key_is_found(settings: Settings, tmp_path: Path) -> None:
    assert list(check_web_push(settings)) == []
    with start_push_service(tmp_path) as service:
        (good,) = check_web_push(replace(settings, webhooks=service.settings))
        assert (good.level, good.found) == (OK, f"signed; goes to localhost:{service.receiver.port}")
    (bad,) = check_web_push(replace(settings, webhooks=Webhooks(push_key_file=str(tmp_path / "none.pem"))))
    assert (bad.level, "No such file" in bad.found) == (FAIL, True)


@pytest.mark.usefixtures("shell")
def test_a_syslog_server_is_asked_who_it_is_and_what_waits_is_counted(
    engine: Engine, settings: Settings, database_url: str, tmp_path: Path
) -> None:
    papers = syslog_server.make_papers(tmp_path / "papers")
    here = replace(settings, database=replace(settings.database, url=database_url))
    assert list(check_siem(here)) == []
    with syslog_server.start_syslog_server(papers) as server:
        told = replace(here, siem=Siem(syslog=f"localhost:{server.port}", ca_file=papers.ca_file))
        shown, fares = check_siem(told)
        assert (shown.level, shown.what, fares.level) == (OK, f"siem localhost:{server.port}", OK)
        assert shown.found.startswith("good until ")
        with db.transaction(engine) as session:
            hash_chain.seal_entries(session)
            event_streams.read_stretch(session, event_streams.SYSLOG, told)
            ledger.write_act(session, "sign-out", "staff:ana", by=ANA, now=utcnow() - timedelta(hours=1))
            hash_chain.seal_entries(session)
        waits = list(check_siem(told))[-1]
        assert waits.level == FAIL
        assert waits.found.startswith("1 security event waiting for siem.syslog since ")
    refused, _ = check_siem(told)
    assert (refused.level, "Connection refused" in refused.found) == (FAIL, True)


@pytest.mark.usefixtures("shell")
def test_a_file_of_events_needs_its_directory(settings: Settings, database_url: str) -> None:
    here = replace(settings, database=replace(settings.database, url=database_url), siem=Siem(lines="/nonexistent/siem.jsonl"))
    first, _ = check_siem(here)
    assert (first.level, first.found) == (FAIL, "siem.lines: there is no directory /nonexistent")
