"""Which campaign does a mail belong to? It is compared with a few representatives of each, found by their bands, and never anew."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Insert, Select, bindparam, delete, func, insert, select, true, update
from sqlmodel import Session, SQLModel, col

from triage import db, touched
from triage.fingerprint import Fingerprint, bands_of, packed, unpacked
from triage.ids import new_id
from triage.likeness import DRIFTED, MOST_REPRESENTATIVES, OF_A_BAND
from triage.models import Campaign, Delivery, Representative, RepresentativeBand

CANDIDATES = 64  # that are compared: those with the most bands in common
SURE = 0.9  # this like, no other candidate is looked at
HELD = 4  # bands, of which two that are alike nearly always share one, that only one judge at a time begins a campaign of


CAMPAIGN, REPRESENTATIVE, BAND = (SQLModel.metadata.tables[name] for name in ("campaign", "representative", "representative_band"))


class Match(NamedTuple):
    """A campaign that a mail is like."""

    likeness: float
    campaign_id: int


@cache
def near(on_postgresql: bool) -> Select[Any]:
    """The representatives that a mail is compared with, the most bands in common first; and in each row whether its turn was free."""
    band = db.each("bands", on_postgresql=on_postgresql)
    found = db.newest_of_each(band, BAND.c.band, BAND.c.representative_id, OF_A_BAND, on_postgresql=on_postgresql).subquery()
    common = func.count().label("common")
    most = select(found.c.representative_id, common).group_by(found.c.representative_id).order_by(common.desc(), found.c.representative_id)
    candidates = most.limit(CANDIDATES).subquery()
    compared = select(REPRESENTATIVE.c.campaign_id, REPRESENTATIVE.c.features, REPRESENTATIVE.c.id, candidates.c.common)
    compared_with = compared.join(candidates, candidates.c.representative_id == REPRESENTATIVE.c.id).subquery()
    turn = select(db.turns("held", on_postgresql=on_postgresql).label("free")).subquery()
    rows = select(compared_with.c.campaign_id, compared_with.c.features, turn.c.free).select_from(turn).outerjoin(compared_with, true())
    return rows.order_by(compared_with.c.common.desc(), compared_with.c.id)


@cache
def representing(on_postgresql: bool) -> tuple[Insert, ...]:
    """What makes a mail a representative."""
    band, its_id = db.each("bands", on_postgresql=on_postgresql), bindparam("representative", type_=BigInteger)
    of_bands = insert(BAND).from_select(["band", "representative_id"], select(band, its_id))
    names = {"id": its_id, "campaign_id": bindparam("campaign"), "features": bindparam("packed")}
    return insert(REPRESENTATIVE).values(names), of_bands


BEGINNING = insert(CAMPAIGN).values(id=bindparam("campaign"), begun_at=bindparam("at"), made_by="system:judge")


def assign(session: Session, fingerprint: Fingerprint | None, *, now: datetime) -> int | None:
    """The campaign of a mail that comes in: the one that it is most like, or a new one. None for mail without features."""
    if fingerprint is None:
        return None
    match, first = nearest(session, fingerprint)
    if match is None and not first:
        db.waits_its_turn(session, turn(fingerprint))  # another judge entered the first of a wave
        match, _ = nearest(session, fingerprint)
    if match is None:
        return begin(session, fingerprint, now=now)
    if match.likeness < DRIFTED and represented(session, match.campaign_id) < MOST_REPRESENTATIVES:
        represent(session, match.campaign_id, fingerprint)
    return match.campaign_id


def turn(fingerprint: Fingerprint) -> list[int]:
    """What only one judge at a time begins a campaign of."""
    return sorted(set(fingerprint.bands))[:HELD]


def nearest(session: Session, fingerprint: Fingerprint) -> tuple[Match | None, bool]:
    """The campaign that a mail is most like, the older one of two, None when it is like none; and is it nobody else's turn now?"""
    best: Match | None = None
    first = True
    given = {"bands": db.many(session, fingerprint.bands), "held": db.many(session, turn(fingerprint))}
    for campaign_id, data, free in session.connection().execute(near(db.is_postgresql(session)), given):
        first = free
        if campaign_id is None or not fingerprint.may_be_like(features := unpacked(data)):
            continue
        match = Match(fingerprint.likeness(features), campaign_id)
        if match.likeness < fingerprint.needed(features):
            continue
        if best is None or (match.likeness, -match.campaign_id) > (best.likeness, -best.campaign_id):
            best = match
        if best.likeness >= SURE:
            break
    return best, first


def begin(session: Session, fingerprint: Fingerprint, *, now: datetime) -> int:
    """A new campaign with its first representative."""
    campaign_id = new_id()
    represent(session, campaign_id, fingerprint, begun_at=now)
    return campaign_id


def represented(session: Session, campaign_id: int) -> int:
    """How many representatives a campaign has."""
    return session.scalar(select(func.count()).select_from(Representative).where(col(Representative.campaign_id) == campaign_id)) or 0


def represent(session: Session, campaign_id: int, fingerprint: Fingerprint, *, begun_at: datetime | None = None) -> None:
    """New mail is compared with this one too from now on; of a campaign that begins with it."""
    inserts = representing(db.is_postgresql(session))
    values = {
        "campaign": campaign_id,
        "representative": new_id(),
        "packed": packed(fingerprint.features),
        "bands": db.many(session, sorted(set(fingerprint.bands))),
    }
    if begun_at is None:
        db.insert_together(session, inserts, values)
    else:
        db.insert_together(session, (BEGINNING, *inserts), values | {"at": begun_at})


def is_flood(session: Session, campaign_id: int) -> bool:
    """Does this campaign stand for a mail bomb?"""
    return session.scalar(select(col(Campaign.about)).where(col(Campaign.id) == campaign_id)) is not None


def move(session: Session, where: ColumnElement[bool], **values: Any) -> None:
    """Let deliveries be of another campaign: the only place where that changes after they have come in."""
    touched.touch(session, where)
    session.execute(update(Delivery).where(where).values(**values), execution_options={"synchronize_session": False})
    touched.touch(session, where)


def forget(session: Session, messages: Select[int]) -> None:
    """These messages were erased. What no mail that is kept belongs to needs no representatives, which say what it was about."""
    both = select(col(Delivery.campaign_id), col(Delivery.wave_id)).where(col(Delivery.message_id).in_(messages)).distinct()
    found = {one for pair in session.execute(both) for one in pair if one is not None}
    kept = {one for column in (col(Delivery.campaign_id), col(Delivery.wave_id)) for one in kept_of(session, column, found)}
    rows = session.execute(
        select(col(Representative.id), col(Representative.features)).where(db.among(session, col(Representative.campaign_id), found - kept))
    ).all()
    for representative_id, features in rows:
        bands = col(RepresentativeBand.band).in_(bands_of(unpacked(features)))
        session.execute(delete(RepresentativeBand).where(bands, col(RepresentativeBand.representative_id) == representative_id))
    session.execute(delete(Representative).where(db.among(session, col(Representative.id), [one for one, _ in rows])))


def kept_of(session: Session, column: Any, campaigns: Iterable[int]) -> Iterable[int]:
    """Which of these campaigns have mail that is not erased."""
    return session.scalars(select(column).where(db.among(session, column, campaigns), col(Delivery.erased_at).is_(None)).distinct())
