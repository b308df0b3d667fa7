"""Notices to those who had opened a removed copy: exactly the notices that were shown, each once, none confidential or outside."""

import email
import email.policy
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, NOW, OTTO, arrive
from triage.access import confidential_folders
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.errors import NotAllowed, NotFound, Stale
from triage.ids import format_id, new_id
from triage.quarantine.campaigns import incident, timeline
from triage.quarantine.decisions import regroup, undo
from triage.quarantine.removal import notify_opened
from triage.quarantine.removal.notify_opened import OpenedNotices
from triage.store import bodies
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.campaigns import Campaign
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.models.mailboxes import Recalled
from triage.store.models.messages import Message

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
JOES, MARAS = "joe.fern@company.example", "mara.berg@company.example"


@pytest.fixture
def campaign(engine: Engine, settings: Settings) -> int:
    """Removed copies: Joe had read two, Mara had read one and not another; one was removed while it was held."""
    number = new_id()
    with transaction(engine) as session:
        arriving.set_up(session, settings)
        session.add(Campaign(id=number, begun_at=NOW, made_by="system:judge"))
        flags = [["\\Seen"], ["\\Seen", "\\Answered"], ["\\Seen"], [], None]
        for to, seen in zip((JOE, JOE, MARA, MARA, JOE), flags, strict=True):
            (one,) = arrive(session, settings, to, author="x@wave.example", subject="Pay {name} http://evil.example")
            session.execute(update(Delivery).where(col(Delivery.id) == one).values(campaign_id=number, state="purged", settled_at=NOW))
            if seen is not None:
                session.add(Recalled(delivery_id=one, found_at=NOW, flags=seen))
    return number


def shown(engine: Engine, campaign: int, settings: Settings, by: Actor = ANA) -> OpenedNotices:
    """The notices as they are shown."""
    with read_transaction(engine) as session:
        return notify_opened.list_notices(session, campaign, by=by, settings=settings)


def tell(
    engine: Engine, campaign: int, settings: Settings, *, by: Actor = ANA, again: bool = False, fence: str = "", minutes: int = 0
) -> int:
    """Sends them; how many."""
    fence = fence or shown(engine, campaign, settings, by).fence
    with transaction(engine) as session:
        now = NOW + timedelta(minutes=minutes)
        return notify_opened.notify_opened(session, campaign, again=again, fence=fence, by=by, settings=settings, now=now)


def sent(session: Session) -> list[tuple[str, str, str]]:
    """Recipient, subject and text of each notice in the queue."""
    found = []
    for delivery in session.scalars(select(Delivery).where(col(Delivery.rule) == notify_opened.RULE).order_by(col(Delivery.recipient))):
        raw = bodies.find_body(session, session.get_one(Message, delivery.message_id).content_id)
        message = email.message_from_bytes(raw or b"", policy=email.policy.default)
        body = message.get_body(("plain",))
        assert body is not None
        found.append((delivery.recipient, str(message["Subject"]), body.get_content().replace("\r\n", "\n").rstrip("\n")))
    return found


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_is_shown_is_what_is_sent(engine: Engine, settings: Settings, campaign: int, language: str) -> None:
    speaking = replace(settings, company=replace(settings.company, language=language))
    notices = shown(engine, campaign, speaking).notices
    assert [(one.mailbox, one.name, len(one.deliveries), one.notified) for one in notices] == [
        (JOES, "Joe Fern", 2, None),
        (MARAS, "Mara Berg", 1, None),
    ]
    assert tell(engine, campaign, speaking) == 2
    with read_transaction(engine) as session:
        assert sent(session) == [(one.mailbox, one.subject, one.text) for one in notices]
    assert ("“Pay {name} hxxp" if language == "en" else "„Pay {name} hxxp") in notices[
        0
    ].text  # a sender's words fill no gap and link nowhere
    assert notices[0].text.endswith("answered." if language == "en" else "markiert war.")


def test_each_is_told_once_unless_asked_again(engine: Engine, settings: Settings, campaign: int) -> None:
    first = shown(engine, campaign, settings).fence
    assert tell(engine, campaign, settings, minutes=1) == 2
    with pytest.raises(Stale, match="review it again"):  # a second click
        tell(engine, campaign, settings, fence=first)
    assert tell(engine, campaign, settings, minutes=2) == 0
    assert tell(engine, campaign, settings, minutes=3, again=True) == 2
    notified = [one.notified for one in shown(engine, campaign, settings).notices]
    assert [(one.at, one.by) for one in notified if one] == [(NOW + timedelta(minutes=3), "Ana Roth")] * 2


@pytest.mark.parametrize("undone", [False, True])
def test_a_merged_campaign_remembers_whom_it_told(engine: Engine, settings: Settings, campaign: int, undone: bool) -> None:
    with transaction(engine) as session:
        (other,) = arrive(session, settings, JOE, text="The harvest festival opens with cider, music and growers.")
        into = session.get_one(Delivery, other).campaign_id or 0
    assert tell(engine, campaign, settings) == 2
    with transaction(engine) as session:
        made = regroup.join_campaigns(session, campaign, into, by=ANA, reason="", now=NOW)
    assert tell(engine, into, settings) == 0
    assert tell(engine, into, settings, again=True, minutes=2) == 2
    now_in = into
    if undone:
        with transaction(engine) as session:
            undo.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=settings)
        now_in = campaign
    notified = [one.notified for one in shown(engine, now_in, settings).notices]
    assert [one.at for one in notified if one] == [NOW + timedelta(minutes=2)] * 2
    with read_transaction(engine) as session:
        told = [one.sentence for one in timeline.list_moments(session, now_in, by=ANA) if one.kind == "notified"]
    assert told == ["Ana Roth notified 2 people who had opened it."]


def test_a_copy_that_went_into_a_mail_bomb_remembers_too(engine: Engine, settings: Settings, campaign: int) -> None:
    assert tell(engine, campaign, settings) == 2
    flood = new_id()
    with transaction(engine) as session:
        session.add(Campaign(id=flood, begun_at=NOW, made_by="system:judge", about="it+joe.fern"))
        session.execute(
            update(Delivery).where(col(Delivery.campaign_id) == campaign).values(campaign_id=flood, wave_id=campaign, flood=True)
        )
    assert tell(engine, flood, settings) == 0


def test_timeline_incident_record_and_audit_log_say_who_was_told(engine: Engine, settings: Settings, campaign: int) -> None:
    tell(engine, campaign, settings, minutes=5)
    with read_transaction(engine) as session:
        moments = {by.name: timeline.list_moments(session, campaign, by=by) for by in (ANA, BEN)}
        record = incident.read_incident(session, campaign, by=ANA, settings=settings, now=NOW)
        entry = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "tell-opened")).one()
    notified = {name: [str(one.sentence) for one in some if one.kind == "notified"] for name, some in moments.items()}
    assert notified == {
        ANA.name: ["Ana Roth notified 2 people who had opened it."],
        BEN.name: ["Ana Roth notified 1 person who had opened it."],
    }
    assert [one.notified_at for one in record.opened] == [NOW + timedelta(minutes=5)] * 3
    assert (entry.by, entry.subject, entry.items, len(entry.detail["deliveries"])) == (
        "person:ana",
        f"campaign:{format_id(campaign)}",
        2,
        3,
    )


def test_confidential_copies_leavers_and_mailboxes_outside_are_left_out(engine: Engine, settings: Settings, campaign: int) -> None:
    with transaction(engine) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry("department:legal", ("ben",))])
    assert [one.mailbox for one in shown(engine, campaign, settings).notices] == [JOES]
    assert shown(engine, campaign, settings, BEN).notices == ()  # his own confidential folder too
    with transaction(engine) as session:
        session.get_one(Person, "joe.fern").mailbox = "joe@partner.example"
    assert shown(engine, campaign, settings).notices == ()
    with transaction(engine) as session:
        person = session.get_one(Person, "joe.fern")
        person.mailbox, person.active = JOES, False
    assert shown(engine, campaign, settings).notices == ()


def test_a_redirected_copy_is_told_of_to_who_opened_it(engine: Engine, settings: Settings, campaign: int) -> None:
    with transaction(engine) as session:
        session.execute(update(Delivery).where(col(Delivery.person) == "joe.fern").values(redirected=True, mailbox=MARAS))
    (notice,) = shown(engine, campaign, settings).notices
    assert (notice.mailbox, notice.name, notice.person, len(notice.deliveries)) == (MARAS, "Mara Berg", "mara.berg", 3)
    with transaction(engine) as session:
        session.get_one(Person, "mara.berg").active = False
    assert shown(engine, campaign, settings).notices == ()


def test_what_is_back_in_the_mailbox_is_not_told_of(engine: Engine, settings: Settings, campaign: int) -> None:
    with transaction(engine) as session:
        session.execute(update(Recalled).values(ended_at=NOW))
    assert shown(engine, campaign, settings).notices == ()


def test_it_needs_the_right_to_remove_delivered_messages(engine: Engine, settings: Settings, campaign: int) -> None:
    asking = replace(settings, policy=replace(settings.policy, approvals=("remove-delivered",)))
    assert [notify_opened.may_notify(by, asking) for by in (ANA, BEN, OTTO)] == [True, False, False]
    for by in (BEN, OTTO):
        with pytest.raises(NotAllowed):
            tell(engine, campaign, asking, by=by)
    with pytest.raises(NotFound, match="there is no campaign"):
        tell(engine, new_id(), asking)
    assert tell(engine, campaign, asking) == 2


def test_the_company_s_own_text(engine: Engine, settings: Settings, campaign: int) -> None:
    own = replace(settings, notices=replace(settings.notices, opened_text="{name}: {sender}, {company}, {date} {nothing}"))
    first = shown(engine, campaign, own).notices[0]
    assert first.text.startswith("Joe Fern: x@wave.example, company.example, 24 Nov 2026 {nothing}\n\n")
