"""`mailroom doctor`: looks at everything that mail needs here, and says what to do."""

import os
from collections.abc import Iterator
from dataclasses import asdict

import click

from triage import settings_file
from triage.errors import BadInput
from triage.settings import Settings
from triage.visible import visible
from triage_cli import asking, departing, inside, journaling, mirroring, outside, overdue, probing, published, telling
from triage_cli.asks import stay
from triage_cli.codes import DONE, REFUSED
from triage_cli.finding import FAIL, OK, Check, Finding
from triage_cli.printing import Form, Shape, lists

FINDINGS = Shape(
    {
        "level": "ok, warn (it works and will not for ever) or fail",
        "what": "was looked at",
        "found": "what was seen",
        "do": "what to do; empty when it is ok",
    }
)

CHECKS: tuple[tuple[str, Check], ...] = (
    ("database", inside.database),
    ("spool", inside.spool),
    ("door snapshot", inside.door_snapshot),
    ("disk", inside.disk),
    ("clock", inside.clock),
    ("upkeep", inside.upkeep),
    ("queue", inside.moving),
    ("retention", overdue.kept_too_long),
    ("backup", overdue.backups),
    ("parser", inside.parser),
    ("previews", inside.drawer),
    ("cover", inside.covered),
    ("staff", inside.administered),
    ("emergency", inside.open_door),
    ("restored", inside.restored),
    ("wake-ups", inside.wakes),
    ("edges", inside.edges),
    ("addresses", inside.unknown_recipients),
    ("directory", asking.directory),
    ("directory", overdue.readings),
    ("names", asking.names),
    ("dns", asking.resolvers),
    ("our name", published.published),
    ("scanners", asking.scanners),
    ("ports", outside.ports),
    ("certificate", outside.certificate),
    ("console", outside.console),
    ("open relay", probing.open_relay),
    ("next hop", outside.next_hop),
    ("next hop", probing.known_there),
    ("smarthost", probing.takes_us_out),
    ("bypass", probing.bypass),
    ("mailboxes", asking.mailboxes),
    ("mirror", mirroring.mirrored),
    ("outbound", departing.outbound),
    ("employees", mirroring.written_to_us),
    ("journal", journaling.journal),
    ("webhooks", telling.webhooks),
    ("employees", telling.employees),
)


@click.command()
@lists(FINDINGS)
@click.pass_context
def doctor(ctx: click.Context, form: Form) -> int:
    """Look at everything that mail needs here: this machine, DNS and our name in it, ports, next hop, mailboxes, directory.

    Exit code 1 when something does not work. Nothing is changed, and no mail is sent.
    """
    stay(ctx)
    findings = list(examine(ctx.find_root().obj))
    if form is Form.TEXT:
        report(findings)
    else:
        FINDINGS.print(map(asdict, findings), form)
    return REFUSED if any(finding.level == FAIL for finding in findings) else DONE


def examine(config: str | None) -> Iterator[Finding]:
    """Everything that is found, the settings first: without them there is nothing to look at."""
    try:
        settings = settings_file.read(config)
    except BadInput as fault:
        yield Finding(FAIL, "settings", str(fault), "mend the settings; `mailroom settings` names every key")
        return
    yield Finding(OK, "settings", f"read from {settings_file.chosen(config, os.environ) or 'the environment'}")
    for what, check in CHECKS:
        yield from looked(what, check, settings)


def looked(what: str, check: Check, settings: Settings) -> Iterator[Finding]:
    """One check; a fault in it is a finding and keeps nobody from the next one."""
    try:
        yield from check(settings)
    except BadInput as fault:
        yield Finding(FAIL, what, str(fault), "mend the settings; `mailroom settings` names every key")
    except Exception as fault:
        yield Finding(FAIL, what, f"could not be looked at: {type(fault).__name__}: {fault}", "this is a mistake in mailroom: report it")


def report(findings: list[Finding]) -> None:
    """The report for people: one line each, and what to do below it."""
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        click.echo(visible(f"{finding.level:4}  {finding.what:{width}}  {finding.found}"))
        if finding.do:
            click.echo(visible(f"{'':4}  {'':{width}}  -> {finding.do}"))
