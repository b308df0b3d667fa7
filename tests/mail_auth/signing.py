"""Signed messages to check: keys made once, signed by dkimpy, the key records to publish."""

import base64
from functools import cache

import dkim as dkimpy  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mail_auth import canonicalization, message

HEADER = b"From: Ana <ana@example.com>\r\nTo: bob@company.example\r\nSubject: Hello\r\nDate: Tue, 24 Nov 2026 09:00:00 +0000\r\n"
MAIL = HEADER + b"Message-ID: <1@example.com>\r\n\r\nHello,  Bob.\t\r\n\r\nAna \r\n\r\n\r\n"
NAMES = [b"from", b"to", b"subject", b"date", b"message-id"]


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """A throw-away RSA key."""
    return rsa.generate_private_key(65537, bits)


@cache
def ed25519_key() -> ed25519.Ed25519PrivateKey:
    """A throw-away Ed25519 key."""
    return ed25519.Ed25519PrivateKey.generate()


def published(kind: str = "rsa", tags: str = "v=DKIM1; ", bits: int = 2048) -> str:
    """The key record of a throw-away key."""
    if kind == "ed25519":
        raw = ed25519_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    else:
        raw = rsa_key(bits).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"{tags}k={kind}; p={base64.b64encode(raw).decode()}"


def record(template: str, kind: str = "rsa", bits: int = 2048) -> str:
    """A key record with the public key in place of {p}: parameters of tests must be the same in every process."""
    return template.replace("{p}", published(kind, bits=bits).rpartition("p=")[2])


def signed(
    raw: bytes = MAIL,
    *,
    kind: str = "rsa",
    domain: bytes = b"example.com",
    selector: bytes = b"s",
    forms: tuple[bytes, bytes] = (b"relaxed", b"relaxed"),
    names: list[bytes] | None = None,
    identity: bytes | None = None,
    length: bool = False,
    bits: int = 2048,
    algorithm: bytes | None = None,
) -> bytes:
    """The message with a signature on top."""
    if kind == "ed25519":
        key = base64.b64encode(ed25519_key().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
    else:
        key = rsa_key(bits).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    signer = dkimpy.DKIM(raw, signature_algorithm=algorithm or f"{kind}-sha256".encode())
    field: bytes = signer.sign(
        selector, domain, key, identity=identity, canonicalize=forms, include_headers=names or list(NAMES), length=length
    )
    return field + raw


def resigned(tag: bytes = b"", names: bytes = b"from:to:subject", raw: bytes = MAIL, domain: bytes = b"example.com") -> bytes:
    """A good signature on top, with one more tag, made with the primitives under test (dkimpy refuses to make such)."""
    mail = message.read_message(raw)
    bh = base64.b64encode(canonicalization.body_hash(mail, "relaxed"))
    value = (
        b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=" + domain + b"; s=s; " + tag + b" h=" + names + b"; bh=" + bh + b"; b="
    )
    field = message.read_message(value + b"\r\n\r\n").fields[0]
    data = canonicalization.header_input(mail, names.split(b":"), "relaxed", field)
    return value + base64.b64encode(rsa_key(2048).sign(data, PKCS1v15(), SHA256())) + b"\r\n" + raw


def subject_public_key(modulus: int, exponent: int) -> bytes:
    """An RSA key in DER that no library would make."""

    def element(tag: int, content: bytes) -> bytes:
        size = len(content)
        length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
        return bytes([tag]) + length + content

    def integer(value: int) -> bytes:
        return element(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))

    algorithm = element(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    return element(0x30, algorithm + element(3, b"\0" + element(0x30, integer(modulus) + integer(exponent))))
