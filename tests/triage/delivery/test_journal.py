"""A copy of every accepted mail goes to the archive, whatever became of the message; only a person gives one up."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from mta.delivery.delivery_attempt import prepare_message
from tests.triage import arriving
from tests.triage.arriving import ANA, IDA, NOW, add_rules, arrive, envelope
from triage.access import scope as access
from triage.config.settings import Settings
from triage.delivery import queue, queue_admin
from triage.delivery.journal import JOURNAL
from triage.delivery.queue import Outcome
from triage.delivery.routes import find_destination, list_destinations, next_hop_of
from triage.intake import receive as intake, store_outbound
from triage.message import outbound
from triage.message.summary import make_summary
from triage.policy.rules.rule_request import RuleOrder
from triage.store import bodies, db, ledger
from triage.store.delivery_state import Event, State
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content

ARCHIVE = "archive@archive.example"
HOP = "smtp://archive:25"
DAYS = timedelta(days=1)


@pytest.fixture
def archiving(settings: Settings) -> Settings:
    relay = replace(settings.relay, next_hop="smtp://inner:25", smarthost="smtp://provider:25")
    return replace(settings, relay=relay, journal=replace(settings.journal, address=ARCHIVE, next_hop=HOP))


@pytest.fixture
def session(known: Engine) -> Iterator[Session]:
    with db.transaction(known) as session:
        yield session


def copies(session: Session) -> list[Delivery]:
    found = select(Delivery).where(col(Delivery.direction) == JOURNAL).order_by(col(Delivery.id))
    return list(session.scalars(found.execution_options(populate_existing=True)))


def test_what_is_held_and_what_is_purged_on_arrival_is_copied_once(known: Engine, archiving: Settings) -> None:
    add_rules(known, archiving, RuleOrder("block", "address", "bad@supplier.example", "person:joe.fern"))
    with db.transaction(known) as session:
        for author, state in (("good@supplier.example", State.HELD), ("bad@supplier.example", State.PURGED)):
            (mail,) = arrive(session, archiving, author=author, dmarc=arriving.DMARC_PASS)
            assert session.get_one(Delivery, mail).state == state
        assert [(one.state, one.mailbox, one.author) for one in copies(session)] == [
            (State.QUEUED, ARCHIVE, "good@supplier.example"),
            (State.QUEUED, ARCHIVE, "bad@supplier.example"),
        ]
        assert len(session.scalars(select(col(Content.id))).all()) == 2  # no content of its own


def test_the_same_spool_id_is_copied_once(session: Session, archiving: Settings) -> None:
    raw = b"From: sales@supplier.example\r\n\r\nHello\r\n"
    given, found = envelope(), arriving.authentication("sales@supplier.example")
    ids = [intake.receive_message(session, given, raw, found, make_summary(raw), settings=archiving, now=NOW) for _ in range(2)]
    assert ids[0] == ids[1]
    assert len(copies(session)) == 1


@pytest.mark.parametrize(("given", "copied"), [({}, 1), ({"outbound": False}, 0), ({"address": ""}, 0)])
def test_employees_mail_is_copied_where_that_is_wanted(
    session: Session, archiving: Settings, given: dict[str, object], copied: int
) -> None:
    settings = replace(archiving, journal=replace(archiving.journal, **given))  # type: ignore[arg-type]
    raw = b"From: joe.fern@company.example\r\n\r\nHello\r\n"
    leaving = envelope("ann@supplier.example", reverse_path="joe.fern@company.example")
    store_outbound.store_outgoing(session, leaving, bodies.pack_body(raw), make_summary(raw), settings=settings, now=NOW)
    assert len(copies(session)) == copied


def test_old_mail_that_is_brought_in_is_not_copied(session: Session, archiving: Settings) -> None:
    raw = b"From: sales@supplier.example\r\n\r\nHello\r\n"
    old = replace(envelope(), protocol="local")
    intake.receive_message(
        session, old, raw, arriving.authentication("sales@supplier.example"), make_summary(raw), settings=archiving, now=NOW
    )
    assert copies(session) == []


def test_it_leaves_for_the_archive_as_a_report_that_bounces_to_us(session: Session, archiving: Settings) -> None:
    arrive(session, archiving)
    (claim,) = queue.claim_deliveries(
        session, limit=9, settings=archiving, now=NOW, where=find_destination(archiving, HOP, by=IDA).condition
    )
    assert (claim.mailbox, claim.reverse_path.partition("+")[0], claim.direction) == (ARCHIVE, "bounce", JOURNAL)
    sent = prepare_message(claim, archiving, None)
    assert sent == prepare_message(claim, archiving, None)
    found = outbound.read_journal(sent)
    assert found is not None
    assert (found.sender, found.recipients) == ("sales@supplier.example", ("it+joe.fern@company.example",))
    assert bodies.load_body(session, session.scalars(select(col(Content.id))).one()) in sent


def test_which_way_it_takes(archiving: Settings) -> None:
    asked = {"department": "", "mailbox": ARCHIVE, "direction": JOURNAL}
    assert next_hop_of(archiving, **asked) == HOP
    inner = replace(archiving, journal=replace(archiving.journal, next_hop=""))
    assert next_hop_of(inner, **asked) == "smtp://inner:25"
    assert [one.next_hop for one in list_destinations(archiving)] == [HOP, "smtp://provider:25", "smtp://inner:25"]


@pytest.mark.parametrize("kind", ["bounced", "deferred"])
def test_whatever_the_archive_says_it_is_tried_again(session: Session, archiving: Settings, kind: str) -> None:
    arrive(session, archiving)
    now = NOW + 99 * DAYS
    (claim,) = queue.claim_deliveries(
        session, limit=9, settings=archiving, now=now, where=find_destination(archiving, HOP, by=IDA).condition
    )
    queue.settle_claim(session, claim, Outcome(kind, "550 5.7.1 no", HOP), settings=archiving, now=now)
    (copy,) = copies(session)
    assert (copy.state, copy.last_reply) == (State.QUEUED, "550 5.7.1 no")
    hop, later = find_destination(archiving, HOP, by=IDA), now + 8 * DAYS
    queue_admin.defer_deliveries(session, hop, later + DAYS, "away", give_up=True, settings=archiving, by=queue.RELAY, now=later)
    (copy,) = copies(session)
    assert (copy.state, copy.waits_for) == (State.QUEUED, HOP)


def test_its_content_stays_until_it_has_left(session: Session, archiving: Settings) -> None:
    (mail,) = arrive(session, archiving)
    ledger.record_event(session, mail, Event.PURGE, by=ANA, now=NOW)
    assert arriving.erase(session, settings=archiving, now=NOW + 99 * DAYS) == 0
    (copy,) = copies(session)
    assert queue_admin.give_up(session, [copy.id], settings=archiving, by=IDA, now=NOW + 99 * DAYS) == 1
    assert arriving.erase(session, settings=archiving, now=NOW + 128 * DAYS) == 0  # somebody may think better of it
    queue_admin.retry_deliveries(session, [copy.id], settings=archiving, by=IDA, now=NOW + 128 * DAYS)
    for event in (Event.CLAIM, Event.DELIVER):
        ledger.record_event(session, copy.id, event, by=queue.RELAY, now=NOW + 128 * DAYS)
    assert arriving.erase(session, settings=archiving, now=NOW + 128 * DAYS) == 1


def test_nobody_triages_it(session: Session, archiving: Settings) -> None:
    arrive(session, archiving)

    def seen(where: object) -> list[str]:
        return sorted(session.scalars(select(col(Delivery.direction)).where(where)))  # type: ignore[arg-type]

    assert seen(access.visible_deliveries(IDA)) == seen(access.readable_deliveries(IDA)) == seen(access.sent_by(ANA)) == ["in"]
    assert seen(access.sent_by(IDA)) == ["in", JOURNAL]
