"""Second looks before an allow rule is made by itself: are messages held that it would let in, and that nobody should let in unseen?"""

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, select
from sqlmodel import Session, col

from triage import access, confirming, selection, trial
from triage.actor import Actor
from triage.authentication import Authentication
from triage.db import among
from triage.grouping import HELD
from triage.models import Delivery, Message
from triage.rule_orders import RuleOrder, checked
from triage.settings import Settings

EVER = datetime.min.replace(tzinfo=UTC)
MOST = 5000  # held messages of one sender that are read, the newest


def confirmed(
    session: Session, order: RuleOrder, confirm: Collection[str], fence: str | None, *, by: Actor, settings: Settings
) -> list[str]:
    """The names of the second look that this rule needs, all of them confirmed; else SecondLookNeeded, or Stale. BadInput for no rule."""
    where = among(session, col(Delivery.id), let_in(session, order, by=by, settings=settings))
    asked = confirming.questions(session, where)
    return confirming.check(asked, confirm, by=by, fence=fence, current=selection.fence(session, where))


def let_in(session: Session, order: RuleOrder, *, by: Actor, settings: Settings) -> list[int]:
    """The held messages that need a second look and are proven as the rule asks: of others in that name it lets nothing in."""
    if order.effect != "allow":
        return []
    order = checked(session, order, settings)
    where = and_(HELD, about(order), trial.scoped(order.scope), access.visible(by), confirming.kept_looks() != 0)
    rows = session.execute(
        select(col(Delivery.id), col(Message.authentication))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(where)
        .order_by(col(Delivery.received_at).desc())
        .limit(MOST)
    )
    as_list = order.match == "list"
    return [one for one, found in rows if Authentication.from_json(found).satisfies(order.proof, as_list=as_list)]


def about(order: RuleOrder) -> ColumnElement[bool]:
    """The deliveries of the sender that the rule is about."""
    if order.match == "list":
        named: ColumnElement[bool] = col(Message.summary)["list_id"].as_string() == order.value
        return named
    return trial.about(order, EVER)
