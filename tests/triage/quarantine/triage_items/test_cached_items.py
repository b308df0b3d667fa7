"""Cached counts through whatever happens to mail: after every act of a random history they are what counting says."""

import contextlib
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from sqlmodel import Session, col

from tests.effort import examples
from tests.triage import arriving
from tests.triage.arriving import ALIGNED, ANA, BEN, COMPANY, NO_DMARC, NOW, SYNC, arrive, set_up
from tests.triage.quarantine.triage_items.test_fold_counts import ACTORS, GROUPS, STAFF, both
from triage.access.scope import within_scope
from triage.compliance.retention import expire as retention
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import Refused
from triage.ids import format_id
from triage.message.forwarded import Pointed
from triage.message.summary import Summary
from triage.quarantine import folders
from triage.quarantine.decisions import bulk_decisions, decide as decisions, decision_plan, regroup, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.requests import suspicion_reports
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import fold_counts
from triage.store import ledger
from triage.store.db import read_transaction, transaction
from triage.store.delivery_state import Event, State
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport
from triage.store.queue import dirty_counts

PLACES = ("it+joe.fern@company.example", "legal+mara.berg@company.example", "info@company.example")
TEXTS = (
    "Your parcel could not be handed over because the address was incomplete. Settle the customs charge and choose a new slot.",
    "A caller left you a voice note while you were away. Listen to the recording in the player of the communications desk.",
    "",
)
STEPS = examples(9)
ALL_LOOK = 6  # at every so many steps everybody is asked for, between them one
HOMES = ("bad.example", "bad.example", "gmail.com")


class Company:
    """The small company, to which things happen by chance."""

    def __init__(self, engine: Engine, settings: Settings, chance: random.Random) -> None:
        floods = replace(settings.floods, per_sender=6, per_folder=9)
        self.engine, self.settings, self.chance = engine, replace(settings, floods=floods), chance

    def act(self) -> str:
        """Performs a random act, or has it refused; its name."""
        acts: list[Callable[[Session], Any]] = [
            self.come,
            self.come,
            self.decide,
            self.undo,
            self.deliver,
            self.deliver,
            self.report,
            self.regroup,
            self.expire,
            self.move,
            self.fold,
        ]
        chosen = self.chance.choice(acts)
        with contextlib.suppress(Refused), transaction(self.engine) as session:
            chosen(session)
            if self.chance.random() < 0.1:
                session.rollback()  # a crash before the commit
        return chosen.__name__

    def come(self, session: Session) -> None:
        sender, proof = f"s{self.chance.randrange(3)}@{self.chance.choice(HOMES)}", self.chance.choice((ALIGNED, NO_DMARC))
        to = self.chance.sample(PLACES, self.chance.randint(1, 3))
        arrive(
            session,
            self.settings,
            *to,
            author=sender,
            text=self.chance.choice(TEXTS),
            dmarc=replace(proof, domain=sender.partition("@")[2]),
        )

    def some(self, session: Session) -> tuple[int, ...]:
        ids = session.scalars(select(col(Delivery.id)).order_by(col(Delivery.id))).all()
        return tuple(self.chance.sample(ids, min(len(ids), self.chance.randint(1, 4))))

    def decide(self, session: Session) -> None:
        verb = self.chance.choice((Verb.RELEASE, Verb.PURGE, Verb.RESTORE, Verb.HOLD, Verb.REDIRECT))
        which = self.chance.choice((Selection.of(ids=self.some(session) or (1,)), Selection.of(sender="s1@bad.example")))
        to = "person:joe.fern" if verb is Verb.REDIRECT else ""
        by = self.chance.choice((ANA, BEN))
        if which.sender and self.chance.random() < 0.5:
            request = DecisionRequest(which, verb, to=to)
            if planned := decision_plan.plan_large(session, request, by=by, now=NOW, settings=self.settings):
                made = decisions.decide_messages(session, request, by=by, now=NOW, settings=self.settings, planned=planned)
                for _ in range(self.chance.randint(1, 3)):
                    bulk_decisions.go_on(session, made.id, now=NOW, settings=self.settings)
            return
        decisions.decide_messages(session, DecisionRequest(which, verb, to=to), by=by, now=NOW, settings=self.settings)

    def deliver(self, session: Session) -> None:
        """Delivers a message to its mailbox, as in "Record only"; it may be a copy of what looks suspicious."""
        held = session.scalars(select(col(Delivery.id)).where(col(Delivery.state) == State.HELD).order_by(col(Delivery.id))).all()
        if held:
            one = self.chance.choice(held)
            bad = {"is_copy": True, "severity": 2} if session.get_one(Delivery, one).campaign_id else {}
            alike = col(Delivery.campaign_id) == session.get_one(Delivery, one).campaign_id
            dirty_counts.touch_where(session, alike)
            session.execute(update(Delivery).where(alike).values(**bad or {"severity": 0}))
            dirty_counts.touch_where(session, alike)
            for event in (Event.RELEASE, Event.CLAIM, Event.DELIVER):
                ledger.record_event(session, one, event, by=ANA, now=NOW)

    def report(self, session: Session) -> None:
        """Joe reports a message of his, held or delivered, or staff answers."""
        mine = session.scalars(select(col(Delivery.message_id)).where(col(Delivery.person) == "joe.fern").order_by(col(Delivery.id))).all()
        open_ones = session.scalars(select(col(MailReport.id)).where(col(MailReport.answered_at).is_(None))).all()
        if open_ones and self.chance.random() < 0.4:
            suspicion_reports.answer_report(session, self.chance.choice(open_ones), "good", by=ANA, now=NOW)
        elif mine:
            said = Summary(parsed=True, author="joe.fern@company.example", subject="Fwd: odd")
            envelope = arriving.envelope("report@company.example", reverse_path="joe.fern@company.example")
            pointed = [Pointed(marker=format_id(self.chance.choice(mine)))]
            suspicion_reports.report_message(session, envelope, said, pointed, settings=self.settings, now=NOW)

    def undo(self, session: Session) -> None:
        made = session.scalars(select(col(Decision.id)).order_by(col(Decision.id))).all()
        if made:
            one = self.chance.choice(made)
            undone = undoing.undo_decision(session, one, by=ANA, reason="", now=NOW, settings=self.settings)
            bulk_decisions.go_on(session, undone.id, now=NOW, settings=self.settings)

    def regroup(self, session: Session) -> None:
        found = sorted({one or 0 for one in session.scalars(select(col(Delivery.campaign_id)).distinct())} - {0})
        if len(found) > 1 and self.chance.random() < 0.5:
            one, other = self.chance.sample(found, 2)
            regroup.join_campaigns(session, one, other, by=self.chance.choice((ANA, BEN)), reason="", now=NOW)
        elif found:
            regroup.split_campaign(session, self.some(session), self.chance.choice(found), by=ANA, reason="", now=NOW)

    def expire(self, session: Session) -> None:
        later = NOW + timedelta(days=100)
        retention.expire_messages(session, settings=arriving.expire_unseen(self.settings), now=later, limit=2)
        arriving.erase(session, settings=self.settings, now=later, limit=2)

    def move(self, session: Session) -> None:
        home = self.chance.choice(("it", "legal"))
        people = tuple(replace(one, department=home) if one.uid == "joe.fern" else one for one in COMPANY.people)
        directory.apply_directory(session, replace(COMPANY, people=people, staff=STAFF), self.settings.company, by=SYNC, now=NOW)

    def fold(self, session: Session) -> None:
        fold_counts.fold_counts(session, now=NOW)


@pytest.mark.parametrize("seed", range(examples(1)))
def test_counts_are_true_after_whatever_happens(engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(decision_plan, "LARGE", 2)
    monkeypatch.setattr(bulk_decisions, "SLICE", 2)
    monkeypatch.setattr(fold_counts, "AT_ONCE", 3)
    company = Company(engine, settings, random.Random(seed))
    with transaction(engine) as session:
        set_up(session, settings)
        directory.apply_directory(session, replace(COMPANY, staff=STAFF), settings.company, by=SYNC, now=NOW)
        company.come(session)
    fold_counts.build_views(engine, now=NOW)
    for step in range(STEPS):
        act = company.act()
        with read_transaction(engine) as session:
            assert dirty_counts.since_folding(session) is not None
            for by in ACTORS if step % ALL_LOOK == 0 or step == STEPS - 1 else (ACTORS[step % len(ACTORS)],):
                for group in GROUPS:
                    kept, counted = both(session, by, group, monkeypatch)
                    assert kept == counted, (step, act, by.name, group)
                held = select(func.count()).where(within_scope(by), col(Delivery.state) == State.HELD, col(Delivery.direction) == "in")
                found = folders.list_folders(session, by=by, now=NOW)
                assert sum(one.held for one in found.items) == session.scalar(held.select_from(Delivery)), (step, act)
