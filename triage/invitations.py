"""What a calendar part says (RFC 5545, RFC 5546): its method and the UID of its first entry. Bounded, never raises."""

import re
from dataclasses import dataclass

from triage.visible import visible

READ_LIMIT = 64 * 1024  # characters
UID_LIMIT = 255  # characters (RFC 7986, 5.3)
FOLD = re.compile(r"\r?\n[ \t]")
METHOD = re.compile(r"^METHOD[^:\r\n]{0,200}:[ \t]*([A-Za-z-]{1,40})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
UID = re.compile(r"^UID[^:\r\n]{0,200}:[ \t]*([^\r\n]+?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Calendar:
    """One calendar part."""

    method: str = ""  # folded: request, reply, cancel, …
    uid: str = ""


def read(text: str) -> Calendar:
    """Read the text of a calendar part; what is not there is ""."""
    lines = FOLD.sub("", text[:READ_LIMIT])
    method, uid = METHOD.search(lines), UID.search(lines)
    return Calendar(method[1].casefold() if method else "", visible(uid[1])[:UID_LIMIT] if uid and len(uid[1]) <= UID_LIMIT else "")
