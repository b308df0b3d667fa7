"""Counts what staff decided in the last 90 days about held messages, by their signs, for the order of the queue (never the verdict)."""

import json
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, Subquery, case, func, not_, select, update
from sqlmodel import Session, col

from triage.config.settings import Settings
from triage.message.signals.learned_order import NOTHING_LEARNED, Learned, Tally, tally_decisions
from triage.policy.learning.decision_feedback import is_final_decision
from triage.store import confidential_rows, versions
from triage.store.delivery_state import FOR_ASSISTANT, State
from triage.store.message_record.damaged_records import skip_damaged
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.markers import Marker
from triage.store.models.messages import Message

MARKER = "learned-order"  # its text: the tallies; its number moves on with them
LATELY = timedelta(days=90)
OF_ONE = 20  # of a sender or a campaign, so that a wave leaves room for the others
MOST = 20_000  # decided messages that are looked at, the latest first
RELEASED, REMOVED = ("release", "redirect"), ("purge", "reject")

_kept: WeakKeyDictionary[Engine, tuple[int, Learned]] = WeakKeyDictionary()


def count_decisions(session: Session, *, settings: Settings, now: datetime) -> Learned:
    """Counts recent decisions of staff; nothing where the setting is off."""
    return tally_decisions(list_decided(session, settings, now)) if settings.policy.learn_order else NOTHING_LEARNED


def store_lessons(session: Session, learned: Learned) -> None:
    """Write it down, if it has changed."""
    text = write_tallies(learned)
    if text != versions.read_text(session, MARKER):
        versions.advance_version(session, MARKER)
        session.execute(update(Marker).where(col(Marker.name) == MARKER).values(text=text))


def list_decided(session: Session, settings: Settings, now: datetime) -> Iterator[tuple[bool, str, set[str]]]:
    """Held messages that a person released or removed: whether released, by whom sent, and their signs.

    Nothing of confidential folders, and nothing that was undone, restored or decided otherwise since.
    """
    freemail = settings.policy.freemail_domains
    chosen = choose_decided(freemail, now)
    rows = session.execute(
        select(
            chosen.c.verb,
            col(Delivery.campaign_id),
            col(Delivery.author),
            col(Delivery.author_domain),
            col(Delivery.signals),
            col(Message.record),
        )
        .join(chosen, chosen.c.id == col(Delivery.id))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(chosen.c.place <= OF_ONE)
        .order_by(chosen.c.at.desc(), chosen.c.id.desc())
        .limit(MOST)
    )
    for verb, campaign, author, domain, own, record in skip_damaged(rows):
        yield verb in RELEASED, sent_by(campaign, author, domain, freemail), {one["name"] for one in (*own, *record.signals)}


def choose_decided(freemail: Collection[str], now: datetime) -> Subquery:
    """The deliveries that count, each with its place among those of the same sender or campaign, the latest first."""
    campaign, author, domain = col(Delivery.campaign_id), col(Delivery.author), col(Delivery.author_domain)
    sender = case((campaign.is_not(None), ""), (domain.in_(sorted(freemail)), author), else_=domain)  # as in sent_by
    place = func.row_number().over(
        partition_by=(col(Decision.verb), campaign, sender), order_by=(col(Decision.at).desc(), col(Delivery.id).desc())
    )
    return (
        select(col(Delivery.id), col(Decision.verb), col(Decision.at), place.label("place"))
        .join(DecisionItem, col(DecisionItem.decision_id) == col(Decision.id))
        .join(Delivery, col(Delivery.id) == col(DecisionItem.delivery_id))
        .where(
            col(Decision.at) >= now - LATELY,
            col(Decision.verb).in_((*RELEASED, *REMOVED)),
            col(Decision.by).startswith("person:"),
            col(Decision.undone_by).is_(None),
            col(DecisionItem.before) == State.HELD,
            col(DecisionItem.outcome) == "done",
            is_final_decision(col(Decision.id)),
            col(Delivery.direction) == "in",
            col(Delivery.rule) != FOR_ASSISTANT,
            not_(confidential_rows.is_confidential()),
        )
        .subquery()
    )


def sent_by(campaign: int | None, author: str, domain: str, freemail: Collection[str]) -> str:
    """Returns the key under which a sender counts once: the campaign, else the domain, at a free-mail provider the address."""
    return f"campaign:{campaign}" if campaign is not None else author if domain in freemail else domain


def current_lessons(session: Session, settings: Settings) -> Learned:
    """Returns what was learned; reads it again only when it has changed."""
    if not settings.policy.learn_order:
        return NOTHING_LEARNED
    engine, version = session.get_bind().engine, versions.read_version(session, MARKER)
    kept = _kept.get(engine)
    if kept is None or kept[0] != version:
        text = versions.read_text(session, MARKER)
        kept = _kept[engine] = (version, read_tallies(text))
    return kept[1]


def write_tallies(learned: Learned) -> str:
    """The tallies as they are stored."""
    return json.dumps({"all": learned.all, "signs": dict(learned.signs)}) if learned != NOTHING_LEARNED else ""


def read_tallies(text: str) -> Learned:
    """The same, read."""
    if not text:
        return NOTHING_LEARNED
    said = json.loads(text)
    return Learned(Tally(*said["all"]), {name: Tally(*counted) for name, counted in said["signs"].items()})
