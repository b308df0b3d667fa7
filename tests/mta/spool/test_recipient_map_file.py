"""The snapshot's file: it gives back what was written, big ones at once, damaged ones not at all."""

import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from mta.spool import recipient_map_file
from mta.spool.recipient_map_file import SETS, Digests, SnapshotFile, pack_map, unpack_map
from triage.addressing.envelope import Address
from triage.directory.recipient_map import RecipientMap

RECIPIENT_MAP = RecipientMap(
    domains=frozenset({"company.example"}),
    recipients=frozenset({"info@company.example"}),
    sub_addressed=frozenset({"anna@company.example", "jörg@company.example"}),
    blocked=frozenset({"blocked.example"}),
    blocked_unsigned=frozenset({"silent.example"}),
    left=frozenset({"gone@company.example"}),
    closed=frozenset({"all@company.example"}),
    delimiter="-",
)
names = st.sets(st.text(max_size=12), max_size=30)


@given(names, names, st.text(max_size=12))
def test_a_set_holds_its_names_and_no_other(inside: set[str], others: set[str], some: str) -> None:
    read = unpack_map(pack_map(replace(RECIPIENT_MAP, recipients=inside, blocked=others)))
    assert all((name in read.recipients) == (name in inside) for name in inside | others | {some})
    assert all((name in read.blocked) == (name in others) for name in inside | others | {some})


def test_the_file_holds_all_of_it() -> None:
    read = unpack_map(pack_map(RECIPIENT_MAP))
    for name in SETS:
        held = getattr(read, name)
        assert isinstance(held, Digests)
        assert len(held) == len(getattr(RECIPIENT_MAP, name))
        assert all(one in held for one in getattr(RECIPIENT_MAP, name))
    assert read.delimiter == "-"
    assert read.admits(Address.parse("Jörg-shop@company.example"))
    assert pack_map(read_names(RECIPIENT_MAP)) == pack_map(RECIPIENT_MAP)


def read_names(recipient_map: RecipientMap) -> RecipientMap:
    """The same names in another order."""
    return replace(recipient_map, sub_addressed=["jörg@company.example", "anna@company.example"])


def damaged() -> list[bytes]:
    """Files that were cut, lengthened, changed, or never were snapshots."""
    whole = pack_map(RECIPIENT_MAP)
    start = len(whole) - 16 * 8
    head = whole[:start]
    return [
        *(
            b"",
            b"{",
            b"[]",
            b"\xff",
            b'{"domains": []}',
            recipient_map_file.FORMAT,
            recipient_map_file.FORMAT + b"[]\n",
            recipient_map_file.FORMAT + b"{}\n",
        ),
        *(whole[:-1], whole[:-16], whole + b"x", whole + bytes(16), whole[:-1] + bytes([whole[-1] ^ 1])),
        *(head.replace(b"snapshot 3", b"snapshot 4") + whole[start:], head.replace(b'"domains": 1', b'"domains": -1') + whole[start:]),
        *(
            recipient_map_file.FORMAT + b'{"sets": [], "crc32": 0, "delimiter": "+"}\n',
            recipient_map_file.FORMAT + b'{"sets": {}, "crc32": 0, "delimiter": "+"}\n',
        ),
    ]


@pytest.mark.parametrize("raw", damaged())
def test_a_damaged_file_is_no_snapshot(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"damaged|no recipient map"):
        unpack_map(raw)


def other_version(number: int, without: str = "", beside: str = "") -> bytes:
    """A file as another version writes it: with fewer sets, or with one before the others that this one does not know."""
    sets = {beside: [recipient_map_file.name_digest("unheard of")]} if beside else {}
    sets |= {name: sorted(recipient_map_file.name_digest(one) for one in getattr(RECIPIENT_MAP, name)) for name in SETS if name != without}
    body = b"".join(map(b"".join, sets.values()))
    head = {"delimiter": "-", "sets": {name: len(digests) for name, digests in sets.items()}, "crc32": zlib.crc32(body)}
    return b"mailroom door snapshot %d\n%b\n%b" % (number, json.dumps(head).encode(), body)


@pytest.mark.parametrize(("raw", "missing"), [(other_version(2, without="closed"), "closed"), (other_version(3, beside="greylisted"), "")])
def test_the_door_goes_on_with_the_file_of_another_version(raw: bytes, missing: str) -> None:
    """After an upgrade or a rollback, until the judge has written its own."""
    read = unpack_map(raw)
    for name in SETS:
        assert [one in getattr(read, name) for one in getattr(RECIPIENT_MAP, name)] == [name != missing] * len(getattr(RECIPIENT_MAP, name))
    assert not read.is_closed(Address.parse("nobody@company.example"))


def test_a_file_that_could_not_be_opened_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipient_map_file, "CHECK_EVERY", 0.0)
    recipient_map_file.write_map(tmp_path, RECIPIENT_MAP)
    file = SnapshotFile(tmp_path)

    def refuse(_path: Path) -> bytes:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refuse)
        assert file.current() is None
    assert file.current() is not None


def test_nothing_else_is_left_behind(tmp_path: Path) -> None:
    recipient_map_file.write_map(tmp_path, RECIPIENT_MAP)
    recipient_map_file.write_map(tmp_path, replace(RECIPIENT_MAP, delimiter="+"))
    assert [path.name for path in tmp_path.iterdir()] == [recipient_map_file.NAME]
    read = SnapshotFile(tmp_path).current()
    assert read is not None
    assert read.delimiter == "+"
