"""`mailroom start-list`: senders of confirmations and sign-in codes, offered by category; allow, undo, import."""

from typing import Any

import click

from triage.text.numbers import format_count
from triage_cli.client.api_client import Declined, Desk
from triage_cli.client.client_option import act_on_api, ask_api, names_server
from triage_cli.client.exit_codes import DONE
from triage_cli.commands.policy.rules_file import Part, read_rules_file, say_faulty_lines
from triage_cli.commands.selection_options import given_id
from triage_cli.output.tables import Form, Shape, list_options, say
from triage_cli.output.timestamps import format_instant

CATEGORIES = Shape(
    {
        "name": "of the category",
        "title": "in words",
        "offered": "domains that `allow` would allow now",
        "allowed": "domains that are allowed already",
        "unseen": "senders of whom no proven message was seen here in 90 days",
        "platforms": "services through which anybody can send: never allowed together",
        "refused": "domains that cannot be allowed now",
        "sentence": "effect of `allow`",
    },
    ("name", "title", "offered", "allowed", "unseen", "platforms", "refused"),
)
SENDERS = Shape(
    {
        "domain": "of the authors",
        "listed": "domain as the list names it",
        "standing": "offered: `allow` allows it; else why it does not",
        "messages": "of the last 90 days, proven by DMARC",
        "would_pass": "held messages that the rule would have released",
        "time_limited": "codes and links that expire",
        "people": "people and departments who got them",
        "sends": "what it sends",
        "why": "reason, in words",
        "dkim": "domains that sign its messages",
        "sources": "public lists that name it",
    },
    ("domain", "standing", "messages", "would_pass", "why"),
)
ACTS = Shape(
    {
        "id": "for `undo`",
        "category": "of the list",
        "domains": "that were allowed",
        "at": "time",
        "by_name": "who allowed them",
        "undone_at": "time of the undo",
        "undone_by_name": "who undid it",
        "version": "of the list",
    },
    ("id", "category", "domains", "at", "by_name", "undone_at"),
)


@click.group("start-list", invoke_without_command=True)
@names_server
@click.pass_context
def start_list(ctx: click.Context) -> None:
    """Offer known senders of confirmations and sign-in codes by category. None is allowed before you say so."""
    if not ctx.invoked_subcommand:
        ctx.invoke(list_categories, form=Form.TEXT)


@start_list.command("list")
@list_options(CATEGORIES)
@ask_api
def list_categories(desk: Desk, form: Form) -> None:
    """List the categories, and how many domains each would allow now."""
    CATEGORIES.print(desk.get("/start-list")["categories"], form)


@start_list.command("show")
@click.argument("category", metavar="CATEGORY")
@list_options(SENDERS)
@ask_api
def show_category(desk: Desk, category: str, form: Form) -> None:
    """List each sender of a category, and what `allow` does with it now."""
    found = desk.get(f"/start-list/{category}")
    SENDERS.print([one | {name: ", ".join(one[name]) for name in ("sends", "dkim", "sources")} for one in found["items"]], form)
    if form is Form.TEXT:
        say(found["sentence"])


@start_list.command("acts")
@list_options(ACTS)
@ask_api
def list_acts(desk: Desk, form: Form) -> None:
    """List the latest acts, newest first."""
    rows = desk.get("/start-list")["acts"]
    times = ({name: format_instant(one[name]) for name in ("at", "undone_at")} | {"domains": ", ".join(one["domains"])} for one in rows)
    ACTS.print([one | more for one, more in zip(rows, times, strict=True)], form)


@start_list.command("allow")
@click.argument("category", metavar="CATEGORY")
@click.option("--dry-run", is_flag=True, help="Only say what it would allow.")
@act_on_api
def allow_category(desk: Desk, category: str, dry_run: bool) -> None:
    """Allow the offered senders of a category for the whole company, each with DMARC. `undo` takes all of it back."""
    planned = desk.get(f"/start-list/{category}")
    for one in planned["items"]:
        if one["standing"] == "offered":
            say(f"{one['domain']}  {one['why']}")
    say(planned["sentence"])
    if dry_run:
        return
    done = desk.post(f"/start-list/{category}", {"fence": planned["fence"]})
    if "domains" in done:
        say(f"{done['id']}  allowed {format_count(len(done['domains']), 'domain', 'domains')}; undo: mailroom start-list undo {done['id']}")
    else:
        say(done["sentence"])


@start_list.command("undo")
@click.argument("act_id", metavar="ID")
@act_on_api
def undo_act(desk: Desk, act_id: str) -> None:
    """Remove the rules of one act, all together."""
    undone = desk.post(f"/start-list/acts/{given_id(act_id)}/undo")
    say(f"Undone at {format_instant(undone['undone_at'])} by {undone['undone_by_name']}: {', '.join(undone['domains'])}")


@start_list.command("import")
@click.argument("file", type=click.File(encoding="utf-8"), metavar="FILE")
@click.option("--dry-run", is_flag=True, help="Check every line and say what changes.")
@act_on_api
def import_start_list(desk: Desk, file: Any, dry_run: bool) -> int:
    """Replace the start list, or nothing if a line is wrong (- is standard input). No rule changes.

    A line: DOMAIN category=banks sends=codes,notices dkim=DOMAIN source=NAME [subdomains] [platform]
    """
    text = read_rules_file(file)
    try:
        done = desk.post("/start-list/import", {"text": text, "dry_run": dry_run})
    except Declined as refusal:
        if refusal.problem.get("lines"):
            return say_faulty_lines(refusal, file.name, Part(0, text), outcome="nothing was changed")
        raise
    say(done["sentence"])
    return DONE
