"""Parses the paths and parameters of MAIL and RCPT (RFC 5321, 4.1.2). Pure."""

import re

from mta.peer.xtext import XTEXT
from mta.session import replies
from triage.addressing.envelope import Address, fold_text

PATH = re.compile(r' *<(?P<path>(?:"(?:[^"\\]++|\\.)*+"|[^"<>]++)*+)>(?: +(?P<parameters>.*))?')
# RFC 5321, 4.1.2: what Address.parse does not read and yet is a legal address of somebody else
UNUSUAL = re.compile(r'(?:"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*"|[^\x00-\x20\x7f"(),:;<>@\[\\\]]+)@(?:\[[0-9A-Za-z.:]+\]|[A-Za-z0-9._-]+)')
LONGEST = 254


def path_of(keyword: str, argument: str) -> tuple[str, dict[str, str]] | None:
    """The path and the parameters of MAIL or RCPT; None when it is not `keyword<path> …`."""
    if argument[: len(keyword)].upper() != keyword:
        return None
    found = PATH.fullmatch(argument, len(keyword))
    if found is None:
        return None
    path, given = found.groups()
    if not given:
        return path, {}
    pairs = (word.partition("=") for word in given.split())
    return path, {name.upper(): value for name, _, value in pairs}


def parameter_fault(parameters: dict[str, str], max_size: int, *, offers_auth: bool = False) -> str:
    """Names what is wrong with the parameters of MAIL: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531); "" when nothing is.

    A server that offers AUTH accepts its parameter too, with any value (RFC 4954, 5).
    """
    for name, value in parameters.items():
        if name == "AUTH" and offers_auth:
            if not XTEXT.fullmatch(value):
                return replies.BAD_PARAMETER
            continue
        if name not in ("SIZE", "BODY", "SMTPUTF8"):
            return replies.UNKNOWN_PARAMETER
        if name == "SIZE" and value.isascii() and value.isdigit() and len(value) <= 20:
            if int(value) > max_size:
                return replies.TOO_LARGE
        elif name == "SIZE" or (name == "BODY" and value.upper() not in ("7BIT", "8BITMIME")) or (name == "SMTPUTF8" and value):
            return replies.BAD_PARAMETER
    return ""


def sender_of(path: str, smtputf8: bool) -> tuple[Address | None, str]:
    """The sender that a reverse-path names, and what is wrong with it, "" when nothing is.

    The null reverse-path and legal senders that no rule could be about are None.
    """
    if not path.isascii() and not smtputf8:
        return None, replies.NOT_ASCII
    if not path:
        return None, ""
    try:
        return Address.parse(path), ""
    except ValueError:
        return None, "" if is_unusual_address(path) else replies.BAD_SENDER


def is_unusual_address(path: str) -> bool:
    """Whether a path is an address that Address.parse does not read and that somebody else may have all the same."""
    return len(path) <= LONGEST and UNUSUAL.fullmatch(path) is not None


def recipient_of(path: str, smtputf8: bool) -> tuple[Address | None, str]:
    """The recipient that a forward-path names, or what is wrong with it."""
    if not path.isascii() and not smtputf8:
        return None, replies.NOT_ASCII
    try:
        recipient = Address.parse(path)
    except ValueError:
        return None, replies.BAD_RECIPIENT
    return (recipient, "") if path == path.strip() else (None, replies.BAD_RECIPIENT)


def outsider_of(path: str, smtputf8: bool) -> tuple[Address | None, str]:
    """The recipient outside that a forward-path names, or what is wrong with it. What is legal is for their server to judge."""
    recipient, fault = recipient_of(path, smtputf8)
    if recipient is None and fault == replies.BAD_RECIPIENT and is_unusual_address(path):
        local, _, domain = path.rpartition("@")
        return Address(fold_text(local), domain.lower()), ""
    return recipient, fault
