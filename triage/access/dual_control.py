"""Approvals: acts that a company lets nobody do alone, and what waits for a second person."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import func, select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.access.second_factor import factor_policy
from triage.actor import Actor, Right
from triage.addressing.open_platforms import platform_of
from triage.config.settings import Settings
from triage.errors import ApprovalNeeded
from triage.ids import format_id
from triage.say import say
from triage.store import ledger
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.message_record.damaged_records import may_have_signal
from triage.store.models.approvals import PendingAct
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

LASTS = timedelta(hours=72)
DOMAIN_ALLOW, LARGE_PURGE, RISKY_RELEASE, PERSON_ERASURE = "domain-allow", "large-purge", "risky-release", "person-erasure"
HUNT, HUNT_REMOVAL = "hunt", "hunt-removal"  # kinds of requests about a hunt; the first is a reason too
HUNTS = frozenset({HUNT, HUNT_REMOVAL})
MAIL_PROGRAM = "mail-program"  # asked for by a move in a mail program; where nothing else is needed, whoever asked may confirm it
START_LIST = "start-list"  # kind of a request to allow senders of the start list
ASSIGNMENT = "assignment"  # kind of such a request to assign messages
UNCHECKED_ALLOW = "unchecked-allow"
CONTENT_RULE = "content-rule"
PLATFORM_ALLOW = "platform-allow"
REMOVE_DELIVERED = Right.REMOVE_DELIVERED.value  # who has the right of this name needs no second person for it
MOVING = frozenset({"purge", "redirect"})  # effects of rules on content that take messages away from whom they are for
WHOLE = frozenset({"domain", "subdomains"})  # matches that are about a domain
MANY = frozenset({"domain", "subdomains", "list"})  # matches that allow whoever writes there
RISKY = frozenset({"look-alike-domain", "name-of-ours", "own-domain-forged"})  # signals that somebody pretends to be one of us
WAITING, CONFIRMED, DECLINED, WITHDRAWN, LAPSED = "waiting", "confirmed", "declined", "withdrawn", "lapsed"
IN_THE_LOG = {LAPSED: "expired"}  # the name in the audit log, where it differs from the stored state
ANSWERED = {CONFIRMED: say("confirmed"), DECLINED: say("declined"), WITHDRAWN: say("withdrawn"), LAPSED: say("expired")}  # for people


class Wanted(Protocol):
    """Protocol of a rule, as far as it decides whether a second person is needed."""

    @property
    def effect(self) -> str: ...
    @property
    def match(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def scope(self) -> str: ...
    @property
    def unchecked(self) -> bool: ...


def of_rules(rules: Iterable[Wanted], settings: Settings) -> list[str]:
    """Returns the reasons why rules need approval by a second person."""
    rules = list(rules)
    allows = [one for one in rules if one.effect == "allow"]
    wide = any(is_domain_allow(one.effect, one.match, one.scope) for one in allows)
    found = {
        DOMAIN_ALLOW: wide,
        UNCHECKED_ALLOW: any(one.unchecked for one in allows),
        PLATFORM_ALLOW: any(one.match in WHOLE and platform_of(one.value, settings.policy.open_platforms) for one in allows),
        CONTENT_RULE: any(one.match == "content" and one.effect in MOVING for one in rules),
    }
    return [name for name, is_so in found.items() if is_so and name in settings.policy.approvals]


def is_domain_allow(effect: str, match: str, scope: str) -> bool:
    """Whether a rule allows whoever writes from somewhere, for the whole company."""
    return effect == "allow" and match in MANY and scope == "company"


def of_purge(meant: Sequence[tuple[int, State]], settings: Settings) -> list[str]:
    """Returns the reason why this removal needs approval: it affects more mailboxes than one person may affect."""
    return [LARGE_PURGE] if LARGE_PURGE in settings.policy.approvals and is_large_removal(meant, settings) else []


def is_large_removal(meant: Sequence[tuple[int, State]], settings: Settings) -> bool:
    """Whether a removal takes copies out of more mailboxes than `policy.approval_purge_copies`."""
    delivered = sum(state is State.DELIVERED for _, state in meant) if settings.reaches_mailboxes else 0
    return delivered > settings.policy.approval_purge_copies


def of_release(session: Session, ids: Sequence[int]) -> list[str]:
    """Returns the reason why releasing these messages needs approval: a signal says that somebody pretends to be one of us."""
    letters = select(col(Message.record)).join(Delivery, col(Delivery.message_id) == col(Message.id))
    found = session.scalars(letters.where(is_among(session, col(Delivery.id), ids)))
    return [RISKY_RELEASE] if any(may_have_signal(record, RISKY) for record in found) else []


def require_second_person(needs: Sequence[str], by: Actor, second: Actor | None, meant: Sequence[tuple[int, State]] = ()) -> None:
    """ApprovalNeeded, unless nothing needs one or another person has turned it. Mailroom's own parts need none.

    FactorNeeded first, where whoever asks has to prove their second factor again.
    """
    if needs and second is None and by.kind in confidential_folders.PEOPLE:
        factor_policy.require_proof(by)
        raise ApprovalNeeded(tuple(needs), tuple(delivery_id for delivery_id, _ in meant), fence_of(meant))


def require_proof_of_rule(effect: str, match: str, scope: str, by: Actor) -> None:
    """FactorNeeded where a rule allows a whole domain and whoever makes it has to prove their second factor again first."""
    if is_domain_allow(effect, match, scope):
        factor_policy.require_proof(by)


def fence_of(meant: Iterable[tuple[int, State]]) -> str:
    """A digest of deliveries and their states: equal fences, equal mail."""
    return hashlib.sha256("".join(f"{delivery_id} {state}\n" for delivery_id, state in sorted(meant)).encode()).hexdigest()[:24]


def ask_second_person(
    session: Session, kind: str, order: dict[str, Any], need: ApprovalNeeded, *, by: Actor, reason: str, key: str | None, now: datetime
) -> PendingAct:
    """Put an act aside for a second person."""
    asked = PendingAct(
        kind=kind,
        order=order,
        needs=list(need.needs),
        items=[format_id(one) for one in need.ids],
        fence=need.fence,
        reason=reason[:1000],
        asked_by=str(by),
        asked_by_shown=by.shown,
        asked_at=now,
        lapses_at=now + LASTS,
        idempotency_key=key,
    )
    session.add(asked)
    session.flush()
    detail = {"needs": asked.needs, "reason": asked.reason}
    ledger.write_act(session, "request-approval", approval_subject(asked), by=by, now=now, detail=detail, items=len(asked.items))
    return asked


def settle_approval(
    session: Session, asked: PendingAct, state: str, *, by: Actor, reason: str, now: datetime, result: int | None = None
) -> None:
    """Closes a request for approval with its result, in the audit log."""
    asked.state, asked.settled_by, asked.settled_by_shown, asked.settled_at = state, str(by), by.shown, now
    asked.settled_reason, asked.result_id = reason[:1000], result
    if asked.kind == PERSON_ERASURE:
        asked.order = {}  # whose data it was is not kept
    session.flush()
    detail = {"asked_by": asked.asked_by, "reason": reason[:1000]} | ({"result": format_id(result)} if result else {})
    ledger.write_act(
        session, f"approval-{IN_THE_LOG.get(state, state)}", approval_subject(asked), by=by, now=now, detail=detail, items=len(asked.items)
    )


def may_confirm_alone(asked: PendingAct, by: Actor) -> bool:
    """Whether the actor asked for this in a mail program, and nothing but their own confirmation is needed."""
    return asked.needs == [MAIL_PROGRAM] and asked.asked_by == str(by)


def approval_subject(asked: PendingAct) -> str:
    """Returns the audit log's subject for a request for approval."""
    return f"approval:{format_id(asked.id)}"


def lapse_approvals(session: Session, *, now: datetime) -> int:
    """Closes requests for approval that nobody approved in time, and returns their number."""
    late = session.scalars(select(PendingAct).where(col(PendingAct.state) == WAITING, col(PendingAct.lapses_at) <= now)).all()
    for one in late:
        settle_approval(session, one, LAPSED, by=Actor.system("approvals"), reason="nobody approved it in time", now=now)
    return len(late)


def is_within_scope(session: Session, ids: Sequence[int], by: Actor) -> bool:
    """Whether the actor sees every one of these deliveries."""
    seen = select(func.count()).select_from(Delivery).where(is_among(session, col(Delivery.id), ids), access.visible_deliveries(by))
    return session.scalar(seen) == len(ids)
