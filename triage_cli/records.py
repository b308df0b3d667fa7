"""`mailroom audit` reads and proves the trail; `mailroom retention` lets time run out now."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from triage import checkpoints, db, ledger, retention as retaining, seal, trail, trail_proof
from triage.times import utcnow
from triage_cli import upkeeping
from triage_cli.opened import database_of, looking, settings_of, shell_user, writing
from triage_cli.printing import pairs, say, table


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command()
@click.option("--checkpoints", type=click.Path(path_type=Path), help="Directory of the signed checkpoints; default: audit.checkpoints.")
@click.option("--public-key", help="The key that signed them; default: audit.public_key, or that of audit.key_file.")
@click.pass_context
def verify(ctx: click.Context, checkpoints: Path | None, public_key: str | None) -> int:
    """Walk the hash chain, and compare it with the signed checkpoints; exit code 1 and where it breaks when it does."""
    settings = settings_of(ctx)
    claims = trail_proof.claims(settings, checkpoints, public_key)  # read first: what is chained meanwhile is in none of them
    with looking(settings) as session:
        found = trail_proof.verify(session, claims, kept_since=trail_proof.kept_since(settings, utcnow()))
    compared = f", compared with {found.checkpoints} checkpoints" if claims else ""
    say(f"{found.records} records sealed, {found.unsealed} not yet; head {found.head or 'none'}{compared}")
    if found.fault:
        say(found.fault)
    return 1 if found.fault else 0


@audit.command()
@click.argument("file", type=click.Path(path_type=Path))
def key(file: Path) -> None:
    """Make the private key that signs checkpoints, in FILE, and print its public key for audit.public_key."""
    say(checkpoints.make_key(file))


@audit.command()
@click.pass_context
def export(ctx: click.Context) -> None:
    """Every chained record as one JSON object a line, in the order of the chain; without details that tell of sealed mail.

    That you took it goes on the record.
    """
    settings = settings_of(ctx)
    with writing(settings) as session:
        ledger.write(session, "export", "audit", by=shell_user(), now=utcnow())
    with looking(settings) as session:
        sequence = 0
        while some := seal.sealed_after(session, sequence):
            kept_back = trail.untold(session, some, shell_user())
            for record in some:
                told = {"detail": trail.UNTOLD} if record.id in kept_back else {}
                click.echo(json.dumps(record.model_dump(mode="json") | told, ensure_ascii=True))
            sequence = some[-1].sequence or 0
            session.expunge_all()


@click.command()
@click.option("--expiring", is_flag=True, help="Change nothing: only say what expires within a day.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def retention(ctx: click.Context, expiring: bool, as_json: bool) -> None:
    """Expire and erase everything that is due now, and say what expires within a day unless somebody decides."""
    settings = settings_of(ctx)
    with database_of(settings) as engine:
        expired, erased = (0, 0) if expiring else upkeeping.tidy(engine, settings)
        with db.reading(engine) as session:
            soon = retaining.expiring(session, by=shell_user(), settings=settings, now=utcnow())
    rows = [{**asdict(one), "soonest": one.soonest.isoformat(timespec="minutes")} for one in soon]
    if as_json:
        pairs({"expired": expired, "erased": erased, "expiring": rows}, as_json=True)
        return
    if not expiring:
        say(f"expired {expired} held mails, erased {erased} contents")
    say(f"{sum(one.mails for one in soon)} held mails expire within a day" + (":" if soon else ""))
    table(rows, ("department", "person", "mails", "soonest"), as_json=False)
