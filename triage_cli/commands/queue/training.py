"""`mailroom training`: shows messages whose answer is known, checks answers, explains the clues, lists scores. Changes no message."""

from dataclasses import asdict

import click

from demo.training_messages import read_deck
from triage.quarantine import training, viewings
from triage.quarantine.known_messages import figures
from triage.quarantine.training import HAND, Result
from triage.quarantine.training_messages import RELEASE_IT, REMOVE_IT, TrainingMessage
from triage.store import db
from triage.text.numbers import format_count
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from triage_cli.client.client_option import settings_of
from triage_cli.client.local_setup import database_of, open_read_session, shell_user
from triage_cli.output.tables import Form, Shape, list_options, say

LINES = 40  # of a message's text that are shown
KEYS = {"r": RELEASE_IT, "p": REMOVE_IT}  # as in the console
SCORES = Shape(
    {
        "login": "who",
        "right": "right answers",
        "answered": "all answers",
        "bad_released": "harmful messages released",
        "good_removed": "harmless messages removed",
        "last_at": "last answer",
    }
)

KNOWN = Shape(
    {
        "who": "who",
        "right": "right answers",
        "answered": "all answers",
        "bad_released": "harmful messages released",
        "good_removed": "harmless messages removed",
    }
)


@click.group("training", invoke_without_command=True)
@click.option("--messages", "cases", type=click.IntRange(1, 100), default=HAND, show_default=True, help="How many.")
@click.pass_context
def train(ctx: click.Context, cases: int) -> None:
    """Train on messages whose answer is known."""
    if ctx.invoked_subcommand is not None:
        return
    settings, by = settings_of(ctx), shell_user()
    read_deck()
    with database_of(settings) as engine:
        with db.read_transaction(engine) as session:
            dealt = training.deal_messages(session, read_deck, by=by, now=utcnow(), limit=cases)
        right = asked = 0
        for number, one in enumerate(dealt, 1):
            if one.message_id is not None:  # a past message: the audit log names who fetched it
                with db.transaction(engine) as session:
                    viewings.record_fetch(session, one.message_id, "text", by=by, now=utcnow())
            show_row(one, f"{number} of {len(dealt)}")
            key = click.prompt("r: release, p: remove, q: quit", type=click.Choice([*KEYS, "q"]), show_choices=False)
            if key == "q":
                break
            with db.transaction(engine) as session:
                result = training.answer_training_message(session, read_deck, one.case, KEYS[key], by=by, now=utcnow())
            print_answer(result)
            asked, right = asked + 1, right + result.right
    say(f"{right} of {asked} right" if asked else "You have answered all training messages." if not dealt else "Nothing answered.")


@train.command("scores")
@list_options(SCORES)
@click.pass_context
def list_scores(ctx: click.Context, form: Form) -> None:
    """List scores, by the first answer to each message."""
    with open_read_session(settings_of(ctx)) as session:
        rows = [asdict(one) for one in training.list_scores(session, by=shell_user())]
    for row in rows:
        row["last_at"] = row["last_at"].isoformat(timespec="minutes")
    SCORES.print(rows, form)


@train.command("known-messages")
@list_options(KNOWN)
@click.pass_context
def list_known_figures(ctx: click.Context, form: Form) -> None:
    """List hits and misses with known messages: yours, the team's, and those of each person where `reports.staff` is `people`."""
    settings, by = settings_of(ctx), shell_user()
    with open_read_session(settings) as session:
        found = figures.read_figures(session, by=by, settings=settings, now=utcnow())
    named = [("you", found.own), ("team", found.team), *((one.login, one.tally) for one in found.people)]
    KNOWN.print([{"who": who} | asdict(tally) for who, tally in named if tally is not None], form)


def show_row(one: TrainingMessage, place: str) -> None:
    """A training message without its answer."""
    say(f"--- {place} ---")
    for name, value in (
        ("From", f"{one.author_name} <{one.author}>"),
        ("To", one.recipient),
        ("Date", one.written),
        ("Subject", one.subject),
    ):
        say(f"{name + ':':9}{value}")
    for address in one.reply_to:
        say(f"Reply-To {address}")
    for name in one.attachments:
        say(f"Attached {name}")
    say(one.proof)
    click.echo()
    lines = one.text.splitlines()
    for line in lines[:LINES]:
        click.echo(escape_visible(line))
    if len(lines) > LINES:
        say(f"… {format_count(len(lines) - LINES, 'more line')}")
    for link in one.links:
        say(f"Link: {link.text} -> {link.target}")
    click.echo()


def print_answer(result: Result) -> None:
    """Prints whether an answer in training was right, and why."""
    should = "release" if result.answer == RELEASE_IT else "remove"
    say(f"{'Right' if result.right else 'Wrong'}: {should} this message.")
    for sentence in result.clues:
        say(f"  {sentence}")
