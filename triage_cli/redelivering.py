"""`mailroom redeliver`: what was delivered to a person since a date, again, for a mailbox that was lost."""

import click

from triage import decisions, evidence
from triage.decisions import Verb
from triage.selection import Selection
from triage.times import utcnow
from triage_cli.mail import BELLS, told, wait_for
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import say
from triage_cli.selecting import date


@click.command()
@click.option("--person", required=True, metavar="UID", help="Whose mailbox was lost.")
@click.option("--since", required=True, metavar="DATE", help="Delivered at or after, ISO 8601; UTC unless it says otherwise.")
@click.option("--reason", default="", help="Goes on the record.")
@click.option("--expect", type=int, help="Refuse when it would not be exactly so many.")
@click.option("--unchecked", is_flag=True, help="Deliver also what is still there; without this the recaller looks first, where it can.")
@click.option("--dry-run", is_flag=True, help="Count, and change nothing.")
@click.option("--wait", is_flag=True, help="Wait until the recaller has looked.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def redeliver(
    ctx: click.Context, person: str, since: str, reason: str, expect: int | None, unchecked: bool, dry_run: bool, wait: bool, as_json: bool
) -> int:
    """Deliver again what a person was delivered since a date."""
    settings = settings_of(ctx)
    selected = Selection.of(person=person, delivered_since=date(since, "--since"))
    if dry_run:
        with looking(settings) as session:
            sheet = evidence.evidence(session, selected, by=shell_user(), now=utcnow())
        say(f"{sheet.count} mail{'s' if sheet.count != 1 else ''} would be delivered again to {person}")
        return 0
    with writing(settings, *BELLS) as session:
        done = decisions.decide(
            session,
            selected,
            Verb.REDELIVER,
            by=shell_user(),
            reason=reason,
            now=utcnow(),
            settings=settings,
            expect=expect,
            look_first=not unchecked,
        )
    if not (wait and as_json):
        told(done, as_json=as_json)
    done = wait_for(settings, done, as_json=as_json) if wait else done
    return 1 if done.refused else 0
