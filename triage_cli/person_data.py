"""`mailroom person-data`: what is kept about a person, for them to take along, and erased."""

import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

import click

from triage import db, person_data, person_erasure, person_export, second_key
from triage.errors import BadInput
from triage.ids import show
from triage.models import PendingAct, PersonErasure
from triage.times import utcnow
from triage_cli.asks import settings_of
from triage_cli.deciding import waits
from triage_cli.opened import database_of, looking, ring, shell_user, writing
from triage_cli.printing import pairs, say, table

COLUMNS = ("id", "asked", "by", "reason", "mails", "contents", "kept", "rules_left", "done")
EVERY_ONE = 1_000_000


@click.group("person-data")
def person_data_group() -> None:
    """What is kept about an address outside, or about somebody here (their address or uid)."""


@person_data_group.command()
@click.argument("address")
@click.option("--to", "to", required=True, metavar="FILE", help="Where the zip goes; - is standard output.")
@click.option("--reason", default="", help="Goes on the record.")
@click.pass_context
def export(ctx: click.Context, address: str, to: str, reason: str) -> None:
    """Write a zip with everything that is kept: JSON lists and the original mails. That you took it is on the record."""
    settings, by = settings_of(ctx), shell_user()
    with writing(settings) as session:
        whose = person_data.meant(session, address)
        person_export.note(session, whose, by=by, reason=reason, now=utcnow())
    with looking(settings) as session:
        chunks = person_export.zipped(session, whose, by=by, now=utcnow())
        if to == "-":
            for chunk in chunks:
                sys.stdout.buffer.write(chunk)
        else:
            write(Path(to), chunks)


def write(file: Path, chunks: Any) -> None:
    """A new file that nobody else may read, on stable storage."""
    try:
        with open(file, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as opened:
            save(opened, chunks)
    except FileExistsError as fault:
        raise BadInput(f"{file} is there already: name another file") from fault
    except OSError as fault:
        raise BadInput(f"{file} cannot be written: {fault.strerror}") from fault
    say(f"{file}: {file.stat().st_size} bytes")


def save(opened: BinaryIO, chunks: Any) -> None:
    """All chunks, then the disk."""
    for chunk in chunks:
        opened.write(chunk)
    opened.flush()
    os.fsync(opened.fileno())


@person_data_group.command()
@click.argument("address")
@click.option("--reason", default="", help="Goes on the record, where it stays: name nobody in it.")
@click.option("--with-rules", is_flag=True, help="Rules about the address go too. Without it a block is kept, and names it.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def erase(ctx: click.Context, address: str, reason: str, with_rules: bool, dry_run: bool, yes: bool) -> int:
    """Erase what is kept: mail, addresses, what was learned. It cannot be undone. Of somebody here, once they have left."""
    settings, by = settings_of(ctx), shell_user()
    with looking(settings) as session:
        found = person_erasure.look(session, address, by=by)
    said = f"{found.deliveries} mails, of which {found.kept} are under a legal hold and stay, and {found.under_way} are still under way"
    if dry_run:
        say(said)
        return 0
    if not yes and sys.stdin.isatty():
        click.confirm(f"{said}. Erase them for good?", abort=True, err=True)
    with writing(settings) as session:
        order = {"by": by, "reason": reason, "now": utcnow(), "settings": settings, "with_rules": with_rules}
        made = second_key.erase_person(session, address, **order)  # type: ignore[arg-type]
        if isinstance(made, PendingAct):
            return waits({"id": show(made.id), "sentence": second_key.sentence(made)})
        number = made.id
    with database_of(settings) as engine:
        more = True
        while more:
            with db.transaction(engine) as session:
                more = person_erasure.carry_on(session, number, now=utcnow())
        with db.reading(engine) as session:
            row = person_erasure.get(session, number, by=by)
            values = row_of(row)
    ring(settings, "door", "change")
    pairs(values, as_json=False)
    if not values["done"]:
        say("what is still under way is erased by `mailroom upkeep` when it has come to an end")
    return 0


@person_data_group.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_erasures(ctx: click.Context, as_json: bool) -> None:
    """What was erased, newest first; whose it was is forgotten when it is done."""
    with looking(settings_of(ctx)) as session:
        rows = [row_of(one) for one in person_erasure.listing(session, by=shell_user(), limit=EVERY_ONE)]
    table(rows, COLUMNS, as_json=as_json)


def row_of(row: PersonErasure) -> dict[str, Any]:
    """An erasure as a line of the list."""
    return {
        "id": show(row.id),
        "asked": row.asked_at.isoformat(timespec="minutes"),
        "by": row.asked_by_shown,
        "reason": row.reason,
        "pseudonym": row.pseudonym,
        "mails": row.deliveries,
        "contents": row.contents,
        "kept": row.kept,
        "rules_left": row.rules_left,
        "done": row.done_at.isoformat(timespec="minutes") if row.done_at else "",
    }
