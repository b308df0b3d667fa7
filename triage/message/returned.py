"""Message-IDs of the messages that a mail system returns, and of the one that a receipt is for. Bounded, never raises.

Reports attach what they return (RFC 6522, 3 and 4). Many mail systems and gateways write it below their words instead, its header first
(qmail, Exim, Notes, GMX). That header is all that is looked for: the words around it are of any kind, in any language.
"""

from collections.abc import Iterable, Sequence

from triage.message.mime.delivery_status import BLANK
from triage.message.mime.mime_parts import DEPTH_LIMIT, HEAD_LIMIT, MESSAGES, Field, Part, TooMuch, fields_of, headers_of

ATTACHED = frozenset({"text/rfc822-headers", "message/global-headers", "message/rfc822", "message/global"})
RECEIPTS = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
TEXT_LIMIT = 64 * 1024  # bytes of one text in which a header is looked for
HEADER = frozenset({"from", "date", "message-id"})  # fields without which some lines are none


def attached_ids(parts: Sequence[Part]) -> list[bytes]:
    """The Message-ID fields of messages that are attached, whole or their header."""
    return [field.value for head in header_blocks(parts, ATTACHED) for field in head if field.name == "message-id"]


def written_ids(parts: Sequence[Part]) -> list[bytes]:
    """The Message-ID fields of headers that stand in plain text, or at the head of a part (Mail2000)."""
    texts = (part.content()[:TEXT_LIMIT] for part in parts if part.media_type == "text/plain")
    blocks = [*(part.fields for part in parts[1:]), *(read_fields(block) for text in texts for block in BLANK.split(text))]
    headers = (block for block in blocks if HEADER.issubset(field.name for field in block))
    return [field.value for header in headers for field in header if field.name == "message-id"]


def outer_parts(parts: Sequence[Part]) -> list[Part]:
    """The parts that lie in no attached mail."""
    found: list[Part] = []
    depth = DEPTH_LIMIT + 1  # of the attached mail that a part may lie in
    for part in parts:
        if part.depth > depth:
            continue
        is_mail = part.media_type in MESSAGES and not part.is_no_mail
        depth = part.depth if is_mail else DEPTH_LIMIT + 1
        found += [] if is_mail else [part]
    return found


def receipt_id(parts: Sequence[Part]) -> list[bytes]:
    """The Message-ID field of the message that a receipt is for (RFC 8098, 3.2.5)."""
    return [field.value for head in header_blocks(parts, RECEIPTS) for field in head if field.name == "original-message-id"]


def header_blocks(parts: Sequence[Part], media_types: Iterable[str]) -> list[tuple[Field, ...]]:
    """The first block of fields in each part of such a kind."""
    return [read_fields(headers_of(part.content()[:HEAD_LIMIT])) for part in parts if part.media_type in media_types]


def read_fields(block: bytes) -> tuple[Field, ...]:
    """The fields among these lines; whatever else stands there is passed over."""
    try:
        return fields_of(block)[0]
    except TooMuch:
        return ()
