"""The world outside: domains with their DNS, and mail as their people write and sign it."""

import base64
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as CRLF
from email.utils import format_datetime, make_msgid
from functools import cache

import dkim  # type: ignore[import-untyped]
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from triage.times import utcnow

SELECTOR = "s1"
HERE = "v=spf1 ip4:127.0.0.0/8 -all"


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain that sends mail from this machine and signs it."""

    name: str
    dmarc: str = ""  # the policy it publishes: reject, quarantine, none; "": no record
    spf: str = HERE

    def zone(self) -> str:
        """DNS records of the domain, as lines of a zone file."""
        lines = [
            f'{self.name}. 300 IN TXT "{self.spf}"',
            f"{self.name}. 300 IN A 127.0.0.1",
            f"{self.name}. 300 IN MX 10 mail.{self.name}.",
        ]
        lines += [f"mail.{self.name}. 300 IN A 127.0.0.1", f'mail.{self.name}. 300 IN TXT "{self.spf}"']
        lines += [f"{SELECTOR}._domainkey.{self.name}. 300 IN TXT {split_strings(key_record())}"]
        lines += [f'_dmarc.{self.name}. 300 IN TXT "v=DMARC1; p={self.dmarc}"'] if self.dmarc else []
        return "\n".join(lines) + "\n"


SUPPLIER = Domain("supplier.example", dmarc="reject")
STRANGER = Domain("stranger.example")
PHISHER = Domain("phisher.example", dmarc="none")
OUTSIDE = (SUPPLIER, STRANGER, PHISHER)


def write_zone() -> str:
    """The whole DNS of these tests as a zone file."""
    soa = "ns.outside.example. hostmaster.outside.example. 1 3600 600 86400 300"
    root = f"$ORIGIN .\n$TTL 300\n. 300 IN SOA {soa}\n. 300 IN NS ns.outside.example.\n"
    return root + "".join(domain.zone() for domain in OUTSIDE)


def split_strings(text: str) -> str:
    """TXT data in character-strings of at most 255 bytes (RFC 1035, 3.3)."""
    return " ".join(f'"{text[start : start + 255]}"' for start in range(0, len(text), 255))


@cache
def private_key() -> rsa.RSAPrivateKey:
    """The key that all these domains sign with."""
    return rsa.generate_private_key(65537, 2048)


def key_record() -> str:
    """Public key as DNS publishes it (RFC 6376, 3.6.1)."""
    der = private_key().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


@dataclass(frozen=True, slots=True)
class OutsideMessage:
    """A message that somebody outside writes."""

    author: str
    to: str
    subject: str
    text: str = "Dear all,\r\n\r\nplease find the numbers below.\r\n\r\n.leading dot, trailing blanks   \r\n\tand a tab\r\n"
    html: str = ""
    name: str = ""
    attachments: tuple[tuple[str, bytes], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    def raw(self, *, signed: bool = True) -> bytes:
        """The message as it leaves the author's machine, with CRLF line ends, signed for the author's domain."""
        message = EmailMessage(policy=CRLF)
        domain = self.author.rpartition("@")[2]
        message["From"] = f'"{self.name}" <{self.author}>' if self.name else self.author
        message["To"] = self.to
        message["Subject"] = self.subject
        message["Date"] = format_datetime(utcnow())
        message["Message-ID"] = make_msgid(domain=domain)
        for name, value in self.headers.items():
            message[name] = value
        message.set_content(self.text, cte="8bit" if not self.text.isascii() else "7bit")
        if self.html:
            message.add_alternative(self.html, subtype="html")
        for name, data in self.attachments:
            message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
        raw = message.as_bytes()
        return sign_message(raw, domain) + raw if signed else raw


def sign_message(raw: bytes, domain: str) -> bytes:
    """The DKIM-Signature field for a message."""
    pem = private_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    names = [b"from", b"to", b"subject", b"date", b"message-id"]
    signature: bytes = dkim.sign(raw, SELECTOR.encode(), domain.encode(), pem, include_headers=names)
    return signature


def has_signature(raw: bytes) -> bool:
    """Does the topmost DKIM signature hold, judged by a library of somebody else?"""
    result: bool = dkim.verify(raw, dnsfunc=lambda name, timeout=5: key_record().encode())
    return result
