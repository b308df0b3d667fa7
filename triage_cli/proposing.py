"""`mailroom rules propose`: rules that the company's own mail and decisions speak for, and the answers to them."""

import click
from sqlalchemy import Engine

from triage import answering, db, proposals, prospects
from triage.ids import show
from triage.settings import Settings
from triage.times import utcnow
from triage_cli.opened import database_of, ring, settings_of, shell_user
from triage_cli.printing import table
from triage_cli.selecting import number

MOST = 1000


def look_again(engine: Engine, settings: Settings) -> int:
    """Find what speaks for a rule now; how much of it is new."""
    with db.reading(engine) as session:
        found = prospects.found(session, settings=settings, now=utcnow())
    with db.transaction(engine) as session:
        return proposals.refresh(session, found, now=utcnow())


@click.command("propose")
@click.option("--accept", "accepted", metavar="ID", multiple=True, help="Make the rule of this proposal; may be given several times.")
@click.option("--refuse", "refused", metavar="ID", multiple=True, help="Never propose this one again.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def propose(ctx: click.Context, accepted: tuple[str, ...], refused: tuple[str, ...], as_json: bool) -> None:
    """Rules that correspondence and decisions of the last 90 days speak for; nothing is let in before somebody accepts it."""
    settings, by = settings_of(ctx), shell_user()
    answers = [(number(one), "accept") for one in accepted] + [(number(one), "refuse") for one in refused]
    with database_of(settings) as engine:
        if answers:
            with db.transaction(engine) as session:
                for proposal_id, given in answers:
                    answering.answer(session, proposal_id, given, by=by, now=utcnow(), settings=settings)
            ring(settings, "door", "change")
        look_again(engine, settings)
        with db.reading(engine) as session:
            found = proposals.listing(session, by=by, limit=MOST)
            rows = [
                {
                    "id": show(one.id),
                    "kind": one.kind,
                    "value": one.value,
                    "proof": one.proof,
                    "would pass": one.evidence["would_pass"],
                    "why": proposals.said(one),
                    **({"evidence": one.evidence} if as_json else {}),
                }
                for one in found
            ]
    table(rows, ("id", "kind", "would pass", "why"), as_json=as_json)
