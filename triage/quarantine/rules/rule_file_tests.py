"""Tests that a file of rules brings along: which effect a message is expected to have by the file's rules on content."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput, FaultyLines
from triage.ids import is_like, parse_id
from triage.policy.content_rules.conditions import check_conditions
from triage.policy.content_rules.match_content import ContentRule, ContentRules
from triage.policy.content_rules.message_content import MessageContent
from triage.policy.rules.rule_request import CONTENT, CONTENT_EFFECTS
from triage.quarantine.rules.content_trial import MESSAGE_COLUMNS, content_of_message
from triage.quarantine.rules.rule_import_export import Fault, is_test_line, order_of, rule_lines
from triage.say import error_sentence, join_parts, list_with_or, say
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

NOTHING = "none"
EXPECTED = (*CONTENT_EFFECTS, NOTHING)


@dataclass(frozen=True, slots=True)
class RuleTest:
    """A line `test SAMPLE expect=EFFECT [rule=NAME]`."""

    line: int
    sample: str  # the id of a message or a delivery, or a file
    expect: str  # hold, purge, redirect, mark, none
    rule: str = ""  # that has to have this effect


@dataclass(frozen=True, slots=True)
class Tested:
    """Result of a test."""

    line: int
    passed: bool
    sentence: str


def read_tests(text: str) -> list[RuleTest]:
    """The tests of a file. FaultyLines where one of them is none."""
    tests: list[RuleTest] = []
    faults: list[Fault] = []
    for number, line in enumerate(text.splitlines(), 1):
        if is_test_line(line):
            try:
                tests.append(read_test(number, line))
            except BadInput as fault:
                faults.append(Fault(number, error_sentence(fault)))
    if faults:
        raise FaultyLines(tuple(faults), 0)
    return tests


def read_test(number: int, line: str) -> RuleTest:
    """Parses a test; BadInput says what is wrong."""
    try:
        _, *words = shlex.split(line, comments=True)
    except ValueError as fault:
        raise BadInput(say("a quote is not closed: {fault}", fault=fault)) from fault
    given = dict(word.partition("=")[::2] for word in words[1:])
    if not words or set(given) - {"expect", "rule"} or given.get("expect") not in EXPECTED:
        raise BadInput(
            say(
                "a test names a message and what is expected: {example}, where the effect is {effects}",
                example="test fraud.eml expect=hold rule=new-account",
                effects=list_with_or(EXPECTED),
            )
        )
    return RuleTest(number, words[0], given["expect"], given.get("rule", ""))


def read_content_rules(text: str) -> ContentRules:
    """The rules on content of a file. BadInput or FaultyLines where one of its lines is wrong."""
    return ContentRules(content_rules_of(text))


def content_rules_of(text: str) -> Iterator[ContentRule]:
    """The same, one by one."""
    for number, line in rule_lines(text):
        try:
            order = order_of(line)
            if order.match == CONTENT and not order.paused:
                conditions = check_conditions(dict(order.conditions))
                yield ContentRule(number, order.value.casefold(), order.effect, conditions, order.scope)
        except BadInput as fault:
            raise FaultyLines((Fault(number, error_sentence(fault)),), 0) from fault


def run_tests(
    rules: ContentRules, tests: Iterable[RuleTest], content_of: Callable[[str], MessageContent | None], now: datetime
) -> list[Tested]:
    """Runs tests of a rule file. `content_of`: the content of a sample, None where there is none."""
    return [run_test(rules, one, content_of(one.sample), now) for one in tests]


def run_test(rules: ContentRules, test: RuleTest, content: MessageContent | None, now: datetime) -> Tested:
    """Runs one test of a rule file: a purge goes before every other effect."""
    if content is None:
        return Tested(test.line, False, say("there is no such message here"))
    found = [(match.rule.effect, match.rule.name) for match in rules.match(content, now)]
    names = [name for effect, name in found if effect == test.expect]
    outdone = test.expect != "purge" and any(effect == "purge" for effect, _ in found)
    passed = not found if test.expect == NOTHING else bool(names) and not outdone and (not test.rule or test.rule in names)
    return Tested(test.line, passed, say_outcome(test, found))


def say_outcome(test: RuleTest, found: Sequence[tuple[str, str]]) -> str:
    """Says what was expected and what was found, for a person to read."""
    got = join_parts(", ", (f"{effect} ({name})" for effect, name in found)) if found else NOTHING
    wanted = f"{test.expect} ({test.rule})" if test.rule else test.expect
    return say("{sample}: expected {wanted}, found {got}", sample=test.sample[:200], wanted=wanted, got=got)


def run_stored_tests(session: Session, text: str, *, by: Actor, now: datetime, settings: Settings) -> list[Tested]:
    """Runs those tests of a file that name stored messages, as far as the actor may see these. Tests of sample files are left to the
    caller.
    """
    stored = [test for test in read_tests(text) if is_like(test.sample)]
    return run_tests(read_content_rules(text), stored, lambda sample: stored_content(session, sample, by=by, settings=settings), now)


def stored_content(session: Session, sample: str, *, by: Actor, settings: Settings) -> MessageContent | None:
    """Returns the content of a message by its id or that of a delivery; None outside the actor's scope."""
    number = parse_id(sample)
    named = or_(col(Delivery.id) == number, col(Delivery.message_id) == number)
    row = session.execute(
        select(*MESSAGE_COLUMNS, col(Message.text))
        .join(Delivery, col(Delivery.message_id) == col(Message.id))
        .where(named, access.visible_deliveries(by))
        .limit(1)
    ).first()
    return content_of_message(session, row, settings) if row is not None else None
