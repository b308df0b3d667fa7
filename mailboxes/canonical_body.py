"""The canonical body of a message: what it says, however a server has rewritten its MIME."""

import hashlib

from triage.message.mime.mime_parts import Part, TooMuch, first_field, parts_of

UNCHANGED = ("", "7bit", "8bit", "binary")


def content_digest(raw: bytes) -> str | None:
    """SHA-256 over the content of every part, in order; None when the message goes past the parser's limits.

    Transfer encodings and charsets are undone, line ends and white space at the end of lines do not count, nor do
    boundaries and header fields: a server may write all of these again.
    """
    found = hashlib.sha256()
    try:
        for part in parts_of(raw):
            if part.is_leaf and not part.is_enclosed:  # the bytes of its signature count
                found.update(hashlib.sha256(content_of(part)).digest())
    except TooMuch:
        return None
    return found.hexdigest()


def content_of(part: Part) -> bytes:
    """Content of a part: text without the changes that servers make, all else unchanged."""
    if part.media_type in ("message/rfc822", "message/global") and first_field(part.fields, "content-transfer-encoding") in UNCHANGED:
        return b""  # its parts follow
    if not part.media_type.startswith("text/"):
        return part.content()
    return "\n".join(line.rstrip() for line in part.text().splitlines()).rstrip("\n").encode("utf-8", "surrogatepass")
