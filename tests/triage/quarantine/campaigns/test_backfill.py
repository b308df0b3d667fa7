"""Mail from before there were campaigns gets into them slice by slice, once, and what is erased is recognised no more."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, delete, func, select, update
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW
from triage.config.settings import Settings
from triage.quarantine.campaigns import backfill
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store.db import read_transaction, transaction
from triage.store.models.campaigns import Campaign, Representative, RepresentativeBand
from triage.store.models.deliveries import Delivery

TEXTS = (
    "Your parcel could not be handed over because the address was incomplete. Settle the customs charge and choose a new slot.",
    "A caller left you a voice note while you were away. Listen to the recording in the player of the communications desk.",
)


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """A database with the small company and mail of two campaigns."""
    with transaction(engine) as session:
        arriving.set_up(session, settings)
        for number in range(6):
            arriving.arrive(session, settings, author=f"{number}@sender.example", text=TEXTS[number % 2])
    return engine


def grouped(engine: Engine) -> list[int]:
    """Number of deliveries in each campaign."""
    with read_transaction(engine) as session:
        rows = session.execute(select(col(Delivery.campaign_id), func.count()).group_by(col(Delivery.campaign_id)))
        return sorted(number for campaign, number in rows if campaign is not None)


def test_old_mail_is_put_into_campaigns_once(company: Engine, settings: Settings) -> None:
    with transaction(company) as session:  # as an older version left it
        session.execute(update(Delivery).values(campaign_id=None))
        for table in (RepresentativeBand, Representative, Campaign):
            session.execute(delete(table))
    slices: list[int] = []
    while not slices or slices[-1]:
        with transaction(company) as session:
            slices.append(backfill.catch_up(session, now=NOW, limit=2))
    assert slices == [2, 2, 2, 0]
    assert grouped(company) == [3, 3]
    with transaction(company) as session:
        arriving.arrive(session, settings, author="late@sender.example", text=TEXTS[0])
        assert backfill.catch_up(session, now=NOW) == 0
    assert grouped(company) == [3, 4]


def test_what_is_erased_is_recognised_no_more(company: Engine, settings: Settings) -> None:
    with read_transaction(company) as session:
        voice = session.scalars(select(col(Delivery.campaign_id)).where(col(Delivery.author) == "1@sender.example")).one()
        assert voice
    with transaction(company) as session:
        purged = Selection.of(campaign=voice)
        decisions.decide_messages(session, DecisionRequest(purged, Verb.PURGE), by=ANA, now=NOW, settings=settings)
    later = NOW + timedelta(days=settings.retention.purged_days + 1)
    with transaction(company) as session:
        session.execute(update(Delivery).where(col(Delivery.campaign_id) == voice).values(settled_at=NOW))
        assert arriving.erase(session, settings=settings, now=later + timedelta(days=400)) == 3
    with read_transaction(company) as session:
        assert set(session.scalars(select(col(Representative.campaign_id)))) & {voice} == set()
        kept = set(session.scalars(select(col(Representative.id))))
        assert set(session.scalars(select(col(RepresentativeBand.representative_id)))) == kept
        assert len(kept) == 1
