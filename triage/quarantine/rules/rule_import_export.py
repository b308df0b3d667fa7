"""Rules as lines of a file: written for keeping, and read back whole or not at all, with the number of each line that is wrong."""

import difflib
import json
import shlex
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session

from triage.access import dual_control, scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput, FaultyLines, NotAllowed
from triage.ids import new_id
from triage.policy.content_rules.conditions import NAMES as CONDITIONS, Conditions
from triage.policy.rules import content_store, store as rules
from triage.policy.rules.rule_request import CLAIMED, CONTENT, RuleOrder, check_order
from triage.policy.rules.rule_subject import match_of, word_of
from triage.quarantine.rules import rule_confirmation
from triage.quarantine.rules.content_trial import NO_TRIALS, Trials
from triage.quarantine.rules.rule_confirmation import AskedQuestions
from triage.say import clean_params, error_sentence, quote_text, say
from triage.store.models.rules import Rule
from triage.text.sanitize import escape_visible

KEYS = (
    "effect",
    "sender",
    "recipient",
    "to",
    "scope",
    "proof",
    "until",
    "lapse_days",
    "risky",
    "unchecked",
    "encrypted",
    "unproven_only",
    "unsigned_only",
    "note",
    "paused",
    "conditions",
)
READ_ONLY = frozenset({"id", "author", "origin", "created_at", "used", "first_used_at", "last_used_at"})  # written, and not read back
FLAGS = frozenset({"risky", "unchecked", "encrypted", "unproven_only", "unsigned_only", "paused"})
MOST_FAULTS = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that is no rule, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class LoadedLine:
    """Rule that a line names, and whether it was made now."""

    line: int
    rule: int  # id
    is_new: bool


@dataclass(frozen=True, slots=True)
class Loaded:
    """Result of loading a file of rules."""

    made: int
    kept: int  # rules that were there already
    rules: tuple[int, ...] = ()  # ids of those that were made
    looked: AskedQuestions = field(default_factory=AskedQuestions)  # what had to be confirmed, or has to be
    left_out: tuple[Fault, ...] = ()  # lines whose rules on content need a second person
    lines: tuple[LoadedLine, ...] = ()


def write_rule_line(rule: Rule) -> str:
    """A rule as one line of JSON, which `load_rules` reads back."""
    values = {name: getattr(rule, name) for name in (*KEYS, "author", "origin", "used") if name not in ("sender", "to", "paused")}
    plain = values | {"sender": word_of(rule.match, rule.value), "to": rule.target, "until": rule.until.isoformat() if rule.until else None}
    plain["paused"] = rule.paused_at is not None
    told = {name: plain[name] for name in (*KEYS, "author", "origin", "used") if plain[name] not in ("", None, False, 0, {})}
    return json.dumps(told).replace("\x7f", "\\u007f")


def load_rules(
    session: Session,
    text: str,
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    confirm: Collection[str] = (),
    fence: str | None = None,
    asks: bool = True,
    tried: Trials = NO_TRIALS,
) -> Loaded:
    """Make every rule that the lines name. FaultyLines, and nothing is made, when one of them is wrong.

    A line is a rule as `write_rule_line` has it, or in words: `allow .supplier.example scope=department:it proof=aligned note="from Ana"`.
    Empty lines and those that begin with # say nothing. Where the company wants two keys for a rule it is not for a file;
    a rule on content of that kind is left out and named, unless it is in force.
    SecondLookNeeded as for a rule by itself, once for all of them; rules that are in force already do not ask, and nobody is asked where
    `asks` is false: what would be asked is told.
    """
    access.may_make_rules(by)
    numbered, left_out = split_orders(session, orders_of(session, text, by, settings), settings, now)
    orders = [order for _, order in numbered]
    of_content = rule_confirmation.collect_content_questions(session, orders, by=by, now=now, settings=settings, tried=tried)
    looked = rule_confirmation.join_questions(rule_confirmation.collect_new_questions(session, orders, by=by, now=now), of_content)
    if asks:
        looked.confirmed(confirm, fence, by=by)
    newer_than = new_id()
    common: dict[str, Any] = {"by": by, "now": now, "settings": settings, "origin": rules.IMPORTED}
    confirmed = looked.names_of
    by_line = [(number, make_rule(session, order, **common, confirmed=confirmed.get(order, ()))) for number, order in numbered]
    lines = tuple(LoadedLine(number, rule_id, rule_id > newer_than) for number, rule_id in by_line)
    made = {rule_id for _, rule_id in by_line}
    fresh = tuple(rule_id for rule_id in made if rule_id > newer_than)
    return Loaded(len(fresh), len(made) - len(fresh), fresh, looked, left_out, lines)


def try_lines(session: Session, text: str, *, by: Actor, now: datetime, settings: Settings) -> Trials:
    """The trials of the rules on content that the lines name, as `rule_confirmation.try_ahead` makes them."""
    return rule_confirmation.try_ahead(session, readable_orders(text), by=by, now=now, settings=settings)


def readable_orders(text: str) -> Iterator[RuleOrder]:
    """The rules of a file without the lines that are none."""
    for _, line in rule_lines(text):
        with suppress(BadInput):
            yield order_of(line)


def orders_of(session: Session, text: str, by: Actor, settings: Settings) -> list[tuple[int, RuleOrder]]:
    """The rules that the lines name, with their numbers; FaultyLines when one of them is wrong."""
    orders: list[tuple[int, RuleOrder]] = []
    faults: list[Fault] = []
    for number, line in rule_lines(text):
        try:
            orders.append((number, check_acceptable(session, order_of(line), by, settings)))
        except (BadInput, NotAllowed) as fault:
            faults.append(Fault(number, clean_params(error_sentence(fault), escape_visible)))
    if faults:
        raise FaultyLines(tuple(faults[:MOST_FAULTS]), len(faults[MOST_FAULTS:]))
    return orders


def rule_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that name a rule, with their numbers: no comments, no tests (`rule_file_tests`)."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#") and not is_test_line(line):
            yield number, line


def is_test_line(line: str) -> bool:
    """Whether the line tests the rules of the file."""
    return line.split(maxsplit=1)[:1] == ["test"]


def check_acceptable(session: Session, order: RuleOrder, by: Actor, settings: Settings) -> RuleOrder:
    """The order, if this actor may make such a rule alone."""
    access.may_make_rule(session, by, order.scope)
    order = check_order(session, order, settings)
    dual_control.require_proof_of_rule(order.effect, order.match, order.scope, by)
    if order.match != CONTENT and (needs := dual_control.of_rules([order], settings)):
        raise BadInput(
            say("this needs approval ({names}): create this rule alone, with `mailroom allow` or in the console", names=", ".join(needs))
        )
    return order


def say_left_out(needs: Sequence[str]) -> str:
    """Says that a second person has to approve a rule on content, and how it is made."""
    return say(
        "left out, this needs approval ({names}): create this rule alone, with `mailroom rules content` or in the console",
        names=", ".join(needs),
    )


def make_rule(session: Session, order: RuleOrder, *, confirmed: Sequence[str], **common: Any) -> int:
    """The id of the rule that an order makes, or of the one on content in force that says the same: nobody approves that again."""
    same = content_store.find_same(session, order, common["now"]) if order.match == CONTENT else None
    return same.id if same is not None else rules.add_rule(session, order, confirmed=confirmed, **common).id


def split_orders(
    session: Session, orders: Sequence[tuple[int, RuleOrder]], settings: Settings, now: datetime
) -> tuple[list[tuple[int, RuleOrder]], tuple[Fault, ...]]:
    """The orders that a file makes or finds in force with their lines, and the lines that a second person has to approve."""
    taken: list[tuple[int, RuleOrder]] = []
    left_out: list[Fault] = []
    for number, order in orders:
        needs = dual_control.of_rules([order], settings) if order.match == CONTENT else []
        if needs and content_store.find_same(session, order, now) is None:
            left_out.append(Fault(number, say_left_out(needs)))
        else:
            taken.append((number, order))
    return taken, tuple(left_out)


def order_of(line: str) -> RuleOrder:
    """The rule that one line names; BadInput says what is wrong."""
    values = from_json(line) if line.lstrip().startswith("{") else from_words(line)
    unknown = next((name for name in values if name not in KEYS and name not in READ_ONLY), None)
    if unknown is not None:
        close = difflib.get_close_matches(unknown, [*KEYS, *CONDITIONS], 1)
        if close:
            raise BadInput(
                say("there is no {unknown}; did you mean {close}?", unknown=quote_text(unknown[:40]), close=quote_text(close[0]))
            )
        raise BadInput(say("there is no {unknown}; there are {names}", unknown=quote_text(unknown[:40]), names=", ".join(KEYS)))
    missing = next((name for name in ("effect", "sender") if not values.get(name)), None)
    if missing:
        raise BadInput(say("{missing} is missing", missing=missing))
    claims = (text_of(values, "effect"), text_of(values, "proof")) == ("block", CLAIMED)
    if text_of(values, "effect") in ("block", "redirect", "hold") and text_of(values, "proof") and not claims:
        raise BadInput(say("only an allow rule takes one; leave it out of a {effect} rule", effect=values["effect"]), field="proof")
    match, value = match_of(text_of(values, "sender"))
    return RuleOrder(
        effect=text_of(values, "effect"),
        match=match,
        value=value,
        scope=text_of(values, "scope") or "company",
        proof=text_of(values, "proof"),
        until=instant_of(values),
        note=text_of(values, "note"),
        risky=bool(values.get("risky")),
        unchecked=bool(values.get("unchecked")),
        encrypted=bool(values.get("encrypted")),
        unproven_only=bool(values.get("unproven_only")),
        unsigned_only=bool(values.get("unsigned_only")),
        lapse_days=days_of(values),
        recipient=text_of(values, "recipient"),
        to=text_of(values, "to"),
        conditions=conditions_of(values),
        paused=bool(values.get("paused")),
    )


def from_json(line: str) -> dict[str, Any]:
    """The values of a line of JSON."""
    try:
        values = json.loads(line)
    except RecursionError as fault:
        raise BadInput(say("this is not the JSON of a rule: it is nested too deeply")) from fault
    except ValueError as fault:
        raise BadInput(say("this is not JSON: {fault}", fault=fault)) from fault
    if not isinstance(values, dict):
        raise BadInput(say("this is not a JSON object"))
    odd = next((name for name in FLAGS if not isinstance(values.get(name, False), bool)), None)
    if odd:
        raise BadInput(say("true or false, not {value}", value=quote_text(values[odd])), field=odd)
    return values


def from_words(line: str) -> dict[str, Any]:
    """The values of a line in words: effect, sender, then name=value or a flag."""
    try:
        first, *others = shlex.split(line, comments=True)
    except ValueError as fault:
        raise BadInput(say("a quote is not closed: {fault}", fault=fault)) from fault
    values: dict[str, Any] = {"effect": first, "sender": others[0] if others else ""}
    for word in others[1:]:
        name, equals, value = word.partition("=")
        if equals and name in CONDITIONS:
            values.setdefault("conditions", {})[name] = value.split(",")
            continue
        if not equals and name not in FLAGS:
            raise BadInput(
                say(
                    '{word} is not name=value; after the sender, write for example scope=department:it or note="why"',
                    word=quote_text(word[:40]),
                )
            )
        values["lapse_days" if name == "lapse" else name] = value if equals else True
    for flag in FLAGS & values.keys():
        if values[flag] not in (True, "true", "false"):
            raise BadInput(say("true or false, not {value}", value=quote_text(values[flag])), field=flag)
        values[flag] = values[flag] in (True, "true")
    return values


def text_of(values: dict[str, Any], name: str) -> str:
    """A value that is text."""
    value = values.get(name) or ""
    if not isinstance(value, str) or "\0" in value:
        raise BadInput(say("text, not {value}", value=quote_text(value)), field=name)
    return value


def instant_of(values: dict[str, Any]) -> datetime | None:
    """Returns when the rule expires; UTC unless the text says otherwise."""
    text = text_of(values, "until")
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError as fault:
        raise BadInput(
            say("{text} is not a date; write for example 2026-11-24 or 2026-11-24T09:30+01:00", text=quote_text(text[:40])), field="until"
        ) from fault
    return moment.replace(tzinfo=UTC) if moment and not moment.tzinfo else moment


def conditions_of(values: dict[str, Any]) -> Conditions:
    """The conditions of a rule on content, not checked yet."""
    given = values.get("conditions") or {}
    if not isinstance(given, dict) or not all(
        isinstance(some, list) and all(isinstance(one, str) and "\0" not in one for one in some) for some in given.values()
    ):
        raise BadInput(say("an object of lists of text, not {value}", value=quote_text(str(given)[:80])), field="conditions")
    return tuple((name, tuple(some)) for name, some in given.items())


def days_of(values: dict[str, Any]) -> int:
    """Returns after how many days without a message the rule lapses."""
    given = str(values.get("lapse_days") or 0)
    if not given.isdigit():
        raise BadInput(say("a number of days, not {given}", given=quote_text(given[:40])), field="lapse_days")
    return int(given)
