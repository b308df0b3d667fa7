"""Attachments that hold a message, by their names, and by what can be seen of an archive. Pure.

Signed and encrypted mail (S/MIME, PGP) is no archive and no danger by itself (mailflow.md 10).
"""

import re
from collections.abc import Collection

from triage.content import Attachment
from triage.signals.attachments import DOUBLE_ENDING, PACKED_AGAIN

HARMLESS_LAST = re.compile(r"\.(?:pdf|docx|xlsx|pptx|od[tsp]|txt|csv|rtf|jpe?g|png|gif|webp|mp[34]|ics|vcf)$", re.IGNORECASE)
MACROS = "vbaproject.bin"  # within Office documents, whatever they are called


def danger(attachment: Attachment, endings: Collection[str]) -> str:
    """Why this attachment holds a message, as a sentence without its end; "" when it does not. `endings`: of dangerous files, folded."""
    return next(filter(None, (danger_as_named(one, endings) for one in attachment.by_each_name())), "")


def danger_as_named(attachment: Attachment, endings: Collection[str]) -> str:
    """The same by one of its names."""
    name = attachment.name
    if is_of(name, endings):
        return f"the attachment {name} could run a program"
    if pretends(name):
        return f"the attachment {name} pretends to be another kind of file"
    if attachment.closed:
        return f"the attachment {name} is encrypted, so that nobody can look inside"
    within = next((one for one in attachment.names if is_of(one, endings) or pretends(one)), "")
    if within:
        return f"the attachment {name} holds {within}, which could run a program"
    if any(one.casefold().endswith(MACROS) for one in attachment.names):
        return f"the attachment {name} holds macros, which are programs"
    return ""


def is_of(name: str, endings: Collection[str]) -> bool:
    """Has the file one of these endings? Windows takes dots and spaces off the end of a name."""
    return name.casefold().rstrip(" .").endswith(tuple(endings))


def pretends(name: str) -> bool:
    """Does the name end like a document, and then once more like something else?"""
    stripped = name.rstrip(" .")
    return bool(DOUBLE_ENDING.search(stripped)) and not (PACKED_AGAIN.search(stripped) or HARMLESS_LAST.search(stripped))
