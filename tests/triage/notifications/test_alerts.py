"""Alerts on both databases, each in the audit log once."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import COMPANY, IDA, NOW, SYNC, arrive
from triage.addressing.company import ConfidentialEntry
from triage.compliance.audit import hash_chain
from triage.compliance.retention import expire as retention
from triage.config.alert_types import Wait
from triage.config.settings import Coverage, Notices, Settings, Webhooks
from triage.config.webhooks import Hook
from triage.directory import apply as directory
from triage.notifications import alerts
from triage.notifications.webhooks import outbox, webhook_events
from triage.policy import emergency
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import fold_counts
from triage.store import db, ledger
from triage.store.delivery_state import State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.notifications import WebhookCall

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"


@pytest.fixture
def watched(settings: Settings) -> Settings:
    return replace(settings, notices=Notices(target_minutes=60, targets=("legal=10",), outgoing_minutes=0))


def held(engine: Engine, settings: Settings, *recipients: str, **columns: object) -> int:
    """A message that is held, with some of its columns as they are wanted."""
    with db.transaction(engine) as session:
        (came,) = arrive(session, settings, *recipients)
        if columns:
            session.execute(update(Delivery).where(col(Delivery.id) == came).values(**columns))
    counted(engine)
    return came


def counted(engine: Engine) -> None:
    """Cached counts, as upkeep keeps them."""
    fold_counts.build_views(engine, now=NOW)
    with db.transaction(engine) as session:
        while fold_counts.fold_counts(session, now=NOW):
            pass


def looked(engine: Engine, settings: Settings, now: datetime = NOW) -> list[Wait]:
    with db.read_transaction(engine) as session:
        return alerts.find_alerts(session, settings, now)


def watch(engine: Engine, settings: Settings, now: datetime = NOW) -> int:
    """Look, remember and put in the audit log, as upkeep does; how many records."""
    with db.transaction(engine) as session:
        alerts.store_alerts(session, alerts.find_alerts(session, settings, now), now=now)
        assert not alerts.has_changed(session, alerts.find_alerts(session, settings, now))
        return alerts.record_alerts(session, settings, now=now)


def recorded(engine: Engine) -> list[str]:
    with db.read_transaction(engine) as session:
        kept = select(AuditRecord).where(col(AuditRecord.act) == "alert").order_by(col(AuditRecord.id))
        return [one.detail["said"] for one in session.scalars(kept)]


def test_mail_waits_longer_than_the_target_of_its_department(known: Engine, watched: Settings) -> None:
    held(known, watched, JOE)
    held(known, watched, MARA)
    assert looked(known, watched, NOW + 10 * MINUTE) == []
    (legal,) = looked(known, watched, NOW + 11 * MINUTE)
    assert (legal.cause, legal.department, legal.person, legal.number, legal.since) == ("waiting", "legal", "mara.berg", 1, NOW)
    assert {one.department for one in looked(known, watched, NOW + 61 * MINUTE)} == {"it", "legal"}
    assert looked(known, replace(watched, notices=Notices()), NOW + 9 * HOUR) == []


def test_a_person_s_own_target_counts_before_the_department_s(known: Engine, watched: Settings) -> None:
    held(known, watched, JOE)
    held(known, watched, MARA)
    own = replace(watched, notices=replace(watched.notices, targets=("legal=10", "person:joe.fern=5", "person:mara.berg=0")))
    (joe,) = looked(known, own, NOW + 6 * MINUTE)
    assert (joe.cause, joe.department, joe.person) == ("waiting", "it", "joe.fern")
    assert [one.person for one in looked(known, own, NOW + 9 * HOUR)] == ["joe.fern"]


def test_only_hours_of_work_count(known: Engine, watched: Settings) -> None:
    held(known, watched, JOE)
    office = replace(watched, coverage=Coverage(hours=("mon-fri 08:00-10:00",)))  # it came at 09:30
    assert looked(known, office, NOW + 23 * HOUR) == []
    assert looked(known, office, NOW + 23 * HOUR + 31 * MINUTE)


def test_what_is_hardly_wanted_may_wait(known: Engine, watched: Settings) -> None:
    held(known, watched, JOE, urgency=29)
    assert looked(known, watched, NOW + 9 * HOUR) == []


def test_time_limited_mail_that_may_be_wanted(known: Engine, watched: Settings) -> None:
    until = NOW + 20 * MINUTE
    held(known, watched, JOE)
    assert looked(known, watched) == []
    newest = held(known, watched, JOE, time_limited_until=until)
    assert looked(known, watched) == [Wait("time-limited", "it", "joe.fern", 1, until, newest)]
    assert looked(known, watched, until) == []


def test_mail_that_expires_within_a_day(known: Engine, settings: Settings) -> None:
    settings = arriving.expire_unseen(settings)
    held(known, settings, JOE)
    restored = held(known, settings, MARA)
    with db.transaction(known) as session:
        decisions.decide_messages(
            session, DecisionRequest(Selection(ids=(restored,)), Verb.PURGE), by=IDA, now=NOW + DAY, settings=settings
        )
        decisions.decide_messages(
            session, DecisionRequest(Selection(ids=(restored,)), Verb.RESTORE), by=IDA, now=NOW + 2 * DAY, settings=settings
        )
    assert looked(known, settings, NOW + 29 * DAY) == []
    (one,) = looked(known, settings, NOW + 29 * DAY + MINUTE)
    assert (one.cause, one.department, one.since) == ("expiring", "it", NOW + 30 * DAY)
    with db.transaction(known) as session:  # what is announced is what expires
        assert retention.expire_messages(session, settings=settings, now=NOW + 30 * DAY + MINUTE) == 1


def test_mail_that_cannot_expire_is_told_of_every_day(known: Engine, settings: Settings) -> None:
    held(known, settings, JOE)
    end = NOW + 30 * DAY + MINUTE
    assert [watch(known, settings, moment) for moment in (end - HOUR, end, end + HOUR, end + DAY, end + DAY)] == [0, 1, 0, 1, 0]
    said = "IT: 1 message cannot expire because no daily digest named it, the first since 24 Dec 09:30."
    assert recorded(known) == [said, said]
    assert watch(known, arriving.expire_unseen(settings), end + 2 * DAY) == 1, "but that it expires"


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (
            {"waits_for": "lmtp://inner", "due_at": NOW + HOUR},
            "1 message has waited for the next hop since 24 Nov 09:30 UTC; not reachable: lmtp://inner.",
        ),
        ({"due_at": NOW}, "1 message has waited for the next hop since 24 Nov 09:30 UTC. See `mailroom outgoing`"),
        ({"due_at": NOW, "direction": "outbound"}, ""),  # a domain outside that does not answer is no alert
        ({"due_at": NOW, "direction": "outbound", "waits_for": "smtp://out"}, "not reachable: smtp://out"),
    ],
)
def test_the_queue_stands(known: Engine, settings: Settings, columns: dict[str, object], says: str) -> None:
    held(known, settings, JOE, state=State.QUEUED, queued_at=NOW, **columns)
    assert looked(known, settings, NOW + 30 * MINUTE) == []
    found = looked(known, settings, NOW + 31 * MINUTE)
    assert [says in one.words for one in found] == ([True] if says else [])
    assert looked(known, replace(settings, notices=Notices(outgoing_minutes=0)), NOW + 31 * MINUTE) == []


@pytest.mark.parametrize("state", [State.RECALLING, State.RESTORING])
def test_purged_mail_stays_in_mailboxes(known: Engine, settings: Settings, state: State) -> None:
    held(known, settings, JOE, state=state, queued_at=NOW, due_at=NOW + HOUR)
    assert looked(known, settings, NOW + 30 * MINUTE) == []
    (one,) = looked(known, settings, NOW + 31 * MINUTE)
    assert one.words == (
        "1 message has waited since 24 Nov 09:30 UTC to be recalled from a mailbox or put back. See `mailroom outgoing` and "
        "`mailroom doctor`."
    )
    held(known, settings, JOE, state=state, queued_at=NOW + MINUTE)
    assert [one.words[:12] for one in looked(known, settings, NOW + HOUR)] == ["2 messages h"]
    assert looked(known, replace(settings, notices=Notices(outgoing_minutes=0)), NOW + HOUR) == []


def test_many_messages_are_refused(known: Engine, settings: Settings) -> None:
    few = replace(settings, notices=Notices(outgoing_bounces=1))
    held(known, few, JOE, state=State.BOUNCED, settled_at=NOW)
    assert looked(known, few) == []
    held(known, few, JOE, state=State.BOUNCED, settled_at=NOW)
    assert [one.words[:31] for one in looked(known, few)] == ["The next hop refused 2 messages"]
    assert looked(known, few, NOW + HOUR) == []


def test_once_on_the_record_and_again_when_it_comes_again(known: Engine, watched: Settings) -> None:
    held(known, watched, MARA)
    held(known, watched, JOE)
    late = NOW + 11 * MINUTE
    assert [watch(known, watched, moment) for moment in (late, late, late + DAY)] == [1, 0, 1]  # a day later IT waits, too
    decide_all(known, watched)
    assert watch(known, watched, late + DAY) == 0
    assert recorded(known)[0] == "Legal: 1 message is held, the oldest since 24 Nov 09:30."


def decide_all(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        everything = Selection(department="legal", states=(State.HELD,))
        decisions.decide_messages(session, DecisionRequest(everything, Verb.RELEASE), by=IDA, now=NOW, settings=settings)
    counted(engine)


def test_it_is_quiet_for_a_while_after_it_was_told(known: Engine, watched: Settings) -> None:
    held(known, watched, MARA)
    first = NOW + 11 * MINUTE
    assert watch(known, watched, first) == 1
    decide_all(known, watched)
    watch(known, watched, first + MINUTE)
    held(known, watched, MARA)  # waits since NOW too
    assert watch(known, watched, first + 2 * MINUTE) == 0  # a new alert, within the hour
    assert watch(known, watched, first + HOUR) == 1  # and told when that is over


def test_each_time_limited_mail_is_news(known: Engine, watched: Settings) -> None:
    plain = replace(watched, notices=Notices())
    held(known, plain, JOE, time_limited_until=NOW + HOUR, urgency=60)
    assert [watch(known, plain, NOW + minutes * MINUTE) for minutes in (0, 1, 30)] == [1, 0, 0]
    held(known, plain, JOE, time_limited_until=NOW + HOUR, urgency=60)
    assert watch(known, plain, NOW + 31 * MINUTE) == 1
    held(known, plain, JOE, time_limited_until=NOW + HOUR, urgency=60)
    assert [watch(known, plain, NOW + minutes * MINUTE) for minutes in (32, 36)] == [0, 1]  # not more than once in five minutes


def test_the_brake_is_an_alert_until_the_directory_is_believed(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        alerts.raise_brake(session, "The directory would remove 60 of 100 people", now=NOW)
    assert watch(known, settings) == 1
    with db.transaction(known) as session:
        alerts.raise_brake(session, "The directory would remove 60 of 100 people", now=NOW + HOUR)  # every five minutes
    assert watch(known, settings, NOW + DAY - MINUTE) == 0
    assert watch(known, settings, NOW + DAY) == 1, "nobody joins or leaves meanwhile: that is told every day"
    assert watch(known, settings, NOW + DAY) == 0
    stale = looked(known, settings)
    with db.transaction(known) as session:
        alerts.clear_brake_alert(session)
        alerts.store_alerts(session, stale, now=NOW)  # somebody looked before
    assert looked(known, settings) == []


def test_webhooks_are_told_of_it_without_what_is_sealed(known: Engine, settings: Settings) -> None:
    hooked = replace(settings, webhooks=Webhooks(hooks=(Hook("all", "https://all.example", details=True),)), notices=Notices())
    with db.transaction(known) as session:
        outbox.take_up(session, hooked, now=NOW)
        sealed = replace(COMPANY, sealed=(ConfidentialEntry("person:mara.berg", ("ana",)),))
        directory.apply_directory(session, sealed, hooked.company, by=SYNC, now=NOW)
        emergency.open_emergency(session, NOW + DAY, by=IDA, reason="nobody", now=NOW)
        alerts.raise_brake(session, "The directory would remove 60 of 100 people", now=NOW)
    with db.transaction(known) as session:
        emergency.close_emergency(session, by=IDA, now=NOW)
    held(known, hooked, JOE, time_limited_until=NOW + HOUR, urgency=60)
    held(known, hooked, MARA, time_limited_until=NOW + HOUR, urgency=60)
    assert watch(known, hooked) == 3
    with db.transaction(known) as session:
        hash_chain.seal_entries(session)
        outbox.take_up(session, hooked, now=NOW)
        calls = {(row.kind, "supplier.example" in row.body) for row in session.scalars(select(WebhookCall))}
    assert calls == {
        ("emergency.opened", False),
        ("emergency.closed", False),
        ("directory.brake", False),
        ("time-limited.waiting", True),
        ("time-limited.waiting", False),  # of the confidential folder: that there is one, no more
    }


def test_entries_with_names_of_before_reach_webhooks(engine: Engine, settings: Settings) -> None:
    hooked = replace(settings, webhooks=Webhooks(hooks=(Hook("all", "https://all.example"),)))
    with db.transaction(engine) as session:
        outbox.take_up(session, hooked, now=NOW)
        for act, cause in (("alarm", "queue"), ("alert", "let-in"), ("alert", "outgoing")):
            ledger.write_act(session, act, "company", by=alerts.BY, now=NOW, detail={"cause": cause, "said": "x"})
    with db.transaction(engine) as session:
        hash_chain.seal_entries(session)
        outbox.take_up(session, hooked, now=NOW)
        kinds = [row.kind for row in session.scalars(select(WebhookCall).order_by(col(WebhookCall.id)))]
    assert kinds == ["outgoing.alert", "message.suspicious", "outgoing.alert"]


def test_every_alert_is_an_event_but_the_emergency_which_is_one_already() -> None:
    assert set(webhook_events.KINDS) == {
        "waiting",
        "time-limited",
        "expiring",
        "unseen",
        "requested",
        "brake",
        "outgoing",
        "removal",
        "break-glass",
        "owners",
        "fuse",
        "suspicious-delivered",
        "known-sender",
        "sends-differently",
        "many-recipients",
        "hunt",
    }


def test_a_clock_that_was_ahead_silences_nobody(known: Engine, watched: Settings) -> None:
    held(known, watched, JOE)
    assert watch(known, watched, NOW + 365 * DAY) == 2  # it waits, and expires
    assert watch(known, watched, NOW + 2 * HOUR) == 1  # it waits
    assert watch(known, watched, NOW + 3 * HOUR) == 0  # and is told of once
