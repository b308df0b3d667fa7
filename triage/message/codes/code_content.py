"""Reads the web address that a phone opens from the text of a QR code, if any."""

import re

from triage.addressing.public_suffix import has_known_ending
from triage.message.mime.links import WEB, WRITTEN_HOST, browser_target, link_destination

BOOKMARK = re.compile(r"(?:MEBKM:(?:[^;]*;)*?URL:|URLTO:(?:[^:]{0,200}:(?=https?:|www\.))?)((?:[^;\\]|\\.)*)", re.IGNORECASE)
ESCAPED = re.compile(r"\\(.)")
SPACE = re.compile(r"\s")


def opened_address(text: str) -> str:
    """The web address that this text opens, "" when it opens none: a payment, a ticket, a contact, the password of a network."""
    bookmark = BOOKMARK.match(text.strip())
    address = browser_target(ESCAPED.sub(r"\1", bookmark[1]) if bookmark else text)
    to = link_destination(address)
    if to.scheme in WEB and to.host:
        return address
    return f"http://{address}" if is_bare_host(address) else ""


def is_bare_host(text: str) -> bool:
    """Whether it is a host, perhaps with a path, without a scheme. Phones open these too. Its ending must exist."""
    written = WRITTEN_HOST.match(text)
    if not written or SPACE.search(text) or text[written.end() : written.end() + 1] not in ("", "/", "?", "#"):
        return False
    return has_known_ending(written[0].casefold())
