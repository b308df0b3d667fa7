"""Zone files as they are written by hand: read, read again, and refused with file and line."""

import os
import time
from pathlib import Path

import pytest

from mail_auth.dns.query_budget import Record, Temporary
from mail_auth.dns.zone_file import ZoneFileResolver
from triage.errors import BadInput

ZONE = """\
; the demo company
example.com. 300 IN TXT "v=spf1 " "-all"
example.com. 300 IN MX 10 mx.example.com.
mx.example.com. A 192.0.2.1
mx.example.com. A 192.0.2.2
alias.example.com. CNAME mx.example.com.
loop.example.com. CNAME loop.example.com.
key._domainkey.example.com. IN TXT ( "v=DKIM1; "
    "p=abc" )
1.2.0.192.in-addr.arpa. PTR mx.example.com.
"""


def soon(seconds: float = 5) -> float:
    return time.monotonic() + seconds


@pytest.mark.parametrize(
    ("name", "rdtype", "records"),
    [
        ("example.com", "TXT", (b"v=spf1 -all",)),
        ("EXAMPLE.com.", "MX", ("10 mx.example.com",)),
        ("mx.example.com", "A", ("192.0.2.1", "192.0.2.2")),
        ("mx.example.com", "AAAA", ()),
        ("alias.example.com", "A", ("192.0.2.1", "192.0.2.2")),
        ("alias.example.com", "TXT", ()),
        ("key._domainkey.example.com", "TXT", (b"v=DKIM1; p=abc",)),
        ("1.2.0.192.in-addr.arpa", "PTR", ("mx.example.com",)),
        ("nothing.example.com", "A", ()),
    ],
)
def test_zone_file(tmp_path: Path, name: str, rdtype: str, records: tuple[Record, ...]) -> None:
    (tmp_path / "zone").write_text(ZONE)
    assert ZoneFileResolver(tmp_path / "zone").query(name, rdtype, soon()) == records


def test_zone_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "zone"
    path.write_text(ZONE)
    zone = ZoneFileResolver(path)
    assert zone.query("new.example", "A", soon()) == ()
    path.write_text(ZONE + "new.example. A 192.0.2.7\n")
    os.utime(path, (1, 1))
    assert zone.query("new.example", "A", soon()) == ("192.0.2.7",)
    path.write_text("new.example. A broken\n")
    os.utime(path, (2, 2))
    with pytest.raises(Temporary, match="zone:1"):
        zone.query("new.example", "A", soon())
    path.unlink()
    with pytest.raises(Temporary, match="cannot be read"):
        zone.query("new.example", "A", soon())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (ZONE + "x.example. A 300.1.1.1\n", 11),
        (ZONE + "x.example. NOSUCHTYPE 1\n", 11),
        ('x.example. TXT "open\n', 1),
        ("x.example. 300 IN TXT ( a\n", None),
        ("$INCLUDE /etc/passwd\n", 1),
    ],
)
def test_broken_zone_files_name_file_and_line(tmp_path: Path, text: str, line: int | None) -> None:
    path = tmp_path / "company.zone"
    path.write_text(text)
    with pytest.raises(BadInput, match=f"company.zone:{line}" if line else "company.zone"):
        ZoneFileResolver(path)


def test_unreadable_zone_files(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="zone_file"):
        ZoneFileResolver(tmp_path / "nothing")
    with pytest.raises(BadInput, match="cannot be read"):
        ZoneFileResolver(tmp_path)
    (tmp_path / "latin").write_bytes(b"x.example. TXT \xff\n")
    with pytest.raises(BadInput, match="latin"):
        ZoneFileResolver(tmp_path / "latin")


def test_cnames_end(tmp_path: Path) -> None:
    (tmp_path / "zone").write_text(ZONE)
    with pytest.raises(Temporary, match="CNAME"):
        ZoneFileResolver(tmp_path / "zone").query("loop.example.com", "A", soon())
