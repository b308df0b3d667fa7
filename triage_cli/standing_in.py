"""`mailroom staff substitute`: who stands in for whom, from when until when."""

import click

from triage import substitutes
from triage.ids import show
from triage.times import utcnow
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import say, table
from triage_cli.selecting import date, number


@click.command("substitute")
@click.argument("absent", metavar="ABSENT")
@click.argument("substitute", metavar="SUBSTITUTE")
@click.option("--from", "starts", metavar="DATE", help="ISO 8601, UTC unless it says otherwise; now when it is left out.")
@click.option("--until", "ends", required=True, metavar="DATE")
@click.option("--reason", default="", help="Goes on the record.")
@click.pass_context
def arrange(ctx: click.Context, absent: str, substitute: str, starts: str | None, ends: str, reason: str) -> None:
    """Let SUBSTITUTE see and decide what ABSENT may, for a time; both are logins. What is sealed does not go along."""
    now = utcnow()
    begins, ends_at = date(starts, "--from") or now, date(ends, "--until") or now
    with writing(settings_of(ctx)) as session:
        made = substitutes.arrange(session, absent, substitute, starts_at=begins, ends_at=ends_at, reason=reason, by=shell_user(), now=now)
        sentence = f"{show(made.id)}  {made.substitute} stands in for {made.absent} until {made.ends_at.isoformat(timespec='minutes')}"
    say(sentence)


@click.command("substitutes")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_substitutes(ctx: click.Context, as_json: bool) -> None:
    """Who stands in for whom, now and later."""
    with looking(settings_of(ctx)) as session:
        rows = [
            {
                "id": show(one.id),
                "absent": one.absent,
                "substitute": one.substitute,
                "from": one.starts_at.isoformat(timespec="minutes"),
                "until": one.ends_at.isoformat(timespec="minutes"),
                "reason": one.reason,
            }
            for one in substitutes.listing(session, by=shell_user(), now=utcnow())
        ]
    table(rows, ("id", "absent", "substitute", "from", "until", "reason"), as_json=as_json)


@click.command("end-substitute")
@click.argument("substitution_id", metavar="ID")
@click.pass_context
def end_substitute(ctx: click.Context, substitution_id: str) -> None:
    """End a substitution now."""
    with writing(settings_of(ctx)) as session:
        substitutes.end(session, number(substitution_id), by=shell_user(), now=utcnow())
