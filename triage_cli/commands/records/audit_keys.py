"""Audit log on its own machine: `mailroom audit key`, verification against other checkpoints, `mailroom retention`."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from triage.compliance.audit import checkpoints as signed, verify_chain, verify_state
from triage.compliance.retention import expire as retaining
from triage.config.settings import Settings
from triage.store import db
from triage.text.numbers import format_count
from triage.times import utcnow
from triage_cli.client.client_option import refuse_server, settings_of
from triage_cli.client.local_setup import database_of, open_read_session, shell_user
from triage_cli.output.tables import Form, Shape, json_option, json_sentences, print_table, say
from triage_cli.services import upkeep_retention


def verify_records(settings: Settings, checkpoints: Path | None, public_key: str | None, *, state: bool) -> dict[str, Any]:
    """Verifies the hash chain of the audit log, compared with these checkpoints; with `state` also the rows that it is about."""
    claims = verify_chain.claimed_checkpoints(settings, checkpoints, public_key)  # read first: what is chained meanwhile is in none of them
    with open_read_session(settings) as session:
        found = verify_chain.verify_chain(session, claims, retained_since=verify_chain.retained_since(settings, utcnow()))
        return asdict(found) | {"state": asdict(verify_state.verify_state(session)) if state else None}


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_sentences
@click.pass_context
def key(ctx: click.Context, file: Path) -> None:
    """Create the key that signs checkpoints."""
    refuse_server(ctx)
    say(signed.make_key(file))


EXPIRING = Shape(
    {
        "expired": "held messages that expired now",
        "erased": "bodies erased now",
        "forgotten": "records of messages deleted now",
        "expiring": "expiring within a day: department, person, number of messages (`messages`), soonest",
        "unseen": "held messages that cannot expire, because no daily digest named them",
    }
)


@click.command()
@click.option("--expiring", is_flag=True, help="Change nothing: only list what expires within a day.")
@json_option(EXPIRING)
@click.pass_context
def retention(ctx: click.Context, expiring: bool, form: Form) -> None:
    """Expire and erase what is due, and list what is next."""
    settings = settings_of(ctx)
    with database_of(settings) as engine:
        over = upkeep_retention.Tidied() if expiring else upkeep_retention.tidy_slices(engine, settings)
        with db.read_transaction(engine) as session:
            soon = retaining.list_expiring(session, by=shell_user(), settings=settings, now=utcnow())
            unseen = retaining.count_unseen(session, settings=settings, now=utcnow())
    rows = [{**asdict(one), "soonest": one.soonest.isoformat(timespec="minutes")} for one in soon]
    if form is Form.JSON:
        EXPIRING.print_one({**asdict(over), "expiring": rows, "unseen": unseen}, form)
        return
    if not expiring:
        bodies, records = format_count(over.erased, "body", "bodies"), format_count(over.forgotten, "record")
        say(f"{format_count(over.expired, 'message')} expired, {bodies} erased, {records} deleted")
    say(f"within a day {format_count(sum(one.messages for one in soon), 'held message')} will expire" + (":" if soon else ""))
    print_table(rows, ("department", "person", "messages", "soonest"))
    if unseen:
        messages, named = ("1 held message", "it") if unseen == 1 else (f"{unseen} held messages", "them")
        say(f"{messages} cannot expire because no daily digest named {named}: see docs/how-to/daily-digest.md")
