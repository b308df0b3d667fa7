"""Routes of decisions: one person's action on a selection of messages, undone as a whole."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Response
from pydantic import AwareDatetime
from sqlmodel import Session

from triage import ids
from triage.actor import Actor
from triage.quarantine.decisions import decide as deciding, mailbox_sweep, outcomes, related_mail, undo as undoing
from triage.quarantine.decisions.decision_plan import Plan, plan_large
from triage.quarantine.decisions.decision_request import DecisionRequest, Effort
from triage.quarantine.decisions.outcomes import DecisionFilter, DecisionReport
from triage.quarantine.search import selection
from triage.quarantine.search.selection import ANY_PROOF, Selection
from triage.store import db, idempotency, ledger
from triage.store.models.approvals import PendingAct
from triage.text.csv_export import Cell, csv_of
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.idempotency import Key
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import OwnSettings, Staff
from triage_api.http.transaction import Read, Search, Tx, wake_after
from triage_api.routes.decisions.approvals import answer_accepted
from triage_api.schemas.decisions import approvals as approval_schemas, decisions as schemas
from triage_api.schemas.fields import GivenId, Text, Word
from triage_api.schemas.language import say_in_language
from triage_api.schemas.pagination import Cursor, Limit, id_of, next_cursor
from triage_api.schemas.vocabulary import DecisionVerb

router = resource_router("decisions")

Mine = Annotated[bool, Query(description="Only your own.")]
OfCampaign = Annotated[GivenId | None, Query(description="Only decisions about messages of this campaign.")]
OfSender = Annotated[Word, Query(description="Only decisions about messages of this author.")]
OfOutcome = Annotated[Word, Query(description="Only those that ended like this, such as `refused` or `out of reach`.")]
OfDomain = Annotated[Word, Query(description="Only decisions about messages from this domain or one below it.")]


ASKED: dict[int | str, dict[str, Any]] = {
    202: {"model": approval_schemas.PendingApproval, "description": "It needs a second person's approval."}
}


def request_of(_by: Staff, order: schemas.DecisionOrder, idempotency_key: Key = None) -> DecisionRequest:
    """Builds the decision that the order asks for."""
    return DecisionRequest(
        selected=order.select.selection(),
        verb=order.verb,
        reason=order.reason,
        to=order.to,
        template=order.template,
        text=order.text,
        look_first=order.look_first,
        rule=order.rule.order() if order.rule else None,
        block=order.block.wish() if order.block else None,
        expect=order.expect,
        fence=order.fence,
        confirm=order.confirm,
        idempotency_key=idempotency_key,
        effort=Effort(order.effort.keys, order.effort.milliseconds) if order.effort else None,
    )


Requested = Annotated[DecisionRequest, Depends(request_of)]


def plan_of(request: Requested, here: Here, by: Staff) -> Plan | None:
    """The plan of a very large decision, made before the transaction begins, so that nobody waits for the counting.

    None where it was made before: what it has done since is no reason to refuse to answer alike.
    """
    with db.read_transaction(here.engine) as session:
        if request.idempotency_key and idempotency.is_used_key(session, request.idempotency_key, by=by):
            return None
        return plan_large(session, request, by=by, now=utcnow(), settings=here.settings)


Planned = Annotated[Plan | None, Depends(plan_of)]


@router.post(
    "/decisions", status_code=201, response_model=schemas.Decision, responses=ASKED | describe_refusals(401, 403, 404, 409, 412, 413, 422)
)
def create_decision(request: Requested, planned: Planned, session: Tx, by: Staff, settings: OwnSettings) -> schemas.Decision | Response:
    """Carry out one decision for every selected delivery. 202 when a second person must approve it.

    409 when others were faster everywhere, or when a message needs a second look before it is released (type
    `urn:mailroom:second-look`) and `confirm` does not hold exactly its `names` with the `fence` of the preview; 412 when the selection
    changed. A decision over more than 1,000 deliveries is carried out in slices: `left` says how many remain.
    """
    made = deciding.decide_or_ask(session, request, by=by, now=utcnow(), settings=settings, planned=planned)
    if isinstance(made, PendingAct):
        wake_after(session)
        return answer_accepted(session, made, by)
    return answer_decision(session, made, by)


MOST_EXPORTED = 10_000  # decisions of one CSV file
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The decisions."}}
COLUMNS = ("id", "at", "by", "name", "verb", "count", "done", "reason", "undone", "result")
Who = Annotated[Word, Query(description="Only of this actor: a login, or such as `token:NAME`.")]
OfVerb = Annotated[DecisionVerb | None, Query(description="Only with this verb.")]
Since = Annotated[AwareDatetime | None, Query(description="Only from then on.")]
Until = Annotated[AwareDatetime | None, Query(description="Only before then.")]
Words = Annotated[Text, Query(description="Only those whose reason has these words, or that changed a message with all of them.")]
Format = Annotated[Literal["json", "csv"], Query(description="csv: the first 10,000 of them, in safe cells; the audit log records it.")]


@router.get("/decisions", response_model=schemas.Decisions, responses=CSV | describe_refusals(401, 422))
def list_decisions(
    session: Search,
    by: Staff,
    mine: Mine = False,
    campaign: OfCampaign = None,
    sender: OfSender = "",
    domain: OfDomain = "",
    limit: Limit = 50,
    cursor: Cursor = None,
    *,
    here: Here,
    who: Who = "",
    verb: OfVerb = None,
    since: Since = None,
    until: Until = None,
    words: Words = "",
    format: Format = "json",
) -> schemas.Decisions | Response:
    """Decisions that concern your scope, newest first."""
    before = id_of(cursor)
    chosen = DecisionFilter(who, verb or "", since, until, words)
    wanted = Selection(campaign=campaign, sender=sender, domain=domain, proof=ANY_PROOF)
    about = wanted if campaign is not None or sender or domain else None
    most = MOST_EXPORTED if format == "csv" else limit + 1
    listed = outcomes.list_decisions(session, by=by, mine=mine, about=about, wanted=chosen, limit=most, before=before)
    if format == "csv":
        with db.transaction(here.engine) as writing:
            ledger.write_act(writing, "export", "decisions", by=by, now=utcnow())
        return Response(csv_of(COLUMNS, map(decision_cells, listed)), media_type="text/csv")
    found = within_scope(session, listed, by)
    return schemas.Decisions.model_validate({"items": found[:limit], "next_cursor": next_cursor(found, limit)})


def decision_cells(one: DecisionReport) -> tuple[Cell, ...]:
    """The cells of a decision in COLUMNS."""
    undone = "yes" if one.undone_by is not None else ""
    facts = (ids.format_id(one.id), f"{one.at:%Y-%m-%dT%H:%M:%SZ}", one.by, one.by_shown, one.verb, one.count, one.done, one.reason)
    return *facts, undone, say_in_language(one.sentence)


@router.get("/decisions/{decision_id}", response_model=schemas.Decision, responses=describe_refusals(401, 404, 422))
def get_decision(decision_id: GivenId, session: Read, by: Staff, settings: OwnSettings) -> schemas.Decision:
    """Returns a decision, with the outcome of its first 500 deliveries."""
    found = outcomes.get_decision(session, decision_id, by=by)
    (seen,) = within_scope(session, [replace(found, passed_on=outcomes.list_passed_on_of(session, found, by=by, settings=settings))], by)
    return schemas.Decision.model_validate(seen)


@router.get("/decisions/{decision_id}/items", response_model=schemas.DecisionItems, responses=describe_refusals(401, 404, 422))
def list_items(
    decision_id: GivenId, session: Read, by: Staff, outcome: OfOutcome = "", limit: Limit = 50, cursor: Cursor = None
) -> schemas.DecisionItems:
    """Outcome of each delivery in your scope, by id, page after page."""
    after = id_of(cursor)
    found = outcomes.list_items(session, decision_id, by=by, outcome=outcome, limit=limit + 1, after=after)
    return schemas.DecisionItems.model_validate(
        {"items": found[:limit], "next_cursor": next_cursor(found, limit, lambda one: (one.delivery_id,))}
    )


@router.post(
    "/decisions/{decision_id}/undo",
    status_code=201,
    response_model=schemas.Decision,
    responses=describe_refusals(401, 403, 404, 409, 412, 422),
)
def undo_decision(
    decision_id: GivenId, session: Tx, by: Staff, settings: OwnSettings, order: schemas.UndoOrder | None = None
) -> schemas.Decision:
    """Undo a decision, also a colleague's when all of it is in your scope. `mine` allows only your own.

    409 when a message needs a second look before it leaves, as for a decision.
    """
    asked = order or schemas.UndoOrder()
    if asked.mine:
        undoing.require_own(session, decision_id, by)
    said: dict[str, Any] = {"reason": asked.reason, "confirm": asked.confirm, "fence": asked.fence}
    return answer_decision(session, undoing.undo_decision(session, decision_id, by=by, now=utcnow(), settings=settings, **said), by)


@router.get("/decisions/{decision_id}/related", response_model=schemas.RelatedMessages, responses=describe_refusals(401, 404, 422))
def list_related(decision_id: GivenId, session: Read, by: Staff) -> schemas.RelatedMessages:
    """Messages in the same mailboxes that only share or name the Message-ID of removed copies. They were not removed."""
    return schemas.RelatedMessages.model_validate({"items": related_mail.list_offered(session, decision_id, by=by)})


@router.post(
    "/decisions/{decision_id}/related",
    status_code=201,
    response_model=schemas.Decision,
    responses=describe_refusals(401, 403, 404, 409, 422),
)
def remove_related(decision_id: GivenId, order: schemas.TakeOrder, session: Tx, by: Staff, here: Here) -> schemas.Decision:
    """Remove these related messages from the mailboxes too: a decision of its own, which can be undone."""
    made = related_mail.take_related(session, decision_id, order.copies, by=by, reason=order.reason, now=utcnow(), settings=here.settings)
    return answer_decision(session, made, by)


@router.post("/sweeps", status_code=201, response_model=schemas.Decision, responses=describe_refusals(401, 403, 409, 422))
def create_sweep(order: schemas.SweepOrder, session: Tx, by: Staff, here: Here) -> schemas.Decision:
    """Remove a sender's messages from every mailbox, also those that never passed Mailroom. For company-wide administrators.

    The decision shows its progress (`mailboxes_left`). 409 where large removals need two people.
    """
    made = mailbox_sweep.begin_sweep(
        session, order.sender, by=by, reason=order.reason, now=utcnow(), settings=here.settings, dry_run=order.dry_run
    )
    return answer_decision(session, made, by)


def answer_decision(session: Session, made: DecisionReport, by: Actor) -> schemas.Decision:
    """A decision just made: relay and recaller learn what is due, the SMTP server which senders are blocked, and browsers that it
    changed.
    """
    wake_after(session, "relay", "recall", "door")
    (seen,) = within_scope(session, [made], by)
    return schemas.Decision.model_validate(seen)


def within_scope(session: Session, made: list[DecisionReport], by: Actor) -> list[DecisionReport]:
    """Decisions without the ids and the rows that the asker may not know of: others' decisions reach further than one's own scope."""
    named = [part for one in made for part in (one.selection, *one.selection.get("any_of", ()))]
    selected = [ids.parse_id(shown) for part in named for shown in part.get("ids", ())]
    known = frozenset(ids.format_id(one) for one in selection.known_ids(session, selected, by=by))
    several = [one.id for one in made if "any_of" in one.selection]
    seen = outcomes.decision_sources(session, several, by=by) if several else {}
    return [replace(one, selection=known_selection(one.selection, known, seen.get(one.id, frozenset()))) for one in made]


def known_selection(selected: dict[str, Any], known: frozenset[str], seen: frozenset[str]) -> dict[str, Any]:
    """A selection with those ids that are known; of several rows those with one of them, or whose sender or campaign was seen."""
    said = selected | ({"ids": [one for one in selected["ids"] if one in known]} if "ids" in selected else {})
    if "any_of" in selected:
        items = [known_selection(item, known, seen) for item in selected["any_of"]]
        said["any_of"] = [item for item in items if item.get("ids") or not seen.isdisjoint(makers_of(item))]
    return said


def makers_of(item: dict[str, Any]) -> set[str]:
    """The sender or campaign that makes a row, as `outcomes.makers` has them."""
    return {*([selection.folded_address(item["sender"])] if "sender" in item else ()), *([item["campaign"]] if "campaign" in item else ())}
