"""The canonical body: the same for what says the same, however it is written; another for what says something else."""

import base64
import hashlib
import quopri

import pytest
from hypothesis import given, strategies

from mailboxes.canonical_body import content_digest
from tests.triage.message.mime.test_mime_parts import overlapping
from tests.triage.message.mime.test_smime import signed

HEAD = b"From: a@x.example\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
words = strategies.text(strategies.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=40)


def message(text: str, encoding: str = "8bit", line_end: str = "\r\n") -> bytes:
    body = text.encode()
    encoded = {"8bit": body, "base64": base64.encodebytes(body), "quoted-printable": quopri.encodestring(body)}[encoding]
    raw = HEAD + f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + encoded
    return raw.replace(b"\r\n", b"\n").replace(b"\n", line_end.encode())


@given(
    strategies.lists(words, max_size=5),
    strategies.sampled_from(["8bit", "base64", "quoted-printable"]),
    strategies.sampled_from(["\n", "\r\n"]),
)
def test_encoding_and_line_ends_do_not_count(lines: list[str], encoding: str, line_end: str) -> None:
    assert content_digest(message("\n".join(lines), encoding, line_end)) == content_digest(message("\n".join(lines)))


@given(words, words)
def test_what_says_something_else_has_another_digest(one: str, other: str) -> None:
    assert (content_digest(message(one)) == content_digest(message(other))) == (one.rstrip() == other.rstrip())


@pytest.mark.parametrize("tail", ["  ", "\t", "\n\n", " \n\n \n"])
def test_trailing_space_does_not_count(tail: str) -> None:
    assert content_digest(message("Hello\nyou" + tail)) == content_digest(message("Hello\nyou"))


MIXED = (
    "From: a@x.example\r\nContent-Type: multipart/mixed; boundary={0}\r\n\r\n--{0}\r\n\r\nsee the file\r\n"
    "--{0}\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n{1}\r\n--{0}--\r\n"
)


def test_boundaries_do_not_count_and_attachments_do() -> None:
    one, other = base64.b64encode(b"one").decode(), base64.b64encode(b"other").decode()
    assert content_digest(MIXED.format("here", one).encode()) == content_digest(MIXED.format("there", one).encode())
    assert content_digest(MIXED.format("here", one).encode()) != content_digest(MIXED.format("here", other).encode())


def test_an_attached_message_counts_in_either_encoding() -> None:
    inner = b"From: b@x.example\r\nSubject: hi\r\n\r\nattached\r\n"
    head = b"From: a@x.example\r\nContent-Type: message/rfc822\r\n"
    assert content_digest(head + b"\r\n" + inner) != content_digest(head + b"\r\n" + inner.replace(b"attached", b"detached"))
    encoded = [head + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(text) for text in (inner, inner.upper())]
    assert content_digest(encoded[0]) != content_digest(encoded[1])


def test_a_message_past_the_limits_has_none() -> None:
    nested = b"".join(b"Content-Type: message/rfc822\r\n\r\n" for _ in range(200))
    assert content_digest(nested + b"From: a@x.example\r\n\r\ndeep\r\n") is None


def test_a_message_whose_parts_are_the_same_bytes_again_and_again_has_none() -> None:
    """Reading each part again would take minutes."""
    assert content_digest(overlapping([9, 9, 9], b"X: y\n" + b" \n" * 100_000)) is None


def test_what_lies_within_a_signature_counts_with_it() -> None:
    head = b"From: a@x.example\r\nContent-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    within = signed(b"Content-Type: text/plain\r\n\r\nThe offer\r\n")
    assert content_digest(head + base64.b64encode(within)) == hashlib.sha256(hashlib.sha256(within).digest()).hexdigest()
