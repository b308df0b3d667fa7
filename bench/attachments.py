"""Claim: an attachment is looked into in bounded time, whatever it unpacks to. Files are made here; the bombs hold 128 MiB."""

import bz2
import gzip
import lzma
import sys
import time
from collections.abc import Iterator
from statistics import median

from bench.rounds import printing
from tests.triage.message.mime.office_files import vba_project
from tests.triage.message.mime.test_file_content import NAMELESS, ZIPS, large_tar, packed_zip, tar
from triage.message.mime.file_content import examine_content
from triage.message.mime.zip_members import CENTRAL, Room

ROUNDS = 5


def main() -> int:
    """Measure and print."""
    rows = [(title, f"{measure(name, content):.1f} ms") for title, name, content in make_files()]
    printing.print_table(("attachment", "processor time"), rows)
    return 0


def measure(name: str, content: bytes) -> float:
    """Returns the milliseconds of processor time that one look takes, the median of some."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        examine_content(content, (name,), "application/octet-stream", Room())
        taken.append((time.process_time() - began) * 1000)
    return median(taken)


def make_files() -> Iterator[tuple[str, str, bytes]]:
    """Title, name and content of each file."""
    yield "Word file with macros", "a.doc", vba_project()
    yield "tar.gz of 1,000 names", "a.tar.gz", gzip.compress(tar(*(f"{number}.txt" for number in range(1000))))
    yield "web page of 1.9 MB", "a.html", b"<html>" + b"<p>hello <b>x</b></p>" * 90_000
    yield "ZIP file of a million empty names", "a.zip", packed_zip({"a.txt": b"a"}).replace(CENTRAL, NAMELESS * 1_000_000 + CENTRAL)
    yield "200 ZIP files in each other", "a.zip", ZIPS
    bomb = large_tar()
    yield "bomb, gzip", "a.tar.gz", gzip.compress(bomb, 1)
    yield "bomb, xz", "a.tar.xz", lzma.compress(bomb, preset=0)
    yield "bomb, bzip2", "a.tar.bz2", bz2.compress(bomb)


if __name__ == "__main__":
    sys.exit(main())
