"""Message records as compressed values: what was put in comes out, and what cannot be read says where a copy is."""

import hashlib
import threading
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, strategies as st
from sqlalchemy.dialects import sqlite

from triage.errors import Unreadable
from triage.store.message_record import dictionaries
from triage.store.message_record.record_codec import DAMAGED, MessageRecord, as_json, pack_record, unpack_record
from triage.store.message_record.record_column import RecordColumn

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda one: st.lists(one, max_size=4) | st.dictionaries(st.text(), one, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=5)
RECORD = MessageRecord({"client": "192.0.2.1"}, {"author": "a@b.example"}, {"subject": "Your order"}, [{"name": "stranger"}])
MISSING = "dictionary 2 of the message records is missing or damaged"


@given(st.builds(MessageRecord, OBJECTS, OBJECTS, OBJECTS, st.lists(OBJECTS, max_size=3)))
def test_comes_out_as_it_was_put_in(record: MessageRecord) -> None:
    packed = pack_record(record)
    assert unpack_record(packed) == unpack_record(as_json(record)) == record
    assert zstandard.get_frame_parameters(packed).dict_id == dictionaries.NEWEST


@given(st.binary(max_size=80))
def test_bytes_that_are_no_record_are_damaged(stored: bytes) -> None:
    with pytest.raises(Unreadable, match=r"damaged|missing"):
        unpack_record(stored)


def test_one_flipped_bit_is_noticed() -> None:
    packed = pack_record(RECORD)
    for place in range(len(packed) * 8):
        changed = bytearray(packed)
        changed[place // 8] ^= 1 << place % 8
        try:
            assert unpack_record(bytes(changed)) == RECORD, f"bit {place} changes nothing that counts, such as the size of a window"
        except Unreadable:
            continue


@pytest.mark.parametrize("stored", [b"", b"[", b"[1]", b'["a","b","c","d","e"]', pack_record(RECORD)[:-1], pack_record(RECORD)[:20]])
def test_what_is_cut_off_is_damaged(stored: bytes) -> None:
    with pytest.raises(Unreadable, match="damaged in the database: a backup may still have it"):
        unpack_record(stored)


def test_a_missing_dictionary_names_the_backup() -> None:
    dictionary = zstandard.ZstdCompressionDict(dictionaries.file_of(1).read_bytes())
    other = zstandard.ZstdCompressionDict(dictionary.as_bytes()[:4] + (2).to_bytes(4, "little") + dictionary.as_bytes()[8:])
    stored = zstandard.ZstdCompressor(dict_data=other).compress(as_json(RECORD))
    with pytest.raises(Unreadable, match=f"{MISSING}.*records_2.zdict from the directory `dictionaries` of a backup"):
        unpack_record(stored)


@pytest.mark.parametrize("content", [b"", b"no dictionary"])
def test_a_damaged_dictionary_is_as_good_as_none(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dictionaries, "DIRECTORY", tmp_path)
    dictionaries.file_of(2).write_bytes(content)
    with pytest.raises(Unreadable, match=MISSING):
        dictionaries.read_dictionary(2)


def bad_copies(content: bytes) -> list[bytes]:
    """The same dictionary cut off, and with one bit changed."""
    return [content[:-40], content[:-1], content[:-5000] + bytes([content[-5000] ^ 1]) + content[-4999:]]


@pytest.mark.parametrize("content", bad_copies(dictionaries.file_of(1).read_bytes()))
def test_a_dictionary_is_as_it_was_released(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dictionaries, "DIRECTORY", tmp_path)
    dictionaries.file_of(1).write_bytes(content)
    with pytest.raises(Unreadable, match="dictionary 1 of the message records is missing or damaged"):
        dictionaries.read_dictionary.__wrapped__(1)


def test_a_record_that_cannot_be_read_fails_where_it_is_used() -> None:
    found = RecordColumn().process_result_value(pack_record(RECORD)[:-1], sqlite.dialect())
    assert str(found.fault if found else "") == DAMAGED
    for name in MessageRecord.__slots__:
        with pytest.raises(Unreadable, match="a backup may still have it"):
            getattr(found, name)


def test_released_dictionaries_stay_as_they_are() -> None:
    found = {number: hashlib.sha256(dictionaries.file_of(number).read_bytes()).hexdigest() for number in dictionaries.DIGESTS}
    assert found == dictionaries.DIGESTS
    assert [file.name for file in dictionaries.list_files()] == [f"records_{number}.zdict" for number in dictionaries.DIGESTS]
    assert max(dictionaries.DIGESTS) == dictionaries.NEWEST


def test_threads_do_not_share_compressors() -> None:
    records = [MessageRecord({}, {}, {"subject": f"{number} " * 200}, []) for number in range(8)]
    wrong: list[int] = []

    def work(number: int) -> None:
        wrong.extend(number for _ in range(300) if unpack_record(pack_record(records[number])) != records[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(records))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
