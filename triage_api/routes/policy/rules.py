"""Sender rules: list, make, remove."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Response
from fastapi.responses import PlainTextResponse
from sqlmodel import Session

from triage.actor import Actor
from triage.errors import BadInput, NotFound
from triage.ids import format_id
from triage.intake import explain_verdict
from triage.policy.rules import content_store, remove_rules as removing, rule_warnings, store as rules
from triage.quarantine.decisions import approvals
from triage.quarantine.removal import delivered_lately
from triage.quarantine.rules import change_ends as changing, rule_confirmation, rule_file_tests, rule_import_export, rule_notes, rule_trial
from triage.quarantine.rules.content_trial import NO_TRIALS, Trials
from triage.quarantine.rules.rule_import_export import LoadedLine
from triage.say import say
from triage.store import db, ledger
from triage.store.models.approvals import PendingAct
from triage.store.models.rules import Rule
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.routes.decisions.approvals import answer_accepted
from triage_api.schemas.decisions import approvals as approval_schemas
from triage_api.schemas.decisions.rule_trials import Offers, OffersOrder, RuleTrial
from triage_api.schemas.fields import GivenId, Word
from triage_api.schemas.pagination import Cursor, Limit, id_of, next_cursor
from triage_api.schemas.policy import rules as schemas

MOST_EXPORTED = 1_000_000
MOST_SHOWN = 500  # lines of a dry run
OfScope = Annotated[Word, Query(description="company, department:CODE or person:UID: only rules for exactly this scope.")]
OfSender = Annotated[Word, Query(description="An address or a domain: only rules that are about it or about what is above it.")]
IfMatch = Annotated[Word | None, Header(description="The ETag of the rule that you saw.")]

router = resource_router("rules")


@router.get("/rules", response_model=schemas.Rules, responses=describe_refusals(401, 422))
def list_rules(
    session: Read, by: Staff, q: Word = "", sender: OfSender = "", scope: OfScope = "", limit: Limit = 50, cursor: Cursor = None
) -> schemas.Rules:
    """Rules in force that reach into your scope, newest first."""
    before = id_of(cursor)
    found = rules.list_rules(session, utcnow(), by=by, q=q, sender=sender, scope=scope, limit=limit + 1, before=before)
    return schemas.Rules.model_validate({"items": with_clashes(session, found[:limit], by), "next_cursor": next_cursor(found, limit)})


ASKED: dict[int | str, dict[str, Any]] = {
    202: {"model": approval_schemas.PendingApproval, "description": "It needs a second person's approval."}
}


def try_ordered(order: schemas.RuleOrdered, by: Staff, here: Here) -> Trials:
    """The trial of the rule, before the transaction that makes it."""
    with db.read_transaction(here.engine) as session:
        return rule_confirmation.try_ahead(session, [order.order()], by=by, now=utcnow(), settings=here.settings)


@router.post("/rules", status_code=201, response_model=schemas.MadeRule, responses=ASKED | describe_refusals(401, 403, 409, 412, 422))
def create_rule(
    order: schemas.RuleOrdered, tried: Annotated[Trials, Depends(try_ordered)], session: Tx, by: Staff, here: Here
) -> schemas.MadeRule | Response:
    """Make a rule; 202 when a second person must approve it. An equal rule in force is returned unchanged.

    409 where an allow rule would release held messages that need a second look (`urn:mailroom:second-look`), unless exactly its `names`
    are in `confirm`, with its `fence`.

    `delivered`: recent messages of a blocked sender in mailboxes, to be removed by a decision of its own.
    """
    said: dict[str, Any] = {"confirm": order.confirm, "fence": order.fence, "tried": tried}
    made = approvals.add_rule(session, order.order(), by=by, now=utcnow(), settings=here.settings, **said)
    if isinstance(made, PendingAct):
        wake_after(session)
        return answer_accepted(session, made, by)
    wake_after(session, "door")
    lately = delivered_lately.of_rule(session, made, by=by, now=utcnow())
    shown = with_clashes(session, [made], by)[0].model_dump()
    return schemas.MadeRule.model_validate(shown | {"delivered": lately if lately.messages else None})


@router.post("/rules/preview", response_model=RuleTrial, responses=describe_refusals(401, 422))
def preview_rule(order: schemas.TriedRule, session: Read, by: Staff, here: Here) -> RuleTrial:
    """Preview of a rule: its effect in the last thirty days, why it may never work, and how it relates to other rules. Makes nothing."""
    return RuleTrial.model_validate(rule_trial.try_rule(session, order.order(), by=by, settings=here.settings, now=utcnow()))


@router.post("/rules/offers", response_model=Offers, responses=describe_refusals(401, 403, 422))
def offer_rules(order: OffersOrder, session: Read, by: Staff, here: Here) -> Offers:
    """Allow rules for the senders of these messages, the narrowest sensible first, each with its effect in the last thirty days."""
    found = rule_trial.offer_rules(session, order.select.selection(), by=by, settings=here.settings, now=utcnow())
    return Offers.model_validate({"items": found})


def try_imported(lines: schemas.RuleLines, by: Staff, here: Here) -> Trials:
    """The trials of the rules of a file, before the transaction that makes them."""
    with db.read_transaction(here.engine) as session:
        return rule_import_export.try_lines(session, lines.text, by=by, now=utcnow(), settings=here.settings)


@router.post("/rules/import", response_model=schemas.ImportResult, responses=describe_refusals(401, 403, 409, 412, 422))
def import_rules(
    lines: schemas.RuleLines, tried: Annotated[Trials, Depends(try_imported)], session: Tx, by: Staff, here: Here
) -> schemas.ImportResult:
    """Make every rule that the lines name, or none: 422 names what is wrong in which line (`lines`).

    409 where allow rules would release held messages that need a second look (`urn:mailroom:second-look`), unless exactly its `names`
    are in `confirm`, with its `fence`: once for the whole file, and `rules` says which rules ask. Rules already in force do not ask.
    """
    if lines.dry_run:
        return preview_lines(session, lines.text, tried, by, here)
    said: dict[str, Any] = {"confirm": lines.confirm, "fence": lines.fence, "tried": tried}
    loaded = rule_import_export.load_rules(session, lines.text, by=by, now=utcnow(), settings=here.settings, **said)
    offered = delivered_lately.of_rules(session, loaded.rules, by=by, now=utcnow())
    wake_after(session, "door")
    return schemas.ImportResult.model_validate(
        {"made": loaded.made, "kept": loaded.kept, "left_out": loaded.left_out, "delivered": offered}
    )


@router.post("/rules/test", response_model=schemas.RuleTests, responses=describe_refusals(401, 422))
def run_rule_tests(lines: schemas.RuleText, session: Read, by: Staff, here: Here) -> schemas.RuleTests:
    """Runs the lines `test ID expect=EFFECT rule=NAME` on stored messages, by the rules on content of the other lines.

    Nothing is changed. Lines that name a file are left out.
    """
    found = rule_file_tests.run_stored_tests(session, lines.text, by=by, now=utcnow(), settings=here.settings)
    return schemas.RuleTests.model_validate({"items": found})


@router.post("/rules/remove", response_model=schemas.RemovedRules, responses=describe_refusals(401, 403, 404, 409, 412, 422))
def remove_rules(order: schemas.RemovalOrder, session: Tx, by: Staff) -> schemas.RemovedRules:
    """Remove several rules in one step, all or none; with `dry_run` only say which. They stay in the audit log.

    409 for rules that belong to a decision about messages: `POST /rules/restore` could not restore them.
    """
    now = utcnow()
    planned = removing.plan_removal(session, order.rules, by=by, now=now)
    shown = {"count": len(planned), "rules": with_clashes(session, planned, by), "fence": removing.rules_fence(planned)}
    if not order.dry_run:
        removing.remove_planned(session, planned, fence=order.fence, by=by, now=now)
        wake_after(session, "door")
    return schemas.RemovedRules.model_validate(shown)


@router.post("/rules/ends", response_model=schemas.ChangedEnds, responses=describe_refusals(401, 403, 404, 409, 412, 422))
def change_ends(order: schemas.EndsOrder, session: Tx, by: Staff, here: Here) -> schemas.ChangedEnds:
    """Change the ends of several rules in one step, all or none; with `dry_run` only say whose.

    409 as for changing one rule, asked once for all.
    """
    now = utcnow()
    ends = [changing.RuleEnd(one.rule, one.until, one.lapse_days) for one in order.ends]
    planned = changing.lock_ends(session, [one.rule_id for one in ends], by=by, now=now, fence=order.rules_fence)
    former = changing.list_ends(planned)
    if not order.dry_run:
        said: dict[str, Any] = {"confirm": order.confirm, "fence": order.fence}
        changing.change_ends(session, planned, ends, by=by, now=now, settings=here.settings, **said)
        wake_after(session, "door")
    shown = {"count": len(planned), "rules": with_clashes(session, planned, by), "former": former}
    return schemas.ChangedEnds.model_validate(shown | {"rules_fence": removing.rules_fence(planned)})


def try_restored(order: schemas.RestoreOrder, by: Staff, here: Here) -> Trials:
    """The trials of the rules on content, before the transaction that restores them."""
    with db.read_transaction(here.engine) as session:
        return rule_confirmation.try_restored(session, order.rules, by=by, now=utcnow(), settings=here.settings)


@router.post("/rules/restore", response_model=schemas.RestoredRules, responses=describe_refusals(401, 403, 404, 409, 412, 422))
def restore_rules(
    order: schemas.RestoreOrder, tried: Annotated[Trials, Depends(try_restored)], session: Tx, by: Staff, here: Here
) -> schemas.RestoredRules:
    """Put rules that you removed in the last 24 hours back in force, all or none, with their uses and history.

    409 where somebody else removed one, and where allow rules would release held messages that need a second look
    (`urn:mailroom:second-look`), unless exactly its `names` are in `confirm`, with its `fence`.
    """
    said: dict[str, Any] = {"confirm": order.confirm, "fence": order.fence, "tried": tried}
    count = rule_confirmation.restore_rules(session, order.rules, by=by, now=utcnow(), settings=here.settings, **said)
    wake_after(session, "door")
    return schemas.RestoredRules(count=count)


def preview_lines(session: Session, text: str, tried: Trials, by: Actor, here: Here) -> schemas.ImportResult:
    """Returns what the lines would do, and what would need a confirmation. Makes nothing."""
    with session.begin_nested() as attempt:
        given: dict[str, Any] = {"by": by, "now": utcnow(), "settings": here.settings}
        loaded = rule_import_export.load_rules(session, text, **given, asks=False, tried=tried)
        lines = show_lines(session, loaded.lines[:MOST_SHOWN], by)
        attempt.rollback()
    looked = loaded.looked
    asked = {"second_look": looked.asked, "rules": looked.rules, "fence": looked.fence} if looked.asked else {}
    return schemas.ImportResult.model_validate(
        {"made": loaded.made, "kept": loaded.kept, "left_out": loaded.left_out, "lines": lines} | asked
    )


def show_lines(session: Session, lines: Sequence[LoadedLine], by: Actor) -> list[dict[str, Any]]:
    """The rule of each line, with what to know before it is made."""
    found = {rule.id: rule for rule in rules.known_to(session, [one.rule for one in lines], by=by)}
    shown = dict(zip(found, with_clashes(session, list(found.values()), by), strict=True))
    return [{"line": one.line, "is_new": one.is_new, "rule": shown[one.rule]} for one in lines if one.rule in shown]


LINES: dict[int | str, dict[str, Any]] = {200: {"content": {"application/x-ndjson": {}}, "description": "One rule a line."}}


@router.get("/rules/export", response_class=PlainTextResponse, responses=LINES | describe_refusals(401))
def export_rules(session: Tx, by: Staff) -> PlainTextResponse:
    """Exports the rules in force in your scope, one JSON object a line; `POST /rules/import` reads them back.

    The audit log records the export.
    """
    ledger.write_act(session, "export", "rules", by=by, now=utcnow())
    found = rules.list_rules(session, utcnow(), by=by, limit=MOST_EXPORTED)
    return PlainTextResponse("".join(f"{rule_import_export.write_rule_line(rule)}\n" for rule in found), media_type="application/x-ndjson")


@router.post("/rules/explain", response_model=schemas.Explanation, responses=describe_refusals(401, 404, 422))
def explain_rules(order: schemas.ExplainOrder, session: Read, by: Staff, here: Here) -> schemas.Explanation:
    """Explain which rule decides about a sender's message to somebody here, under each proof, and which others match; or why a delivery
    was decided as it was, and what today's rules would decide.
    """
    asked: dict[str, Any] = {"by": by, "settings": here.settings, "now": utcnow()}
    if order.delivery is not None:
        return schemas.Explanation.model_validate(explain_verdict.explain_delivery(session, order.delivery, **asked))
    return schemas.Explanation.model_validate(
        explain_verdict.explain_verdict(session, order.sender, order.to, list_id=order.list_id, **asked)
    )


@router.get("/rules/{rule_id}", response_model=schemas.Rule, responses=describe_refusals(401, 404, 422))
def get_rule(rule_id: GivenId, session: Read, by: Staff, response: Response) -> schemas.Rule:
    """Returns a rule; its ETag is for a change of it, and changes only when somebody changes the rule."""
    return answer_rule(session, known_rule(session, rule_id, by), by, response)


@router.get("/rules/{rule_id}/delivered", response_model=schemas.DeliveredLately, responses=describe_refusals(401, 404, 422))
def list_delivered_by_rule(rule_id: GivenId, session: Read, by: Staff) -> schemas.DeliveredLately:
    """Messages that the blocked sender or campaign had delivered in the last 14 days. Removes nothing."""
    found = delivered_lately.of_rule(session, known_rule(session, rule_id, by), by=by, now=utcnow())
    return schemas.DeliveredLately.model_validate(found)


def try_resumed(rule_id: GivenId, change: schemas.RuleChange, by: Staff, here: Here) -> Trials:
    """The trial of a rule that is resumed, before the transaction that does so."""
    if change.paused is not False:
        return NO_TRIALS
    with db.read_transaction(here.engine) as session:
        return rule_confirmation.try_resumed(session, rule_id, by=by, now=utcnow(), settings=here.settings)


@router.patch("/rules/{rule_id}", response_model=schemas.Rule, responses=describe_refusals(401, 403, 404, 409, 412, 422))
def change_rule(
    rule_id: GivenId,
    change: schemas.RuleChange,
    tried: Annotated[Trials, Depends(try_resumed)],
    session: Tx,
    by: Staff,
    here: Here,
    response: Response,
    if_match: IfMatch = None,
) -> schemas.Rule:
    """Change a rule's proof, end, note, or whether it covers risky attachments or any content. With If-Match 412 when somebody has
    changed it since.

    `paused` pauses a rule on content or resumes it, which asks what making it asks.

    409 where the company requires a second person for such a rule: make it again. 409 also where an allow rule would release more held
    messages that need a second look (`urn:mailroom:second-look`), unless exactly its `names` are in `confirm`, with its `fence`.
    """
    expected = if_match.strip().removeprefix("W/").strip('"') if if_match and if_match.strip() != "*" else None
    said: dict[str, Any] = {"expected": expected, "confirm": change.confirm, "fence": change.fence}
    if change.paused is not None:
        return answer_rule(session, pause_rule(session, rule_id, change, tried, by, here), by, response)
    changed = rule_confirmation.change_rule(session, rule_id, change.changes(), by=by, now=utcnow(), settings=here.settings, **said)
    wake_after(session, "door")
    return answer_rule(session, changed, by, response)


def pause_rule(session: Session, rule_id: int, change: schemas.RuleChange, tried: Trials, by: Actor, here: Here) -> Rule:
    """Pause a rule on content, or resume it. BadInput where something else is to be changed with it."""
    if change.changes():
        raise BadInput(say("pause or resume a rule by itself, then change it"), field="paused")
    given: dict[str, Any] = {"by": by, "now": utcnow(), "settings": here.settings}
    if change.paused:
        return content_store.pause_rule(session, rule_id, paused=True, **given)
    return rule_confirmation.resume_rule(session, rule_id, confirm=change.confirm, fence=change.fence, tried=tried, **given)


def known_rule(session: Session, rule_id: int, by: Actor) -> Rule:
    """The rule, if the actor may know of it."""
    found = rules.known_to(session, [rule_id], by=by)
    if not found:
        raise NotFound(say("there is no rule {rule_id}", rule_id=format_id(rule_id)))
    return found[0]


def answer_rule(session: Session, rule: Rule, by: Actor, response: Response) -> schemas.Rule:
    """A rule with the ETag of its version."""
    response.headers["ETag"] = f'"{rules.version_of(rule)}"'
    return with_clashes(session, [rule], by)[0]


def with_clashes(session: Session, found: list[Rule], by: Actor) -> list[schemas.Rule]:
    """Rules, each with how it stands to others."""
    clashes = rule_warnings.of_rules(session, found, utcnow(), by=by)
    notes = rule_notes.known_notes(session, found)
    return [schemas.Rule.model_validate(rule.model_dump() | {"note": notes[rule.id], "clashes": clashes[rule.id]}) for rule in found]


@router.delete("/rules/{rule_id}", status_code=204, responses=describe_refusals(401, 403, 404, 422))
def delete_rule(rule_id: GivenId, session: Tx, by: Staff) -> None:
    """Remove a rule; it stays in the audit log."""
    known_rule(session, rule_id, by)
    rules.remove_rule(session, rule_id, by=by, now=utcnow())
    wake_after(session, "door")
