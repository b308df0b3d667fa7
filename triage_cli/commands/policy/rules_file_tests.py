"""Tests of a file of rules, and a trial of its rules on messages in files: `mailroom rules test`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from triage.errors import BadInput, FaultyLines
from triage.ids import is_like
from triage.message.authentication import Authentication
from triage.message.signals.find_signals import of_itself
from triage.message.signals.signal_context import Seen
from triage.message.summary import make_summary
from triage.policy.content_rules.match_content import ContentRules
from triage.policy.content_rules.message_content import MessageContent
from triage.text.numbers import format_count
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api
from triage_cli.client.exit_codes import DONE, REFUSED, USAGE
from triage_cli.commands.policy.rules_file import read_rules_file
from triage_cli.output.tables import say

LARGEST = 50 * 1024 * 1024  # bytes of a message
EXAMPLES = 3


@click.command("test")
@click.argument("file", type=click.File(encoding="utf-8"), metavar="FILE")
@click.option(
    "--messages", type=click.Path(exists=True, path_type=Path), metavar="PATH", help="Also try the rules on this file, mbox or folder."
)
@act_on_api
def run_rules_file(desk: Desk, file: Any, messages: Path | None) -> int:
    """Run the tests of a file of rules. Nothing is created.

    A test is a line: test fraud.eml expect=hold rule=new-account. It names a file, beside the file of rules, or the id of a message.
    """
    from triage.quarantine.rules.rule_file_tests import read_content_rules

    text, place = read_rules_file(file), Path(file.name).parent
    try:
        failed = run_file_tests(desk, text, place)
        if messages is not None:
            try_on_files(read_content_rules(text), messages)
    except FaultyLines as fault:
        return say_faults(file.name, fault)
    return REFUSED if failed else DONE


def run_file_tests(desk: Desk, text: str, place: Path) -> int:
    """Run every test of a file and say what comes of each; how many fail."""
    from triage.quarantine.rules.rule_file_tests import read_content_rules, read_tests, run_tests

    tests = read_tests(text)
    if not tests:
        return 0
    in_files = [one for one in tests if not is_like(one.sample)]
    found = [
        vars_of(one) for one in run_tests(read_content_rules(text), in_files, lambda sample: content_of_file(place / sample), utcnow())
    ]
    if len(in_files) < len(tests):
        found += desk.post("/rules/test", {"text": text})["items"]
    failed = [one for one in found if not one["passed"]]
    for one in sorted(failed, key=lambda one: one["line"]):
        say(f"line {one['line']}: {escape_visible(one['sentence'])}")
    say(f"{format_count(len(found) - len(failed), 'test')} passed, {len(failed)} failed")
    return len(failed)


def vars_of(tested: Any) -> dict[str, Any]:
    """A result as the API writes it."""
    return {"line": tested.line, "passed": tested.passed, "sentence": str(tested.sentence)}


def content_of_file(path: Path) -> MessageContent | None:
    """Parses a message from a file, None when it cannot be read. Does not check who really sent it."""
    try:
        return content_of(path.read_bytes())
    except OSError:
        return None


def content_of(raw: bytes) -> MessageContent:
    """Parses a message, with the signals that it shows of itself, as the judge reads it."""
    summary = make_summary(raw[:LARGEST])
    signals = of_itself(Seen(summary, Authentication(summary.author), utcnow()))
    return MessageContent(summary, {one.name for some in signals.values() for one in some})


def try_on_files(rules: ContentRules, path: Path) -> None:
    """Say what each rule would have done with the messages in a file, an mbox or a folder."""
    found: dict[tuple[str, str], list[str]] = {}
    count = 0
    for name, raw in read_messages(path):
        count += 1
        for match in rules.match(content_of(raw), utcnow()):
            found.setdefault((match.rule.name, match.rule.effect), []).append(name)
    for (name, effect), some in sorted(found.items()):
        say(f"{name}: {effect} {len(some)} of {count}, such as {', '.join(map(escape_visible, some[:EXAMPLES]))}")
    say(f"{format_count(count, 'message')} looked at")


def read_messages(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yields the messages of a file, an mbox or a folder, with their names."""
    from mailboxes.sources.mbox_source import find_messages

    for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if not one.is_file():
            continue
        with one.open("rb") as file:
            if file.read(5) == b"From ":
                file.seek(0)
                yield from ((f"{one.name}:{at}", raw) for at, raw, _ in find_messages(file, LARGEST, whole=True))
            else:
                file.seek(0)
                yield one.name, file.read(LARGEST)


def say_faults(name: str, fault: FaultyLines) -> int:
    """Say which lines are wrong."""
    for one in fault.faults:
        click.echo(escape_visible(f"{name}:{one.line}: {one.reason}"), err=True)
    return USAGE


def require_passing_tests(desk: Desk, text: str, name: str) -> None:
    """BadInput where a test of the file fails: then none of its rules is created."""
    if failed := run_file_tests(desk, text, Path(name).parent):
        raise BadInput(f"{format_count(failed, 'test')} of {name} failed; no rule was created")
