"""Reads Authentication-Results (RFC 8601) as others really write them; nothing where it could be read in two ways."""

import re
from collections.abc import Iterator

from mail_auth.tag_list import domain_or_nothing
from triage.message.authentication import Stated

LONGEST = 8 * 1024  # bytes
MOST = 64  # results in one field
PARTS = re.compile(r'\\.|[()"]|[^\\()"]+', re.DOTALL)
WORDS = re.compile(r'(?:"(?:[^"\\]|\\.)*+"|\\.|\\\Z|[^\s"\\])++', re.DOTALL)  # as `PARTS` reads quotes and escapes
METHOD = re.compile(r"([a-z0-9][a-z0-9-]*)(?:/\d+)?=([a-z]+)", re.IGNORECASE)
ABOUT = {  # which property says what a result is about, the best one first (RFC 8601, section 2.7)
    "dmarc": ("header.from",),
    "dkim": ("header.d", "header.i"),
    "spf": ("smtp.mailfrom", "smtp.helo"),
}
SINGLE = ("dmarc", "arc")  # stated twice, one of them is not the writer's own


def read_results(value: bytes) -> tuple[Stated, ...]:
    """The results that a field states; () when it is too long, a quote or a comment never ends, or it says "none"."""
    parts = split_field(value)
    stated = [one for part in parts[1 : MOST + 1] if (one := result_of(part))]
    methods = [one.method for one in stated]
    return tuple(one for one in stated if one.method not in SINGLE or methods.count(one.method) == 1)


def authserv_id(value: bytes) -> str:
    """Returns the authserv-id in lower case, without the version; "" when it cannot be told, or others may not take it for that name.

    An edge takes out what a stranger wrote in its name: in quotes, or with a letter that only lower case makes an ASCII one (K, the
    sign for kelvin), it may not know it.
    """
    words = WORDS.findall(next(iter(split_field(value)), ""))
    if not words or len(words) > 2 or (len(words) == 2 and not words[1].isdigit()):
        return ""
    name = words[0]
    return name.lower() if name.isascii() and name.isprintable() and not set(name) & set('"\\') else ""


def split_field(value: bytes) -> list[str]:
    """The parts between semicolons, comments and folds taken away, quotes left; [] when there is any doubt."""
    if len(value) > LONGEST:
        return []
    kept: list[str] = []
    depth, quoted = 0, False
    for part in PARTS.findall(value.decode("utf-8", "replace").replace("\r\n", "")):
        if part == '"' and not depth:
            quoted = not quoted
        elif part in ("(", ")") and not quoted:
            depth += 1 if part == "(" else -1
            kept.append(" ")
            if depth < 0:
                return []
            continue
        if not depth:
            kept.append(part.replace(";", "\n") if not quoted else part.replace("\n", " "))
    return [] if depth or quoted else "".join(kept).split("\n")


def result_of(part: str) -> Stated | None:
    """Parses a result, `method=word` and its properties; None when it is none."""
    words = WORDS.findall(" ".join(part.split()).replace(" =", "=").replace("= ", "="))
    found = METHOD.fullmatch(words[0]) if words else None
    if not found:
        return None
    method = found[1].lower()
    properties: dict[str, list[str]] = {}
    for name, text in property_pairs(words[1:]):
        properties.setdefault(name, []).append(text)
    about = next((properties[name] for name in ABOUT.get(method, ()) if name in properties), [])
    return Stated(method, found[2].lower(), domain_in(about[0]) if len(set(about)) == 1 else "")


def property_pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    """Property and value of each word that has both."""
    for word in words:
        name, equals, text = word.partition("=")
        if equals:
            yield name.lower(), unquote_value(text)


def unquote_value(text: str) -> str:
    """A value without its quotes."""
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if len(text) > 1 and text[0] == text[-1] == '"' else text


def domain_in(text: str) -> str:
    """The domain of a domain or an address."""
    return domain_or_nothing(text.strip("<>").rpartition("@")[2].encode())
