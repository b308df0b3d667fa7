"""Links of QR codes among those of a message: in its summary, its fingerprint, and the list that staff see."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from triage.message.mime.links import TARGET_LIMIT
from triage.message.summary import Code, Link, Summary, fingerprint_of
from triage.text.sanitize import escape_visible

CODES = 10  # of a message that are told


def add_codes(summary: Summary, found: Iterable[tuple[str, str]]) -> Summary:
    """The message with these codes, each a place and a web address. They stand first: a thousand links do not hide them."""
    codes = tuple(Code(place, escape_visible(target)[:TARGET_LIMIT]) for place, target in islice(found, CODES))
    if not codes:
        return summary
    known = {link.target for link in summary.links}
    added = dict.fromkeys(code.target for code in codes if code.target not in known)
    coded = replace(summary, codes=codes, links=(*(Link("", target) for target in added), *summary.links))
    fingerprint = fingerprint_of(coded)
    return replace(coded, fingerprint=fingerprint.as_text() if fingerprint else "")
