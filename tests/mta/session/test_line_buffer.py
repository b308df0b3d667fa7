"""Command lines are the same however the stream is cut, and one without an end costs no memory."""

from itertools import pairwise

from hypothesis import given, strategies as st

from mta.session.line_buffer import ENDLESS, LONGEST_KEPT, Unread

PIECES = st.sampled_from([b"\n", b"\r\n", b"NOOP", b"x" * LONGEST_KEPT, b"\0", b"y" * 3000])


@given(st.lists(PIECES, max_size=12).map(b"".join), st.lists(st.integers(0, 20_000), max_size=6))
def test_lines_do_not_depend_on_how_the_stream_is_cut(stream: bytes, cuts: list[int]) -> None:
    unread, lines = Unread(), []
    for start, stop in pairwise([0, *sorted({min(cut, len(stream)) for cut in cuts}), len(stream)]):
        unread.put(stream[start:stop])
        while (line := unread.line()) is not None:
            lines.append(line)
        assert len(unread) <= LONGEST_KEPT
    expected = [part + b"\n" for part in stream.split(b"\n")[:-1]]
    assert lines == [line if len(line) <= LONGEST_KEPT else ENDLESS for line in expected]


def test_what_is_behind_the_lines_can_be_taken() -> None:
    unread = Unread()
    unread.put(b"DATA\r\ntext")
    assert unread.line() == b"DATA\r\n"
    assert unread.starts_with(b"te")
    assert (unread.take(2), unread.peek(), unread.take(), unread.take()) == (b"te", b"xt", b"xt", b"")
    unread.put(b"more")
    assert (len(unread), unread.take()) == (4, b"more")
