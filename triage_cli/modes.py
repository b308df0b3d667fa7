"""`mailroom mode`: whether mail is held or only watched, for the company or a department, from the next mail on."""

from dataclasses import asdict

import click

from triage import modes
from triage.modes import COMPANY, ENFORCE, OBSERVE
from triage.times import utcnow
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import say, table

COLUMNS = ("code", "name", "mode", "by", "at", "reason")


@click.group(invoke_without_command=True)
@click.pass_context
def mode(ctx: click.Context) -> None:
    """Whether the door is closed (enforce) or everything passes and is only recorded (observe)."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_modes)


@mode.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_modes(ctx: click.Context, as_json: bool = False) -> None:
    """The mode of the company and of each department, and who switched it."""
    settings = settings_of(ctx)
    with looking(settings) as session:
        rows = [asdict(one) for one in modes.listing(session, settings.company, by=shell_user())]
    for row in rows:
        row["at"] = row["at"].isoformat(timespec="minutes") if row["at"] else ""
    table(rows, COLUMNS, as_json=as_json)


def switching(name: str, to: str | None, text: str) -> None:
    """One of the commands that switch."""

    @click.option("--department", default=COMPANY, metavar="CODE", help="Only this one; without it all of which nothing else is said.")
    @click.option("--reason", default="", help="Goes on the record.")
    @click.pass_context
    def command(ctx: click.Context, department: str, reason: str) -> None:
        settings = settings_of(ctx)
        code = department.casefold()
        with writing(settings) as session:
            modes.switch(session, code, to, by=shell_user(), reason=reason, now=utcnow())
            present = modes.now_in_force(session, settings.company).of(code)
        say(f"{code or 'the company'}: {present}")

    command.__doc__ = text
    mode.command(name)(command)


switching("enforce", ENFORCE, "Close the door: what is not known is held, from the next mail on.")
switching("observe", OBSERVE, "Open the door: everything that is not blocked or forged passes, and what would have been held is recorded.")
switching("reset", None, "Forget what was switched: the settings count again.")
