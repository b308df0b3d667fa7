"""When held messages expire, and who is told so before."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, IDA, NOW, arrive
from tests.triage.notifications.test_digests import send_digests
from triage import ids
from triage.actor import Actor
from triage.compliance.retention import expire as retention, legal_holds
from triage.compliance.retention.expire import Expiring
from triage.config.settings import Notices, Settings
from triage.message.signals.severity import Severity
from triage.notifications import alerts, digests
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import expiry, listing
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import item_list
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import DigestEntry

DAYS = timedelta(days=1)
MARA, JOE = "mara.berg@company.example", "joe.fern@company.example"


@pytest.mark.parametrize(
    ("state", "entered_at", "decided_at", "days", "expires"),
    [
        ("held", NOW, None, 30, NOW + 30 * DAYS),
        ("held", NOW, NOW - DAYS, 30, NOW + 30 * DAYS),
        ("held", NOW, NOW + 2 * DAYS, 30, NOW + 32 * DAYS),
        ("held", NOW + 4 * DAYS, None, 30, NOW + 34 * DAYS),
        ("held", NOW + 4 * DAYS, NOW + 2 * DAYS, 30, NOW + 34 * DAYS),
        ("held", NOW - DAYS, None, 30, NOW + 30 * DAYS),
        ("held", NOW, None, None, None),
        ("purged", NOW, None, 30, None),
    ],
)
def test_when_mail_expires(
    state: str, entered_at: datetime, decided_at: datetime | None, days: int | None, expires: datetime | None
) -> None:
    assert expiry.expiry_moment(state, ids.first_id_at(entered_at), NOW, decided_at, days) == expires


def test_what_lay_in_the_spool_for_long_is_held_as_long_as_all_other_mail(known: Engine, settings: Settings) -> None:
    short = arriving.expire_unseen(replace(settings, retention=replace(settings.retention, held_days=2)))
    with db.transaction(known) as session:
        arrive(session, short, at=NOW - 5 * DAYS)
        expiry.note_terms(session, expiry.expiry_terms(short))
        ends = NOW + 2 * DAYS
        assert [one.expires_at for one in listing.list_deliveries(session, Selection(), by=ANA).items] == [ends]
        assert retention.list_expiring(session, by=ANA, settings=short, now=NOW) == []
        assert retention.list_expiring(session, by=ANA, settings=short, now=ends - DAYS / 2) == [Expiring("it", "joe.fern", 1, ends)]
        assert retention.expire_messages(session, settings=short, now=ends - DAYS / 2) == 0
        assert retention.expire_messages(session, settings=short, now=ends + DAYS / 2) == 1


def test_what_expires_within_a_day_is_told_by_folder(known: Engine, settings: Settings) -> None:
    settings = arriving.expire_unseen(settings)
    with db.transaction(known) as session:
        arrive(session, settings, MARA, JOE)
        (spared,) = arrive(session, settings, JOE, subject="Held for the court")
        legal_holds.add_hold(session, by=IDA, reason="x", now=NOW, selected=Selection.of(ids=(spared,)))
        (again,) = arrive(session, settings, JOE, subject="Looked at again")
        for verb in (Verb.PURGE, Verb.RESTORE):
            decisions.decide_messages(
                session, DecisionRequest(Selection.of(ids=(again,)), verb), by=ANA, now=NOW + 5 * DAYS, settings=settings
            )
        ends = NOW + 30 * DAYS
        assert retention.list_expiring(session, by=ANA, settings=settings, now=ends - 2 * DAYS) == []
        send_digests = retention.list_expiring(session, by=ANA, settings=settings, now=ends - DAYS / 2)
        assert send_digests == [Expiring("it", "joe.fern", 1, ends), Expiring("legal", "mara.berg", 1, ends)]
        assert [one.department for one in retention.list_expiring(session, by=BEN, settings=settings, now=ends - DAYS / 2)] == ["legal"]


def test_lists_and_rows_say_so(known: Engine, settings: Settings) -> None:
    ends = NOW + 30 * DAYS
    settings = arriving.expire_unseen(settings)
    with db.transaction(known) as session:
        arrive(session, settings, MARA, JOE)
        arrive(session, settings, JOE, author="other@elsewhere.example")
        expiry.note_terms(session, expiry.expiry_terms(settings))
    with db.read_transaction(known) as session:
        for now, soon in ((NOW, None), (ends - DAYS / 2, ends)):
            page = item_list.list_items(session, Selection(states=(State.HELD,)), by=ANA, now=now)
            assert {(one.count, one.expires_at) for one in page.items} == {(2, soon), (1, soon)}
            single = item_list.list_items(session, Selection(states=(State.HELD,)), by=ANA, now=now, group="none")
            assert [one.expires_at for one in single.items] == [soon] * 3
        assert {one.expires_at for one in listing.list_deliveries(session, Selection(), by=ANA).items} == {ends}
        assert listing.list_deliveries(session, Selection(), by=ANA, expiring_by=NOW + DAYS).total == 0
        assert listing.list_deliveries(session, Selection(), by=ANA, expiring_by=ends + DAYS).total == 3


def test_nothing_is_said_where_nothing_was_ever_let_expire(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        arrive(session, settings, MARA)
        assert [one.expires_at for one in listing.list_deliveries(session, Selection(), by=ANA).items] == [None]
        assert listing.list_deliveries(session, Selection(), by=ANA, expiring_by=NOW + 99 * DAYS).total == 0


FOUR, AFTER = NOW.replace(hour=16, minute=0), NOW + 31 * DAYS


def named_in_a_digest(engine: Engine, settings: Settings, *, at: datetime = FOUR, becomes: State = State.DELIVERED) -> None:
    """The digest of this day goes out, and its letters come to this end."""
    send_digests(engine, settings, at)
    with db.transaction(engine) as session:
        letters = (col(Delivery.direction) == "report", col(Delivery.state) == State.QUEUED)
        session.execute(update(Delivery).where(*letters).values(state=becomes))


def refuse_digest(engine: Engine) -> None:
    with db.transaction(engine) as session:
        digests.set_choice(session, by=Actor.employee("joe.fern", "Joe Fern"), wanted=False, now=NOW)


@pytest.mark.parametrize(
    ("case", "to", "letter", "expires"),
    [
        ("", JOE, State.DELIVERED, True),
        ("dangerous", JOE, State.DELIVERED, True),  # the digest counts it
        ("", JOE, State.QUEUED, False),  # the letter is under way
        ("", JOE, State.BOUNCED, False),
        ("", "info@company.example", State.DELIVERED, False),  # a shared folder
        ("refused", JOE, State.DELIVERED, False),
        ("digest_never", JOE, State.DELIVERED, False),
        ("another department", JOE, State.DELIVERED, False),
        ("no digest", JOE, State.DELIVERED, False),
        ("no digest, expire_unseen", JOE, State.DELIVERED, True),
        ("expire_unseen", "info@company.example", State.DELIVERED, True),
        ("moved to a colleague", JOE, State.DELIVERED, False),  # who had it in no digest
    ],
)
def test_nothing_expires_undecided_unless_its_recipient_had_it_in_a_digest(
    known: Engine, settings: Settings, case: str, to: str, letter: State, expires: bool
) -> None:
    notices = {
        "digest_never": Notices(digest_at="16:00", digest_never=("joe.fern",)),
        "another department": Notices(digest_at="16:00", digest_departments=("legal",)),
        "no digest": Notices(digest_at=""),
        "no digest, expire_unseen": Notices(digest_at=""),
    }
    here = replace(settings, notices=notices.get(case, Notices(digest_at="16:00")))
    here = arriving.expire_unseen(here) if "expire_unseen" in case else here
    with db.transaction(known) as session:
        (mail,) = arrive(session, here, to)
        expiry.note_terms(session, expiry.expiry_terms(here))
        if case == "dangerous":
            session.get_one(Delivery, mail).severity = Severity.DANGEROUS
    if case == "refused":
        refuse_digest(known)
    named_in_a_digest(known, here, becomes=letter)
    with db.transaction(known) as session:
        if case == "moved to a colleague":
            session.get_one(Delivery, mail).person = "mara.berg"
    with db.transaction(known) as session:
        soon = {one.cause for one in alerts.find_alerts(session, here, AFTER) if one.cause in ("expiring", "unseen")}
        assert soon == {"expiring" if expires else "unseen"}
        assert retention.count_unseen(session, settings=here, now=AFTER) == (0 if expires else 1)
        (listed,) = listing.list_deliveries(session, Selection(states=(State.HELD,)), by=ANA).items
        assert listed.expires_at == (NOW + 30 * DAYS if expires else None)
        assert listing.list_deliveries(session, Selection(), by=ANA, expiring_by=AFTER).total == int(expires)
        assert retention.expire_messages(session, settings=here, now=AFTER) == int(expires)
        assert session.get_one(Delivery, mail, populate_existing=True).state == (State.EXPIRED if expires else State.HELD)


def test_a_digest_that_came_back_is_made_good_by_the_next_one(known: Engine, settings: Settings) -> None:
    daily = replace(settings, notices=Notices(digest_at="16:00"))
    with db.transaction(known) as session:
        (mail,) = arrive(session, daily, JOE)
    named_in_a_digest(known, daily, becomes=State.BOUNCED)
    named_in_a_digest(known, daily, at=FOUR + DAYS)
    named_in_a_digest(known, daily, at=FOUR + 2 * DAYS, becomes=State.BOUNCED)  # the mailbox is full, but they know of it
    with db.transaction(known) as session:
        (entry,) = session.scalars(select(DigestEntry))
        assert (entry.delivery_id, entry.person, entry.counted, entry.at) == (mail, "joe.fern", False, FOUR + DAYS)
        assert retention.expire_messages(session, settings=daily, now=AFTER) == 1


def test_what_somebody_restored_is_in_a_digest_before_it_expires(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (mail,) = arrive(session, settings, JOE)
        for verb in (Verb.PURGE, Verb.RESTORE):
            decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(mail,)), verb), by=ANA, now=NOW, settings=settings)
        assert retention.expire_messages(session, settings=settings, now=AFTER) == 0
