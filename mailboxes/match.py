"""Matches messages in a mailbox with deliveries: by our own trace field or by content, never by Message-ID alone."""

from dataclasses import dataclass
from functools import cached_property

from mailboxes.canonical_body import content_digest
from triage.message.mime.mime_parts import Field, TooMuch, fields_of, headers_of
from triage.message.summary import message_ids

MARKER = "x-mailroom-message"
RELATING = ("message-id", "in-reply-to", "references")


@dataclass(frozen=True)
class Sought:
    """Search keys of a delivery's copies."""

    marker: str  # the value of X-Mailroom-Message
    message_id: str  # without brackets; "" when it has none
    content: bytes | None  # as received; None when erased
    any_marker: bool = False  # it may bear our trace field under another number: it was entered again after a restore

    @cached_property
    def digest(self) -> str | None:
        """Digest of the canonical body, None when the body is not known."""
        return None if self.content is None else content_digest(self.content)


@dataclass(frozen=True, slots=True)
class Names:
    """Identifiers in the header block of a message."""

    marker: str | None  # the topmost X-Mailroom-Message; None without one
    message_id: str
    related: frozenset[str]  # every Message-ID that it bears or refers to

    @classmethod
    def of(cls, raw: bytes) -> "Names":
        """The names in a message or its header block; none at all when the block goes past the parser's limits."""
        try:
            fields, _ = fields_of(headers_of(raw))
        except TooMuch:
            return cls(None, "", frozenset())
        marker = next((field.text for field in fields if field.name == MARKER), None)
        return cls(
            marker,
            next(iter(named_message_ids(fields, "message-id")), ""),
            frozenset(one for name in RELATING for one in named_message_ids(fields, name)),
        )


def named_message_ids(fields: tuple[Field, ...], name: str) -> tuple[str, ...]:
    """The Message-IDs in the fields of that name."""
    return message_ids([field.value for field in fields if field.name == name])


def is_marked(names: Names, sought: Sought) -> bool:
    """Whether a message bears our trace field for this delivery, and the Message-ID that goes with it."""
    return names.marker == sought.marker and names.message_id == sought.message_id


def is_marked_and_named(names: Names, sought: Sought) -> bool:
    """Whether a message bears our trace field, and a Message-ID that it did not have, as servers give one. Then its body decides too."""
    return names.marker == sought.marker and not sought.message_id and bool(names.message_id) and sought.content is not None


def may_be_unmarked(names: Names, sought: Sought) -> bool:
    """Whether a message could be a copy whose trace field a server has taken out. Then its body decides."""
    return names.marker is None and bool(sought.message_id) and names.message_id == sought.message_id and sought.content is not None


def may_be_renumbered(names: Names, sought: Sought) -> bool:
    """Whether a message could be a copy sent on before a restore, under the number that it had then. Then its body decides."""
    return sought.any_marker and bool(sought.message_id) and names.message_id == sought.message_id and sought.content is not None


def may_be(names: Names, sought: Sought) -> bool:
    """Whether a message is worth fetching whole."""
    ours = is_marked(names, sought) or is_marked_and_named(names, sought)
    return ours or may_be_unmarked(names, sought) or may_be_renumbered(names, sought)


def is_copy(raw: bytes, sought: Sought) -> bool:
    """Whether this whole message is a copy of that delivery."""
    names = Names.of(raw)
    return is_marked(names, sought) or (may_be(names, sought) and sought.digest is not None and content_digest(raw) == sought.digest)


def is_related(names: Names, sought: Sought) -> bool:
    """Whether a message bears or refers to the same Message-ID: a reply, a forwarded message, or somebody else's that only says so."""
    return bool(sought.message_id) and sought.message_id in names.related
