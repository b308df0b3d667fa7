"""Undoes what security gateways do to links: Safe Links, URL Defense and alike wrap the address that the sender wrote."""

import base64
import binascii
import re
from collections.abc import Callable
from urllib.parse import parse_qs, unquote, urlsplit

from triage.message.mime.links import Destination, browser_target, link_destination, registered_organisation

DEPTH = 3  # rewriters that may have wrapped each other
QUOTED = ("url", "u", "q", "a", "target")  # parameters that carry the address as it is
DEFENSE_V2 = str.maketrans("-_", "%/")
DEFENSE_V3 = re.compile(r"/v3/__(.+?)__;", re.DOTALL)
WITHIN = re.compile(r"https?(?::|%3a)(?:/|%2f)", re.IGNORECASE)


def carried_by_parameter(target: str) -> str:
    """The address in a parameter of the query."""
    asked = parse_qs(urlsplit(target).query)
    return next((one[0] for name in QUOTED if (one := asked.get(name)) and one[0].casefold().startswith(("http:", "https:"))), "")


def carried_by_defense(target: str) -> str:
    """The address that URL Defense of Proofpoint wraps, in its versions 1 to 3."""
    if found := DEFENSE_V3.search(target):
        return re.sub(r"^(https?):/(?!/)", r"\1://", found[1])
    asked = parse_qs(urlsplit(target).query).get("u", [""])[0]
    return unquote(asked.translate(DEFENSE_V2)) if "/v2/" in target else asked


def carried_by_path(target: str) -> str:
    """The address that ends the path, escaped."""
    found = WITHIN.search(target, 8)
    return unquote(target[found.start() :]) if found else ""


def carried_as_domain(target: str) -> str:
    """The domain that a rewriter names, where it keeps the address to itself; before that the address in base64."""
    asked = parse_qs(urlsplit(target).query)
    if packed := asked.get("u", [""])[0]:
        try:
            return base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            pass
    named = asked.get("domain", asked.get("d", [""]))[0]
    return f"http://{named}" if named else ""


REWRITERS: dict[str, Callable[[str], str]] = {  # by the organisation whose hosts rewrite
    "outlook.com": carried_by_parameter,  # REGION.safelinks.protection.outlook.com
    "office365.us": carried_by_parameter,
    "proofpoint.com": carried_by_defense,
    "urldefense.com": carried_by_defense,
    "urldefense.us": carried_by_defense,
    "cudasvc.com": carried_by_parameter,
    "cisco.com": carried_by_path,  # secure-web.cisco.com
    "mimecast.com": carried_as_domain,
    "mimecastprotect.com": carried_as_domain,
    "sophos.com": carried_as_domain,  # REGION.protection.sophos.com
    "fireeye.com": carried_by_parameter,
    "trendmicro.com": carried_by_parameter,
    "hornetsecurity.com": carried_as_domain,
    "google.com": carried_by_parameter,  # www.google.com/url?q=
    "googleadservices.com": carried_by_parameter,
    "facebook.com": carried_by_parameter,  # l.facebook.com/l.php?u=
}

BY_ORGANISATION = {registered_organisation(host): undo for host, undo in REWRITERS.items()}


def real_destination(target: str) -> Destination:
    """Returns the destination of a link once its rewriters are undone; where the address cannot be read, the rewriter itself."""
    text = browser_target(target)
    for _ in range(DEPTH):
        carried = unwrap_link(text)
        if not carried:
            break
        text = carried
    return link_destination(text)


def unwrap_link(target: str) -> str:
    """The address that a rewriter wrapped; "" where none did."""
    host = link_destination(target).host
    undo = BY_ORGANISATION.get(registered_organisation(host)) if host else None
    if undo is None:
        return ""
    try:
        return browser_target(undo(target))
    except ValueError:  # no address that can be taken apart
        return ""
