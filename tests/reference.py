"""The reference of metrics, log events and what the doctor looks at, made of the code, so that it cannot drift.

`python -m tests.reference` writes PAGES in docs/reference/ again; a test holds them.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.metrics_core import Metric

from tests.libraries import library_table
from triage.notifications.security_events import EVENTS as SECURITY_EVENTS
from triage.reports.gauges import Gauges
from triage.runtime import metrics as runtime_metrics
from triage.runtime.disk_space import Room
from triage.runtime.spool_stats import Backlog
from triage.times import utcnow
from triage_api.routes.operations.metrics import machine_families, record_families, spool_families
from triage_cli.doctor.doctor_command import CHECKS
from triage_cli.services.log_format import VALUES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs" / "reference"
ROOMS = ("mta", "mail_auth", "mailboxes", "directory_sync", "identity", "webhooks", "triage_api", "triage_cli", "triage")
LEVELS = ("debug", "info", "warning", "error", "exception", "critical", "log")
METRICS = """# Metrics

For administrators who write alerts or dashboards: every metric of `/metrics`, which each node's api role serves for Prometheus
([monitoring](../how-to/monitoring.md)). The page is generated (`make reference`).

## Counters
Counters survive a restart. Each name ends in `_total`.

| metric | labels | what |
|---|---|---|
"""
HISTOGRAMS = """
## Histograms
In seconds. Each name has the suffixes `_bucket`, `_sum` and `_count`.

| metric | labels | what | buckets |
|---|---|---|---|
"""
GAUGES = """
## Gauges
Current values, from the database and from this machine's spool, disks and SMTP servers.

| metric | labels | what |
|---|---|---|
"""
EVENTS = """# Log events

For administrators who filter logs: every line that the roles write ([monitoring](../how-to/monitoring.md)). The page is generated
(`make reference`). *‹name›* marks a value that is also a field of its own in `[logs] format = "json"`. The sign … marks a value that is in
the sentence only. The level `exception` is an error with its stack trace.

Sentences may change from version to version; the names of values do not. Filter by `logger`, `level` and values.

| value | meaning |
|---|---|
"""
DOCTOR = """# Checks of the doctor

For administrators: every check of `mailroom doctor`, in the order in which it runs them. The command changes nothing, and sends no message
but a canary that you ask for (`--canary ADDRESS`). Right after `mailroom serve` it waits until the roles answer. Each finding is `ok`,
`warn` (works now, will fail one day) or `fail`, with what was found and what to do. The exit code is 1 when a check fails. `--json` is for
monitors ([monitoring](../how-to/monitoring.md)). The page is generated (`make reference`).

| subject | what is checked |
|---|---|
"""
SIEM = """# Security events

For administrators who write rules for a SIEM: every event that Mailroom sends ([how to](../how-to/siem.md)). The action is the act in the
audit log, and what it did: `staff-add` is the act `staff` with `what` = `add`. `staff` stands for all other changes, such as
`staff-rights`. The fields are those of the Elastic Common Schema. The severity is that of syslog; 1 is an alert. The page is generated
(`make reference`).

| `event.action` | `event.category` | `event.type` | `event.outcome` | `event.severity` |
|---|---|---|---|---|
"""
ASVS = """# ASVS 5.0

For auditors: level 1 and 2 of [OWASP ASVS 5.0](https://github.com/OWASP/ASVS), chapters V6 to V11 and V16, each requirement with its test.
8.4, 10.3, 10.4, 10.6 and 10.7 do not apply: there is one tenant, and no
authorization or resource server. The page is generated (`make reference`).

## Not met, or in part
| requirement | missing |
|---|---|
"""
TOLD_ELSEWHERE = re.compile(r" (?:A database|DNS) that [^.]*\.")  # who has such a finding of its own is nothing for readers


@dataclass(frozen=True, slots=True)
class Event:
    """Place in the code that logs an event."""

    logger: str
    level: str
    sentence: str
    when: str  # what its function is for


def metrics() -> str:
    """docs/reference/metrics.md."""
    empty = Gauges({}, None, 0, None, emergency=False)
    now = utcnow()
    gauges = [
        *spool_families(Backlog(), Backlog(), now),
        *record_families(empty, now, follows=True),
        *machine_families({"spool": Room(0, 0)}, now),
    ]
    return (
        METRICS
        + "".join(row(f"{name}_total", words(labels), help) for name, (help, labels) in runtime_metrics.COUNTERS.items())
        + HISTOGRAMS
        + "".join(
            row(name, words(labels), help, ", ".join(map(str, buckets)))
            for name, (help, labels, buckets) in runtime_metrics.HISTOGRAMS.items()
        )
        + GAUGES
        + "".join(row(one.name, words(label_names(one)), one.documentation) for one in gauges)
        + "".join(row(name, words(labels), help) for name, (help, labels) in runtime_metrics.GAUGES.items())
    )


def row(name: str, *cells: str) -> str:
    """Formats a row of a table."""
    return f"| `{name}` | " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def words(labels: tuple[str, ...]) -> str:
    """Labels as code."""
    return " ".join(f"`{label}`" for label in labels)


def label_names(family: Metric) -> tuple[str, ...]:
    """The labels that a family was declared with."""
    return tuple(getattr(family, "_labelnames", ()))


def events() -> str:
    """docs/reference/log-events.md."""
    by_logger: dict[str, list[Event]] = {}
    for event in all_events():
        by_logger.setdefault(event.logger, []).append(event)
    return (
        EVENTS
        + "".join(f"| `{name}` | {cell(what)} |\n" for name, what in VALUES.items())
        + "\n"
        + "\n".join(
            f"## {logger}\n\n| level | sentence | when |\n|---|---|---|\n"
            + "".join(f"| {one.level} | {cell(one.sentence)} | {cell(one.when)} |\n" for one in found)
            for logger, found in sorted(by_logger.items())
        )
    )


def all_events() -> Iterator[Event]:
    """Yields the log calls, by module and line."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield from events_of(path)


def doctor() -> str:
    """docs/reference/doctor.md."""
    asked = ((what, (check.__doc__ or "").partition("\n")[0]) for what, check in CHECKS)
    return DOCTOR + "".join(f"| {what} | {cell(TOLD_ELSEWHERE.sub('', question))} |\n" for what, question in asked)


def cell(text: str) -> str:
    """Text that breaks no table and means nothing to Markdown but its own marks."""
    return re.sub(r"([|<>_])", r"\\\1", text)


def events_of(path: Path) -> Iterator[Event]:
    """The log calls of one module, in the order of its lines."""
    tree = ast.parse(path.read_text("utf-8"))
    logger = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    constants: dict[str, str] = {}
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="log")], value=ast.Call(args=[ast.Constant(value=str(name))])):
                logger = name
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                constants[name] = text
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            said = (ast.get_docstring(function) or "").partition("\n")[0]
            for call in own_calls(function):
                match call:
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level), args=[*arguments]) if level in LEVELS:
                        text = sentence(arguments[1 if level == "log" else 0], constants)
                        yield Event(logger, "info or warning" if level == "log" else level, text, said)


def own_calls(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """Yields the calls in a function, without those of functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        yield node
        waiting[:0] = ast.iter_child_nodes(node)


def sentence(argument: ast.expr, constants: dict[str, str]) -> str:
    """The format of a line as people read it."""
    match argument:
        case ast.Constant(value=str(text)):
            pass
        case ast.JoinedStr(values=parts):
            text = "".join(sentence(part, constants) for part in parts)
        case ast.FormattedValue(value=ast.Name(id=name)):
            text = constants.get(name, "…")
        case _:
            text = "…"
    return re.sub(r"%[\d.]*[sdf]", "…", re.sub(r"%\((\w+)\)[sd]", r"‹\1›", text))


def list_security_events() -> str:
    """docs/reference/security-events.md."""
    kinds = {
        "-".join(filter(None, (act, variant))): kind for act, variants in SECURITY_EVENTS.items() for variant, kind in variants.items()
    }
    return SIEM + "".join(
        row(name, ", ".join(kind.category), ", ".join(kind.type), kind.outcome, str(kind.severity)) for name, kind in sorted(kinds.items())
    )


def list_asvs_lines() -> str:
    """docs/reference/asvs.md."""
    lines = tomllib.loads((ROOT / "tests" / "asvs.toml").read_text("utf-8"))
    missing = "".join(f"| {requirement} | {why} |\n" for requirement, why in lines["missing"].items())
    met = "".join(f"| {requirement} | {words(tuple(tests))} |\n" for requirement, tests in lines["met"].items())
    chapters = "".join(f"| {chapter} | {where} |\n" for chapter, where in lines["chapters"].items())
    met_by_line = "\n## Met, line by line\n| requirement | test |\n|---|---|\n" + met
    return ASVS + missing + met_by_line + "\n## The other chapters\n| chapter | where it is met |\n|---|---|\n" + chapters


PAGES = {
    "metrics.md": metrics,
    "log-events.md": events,
    "doctor.md": doctor,
    "security-events.md": list_security_events,
    "asvs.md": list_asvs_lines,
    "libraries.md": library_table.page,
}


if __name__ == "__main__":
    for name, made in PAGES.items():
        (DOCS / name).write_text(made(), "utf-8")
