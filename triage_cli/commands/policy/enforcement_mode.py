"""`mailroom enforcement`: whether mail is held or only watched, for the company or a department, from the next mail on."""

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import asks, names_server
from triage_cli.commands.decisions.decide import REASON
from triage_cli.output.tables import Form, Shape, lists, say
from triage_cli.output.timestamps import when

ENFORCE, OBSERVE = "enforce", "observe"
MODES = Shape(
    {
        "code": "of the department; empty: all of which nothing else is said",
        "name": "of the department",
        "mode": "enforce or observe",
        "by": "who switched it; empty: the settings say so",
        "at": "when",
        "reason": "why",
    }
)


@click.group("enforcement", invoke_without_command=True)
@names_server
@click.pass_context
def mode(ctx: click.Context) -> None:
    """Show or set enforcement: hold, or record only."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_modes, form=Form.TEXT)


@mode.command("list")
@lists(MODES)
@asks
def list_modes(desk: Desk, form: Form) -> None:
    """The mode of the company and of each department, and who switched it."""
    MODES.print([one | {"at": when(one["at"], "minutes")} for one in desk.get("/enforcement")["items"]], form)


def switching(name: str, to: str | None, text: str) -> None:
    """One of the commands that switch."""

    @click.option("--department", default="", metavar="CODE", help="Only this one; without it all of which nothing else is said.")
    @REASON
    @asks
    def command(desk: Desk, department: str, reason: str) -> None:
        code = department.casefold()
        present = desk.ask("PUT", "/enforcement", {"department": code, "mode": to, "reason": reason})["items"]
        say(f"{code or 'the company'}: {next(one['mode'] for one in present if one['code'] == code)}")

    mode.command(name, help=text)(command)


switching("enforce", ENFORCE, "Close the door: what is not known is held, from the next mail on.")
switching("observe", OBSERVE, "Open the door: everything that is not blocked or forged passes, and what would have been held is recorded.")
switching("reset", None, "Forget what was switched: the settings count again.")
