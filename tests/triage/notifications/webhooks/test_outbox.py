"""The outbox on both databases: nothing is skipped, nothing is told twice, and what nobody takes is given up."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage.arriving import ANA, COMPANY, IDA, NOW, SYNC, arrive
from triage.addressing.company import ConfidentialEntry
from triage.compliance.audit import hash_chain
from triage.config.settings import Settings, Webhooks
from triage.config.webhooks import Hook
from triage.directory import apply as directory
from triage.notifications.webhooks import outbox
from triage.notifications.webhooks.outbox import Answer, Call
from triage.policy import emergency
from triage.quarantine.decisions import bulk_decisions, decide as decisions, decision_plan, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.notifications import WebhookCall

ALL, LEGAL = Hook("all", "https://all.example", details=True), Hook("legal", "https://legal.example", departments=("legal",))
TAKEN, FAILED, GONE = Answer("taken"), Answer("failed", "503 not now"), Answer("gone", "410 Gone")
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def telling(settings: Settings, known: Engine) -> Settings:
    """Two webhooks, of which the outbox knows that they are there."""
    with_hooks = replace(settings, webhooks=Webhooks(hooks=(ALL, LEGAL)))
    take_up(known, with_hooks)
    return with_hooks


def take_up(engine: Engine, settings: Settings, now: timedelta = timedelta()) -> int:
    number = 0
    with db.transaction(engine) as session:
        while hash_chain.seal_entries(session):
            pass
        while outbox.is_behind(session):
            number += outbox.take_up(session, settings, now=NOW + now)
    return number


def waiting(engine: Engine, name: str) -> list[str]:
    with db.read_transaction(engine) as session:
        rows = select(col(WebhookCall.kind)).where(col(WebhookCall.hook) == name).order_by(col(WebhookCall.id))
        return list(session.scalars(rows))


def decide(engine: Engine, settings: Settings, *recipients: str, **mail: str) -> int:
    with db.transaction(engine) as session:
        came = arrive(session, settings, *recipients, **mail)  # type: ignore[arg-type]
        return decisions.decide_messages(
            session, DecisionRequest(Selection(ids=came), Verb.PURGE, "junk"), by=ANA, now=NOW, settings=settings
        ).id


def opened(engine: Engine) -> None:
    with db.transaction(engine) as session:
        emergency.open_emergency(session, NOW + HOUR, by=IDA, reason="nobody is here", now=NOW)


def claimed(engine: Engine, settings: Settings, name: str = "all", after: timedelta = timedelta()) -> Call | None:
    with db.transaction(engine) as session:
        return outbox.claim_call(session, name, settings, now=NOW + after)


def settled(engine: Engine, call: Call | None, answer: Answer, name: str = "all", after: timedelta = timedelta()) -> bool:
    assert call
    with db.transaction(engine) as session:
        return outbox.settle_call(session, name, call, answer, now=NOW + after)


def test_what_happened_before_anybody_was_to_be_told_stays_untold(known: Engine, settings: Settings) -> None:
    opened(known)
    assert take_up(known, replace(settings, webhooks=Webhooks(hooks=(ALL,)))) == 0


def test_each_webhook_is_told_once_of_what_it_wants(known: Engine, telling: Settings) -> None:
    decide(known, telling, "it+joe.fern@company.example")
    opened(known)
    assert take_up(known, telling) == 3
    assert take_up(known, telling) == 0
    assert waiting(known, "all") == ["decision.made", "emergency.opened"]
    assert waiting(known, "legal") == ["emergency.opened"]  # whom it concerns: everybody


def test_a_decision_is_one_event_and_its_undo_another(known: Engine, telling: Settings) -> None:
    made = decide(known, telling, "it+joe.fern@company.example", "legal+mara.berg@company.example", subject="Your order")
    with db.transaction(known) as session:
        undoing.undo_decision(session, made, by=IDA, reason="wrong", now=NOW, settings=telling)
    take_up(known, telling)
    assert waiting(known, "all") == waiting(known, "legal") == ["decision.made", "decision.undone"]
    call = claimed(known, telling)
    assert call
    assert "sales@supplier.example" in call.body
    other = claimed(known, telling, "legal")
    assert other
    assert "supplier" not in other.body  # details only where they are wanted
    assert '"departments":["it","legal"]' in other.body


def test_who_is_told_of_some_departments_is_told_no_sender_and_subject_of_others(known: Engine, telling: Settings) -> None:
    two = (replace(LEGAL, details=True), Hook("chat", "https://chat.example", details=True, departments=("it",), format="slack"))
    named = replace(telling, webhooks=Webhooks(hooks=two))
    with db.transaction(known) as session:
        came = [
            *(one for number in range(6) for one in arrive(session, named, "it+joe.fern@company.example", subject=f"Ticket {number}")),
            *arrive(session, named, "legal+mara.berg@company.example", subject="Our case"),
        ]
        decisions.decide_messages(session, DecisionRequest(Selection(ids=tuple(came)), Verb.PURGE, "junk"), by=ANA, now=NOW, settings=named)
    take_up(known, named)
    legal, chat = claimed(known, named, "legal"), claimed(known, named, "chat")
    assert legal
    assert chat
    assert ("Our case" in legal.body, "Ticket" in legal.body) == (True, False)
    assert ("Our case" in chat.body, chat.body.count("Ticket")) == (False, 5)


def test_of_a_very_large_decision_that_is_under_way_everybody_is_told(
    known: Engine, telling: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_plan, "LARGE", 1)
    monkeypatch.setattr(bulk_decisions, "SLICE", 1)
    request = DecisionRequest(Selection.of(sender="wave@bad.example"), Verb.PURGE, "phishing")
    with db.transaction(known) as session:
        arrive(session, telling, "it+joe.fern@company.example", "legal+mara.berg@company.example", author="wave@bad.example")
        planned = decision_plan.plan_large(session, request, by=ANA, now=NOW, settings=telling)
        assert planned
        made = decisions.decide_messages(session, request, by=ANA, now=NOW, settings=telling, planned=planned).id
        assert bulk_decisions.go_on(session, made, now=NOW, settings=telling) == 1  # mail of one department
    take_up(known, telling)
    assert waiting(known, "all") == waiting(known, "legal") == ["decision.made"]


def test_after_a_clock_was_ahead_everything_is_called(known: Engine, telling: Settings) -> None:
    opened(known)
    decide(known, telling)
    take_up(known, telling, DAY)
    first = claimed(known, telling, after=DAY)
    assert settled(known, first, Answer("refused", "400"), after=DAY)
    assert settled(known, claimed(known, telling, after=DAY), FAILED, after=DAY)
    assert claimed(known, telling) is None
    with db.transaction(known) as session:
        outbox.set_right(session, now=NOW)
    assert settled(known, claimed(known, telling), TAKEN)
    assert settled(known, claimed(known, telling), TAKEN)
    assert waiting(known, "all") == []


def test_what_is_sealed_is_named_to_nobody(known: Engine, telling: Settings) -> None:
    with db.transaction(known) as session:
        sealed = replace(COMPANY, sealed=(ConfidentialEntry("person:mara.berg", ("ana",)),))
        directory.apply_directory(session, sealed, telling.company, by=SYNC, now=NOW)
    decide(known, telling, "legal+mara.berg@company.example", subject="Secret plan")
    take_up(known, telling)
    call = claimed(known, telling)
    assert call
    assert "Secret plan" not in call.body


def test_nothing_is_skipped_however_late_a_record_is_sealed(known: Engine, telling: Settings) -> None:
    """An act that began early and commits late has a small id, and a place at the end of the chain."""
    opened(known)
    with db.transaction(known) as session:
        early = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "open-emergency")).one().id - 1
    decide(known, telling)
    take_up(known, telling)
    with db.transaction(known) as session:
        late = AuditRecord(id=early, at=NOW, by="person:ida", act="close-emergency", subject="emergency")
        session.add(late)
    take_up(known, telling)
    assert waiting(known, "all") == ["emergency.opened", "decision.made", "emergency.closed"]


def test_a_call_is_one_senders_until_its_lease_ends(known: Engine, telling: Settings) -> None:
    opened(known)
    take_up(known, telling)
    first = claimed(known, telling)
    assert first
    assert claimed(known, telling) is None
    second = claimed(known, telling, after=30 * SECOND)  # three times webhooks.timeout
    assert second
    assert (second.event, second.number) == (first.event, 2)
    assert settled(known, first, TAKEN) is False  # too late
    assert settled(known, second, TAKEN) is True
    assert waiting(known, "all") == []


def test_nothing_overtakes_a_call_whose_sender_died_or_that_another_one_makes(known: Engine, telling: Settings) -> None:
    opened(known)
    decide(known, telling)
    take_up(known, telling)
    first = claimed(known, telling)
    assert first
    assert claimed(known, telling, after=29 * SECOND) is None
    with db.read_transaction(known) as session:
        assert outbox.read_standings(session, ["all"])[0].rests_until is None  # it is not in trouble
    again = claimed(known, telling, after=30 * SECOND)
    assert again
    assert again.event == first.event
    assert settled(known, again, TAKEN, after=31 * SECOND)
    second = claimed(known, telling, after=31 * SECOND)  # at once
    assert second
    assert second.event != first.event


def test_a_receiver_in_trouble_rests_longer_and_longer_and_nothing_overtakes(known: Engine, telling: Settings) -> None:
    opened(known)
    decide(known, telling)
    take_up(known, telling)
    first, when = claimed(known, telling), timedelta()
    assert first
    for least in (4, 12, 48, 240, 720, 2880, 2880):
        assert settled(known, replace_number(known, first), FAILED, after=when)
        assert claimed(known, telling, after=when + least * SECOND) is None
        when += 2 * HOUR
        again = claimed(known, telling, after=when)
        assert again
        assert again.event == first.event
    with db.read_transaction(known) as session:
        (one,) = outbox.read_standings(session, ["all"])
    assert (one.failures, one.ails, one.last_reply, one.waiting) == (7, True, "503 not now", 2)
    assert settled(known, again, TAKEN, after=when)
    assert claimed(known, telling, after=when)  # the next one, at once


def replace_number(engine: Engine, call: Call) -> Call:
    """The call as its last attempt is numbered."""
    with db.read_transaction(engine) as session:
        return replace(call, number=session.get_one(WebhookCall, call.id).attempts)


def test_a_call_that_is_refused_waits_alone(known: Engine, telling: Settings) -> None:
    opened(known)
    decide(known, telling)
    take_up(known, telling)
    first = claimed(known, telling)
    assert settled(known, first, Answer("refused", "400 Bad Request"))
    second = claimed(known, telling)
    assert first
    assert second
    assert first.event != second.event


def test_a_receiver_says_how_long_it_rests(known: Engine, telling: Settings) -> None:
    opened(known)
    take_up(known, telling)
    assert settled(known, claimed(known, telling), Answer("failed", "429", HOUR))
    assert claimed(known, telling, after=HOUR - SECOND) is None
    assert claimed(known, telling, after=HOUR)
    assert settled(known, replace_number(known, claimed_any(known, telling)), Answer("failed", "429", 99 * DAY), after=HOUR)
    assert claimed(known, telling, after=8 * HOUR)


def claimed_any(engine: Engine, settings: Settings) -> Call:
    """The one call there is, as somebody is working on this suggestion."""
    with db.read_transaction(engine) as session:
        row = session.scalars(select(WebhookCall).where(col(WebhookCall.hook) == "all")).one()
        return Call(row.id, row.attempts, row.event, row.body)


def test_a_receiver_that_is_gone_is_called_again_when_somebody_says_so(known: Engine, telling: Settings) -> None:
    opened(known)
    take_up(known, telling)
    assert settled(known, claimed(known, telling), GONE)
    assert claimed(known, telling, after=10 * DAY) is None
    with db.transaction(known) as session:
        outbox.resume_webhook(session, "all", by=IDA, now=NOW)
    assert claimed(known, telling)
    with db.read_transaction(known) as session:
        about = select(col(AuditRecord.act)).where(col(AuditRecord.subject) == "webhook:all").order_by(col(AuditRecord.id))
        assert list(session.scalars(about)) == ["webhook-gone", "resume-webhook"]


def test_a_call_that_is_in_hand_ends_before_the_webhook_is_called_again(known: Engine, telling: Settings) -> None:
    opened(known)
    decide(known, telling)
    take_up(known, telling)
    first = claimed(known, telling)
    with db.transaction(known) as session:
        outbox.try_out(session, ALL, by=IDA, now=NOW, link="")
    assert claimed(known, telling, after=SECOND) is None, "nobody else makes it too, nor a later one"
    assert settled(known, first, FAILED, after=SECOND)
    with db.transaction(known) as session:
        outbox.resume_webhook(session, "all", by=IDA, now=NOW)
    again = claimed(known, telling, after=SECOND)
    assert first
    assert again
    assert (again.event, again.number) == (first.event, 2), "at once"
    with db.transaction(known) as session:
        outbox.resume_webhook(session, "all", by=IDA, now=NOW)
    assert claimed(known, telling, after=30 * SECOND) is None
    left = claimed(known, telling, after=31 * SECOND)
    assert left
    assert (left.event, left.number) == (first.event, 3), "its sender died: it comes first"


def test_a_call_in_hand_when_the_clock_was_ahead_comes_first(known: Engine, telling: Settings) -> None:
    opened(known)
    decide(known, telling)
    take_up(known, telling)
    first = claimed(known, telling, after=DAY)
    with db.transaction(known) as session:
        outbox.set_right(session, now=NOW + SECOND)
    again = claimed(known, telling, after=SECOND)
    assert first
    assert again
    assert again.event == first.event


def test_what_nobody_takes_is_given_up_on_the_record(known: Engine, telling: Settings) -> None:
    opened(known)
    take_up(known, telling)
    with db.transaction(known) as session:
        assert outbox.give_up(session, telling, now=NOW + 72 * HOUR) == 0
        assert outbox.give_up(session, telling, now=NOW + 72 * HOUR + SECOND) == 2
        assert [(one.name, one.dropped, one.waiting) for one in outbox.read_standings(session)] == [("all", 1, 0), ("legal", 1, 0)]
        dropped = select(col(AuditRecord.subject), col(AuditRecord.items)).where(col(AuditRecord.act) == "drop-webhook-calls")
        assert {(subject, items) for subject, items in session.execute(dropped)} == {("webhook:all", 1), ("webhook:legal", 1)}


def test_what_happened_while_nobody_was_told_for_days_is_told_to_nobody(known: Engine, telling: Settings) -> None:
    opened(known)
    assert take_up(known, telling, 73 * HOUR) == 0


def test_a_webhook_that_the_settings_no_longer_name_is_forgotten(known: Engine, telling: Settings) -> None:
    opened(known)
    take_up(known, telling)
    with db.transaction(known) as session:
        assert outbox.give_up(session, replace(telling, webhooks=Webhooks(hooks=(ALL,))), now=NOW) == 1
        assert [one.name for one in outbox.read_standings(session)] == ["all"]


def test_tried_out_it_is_told_who_asked(known: Engine, telling: Settings) -> None:
    with db.transaction(known) as session:
        event = outbox.try_out(session, LEGAL, by=IDA, now=NOW, link="")
    call = claimed(known, telling, "legal")
    assert call
    assert (call.event, '"type":"webhook.test"' in call.body, "Ida Lind tries" in call.body) == (event, True, True)
