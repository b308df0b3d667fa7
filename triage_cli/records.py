"""`mailroom audit` reads and proves the trail; `mailroom retention` lets time run out now."""

import json

import click

from triage import seal, trail
from triage_cli import upkeeping
from triage_cli.opened import database_of, looking, settings_of, shell_user
from triage_cli.printing import say


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command()
@click.pass_context
def verify(ctx: click.Context) -> int:
    """Walk the hash chain; exit code 1 and where it breaks when it does."""
    with looking(settings_of(ctx)) as session:
        found = seal.verify(session)
    say(f"{found.records} records sealed, {found.unsealed} not yet; head {found.head or 'none'}")
    if found.fault:
        say(found.fault)
    return 1 if found.fault else 0


@audit.command()
@click.pass_context
def export(ctx: click.Context) -> None:
    """Every chained record as one JSON object a line, in the order of the chain; without details that tell of sealed mail."""
    with looking(settings_of(ctx)) as session:
        sequence = 0
        while some := seal.sealed_after(session, sequence):
            kept_back = trail.untold(session, some, shell_user())
            for record in some:
                told = {"detail": trail.UNTOLD} if record.id in kept_back else {}
                click.echo(json.dumps(record.model_dump(mode="json") | told, ensure_ascii=True))
            sequence = some[-1].sequence or 0
            session.expunge_all()


@click.command()
@click.pass_context
def retention(ctx: click.Context) -> None:
    """Expire and erase everything that is due now."""
    settings = settings_of(ctx)
    with database_of(settings) as engine:
        expired, erased = upkeeping.tidy(engine, settings)
    say(f"expired {expired} held mails, erased {erased} contents")
