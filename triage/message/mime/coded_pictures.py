"""Finds pictures and PDF documents in a message that may hold a QR code, in the order in which they are searched."""

import re
from collections.abc import Iterator

from triage.message.mime.mime_parts import Part

NAMED = re.compile(r".*\.(?:pdf|png|jpe?g|jfif|gif|webp|bmp|tiff?)[\s.]*", re.IGNORECASE)
DOCUMENTS = frozenset({"application/pdf", "application/x-pdf"})
ANYTHING = "application/octet-stream"
PDF_BEGINS_WITHIN = 1024  # bytes; readers look no further


def may_hold_codes(part: Part) -> bool:
    """Whether this part says that it is a picture or a document. Nothing is decoded."""
    if not part.is_leaf or part.media_type == "image/svg+xml":
        return False
    if part.media_type.startswith("image/") or part.media_type in DOCUMENTS:
        return True
    return any(map(NAMED.fullmatch, (part.name, *part.other_names))) or (part.media_type == ANYTHING and "." not in part.name)


def list_pictures(parts: list[Part]) -> Iterator[tuple[str, bytes]]:
    """Name or kind, and bytes, of each once: pictures first, since documents take longer."""
    seen: dict[bytes, str] = {}
    for part in filter(may_hold_codes, parts):
        seen.setdefault(part.content(), part.name or part.media_type)
    yield from sorted(((name, content) for content, name in seen.items()), key=lambda one: is_pdf(one[1]))


def is_pdf(content: bytes) -> bool:
    """Whether a PDF document begins here."""
    return b"%PDF-" in content[:PDF_BEGINS_WITHIN]
