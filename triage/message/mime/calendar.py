"""Parses a calendar part (RFC 5545, RFC 5546): method, and the first entry's UID, start and text. Bounded, never raises."""

import contextlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from triage.text.sanitize import escape_visible

READ_LIMIT = 64 * 1024  # characters
UID_LIMIT = 255  # characters (RFC 7986, 5.3)
FOLD = re.compile(r"\r?\n[ \t]")
METHOD = re.compile(r"^METHOD[^:\r\n]{0,200}:[ \t]*([A-Za-z-]{1,40})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
UID = re.compile(r"^UID[^:\r\n]{0,200}:[ \t]*+([^\r\n]*[^ \t\r\n])[ \t]*+\r?$", re.IGNORECASE | re.MULTILINE)

NAMED = r"^(SUMMARY|LOCATION|URL|DESCRIPTION)"
PROPERTY = re.compile(NAMED + r"""(?:;(?:"[^"\r\n]*"|[^":\r\n])*)?:([^\r\n]*)""", re.MULTILINE | re.IGNORECASE)
ESCAPED = re.compile(r"\\([nN\\;,])")
STARTS = re.compile(r"^DTSTART((?:;[^:\r\n]{0,200})?):(\d{8})(?:T(\d{6})(Z?))?", re.MULTILINE | re.IGNORECASE | re.ASCII)
ZONE = re.compile(r";TZID=\"?([^;:\"]{1,100})", re.IGNORECASE)
OFFSET = re.compile(r"^TZOFFSETTO:([+-])(\d\d)(\d\d)", re.MULTILINE | re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Calendar part of a message."""

    method: str = ""  # folded: request, reply, cancel, …
    uid: str = ""
    starts_at: str = ""  # ISO 8601 in UTC
    words: str = ""  # what it is about, when, where, and what it says


def read_calendar(text: str) -> Calendar:
    """Read the text of a calendar part; what is not there is ""."""
    lines = FOLD.sub("", text[:READ_LIMIT])
    method, uid = METHOD.search(lines), UID.search(lines)
    found = escape_visible(uid[1])[:UID_LIMIT] if uid and len(uid[1]) <= UID_LIMIT else ""
    begins = starts_at(lines)
    return Calendar(method[1].casefold() if method else "", found, begins, words_of(lines, begins))


def words_of(lines: str, begins: str) -> str:
    """Returns the texts of the first event, as people read them: title, start, place, link and description."""
    event = lines.partition("BEGIN:VEVENT")[2].partition("END:VEVENT")[0]
    said: dict[str, str] = {}
    for name, value in PROPERTY.findall(event):
        said.setdefault(name.upper(), ESCAPED.sub(lambda one: "\n" if one[1] in "nN" else one[1], value).strip())
    when = f"{begins[:16].replace('T', ' ')} UTC" if begins else ""
    about = [said.get("SUMMARY", ""), when, said.get("LOCATION", ""), said.get("URL", "")]
    return "\n\n".join(filter(None, ("\n".join(filter(None, about)), said.get("DESCRIPTION", "")))) if said else ""


def starts_at(lines: str) -> str:
    """Returns the start of the first event in UTC; "" when it cannot be told."""
    zones, _, event = lines.partition("BEGIN:VEVENT")
    found = STARTS.search(event)
    if found is None:
        return ""
    try:
        begins = datetime.strptime(found[2] + (found[3] or "000000"), "%Y%m%d%H%M%S")  # noqa: DTZ007
        zone = UTC if found[4] else zone_of(found[1], zones)
        return begins.replace(tzinfo=zone).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return ""


def zone_of(options: str, zones: str) -> ZoneInfo | timezone:
    """The time zone: by its name, or where that is not one of the tz database's (Exchange), the first offset that the part defines."""
    if name := ZONE.search(options):
        with contextlib.suppress(ValueError, OSError, LookupError):  # no such zone, or no name of one
            return ZoneInfo(name[1])
    if offset := OFFSET.search(zones):
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes)) if minutes < 24 * 60 else UTC
    return UTC
