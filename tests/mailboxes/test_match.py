"""Recognition of a delivery's copies in mailboxes, as a table."""

import pytest
from hypothesis import given, strategies

from mailboxes.match import Names, Sought, is_copy, is_related

RAW = b"From: a@x.example\r\nMessage-ID: <1@x.example>\r\nSubject: hi\r\n\r\nHello\r\n"
MARKED = b"X-Mailroom-Message: 7QK2V5XJ0ABCD\r\nX-Mailroom-Verdict: allowed-sender\r\n"
SOUGHT = Sought("7QK2V5XJ0ABCD", "1@x.example", RAW)
NAMELESS = RAW.replace(b"Message-ID: <1@x.example>\r\n", b"")


@pytest.mark.parametrize(
    ("lies_there", "copy", "related"),
    [
        pytest.param(b"Return-Path: <>\r\nReceived: by y\r\n" + MARKED + RAW, True, True, id="as delivered"),
        pytest.param((MARKED + RAW).replace(b"\r\n", b"\n"), True, True, id="with other line ends"),
        pytest.param(MARKED + RAW.replace(b"Hello", b"Hello. -- scanned by the server"), True, True, id="rewritten by the server"),
        pytest.param(RAW, True, True, id="the field taken out"),
        pytest.param(RAW.replace(b"Hello\r\n", b"Hello  \r\n\r\n"), True, True, id="the field taken out, space added"),
        pytest.param(RAW.replace(b"Hello", b"Hallo"), False, True, id="forged: the Message-ID alone"),
        pytest.param(MARKED.replace(b"7QK", b"8QK") + RAW, False, True, id="another message of ours with that Message-ID"),
        pytest.param(MARKED + RAW.replace(b"<1@", b"<2@"), False, False, id="forged: our field alone"),
        pytest.param(MARKED.replace(b"7QK", b"8QK") + MARKED + RAW, False, True, id="ours below another"),
        pytest.param(RAW.replace(b"Message-ID: <1@", b"Message-ID: <9@y.example>\r\nIn-Reply-To: <1@"), False, True, id="a reply"),
        pytest.param(RAW.replace(b"Message-ID: <1@", b"References: <0@x.example>\r\n <1@"), False, True, id="further down the thread"),
        pytest.param(b"From: b@y.example\r\n\r\n" + MARKED + RAW, False, False, id="forwarded inline"),
        pytest.param(b"X: y\r\n" * 3000 + MARKED + RAW, False, False, id="a header block past the limits"),
    ],
)
def test_what_is_a_copy(lies_there: bytes, copy: bool, related: bool) -> None:
    assert (is_copy(lies_there, SOUGHT), is_related(Names.of(lies_there), SOUGHT)) == (copy, related)


@pytest.mark.parametrize(
    ("lies_there", "copy"),
    [
        pytest.param(MARKED + NAMELESS, True, id="as delivered"),
        pytest.param(NAMELESS, False, id="our field taken out"),
        pytest.param(MARKED + RAW, True, id="a server gave it a Message-ID"),
        pytest.param(MARKED + RAW.replace(b"Hello", b"Hallo"), False, id="another mail with our field"),
    ],
)
def test_without_a_message_id_our_own_field_counts(lies_there: bytes, copy: bool) -> None:
    assert is_copy(lies_there, Sought("7QK2V5XJ0ABCD", "", NAMELESS)) == copy


def test_without_our_content_only_our_own_field_counts() -> None:
    erased = Sought("7QK2V5XJ0ABCD", "1@x.example", None)
    assert (is_copy(MARKED + RAW, erased), is_copy(RAW, erased)) == (True, False)


@given(strategies.binary(max_size=300))
def test_any_bytes_are_looked_at_without_a_fault(lies_there: bytes) -> None:
    assert not is_copy(lies_there, SOUGHT)
    assert not is_copy(b"Message-ID: <1@x.example>\r\n" + lies_there, SOUGHT)
