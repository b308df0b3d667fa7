"""`mailroom doctor`: looks at everything that delivery needs here, and says what to do."""

import os
from collections.abc import Iterator
from dataclasses import asdict

import click

from triage.config import settings_loader
from triage.errors import BadInput
from triage.text.sanitize import escape_visible
from triage_cli.client.client_option import refuse_server
from triage_cli.client.exit_codes import DONE, REFUSED
from triage_cli.doctor import (
    canary as canary_message,
    connection_checks,
    dns_records,
    mail_server_checks,
    mirror_checks,
    network_checks,
    notification_checks,
    outbound_checks,
    probes,
    process_checks,
    secret_checks,
    tls_records,
)
from triage_cli.doctor.finding import FAIL, OK, Check, Finding
from triage_cli.doctor.local_report import LOCAL_CHECKS, run_check
from triage_cli.output.tables import Form, Shape, list_options

FINDINGS = Shape(
    {
        "level": "ok, warn (it works now, but will fail later) or fail",
        "what": "what was checked",
        "found": "what was found",
        "do": "what to do; empty if ok",
    }
)

CHECKS: tuple[tuple[str, Check], ...] = (
    *LOCAL_CHECKS,
    ("directory", connection_checks.check_directory),
    ("names", connection_checks.check_names),
    ("mail server", mail_server_checks.check_postfix),
    ("dns", connection_checks.check_resolvers),
    ("our name", dns_records.check_published),
    ("sender tls", tls_records.check_tls_records),
    ("scanners", connection_checks.check_scanners),
    ("ports", network_checks.check_ports),
    ("certificate", network_checks.check_certificate),
    ("console", network_checks.check_console),
    ("open relay", probes.open_relay),
    ("next hop", network_checks.next_hop),
    ("next hop", probes.known_there),
    ("smarthost", probes.takes_us_out),
    ("bypass", probes.check_bypass),
    ("mailboxes", connection_checks.check_mailboxes),
    ("mirror", mirror_checks.check_mirror),
    ("outbound", outbound_checks.check_outbound),
    ("employees", mirror_checks.written_to_us),
    ("partners", mirror_checks.reporting_partners),
    ("webhooks", notification_checks.check_webhooks),
    ("web push", notification_checks.check_web_push),
    ("siem", notification_checks.check_siem),
    ("employees", notification_checks.check_employees),
)


@click.command()
@click.option("--canary", metavar="ADDRESS", help="Send a harmless message to this address by --via, and check that Mailroom sees it.")
@click.option("--via", metavar="HOST:PORT", default="127.0.0.1:25", help="The mail server that takes the canary.")
@list_options(FINDINGS)
@click.pass_context
def doctor(ctx: click.Context, canary: str | None, via: str, form: Form) -> int:
    """Check this installation and say what to do.

    Exit code 1 when something does not work. Nothing is changed, and no message is sent but a canary that you ask for.
    """
    refuse_server(ctx)
    findings = list(examine_all(ctx.find_root().obj, canary, via))
    if form is Form.TEXT:
        report_lines(findings)
    else:
        FINDINGS.print(map(asdict, findings), form)
    return REFUSED if any(finding.level == FAIL for finding in findings) else DONE


def examine_all(config: str | None, canary: str | None = None, via: str = "") -> Iterator[Finding]:
    """Runs all checks, the settings first: without them there is nothing to look at."""
    try:
        settings = settings_loader.read_settings(config)
    except BadInput as fault:
        yield Finding(FAIL, "settings", str(fault), "correct the settings; `mailroom settings` names every key")
        return
    yield Finding(OK, "settings", f"read from {settings_loader.choose_file(config, os.environ) or 'the environment'}")
    file = settings_loader.choose_file(config, os.environ)
    yield from run_check("roles", lambda found: process_checks.wait_for_roles(found, file), settings)
    yield from run_check("secrets", lambda found: secret_checks.check_secrets(found, config), settings)
    for what, check in CHECKS:
        yield from run_check(what, check, settings)
    if canary:
        yield from run_check("canary", lambda found: canary_message.send_canary(found, canary, via), settings)


def report_lines(findings: list[Finding]) -> None:
    """The report for people: one line each, and what to do below it."""
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        click.echo(escape_visible(f"{finding.level:4}  {finding.what:{width}}  {finding.found}"))
        if finding.do:
            click.echo(escape_visible(f"{'':4}  {'':{width}}  -> {finding.do}"))
