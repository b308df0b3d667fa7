"""Defuses links in strangers' text, so that no mail program opens, calls or starts anything."""

import re

WEB = re.compile(r"(?i)h(tt)(ps?)(?=://)")
WITH_HOST = re.compile(r"(?<!hxxp)(?<!hxxps):(?=//|\\\\)", re.I)
WITHOUT = re.compile(
    r"(?i)(?<![a-z])(mailto|tel|sms|sips?|callto|skype|facetime|news|file|data|javascript|onenote|outlook|search-ms|ms-[a-z-]{1,40}):(?=\S)"
)
SHARE = re.compile(r"\\(?=\\)")  # \\host\share: Windows signs in there
HOST = re.compile(r"(?<=\w)[.\u3002\uff0e\uff61](?=[^\W\d_]{2})")  # and what browsers take for a full stop (UTS 46)
PLAIN_LOCAL = re.compile(r"[\w+-]+(?:\.[\w+-]+)*")
PLAIN_DOMAIN = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


def defuse_text(text: str) -> str:
    """Running text with every link broken, still readable: `hxxps://evil[.]example`."""
    text = WITHOUT.sub(r"\1[:]", WITH_HOST.sub("[:]", WEB.sub(r"hxx\2", text)))
    return HOST.sub("[.]", SHARE.sub(r"\\ ", text))


def dead_address(address: str) -> str:
    """An address as it is, unless it could be taken for anything else, such as `evil.example/x@other.example`."""
    local, _, domain = address.rpartition("@")
    return address if PLAIN_LOCAL.fullmatch(local) and PLAIN_DOMAIN.fullmatch(domain) else defuse_text(address)
