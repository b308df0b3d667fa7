"""`mailroom backup`: everything that was promised, as of now, while mail comes in and goes out."""

import os
import shutil
import socket
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

import click
from sqlalchemy import Engine

from migrations.version import present
from triage.config import settings_loader
from triage.config.settings import Settings, every_key
from triage.errors import BadInput
from triage.runtime import backup_manifest, checksummed_files, spool_backup
from triage.runtime.backup_manifest import Manifest
from triage.runtime.checksummed_files import BackupFile
from triage.store import database_dump, ledger
from triage.store.message_record import dictionaries
from triage.text.numbers import format_count
from triage.times import utcnow
from triage_cli.client.client_option import refuse_server, settings_of
from triage_cli.client.local_setup import database_of, open_transaction, shell_user
from triage_cli.lazy_group import HELP, Lazy
from triage_cli.output.tables import json_sentences, say

CHECKPOINTS = "checkpoints"  # directory of the signed checkpoints
DICTIONARIES = "dictionaries"  # directory of what the records of messages are compressed with


class Backup(Lazy):
    """`backup DIRECTORY` is short for `backup create DIRECTORY`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        asks_help = not args or args[0] in HELP
        return super().parse_args(ctx, args if asks_help or args[0] in self.list_commands(ctx) else ["create", *args])


@click.group(cls=Backup, elsewhere={"restore": "commands.operations.restore"})
def backup() -> None:
    """Back up this system, or restore it from a backup."""


@backup.command("create")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--spool-only", is_flag=True, help="For a machine that only receives or delivers: its spool, without the database.")
@json_sentences
@click.pass_context
def create(ctx: click.Context, directory: Path, spool_only: bool) -> None:
    """Back up the database, the spool and the checkpoints into DIRECTORY.

    Nothing is stopped for it. When the command ends with 0 all of it is on stable storage. Keys, passwords and settings are not in it:
    their files are named at the end. It contains messages: keep it as safe as the mailboxes.
    """
    refuse_server(ctx)
    settings = settings_of(ctx)
    backup_manifest.make_directory(directory)
    try:
        made = save_all(settings, directory, spool_only=spool_only, config=ctx.find_root().obj)
    except OSError as fault:
        clear_unfinished(directory)
        raise BadInput(f"{directory}: {fault.strerror}; nothing of the backup is left there") from fault
    except BaseException:
        clear_unfinished(directory)
        raise
    if made.database:
        detail = {"files": len(made.files), "bytes": backup_manifest.total_bytes(made.files), "directory": str(directory)}
        open_transaction(settings, partial(ledger.write_act, act="backup", subject="backup", by=shell_user(), now=utcnow(), detail=detail))
    files = format_count(len(made.files), "file")
    say(f"{directory}: {files}, {backup_manifest.total_bytes(made.files):,} bytes, as of {made.at:%Y-%m-%d %H:%M:%S} UTC")
    for name in made.left_out:
        say(f"not in it, save it elsewhere: {name}")


def save_all(settings: Settings, directory: Path, *, spool_only: bool, config: str | None) -> Manifest:
    """The spool first and the database last: what leaves the spool meanwhile is in the database."""
    at = utcnow()
    files = list(spool_backup.copy_out(settings.spool.directory, directory))
    kind = revision = ""
    if not spool_only:
        files += save_checkpoints(settings, directory)
        files += save_dictionaries(directory)
        with database_of(settings) as engine:
            kind, revision = database_dump.kind_of(engine), version_of(engine)
            files += database_dump.copy_out(engine, directory)
    elsewhere = tuple(left_out(settings, config))
    made = Manifest(at, version("mailroom"), socket.gethostname(), kind, revision, tuple(files), elsewhere)
    made.write(directory)
    return made


def version_of(engine: Engine) -> str:
    """The version of a database that was looked at already."""
    found = present(engine)
    assert found is not None
    return found


def save_checkpoints(settings: Settings, directory: Path) -> Iterator[BackupFile]:
    """The signed checkpoints. They are older than the database that is copied next, so it holds all that they have seen."""
    where = Path(settings.audit.checkpoints) if settings.audit.checkpoints else None
    for path in sorted(where.glob("*.jsonl")) if where and where.is_dir() else ():
        yield save_file(path, directory, CHECKPOINTS)


def save_dictionaries(directory: Path) -> Iterator[BackupFile]:
    """The dictionaries of message records, so that a backup can be read whatever becomes of this program."""
    return (save_file(path, directory, DICTIONARIES) for path in dictionaries.list_files())


def save_file(path: Path, directory: Path, part: str) -> BackupFile:
    """A copy of a file in a part of the backup."""
    with path.open("rb") as source:
        return checksummed_files.write_file(directory, f"{part}/{path.name}", partial(checksummed_files.copy_file, source))


def left_out(settings: Settings, config: str | None) -> Iterator[str]:
    """The files that are not in a backup, and without which a restored system does not work."""
    if file := settings_loader.choose_file(config, os.environ):
        yield str(file)
    if settings.directory.file and Path(settings.directory.file).is_file():
        yield settings.directory.file
    for section, name, one in every_key():
        value = getattr(getattr(settings, section), name)
        if one.metadata.get("file") and value and isinstance(value, str):
            yield value


def clear_unfinished(directory: Path) -> None:
    """A backup that was not finished is none."""
    for path in directory.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
