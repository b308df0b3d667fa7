"""Line ends: which stand alone, and what they become."""

import pytest
from hypothesis import given, strategies

from mta.spool import line_endings


@pytest.mark.parametrize(
    ("raw", "bare", "made"),
    [
        (b"", 0, b""),
        (b"as it should be\r\n\r\n", 0, b"as it should be\r\n\r\n"),
        (b"from Unix\n", 1, b"from Unix\r\n"),
        (b"from an old Macintosh\r", 1, b"from an old Macintosh\r\n"),
        (b"the wrong way about\n\r", 2, b"the wrong way about\r\n\r\n"),
        (b"one too many\r\r\n", 1, b"one too many\r\n\r\n"),
        (b"smuggled\r\n.\n.\r\n", 1, b"smuggled\r\n.\r\n.\r\n"),
    ],
)
def test_lines(raw: bytes, bare: int, made: bytes) -> None:
    assert line_endings.count_bare(raw) == bare
    assert line_endings.normalise_crlf(raw) == made


@given(strategies.lists(strategies.sampled_from([b"\r", b"\n", b".", b"word"])).map(b"".join))
def test_no_line_end_stands_alone_and_none_is_lost(raw: bytes) -> None:
    made = line_endings.normalise_crlf(raw)
    assert line_endings.count_bare(made) == 0
    assert made.count(b"\r\n") == line_endings.count_bare(raw) + raw.count(b"\r\n")
    assert len(made) == len(raw) + line_endings.count_bare(raw)
    assert made.translate(None, b"\r\n") == raw.translate(None, b"\r\n")
