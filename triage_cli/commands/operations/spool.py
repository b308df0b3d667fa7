"""`mailroom spool`: accepted mail that is not in the audit log yet and is tried again later; trying it now, taking it out."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from mta.spool import spool_retry
from mta.spool.spool_retry import Retry
from triage.config.settings import Settings
from triage.errors import BadInput, Conflict, NotFound
from triage.ids import format_id as shown
from triage.runtime.spool_stats import OFTEN
from triage.store import ledger
from triage.times import utcnow
from triage_cli.client.client_option import settings_of
from triage_cli.client.local_setup import open_transaction, shell_user
from triage_cli.commands.selection_options import given_id
from triage_cli.output.raw_bytes import open_output
from triage_cli.output.tables import Form, Shape, json_sentences, list_options, say

RETRIES = Shape(
    {
        "id": "of the message, as in the 250 reply",
        "spool": "incoming, or outbound: an employee's message",
        "received": "when it was accepted",
        "from": "its reverse-path",
        "to": "its recipients",
        "bytes": "its size",
        "tries": f"so far; from {OFTEN} on check the message by hand",
        "next_try": "next attempt",
        "why": "reason for the delay",
    },
    ("id", "spool", "from", "to", "tries", "next_try", "why"),
)


@click.group(invoke_without_command=True)
@click.option("--stuck", is_flag=True, help="Only messages that were retried too often.")
@list_options(RETRIES)
@click.pass_context
def spool(ctx: click.Context, stuck: bool, form: Form) -> None:
    """List and retry accepted messages that wait for DNS.

    Nothing is lost: each is retried, in the end every ten minutes, and entered as soon as possible.
    """
    if not ctx.invoked_subcommand:
        ctx.invoke(list_, stuck=stuck, form=form)


@spool.command("list")
@click.option("--stuck", is_flag=True, help="Only messages that were retried too often.")
@list_options(RETRIES)
@click.pass_context
def list_(ctx: click.Context, stuck: bool, form: Form) -> None:
    """The same as `spool` alone."""
    found = spool_retry.list_waiting(settings_of(ctx).spool.directory)
    RETRIES.print((row_of(one) for one in found if one.attempt >= OFTEN or not stuck), form)


def row_of(one: Retry) -> dict[str, Any]:
    """A message as a line of a list."""
    return {
        "id": shown(one.envelope.spool_id),
        "spool": one.spool,
        "received": one.envelope.received_at.isoformat(timespec="seconds"),
        "from": one.envelope.reverse_path or "<>",
        "to": list(one.envelope.recipients),
        "bytes": len(one.raw),
        "tries": one.attempt,
        "next_try": one.not_before.isoformat(timespec="seconds"),
        "why": one.why,
    }


@spool.command("retry")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All, instead of single ones.")
@json_sentences
@click.pass_context
def retry(ctx: click.Context, ids: tuple[str, ...], every: bool) -> None:
    """Retry messages now: after an upgrade, or when the disk has room again."""
    if bool(ids) == every:
        raise BadInput("name ids, or --all")
    directory, done = settings_of(ctx).spool.directory, 0
    for one in spool_retry.list_waiting(directory) if every else map(partial(find_spooled, directory), ids):
        try:
            spool_retry.try_now(one, utcnow())
        except Conflict:
            if not every:
                raise
        else:
            done += 1
    say(f"{done} tried again now.")


@spool.command("show")
@click.argument("message_id", metavar="ID")
@click.option("--raw", is_flag=True, help="Unchanged on a terminal too; control characters take effect.")
@click.pass_context
def show(ctx: click.Context, message_id: str, raw: bool) -> None:
    """Print a message as received, byte for byte; a terminal shows control characters as escapes. The audit log records it."""
    settings = settings_of(ctx)
    one = find_spooled(settings.spool.directory, message_id)
    on_record(settings, "source", one)
    with open_output(raw=raw) as take:
        take(one.raw)


@spool.command("take-out")
@click.argument("message_id", metavar="ID")
@click.argument("file", type=click.Path(path_type=Path))
@json_sentences
@click.pass_context
def take_out(ctx: click.Context, message_id: str, file: Path) -> None:
    """Move a message that cannot be entered from the spool into a new FILE. The audit log records it.

    It is no longer delivered: pass it on yourself. `mailroom spool` shows its sender and recipients.
    """
    settings = settings_of(ctx)
    one = find_spooled(settings.spool.directory, message_id)
    with spool_retry.hold_message(one) as (place, batch):
        spool_retry.save_message(one.raw, file)
        on_record(settings, "take-out", one)
        place.remove(batch)
    say(f"{file} holds it, from {one.envelope.reverse_path or '<>'} to {', '.join(one.envelope.recipients)}; it is no longer in the spool.")


def find_spooled(directory: Path, text: str) -> Retry:
    """The message of this id. NotFound when it does not wait."""
    wanted = given_id(text)
    found: Iterator[Retry] = (one for one in spool_retry.list_waiting(directory) if shown(one.envelope.spool_id) == wanted)
    if one := next(found, None):
        return one
    raise NotFound(f"no message {wanted} waits in this spool: it was entered meanwhile, or never came here")


def on_record(settings: Settings, act: str, one: Retry) -> None:
    """Say so in the audit log, and no word of whom the message is from and for: it may be for a confidential folder."""
    detail = {"bytes": len(one.raw), "why": one.why}
    subject = f"spool:{shown(one.envelope.spool_id)}"
    open_transaction(settings, partial(ledger.write_act, act=act, subject=subject, by=shell_user(), now=utcnow(), detail=detail))
