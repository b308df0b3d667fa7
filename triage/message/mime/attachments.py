"""Attachments of a message, also those within its plain text, and their bytes."""

import hashlib
import re
from collections.abc import Iterator

from triage.message.mime.decoding import uu_files
from triage.message.mime.mime_parts import Part, parts_of
from triage.message.mime.text_parts import READ_LIMIT, is_text

PICTURE_NAME = re.compile(r"(?:[^.]*|.*\.(?:png|jpe?g|gif|webp|bmp))", re.IGNORECASE)
TEXT_NAME = re.compile(r"(?:[^.]*|.*\.(?:html?|te?xt))", re.IGNORECASE)


def is_attachment(part: Part) -> bool:
    """Whether this part is something that the reader could open on its own. Pictures that the text shows are not."""
    names = (part.name, *part.other_names)
    if not part.is_leaf or (is_text(part) and all(map(TEXT_NAME.fullmatch, names))):
        return False
    pictured = part.content_id and part.disposition != "attachment" and part.depth > 0
    embedded = pictured and all(map(PICTURE_NAME.fullmatch, names))
    return not (embedded and part.media_type.startswith("image/") and "svg" not in part.media_type)


def files_of(parts: list[Part]) -> Iterator[tuple[str, str, tuple[str, ...], bytes]]:
    """Name, media type, other names and bytes of every attachment, also of those that programs find within plain text."""
    for part in parts:
        if is_attachment(part):
            yield part.name, part.media_type, part.other_names, part.content()
        if is_text(part) or part.is_no_mail:
            yield from ((name, "application/octet-stream", (), content) for name, content in uu_files(part.content()[:READ_LIMIT]))


def find_attachment(raw: bytes, sha256: str) -> bytes:
    """The attachment's bytes, by their digest: numbers may have changed with how mail is read since. LookupError when there is none,
    TooMuch when the message cannot be read."""
    for *_, content in files_of(parts_of(raw)):
        if hashlib.sha256(content).hexdigest() == sha256:
            return content
    raise LookupError(sha256)
