"""Messages and zones that make a verifier spin: what took stock libraries seconds (dkimpy, pyspf, authheaders), and its kin."""

import base64
from collections.abc import Callable

from mail_auth.dns.query_budget import Record
from tests.mail_auth.signing import HEADER, MAIL, resigned, signed, subject_public_key

SIGNATURE = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s; h=from; bh=AA==; b=AA==\r\n"
RELAXED = SIGNATURE.replace(b"d=", b"c=relaxed/relaxed; d=")
SET = (
    b"ARC-Seal: i=%d; a=rsa-sha256; cv=pass; d=x.example; s=s; b=AA==\r\n"
    b"ARC-Message-Signature: i=%d; a=rsa-sha256; d=x.example; s=s; h=from; bh=AA==; b=AA==\r\n"
    b"ARC-Authentication-Results: i=%d; x\r\n"
)
LARGE = HEADER + b"Message-ID: <1@example.com>\r\n\r\n" + b"x\r\n" * 350_000  # 1 MB


def repeated(count: int) -> bytes:
    """A large message with the same good signature many times."""
    raw = signed(LARGE)
    end = raw.index(b"From:")
    return raw[:end] * count + raw[end:]


MESSAGES: dict[str, Callable[[], bytes]] = {
    "one line of 80,000 spaces": lambda: RELAXED + MAIL + b" " * 80_000 + b"x\r\n",
    "5 MB of lines of spaces": lambda: RELAXED + MAIL + (b" " * 996 + b"\r\n") * 5000,
    "empty lines": lambda: SIGNATURE + MAIL + b"\r\n" * 500_000,
    "32,000 folds in b=": lambda: SIGNATURE.replace(b"b=AA==\r\n", b"b=AA==" + b"\r\n A" * 32_000 + b"\r\n") + MAIL,
    "as many folds in b= as are allowed": lambda: SIGNATURE.replace(b"b=AA==\r\n", b"b=AA==" + b"\r\n A" * 1900 + b"\r\n") + MAIL,
    "spaces in a signed field": lambda: resigned(raw=MAIL.replace(b"Subject:", b"Subject:" + b" " * 200_000)),
    "folds in a signed field": lambda: resigned(raw=MAIL.replace(b"Subject:", b"Subject:" + b"\r\n " * 70_000)),
    "20,000 names in h=": lambda: (
        SIGNATURE.replace(b"h=from", b"h=from:" + b":".join(b"x-%d" % number for number in range(20_000)))
        + b"".join(b"X-%d: x\r\n" % number for number in range(20_000))
        + MAIL
    ),
    "20,000 fields": lambda: b"".join(b"X-%d: x\r\n" % number for number in range(20_000)) + signed(),
    "one field 20,000 times, 60 times in h=": lambda: resigned(names=b"from:subject" + b":x" * 60, raw=b"X: y\r\n" * 20_000 + MAIL),
    "fifty signatures over 1 MB": lambda: repeated(50),
    "five signatures of the beginning of 1 MB": lambda: RELAXED.replace(b"bh=", b"l=9; bh=") * 5 + LARGE,
    "200 ARC sets over 1 MB": lambda: b"".join(SET % (number, number, number) for number in range(1, 201)) + LARGE,
    "ten ARC sets over 1 MB": lambda: (
        b"".join(SET % (number, number, number) for number in range(1, 11)).replace(
            b"i=1; a=rsa-sha256; cv=pass", b"i=1; a=rsa-sha256; cv=none"
        )
        + LARGE
    ),
    "semicolons": lambda: b"DKIM-Signature: " + b";" * 200_000 + b"\r\n" + MAIL,
    "a From of commas": lambda: b"From: " + b"," * 200_000 + b"\r\n\r\n",
    "a From of brackets": lambda: b"From: " + b"(" * 15_000 + b"<" * 1000 + b"\r\n\r\n",
    "a From of quotes": lambda: b"From: " + b'"' * 60_000 + b"\r\n\r\n",
    "a header without end": lambda: b"X: y\r\n" * 200_000,
}


def key(bits: int, exponent: int) -> str:
    """A key record with such an RSA key."""
    return "v=DKIM1; p=" + base64.b64encode(subject_public_key((1 << (bits - 1)) | 1, exponent)).decode()


ZONES: dict[str, dict[str, Record | list[Record]]] = {  # for a signed message of example.com
    "a key of n = e = 16,384 bits": {"s._domainkey.example.com": key(16_384, 2**16_383 + 1)},
    "a key with a large exponent": {"s._domainkey.example.com": key(8192, 2**8000 + 1)},
    "a key of 60,000 bits": {"s._domainkey.example.com": key(60_000, 65_537)},
    "SPF of 2,000 macros": {"example.com": "v=spf1 " + "%{d}." * 2000 + "example -all"},
    "SPF of 30,000 terms": {"example.com": "v=spf1 " + "a " * 30_000},
    "SPF with a long name": {"example.com": "v=spf1 exists:" + "x." * 1900 + "%{i} -all"},
    "SPF with 600 addresses": {"example.com": "v=spf1 a -all", "example.com A": [f"198.51.{n // 256}.{n % 256}" for n in range(600)]},
    "DMARC of 60,000 semicolons": {"_dmarc.example.com": "v=DMARC1;" + ";" * 60_000 + "p=reject"},
    "DMARC of 16,000 tags": {"_dmarc.example.com": "v=DMARC1;" + "a=b;" * 16_000 + "p=reject"},
}
