"""Security events for a SIEM: each once, in ECS fields, without secrets and without confidential details."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage.arriving import ANA, IDA, NOW, set_up
from triage.access import accounts, api_tokens, break_glass, confidential_folders, staff_login
from triage.access.accounts import Account
from triage.access.api_tokens import TokenOrder
from triage.access.second_factor import factor_policy
from triage.access.staff_login import OF_AN_ADDRESS, TRIES, How
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.compliance.audit import hash_chain, verify_chain
from triage.config.settings import Settings
from triage.directory import enforcement
from triage.notifications import event_streams, security_events
from triage.notifications.event_streams import LINES
from triage.notifications.security_events import EVENTS, LONGEST
from triage.store import db, ledger
from triage.store.models.audit import AuditRecord
from triage.store.models.staff import FailedSignIn, StaffMember

HOME, ELSEWHERE = "192.0.2.9", "203.0.113.7"
DAY = timedelta(days=1)
# ECS 8.11, "Categorization fields": categories and the types that each expects
EXPECTED = {
    "authentication": {"start", "end", "info"},
    "session": {"start", "end", "info"},
    "iam": {"admin", "change", "creation", "deletion", "group", "info", "user"},
    "configuration": {"access", "change", "creation", "deletion", "info"},
    "database": {"access", "change", "info", "error"},
}


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Any:
    """A transaction in the small company, whose events are followed; Ida administers it."""
    with db.transaction(engine) as opened:
        set_up(opened, settings)
        opened.add(StaffMember(login="ida", name="Ida", role="admin", scope=["company"], password_hash="", source="local"))
        hash_chain.seal_entries(opened)
        assert not event_streams.read_stretch(opened, LINES, settings).events
        yield opened


def read_events(session: Session, settings: Settings) -> list[dict[str, Any]]:
    """Events since the last call, as a SIEM gets them."""
    while hash_chain.seal_entries(session):
        pass
    stretch = event_streams.read_stretch(session, LINES, settings)
    assert event_streams.settle_stretch(session, LINES, stretch)
    assert not event_streams.settle_stretch(session, LINES, stretch)  # another process has
    return list(stretch.events)


def actions(events: list[dict[str, Any]]) -> list[str]:
    """Actions of these events."""
    return [one["event"]["action"] for one in events]


def fail(session: Session, client: str = HOME) -> None:
    """Records a wrong password of Ana's."""
    staff_login.record_failure(session, staff_login.begin_attempt(session, "ana", client, now=NOW), now=NOW)


def test_a_sign_in_says_who_and_from_where(session: Session, settings: Settings) -> None:
    assert staff_login.start_session(session, "ana", HOME, How(has_factor=True), lasts=DAY, now=NOW)
    assert staff_login.start_session(session, "ana", ELSEWHERE, How(), lasts=DAY, now=NOW)
    first, second = read_events(session, settings)
    assert (first["event"]["action"], first["event"]["outcome"], first["event"]["category"]) == ("sign-in", "success", ["authentication"])
    assert (first["user"], first["source"]["ip"]) == ({"name": "ana"}, HOME)
    assert (first["@timestamp"], first["host"]) == (NOW.isoformat(), {"name": "mx.company.example"})
    assert first["mailroom"]["second_factor"]
    assert second["mailroom"]["new_sign_in_address"]
    records = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "sign-in").order_by(col(AuditRecord.id)))
    assert [one.detail.get("new_place", False) for one in records] == [False, True]  # as in entries of earlier versions
    assert first["event"]["id"] != second["event"]["id"]


def test_the_failure_that_closes_an_account_says_so_once(session: Session, settings: Settings) -> None:
    for _ in range(TRIES):
        fail(session)
    events = read_events(session, settings)
    assert actions(events) == ["sign-in-failed"] * TRIES + ["sign-in-locked"]
    last = events[-1]
    assert (last["user"]["name"], last["source"]["ip"], last["event"]["kind"]) == ("ana", HOME, "alert")
    assert (last["mailroom"]["number"], last["mailroom"]["minutes"]) == (TRIES, 15)


def test_of_failures_at_the_same_time_one_closes_the_account(session: Session, settings: Settings) -> None:
    attempts = [staff_login.begin_attempt(session, "ana", HOME, now=NOW) for _ in range(TRIES)]
    for one in attempts:
        staff_login.record_failure(session, one, now=NOW, why="second factor")
    events = read_events(session, settings)
    assert actions(events).count("sign-in-locked") == 1
    assert {one["event"].get("reason") for one in events if one["event"]["action"] == "sign-in-failed"} == {"second factor"}


def locks(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """From where too many sign-ins failed, and how many."""
    return [(one["source"]["ip"], one["mailroom"]["number"]) for one in events if one["event"]["action"] == "sign-in-locked"]


def test_a_failure_from_where_somebody_always_signs_in_locks_the_account_elsewhere(session: Session, settings: Settings) -> None:
    assert staff_login.start_session(session, "ana", HOME, How(), lasts=DAY, now=NOW)
    for client in [ELSEWHERE] * (TRIES - 1) + [HOME] * TRIES:
        fail(session, client)
    assert locks(read_events(session, settings)) == [(HOME, TRIES), (HOME, TRIES)], (
        "elsewhere after the first from home, at home after five"
    )


def test_a_failure_of_somebody_who_is_spared_locks_the_address_for_the_others_once(session: Session, settings: Settings) -> None:
    assert staff_login.start_session(session, "ana", HOME, How(), lasts=DAY, now=NOW)
    session.add_all(FailedSignIn(at=NOW, login=f"guess {number}", client=HOME) for number in range(OF_AN_ADDRESS - 1))
    session.flush()
    fail(session)
    fail(session)
    assert locks(read_events(session, settings)) == [(HOME, OF_AN_ADDRESS)]


def test_what_was_typed_where_nobody_has_that_name_is_not_told(session: Session, settings: Settings) -> None:
    attempt = staff_login.begin_attempt(session, "hunter2", HOME, now=NOW)
    staff_login.record_failure(session, attempt, now=NOW)
    (event,) = read_events(session, settings)
    assert event["user"] == {}
    assert "hunter2" not in json.dumps(event)


def test_accounts_and_second_factors(session: Session, settings: Settings) -> None:
    accounts.add_account(session, Account("kim", "Kim", "admin", ("company",)), "$argon2id$hash", by=IDA, now=NOW)
    accounts.give_rights(session, "kim", ("remove-delivered",), by=IDA, now=NOW)
    factor_policy.reset_factors(session, "kim", by=IDA, now=NOW)
    halves = break_glass.prepare_break_glass(session, "kim", by=IDA, now=NOW)
    attempt = staff_login.begin_attempt(session, "kim", HOME, now=NOW, by_code=True)
    assert break_glass.open_account(session, attempt, *halves, lasts=DAY, now=NOW)
    accounts.remove_account(session, "kim", by=IDA, now=NOW)
    events = read_events(session, settings)
    assert actions(events) == [
        *("staff-add", "staff-rights", "staff-second-factor-reset", "staff-break-glass"),
        *("sign-in", "break-glass", "staff-remove"),
    ]
    assert events[0]["user"] == {"name": "ida", "target": {"name": "kim"}}
    assert (events[0]["mailroom"]["role"], events[0]["mailroom"]["scope"]) == ("admin", ["company"])
    assert events[1]["mailroom"]["rights"] == ["remove-delivered"]
    assert [one["event"]["kind"] for one in events].count("alert") == 1
    assert all(secret not in json.dumps(events) for secret in (*halves, "argon2id"))


def test_a_token_from_its_creation_to_its_end(session: Session, settings: Settings) -> None:
    made, key = api_tokens.create_token(session, TokenOrder("export", ("read",)), by=IDA, now=NOW)
    for client in (HOME, HOME, ELSEWHERE, HOME, ELSEWHERE, ""):
        api_tokens.touch_token(session, made.id, client, now=NOW)
    api_tokens.revoke_token(session, made.id, by=IDA, now=NOW)
    events = read_events(session, settings)
    assert actions(events) == ["token-create", "token-new-place", "token-new-place", "token-revoke"]
    assert [one["source"]["ip"] for one in events[1:3]] == [HOME, ELSEWHERE]
    assert {one["mailroom"]["name"] for one in events} == {"export"}
    assert key not in json.dumps(events)


def test_a_trail_that_is_not_whole_is_an_alert(session: Session, settings: Settings) -> None:
    verify_chain.record_fault(session, "entry 4 has been changed", by=Actor.system("upkeep"), now=NOW)
    (event,) = read_events(session, settings)
    assert (event["event"]["kind"], event["event"]["severity"], event["event"]["reason"]) == ("alert", 1, "entry 4 has been changed")


def test_only_what_matters_is_told(session: Session, settings: Settings) -> None:
    ledger.write_act(session, "viewed", "message:0ABC", by=ANA, now=NOW)
    ledger.write_act(session, "alert", "company", by=ANA, now=NOW, detail={"cause": "waiting", "said": "x"})
    ledger.write_act(session, "token", "token:0ABC", by=ANA, now=NOW, detail={"what": "unheard-of"})
    ledger.write_act(
        session, "alert", "company", by=ANA, now=NOW, detail={"cause": "removal", "number": 70, "said": "Subject of a message"}
    )
    (event,) = read_events(session, settings)
    assert (event["event"]["action"], event["mailroom"]["number"]) == ("alert-removal", 70)
    assert "Subject" not in json.dumps(event)


@pytest.mark.parametrize(("before", "today"), security_events.NAMES_BEFORE.items())
def test_entries_with_a_name_of_before_stay_events(session: Session, settings: Settings, before: str, today: str) -> None:
    for act in (before, today):
        ledger.write_act(session, act, "company", by=ANA, now=NOW, detail={"cause": "removal"})
    old, new = (one["event"] for one in read_events(session, settings))
    assert old["action"].removeprefix(before) == new["action"].removeprefix(today)
    assert [old[name] for name in ("kind", "category", "type", "outcome", "severity")] == [
        new[name] for name in ("kind", "category", "type", "outcome", "severity")
    ]


def test_confidential_folders_are_not_named(session: Session, settings: Settings) -> None:
    confidential_folders.equalise_confidential(session, (ConfidentialEntry("department:legal", ("ben",)),))
    ledger.write_act(session, "staff", "staff:ben", by=IDA, now=NOW, detail={"what": "groups", "scope": ["department:legal"], "role": "x"})
    (event,) = read_events(session, settings)
    assert event["mailroom"] == {"by": "person:ida", "subject": "staff:ben", "confidential": True}


@pytest.mark.parametrize("folder", ["department:legal", "person:mara.berg"])
def test_an_act_on_a_confidential_folder_does_not_name_it(session: Session, settings: Settings, folder: str) -> None:
    confidential_folders.equalise_confidential(session, (ConfidentialEntry("department:legal", ("ben",)),))
    enforcement.set_step(session, folder, enforcement.RECORD, by=IDA, reason="", now=NOW)
    enforcement.set_step(session, "department:it", enforcement.RECORD, by=IDA, reason="", now=NOW)
    hidden, shown = read_events(session, settings)
    assert hidden["mailroom"] == {"by": "person:ida", "subject": "confidential", "confidential": True}
    assert all(one not in json.dumps(hidden) for one in ("legal", "mara"))
    assert shown["mailroom"] == {"by": "person:ida", "subject": "department:it", "enforcement": "record-only"}


@pytest.mark.parametrize("text", ["x" * 10_000, "\u202e\n\x1b" * 3000])
def test_an_event_is_one_line_that_every_receiver_takes(session: Session, settings: Settings, text: str) -> None:
    detail = {"what": "second-factor", "name": text, "rights": [text] * 50, "scope": [text] * 50, "client": text}
    ledger.write_act(session, "staff", "staff:ben", by=IDA, now=NOW, detail=detail)
    (event,) = read_events(session, settings)
    line = security_events.write_line(event)
    assert len(line) <= LONGEST
    assert line.isascii()
    assert line.decode().isprintable()
    assert "source" not in event


def test_every_kind_is_one_that_ecs_knows() -> None:
    for act, variants in EVENTS.items():
        for variant, kind in variants.items():
            assert set(kind.type) <= set.union(*(EXPECTED[one] for one in kind.category)), (act, variant)
