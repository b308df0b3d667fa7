"""`mailroom campaigns`: the same mail sent many times, and what belongs together."""

from collections.abc import Iterable
from typing import Any

import click

from triage import campaign_reports, regrouping
from triage.campaign_reports import Wave
from triage.ids import show as show_id
from triage.selection import ANY_PROOF, UNPROVEN, Selection
from triage.states import State
from triage.times import utcnow
from triage_cli.mail import told
from triage_cli.opened import looking, settings_of, shell_user, writing
from triage_cli.printing import pairs, table
from triage_cli.selecting import date, number

COLUMNS = ("id", "mails", "held", "people", "senders", "newest", "subject")


@click.group("campaigns", invoke_without_command=True)
@click.option("--state", "states", multiple=True, help="Of mail that counts; may be given several times. Default: held. `any`: all mail.")
@click.option("--department", metavar="CODE")
@click.option("--search", default="", metavar="WORDS", help="Words in subject, names or addresses; all must occur.")
@click.option("--since", metavar="DATE", help="Only mail that came in then or later.")
@click.option("--fewest", default=2, show_default=True, help="Campaigns of at least so many mails.")
@click.option("--limit", default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def campaigns(
    ctx: click.Context,
    states: tuple[str, ...],
    department: str | None,
    search: str,
    since: str | None,
    fewest: int,
    limit: int,
    as_json: bool,
) -> None:
    """List campaigns, those with the most mail first. `deliveries --campaign ID` lists their mail."""
    if ctx.invoked_subcommand:
        return
    of_states = () if "any" in states else states or (State.HELD.value,)
    wanted = Selection(department=department, q=search, since=date(since, "--since"), states=of_states, proof=ANY_PROOF).looked_at()
    with looking(settings_of(ctx)) as session:
        rows = [row_of(one) for one in campaign_reports.waves(session, wanted, by=shell_user(), fewest=fewest, limit=limit).items]
    table(rows, COLUMNS, as_json=as_json)


def row_of(one: Wave) -> dict[str, Any]:
    """A campaign as a line of a list."""
    return {
        "id": show_id(one.id),
        "mails": one.mails,
        "deliveries": one.deliveries,
        "held": one.held,
        "people": one.people,
        "senders": one.senders,
        "newest": one.newest_at.isoformat(timespec="seconds"),
        "subject": one.lead.subject,
    }


@campaigns.command()
@click.argument("campaign_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def show(ctx: click.Context, campaign_id: str, as_json: bool) -> None:
    """What a campaign is made of."""
    with looking(settings_of(ctx)) as session:
        found = campaign_reports.campaign(session, number(campaign_id), by=shell_user())
    values = row_of(found.wave) | {
        "made by": found.made_by,
        "compared with": found.representatives,
        "states": counted(found.by_state),
        "proofs": counted((who or UNPROVEN, count) for who, count in found.by_proof),
        "from": counted(found.by_sender),
        "subjects": counted(found.by_subject),
    }
    pairs(values, as_json=as_json)


def counted(numbers: Iterable[tuple[str, int]]) -> list[str]:
    """How often each occurs."""
    return [f"{count} {name}" for name, count in numbers]


@campaigns.command()
@click.argument("campaign_id", metavar="ID")
@click.argument("into", metavar="OTHER")
@click.option("--reason", default="", help="Goes on the record.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def join(ctx: click.Context, campaign_id: str, into: str, reason: str, as_json: bool) -> None:
    """Put a campaign's mail into the OTHER one, where new mail like it goes too; `decisions undo` takes it out again."""
    with writing(settings_of(ctx)) as session:
        made = regrouping.join(session, number(campaign_id), number(into), by=shell_user(), reason=reason, now=utcnow())
    told(made, as_json=as_json)


@campaigns.command()
@click.argument("campaign_id", metavar="ID")
@click.argument("numbers", metavar="DELIVERY...", nargs=-1, required=True)
@click.option("--reason", default="", help="Goes on the record.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def split(ctx: click.Context, campaign_id: str, numbers: tuple[str, ...], reason: str, as_json: bool) -> None:
    """Make a campaign of its own of these deliveries' mails; `decisions undo` puts them back."""
    with writing(settings_of(ctx)) as session:
        chosen = [number(one) for one in numbers]
        made = regrouping.split(session, chosen, number(campaign_id), by=shell_user(), reason=reason, now=utcnow())
    told(made, as_json=as_json)
