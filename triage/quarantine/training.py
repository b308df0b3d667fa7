"""Training on messages whose answer is known, generated or decided before, with scores. Reads messages and changes none."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Row, and_, case, func, select
from sqlmodel import Session, col

from triage import ids
from triage.access import scope as access
from triage.actor import Actor, Role
from triage.errors import BadInput, NotFound
from triage.message.authentication import Authentication, proof_sentence
from triage.message.summary import Summary
from triage.quarantine.training_messages import ANSWERS, RELEASE_IT, REMOVE_IT, Deck, TrainingMessage, training_message_fields
from triage.say import format_day, quote_text, say
from triage.store import bodies, confidential_rows, db
from triage.store.delivery_state import FOR_ASSISTANT
from triage.store.models.columns import Instant
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content, Message
from triage.store.models.staff import TrainingAnswer

TAUGHT = {"release": RELEASE_IT, "purge": REMOVE_IT}  # decisions that say what is right
LOOKED_THROUGH = 400  # of the newest decisions
LONGEST_AGO = timedelta(days=365)
HAND = 10  # training messages
UNTELLING = frozenset({"first-contact"})  # signals that every stranger has


@dataclass(frozen=True, slots=True)
class Result:
    """Result of an answer."""

    right: bool
    answer: str  # the right one
    clues: tuple[str, ...]
    counted: bool  # False: it was answered before, and only the first answer counts


@dataclass(frozen=True, slots=True)
class Score:
    """Score of a trainee, by the first answer to each message."""

    login: str
    answered: int
    right: int
    bad_released: int  # harmful messages released: the dangerous mistake
    good_removed: int  # harmless messages removed
    last_at: datetime


def deal_messages(
    session: Session, deck: Deck, *, by: Actor, now: datetime, limit: int = HAND, seed: int | None = None
) -> list[TrainingMessage]:
    """Training messages that this person has not answered yet, half of them past ones where there are enough; in no order."""
    chance = random.Random(seed)
    answered = set(session.scalars(select(col(TrainingAnswer.message)).where(col(TrainingAnswer.login) == by.name)))
    made = [one for one in deck() if one.case not in answered]
    rows = [row for row in past_rows(session, by, now) if ids.format_id(row.id) not in answered]
    drawn = (row for row in chance.sample(rows, len(rows)) if not session.get_one(Message, row.message_id).record.fault)
    past = [training_message_of(session, row) for row in islice(drawn, max(limit // 2, limit - len(made)))]
    hand = past + chance.sample(made, min(len(made), limit - len(past)))
    chance.shuffle(hand)
    return hand


def get_training_message(session: Session, deck: Deck, case: str, *, by: Actor, now: datetime) -> TrainingMessage:
    """Returns a training message. NotFound when there is none, or when it is a past message outside the actor's scope or confidential."""
    found = next((one for one in deck() if one.case == case), None)
    if found is not None:
        return found
    try:
        delivery_id = ids.parse_id(case)
    except ValueError as fault:
        raise NotFound(say("there is no training message {case}", case=case[:40])) from fault
    row = next(iter(past_rows(session, by, now, delivery_id)), None)
    if row is None:
        raise NotFound(say("there is no training message {case}", case=case))
    return training_message_of(session, row)


def answer_training_message(session: Session, deck: Deck, case: str, given: str, *, by: Actor, now: datetime) -> Result:
    """Says what should become of a training message. Nothing becomes of it; the first answer to each counts."""
    if given not in ANSWERS:
        raise BadInput(
            say("{release} or {remove}, not {given}", release=RELEASE_IT, remove=REMOVE_IT, given=quote_text(given)), field="answer"
        )
    about = get_training_message(session, deck, case, by=by, now=now)
    known = select(col(TrainingAnswer.message)).where(col(TrainingAnswer.login) == by.name, col(TrainingAnswer.message) == case)
    counted = session.scalar(known) is None
    if counted:
        values = {"login": by.name, "message": case, "at": now, "expected": about.answer, "given": given}
        db.insert_if_missing(session, TrainingAnswer, **values)
    return Result(given == about.answer, about.answer, about.clues, counted)


def list_scores(session: Session, *, by: Actor) -> list[Score]:
    """Lists the actor's score; for administrators of the whole company all scores, the best first."""
    right = case((col(TrainingAnswer.given) == col(TrainingAnswer.expected), 1), else_=0)
    wrong = col(TrainingAnswer.given) != col(TrainingAnswer.expected)
    bad = case((and_(wrong, col(TrainingAnswer.given) == RELEASE_IT), 1), else_=0)
    good = case((and_(wrong, col(TrainingAnswer.given) == REMOVE_IT), 1), else_=0)
    last = func.max(col(TrainingAnswer.at), type_=Instant)
    counted = select(col(TrainingAnswer.login), func.count(), func.sum(right), func.sum(bad), func.sum(good), last)
    if not (by.role is Role.ADMIN and by.scope.company):
        counted = counted.where(col(TrainingAnswer.login) == by.name)
    rows = session.execute(counted.group_by(col(TrainingAnswer.login)))
    found = [Score(login, count, int(right), int(bad), int(good), at) for login, count, right, bad, good, at in rows]
    return sorted(found, key=lambda one: (-one.right / one.answered, -one.answered, one.login))


def past_rows(session: Session, by: Actor, now: datetime, delivery_id: int | None = None) -> Sequence[Row[Any]]:
    """Mail in the actor's scope whose last decision released or purged it, under no seal, with its content; the newest first."""
    where = [
        access.real_deliveries(by),
        ~confidential_rows.is_confidential(),
        col(Decision.verb).in_(TAUGHT),
        col(Delivery.rule) != FOR_ASSISTANT,
        col(Decision.at) >= now - LONGEST_AGO,
        col(Content.zstd).is_not(None),
    ]
    if delivery_id is not None:
        where.append(col(Delivery.id) == delivery_id)
    columns = (col(Delivery.id), col(Delivery.recipient), col(Delivery.message_id))
    said = (col(Decision.verb), col(Decision.by_shown), col(Decision.at), col(Decision.reason))
    found = (
        select(*columns, *said)
        .join(Decision, col(Decision.id) == col(Delivery.decision_id))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .join(Content, col(Content.id) == col(Message.content_id))
        .where(*where)
        .order_by(col(Decision.id).desc())
        .limit(LOOKED_THROUGH)
    )
    return session.execute(found).all()


def training_message_of(session: Session, row: Row[Any]) -> TrainingMessage:
    """Makes a training message of a past one."""
    message = session.get_one(Message, row.message_id)
    summary = Summary.from_json(message.summary)
    found = Authentication.from_json(message.authentication)
    did = say(
        "{name} released it on {day}" if row.verb == "release" else "{name} removed it on {day}", name=row.by_shown, day=format_day(row.at)
    )
    said = say("{did}: {reason}", did=did, reason=row.reason) if row.reason else say("{did}.", did=did)
    telling = (one["sentence"] for one in message.signals if one["name"] not in UNTELLING)
    shown = training_message_fields(summary) | {"text": message.text}
    return TrainingMessage(
        case=ids.format_id(row.id),
        message_id=row.message_id,
        recipient=row.recipient,
        proof=proof_sentence(found),
        raw=bodies.load_body(session, message.content_id),
        answer=TAUGHT[row.verb],
        clues=(*telling, said),
        **shown,
    )
