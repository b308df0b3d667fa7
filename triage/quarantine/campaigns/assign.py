"""Assigns messages to campaigns: compares each one once with a few representatives of each campaign, which their bands find."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Insert, Select, delete, exists, func, insert, or_, select, update
from sqlmodel import Session, SQLModel, col

from triage.ids import new_id
from triage.message.fingerprint import Fingerprint, bands_of, pack_features, unpack_features
from triage.message.similarity import DRIFTED, MOST_REPRESENTATIVES, OF_A_BAND
from triage.quarantine.campaigns.same_content import Key, campaigns_of, distinctive_keys
from triage.store import db
from triage.store.db import Kinds, OneOf
from triage.store.models.campaigns import JUDGE, Campaign, Representative, RepresentativeBand
from triage.store.models.deliveries import Delivery
from triage.store.queue import dirty_counts

CANDIDATES = 64  # that are compared: those with the most bands in common
SURE = 0.9  # this like, no other candidate is looked at
HELD = 4  # bands, of which two that are alike nearly always share one, that only one judge at a time begins a campaign of
ASKED: Kinds = {"number": BigInteger, "band": BigInteger}
BANDS: Kinds = {"representative": BigInteger, "band": BigInteger}

CAMPAIGN, REPRESENTATIVE, BAND = (SQLModel.metadata.tables[name] for name in ("campaign", "representative", "representative_band"))


class Match(NamedTuple):
    """A campaign that a message is like."""

    likeness: float
    campaign_id: int


class Known(NamedTuple):
    """A representative, and how many bands a message shares with it."""

    common: int
    id: int
    campaign_id: int
    features: Collection[int]


class Added(NamedTuple):
    """A representative that is new."""

    id: int
    campaign_id: int
    mail: Fingerprint
    number: int = 0  # of the message
    begins: bool = False  # the campaign is new too


@cache
def near_statement(on_postgresql: bool) -> Select[Any]:
    """The representatives that each of some messages is compared with, by the number of the message."""
    asked, (number, band) = db.table_of(ASKED, on_postgresql)
    found = db.newest_of_each(asked, number, band, BAND.c.band, BAND.c.representative_id, OF_A_BAND, on_postgresql=on_postgresql).subquery()
    mail, representative, common = found.c[0], found.c[1], func.count().label("common")
    place = func.row_number().over(partition_by=mail, order_by=(common.desc(), representative)).label("place")
    ranked = select(mail.label("mail"), representative.label("id"), common, place).group_by(mail, representative).subquery()
    compared = select(ranked.c.mail, ranked.c.common, ranked.c.id, REPRESENTATIVE.c.campaign_id, REPRESENTATIVE.c.features)
    return compared.join(REPRESENTATIVE, REPRESENTATIVE.c.id == ranked.c.id).where(ranked.c.place <= CANDIDATES)


@cache
def banding_statement(on_postgresql: bool) -> Insert:
    """Builds the insert of bands, by which representatives are found."""
    asked, (representative, band) = db.table_of(BANDS, on_postgresql)
    return insert(BAND).from_select(["representative_id", "band"], select(representative, band).select_from(asked))


REPRESENTED = (
    select(REPRESENTATIVE.c.campaign_id, func.count())
    .where(OneOf(REPRESENTATIVE.c.campaign_id, "campaigns", BigInteger))
    .group_by(REPRESENTATIVE.c.campaign_id)
)


def assign_campaign(session: Session, fingerprint: Fingerprint | None, *, now: datetime) -> int | None:
    """The campaign of a message that comes in: the one that it is most like, or a new one. None for mail without features."""
    return assign_all(session, [fingerprint], now=now)[0]


def assign_all(session: Session, fingerprints: Sequence[Fingerprint | None], *, now: datetime) -> list[int | None]:
    """The same for messages that come in together; each is compared with those before it too."""
    sorting = Sorting(session, fingerprints)
    found = [sorting.assign(number) for number in range(len(fingerprints))]
    sorting.write(now)
    return found


class Sorting:
    """Messages that are sorted into campaigns together: what is there is asked for once, what is new is written at the end."""

    def __init__(
        self, session: Session, fingerprints: Sequence[Fingerprint | None], keys: Mapping[int, Collection[Key]] | None = None
    ) -> None:
        self.session = session
        self.keys = distinctive_keys(session, keys or {})  # of those that look suspicious, by number
        self.of_key = campaigns_of(session, self.keys)
        self.messages = {number: one for number, one in enumerate(fingerprints) if one is not None}
        self.added: list[Added] = []
        self.of_band: dict[int, list[int]] = {}  # places of these
        self.near = self.ask(self.messages)
        self.matches = self.compared(self.messages)
        new = [number for number, match in self.matches.items() if match is None]
        if new and db.take_advisory_locks(session, *{band for number in new for band in campaign_lock(self.messages[number])}):
            self.near |= self.ask(new)  # another judge may have entered the first of a wave meanwhile
            self.matches |= self.compared(new)
        drifted = {match.campaign_id for match in self.matches.values() if match and match.likeness < DRIFTED}
        self.represented = count_representatives(session, drifted)

    def likely(self, number: int) -> set[int]:
        """The campaigns that there are already of which one of the messages may be."""
        return {one.campaign_id for one in self.near.get(number, ())}

    def ask(self, numbers: Iterable[int]) -> dict[int, list[Known]]:
        """Looks up the representatives that messages are compared with."""
        return compared_with(self.session, {number: self.messages[number] for number in numbers})

    def compared(self, numbers: Iterable[int]) -> dict[int, Match | None]:
        """Returns the most similar campaign of each message among those looked up before, None where none is similar."""
        return {number: best_of(self.messages[number], self.near.get(number, ())) for number in numbers}

    def assign(self, number: int) -> int | None:
        """The campaign of one of the messages, in their order."""
        mail = self.messages.get(number)
        if mail is None:
            return None
        match = self.matches[number]
        if beside := self.beside(mail):
            match = best_of(mail, [*self.near.get(number, ()), *beside])
        match = match or self.same(number)
        campaign_id = match.campaign_id if match else new_id()
        for key in self.keys.get(number, ()):
            self.of_key.setdefault(key, campaign_id)
        if match is None or (match.likeness < DRIFTED and self.count(campaign_id) < MOST_REPRESENTATIVES):
            self.add(Added(new_id(), campaign_id, mail, number, begins=match is None))
        return campaign_id

    def same(self, number: int) -> Match | None:
        """The campaign of copies with the same link or attachment, whatever they say."""
        found = [campaign_id for key in self.keys.get(number, ()) if (campaign_id := self.of_key.get(key))]
        return Match(0.0, min(found)) if found else None

    def count(self, campaign_id: int) -> int:
        """Counts the representatives of a campaign."""
        if campaign_id not in self.represented:
            self.represented |= count_representatives(self.session, [campaign_id])
        return self.represented[campaign_id]

    def beside(self, mail: Fingerprint) -> list[Known]:
        """Representatives that came with it."""
        common = Counter(place for band in mail.bands for place in self.of_band.get(band, ()))
        added = ((self.added[place], number) for place, number in common.items())
        return [Known(number, one.id, one.campaign_id, one.mail.features) for one, number in added]

    def add(self, new: Added) -> None:
        """New messages are compared with this one too from now on."""
        for band in set(new.mail.bands):
            self.of_band.setdefault(band, []).append(len(self.added))
        self.added.append(new)
        self.represented[new.campaign_id] = 1 if new.begins else self.represented[new.campaign_id] + 1

    def take_back(self, number: int) -> None:
        """The message that was assigned last does not come in after all: nothing is compared with it, nothing begins with it."""
        if self.added and self.added[-1].number == number:
            one = self.added.pop()
            for band in set(one.mail.bands):
                self.of_band[band].pop()
            self.represented[one.campaign_id] -= 1
            if one.begins:
                self.of_key = {key: campaign_id for key, campaign_id in self.of_key.items() if campaign_id != one.campaign_id}

    def write(self, now: datetime) -> None:
        """Keep what is new."""
        same = {"begun_at": now, "made_by": JUDGE, "about": None}
        db.insert_all(self.session, Campaign, [same | {"id": one.campaign_id} for one in self.added if one.begins])
        store_representatives(self.session, self.added)


class Sorted:
    """Messages that an earlier transaction has sorted, by their number: they stay where they are when they come again."""

    def __init__(self, session: Session, campaign_ids: Sequence[int | None], now: datetime) -> None:
        self.campaign_ids = campaign_ids
        hold_campaigns(session, {one for one in campaign_ids if one is not None}, now)

    def likely(self, number: int) -> set[int]:
        """The campaign of one of the messages, where it is of any."""
        return {one for one in (self.campaign_ids[number],) if one is not None}

    def assign(self, number: int) -> int | None:
        """The campaign of one of the messages, None for one that is like no other."""
        return self.campaign_ids[number]

    def take_back(self, number: int) -> None:
        """The message does not come in now. Its campaign stays: others may be in it, and the message finds it again."""

    def write(self, now: datetime) -> None:
        """All is written."""


def hold_campaigns(session: Session, found: Collection[int], now: datetime) -> None:
    """Let nobody drop these campaigns before the transaction ends. One that was dropped already is there again, without its words."""
    there = select(col(Campaign.id)).where(db.is_among(session, col(Campaign.id), found)).order_by(col(Campaign.id))
    held = set(session.scalars(there.with_for_update(read=True, key_share=True)) if found else ())
    for dropped in sorted(set(found) - held):
        db.insert_if_missing(session, Campaign, id=dropped, begun_at=now, made_by=JUDGE)


def compared_with(session: Session, messages: Mapping[int, Fingerprint]) -> dict[int, list[Known]]:
    """Finds the representatives that share bands with each message, by the message's number."""
    found: dict[int, list[Known]] = {}
    rows = [(number, band) for number, mail in messages.items() for band in mail.bands]
    on_postgresql = db.is_postgresql(session)
    bound = db.bound_as(ASKED, rows, on_postgresql)
    for mail, common, number, campaign_id, features in session.connection().execute(near_statement(on_postgresql), bound) if rows else ():
        found.setdefault(mail, []).append(Known(common, number, campaign_id, unpack_features(features)))
    return found


def find_similar(session: Session, fingerprint: Fingerprint) -> int | None:
    """The campaign that a message is most like, None where it is like none. None begins."""
    match = best_of(fingerprint, compared_with(session, {0: fingerprint}).get(0, ()))
    return match.campaign_id if match else None


def store_representatives(session: Session, added: Sequence[Added]) -> None:
    """Write new representatives down."""
    rows = [{"id": one.id, "campaign_id": one.campaign_id, "features": pack_features(one.mail.features)} for one in added]
    bands = sorted((one.id, band) for one in added for band in set(one.mail.bands))
    on_postgresql = db.is_postgresql(session)
    if rows:
        db.insert_all(session, Representative, rows)
        session.connection().execute(banding_statement(on_postgresql), db.bound_as(BANDS, bands, on_postgresql))


def campaign_lock(fingerprint: Fingerprint) -> list[int]:
    """Keys of the lock under which only one judge at a time begins a campaign of such messages."""
    return sorted(set(fingerprint.bands))[:HELD]


def best_of(fingerprint: Fingerprint, known: Sequence[Known]) -> Match | None:
    """The campaign that a message is most like, the older one of two; None when it is like none."""
    best: Match | None = None
    for one in sorted(known, key=lambda one: (-one.common, one.id))[:CANDIDATES]:
        if not fingerprint.may_be_like(one.features):
            continue
        match = Match(fingerprint.likeness(one.features), one.campaign_id)
        if match.likeness < fingerprint.needed(one.features):
            continue
        if best is None or (match.likeness, -match.campaign_id) > (best.likeness, -best.campaign_id):
            best = match
        if best.likeness >= SURE:
            break
    return best


def count_representatives(session: Session, campaigns: Iterable[int]) -> dict[int, int]:
    """Counts the representatives of each campaign."""
    asked = sorted(campaigns)
    counted = session.connection().execute(REPRESENTED, {"campaigns": asked}).all() if asked else []
    return dict.fromkeys(asked, 0) | dict(counted)


def add_representative(session: Session, campaign_id: int, fingerprint: Fingerprint) -> None:
    """New messages are compared with this one too from now on."""
    store_representatives(session, [Added(new_id(), campaign_id, fingerprint)])


def is_flood(session: Session, campaign_id: int) -> bool:
    """Whether this campaign stands for a mail bomb."""
    return session.scalar(select(col(Campaign.about)).where(col(Campaign.id) == campaign_id)) is not None


def move_deliveries(session: Session, where: ColumnElement[bool], **values: Any) -> None:
    """Moves deliveries to another campaign: the only place where that changes after they have come in."""
    dirty_counts.touch_where(session, where)
    session.execute(update(Delivery).where(where).values(**values), execution_options=db.UNSEEN)
    dirty_counts.touch_where(session, where)


def forget_messages(session: Session, messages: Select[int]) -> None:
    """Forgets representatives of campaigns whose messages are all erased: they say what the messages were about."""
    both = select(col(Delivery.campaign_id), col(Delivery.wave_id)).where(col(Delivery.message_id).in_(messages)).distinct()
    found = {one for pair in session.execute(both) for one in pair if one is not None}
    kept = {one for column in (col(Delivery.campaign_id), col(Delivery.wave_id)) for one in with_content(session, column, found)}
    forget_representatives(session, found - kept)


def forget_representatives(session: Session, campaigns: Collection[int]) -> None:
    """Forget what these campaigns' messages are about: nothing is compared with them any more."""
    rows = session.execute(
        select(col(Representative.id), col(Representative.features)).where(db.is_among(session, col(Representative.campaign_id), campaigns))
    ).all()
    for representative_id, features in rows:
        bands = col(RepresentativeBand.band).in_(bands_of(unpack_features(features)))
        session.execute(delete(RepresentativeBand).where(bands, col(RepresentativeBand.representative_id) == representative_id))
    session.execute(delete(Representative).where(db.is_among(session, col(Representative.id), [one for one, _ in rows])))


def forget_begun(session: Session, fingerprint: Fingerprint) -> None:
    """Forget what a message began that will not come in with these words: a campaign that it is most like and that no message is in."""
    campaign_id = find_similar(session, fingerprint)
    if campaign_id is None:
        return
    session.execute(select(col(Campaign.id)).where(col(Campaign.id) == campaign_id).with_for_update())  # a judge may be about to enter one
    inside = or_(col(Delivery.campaign_id) == campaign_id, col(Delivery.wave_id) == campaign_id)
    if session.scalar(select(func.count()).select_from(Delivery).where(inside)):
        return
    forget_representatives(session, [campaign_id])
    drop_empty(session, [campaign_id])


def drop_empty(session: Session, found: Iterable[int]) -> None:
    """Drop those of these campaigns that no message is of any more, and that no new messages can be compared with."""
    there = select(col(Campaign.id)).where(db.is_among(session, col(Campaign.id), found)).order_by(col(Campaign.id)).with_for_update()
    locked = session.scalars(there).all()  # a flood may be about to get more mail
    needed = (col(Delivery.campaign_id), col(Delivery.wave_id), col(Representative.campaign_id))
    unused = (~exists().where(column == col(Campaign.id)).correlate(Campaign) for column in needed)
    session.execute(delete(Campaign).where(db.is_among(session, col(Campaign.id), locked), *unused), execution_options=db.UNSEEN)


def with_content(session: Session, column: Any, campaigns: Iterable[int]) -> Iterable[int]:
    """Returns those of some campaigns that have deliveries whose content is not erased."""
    return session.scalars(select(column).where(db.is_among(session, column, campaigns), col(Delivery.erased_at).is_(None)).distinct())
