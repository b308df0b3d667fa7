"""Attachments that run, hold programs, or look like something else."""

import re
from collections.abc import Iterable

from triage.message.signals.signal_context import Seen, Signal
from triage.message.summary import Attachment
from triage.text.sanitize import has_escapes

RUNS_WHEN_OPENED = re.compile(
    r"\.(?:exe|scr|com|pif|bat|cmd|js|jse|vb|vbs|vbe|ws|wsc|wsf|wsh|sct|hta|msi|msp|mst|msc|ps1|lnk|jar|jnlp|reg|inf|cpl|dll|iso|img|vhdx?"
    r"|appx?|(?:appx|msix)bundle|appinstaller|application|appref-ms|msix|scf|url|website|chm|hlp|gadget|one|xll|vsto|rdp|iqy|slk|udl|theme"
    r"|(?:library|search|searchconnector|settingcontent)-ms|diagcab|ad[ep]|mde|accde)$",
    re.IGNORECASE,
)
HOLDS_MACROS = re.compile(r"\.(?:docm|dotm|xlsm|xltm|xlsb|xlam|pptm|potm|ppam|sldm|xla|ppa|wll)$", re.IGNORECASE)
OPENS_A_PAGE = re.compile(r"\.(?:html?|shtml|xhtml|svgz?|mhtml?)$", re.IGNORECASE)
PACKED = re.compile(r"\.(?:zip|rar|7z|ace|arj|cab|tar|tgz|gz|bz2|xz|zst|lzh|uue)$", re.IGNORECASE)
OLD_OFFICE = re.compile(r"\.(?:doc|dot|xls|xlt|ppt|pps|rtf)$", re.IGNORECASE)
DOUBLE_ENDING = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|txt|rtf|csv|jpe?g|png|gif|mp[34]|zip)[\s._-]*\.[a-z0-9]{2,5}$", re.IGNORECASE)
APART = "._-" + "".join(filter(str.isspace, map(chr, range(0x3001))))  # what may stand between two endings
PACKED_AGAIN = re.compile(r"\.(?:gz|bz2|xz|zst|zip|7z|asc|sig|gpg|p7[ms])$", re.IGNORECASE)
PAGES = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})
HARMLESS = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|txt|csv|jpe?g|png|gif)$", re.IGNORECASE)
RUNS = frozenset({"application/x-msdownload", "application/x-dosexec", "application/x-ms-installer", "application/hta", "application/x-sh"})


def dangerous(seen: Seen) -> Iterable[Signal]:
    """What is dangerous about the attachments. The heaviest one speaks."""
    found = [signal for given in seen.summary.attachments for signal in about_each_name(given)]
    if found:
        yield max(found, key=lambda signal: signal.weight)


def about_each_name(attachment: Attachment) -> Iterable[Signal]:
    """What is dangerous about one attachment by each of its names. What is within is looked at once: there may be 2,000 names."""
    inside = next(filter(runs_within, attachment.names), "")
    return filter(None, (about(one, inside) for one in attachment.by_each_name()))


def runs_within(name: str) -> bool:
    """Could a file of this name within an archive run a program?"""
    return ends(RUNS_WHEN_OPENED, name.rstrip(" .")) or ends_twice(name)


def ends(ending: re.Pattern[str], name: str) -> bool:
    """Has the name this ending? Only its last dot is looked at: to try each of very many takes long."""
    return ending.match(name, max(name.rfind("."), 0)) is not None


def ends_twice(name: str) -> bool:
    """Does the name end like a document, and then once more? Only its last two endings are looked at."""
    before = name.rpartition(".")[0].rstrip(APART)
    return DOUBLE_ENDING.match(name, max(before.rfind("."), 0)) is not None


def about(attachment: Attachment, inside: str = "") -> Signal | None:
    """What is dangerous about one attachment, if anything, by its name and kind. `inside`: the name within it that could run a program."""
    name, media_type = attachment.name, attachment.media_type
    stripped = name.rstrip(" .")
    evidence = (name, media_type)
    if has_escapes(name):
        return Signal("attachment-disguised", f"The attachment {name} hides characters in its name.", 45, evidence)
    if ends_twice(stripped) and not ends(PACKED_AGAIN, stripped):
        return Signal("attachment-disguised", f"The attachment {name} pretends to be another kind of file.", 45, evidence)
    if ends(HARMLESS, stripped) and media_type in PAGES | RUNS:
        return Signal("attachment-disguised", f"The attachment {name} says it is {media_type}, which its name hides.", 45, evidence)
    if ends(RUNS_WHEN_OPENED, stripped) or media_type in RUNS:
        return Signal("attachment-runs", f"The attachment {name or media_type} could run a program when opened.", 40, evidence)
    if inside:
        return Signal("attachment-runs", f"The attachment {name} holds {inside}, which could run a program.", 40, (name, inside))
    if attachment.closed:
        return Signal("attachment-encrypted", f"The attachment {name} is encrypted, so that nobody can look inside.", 30, evidence)
    if ends(HOLDS_MACROS, stripped):
        return Signal("attachment-macros", f"The attachment {name} can hold macros, which are programs.", 25, evidence)
    if ends(OPENS_A_PAGE, stripped) or media_type in PAGES:
        return Signal("attachment-page", f"The attachment {name or media_type} opens a web page of the sender's making.", 20, evidence)
    if ends(PACKED, stripped):
        return Signal("attachment-packed", f"The attachment {name} is an archive: what is in it is not seen here.", 10, evidence)
    if ends(OLD_OFFICE, stripped):
        return Signal("attachment-old-office", f"The attachment {name} is of an old kind that can hold macros.", 5, evidence)
    return None
