"""Answers of the attachment renderer: the number of pages, the pixels of one, or the reason why there are none."""

import json
from typing import Any

PAGES = 50  # of a document; more are not shown
UNKNOWN, LOCKED, BROKEN, NO_PROGRAM = "unknown", "locked", "broken", "no-program"  # why there is nothing


class NotDrawn(Exception):
    """Raised when there is nothing to show; the text is one of the words above."""


def pack_answer(said: dict[str, Any], pixels: bytes = b"") -> bytes:
    """An answer: a line of JSON, and pixels."""
    return json.dumps(said).encode() + b"\n" + pixels


def count_of(answer: bytes) -> int:
    """The pages that an answer tells. NotDrawn where it tells why not, or nothing that can be."""
    pages = unpack_answer(answer)[0].get("pages")
    if not isinstance(pages, int) or not 1 <= pages <= PAGES:
        raise NotDrawn(BROKEN)
    return pages


def page_of(answer: bytes) -> tuple[int, int, bytes]:
    """Width, height and pixels that an answer tells; NotDrawn likewise."""
    said, pixels = unpack_answer(answer)
    width, height = said.get("width"), said.get("height")
    if not isinstance(width, int) or not isinstance(height, int) or min(width, height) < 1 or len(pixels) != 3 * width * height:
        raise NotDrawn(BROKEN)
    return width, height, pixels


def unpack_answer(answer: bytes) -> tuple[dict[str, Any], bytes]:
    """The line, and what follows. Whoever wrote it may have been taken over by what it drew."""
    line, _, pixels = answer.partition(b"\n")
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise NotDrawn(BROKEN)
    if "why" in said:
        raise NotDrawn(said["why"] if said["why"] in (UNKNOWN, LOCKED, NO_PROGRAM) else BROKEN)
    return said, pixels
