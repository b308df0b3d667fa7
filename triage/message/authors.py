"""Authors of a message: the mailboxes in address fields (RFC 5322, section 3.4), parsed strictly.

`email.utils.getaddresses` reads the same field differently on Python 3.11 and 3.13, and programs differ in much more. What
could be read in two ways is therefore not clear here, and a message whose author is not clear has none.
"""

import contextlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from triage.addressing.envelope import LONGEST_ADDRESS, Address, ascii_domain, old_ascii_domain
from triage.message.mime.decoding import decode_words, text_of
from triage.text.sanitize import escape_visible

SPECIALS = r'()<>,;:@\\\[\]"'
TOKEN = re.compile(rf'(?P<space>[ \t\r\n]+)|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<special>[{SPECIALS}])|(?P<word>[^\s{SPECIALS}]+)', re.DOTALL)
LOOSE = re.compile(r"""("[^"]{0,64}"|[^\s()<>,;:@\\\[\]"']{0,64})\s{0,9}@\s{0,9}([^\s()<>,;:@\\\[\]"'%!]{3,253})""")
FIELD_LIMIT = 64 * 1024  # bytes
NAME_LIMIT = 500
LOCAL_LIMIT = 128  # characters of the local part of an address that is no strict one
NAMING = 5  # fields in which a name is looked for where there are several, none of which names an author
MANY = 500  # mailboxes that are read from one field
TRIED = 4 * MANY  # pieces of unclear fields that are tried as addresses: each may stand there in four readings
READINGS = 8  # fields that are remembered: one is asked for its author and for all its addresses


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Mailbox of an address field: the display name, decoded, and the address, folded; "" when the address is unclear."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Reading:
    """Result of reading an address field. `clear`: every program would read it so."""

    mailboxes: tuple[Mailbox, ...]
    clear: bool


@dataclass(frozen=True, slots=True)
class Token:
    """Token of an address field."""

    kind: str  # space, quoted, comment, special, word
    text: str


OPENING = Token("special", "<")
CLOSING = Token("special", ">")


@lru_cache(maxsize=READINGS)
def read_mailbox(value: bytes) -> Reading:
    """Read one address field."""
    text = value[:FIELD_LIMIT].decode("utf-8", "surrogateescape")  # what is not UTF-8 can be a name, never an address
    tokens, whole = tokenise_field(text)
    pieces, listed = split_mailboxes(tokens)
    found: list[Mailbox] = []
    clear = whole and listed and 0 < len(pieces) <= MANY and len(value) <= FIELD_LIMIT and "\x00" not in text
    for piece in pieces[:MANY]:
        mailbox, sure = mailbox_of(piece)
        clear = clear and sure
        if mailbox.address or mailbox.name:
            found.append(mailbox)
    return Reading(tuple(found), clear)


def tokenise_field(text: str) -> tuple[list[Token], bool]:
    """The tokens of a field, comments whole; False when a quote or a comment is not closed."""
    tokens: list[Token] = []
    position, depth, begin = 0, 0, 0
    while position < len(text):
        if text[position] == "\\" and depth:
            position += 2
            continue
        if text[position] in "()" and (depth or text[position] == "("):
            begin = position + 1 if not depth else begin
            depth += 1 if text[position] == "(" else -1
            if not depth:
                tokens.append(Token("comment", text[begin:position]))
            position += 1
            continue
        if depth:
            position += 1
            continue
        found = TOKEN.match(text, position)
        if found is None or found[0] == '"':  # a quote that is never closed swallows the rest; or white space beyond RFC 5322
            return [*tokens, Token("word", text[position:])], False
        tokens.append(Token(str(found.lastgroup), found[0]))
        position = found.end()
    return tokens, not depth and not any(token.kind == "special" and token.text in ")\\" for token in tokens)


def split_mailboxes(tokens: list[Token]) -> tuple[list[list[Token]], bool]:
    """Splits tokens into a list for each mailbox; False when there is a group or an empty place, which programs read differently."""
    pieces: list[list[Token]] = [[]]
    clear, angle = True, False
    for token in tokens:
        if token.kind == "special" and token.text in "<>":
            angle = token.text == "<"
        if token.kind == "special" and token.text in ",;" and not angle:
            clear = clear and token.text == ","
            pieces.append([])
        elif token.kind == "special" and token.text == ":" and not angle:
            clear = False
            pieces[-1] = []  # the name of a group
        else:
            pieces[-1].append(token)
    filled = [piece for piece in pieces if any(token.kind not in ("space", "comment") for token in piece)]
    return filled, clear and len(filled) == len(pieces)


def mailbox_of(piece: list[Token]) -> tuple[Mailbox, bool]:
    """Read one mailbox: `name <address>`, or `address` with its name in a comment; and whether that is the only reading."""
    opening = [index for index, token in enumerate(piece) if token == OPENING]
    comment = next((token.text for token in piece if token.kind == "comment"), "")
    if not opening:
        kept = trim_tokens(piece)
        address = address_of(kept)
        return Mailbox(show_name(comment if address else join_tokens(kept)), address), bool(address)
    before, after = piece[: opening[0]], piece[opening[0] + 1 :]
    closing = after.index(CLOSING) if CLOSING in after else len(after)
    address = address_of(trim_tokens(after[:closing], ("space",)))
    phrase = [token for token in before if token.kind != "comment"]
    sure = bool(address) and closing < len(after) and not trim_tokens(after[closing + 1 :]) and is_plain_phrase(phrase, address)
    return Mailbox(show_name(join_tokens(phrase).strip() or comment), address), sure


def is_plain_phrase(phrase: list[Token], address: str) -> bool:
    """Whether this may precede the angle bracket: words and quoted strings; an unquoted address only if it is the same one."""
    if all(token.kind != "special" or token.text in "[]" for token in phrase):
        return True
    return address_of(trim_tokens(phrase)) == address


def trim_tokens(tokens: list[Token], away: tuple[str, ...] = ("space", "comment")) -> list[Token]:
    """Without white space and comments at both ends."""
    solid = [index for index, token in enumerate(tokens) if token.kind not in away]
    return tokens[solid[0] : solid[-1] + 1] if solid else []


def address_of(tokens: list[Token]) -> str:
    """The address that exactly these tokens are, folded; "" when there is any doubt."""
    if [token.kind for token in tokens] != ["word", "special", "word"] or tokens[1].text != "@":
        return ""
    return sure_address(tokens[0].text, tokens[2].text)


def sure_address(local: str, domain: str) -> str:
    """The folded address, or "" where two programs could disagree about which one it is."""
    text = f"{local}@{domain}"
    if len(text) > LONGEST_ADDRESS:
        return ""
    if (
        "=?" in text
        or domain.endswith(".")
        or "." not in domain
        or escape_visible(text) != text
        or unicodedata.normalize("NFC", text) != text
    ):
        return ""
    try:
        address = Address.parse(text)
    except ValueError:
        return ""
    return str(address) if same_domain(domain, address.domain) and local.casefold() == local.lower() else ""


def same_domain(written: str, ascii_form: str) -> bool:
    """Whether the A-label form leads back to what was written. IDNA 2003 and 2008 differ about the others (RFC 5894, 7.2)."""
    if written.isascii():
        return True
    try:
        return ascii_form.encode("ascii").decode("idna") == written.lower()
    except UnicodeError:
        return False


def join_tokens(tokens: list[Token]) -> str:
    """A phrase as text, quotes undone."""
    return "".join(re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL) if token.kind == "quoted" else token.text for token in tokens)


def show_name(name: str) -> str:
    """A display name as staff see it."""
    decoded = decode_words(text_of(name.encode("utf-8", "surrogateescape")))
    return escape_visible(" ".join(decoded.split()))[:NAME_LIMIT]


def author_of(values: Iterable[bytes], *, strict: bool = True) -> Mailbox:
    """The one author, given the values of every From field. Its address is "" unless there is exactly one field with one clear mailbox.

    `strict`: False when a From field was malformed as a field.
    """
    fields = list(values)
    readings = [read_mailbox(value) for value in fields[:NAMING]]
    if len(fields) == 1 and strict and readings[0].clear and len(readings[0].mailboxes) == 1:
        return readings[0].mailboxes[0]
    names = (mailbox.name for reading in readings for mailbox in reading.mailboxes if mailbox.name)
    return Mailbox(next(names, show_name(text_of(fields[0][:FIELD_LIMIT])) if fields else ""), "")


def named_addresses(values: Iterable[bytes]) -> tuple[str, ...]:
    """Lists the addresses in these fields, folded, in order; from unclear fields anything like an address, encoded or not."""
    found: dict[str, None] = {}
    for address in named_in(values):
        found[address] = None
        if len(found) >= MANY:
            break
    return tuple(found)


def named_in(values: Iterable[bytes]) -> Iterator[str]:
    """The same, some of them several times, each read when it is asked for."""
    tried: set[tuple[str, str]] = set()
    for value in values:
        reading = read_mailbox(value)
        yield from (mailbox.address for mailbox in reading.mailboxes if mailbox.address)
        for local, domain in () if reading.clear else untried_matches(loose_matches(value), tried):
            yield from loose_readings(local, domain)


def untried_matches(matches: Iterable[tuple[str, str]], tried: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yields matches that were not tried yet, and marks them as tried. None once enough were: text that is no address costs as much."""
    for one in matches:
        if len(tried) >= TRIED:
            return
        if one not in tried:
            tried.add(one)
            yield one


def loose_matches(value: bytes) -> Iterator[tuple[str, str]]:
    """Yields everything that looks like an address in an unclear field, in each way of reading it."""
    text = text_of(value[:FIELD_LIMIT])
    uncommented = "".join(token.text for token in tokenise_field(text)[0] if token.kind != "comment")
    return looking_like_one(" ".join((uncommented, text, decode_words(text), text.replace('"', " "))))


def looking_like_one(text: str) -> Iterator[tuple[str, str]]:
    """Yields everything that looks like an address in this text, as the parts before and after the @."""
    return ((found[1], found[2].rstrip(".")) for found in LOOSE.finditer(text))


def loose_addresses(text: str) -> list[str]:
    """Returns every address that some program could read in this text, folded. For suspicion, never for trust."""
    return [address for local, domain in looking_like_one(text) for address in loose_readings(local, domain)]


def loose_readings(local: str, domain: str) -> list[str]:
    """The address as somebody could read it; nothing when the domain is none."""
    if not local and "." not in domain:
        return []
    if sure := sure_address(local, domain):
        return [sure]
    shown = escape_visible(local.casefold())[-LOCAL_LIMIT:]  # escapes are longer than what they stand for; the domain stays whole
    return [f"{shown}@{escape_visible(encoded)}" for encoded in loose_domains(domain)]


def loose_domains(domain: str) -> list[str]:
    """The domain as a program with today's IDNA reads it, and as one with the old one does (Python's codec, RFC 3490)."""
    found: dict[str, None] = {}
    with contextlib.suppress(ValueError):
        found[ascii_domain(domain)] = None
    with contextlib.suppress(ValueError):
        found[ascii_domain(old_ascii_domain(domain))] = None
    return list(found)
