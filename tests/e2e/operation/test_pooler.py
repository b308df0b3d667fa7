"""Black box: a PgBouncer that pools transactions lies between Mailroom and PostgreSQL. All goes on; only wake-ups need a way round."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import company, outside, pgbouncer, postgresql, processes
from tests.peers.company import Company, Desk
from tests.peers.outside import OutsideMessage

MESSAGES = 8  # of each sender: more than psycopg waits for until it prepares a statement
TO = f"ada.byron@{company.DOMAIN}"


@pytest.fixture
def house(tmp_path: Path, postgresql_server: postgresql.Server) -> Iterator[Company]:
    """A company that reaches its database through the pooler alone, and lets one of two senders in."""
    postgresql_server.create("pooled")
    with pgbouncer.start_pooler(postgresql_server) as pooler:
        made = Company(tmp_path, pooler.url("pooled"), f"maildir:{tmp_path}/mailboxes")
        made.lay_out()
        made.run("sync", check=True)
        made.run("allow", outside.SUPPLIER.name, check=True)
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.mark.long
@pytest.mark.postgresql
def test_everything_works_through_a_pooler_of_transactions(
    house: Company, postgresql_server: postgresql.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(MESSAGES):
        for sender in (outside.SUPPLIER, outside.STRANGER):
            house.take(OutsideMessage(f"ana@{sender.name}", TO, f"number {number}"))
    with house.signed_in() as desk:
        desk.wait_for(MESSAGES, state="delivered")
        held = [one["id"] for one in desk.wait_for(MESSAGES, state="held")]
        for one in held[1:]:
            assert desk.decide("release", {"ids": [one]}).status_code == 201
        desk.wait_for(2 * MESSAGES - 1, state="delivered")
        purged_and_restored(desk, held[0])
    house.run("audit", "verify", check=True)
    assert wake_ups(house) == "warn"
    monkeypatch.setenv("MAILROOM_DATABASE__LISTEN_URL", postgresql_server.url("pooled"))
    assert wake_ups(house) == "ok"
    said = house.log.read_text()
    assert "no line to other machines" not in said
    assert "the database refuses" not in said, processes.read_tail(house.log)


def purged_and_restored(desk: Desk, mail: str) -> None:
    """A decision and its undo."""
    decision = desk.decide("purge", {"ids": [mail]}, reason="phishing").json()
    desk.wait_for(state="purged")
    assert desk.client.post(f"/decisions/{decision['id']}/undo").status_code == 201
    desk.wait_for(state="held")


def wake_ups(house: Company) -> str:
    """Doctor's level for the wake-ups."""
    findings = json.loads(house.run("doctor", "--json").stdout)
    return next(str(one["level"]) for one in findings if one["what"] == "wake-ups")
