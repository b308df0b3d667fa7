"""`mailroom sending-services`: which services send as domains of the company, by DMARC reports of receivers."""

import click

from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import ask_api
from triage_cli.output.tables import Form, Shape, list_options
from triage_cli.output.timestamps import format_instant

SERVICES = Shape(
    {
        "domain": "yours, as the author's address has it",
        "name": "domain that the service proves, else its network; empty: the rest of long reports",
        "proof": "dkim, spf, forwarded, elsewhere (proven for another domain) or none",
        "messages": "in the last 30 days, as reported",
        "needs": "the next step",
        "wanting": "whether there is something to do",
        "reporters": "receivers that reported it",
        "last_at": "end of the newest report",
    }
)


@click.command("sending-services")
@list_options(SERVICES)
@ask_api
def sending_services(desk: Desk, form: Form) -> None:
    """List the services that send as your domains, and what each needs.

    Read from the DMARC aggregate reports of the last 30 days to `reports.dmarc_address`.
    """
    rows = desk.get("/sending-services")["items"]
    shown = ({"last_at": format_instant(one["last_at"], "minutes"), "reporters": ", ".join(one["reporters"])} for one in rows)
    SERVICES.print([one | more for one, more in zip(rows, shown, strict=True)], form)
