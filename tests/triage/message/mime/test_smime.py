"""Content of S/MIME signatures: as programs write it, in pieces and without lengths, and malformed."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder
from hypothesis import given, strategies as st

from tests.triage.messages import mail, multipart, part
from triage.message.mime.mime_parts import parts_of
from triage.message.mime.smime import content_of
from triage.message.summary import make_summary

MAIL = b"Content-Type: text/plain; charset=utf-8\r\n\r\nThe offer stands.\r\n"


def signed(content: bytes, *options: PKCS7Options) -> bytes:
    """The content within a signature of ours."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Ann Field")])
    since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
    certificate = x509.CertificateBuilder(name, name, key.public_key(), 1, since, until).sign(key, hashes.SHA256())
    builder = PKCS7SignatureBuilder().set_data(content).add_signer(certificate, key, hashes.SHA256())
    return builder.sign(serialization.Encoding.DER, [PKCS7Options.Binary, *options])


def element(tag: int, *content: bytes) -> bytes:
    """An element with its length."""
    data = b"".join(content)
    length = len(data).to_bytes(4)
    return bytes([tag, 0x84]) + length + data


def endless(tag: int, *content: bytes) -> bytes:
    """An element that ends where its mark stands, as programs write it that do not know its length yet."""
    return bytes([tag, 0x80]) + b"".join(content) + b"\0\0"


OF_DATA, OF_SIGNED_DATA = bytes.fromhex("06092a864886f70d010701"), bytes.fromhex("06092a864886f70d010702")
VERSION, DIGESTS, CERTIFICATES = b"\x02\x01\x01", b"\x31\x00", element(0xA0, element(0x30, b"\x02\x01\x05"))


def streamed(pieces: Iterable[bytes]) -> bytes:
    """The form that Bouncy Castle and OpenSSL (`-stream`) write."""
    octets = endless(0x24, *(element(0x04, piece) for piece in pieces))
    content = endless(0x30, OF_DATA, endless(0xA0, octets))
    return endless(0x30, OF_SIGNED_DATA, endless(0xA0, endless(0x30, VERSION, DIGESTS, content, CERTIFICATES)))


def whole(octets: bytes) -> bytes:
    """The same with lengths."""
    content = element(0x30, OF_DATA, element(0xA0, octets))
    return element(0x30, OF_SIGNED_DATA, element(0xA0, element(0x30, VERSION, DIGESTS, content, CERTIFICATES)))


@pytest.mark.parametrize(
    "data",
    [
        signed(MAIL),
        streamed([MAIL[:10], b"", MAIL[10:]]),
        streamed([MAIL]).replace(DIGESTS, endless(0x31, element(0x30, OF_DATA)), 1),
        streamed([MAIL]) + b"\r\n",
        whole(element(0x04, MAIL)),
        whole(element(0x24, element(0x24, element(0x04, MAIL[:9])), element(0x04, MAIL[9:]))),
    ],
    ids=["DER", "in pieces", "endless digests", "with a line end", "long lengths", "pieces in pieces"],
)
def test_the_signed_content(data: bytes) -> None:
    assert content_of(data) == MAIL


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MIAGCSqGSIb3DQEHAqCAMIACAQEx",
        signed(MAIL, PKCS7Options.DetachedSignature),
        streamed([MAIL]).replace(OF_SIGNED_DATA, bytes.fromhex("06092a864886f70d010703")),  # encrypted
        streamed([MAIL])[:-20].replace(MAIL, MAIL[:20]),  # cut off
        streamed([MAIL]).replace(element(0x04, MAIL), element(0x0C, MAIL)),
        signed(MAIL)[:60],
        streamed([MAIL]).replace(element(0x04, MAIL), b"\x04\x80" + MAIL),  # without a length and with nothing that ends it
        b"\x30\x80" * 100_000,
        b"\x30\xff" + b"\xff" * 200,
        b"\x3f\x80\x01",
    ],
    ids=[
        "nothing",
        "base64",
        "detached",
        "encrypted",
        "cut off",
        "another type",
        "cut off early",
        "no length",
        "deep",
        "too long a length",
        "no such tag",
    ],
)
def test_nothing_lies_within(data: bytes) -> None:
    assert content_of(data) == b""


PIECES = [b"\x30\x80", b"\xa0\x80", b"\x24\x80", b"\x04\x01x", b"\0\0", OF_SIGNED_DATA, OF_DATA, VERSION, DIGESTS]


@given(st.binary(max_size=200) | st.lists(st.sampled_from(PIECES)).map(b"".join))
def test_any_bytes(data: bytes) -> None:
    assert len(content_of(data)) <= len(data)


# within a message

OFFER = multipart(
    part("Content-Type: text/html; charset=utf-8", b"<p>The offer <a href='https://sender.example/1'>stands</a>.</p>"),
    part("Content-Type: application/octet-stream; name=offer.exe", b"MZ", encoded=True),
    head="Content-Language: en",
)
ENVELOPED = streamed([OFFER]).replace(OF_SIGNED_DATA, bytes.fromhex("06092a864886f70d010703"))
HEAD = "From: ann@sender.example\nSubject: Offer"


def opaque(data: bytes, fields: str = "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m") -> bytes:
    return part(f"{HEAD}\n{fields}\nContent-Disposition: attachment; filename=smime.p7m", data, encoded=True)


@pytest.mark.parametrize(
    "raw",
    [
        opaque(signed(OFFER)),
        opaque(streamed([OFFER])),
        opaque(signed(OFFER), "Content-Type: application/x-pkcs7-mime"),
        opaque(signed(OFFER), "Content-Type: application/octet-stream"),  # gateways forget the type
        multipart(opaque(signed(OFFER)), part("Content-Type: text/plain", b"")),  # a list adds its footer
        opaque(signed(opaque(signed(OFFER)))),  # RFC 2634, 1.1
    ],
)
def test_what_was_signed_is_read_as_any_mail(raw: bytes) -> None:
    found = make_summary(raw)
    assert (found.author, found.text) == ("ann@sender.example", "The offer stands.")
    assert [link.target for link in found.links] == ["https://sender.example/1"]
    assert [one.name for one in found.attachments][-1] == "offer.exe"
    assert {one.name for one in found.attachments[:-1]} == {"smime.p7m"}


def test_the_signed_mail_says_nothing_of_who_sent_it() -> None:
    inner = mail("From: boss@company.example\nSubject: Urgent\nMessage-ID: <1@company.example>\nContent-Type: text/plain", "Pay.\n")
    found = make_summary(opaque(signed(inner)))
    assert (found.authors, found.subject, found.message_id, found.text) == (("ann@sender.example",), "Offer", "", "Pay.")


@pytest.mark.parametrize("content", [b"%PDF-1.7\r" * 100_000, b"<?xml version='1.0'?>\n\n<x/>", b"", b"X: y\r\n" * 3_000])
def test_files_are_signed_so_too(content: bytes) -> None:
    found = make_summary(opaque(signed(content)))
    assert (found.parsed, found.text, [one.name for one in found.attachments]) == (True, "", ["smime.p7m"])


def test_what_is_encrypted_stays_closed() -> None:
    assert [one.media_type for one in parts_of(opaque(ENVELOPED))] == ["application/pkcs7-mime"]


def test_signatures_within_signatures_are_too_much_at_last() -> None:
    raw = OFFER
    for _ in range(101):
        raw = part(f"{HEAD}\nContent-Type: application/pkcs7-mime", whole(element(0x04, raw)))
    assert not make_summary(raw).parsed
