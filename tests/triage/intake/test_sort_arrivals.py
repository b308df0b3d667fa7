"""Campaigns are found in a short transaction before the one that enters messages: nothing is lost, and nobody waits for the longer one."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import NOW
from triage.config.settings import Settings
from triage.intake import receive as intake
from triage.intake.receive import SortedArrivals
from triage.intake.stages import Arrival
from triage.message.fingerprint import Fingerprint
from triage.message.summary import make_summary
from triage.quarantine.campaigns import assign as campaigns
from triage.store import db
from triage.store.models.campaigns import Campaign, Representative, RepresentativeBand
from triage.store.models.deliveries import Delivery

HARVEST = "Our harvest festival opens on Saturday with music, cider and a market of forty growers."
WINTER = "The lifts run again from December, and whoever books a pass before Friday skis the first weekend without charge."


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    return engine


@pytest.fixture
def shared_company(postgresql_engine: Engine, settings: Settings) -> Engine:
    """A company whose database several judges share."""
    with db.transaction(postgresql_engine) as session:
        arriving.set_up(session, settings)
    return postgresql_engine


def arrival(author: str, text: str = HARVEST) -> Arrival:
    raw = f"From: {author}\r\nSubject: News\r\n\r\n{text}\r\n".encode()
    return Arrival(arriving.envelope(reverse_path=author), raw, arriving.authentication(author), make_summary(raw))


def fingerprint_of(one: Arrival) -> Fingerprint:
    found = Fingerprint.from_text(one.summary.fingerprint)
    assert found
    return found


def sort(company: Engine, some: Sequence[Arrival], settings: Settings) -> SortedArrivals:
    """Sort messages, as a judge does before it enters them."""
    with db.transaction(company) as session:
        return intake.sort_arrivals(session, some, settings=settings, now=NOW)


def enter(session: Session, some: Sequence[Arrival], settings: Settings, presorted: SortedArrivals) -> list[int | None]:
    """Enter messages that were sorted; the campaign of each."""
    entered = intake.receive_all(session, some, settings=settings, now=NOW, presorted=presorted)
    found = dict(session.execute(select(col(Delivery.id), col(Delivery.campaign_id))).all())
    return [found[ids[0]] for ids in entered if not isinstance(ids, Exception)]


def count(session: Session, table: type[Campaign] | type[Representative] | type[RepresentativeBand]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_what_was_sorted_before_comes_in_where_it_was_put(company: Engine, settings: Settings) -> None:
    bare = arrival("d@four.example")
    bare = replace(bare, summary=replace(bare.summary, fingerprint=""))
    some = [arrival("a@one.example"), arrival("b@two.example", WINTER), arrival("c@three.example"), bare]
    with db.transaction(company) as session:
        presorted = intake.sort_arrivals(session, some, settings=settings, now=NOW)
    sorted_into = presorted.campaign_ids
    assert sorted_into[0] == sorted_into[2] != sorted_into[1]
    assert sorted_into[3] is None
    with db.transaction(company) as session:
        assert enter(session, some, settings, presorted) == [*sorted_into.values()]
        assert (count(session, Campaign), count(session, Representative)) == (2, 2)


def test_a_judge_that_dies_between_both_transactions_loses_nothing(company: Engine, settings: Settings) -> None:
    some = [arrival("a@one.example"), arrival("b@two.example", WINTER)]
    with db.transaction(company) as session:
        before = intake.sort_arrivals(session, some, settings=settings, now=NOW)
    some.append(arrival("c@three.example"))  # the wave goes on
    with db.transaction(company) as session:
        again = intake.sort_arrivals(session, some, settings=settings, now=NOW)
    assert again.campaign_ids == {**before.campaign_ids, 2: before.campaign_ids[0]}
    with db.transaction(company) as session:
        enter(session, some, settings, again)
        assert (count(session, Campaign), count(session, Representative)) == (2, 2)


def test_what_is_entered_already_is_sorted_no_more(company: Engine, settings: Settings) -> None:
    some = [arrival("a@one.example")]
    for expected in (1, 0):
        with db.transaction(company) as session:
            presorted = intake.sort_arrivals(session, some, settings=settings, now=NOW)
            assert len(presorted.campaign_ids) == expected
        with db.transaction(company) as session:
            enter(session, some, settings, presorted)
    with db.read_transaction(company) as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 1


@pytest.mark.postgresql
def test_nobody_waits_for_a_judge_that_enters(shared_company: Engine, settings: Settings) -> None:
    some = [arrival("a@one.example")]
    presorted = sort(shared_company, some, settings)
    with db.transaction(shared_company) as entering:
        enter(entering, some, settings, presorted)
        with db.transaction(shared_company) as session:
            db.set_lock_timeout(session, 0.001)  # whoever had to wait at all would be refused
            copy = intake.sort_arrivals(session, [arrival("b@two.example")], settings=settings, now=NOW)
            assert copy.campaign_ids == presorted.campaign_ids


@pytest.mark.parametrize("inside", [True, False])
def test_what_a_message_began_is_forgotten_unless_another_is_in_it(company: Engine, settings: Settings, inside: bool) -> None:
    some = [arrival("a@one.example")]
    with db.transaction(company) as session:
        presorted = intake.sort_arrivals(session, some, settings=settings, now=NOW)
        copy = replace(arrival("b@two.example"), summary=some[0].summary)
        if inside:
            enter(session, [copy], settings, presorted)
        campaigns.forget_begun(session, fingerprint_of(some[0]))
        kept = [count(session, table) > 0 for table in (Campaign, Representative, RepresentativeBand)]
    assert kept == [inside] * 3


def test_a_message_comes_in_though_its_campaign_was_forgotten_meanwhile(company: Engine, settings: Settings) -> None:
    some = [arrival("a@one.example")]
    presorted = sort(company, some, settings)
    with db.transaction(company) as session:
        campaigns.forget_begun(session, fingerprint_of(some[0]))  # another judge entered a copy unread
    with db.transaction(company) as session:
        assert enter(session, some, settings, presorted) == [presorted.campaign_ids[0]]
        assert session.scalars(select(col(Campaign.id))).all() == [presorted.campaign_ids[0]]


def test_what_somebody_entered_after_it_was_sorted_is_refused_and_not_entered_twice(company: Engine, settings: Settings) -> None:
    some = [arrival("a@one.example")]
    presorted = sort(company, some, settings)
    with db.transaction(company) as session:
        enter(session, some, settings, presorted)
    with pytest.raises(IntegrityError), db.transaction(company) as session:
        enter(session, some, settings, presorted)
    with db.read_transaction(company) as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 1


def forget_at_once(engine: Engine, fingerprint: Fingerprint) -> None:
    with db.transaction(engine) as session:
        db.set_lock_timeout(session, 0.001)
        campaigns.forget_begun(session, fingerprint)


@pytest.mark.postgresql
def test_nobody_forgets_a_campaign_while_a_message_is_entered_into_it(shared_company: Engine, settings: Settings) -> None:
    some = [arrival("a@one.example")]
    presorted = sort(shared_company, some, settings)
    with db.transaction(shared_company) as entering:
        enter(entering, some, settings, presorted)
        with pytest.raises(OperationalError, match="lock timeout"):
            forget_at_once(shared_company, fingerprint_of(some[0]))
    with db.transaction(shared_company) as session:
        campaigns.forget_begun(session, fingerprint_of(some[0]))
        assert [count(session, table) for table in (Campaign, Representative)] == [1, 1]
