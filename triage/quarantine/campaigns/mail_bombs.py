"""Mail bombs: more held messages of one sender, or of strangers and robots, in one folder than anybody looks through becomes one row."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from itertools import starmap
from typing import Any

from sqlalchemy import Select, String, Text, and_, bindparam, cast, func, literal, or_, select
from sqlmodel import Session, col

from triage.config.settings import Floods as Caps
from triage.ids import new_id
from triage.message.signals.priority import Reason
from triage.message.summary import Summary
from triage.policy.contacts.sender_history import IN_A_FOLDER, NOT_SWEPT
from triage.quarantine.campaigns import assign as campaigns
from triage.quarantine.campaigns.subscriptions import DURING_FLOOD, arrived_during_flood, is_subscription
from triage.store import db
from triage.store.db import Kinds
from triage.store.delivery_state import State
from triage.store.message_record.damaged_records import skip_damaged
from triage.store.models.campaigns import JUDGE, Campaign
from triage.store.models.columns import Instant
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.new_rows import NewDelivery
from triage.store.queue import dirty_counts, flood_names, grouping

WINDOW = timedelta(hours=1)
TIME_LIMITED = "time-limited"  # a reason of the place in the queue
POINTS, MOST_URGENT = 40, 100  # of urgency: what a flood may be to hide comes before the flood, whatever its members look like
MOST_LIFTED = (
    20  # messages of an hour with a row of their own above a folder's flood, before such messages share one: anybody can send alerts
)
Folder = tuple[str, str]  # department and person


@dataclass(slots=True)
class Lying:
    """A message of the last hour in the folder that is held or was part of a flood, its columns as IN_FOLDER has them."""

    id: int
    message_id: int
    received_at: datetime
    author: str
    proof: str
    flood: bool
    claimed: bool
    proven_as: str | None
    flooded: str = ""  # what its flood is about: the folder, or one sender in it
    subscription: bool | None = None  # a form or a list sent it, and it is no alert; None: not asked yet


LATELY = (
    col(Delivery.state).in_(list(State)),  # an index of folders has the state before the moment
    or_(col(Delivery.state) == State.HELD, col(Delivery.flood).is_(True)),  # a flood goes on after staff removed what had come
    col(Delivery.received_at) > bindparam("since", type_=Instant),
    col(Delivery.direction) == "in",
)
NAMES = ("id", "message_id", "received_at", "author", "proof", "flood", "claimed")
IN_FOLDER = (
    select(
        *(col(getattr(Delivery, name)) for name in NAMES),
        grouping.proven_as().label("proven_as"),
        func.coalesce(col(Campaign.about), literal("", String)).label("flooded"),
    )
    .outerjoin(Campaign, and_(col(Campaign.id) == col(Delivery.campaign_id), col(Delivery.flood).is_(True)))
    .where(col(Delivery.department) == bindparam("department"), col(Delivery.person) == bindparam("person"), *LATELY)
    .order_by(col(Delivery.received_at).desc(), col(Delivery.id).desc())
    .limit(bindparam("most"))
)
LIFTED = select(func.count()).select_from(
    select(literal(1))
    .where(
        col(Delivery.department) == bindparam("department"),
        col(Delivery.person) == bindparam("person"),
        *LATELY,
        col(Delivery.flood).is_(False),
        cast(col(Delivery.signals), Text).contains(f'"{DURING_FLOOD}"'),
    )
    .limit(MOST_LIFTED)
    .subquery()
)
FOLDERS: Kinds = {"department": Text, "person": Text}


@cache
def count_in_folders(on_postgresql: bool) -> Select[Any]:
    """The statement that counts what came into folders lately, up to a number."""
    asked, (department, person) = db.table_of(FOLDERS, on_postgresql)
    here = (col(Delivery.department) == department, col(Delivery.person) == person, *LATELY)
    some = select(literal(1)).where(*here).limit(bindparam("most")).correlate(asked).subquery()
    return select(department, person, select(func.count()).select_from(some).correlate(asked).scalar_subquery()).select_from(asked)


class Floods:
    """Detects floods among messages that come in together: each message that is placed counts for those behind it."""

    def __init__(self, session: Session, arriving: Iterable[NewDelivery], *, caps: Caps) -> None:
        self.session, self.caps, self.most = session, caps, max(caps.per_sender, caps.per_folder)
        self.lying: dict[Folder, list[Lying]] = {}
        self.gathered: dict[int, list[int]] = {}  # by flood: those that lay there before it was one
        self.beside: dict[int, int] = {}  # what arrived during a flood and is none of it: how many the flood had then
        self.lifted: Counter[Folder] = Counter()  # messages that have a row of their own above the flood of their folder
        self.known: dict[str, int] = {}  # floods by what they are about
        held = [one for one in arriving if self.counts(one)]
        self.authors = {one.author for one in held}
        if held:
            since = min(one.received_at for one in held) - WINDOW
            self.lying = {place: self.in_folder(place, since) for place in self.filling(Counter(map(place_of, held)), since)}

    def counts(self, one: NewDelivery) -> bool:
        """Whether it can be part of a flood."""
        return self.most > 0 and one.state == State.HELD and one.direction == "in"

    def filling(self, coming: Counter[Folder], since: datetime) -> list[Folder]:
        """The folders in which there may be a flood when all that is coming has come."""
        fewest = min(cap for cap in (self.caps.per_sender, self.caps.per_folder) if cap)
        on_postgresql = db.is_postgresql(self.session)
        asked = db.bound_as(FOLDERS, sorted(coming), on_postgresql) | {"since": since, "most": fewest}
        counted = self.session.connection().execute(count_in_folders(on_postgresql), asked)
        return [(department, person) for department, person, number in counted if number + coming[department, person] > fewest]

    def in_folder(self, place: Folder, since: datetime) -> list[Lying]:
        """Returns the newest deliveries of a folder since a time, held or part of a flood, at most as many as matter."""
        department, person = place
        asked = {"department": department, "person": person, "since": since, "most": self.most}
        return list(starmap(Lying, self.session.connection().execute(IN_FOLDER, asked)))

    def place(self, arriving: NewDelivery, summary: Summary) -> None:
        """Put a message that is about to be held with the flood that it is part of, and those before it too when it is the one too many.

        What a person writes and proves, an alert that is proven, and what comes from somebody whose messages were accepted before, is
        never put with a flood of others: a bomb is to bury that.
        """
        lying = self.lying.get(place_of(arriving)) if self.counts(arriving) else None
        if lying is None:
            return
        lately = [one for one in lying if one.received_at > arriving.received_at - WINDOW]
        subscription = is_subscription(summary)
        about = self.join(arriving, lately[: self.most], subscription)
        flooded = sum(one.flooded in (flood_names.folder_name(arriving), flood_names.alerts_name(arriving)) for one in lately)
        if not arriving.flood and arriving.proof and self.caps.per_folder and flooded >= max(1, self.caps.per_folder // 2):
            about = self.lift(arriving, flooded)
        columns = {name: getattr(arriving, name) for name in (*NAMES, "proven_as")}
        new = Lying(**columns, flooded=about, subscription=subscription)
        older = (place for place, one in enumerate(lying) if (one.received_at, one.id) < (new.received_at, new.id))
        lying.insert(next(older, len(lying)), new)

    def join(self, arriving: NewDelivery, lying: list[Lying], subscription: bool) -> str:
        """Returns what the flood is about that the message joins, "" where it joins none."""
        of_sender = [one for one in lying if (one.author, one.proven_as) == (arriving.author, arriving.proven_as)]
        if self.caps.per_sender and len(of_sender) >= self.caps.per_sender:
            about, members = flood_names.sender_name(arriving), of_sender
        elif self.caps.per_folder and len(lying) >= self.caps.per_folder and self.is_of_crowd(arriving, subscription):
            about, members = flood_names.folder_name(arriving), lying
        else:
            return ""
        flood_id = self.move(arriving, about)
        if not any(one.flooded == about for one in members):
            single = [one for one in members if not one.flood]
            crowd = single if members is of_sender else self.crowd(single)
            self.gather(flood_id, about, crowd)
            if members is not of_sender:
                beside = {one.id: len(crowd) for one in single if one.proof and not one.flood}
                self.lifted[place_of(arriving)] = self.count_lifted(arriving) + len(beside.keys() - self.beside)
                self.beside.update(beside)
        return about

    def move(self, arriving: NewDelivery, about: str) -> int:
        """Puts a message that comes in into the flood with this name; returns the flood's number."""
        flood_id = self.known[about] = self.known.get(about) or find_flood(self.session, about, arriving)
        arriving.wave_id, arriving.campaign_id, arriving.flood = arriving.campaign_id, flood_id, True
        arriving.time_limited_until = None  # a flood of links to confirm waits behind what it is to hide
        arriving.why_here = [one for one in arriving.why_here if one["name"] != TIME_LIMITED]
        return flood_id

    def lift(self, arriving: NewDelivery, flooded: int) -> str:
        """Raises above the flood what it may be meant to hide, beyond MOST_LIFTED in a row that such messages share.

        Returns the name of that row, "" for a row of its own, which everybody has whose messages were delivered before.
        """
        number = self.count_lifted(arriving)
        if number < MOST_LIFTED or (arriving.author in self.welcome and not arriving.claimed):
            self.beside[arriving.id], self.lifted[place_of(arriving)] = flooded, number + 1
            return ""
        about = flood_names.alerts_name(arriving)
        self.move(arriving, about)
        raise_above(arriving, flooded)
        return about

    def count_lifted(self, arriving: NewDelivery) -> int:
        """Counts the messages above the flood of a folder that have rows of their own, up to MOST_LIFTED and what comes in now."""
        place = department, person = place_of(arriving)
        if place not in self.lifted:
            asked = {"department": department, "person": person, "since": arriving.received_at - WINDOW}
            self.lifted[place] = self.session.connection().execute(LIFTED, asked).scalar_one()
        return self.lifted[place]

    def is_of_crowd(self, arriving: NewDelivery, subscription: bool) -> bool:
        """Whether it may be put with others' mail."""
        return is_impersonal(arriving.proof, subscription) and (arriving.claimed or arriving.author not in self.welcome)

    @cached_property
    def welcome(self) -> set[str]:
        """Authors whose messages were delivered before; queried once for all messages together, and only where a folder is full."""
        return welcome_authors(self.session, self.authors)

    def crowd(self, lying: list[Lying]) -> list[Lying]:
        """Returns the messages that may be part of a flood: impersonal ones, and not from authors whose messages were delivered before."""
        ask = {one.message_id for one in lying if one.proof and one.subscription is None}
        signed_up, known = subscriptions_among(self.session, ask), welcome_authors(self.session, {one.author for one in lying})
        impersonal = (one for one in lying if is_impersonal(one.proof, one.subscription or one.message_id in signed_up))
        return [one for one in impersonal if one.claimed or one.author not in known]

    def gather(self, flood_id: int, about: str, members: list[Lying]) -> None:
        """Adds deliveries to the flood."""
        self.gathered.setdefault(flood_id, []).extend(one.id for one in members)
        for one in members:
            one.flood, one.flooded = True, about

    def settle(self) -> None:
        """Moves earlier and new members into their flood; each stays findable by its own campaign."""
        for flood_id, members in self.gathered.items():
            not_yet = col(Delivery.flood).is_(False)  # another judge may have put them there meanwhile
            where = db.is_among(self.session, col(Delivery.id), members) & not_yet
            moved = {"wave_id": col(Delivery.campaign_id), "campaign_id": flood_id, "flood": True, "time_limited_until": None}
            campaigns.move_deliveries(self.session, where, **moved)
        self.raise_beside()

    def raise_beside(self) -> None:
        """Adds a signal to messages that arrived during a flood without being part of it, and raises their priority above it."""
        these = db.is_among(self.session, col(Delivery.id), self.beside) & col(Delivery.flood).is_(False)
        if self.beside:
            dirty_counts.touch_where(self.session, these)
            for one in self.session.scalars(select(Delivery).where(these, grouping.HELD_MAIL)).all():
                if all(before["name"] != DURING_FLOOD for before in one.signals):
                    raise_above(one, self.beside[one.id])
            self.session.flush()
            dirty_counts.touch_where(self.session, these)


def raise_above(one: Delivery | NewDelivery, flooded: int) -> None:
    """Says of a message that it arrived during a flood of so many, and raises its priority above theirs."""
    said = arrived_during_flood(flooded)
    one.signals = [*one.signals, said.as_json()]
    one.why_here = [Reason(said.name, POINTS, said.sentence).as_json(), *one.why_here]
    one.urgency = min(MOST_URGENT, one.urgency + POINTS)


def place_of(one: NewDelivery) -> Folder:
    """The folder of a delivery."""
    return one.department, one.person


def is_impersonal(proof: str, subscription: bool) -> bool:
    """Whether nobody proves to have written it, or no person wrote it."""
    return subscription or not proof


def subscriptions_among(session: Session, ids: Iterable[int]) -> set[int]:
    """Returns those of some messages that a form or a list sent and that are no alerts."""
    rows = session.execute(select(col(Message.id), col(Message.record)).where(db.is_among(session, col(Message.id), ids)))
    return {message_id for message_id, record in skip_damaged(rows) if is_subscription(Summary.from_json(record.summary))}


def welcome_authors(session: Session, authors: Iterable[str]) -> set[str]:
    """Returns those of some authors whose messages were delivered before."""
    theirs = (col(Delivery.author).in_(authors), col(Delivery.claimed).is_(False))
    delivered = select(col(Delivery.author)).where(*theirs, col(Delivery.state) == State.DELIVERED, IN_A_FOLDER, NOT_SWEPT)
    return set(session.scalars(delivered.distinct()))


def find_flood(session: Session, about: str, arriving: NewDelivery) -> int:
    """The campaign that stands for a flood: one for each folder, and one for each sender in it."""
    wanted = select(col(Campaign.id)).where(col(Campaign.about) == about).with_for_update(read=True, key_share=True)  # it is not dropped
    found = session.scalar(wanted)
    if found is None:
        db.insert_if_missing(session, Campaign, id=new_id(), begun_at=arriving.received_at, made_by=JUDGE, about=about)
        found = session.scalars(wanted).one()
    return found
