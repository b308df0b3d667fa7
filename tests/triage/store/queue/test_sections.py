"""Sections of the queue: what must be acted on now, time-limited messages, the rest; from the cached counts and counted."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.effort import long
from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, COMPANY, DMARC_PASS, NOW, SYNC, arrive
from tests.triage.quarantine.triage_items.test_fold_counts import HELD, STAFF, company, counted
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.ids import format_id
from triage.message.forwarded import Pointed
from triage.message.signals.severity import Severity
from triage.message.summary import Summary
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.requests import suspicion_reports
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import item_list, single_items
from triage.quarantine.triage_items.item_list import TriageItem
from triage.store import ledger
from triage.store.db import read_transaction, transaction
from triage.store.delivery_state import Event, State
from triage.store.models.contacts import Contact
from triage.store.models.deliveries import Delivery
from triage.store.queue import grouping
from triage.store.queue.grouping import Group
from triage.store.queue.sections import ACT_NOW, ASSUMED, Section, deadline_of, section_of

__all__ = ["company"]

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
RELAY = Actor.system("relay")
GROUPS: tuple[Group, ...] = ("campaign", "sender", "none")
FEW = (GROUPS[0], *map(long, GROUPS[1:]))
CODE = {
    "author": "no-reply@docuhaven.example",
    "subject": "481434 is your Docuhaven sign-in code",
    "dmarc": replace(DMARC_PASS, domain="docuhaven.example"),
}
WAVE = 77


def come(engine: Engine, settings: Settings, *to: str, **more: Any) -> tuple[int, ...]:
    with transaction(engine) as session:
        return arrive(session, settings, *(to or (JOE,)), **more)


def wave(
    engine: Engine,
    settings: Settings,
    *to: str,
    subject: str = "Phish",
    author: str = "a@evil.example",
    bad: Severity = Severity.SUSPICIOUS,
) -> list[int]:
    """Copies of a suspicious campaign, held."""
    found = [one for address in to for one in come(engine, settings, address, subject=subject, author=author)]
    with transaction(engine) as session:
        values = {"campaign_id": WAVE, "is_copy": bad >= Severity.SUSPICIOUS, "severity": int(bad), "weight": 50, "urgency": 10}
        session.execute(update(Delivery).where(col(Delivery.id).in_(found)).values(**values))
    return found


def deliver(engine: Engine, one: int) -> None:
    """Deliver a message to its mailbox."""
    for event in (Event.RELEASE, Event.CLAIM, Event.DELIVER):
        with transaction(engine) as session:
            ledger.record_event(session, one, event, by=RELAY, now=NOW)


def report(engine: Engine, settings: Settings, one: int) -> None:
    """Joe reports it."""
    with transaction(engine) as session:
        message = session.get_one(Delivery, one).message_id
        envelope = arriving.envelope("report@company.example", reverse_path="joe.fern@company.example")
        said = Summary(parsed=True, author="joe.fern@company.example", subject="Fwd: odd")
        assert (
            suspicion_reports.report_message(session, envelope, said, [Pointed(marker=format_id(message))], settings=settings, now=NOW)
            == ""
        )


def rows(engine: Engine, monkeypatch: pytest.MonkeyPatch, group: Group = "campaign", by: Actor = ANA, **more: Any) -> list[TriageItem]:
    """The rows of the queue: the same from the cached counts, read page by page and counted."""
    asked: dict[str, Any] = {"by": by, "now": NOW, "group": group} | more
    with read_transaction(engine) as session:
        assert item_list.cached_for(session, HELD, by, group, asked["now"]) is not None
        kept = list(item_list.list_items(session, HELD, **asked).items)
        assert paged(session, asked) == [item.key for item in kept]
        assert paged(session, asked, backwards=True) == [item.key for item in kept]
        with monkeypatch.context() as patch:
            patch.setattr(item_list, "cached_for", lambda *_: None)
            assert list(item_list.list_items(session, HELD, **asked).items) == kept
            patch.setattr(single_items, "MOST_FOUND", 0)  # as in a list of very many
            assert list(item_list.list_items(session, HELD, **asked).items) == kept
        for section in Section:
            part = item_list.list_items(session, HELD, **asked, section=section)
            assert [item.key for item in part.items] == [item.key for item in kept if item.section is section]
    return kept


def paged(session: Session, asked: dict[str, Any], *, backwards: bool = False) -> list[str]:
    """The keys of all rows, one row a page."""
    asked = dict(asked)
    page = item_list.list_items(session, HELD, **asked, limit=1, end=backwards)
    found = [item.key for item in page.items]
    while place := page.preceding if backwards else page.following:
        asked |= {"before" if backwards else "after": place}
        page = item_list.list_items(session, HELD, **asked, limit=1)
        found = [item.key for item in page.items] + found if backwards else found + [item.key for item in page.items]
    return found


def standing(found: list[TriageItem]) -> list[tuple[str, Section]]:
    """Subjects and sections, as they stand."""
    return [(item.lead.subject, item.section) for item in found]


@pytest.mark.parametrize("group", FEW)
def test_the_order_of_the_queue(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, group: Group) -> None:
    come(company, settings, author="ann@sender.example", subject="Offer")
    come(company, settings, **CODE, text="It expires in 10 minutes.")
    come(company, settings, **CODE | {"subject": "Docuhaven code", "author": "a@docuhaven.example"}, text="Your sign-in code is 481434.")
    come(
        company,
        settings,
        **CODE | {"subject": "1 is your Docuhaven code", "author": "b@docuhaven.example"},
        text="Your sign-in code is 481434, valid for one minute.",
    )
    phish = wave(company, settings, JOE, MARA, JOE)
    deliver(company, phish[0])
    counted(company)
    found = rows(company, monkeypatch, group)
    held = 2 if group == "none" else 1
    assert standing(found) == [
        *[("Phish", Section.ACT_NOW)] * held,
        ("1 is your Docuhaven code", Section.TIME_LIMITED),
        ("481434 is your Docuhaven sign-in code", Section.TIME_LIMITED),
        ("Docuhaven code", Section.TIME_LIMITED),  # it does not say how long it is valid: behind those that do
        ("Offer", Section.REST),
    ]
    limits = [(item.time_limited_until, item.lifetime_assumed) for item in found[held:]]
    assert limits == [
        (NOW + timedelta(minutes=1), False),
        (NOW + timedelta(minutes=10), False),
        (NOW + timedelta(minutes=10), True),
        (None, False),
    ]
    later = rows(company, monkeypatch, group, now=NOW + timedelta(minutes=1))
    assert [(item.section, item.time_limited_until) for item in later if item.lead.subject.startswith("1 ")] == [(Section.REST, None)]
    assert [item.lead.time_limited_until for item in later if item.lead.subject.startswith("1 ")] == [NOW + timedelta(minutes=1)]


@pytest.mark.parametrize("group", FEW)
@pytest.mark.parametrize("touch", ["counted anew", "touched since"])
def test_a_row_is_acted_on_first_while_a_copy_is_in_a_mailbox(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, group: Group, touch: str
) -> None:
    def sections() -> set[Section]:
        if touch == "counted anew":
            counted(company)
        return {item.section for item in rows(company, monkeypatch, group) if item.lead.subject == "Phish"}

    come(company, settings, author="ann@sender.example", subject="Offer")
    phish = [*wave(company, settings, JOE, MARA), *wave(company, settings, JOE, author="b@evil.example")]
    counted(company)
    assert sections() == {Section.REST}
    deliver(company, phish[0])
    assert sections() == {Section.ACT_NOW}
    with transaction(company) as session:
        gone = decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=(phish[0],)), Verb.PURGE), by=ANA, now=NOW, settings=settings
        )
    assert sections() == {Section.REST}
    with transaction(company) as session:
        undoing.undo_decision(session, gone.id, by=ANA, reason="", now=NOW, settings=settings)
    with read_transaction(company) as session:
        assert session.get_one(Delivery, phish[0]).state == State.DELIVERED
    assert sections() == {Section.ACT_NOW}


@pytest.mark.parametrize(
    ("bad", "section"),
    [(Severity.UNCLEAR, Section.REST), (Severity.SUSPICIOUS, Section.ACT_NOW), (Severity.DANGEROUS, Section.ACT_NOW)],
)
def test_delivered_copies_count_from_suspicious_on(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, bad: Severity, section: Section
) -> None:
    deliver(company, wave(company, settings, JOE, MARA, bad=bad)[0])
    counted(company)
    assert [item.section for item in rows(company, monkeypatch)] == [section]


@pytest.mark.parametrize("group", FEW)
def test_the_row_says_how_many_were_delivered_and_opened(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, group: Group
) -> None:
    phish = wave(company, settings, JOE, MARA, MARA, JOE)
    for one in phish[:3]:
        deliver(company, one)
    counted(company)
    assert [(item.delivered, item.opened) for item in rows(company, monkeypatch, group)] == [(3, None)]  # no mailbox tells
    with transaction(company) as session:
        times: dict[str, Any] = dict.fromkeys(("learned_at", "first_sent_at", "last_sent_at", "last_mail_at"), NOW + timedelta(hours=1))
        session.add(Contact(address="a@evil.example", person="mara.berg", **times))
    assert [(item.delivered, item.opened) for item in rows(company, monkeypatch, group)] == [(3, 2)]


def test_who_sees_one_department_is_told_no_numbers_of_others(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(company, wave(company, settings, JOE, MARA)[0])
    counted(company)
    (item,) = rows(company, monkeypatch, by=BEN)
    assert (item.section, item.delivered, item.opened, item.count) == (Section.ACT_NOW, 0, None, 1)


def test_a_copy_in_a_confidential_folder_is_told_to_nobody(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = replace(COMPANY, staff=STAFF, sealed=(ConfidentialEntry("person:joe.fern", ("bob",)),))
    with transaction(company) as session:
        directory.apply_directory(session, sealed, settings.company, by=SYNC, now=NOW)
    deliver(company, wave(company, settings, JOE, MARA)[0])
    counted(company)
    assert [(item.section, item.delivered) for item in rows(company, monkeypatch)] == [(Section.REST, 0)]


@pytest.mark.parametrize("where", ["held", "delivered"])
def test_what_is_reported_is_acted_on_first_until_somebody_answers(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    messages = wave(company, settings, JOE, MARA, subject="Newsletter", bad=Severity.NONE)
    come(company, settings, author="ann@sender.example", subject="Offer")
    if where == "delivered":
        deliver(company, messages[0])
    counted(company)
    assert {item.section for item in rows(company, monkeypatch)} == {Section.REST}
    report(company, settings, messages[0])
    (first, *others) = rows(company, monkeypatch)
    assert (first.lead.subject, first.section, [one.by_shown for one in first.suspected]) == ("Newsletter", Section.ACT_NOW, ["Joe Fern"])
    assert {item.section for item in others} == {Section.REST}
    counted(company)
    assert rows(company, monkeypatch)[0].section is Section.ACT_NOW
    with transaction(company) as session:
        assert suspicion_reports.answer_report(session, first.suspected[0].id, "good", by=ANA, now=NOW) == 1
    assert {item.section for item in rows(company, monkeypatch)} == {Section.REST}


def test_deciding_about_a_reported_message_answers_for_its_row(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = wave(company, settings, JOE, MARA, subject="Newsletter", bad=Severity.NONE)
    report(company, settings, messages[0])
    counted(company)
    assert [item.section for item in rows(company, monkeypatch)] == [Section.ACT_NOW]
    with transaction(company) as session:
        decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=(messages[0],)), Verb.PURGE), by=ANA, now=NOW, settings=settings
        )
    assert [(item.count, item.section) for item in rows(company, monkeypatch)] == [(1, Section.REST)]


@pytest.mark.parametrize(
    ("author", "text", "more", "deadline"),
    [
        ("no-reply@docuhaven.example", "It expires in 10 minutes.", {}, NOW + timedelta(minutes=10)),
        ("no-reply@docuhaven.example", "It expires in 10 minutes.", {"dmarc": arriving.NO_DMARC}, None),  # not verified
        ("no-reply@renewal.example", "It expires in 10 minutes.", {}, None),  # of another domain, which is verified
        ("docuhaven@gmail.com", "It expires in 10 minutes.", {}, None),  # anybody has an address there
        (
            "no-reply@docuhaven.example",
            "It expires in 10 minutes.",
            {"subject": "Docuhaven code 481434 for P\u0430ypal\u200b"},
            None,
        ),  # suspicious
    ],
)
def test_whose_deadline_counts(company: Engine, settings: Settings, author: str, text: str, more: dict[str, Any], deadline: Any) -> None:
    proof = {"dmarc": replace(DMARC_PASS, domain=author.partition("@")[2])}
    (one,) = come(company, settings, **CODE | {"author": author, "text": text} | proof | more)
    with read_transaction(company) as session:
        delivery = session.get_one(Delivery, one)
        assert delivery.time_limited_until == deadline, (delivery.severity, delivery.weight)
        assert [reason["points"] for reason in delivery.why_here if reason["name"] == "time-limited"] == ([0] if deadline else [])


@pytest.mark.parametrize(
    ("pressing", "section"),
    [
        (ACT_NOW, Section.ACT_NOW),
        (NOW, Section.TIME_LIMITED),
        (NOW + ASSUMED, Section.TIME_LIMITED),
        (grouping.NEVER, Section.REST),
    ],
)
def test_the_section_follows_from_what_a_row_is_sorted_by(pressing: Any, section: Section) -> None:
    assert section_of(pressing) is section


def test_an_assumed_end_is_read_back() -> None:
    assert [deadline_of(NOW), deadline_of(NOW + ASSUMED)] == [(NOW, False), (NOW, True)]


def test_who_is_held_is_all_that_is_acted_on(company: Engine, settings: Settings) -> None:
    deliver(company, wave(company, settings, JOE, MARA)[0])
    with read_transaction(company) as session:
        found = item_list.list_items(session, replace(HELD, states=(State.DELIVERED,)), by=ANA, now=NOW)
        assert [item.section for item in found.items] == [Section.REST]
        assert session.scalars(select(col(Delivery.state)).order_by(col(Delivery.id))).all() == ["delivered", "held"]
