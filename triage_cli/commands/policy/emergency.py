"""`mailroom emergency`: in an emergency everything passes that is neither blocked nor forged, for a stated time, with an alert."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click

from triage.errors import BadInput
from triage.times import utcnow
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api
from triage_cli.commands.selection_options import parse_date
from triage_cli.output.tables import say

CLOSED = "no emergency"


@click.command("emergency")
@click.option("--until", metavar="TIME", help="End: 18:30 (company time), 4h, 90m, or an ISO date and time.")
@click.option("--reason", default="", help="Reason. Everybody sees it.")
@click.option("--close", is_flag=True, help="End the emergency now.")
@act_on_api
def open_emergency(desk: Desk, until: str | None, reason: str, close: bool) -> None:
    """Deliver everything for a while (emergency)."""
    if close and until:
        raise BadInput("--close and --until cannot be combined")
    if close:
        desk.ask("DELETE", "/emergency")
        say(CLOSED)
    elif until:
        moment = moment_of(until, desk.get("/me")["company"]["time_zone"], utcnow())
        opened = desk.ask("PUT", "/emergency", {"until": moment, "reason": reason})
        say(f"{opened['emergency']['sentence']}. Close it with `mailroom emergency --close`")
    elif reason:
        raise BadInput("--until: give the end, such as 18:30 or 4h")
    else:
        emergency = desk.get("/emergency")["emergency"]
        say(emergency["sentence"] if emergency else CLOSED)


def moment_of(text: str, zone: str, now: datetime) -> datetime:
    """A time of day, the next one where the company is; a span from now; or an ISO date and time."""
    if text[:-1].isdigit() and text[-1:] in "mh":
        return now + timedelta(minutes=int(text[:-1])) * (60 if text[-1] == "h" else 1)
    try:
        clock = datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007  # the zone comes next
    except ValueError:
        try:
            moment = parse_date(text, "--until")
        except BadInput as fault:
            raise BadInput(f'--until: "{text[:40]}" is no time such as 18:30, 4h, 90m or 2026-11-24T18:30+01:00') from fault
        assert moment is not None
        return moment
    local = now.astimezone(ZoneInfo(zone))
    then = local.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return (then if then > local else then + timedelta(days=1)).astimezone(UTC)
