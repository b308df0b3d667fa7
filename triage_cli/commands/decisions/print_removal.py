"""Output of `mailroom purge --dry-run`: messages to remove, messages left alone, blocks."""

from collections.abc import Iterator
from typing import Any

from triage.text.numbers import format_count
from triage_cli.client.api_client import Desk
from triage_cli.client.exit_codes import DONE
from triage_cli.output.tables import Form, print_json, say

WHY = {
    "contact": "contact of {of}",
    "allowed": "allowed by a rule",
    "released": "messages from there were released",
    "own": "our own domain",
    "none": "no address",
    "impossible": "no rule can be about it",
    "flood": "another person signed the recipient up",
}
KINDS = (("campaign", "campaigns"), ("domain", "domains"), ("address", "addresses"))
STATES = {
    "held": "held",
    "queued": "about to leave",
    "relaying": "being delivered now",
    "restoring": "being restored now",
    "delivered": "delivered",
    "bounced": "could not be delivered",
}
TRAITS = {  # where people read another word than the API's
    "link": "link domain",
    "target": "link",
    "host": "link host",
    "file": "attachment",
    "skeleton": "layout",
    "signature": "signing domain",
    "message_id": "Message-ID shape",
}


def preview_removal(desk: Desk, select: dict[str, Any], form: Form) -> int:
    """Print what a purge of this selection would do, and do nothing."""
    found = desk.post("/selections/preview", {"select": select, "verb": "purge"})
    if form is Form.JSON:
        print_json(found)
    else:
        for line in removal_lines(found):
            say(line)
    return DONE


def removal_lines(found: dict[str, Any]) -> Iterator[str]:
    """The plan, a sentence a line."""
    plan = found["removal"]
    people, departments = format_count(found["people"], "person", "people"), format_count(found["departments"], "department")
    yield f"Would remove {format_count(found['count'], 'message')} of {people} in {departments}."
    states = [f"{count} {STATES[state]}" for state, count in found["by_state"].items() if state in STATES]
    if states:
        yield f"  {', '.join(states)}; severity {plan['severity']}."
    if found["out_of_reach"]:
        yield f"  Out of reach: {format_count(found['out_of_reach'], 'delivered message')}, see [recall] in the settings."
    yield from (f"  Out of reach: {one['sentence']}" for one in plan["passed_on"])
    for one in plan["not_included"]:
        messages, why = format_count(one["count"], "message"), why_left_alone(one)
        yield f"Not included: {messages} from {one['sender']}: {why}. --include-known includes them."
    if plan["related"]["count"]:
        same = ", ".join(TRAITS.get(kind, kind) for kind in plan["related"]["by_kind"])
        yield f"Related and left alone: {format_count(plan['related']['count'], 'message')} (same {same})."
    yield from block_lines(plan)


def block_lines(plan: dict[str, Any]) -> Iterator[str]:
    """Yields lines about what --block would block, and what it would leave alone and why."""
    kinds = plan["blocked"]
    if not plan["scopes"] or not any(kinds.values()):
        yield "--block would block nothing."
    else:
        named = [format_count(kinds[kind], kind, several) for kind, several in KINDS if kinds[kind]]
        yield f"--block would block {', '.join(named)} for {', '.join(plan['scopes'])}: held for {plan['hold_hours']} hours, then refused."
        yield f"  Other messages of the last 30 days that this would have stopped: {plan['would_have_stopped']}."
    for one in plan["blocks"]:
        if not one["ticked"]:
            released = format_count(one["released"], "message")
            yield f"  Not selected: {one['value']}: staff released {released}. --also {one['value']} blocks it anyway."
    for one in plan["not_blocked"]:
        nobody = f"senders of a mail bomb ({format_count(one['count'], 'message')})" if one["why"] == "flood" else "no address"
        yield f"  Not blocked: {one['value'] or nobody}: {why_left_alone(one)}."
    if plan["late_hours"]:
        yield f"Without --block late copies are removed for {plan['late_hours']} hours."


def why_left_alone(one: dict[str, Any]) -> str:
    """Returns the reason why a sender is not blocked."""
    return WHY[one["why"]].format(of=one["of"])
