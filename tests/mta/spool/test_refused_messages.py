"""Refusals that the SMTP server leaves for the processor: summed, bounded, and read once."""

from pathlib import Path

import pytest

from mta.spool import refused_messages
from mta.spool.refused_messages import RefusedMessages, read_files

TOO_LARGE = "552 5.3.4 The message is too large"


def test_the_same_refusal_is_one_line_with_its_number(tmp_path: Path) -> None:
    noted = RefusedMessages(tmp_path)
    for sender in ("a@b.example", "A@B.example", "c@d.example"):
        noted.note(TOO_LARGE, "192.0.2.7", sender, "Joe@company.example")
    noted.write()
    noted.write()  # nothing more
    ((path, found),) = read_files(tmp_path)
    assert [(one.reverse_path, one.recipient, one.client, one.reply, one.times) for one in found] == [
        ("a@b.example", "joe@company.example", "192.0.2.7", TOO_LARGE, 2),
        ("c@d.example", "joe@company.example", "192.0.2.7", TOO_LARGE, 1),
    ]
    assert all(one.at <= one.until for one in found)
    path.unlink()
    assert list(read_files(tmp_path)) == []


def test_a_flood_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused_messages, "MOST", 3)
    noted = RefusedMessages(tmp_path)
    for number in range(10):
        noted.note(TOO_LARGE, "192.0.2.7", f"{number}@b.example", "x" * 5000)
    noted.write()
    ((_, found),) = read_files(tmp_path)
    assert len(found) == 3
    assert {len(one.recipient) for one in found} == {refused_messages.LONGEST}


@pytest.mark.parametrize("text", ["", "{", "[1]", '[["a"]]', '[["a", "b", "c", "d", "x", 1, 1]]'])
def test_a_damaged_file_says_nothing(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    directory = tmp_path / refused_messages.DIRECTORY
    directory.mkdir()
    (directory / "0ABC.json").write_text(text)
    assert [found for _, found in read_files(tmp_path)] == [[]]
    assert "cannot be read" in caplog.text


def test_a_directory_that_cannot_be_written_loses_the_note_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / refused_messages.DIRECTORY).write_text("a file")
    noted = RefusedMessages(tmp_path)
    noted.note(TOO_LARGE, "192.0.2.7", "a@b.example")
    noted.write()
    assert "are not noted" in caplog.text
