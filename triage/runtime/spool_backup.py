"""Copies of the spool's batches: all that was promised when the copying began, while mail comes in and is judged.

A batch never changes once it has its name. It goes when its mail is in the database, or into the retry spool when it is judged again
later. So whoever copies the database afterwards has all of it, and what is in both is entered once.
"""

import os
import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from triage.errors import BadInput
from triage.ids import ALPHABET, WIDTH, made_at, parse_id
from triage.runtime import checksummed_files
from triage.runtime.checksummed_files import BackupFile
from triage.runtime.durable_files import sync_directory
from triage.runtime.spool_stats import DAMAGED, INCOMING, OUTBOUND, RETRY, batch_names

PLACES = tuple(f"{above}{name}" for above in ("", f"{OUTBOUND}/") for name in (INCOMING, RETRY, DAMAGED))  # in the way that messages take
SPOOL = "spool"  # directory of the copies
NUMBER = re.compile(rf"(?<![{ALPHABET}])[{ALPHABET}]{{{WIDTH}}}(?![{ALPHABET}])")  # in a batch's name: when its mail was accepted


def copy_out(spool: Path, directory: Path) -> Iterator[BackupFile]:
    """Copy every batch; once more as long as one of them went on meanwhile."""
    copied: set[str] = set()
    moved = True
    while moved:
        moved = False
        for name in list_batches(spool):
            if name in copied:
                continue
            try:
                with (spool / name).open("rb") as batch:
                    yield checksummed_files.write_file(directory, f"{SPOOL}/{name}", partial(checksummed_files.copy_file, batch))
            except FileNotFoundError:
                moved = True
            else:
                copied.add(name)


def list_batches(spool: Path) -> list[str]:
    """The batches that are there, in the order in which mail goes through the places; the retry spool is looked at twice."""
    found: dict[str, None] = {}
    for place in (*PLACES, *(one for one in PLACES if one.endswith(RETRY))):
        if (spool / place).is_dir():
            found.update((f"{place}/{name}", None) for name in sorted(batch_names(spool / place)))
    return list(found)


def refuse_unless_empty(spool: Path) -> None:
    """BadInput when there is mail in the spool already."""
    if left := list_batches(spool):
        raise BadInput(f"{spool} already holds accepted messages (batches: {len(left)}): restore into an empty spool directory")


def copy_in(directory: Path, spool: Path) -> int:
    """Put the copied batches back, on stable storage, as the spool directory's owner; how many."""
    owner = spool.stat()
    sources = sorted(path for path in (directory / SPOOL).rglob("*.batch"))
    written = {spool}  # directories with new names; others in the spool may belong to a role alone
    for source in sources:
        target = spool / source.relative_to(directory / SPOOL)
        missing = [one for one in reversed(target.parents) if spool in one.parents and not one.exists()]
        for one in missing:
            one.mkdir(0o750)
            give_ownership(one, owner)
            written.add(one.parent)
        temporary = target.with_name(f"{target.name}.tmp")
        with source.open("rb") as batch, temporary.open("xb") as file:
            shutil.copyfileobj(batch, file, checksummed_files.CHUNK)
            file.flush()
            os.fsync(file.fileno())
        give_ownership(temporary, owner)
        temporary.rename(target)
        written.add(target.parent)
    for one in written:
        sync_directory(one)
    return len(sources)


def give_ownership(path: Path, owner: os.stat_result) -> None:
    """To whom the directory belongs, where we are allowed to give things away."""
    if os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def accepted_before(spool: Path, moment: datetime) -> int:
    """Counts the batches that hold mail accepted until then that nobody has judged; damaged ones aside."""
    waiting = [name for name in list_batches(spool) if f"{DAMAGED}/" not in name]
    return sum(any(made_at(parse_id(one)) <= moment for one in NUMBER.findall(name)) for name in waiting)
