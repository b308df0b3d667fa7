"""`mailroom proofs`: known senders' domains that prove themselves in another way than before."""

from typing import Any

import click

from triage.errors import NotFound
from triage.text.sanitize import escape_visible
from triage_cli.client.api_client import Desk
from triage_cli.client.client_option import act_on_api, ask_api, names_server
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

PROOFS = Shape(
    {
        "domain": "to renew it",
        "state": "new, or renewed or refused within the last seven days",
        "messages": "with the new proof, in your scope",
        "people": "whom they are for",
        "held": "deliveries that wait, as they have other warnings",
        "days": "on which such messages were delivered",
        "first_at": "when the first one came",
        "last_at": "when the last one came",
        "now": "new ways of sending",
        "ways": "the same, for --way",
        "before": "usual ones",
        "renewed_at": "when it was renewed",
        "by_name": "who renewed or refused it",
    },
    ("domain", "state", "messages", "people", "held", "first_at", "now", "before"),
)
WAYS = click.option("--way", "ways", multiple=True, help="New way as the list names it, repeatable. Default: shows all, and asks.")
REASON = click.option("--reason", default="", help="Reason, for the audit log.")


@click.group("proofs", invoke_without_command=True)
@names_server
@click.pass_context
def proofs(ctx: click.Context) -> None:
    """List known senders that send differently, and accept their new way of sending."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_proofs, form=Form.TEXT)


@proofs.command("list")
@list_options(PROOFS)
@ask_api
def list_proofs(desk: Desk, form: Form) -> None:
    """List domains that send differently, and those renewed or refused within the last seven days."""
    PROOFS.print(map(row_of, desk.get("/changed-proofs")["items"]), form)


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    """A domain as a row."""
    times = {name: format_instant(one[name], "minutes") for name in ("first_at", "last_at", "renewed_at")}
    return one | times | {name: ", ".join(one[name]) for name in ("now", "ways", "before")}


@proofs.command("renew")
@click.argument("domain")
@WAYS
@REASON
@act_on_api
def renew_proof(desk: Desk, domain: str, ways: tuple[str, ...], reason: str) -> None:
    """Accept a domain's new way of sending, for all rules."""
    decide_proof(desk, domain, "renew", ways, reason)


@proofs.command("refuse")
@click.argument("domain")
@WAYS
@REASON
@act_on_api
def refuse_proof(desk: Desk, domain: str, ways: tuple[str, ...], reason: str) -> None:
    """Refuse a domain's new way of sending: messages sent that way are held with any warning, and it renews only by hand."""
    decide_proof(desk, domain, "refuse", ways, reason)


def decide_proof(desk: Desk, domain: str, verb: str, ways: tuple[str, ...], reason: str) -> None:
    """Decide about these ways; where none is named, about those that the person says yes to."""
    if not ways:
        item = next((one for one in desk.get("/changed-proofs")["items"] if one["domain"] == domain.casefold()), None)
        if item is None:
            raise NotFound(f"no known sender of “{domain}” sends differently")
        ways = tuple(item["ways"])
        click.confirm(escape_visible(f"{verb.capitalize()} for {item['domain']}: {', '.join(ways)}?"), abort=True, err=True)
    found = desk.post(f"/changed-proofs/{domain}/{verb}", {"reason": reason, "ways": list(ways)})
    say(f"{found['domain']}: {found['state']}")


@proofs.command("undo")
@click.argument("domain")
@REASON
@act_on_api
def undo_renewal(desk: Desk, domain: str, reason: str) -> None:
    """Undo a renewal of the last seven days."""
    found = desk.post(f"/changed-proofs/{domain}/undo", {"reason": reason})
    say(f"{found['domain']}: {found['state']}")
