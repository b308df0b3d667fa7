"""Removes from mailboxes messages that only share a removed message's Message-ID: staff choose each one, and each gets an audit entry."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from triage.access import scope as access
from triage.access.dual_control import LARGE_PURGE
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery.recall import related_messages
from triage.errors import BadInput, NotAllowedNow, NotFound
from triage.ids import format_id
from triage.quarantine.decisions import outcomes
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.removal.second_person import may_alone
from triage.say import say
from triage.store import ledger
from triage.store.models.mailboxes import RelatedMail, SweptMailbox

VERB = "take"
MOST = 500  # messages of one decision


def list_offered(session: Session, decision_id: int, *, by: Actor) -> list[RelatedMail]:
    """Related messages seen beside removed copies. NotFound when the decision does not concern the actor."""
    outcomes.get_decision(session, decision_id, by=by)
    return related_messages.list_related(session, decision_id, by=by)


def take_related(
    session: Session, decision_id: int, chosen: Sequence[int], *, by: Actor, reason: str, now: datetime, settings: Settings
) -> DecisionReport:
    """Decide that these go too; the recaller carries it out, and an undo puts them back.

    NotFound when one of them was not seen there, NotAllowedNow when one is taken already or came through Mailroom, without a way
    into the mailboxes, or where as many need a second person.
    """
    access.may_decide(by)
    wanted = rows_of(session, decision_id, chosen, by)
    if not settings.reaches_mailboxes:
        raise NotAllowedNow(say("Mailroom has no access to mailboxes: ask an administrator of the server to set it up"))
    policy = settings.policy
    if LARGE_PURGE in policy.approvals and len(wanted) > policy.approval_purge_copies:
        raise NotAllowedNow(
            say(
                "more than {approval_purge_copies} messages at once need approval here: select fewer",
                approval_purge_copies=policy.approval_purge_copies,
            )
        )
    many = len({row.mailbox for row in wanted}) > policy.approval_mailboxes
    if many and not may_alone(by, settings):
        raise NotAllowedNow(
            say(
                "messages of more than {approval_mailboxes} mailboxes at once need the right remove-delivered: select fewer",
                approval_mailboxes=policy.approval_mailboxes,
            )
        )
    selection = {"related_to": format_id(decision_id), "copies": [format_id(row.id) for row in wanted]}
    decision = outcomes.decision_of(by, VERB, selection, reason, now, count=len(wanted))
    session.add(decision)
    session.flush()
    related_messages.promise_rows(session, wanted, decision.id)
    mailboxes = sorted({row.mailbox for row in wanted})
    session.add_all(SweptMailbox(decision_id=decision.id, mailbox=mailbox, due_at=now, begun_at=now) for mailbox in mailboxes)
    detail = {"reason": decision.reason, "related_to": format_id(decision_id), "mailboxes": mailboxes}
    ledger.write_act(session, VERB, f"decision:{format_id(decision.id)}", by=by, now=now, detail=detail, items=len(wanted))
    return outcomes.get_decision(session, decision.id, by=by)


def rows_of(session: Session, decision_id: int, chosen: Sequence[int], by: Actor) -> list[RelatedMail]:
    """Rows of the chosen messages, if all of them may be removed."""
    if not 0 < len(set(chosen)) <= MOST:
        raise BadInput(say("name the messages to remove, at most {most} at once", most=MOST))
    seen = {row.id: row for row in list_offered(session, decision_id, by=by)}
    if unknown := [one for one in chosen if one not in seen]:
        raise NotFound(
            say(
                "decision {decision_id} has no related message {unknown}", unknown=format_id(unknown[0]), decision_id=format_id(decision_id)
            )
        )
    rows = [seen[one] for one in dict.fromkeys(chosen)]
    session.flush()
    for row in rows:
        session.refresh(row, with_for_update=True)
        if row.claimed_by is not None:
            raise NotAllowedNow(say("decision {decision} already removed {id}", id=format_id(row.id), decision=format_id(row.claimed_by)))
        if row.ours:
            raise NotAllowedNow(say("{id} came through Mailroom: find it there and purge it", id=format_id(row.id)))
    return rows
