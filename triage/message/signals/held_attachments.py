"""Attachments that hold a message, by their names, and by what can be seen of an archive. Pure.

Signed and encrypted mail (S/MIME, PGP) is no archive and no danger by itself (mailflow.md 10).
"""

import re
from collections.abc import Collection, Iterable

from triage.message.signals.attachments import PACKED_AGAIN, RUNS, ends, ends_twice
from triage.message.summary import Attachment
from triage.text.sanitize import ESCAPE

HARMLESS_LAST = re.compile(r"\.(?:pdf|docx|xlsx|pptx|od[tsp]|txt|csv|rtf|jpe?g|png|gif|webp|mp[34]|ics|vcf)$", re.IGNORECASE)
NUL = r"\x00"  # as `visible` writes it
MACROS = "vbaproject.bin"  # within Office documents, whatever they are called


def first_danger(attachments: Iterable[Attachment], endings: Collection[str]) -> str:
    """Why one of these attachments holds a message, as a sentence without its end; "" when none does, and where no ending is dangerous."""
    of_danger = tuple(endings)
    reasons = (danger(one, of_danger) for one in attachments) if of_danger else ()
    return next(filter(None, reasons), "")


def danger(attachment: Attachment, endings: tuple[str, ...]) -> str:
    """The same of one attachment. `endings`: of dangerous files, folded. What is within is looked at once: there may be 2,000 names."""
    inside = danger_inside(attachment.names, endings)
    return next(filter(None, (danger_as_named(one, endings, inside) for one in attachment.by_each_name())), "")


def danger_inside(names: tuple[str, ...], endings: tuple[str, ...]) -> str:
    """What of these names within an archive is a danger, as the end of a sentence; "" when nothing is."""
    within = next((one for one in names if is_of(one, endings) or pretends(one)), "")
    if within:
        return f"{within}, which could run a program"
    return "macros, which are programs" if any(one.casefold().endswith(MACROS) for one in names) else ""


def danger_as_named(attachment: Attachment, endings: tuple[str, ...], inside: str) -> str:
    """The same by one of its names. `inside`: what is a danger within it."""
    name = attachment.name
    if is_of(name, endings) or is_unnamed_program(attachment):
        return f"the attachment {name or attachment.media_type} could run a program"
    if pretends(name):
        return f"the attachment {name} pretends to be another kind of file"
    if attachment.closed:
        return f"the attachment {name} is encrypted, so that nobody can look inside"
    return f"the attachment {name} holds {inside}" if inside else ""


def is_unnamed_program(attachment: Attachment) -> bool:
    """Is it a program by its kind, without a name that ends? Mail programs then give it the ending of its kind."""
    return attachment.media_type in RUNS and "." not in attachment.name.strip(" .")


def is_of(name: str, endings: tuple[str, ...]) -> bool:
    """Has the file one of these endings?"""
    return any(one.casefold().endswith(endings) for one in saved_as(name))


def pretends(name: str) -> bool:
    """Does the name end like a document, and then once more like something else?"""
    return any(ends_twice(one) and not (ends(PACKED_AGAIN, one) or ends(HARMLESS_LAST, one)) for one in saved_as(name))


def saved_as(name: str) -> set[str]:
    """What the file may be called on a disk: mail programs take invisible letters out of a name, some end it at a NUL, and Windows takes
    dots and spaces off its end."""
    readings = (name, ESCAPE.sub("", name), name.partition(NUL)[0]) if "\\" in name else (name,)
    return {one.rstrip(" .") for one in readings}
