"""Messages made by hand for the tests, and the corpus of real ones as bytes."""

import base64
import itertools
import tarfile
from collections.abc import Iterator
from pathlib import Path

from tests import effort

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
GIF = b"GIF89a\x02\x00\x03\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"


def mail(head: str, body: str | bytes = "") -> bytes:
    """A message with CRLF line ends from a header block and a body."""
    data = body if isinstance(body, bytes) else body.replace("\n", "\r\n").encode()
    return "\r\n".join([*head.strip().splitlines(), "", ""]).encode() + data


def html_mail(html: str) -> bytes:
    """A message that is one HTML text."""
    return mail("From: ann@sender.example\nSubject: hello\nContent-Type: text/html; charset=utf-8", html.encode("utf-8", "replace"))


def part(head: str, body: bytes, *, encoded: bool = False) -> bytes:
    """Part of a multipart, in base64 if `encoded`."""
    if encoded:
        head += "\nContent-Transfer-Encoding: base64"
        body = base64.encodebytes(body).replace(b"\n", b"\r\n").rstrip()
    return mail(head, body)


def multipart(*parts: bytes, subtype: str = "mixed", head: str = "From: ann@sender.example\nSubject: hello") -> bytes:
    """A multipart message of these parts."""
    body = b"".join(b"--cut\r\n" + one + b"\r\n" for one in parts) + b"--cut--\r\n"
    return mail(f'{head}\nMIME-Version: 1.0\nContent-Type: multipart/{subtype}; boundary="cut"', body)


def from_archive(corpus: Path, name: str, endings: tuple[str, ...] = (".eml", ".msg")) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every message in one archive of the corpus."""
    with tarfile.open(corpus / f"{name}.tar.gz") as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() and member.name.endswith(endings) else None
            if stream is not None:
                yield member.name, stream.read()


def sample(corpus: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """Samples an archive: every fourth message of a large one, all of a small one; all of each in `make test-full`."""
    every = 1 if effort.FULL or name == "mime-torture" else 4
    return itertools.islice(from_archive(corpus, name), None, None, every)
