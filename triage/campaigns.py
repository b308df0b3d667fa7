"""Which campaign does a mail belong to? It is compared with a few representatives of each, found by their bands, and never anew."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, delete, func, insert, literal, select, union_all, update
from sqlmodel import Session, col

from triage import db, touched
from triage.fingerprint import BANDS, Fingerprint, bands_of, packed, unpacked
from triage.ids import new_id
from triage.likeness import DRIFTED, MOST_REPRESENTATIVES, OF_A_BAND
from triage.models import Campaign, Delivery, Representative, RepresentativeBand

CANDIDATES = 64  # that are compared: those with the most bands in common
SURE = 0.9  # this like, no other candidate is looked at
HELD = 4  # bands, of which two that are alike nearly always share one, that only one judge at a time begins a campaign of


class Match(NamedTuple):
    """A campaign that a mail is like."""

    likeness: float
    campaign_id: int


def of_band(number: int) -> Select[tuple[int]]:
    """The representatives of one band."""
    columns = select(col(RepresentativeBand.representative_id)).where(col(RepresentativeBand.band) == bindparam(f"band{number}"))
    newest = columns.order_by(col(RepresentativeBand.representative_id).desc()).limit(OF_A_BAND).subquery()
    return select(newest.c.representative_id)


FOUND = union_all(*map(of_band, range(BANDS))).subquery()
COMMON = (
    select(FOUND.c.representative_id, func.count().label("bands"))
    .group_by(FOUND.c.representative_id)
    .order_by(func.count().desc(), FOUND.c.representative_id)
    .limit(CANDIDATES)
    .subquery()
)
NEAR = (
    select(col(Representative.campaign_id), col(Representative.features))
    .join(COMMON, COMMON.c.representative_id == col(Representative.id))
    .order_by(COMMON.c.bands.desc(), col(Representative.id))
)


def assign(session: Session, fingerprint: Fingerprint | None, *, now: datetime) -> int | None:
    """The campaign of a mail that comes in: the one that it is most like, or a new one. None for mail without features."""
    if fingerprint is None:
        return None
    match = nearest(session, fingerprint)
    if match is None and db.waits_its_turn(session, sorted(set(fingerprint.bands))[:HELD]):  # another judge entered the first of a wave
        match = nearest(session, fingerprint)
    if match is None:
        return begin(session, fingerprint, now=now)
    if match.likeness < DRIFTED and represented(session, match.campaign_id) < MOST_REPRESENTATIVES:
        represent(session, match.campaign_id, fingerprint)
    return match.campaign_id


def nearest(session: Session, fingerprint: Fingerprint) -> Match | None:
    """The campaign that a mail is most like, the older one of two; None when it is like none."""
    best: Match | None = None
    bands = {f"band{number}": band for number, band in enumerate(fingerprint.bands)}
    for campaign_id, data in session.execute(NEAR, bands):
        features = unpacked(data)
        if not fingerprint.may_be_like(features):
            continue
        match = Match(fingerprint.likeness(features), campaign_id)
        if match.likeness < fingerprint.needed(features):
            continue
        if best is None or (match.likeness, -match.campaign_id) > (best.likeness, -best.campaign_id):
            best = match
        if best.likeness >= SURE:
            break
    return best


def begin(session: Session, fingerprint: Fingerprint, *, now: datetime) -> int:
    """A new campaign with its first representative."""
    campaign_id = new_id()
    session.execute(insert(Campaign).values(id=campaign_id, begun_at=now, made_by="system:judge"))
    represent(session, campaign_id, fingerprint)
    return campaign_id


def represented(session: Session, campaign_id: int) -> int:
    """How many representatives a campaign has."""
    return session.scalar(select(func.count()).select_from(Representative).where(col(Representative.campaign_id) == campaign_id)) or 0


def represent(session: Session, campaign_id: int, fingerprint: Fingerprint) -> None:
    """New mail is compared with this one too from now on."""
    representative_id = new_id()
    session.execute(insert(Representative).values(id=representative_id, campaign_id=campaign_id, features=packed(fingerprint.features)))
    band = db.each(session, sorted(set(fingerprint.bands)))
    rows = select(band, literal(representative_id, BigInteger))
    session.execute(insert(RepresentativeBand).from_select(["band", "representative_id"], rows))


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
