"""Parts within limits; and the same parts as the email package finds in real mail."""

import base64
import email
import email.policy
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.triage.messages import from_archive, mail, multipart, part
from triage.message.mime import mime_parts
from triage.message.mime.mime_parts import (
    DEPTH_LIMIT,
    FIELD_LIMIT,
    GIVEN_LIMIT,
    HEAD_LIMIT,
    PART_LIMIT,
    TooMuch,
    fields_of,
    headers_of,
    lines_of,
    parts_of,
)


@pytest.mark.parametrize(
    ("raw", "head"),
    [
        (b"A: b\r\nC: d\r\n\r\nbody", b"A: b\r\nC: d\r\n"),
        (b"A: b\nC: d\n\nbody\n\n", b"A: b\nC: d\n"),
        (b"A: b\r\rbody", b"A: b\r"),
        (b"\r\nbody\r\n\r\n", b""),
        (b"A: b", b"A: b"),
        (b"", b""),
    ],
)
def test_header_block(raw: bytes, head: bytes) -> None:
    assert headers_of(raw) == head


@given(st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b"A: b", b" "])).map(b"".join))
def test_it_ends_at_the_first_empty_line_whatever_ends_lines(raw: bytes) -> None:
    lines = raw.splitlines(keepends=True)
    empty = next((place for place, line in enumerate(lines) if not line.strip(b"\r\n")), len(lines))
    assert headers_of(raw) == b"".join(lines[:empty])
    assert [line for line in lines_of(raw) if line] == [line.rstrip(b"\r\n") for line in lines if line.strip(b"\r\n")]


@pytest.mark.parametrize(
    ("head", "fields", "sound"),
    [
        (b"A: b\r\n\tc\r\nD:e\r\n", [("a", b" b\tc", True), ("d", b"e", True)], True),
        (b"From x\r\nA: b\r\n", [("a", b" b", True)], True),  # the envelope line of mbox
        (b"From : b\r\n", [("from", b" b", False)], True),
        (b"A: b\r\nno field\r\nC: d\r\n", [("a", b" b", True), ("c", b" d", True)], False),
        (b" continues nothing\r\nA: b\r\n", [("a", b" b", True)], False),
        (b"A: b\r\n \r\nC: d", [("a", b" b ", True), ("c", b" d", True)], False),
    ],
)
def test_fields(head: bytes, fields: list[tuple[str, bytes, bool]], sound: bool) -> None:
    found, whole = fields_of(head)
    assert [(field.name, field.value, field.strict) for field in found] == fields
    assert whole is sound


def tree(raw: bytes) -> list[tuple[int, str, bytes]]:
    """Depth, type and content of every part."""
    return [(one.depth, one.media_type, one.content() if one.is_leaf else b"") for one in parts_of(raw)]


def test_parts_in_order() -> None:
    inner = multipart(part("Content-Type: text/html", b"<b>x</b>"), head="Subject: inner", subtype="alternative")
    raw = multipart(part("Content-Type: text/plain", b"one"), part("Content-Type: message/rfc822", inner.replace(b"cut", b"cat")))
    assert [(depth, media_type) for depth, media_type, _ in tree(raw)] == [
        (0, "multipart/mixed"),
        (1, "text/plain"),
        (1, "message/rfc822"),
        (2, "multipart/alternative"),
        (3, "text/html"),
    ]
    assert tree(raw)[-1][2] == b"<b>x</b>"


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (mail("Content-Type: multipart/mixed; boundary=x", "--x\n\none\n--x\n\ntwo"), ["one", "two"]),  # never closed
        (mail("Content-Type: multipart/mixed; boundary=x", "no delimiter"), ["no delimiter"]),
        (mail("Content-Type: multipart/mixed", "no boundary"), ["no boundary"]),
        (mail("Content-Type: multipart/mixed; boundary=x", "--x\n\none\n--x--\n\n--x\n\nafter the end"), ["one"]),
        (mail("Content-Type: multipart/mixed; boundary=x", "preamble\n--x\n\none --x\n--xy\n--x--"), ["one --x\r\n--xy"]),
        (mail("Content-Type: multipart/mixed; boundary=a(1)", "--a(1)\n\none\n--a(1)--"), ["one"]),  # without the quotes that it needs
        (
            mail("Content-Type: multipart/mixed; boundary=-", "x---\n---\n\none ---\n--- x---\n---\n\ntwo\n-----"),
            ["one ---\r\n--- x---", "two"],
        ),
        (mail("Content-Type: nonsense", "text"), ["text"]),
        (b"no header at all\r\njust text", ["no header at all\r\njust text"]),
        (b"Subject: x\r\nand then the body", ["and then the body"]),
    ],
)
def test_malformed_multiparts(raw: bytes, found: list[str]) -> None:
    assert [content.decode() for _, media_type, content in tree(raw) if not media_type.startswith("multipart/")] == found


def nested(depth: int) -> bytes:
    """Multiparts in each other."""
    heads = "".join(f"Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n" for level in range(depth))
    return heads.encode() + b"\r\nleaf"


def many(field: str, parameter: str, count: int) -> bytes:
    """A field that gives one thing so many values."""
    return (field + "".join(f";\r\n {parameter}=v{number}" for number in range(count))).encode() + b"\r\n\r\ntext"


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        (nested(DEPTH_LIMIT), nested(DEPTH_LIMIT + 1)),
        (b"Content-Type: message/rfc822\r\n\r\n" * DEPTH_LIMIT, b"Content-Type: message/rfc822\r\n\r\n" * 20_000 + b"x"),
        (multipart(*[b"\r\nx"] * (PART_LIMIT - 1)), multipart(*[b"\r\nx"] * PART_LIMIT)),
        (b"A: b\r\n" * FIELD_LIMIT, b"A: b\r\n" * (FIELD_LIMIT + 1)),
        (b"A: " + b"x" * (HEAD_LIMIT - 100), b"A: " + b"x" * HEAD_LIMIT),
        (
            many("Content-Type: multipart/mixed", "boundary", GIVEN_LIMIT),
            many("Content-Type: multipart/mixed", "boundary", GIVEN_LIMIT + 1),
        ),
        (
            many("Content-Disposition: inline", "filename", GIVEN_LIMIT + 1),
            many("Content-Disposition: inline", "filename", GIVEN_LIMIT + 2),
        ),
    ],
    ids=["nesting", "messages", "parts", "fields", "header block", "boundaries", "names"],
)
def test_limits(within: bytes, beyond: bytes) -> None:
    assert parts_of(within)
    with pytest.raises(TooMuch):
        parts_of(beyond)


LINES = b"10:15: 4711 parcels\r\n" * (FIELD_LIMIT + 1)
LONG = b"\x00\x01" * HEAD_LIMIT
ATTACHED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n%s\r\n--b--\r\n"


@pytest.mark.parametrize("attached", [LINES, LONG], ids=["lines", "no lines"])
def test_what_is_only_called_a_mail_is_not_looked_into(attached: bytes) -> None:
    parts = parts_of(ATTACHED % attached)
    assert [(part.media_type, part.is_no_mail) for part in parts[1:]] == [("text/plain", False), ("message/rfc822", True)]
    assert parts[2].content() == attached


@pytest.mark.parametrize("field", [b"Content-Type: application/x-dosexec", b"from: ann@sender.example", b"SUBJECT : x"])
@pytest.mark.parametrize("attached", [LINES, LONG + b"\r\n"], ids=["lines", "no lines"])
def test_a_mail_with_more_than_a_header_block_may_have_is_too_much(attached: bytes, field: bytes) -> None:
    for raw in (ATTACHED % (attached + field), ATTACHED % (field + b"\r\n" + attached)):
        with pytest.raises(TooMuch):
            parts_of(raw)


ENCODED = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/mixed; boundary=a; boundary=b; boundary=c; boundary=d\r\n\r\n" + b"--x" * 1000,
        ENCODED * 4 + b"Subject: x\r\n\r\n" + b"word " * 600,
    ],
    ids=["looked through for many boundaries", "decoded again and again"],
)
def test_what_would_be_read_again_and_again_is_too_much(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parts_of(raw)
    monkeypatch.setattr(mime_parts, "READ_LIMIT", 3 * len(raw))
    with pytest.raises(TooMuch):
        parts_of(raw)


@pytest.mark.parametrize("count", [GIVEN_LIMIT, GIVEN_LIMIT * 7])
def test_dashes_are_looked_through_once_for_each_boundary_that_may_be_given(count: int) -> None:
    """Searching again from each dash, or for too many boundaries, would take minutes."""
    head = "Content-Type: multipart/mixed" + "".join(f";boundary={'-' * number}" for number in range(1, count + 1))
    raw = f"{head}\r\n\r\n".encode() + b"x" + b"-" * 3_000_000
    if count > GIVEN_LIMIT:
        with pytest.raises(TooMuch, match="names or boundaries"):
            parts_of(raw)
    else:
        assert [one.media_type for one in parts_of(raw)] == ["text/plain"]


def overlapping(counts: list[int], leaf: bytes) -> bytes:
    """Multiparts in each other with so many boundaries, each of them once: every part goes on to the end, so that all leaves are one."""
    heads = [("Content-Type: multipart/mixed", [f"{level}-{number}" for number in range(count)]) for level, count in enumerate(counts)]
    named = [head + "".join(f";boundary={one}" for one in names) + "\n\n" + "".join(f"--{one}\n" for one in names) for head, names in heads]
    return "".join(named).encode() + leaf


WITHIN = b"Content-Type: multipart/mixed; boundary=x\n\n" + b"<p>a b c" * 2_500 + b"\n--x\n\ny"


@pytest.mark.parametrize(
    "leaf",
    [
        b"Content-Type: text/html\n\n" + b"<p>a b c" * 2_500,
        b"X: y\n" + b" \n" * 10_000,
        b"Content-Type: text/html; name=a.eml\n\n" + WITHIN,
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n" + WITHIN,
        b"Content-Type: message/rfc822\n\n" + b"1:2\n" * (FIELD_LIMIT + 1) + b"\n" + b"begin 644 a\n#35I0\n" * 600,
    ],
    ids=["text", "header block", "text called a mail", "encoded mail", "no mail"],
)
def test_parts_that_are_the_same_bytes_again_and_again_are_too_much(leaf: bytes) -> None:
    assert parts_of(overlapping([2, 2], leaf))
    with pytest.raises(TooMuch, match="more than 8 times as large"):
        parts_of(overlapping([9, 9, 9], leaf))


def forwarded(head: str, times: int, encoded: bool) -> bytes:
    """A message that was attached to another one, again and again."""
    raw = mail("Subject: x", "word " * 40_000)
    for _ in range(times):
        raw = head.encode() + b"\r\n\r\n" + (base64.encodebytes(raw) if encoded else raw)
    return multipart(b"\r\nsee", raw)


@pytest.mark.parametrize(
    ("head", "times", "encoded"),
    [
        ("Content-Type: message/rfc822", 40, False),
        ("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64", 9, True),
        ("Content-Type: application/octet-stream; name=a.eml", 6, False),
        ("Content-Type: application/octet-stream; name=a.eml\r\nContent-Transfer-Encoding: base64", 9, True),
    ],
    ids=["as they are", "encoded", "named", "named and encoded"],
)
def test_mail_that_was_attached_again_and_again_is_read(head: str, times: int, encoded: bool) -> None:
    assert parts_of(forwarded(head, times, encoded))[-1].content().startswith(b"word word")


@given(st.binary(max_size=400))
def test_any_bytes(raw: bytes) -> None:
    assert parts_of(raw)[0].depth == 0
    assert raw.startswith(headers_of(raw))


@given(
    st.lists(
        st.sampled_from([b"--x", b"--x--", b"\r\n", b"\n", b"\r", b"Content-Type: multipart/mixed; boundary=x", b"a", b" "]), max_size=25
    )
)
def test_any_arrangement_of_delimiters(pieces: list[bytes]) -> None:
    for one in parts_of(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"".join(pieces)):
        assert isinstance(one.content(), bytes)


def leaves_of_email_package(raw: bytes) -> list[tuple[str, bytes]]:
    """Leaves that the standard library finds."""
    found = []
    for one in email.message_from_bytes(raw, policy=email.policy.compat32).walk():
        content = one.get_payload(decode=True)
        if not one.is_multipart() and isinstance(content, bytes) and content:
            found.append((one.get_content_type(), content))
    return found


@pytest.mark.corpus
@pytest.mark.parametrize("archive", ["mail-phish", "mail-other"])
def test_real_mail_has_the_parts_that_the_email_package_finds(corpus: Path, archive: str) -> None:
    different = []
    for name, raw in from_archive(corpus, archive):
        ours = [
            (one.media_type, content)
            for one in parts_of(raw)
            if one.is_leaf and (content := one.content()) and one.media_type != "message/rfc822"
        ]
        if ours != leaves_of_email_package(raw):
            different.append(name)
    # delivery-status, which we keep whole, and a multipart without parts, which we show as text
    assert len(different) <= 2, different


def test_comments_hide_no_part_and_no_content() -> None:
    raw = (
        b"Content-Type: multipart/mixed (mixed); boundary=b (b)\r\n\r\n--b\r\n\r\nhello\r\n--b\r\nContent-Type: application/zip (x)\r\n"
        b"Content-Transfer-Encoding: base64 (x)\r\nContent-Disposition: attachment; filename=a.exe (x)\r\n\r\nTVo=\r\n--b--\r\n"
    )
    assert [part.media_type for part in parts_of(raw)] == ["multipart/mixed", "text/plain", "application/zip"]
    assert (parts_of(raw)[2].name, parts_of(raw)[2].content()) == ("a.exe", b"MZ")
