"""Our Authentication-Results field (RFC 8601): write it, and know one that was forged in our name. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from triage.addressing.envelope import DOTS
from triage.message.authentication import Arc, Authentication, Dkim, Dmarc, Result, Spf
from triage.message.authors import loose_domains
from triage.message.mime.decoding import decode_words

TOKEN = re.compile(r"[^\x00-\x20\x7f-\U0010ffff()<>@,;:\\\"/\[\]?=]+")  # RFC 2045, 5.1
PARTS = re.compile(r'\\.|[^\\"();]+|.', re.S)  # of a structured field: quoted pairs, text, delimiters
LINE = 78  # characters (RFC 5322, 2.1.1)
LONGEST_VALUE = 255  # characters
LONGEST_NAME = 1_000  # characters of an authserv-id that could still be ours in disguise
ARC_WORDS = (Result.PASS, Result.FAIL)  # and "none": RFC 8617, 10.1 knows no errors


def authentication_results(authentication: Authentication, authserv_id: str) -> str:
    """The field with every result that was found, its reason, and what it is about."""
    lines = [f"Authentication-Results: {format_value(authserv_id)}"]
    for words_of_it in format_results(authentication):
        lines[-1] += ";"
        lines.append("\t" + words_of_it[0])
        for word in words_of_it[1:]:
            if len(lines[-1]) + len(word) >= LINE:
                lines.append("\t " + word)
            else:
                lines[-1] += f" {word}"
    return "\r\n".join(lines) + "\r\n"


def format_results(found: Authentication) -> Iterator[list[str]]:
    """Yields each authentication result as words: method and outcome, the reason, the properties."""
    yield from map(write_spf_result, found.spf)
    if found.dkim:
        yield from map(write_dkim_result, found.dkim)
    else:
        yield ["dkim=none"]
    if found.arc.instances:
        yield write_arc_result(found.arc)
    yield write_dmarc_result(found.dmarc)


def write_spf_result(spf: Spf) -> list[str]:
    """RFC 8601, 2.7.2."""
    return format_result("spf", spf.result, spf.reason, ("smtp.helo" if spf.identity == "helo" else "smtp.mailfrom", spf.domain))


def write_dkim_result(dkim: Dkim) -> list[str]:
    """RFC 8601, 2.7.1; RFC 6008."""
    about = (("header.d", dkim.domain), ("header.s", dkim.selector), ("header.a", dkim.algorithm))
    return format_result("dkim", dkim.result, dkim.reason, *about)


def write_arc_result(arc: Arc) -> list[str]:
    """Result of ARC (RFC 8617, 10.1). The last sealer is a property of our own."""
    known = arc.result in ARC_WORDS
    return format_result("arc", arc.result if known else Result.NONE, arc.reason, ("policy.sealer", arc.sealer))


def write_dmarc_result(dmarc: Dmarc) -> list[str]:
    """RFC 7489, 11.1. The policy that the author's domain publishes is a word of our own, as other receivers write it."""
    return format_result("dmarc", dmarc.result, dmarc.reason, ("header.from", dmarc.domain), ("policy.dmarc", dmarc.policy))


def format_result(method: str, outcome: str, reason: str, *properties: tuple[str, str]) -> list[str]:
    """Formats a resinfo. Leaves out a property that is not known."""
    why = [f"reason={quote_string(reason)}"] if reason else []
    return [f"{method}={outcome}", *why, *(f"{name}={format_value(text)}" for name, text in properties if text)]


def format_value(text: str) -> str:
    """A token, or a quoted string when it needs to be one (RFC 2045, 5.1). What is no printable ASCII becomes "?"."""
    return text if TOKEN.fullmatch(text) and len(text) <= LONGEST_VALUE else quote_string(text)


def quote_string(text: str) -> str:
    """A quoted string."""
    plain = re.sub(r"[^\x20-\x7e]", "?", text)[:LONGEST_VALUE]
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_forged_field(text: bytes, authserv_id: str) -> bool:
    """Whether an Authentication-Results field with this text speaks in our name. One that cannot be parsed and mentions us does too."""
    unfolded = text.decode("utf-8", "replace").replace("\r\n", "")
    readings = [unfolded, decode_words(unfolded)] if "=?" in unfolded else [unfolded]  # some readers decode encoded words everywhere
    return any(speaks_as(reading, our_names(authserv_id)) for reading in readings)


@lru_cache(maxsize=4)
def our_names(authserv_id: str) -> frozenset[str]:
    """Our own name in the forms of `plain_names`, found out once: every field of every message is compared with them."""
    return frozenset(plain_names(authserv_id))


def speaks_as(text: str, ours: frozenset[str]) -> bool:
    """Whether some reader would take the part before the first ";" for our authserv-id."""
    named = authserv_id_of(text)
    if named is None:
        return any(name in text.casefold() for name in ours)
    pieces = re.split(r"[\x00-\x20\x7f]+", named.strip())
    if len(pieces) > 1 and pieces[-1].isdigit():
        pieces.pop()  # the version
    first = re.split(r"[<>@,:/\[\]?=]", pieces[0])[0]
    dots = max((name.count(".") for name in ours), default=0) + 1  # one more may end the name, in other letters
    return any(not ours.isdisjoint(plain_names(name, dots)) for name in {first, "".join(pieces)})


def plain_names(name: str, dots: int = LONGEST_NAME) -> set[str]:
    """A name in the forms in which readers compare it: case, a last dot, invisible letters and the writing of a domain do not count.

    One with more than so many dots is not read as a domain: that takes its time.
    """
    if len(name) > LONGEST_NAME:
        return set()
    seen = "".join(letter for letter in name if unicodedata.category(letter) != "Cf").rstrip(".")
    domains = loose_domains(seen) if len(DOTS.findall(seen)) <= dots else []
    return {seen.casefold(), *domains} - {""}


def authserv_id_of(text: str) -> str | None:
    """Returns the part of an unfolded Authentication-Results value before its first ";", without comments and quotes.

    None when a comment or a quoted string never ends (RFC 5322, 3.2.2 and 3.2.4; RFC 8601, 2.2).
    """
    depth, quote, kept = 0, False, []
    for part in PARTS.findall(text):
        if part == '"' and not depth:
            quote = not quote
        elif part in ("(", ")") and not quote:
            depth = max(0, depth + (1 if part == "(" else -1))
        elif part == ";" and not depth and not quote:
            break
        elif not depth:
            kept.append(part.removeprefix("\\"))
    return None if depth or quote else "".join(kept)
