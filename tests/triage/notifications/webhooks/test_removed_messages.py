"""Webhooks about mailboxes: which Message-ID was removed from whose mailbox by which decision, and what was put back; each once."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, IDA, NOW, SYNC, arrive
from triage.access import confidential_folders
from triage.addressing.company import ConfidentialEntry
from triage.compliance.audit import hash_chain
from triage.config.settings import Recall, Relay, Settings, Webhooks
from triage.config.webhooks import Hook
from triage.delivery import queue
from triage.delivery.queue import Outcome
from triage.delivery.recall import recall_jobs
from triage.delivery.recall.recall_jobs import Ending
from triage.delivery.recalled_copies import Copy
from triage.ids import format_id
from triage.notifications.webhooks import outbox, webhook_events
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db, ledger
from triage.store.delivery_state import Event
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.models.notifications import WebhookCall

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
BOTH = ("message.removed", "message.restored")
HOOKS = (
    Hook("all", "https://all.example"),
    Hook("desk", "https://desk.example", events=BOTH),
    Hook("legal", "https://legal.example", events=BOTH, departments=("legal",)),
)


@dataclass
class Office:
    """A company with messages in its mailboxes, a recaller that a test plays, and three webhooks."""

    engine: Engine
    settings: Settings

    def delivered(self, *recipients: str, message_id: str = "") -> tuple[int, ...]:
        """A message that arrived in these mailboxes."""
        with db.transaction(self.engine) as session:
            found = arrive(session, self.settings, *recipients)
            if message_id:
                session.get_one(Message, session.get_one(Delivery, found[0]).message_id).named_id = message_id
            mine = col(Delivery.id).in_(found)
            ledger.record_many(session, mine, Event.RELEASE, by=ANA, now=NOW, due_at=NOW, queued_at=NOW)
        self.relays()
        return found

    def relays(self) -> None:
        """The next hop takes what is due, in one transaction."""
        with db.transaction(self.engine) as session:
            claims = queue.claim_deliveries(session, limit=50, settings=self.settings, now=NOW)
            ended = [(claim, Outcome("delivered", "250 ok", "lmtp://127.0.0.1:24")) for claim in claims]
            assert not queue.settle_many(session, ended, settings=self.settings, now=NOW)

    def removes(self, *ids: int) -> int:
        """Ana's decision to remove these; nothing is removed yet."""
        with db.transaction(self.engine) as session:
            request = DecisionRequest(Selection.of(ids=ids), Verb.PURGE)
            return decisions.decide_messages(session, request, by=ANA, now=NOW, settings=self.settings).id

    def undoes(self, decision: int) -> int:
        with db.transaction(self.engine) as session:
            return undoing.undo_decision(session, decision, by=IDA, reason="", now=NOW, settings=self.settings).id

    def restores(self, *ids: int) -> int:
        """Ana's decision to restore these."""
        return self.decides(Verb.RESTORE, *ids)

    def decides(self, verb: Verb, *ids: int) -> int:
        with db.transaction(self.engine) as session:
            request = DecisionRequest(Selection.of(ids=ids), verb)
            return decisions.decide_messages(session, request, by=ANA, now=NOW - timedelta(hours=1), settings=self.settings).id

    def recalls(self, *endings: Ending, at: datetime = NOW) -> None:
        """The recaller visits every mailbox, finds a copy in each unless it is missing, and settles all at once; the endings by turns.

        Without endings it dies before it can say so.
        """
        with db.transaction(self.engine) as session:
            claimed = recall_jobs.claim_mailboxes(session, mailboxes=9, settings=self.settings, now=at)
            jobs = [job for some in claimed for job in some]
            ended = [(job, endings[place % len(endings)]) for place, job in enumerate(jobs) if endings]
            missing = {job.delivery_id for job, ending in ended if ending.kind == "missing" or job.restoring}
            found = [(job, [Copy("INBOX", (), at, job.content or b"", 7, job.number)]) for job in jobs if job.delivery_id not in missing]
            recall_jobs.secure_copies(session, found, now=at)
            recall_jobs.settle_jobs(session, ended, settings=self.settings, now=at)

    def take_up(self, session: Session) -> None:
        """The outbox follows the audit log to its end."""
        while hash_chain.seal_entries(session):
            pass
        while outbox.is_behind(session):
            outbox.take_up(session, self.settings, now=NOW)

    def notified(self, name: str) -> list[dict[str, Any]]:
        """Calls of a webhook about mailboxes, after the outbox followed."""
        with db.transaction(self.engine) as session:
            self.take_up(session)
            rows = session.scalars(select(WebhookCall).where(col(WebhookCall.hook) == name).order_by(col(WebhookCall.id)))
            return [json.loads(row.body) for row in rows if row.kind in BOTH]


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    reaching = replace(settings, relay=Relay(next_hop="lmtp://127.0.0.1:24"), recall=Recall(imap="imap://127.0.0.1"))
    made = Office(engine, replace(reaching, webhooks=Webhooks(hooks=HOOKS)))
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        made.take_up(session)
    return made


def test_it_says_which_message_left_whose_mailbox_by_which_decision_and_that_it_is_back(office: Office) -> None:
    joe, mara = office.delivered(JOE, MARA, message_id="order.7@x\u202e.example")
    made = office.removes(joe, mara)
    assert office.notified("desk") == []  # decided, and not removed yet
    office.recalls(Ending("taken"))
    undone = office.undoes(made)
    office.recalls(Ending("restored", "Back in INBOX."))
    notified = office.notified("desk")
    assert [(one["type"], one["data"]["department"], one["text"]) for one in notified] == [
        ("message.removed", "it", "Ana Roth: 1 message removed from mailboxes."),
        ("message.removed", "legal", "Ana Roth: 1 message removed from mailboxes."),
        ("message.restored", "it", "Ida Lind: 1 message put back into mailboxes."),
        ("message.restored", "legal", "Ida Lind: 1 message put back into mailboxes."),
    ]
    first, last = notified[0]["data"], notified[-1]["data"]
    assert first["copies"] == [
        {"delivery": format_id(joe), "message_id": "order.7@x\\u202e.example", "mailbox": "joe.fern@company.example"}
    ]
    assert (first["decision"], first["verb"], first["by"], first["count"]) == (format_id(made), "purge", "person:ana", 1)
    assert (last["decision"], last["verb"], last["undoes"]) == (format_id(undone), "undo", format_id(made))
    assert "order" not in json.dumps([one["text"] for one in notified])
    assert "subject" not in json.dumps(notified)


@pytest.mark.parametrize(("hook", "number"), [("desk", 2), ("legal", 1), ("all", 0)])
def test_each_webhook_hears_of_its_departments_and_only_where_it_asks_for_it(office: Office, hook: str, number: int) -> None:
    office.removes(*office.delivered(JOE, MARA))
    office.recalls(Ending("taken"))
    assert len(office.notified(hook)) == number


@pytest.mark.parametrize(
    ("endings", "removed"),
    [(("taken",), 2), (("missing",), 0), (("deferred",), 0), (("refused",), 0), (("taken", "refused"), 1)],
)
def test_only_what_was_in_the_mailbox_and_is_out_of_it_is_said_to_be_removed(
    office: Office, endings: tuple[str, ...], removed: int
) -> None:
    office.removes(*office.delivered(JOE, MARA))
    office.recalls(*(Ending(kind, "why") for kind in endings))
    assert sum(one["data"]["count"] for one in office.notified("desk")) == removed


def test_what_was_held_and_what_is_still_there_is_not_said_to_be_removed_or_back(office: Office) -> None:
    with db.transaction(office.engine) as session:
        held = arrive(session, office.settings, JOE)
    office.undoes(office.removes(*held))
    made = office.removes(*office.delivered(JOE))
    office.recalls(Ending("taken"))
    office.undoes(made)
    office.recalls(Ending("there", "It is in INBOX."))
    assert [one["type"] for one in office.notified("desk")] == ["message.removed"]


@pytest.mark.parametrize("verb", ["undo", "restore"])
@pytest.mark.parametrize("ending", [Ending("refused", "No space left."), Ending("absent")])
def test_what_the_next_hop_delivers_again_is_back_by_the_decision_that_wanted_it(office: Office, verb: str, ending: Ending) -> None:
    joe, mara = office.delivered(JOE, MARA)
    made = office.removes(joe, mara)
    office.recalls(Ending("taken"), Ending("missing"))  # Mara had deleted hers
    back = office.undoes(made) if verb == "undo" else office.restores(joe, mara)
    office.recalls(ending)
    assert [one["type"] for one in office.notified("desk")] == ["message.removed"]  # not there yet
    office.relays()
    (_, restored) = office.notified("desk")
    assert (restored["type"], restored["data"]["decision"], restored["data"]["verb"]) == ("message.restored", format_id(back), verb)
    assert [one["delivery"] for one in restored["data"]["copies"]] == [format_id(joe)]
    office.decides(Verb.REDELIVER, joe, mara)
    office.relays()
    assert len(office.notified("desk")) == 2  # it was there


def test_what_a_dead_worker_removed_is_said_to_be_back_too(office: Office) -> None:
    ids = office.delivered(JOE)
    made = office.removes(*ids)
    office.recalls()
    office.recalls(Ending("missing"), at=NOW + 2 * recall_jobs.LEASE)
    office.undoes(made)
    office.recalls(Ending("refused", "No space left."))
    office.relays()
    assert [one["type"] for one in office.notified("desk")] == ["message.removed", "message.restored"]


def test_many_copies_come_in_slices_each_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_events, "SLICE", 2)
    ids = [one for _ in range(5) for one in office.delivered(JOE)]
    office.removes(*ids)
    office.recalls(Ending("taken"))
    notified = office.notified("desk")
    assert [one["data"]["count"] for one in notified] == [2, 2, 1]
    assert sorted(copy["delivery"] for one in notified for copy in one["data"]["copies"]) == sorted(map(format_id, ids))
    assert len(office.notified("desk")) == 3  # not again


def test_confidential_mailboxes_are_named_to_nobody(office: Office) -> None:
    ids = office.delivered(JOE, MARA)
    with db.transaction(office.engine) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry("department:legal", ("ben",))])
        ledger.record_many(session, col(Delivery.id).in_(ids), Event.PURGE, by=SYNC, now=NOW, decision_id=None)
    with db.transaction(office.engine) as session:
        made = decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=office_held(session, office)), Verb.PURGE), by=ANA, now=NOW, settings=office.settings
        )
        for one in session.scalars(select(Delivery).where(col(Delivery.id).in_(ids))):
            one.decision_id, one.due_at = made.id, NOW
    office.recalls(Ending("taken"))
    assert [one["data"]["department"] for one in office.notified("desk")] == ["it"]


def office_held(session: Session, office: Office) -> tuple[int, ...]:
    """A held message of Joe's, so that there is a decision of Ana's."""
    return arrive(session, office.settings, JOE)
