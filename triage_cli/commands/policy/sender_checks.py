"""`mailroom checks`: the checks that hold a message of a known sender when it is unlike them."""

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api, names_server
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

CHECKS = Shape(
    {
        "name": "of the check, as in policy.hold_known",
        "mode": "off, trial (it only reports), holds, or fuse (it only reports, because it held messages of too many senders)",
        "trial_until": "end of the trial",
        "held_today": "messages, by the UTC day",
        "senders_today": "whose messages these are, by domain",
        "fuse_at": "when it held messages of too many senders",
    }
)


@click.group("checks", invoke_without_command=True)
@names_server
@click.pass_context
def checks(ctx: click.Context) -> None:
    """Show the checks of known senders, and let one hold."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_checks, form=Form.TEXT)


@checks.command("list")
@list_options(CHECKS)
@ask_api
def list_checks(desk: Desk, form: Form) -> None:
    """List the checks of known senders and what each does."""
    rows = desk.get("/sender-checks")["items"]
    CHECKS.print([one | {name: format_instant(one[name], "minutes") for name in ("trial_until", "fuse_at")} for one in rows], form)


@checks.command("resume")
@click.argument("name", metavar="CHECK")
@click.option("--reason", default="", help="Reason, for the audit log.")
@act_on_api
def resume_check(desk: Desk, name: str, reason: str) -> None:
    """Let a check hold again after it held too much, or before its trial ends."""
    found = desk.post(f"/sender-checks/{name}/resume", {"reason": reason})
    say(f"{found['name']}: {found['mode']}")
