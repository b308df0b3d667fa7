"""Real mail: whatever it looks like, it is authenticated without a fault of ours, and nothing in it proves anything by itself."""

import functools
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from mail_auth.authenticate import authenticate_message
from mail_auth.dns.query_budget import Record
from tests.mail_auth.answers import Function
from tests.mail_auth.suites.counting import Case, Suite
from triage.addressing.envelope import Envelope

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ENDINGS = (".eml", ".msg", ".txt")


def zone(name: str, rdtype: str) -> tuple[Record, ...]:
    """Zone in which each domain asks for rejection and publishes nothing that could prove its messages."""
    return (b"v=DMARC1; p=reject",) if name.startswith("_dmarc.") else ()


def authenticated(directory: Path, *, archive: str) -> Iterator[Case]:
    """Each message once with a reverse-path and once with the null one."""
    with tarfile.open(directory.parent / archive) as packed:
        for member in packed:
            if not member.name.endswith(ENDINGS) or not (file := packed.extractfile(member)):
                continue
            raw = file.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            for path in ("x@stranger.example", ""):
                envelope = Envelope(1, NOW, path, ("ana@company.example",), "192.0.2.1", "mx.stranger.example")
                found = authenticate_message(envelope, raw, Function(zone), NOW)
                faultless = "could not be authenticated" not in found.dmarc.reason and not found.proof
                yield Case(f"{member.name}, <{path}>", faultless, str(found))


SUITES = tuple(
    Suite(f"real mail, {archive.partition('.')[0]}", cases, functools.partial(authenticated, archive=archive))
    for archive, cases in (("mail-phish.tar.gz", 600), ("mail-other.tar.gz", 1432), ("mime-torture.tar.gz", 844))
)
