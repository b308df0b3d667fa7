"""`mailroom secrets`: how the secrets of this machine are kept, their encryption and rotation."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from triage.errors import BadInput
from triage.text.numbers import format_count
from triage_cli.client.client_option import refuse_server
from triage_cli.client.exit_codes import DONE, REFUSED
from triage_cli.output.tables import Form, Shape, json_sentences, list_options, say
from triage_cli.secrets import rotation
from triage_cli.secrets.encrypted_files import PLACE, NotEncryptable, Secrets
from triage_cli.secrets.known_secrets import known_secret

KEPT = Shape(
    {
        "name": "SECTION.KEY of the settings, or webhooks/FILE, identity/FILE",
        "kept": "plain (only root reads it), encrypted, or both: then the plain one counts, and `encrypt` takes it over",
        "roles": "roles that get it",
        "fault": "why this machine cannot open it; empty if it can",
    }
)


@click.group(invoke_without_command=True)
@click.option("--directory", type=click.Path(path_type=Path), default=PLACE, show_default=True, help="Where the secrets are.")
@list_options(KEPT)
@click.pass_context
def secrets(ctx: click.Context, directory: Path, form: Form) -> int:
    """List the secrets of this machine, encrypt and rotate them. Run it as root.

    Exit code 1 when an encrypted secret cannot be opened here. No value is printed.
    """
    refuse_server(ctx)
    ctx.obj = Secrets(directory)
    if ctx.invoked_subcommand:
        return DONE
    rows = list(rows_of(find_secrets(ctx)))
    KEPT.print(rows, form)
    return REFUSED if any(row["fault"] for row in rows) else DONE


def find_secrets(ctx: click.Context) -> Secrets:
    """Returns the secrets that this user may read, or BadInput."""
    found: Secrets = ctx.obj
    if not found.place.is_dir():
        raise BadInput(f"{found.place} is no directory: deploy/install.sh makes it (docs/how-to/systemd.md)")
    if not os.access(found.place, os.R_OK | os.W_OK | os.X_OK):
        raise BadInput("become root: only root may read the secrets")
    return found


def rows_of(found: Secrets) -> Iterator[dict[str, Any]]:
    """Each secret as a line of a list."""
    plain, encrypted = found.list_plain(), found.list_encrypted()
    for name in sorted({*plain, *encrypted}):
        kept = "both" if name in plain and name in encrypted else "plain" if name in plain else "encrypted"
        yield {"name": name, "kept": kept, "roles": list(known_secret(name).roles), "fault": find_fault(found, name)}


def find_fault(found: Secrets, name: str) -> str:
    """Says why a secret cannot be opened on this machine, "" when it can."""
    try:
        found.read(name)
    except BadInput as fault:
        return str(fault)
    return ""


@secrets.command("encrypt")
@json_sentences
@click.pass_context
def encrypt(ctx: click.Context) -> None:
    """Encrypt the plain secrets by systemd-creds, with this machine's TPM or host key.

    Other machines cannot open them, so keep each secret in your password manager too. Where this machine cannot encrypt, they stay plain.
    """
    found = find_secrets(ctx)
    refuse_foreign(found)
    names = found.list_plain()
    for number, name in enumerate(names):
        try:
            found.encrypt(name)
        except NotEncryptable as fault:
            say(f"{format_count(len(names) - number, 'secret')} stay plain, and only root reads them: {fault}")
            return
    say(f"encrypted for this machine: {', '.join(names)}" if names else "no plain secret is left")


def refuse_foreign(found: Secrets) -> None:
    """BadInput names the first encrypted secret that this machine cannot open."""
    for name in found.list_encrypted():
        found.read(name)


@secrets.command("decrypt")
@json_sentences
@click.pass_context
def decrypt(ctx: click.Context) -> None:
    """Make encrypted secrets plain again: before a move to another machine, or to a release that knows none."""
    found = find_secrets(ctx)
    names = found.list_encrypted()
    refuse_foreign(found)
    for name in names:
        found.decrypt(name)
    say(f"plain again, and only root reads them: {', '.join(names)}" if names else "no secret is encrypted")


@secrets.command("rotate")
@click.argument("names", metavar="NAME[=FILE]...", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Change nothing: only say what follows.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_sentences
@click.pass_context
def rotate(ctx: click.Context, names: tuple[str, ...], dry_run: bool, yes: bool) -> None:
    """Replace secrets, and restart the roles that read them.

    FILE has the new value; - is standard input. Without it Mailroom makes one, where it may: smtp.edge_token and keys of webhooks. A made
    value is printed once, for the other side. All named secrets change together, or none does.
    """
    found = find_secrets(ctx)
    plan = rotation.plan_rotation(found, dict(map(given_value, names)))
    for sentence in plan.describe():
        say(sentence)
    if dry_run:
        return
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput("nothing was changed: this asks before it changes anything; say --yes where nobody can answer")
        click.confirm("Rotate now?", abort=True)
    encrypted = rotation.rotate(found, plan)
    say(f"rotated{', encrypted' if encrypted else ''}: {', '.join(plan.values)}")
    for name in sorted(plan.made):
        say(f"{name} is now {plan.values[name].decode().split()[0]}")


def given_value(text: str) -> tuple[str, bytes | None]:
    """Splits NAME=FILE into the name and what is in the file."""
    name, equals, file = text.partition("=")
    known_secret(name)
    if not equals:
        return name, None
    try:
        return name, sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as fault:
        raise BadInput(f"{name}: {file or 'the file'} cannot be read: {fault.strerror}") from fault
