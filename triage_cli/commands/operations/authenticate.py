"""`mailroom authenticate`: what SPF, DKIM, ARC and DMARC make of one message, step by step, beside what stock libraries say."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from mail_auth import second_opinion
from mail_auth.authenticate import authenticate_message
from mail_auth.dns.query_budget import Resolver
from mail_auth.dns.resolver_factory import open_resolver
from mail_auth.dns.zone_file import ZoneFileResolver
from mail_auth.second_opinion import Row
from mta.processing.received_headers import as_received, envelope_of
from triage.addressing.envelope import Envelope
from triage.errors import BadInput
from triage.message.authentication import Authentication
from triage_cli.client.client_option import settings_of
from triage_cli.output.tables import Form, Shape, json_option, say, warn

LARGEST = 64 * 1024 * 1024  # bytes of a message
FOUND = Shape(
    {
        "author": "address in the From field; empty when it does not name exactly one",
        "proof": "dmarc, aligned (the domain publishes no DMARC record) or empty: nothing proves the author",
        "steps": "of ours in their order, one for each library that looked at the same: method, about, result, reason, library, "
        "library_result, library_reason, difference in words",
    }
)


@click.command("authenticate")
@click.argument("file", metavar="FILE", type=click.Path(allow_dash=True, path_type=Path))
@click.option("--client", default="", metavar="IP", help="Address of the client that sent it. Without it, SPF is not checked.")
@click.option("--helo", default="", metavar="NAME", help="Name in the client's EHLO.")
@click.option("--sender", metavar="ADDRESS", help="Address in MAIL FROM. Default: as Return-Path has it.")
@click.option("--zone", type=click.Path(path_type=Path), metavar="FILE", help="Answer DNS from this zone file in place of the network.")
@click.option("--alone", is_flag=True, help="Do not compare with other libraries.")
@json_option(FOUND)
@click.pass_context
def authenticate_file(
    ctx: click.Context, file: Path, client: str, helo: str, sender: str | None, zone: Path | None, alone: bool, form: Form
) -> None:
    """Authenticate a message (SPF, DKIM, ARC, DMARC) step by step, and compare with other libraries.

    FILE is a message as it was received; - is standard input. pyspf and dkimpy are asked too, and authheaders where
    mailroom[second-opinion] is installed; a sentence says why results differ. Nothing is stored.
    """
    raw = read_file(file)
    envelope = envelope_for(raw, client, helo, sender)
    resolver: Resolver = ZoneFileResolver(zone) if zone else open_resolver(settings_of(ctx).dns)
    found = authenticate_message(envelope, raw, resolver, envelope.received_at)
    opinions = [] if alone else second_opinion.ask_libraries(envelope, raw, resolver)
    print_steps(found, second_opinion.compare_opinions(found, opinions, raw), form)
    if not alone and not second_opinion.is_installed():
        warn(second_opinion.MISSING)


def read_file(file: Path) -> bytes:
    """The message, with the line ends of SMTP. BadInput when it cannot be read or is too large."""
    try:
        raw = sys.stdin.buffer.read(LARGEST + 1) if str(file) == "-" else file.read_bytes()
    except OSError as fault:
        raise BadInput(f"{file} cannot be read: {fault.strerror}") from fault
    if len(raw) > LARGEST:
        raise BadInput(f"{file} is larger than {LARGEST >> 20} MiB: no message of that size is accepted")
    return as_received(raw)


def envelope_for(raw: bytes, client: str, helo: str, sender: str | None) -> Envelope:
    """The transaction in which it came, as far as somebody says or the message tells."""
    told = envelope_of(raw, "", None)
    path = told.reverse_path if sender is None else sender.strip("<>")
    return replace(told, client=client, helo=helo, reverse_path=path, edge="" if client else told.edge)


def print_steps(found: Authentication, rows: list[Row], form: Form) -> None:
    """Prints a line for each step, and below it the results of the other libraries."""
    if form is Form.JSON:
        FOUND.print_one({"author": found.author, "proof": found.proof, "steps": [as_json(row) for row in rows]}, form)
        return
    say(f"author  {found.author or 'not exactly one'}")
    shown = None
    for row in rows:
        if (row.method, row.about) != shown:
            say(f"{row.method:<6}  {row.result:<9}  {' '.join(filter(None, [row.about, f'({row.reason})' if row.reason else '']))}")
            shown = row.method, row.about
        if row.opinion:
            reason = f"  ({row.opinion.reason})" if row.opinion.reason else ""
            say(f"        {row.opinion.result:<9}  {row.opinion.library}{reason}")
        if row.difference:
            say(f"        {row.difference}")
    say(f"The author is proven: {found.proof}." if found.proof else "Nothing proves the author.")


def as_json(row: Row) -> dict[str, str]:
    """A step for a program."""
    theirs = row.opinion
    return {
        "method": row.method,
        "about": row.about,
        "result": row.result,
        "reason": row.reason,
        "library": theirs.library if theirs else "",
        "library_result": theirs.result if theirs else "",
        "library_reason": theirs.reason if theirs else "",
        "difference": row.difference,
    }
