"""Attachments that run, hold programs, or look like something else: as a signal, and as the reason to hold a message. Pure.

Signed and encrypted messages (S/MIME, PGP) are no archive and no danger by themselves (mailflow.md 10).
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import NamedTuple

from triage.message.mime import file_content
from triage.message.signals.signal_context import Seen, Signal
from triage.message.summary import Attachment
from triage.say import say
from triage.text.sanitize import ESCAPE, has_escapes

RUNS_WHEN_OPENED = re.compile(
    r"\.(?:exe|scr|com|pif|bat|cmd|js|jse|vb|vbs|vbe|ws|wsc|wsf|wsh|sct|hta|msi|msp|mst|msc|ps1|lnk|jar|jnlp|reg|inf|cpl|dll|iso|img|vhdx?"
    r"|appx?|(?:appx|msix)bundle|appinstaller|application|appref-ms|msix|scf|url|website|chm|hlp|gadget|one|xll|vsto|rdp|iqy|slk|udl|theme"
    r"|(?:library|search|searchconnector|settingcontent)-ms|diagcab|ad[ep]|mde|accde|py[wz]?|ps1xml|onepkg|wim|mht(?:ml?)?|dmg|desktop)$",
    re.IGNORECASE,
)
HOLDS_MACROS = re.compile(r"\.(?:docm|dotm|xlsm|xltm|xlsb|xlam|pptm|potm|ppam|sldm|xla|ppa|wll)$", re.IGNORECASE)
OPENS_A_PAGE = re.compile(r"\.(?:html?|shtml|xhtml|svgz?)$", re.IGNORECASE)
PACKED = re.compile(r"\.(?:zip|rar|7z|ace|arj|cab|tar|tgz|gz|bz2|xz|zst|lzh|uue)$", re.IGNORECASE)
OLD_OFFICE = re.compile(r"\.(?:doc|dot|xls|xlt|ppt|pps|rtf)$", re.IGNORECASE)
DOUBLE_ENDING = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|txt|rtf|csv|jpe?g|png|gif|mp[34]|zip)[\s._-]*\.[a-z0-9]{2,5}$", re.IGNORECASE)
APART = "._-" + "".join(filter(str.isspace, map(chr, range(0x3001))))  # what may stand between two endings
PACKED_AGAIN = re.compile(r"\.(?:gz|bz2|xz|zst|zip|7z|asc|sig|gpg|p7[ms])$", re.IGNORECASE)
PAGES = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})
HARMLESS = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|txt|csv|jpe?g|png|gif)$", re.IGNORECASE)
RUNS = frozenset({"application/x-msdownload", "application/x-dosexec", "application/x-ms-installer", "application/hta", "application/x-sh"})
HARMLESS_LAST = re.compile(r"\.(?:pdf|docx|xlsx|pptx|od[tsp]|txt|csv|rtf|jpe?g|png|gif|webp|mp[34]|ics|vcf)$", re.IGNORECASE)
NUL = r"\x00"  # as `visible` writes it
MACROS = "vbaproject.bin"  # within Office documents, whatever they are called
NEEDS_BYTES = (RUNS_WHEN_OPENED, HOLDS_MACROS, OPENS_A_PAGE, PACKED, OLD_OFFICE)  # files that their name alone does not clear


CONTENTS = {  # what an attachment contains by its bytes
    file_content.RUNS: say("a program, disk image or shortcut, whatever its name says"),
    file_content.SCRIPT: say("a web page with script"),
    file_content.MACROS: say("macros"),
    file_content.MACROS_RUN: say("macros that run when it is opened"),
    file_content.TEMPLATE: say("a template that is loaded from elsewhere when it is opened"),
    file_content.PARTIAL: say("a fragment of a message, which cannot be checked"),
    file_content.MISLABELLED: say("something else than the signed or encrypted message that its name says"),
}
SIGNALS = {  # the signal of each, and its weight
    file_content.RUNS: ("attachment-runs", 40),
    file_content.SCRIPT: ("attachment-page", 25),
    file_content.MACROS: ("attachment-macros", 25),
    file_content.MACROS_RUN: ("attachment-macros", 40),
    file_content.TEMPLATE: ("attachment-macros", 40),
    file_content.PARTIAL: ("attachment-disguised", 45),
    file_content.MISLABELLED: ("attachment-disguised", 45),
}


def find_dangerous(seen: Seen) -> Iterable[Signal]:
    """Yields a signal for the worst danger among the attachments."""
    given = seen.summary.attachments
    found = [signal for one in given for signal in (*about_each_name(one), *filter(None, (content_signal(one),)))]
    if found:
        yield max(found, key=lambda signal: signal.weight)


def about_each_name(attachment: Attachment) -> Iterable[Signal]:
    """Yields the dangers of one attachment by each of its names. The names within are searched once: there may be 2,000."""
    inside = next(filter(runs_within, attachment.names), "")
    return filter(None, (attachment_danger(one, inside) for one in attachment.by_each_name()))


def content_signal(attachment: Attachment) -> Signal | None:
    """Returns the signal for the bytes of an attachment, whatever its name is; None for none."""
    name, contains = attachment.name or attachment.media_type, danger_of_content(attachment)
    evidence = (attachment.name, attachment.media_type)
    if attachment.finding == file_content.ENCRYPTED:
        return Signal("content-unchecked", say("{name} is encrypted: its content cannot be checked.", name=name), 15, evidence)
    if not contains:
        return None
    named, weight = SIGNALS[attachment.finding]
    return Signal(named, say("The attachment {name} contains {inside}.", name=name, inside=contains), weight, evidence)


def runs_within(name: str) -> bool:
    """Says whether a file of this name within an archive could run a program."""
    return has_ending(RUNS_WHEN_OPENED, name.rstrip(" .")) or ends_twice(name)


def has_ending(ending: re.Pattern[str], name: str) -> bool:
    """Whether the name has this ending. Only its last dot is looked at: to try each of very many takes long."""
    return ending.match(name, max(name.rfind("."), 0)) is not None


def ends_twice(name: str) -> bool:
    """Whether the name ends like a document, and then once more. Only its last two endings are looked at."""
    before = name.rpartition(".")[0].rstrip(APART)
    return DOUBLE_ENDING.match(name, max(before.rfind("."), 0)) is not None


def attachment_danger(attachment: Attachment, inside: str = "") -> Signal | None:
    """Returns the danger of one attachment by its name and type, if any. `inside`: the name within it that could run a program."""
    name, media_type = attachment.name, attachment.media_type
    stripped = name.rstrip(" .")
    evidence = (name, media_type)
    if has_escapes(name):
        return Signal("attachment-disguised", say("The attachment {name} has hidden characters in its name.", name=name), 45, evidence)
    if ends_twice(stripped) and not has_ending(PACKED_AGAIN, stripped):
        return Signal("attachment-disguised", say("The attachment {name} is disguised as another kind of file.", name=name), 45, evidence)
    if has_ending(HARMLESS, stripped) and media_type in PAGES | RUNS:
        return Signal(
            "attachment-disguised",
            say("The attachment {name} is declared as {media_type}, which its name hides.", name=name, media_type=media_type),
            45,
            evidence,
        )
    if has_ending(RUNS_WHEN_OPENED, stripped) or media_type in RUNS:
        return Signal("attachment-runs", say("The attachment {name} can run a program when opened.", name=name or media_type), 40, evidence)
    if inside:
        return Signal(
            "attachment-runs",
            say("The attachment {name} contains {inside}, which can run a program.", name=name, inside=inside),
            40,
            (name, inside),
        )
    if attachment.closed:
        return Signal("attachment-encrypted", say("The attachment {name} is encrypted and cannot be scanned.", name=name), 30, evidence)
    if has_ending(HOLDS_MACROS, stripped):
        return Signal("attachment-macros", say("The attachment {name} can contain macros.", name=name), 25, evidence)
    if has_ending(OPENS_A_PAGE, stripped) or media_type in PAGES:
        return Signal(
            "attachment-page", say("The attachment {name} opens a web page made by the sender.", name=name or media_type), 20, evidence
        )
    if has_ending(PACKED, stripped):
        return Signal(
            "attachment-packed", say("The attachment {name} is an archive; its content is not shown here.", name=name), 10, evidence
        )
    if has_ending(OLD_OFFICE, stripped):
        return Signal(
            "attachment-old-office", say("The attachment {name} has an old file format that can contain macros.", name=name), 5, evidence
        )
    return None


class Danger(NamedTuple):
    """Reasons why attachments hold a message, as sentences without a full stop; "" where nothing holds it."""

    reason: str = ""
    beside_encrypted: str = ""  # the same when files that only a password closes are let pass


NO_DANGER = Danger()


def find_danger(attachments: Collection[Attachment], endings: Collection[str]) -> Danger:
    """Finds the reason why attachments hold a message, and the reason that remains if encrypted files are allowed."""
    reason = first_danger(attachments, endings)
    return Danger(reason, first_danger(map(pass_encrypted, attachments), endings) if reason else "")


def pass_encrypted(attachment: Attachment) -> Attachment:
    """An attachment as it counts for who has its password: no longer closed, unless a name says that its bytes are needed."""
    return replace(attachment, closed=False) if attachment.locked and not any(map(needs_bytes, names_behind(attachment))) else attachment


def names_behind(attachment: Attachment) -> Collection[str]:
    """The files that a password protects: those in an archive, else the document itself by each of its names."""
    return attachment.names or (attachment.name, *attachment.also)


def needs_bytes(name: str) -> bool:
    """Whether only its bytes say if a file of this name runs something."""
    return any(has_ending(ending, one) for ending in NEEDS_BYTES for one in saved_as(name))


def first_danger(attachments: Iterable[Attachment], endings: Collection[str]) -> str:
    """Returns the first reason why an attachment holds a message, as a sentence without its end; "" for none or without `endings`."""
    of_danger = tuple(endings)
    reasons = (named_danger(one, of_danger) for one in attachments) if of_danger else ()
    return next(filter(None, reasons), "")


def named_danger(attachment: Attachment, endings: tuple[str, ...]) -> str:
    """The same of one attachment. `endings`: of dangerous files, folded. What is within is looked at once: there may be 2,000 names."""
    inside = program_inside(attachment.names, endings) or danger_of_content(attachment) or macros_inside(attachment.names)
    return next(filter(None, (danger_as_named(one, endings, inside) for one in attachment.by_each_name())), "")


def program_inside(names: tuple[str, ...], endings: tuple[str, ...]) -> str:
    """Returns the first name within an archive that can run a program, as the end of a sentence; "" for none."""
    within = next((one for one in names if is_of(one, endings) or has_double_ending(one)), "")
    return say("{within}, which can run a program", within=within) if within else ""


def macros_inside(names: tuple[str, ...]) -> str:
    """The same of macros in an Office document."""
    return say("macros") if any(one.casefold().endswith(MACROS) for one in names) else ""


def danger_of_content(attachment: Attachment) -> str:
    """Names what an attachment is by its bytes, as the end of "the attachment contains …"; "" when that is no danger."""
    return CONTENTS.get(attachment.finding, "")


def danger_as_named(attachment: Attachment, endings: tuple[str, ...], inside: str) -> str:
    """The same by one of its names. `inside`: what is a danger within it."""
    name = attachment.name
    if is_of(name, endings) or is_unnamed_program(attachment):
        return say("the attachment {name} can run a program", name=name or attachment.media_type)
    if has_double_ending(name):
        return say("the attachment {name} is disguised as another kind of file", name=name)
    if attachment.closed:
        return say("the attachment {name} is encrypted and cannot be scanned", name=name)
    return say("the attachment {name} contains {inside}", name=name, inside=inside) if inside else ""


def is_unnamed_program(attachment: Attachment) -> bool:
    """Whether it is a program by its kind, without a name that ends. Mail programs then give it the ending of its kind."""
    return attachment.media_type in RUNS and "." not in attachment.name.strip(" .")


def is_of(name: str, endings: tuple[str, ...]) -> bool:
    """Whether the file has one of these endings."""
    return any(one.casefold().endswith(endings) for one in saved_as(name))


def has_double_ending(name: str) -> bool:
    """Whether the name ends like a document, and then once more like something else."""
    return any(ends_twice(one) and not (has_ending(PACKED_AGAIN, one) or has_ending(HARMLESS_LAST, one)) for one in saved_as(name))


def saved_as(name: str) -> set[str]:
    """Returns the names under which a file may be saved: mail programs remove invisible letters, some stop at a NUL, and Windows
    removes dots and spaces at the end."""
    readings = (name, ESCAPE.sub("", name), name.partition(NUL)[0]) if "\\" in name else (name,)
    return {one.partition("::$")[0].rstrip(" .") for one in readings}  # Windows takes what follows for a stream of the file
