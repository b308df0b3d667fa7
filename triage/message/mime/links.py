"""Link destinations, read as a browser reads them, and deceptive features of links, in words."""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from triage.addressing.envelope import IGNORED, LONGEST_WRITTEN, normal_domain, old_ascii_domain
from triage.addressing.public_suffix import tenant_of
from triage.say import join_parts, say

SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
ENDS = "".join(map(chr, range(0x21)))  # what browsers strip from both ends (WHATWG URL, 4.4)
WEB = frozenset({"http", "https"})
USUAL = WEB | {"mailto", "tel"}
TARGET_LIMIT = 4_000  # characters of a target that are looked at
HOSTS = 2048  # that are remembered: several rules ask for each, and all links of a message may lead to one
DOTS = re.compile("[\u3002\uff0e\uff61]")  # which browsers take for one (UTS 46)
WRITTEN_URL = re.compile(r"(?:https?:[/\\]{1,9}|www\.)[^\s<>\"']{3,2000}", re.IGNORECASE)
WRITTEN_HOST = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,9}[^\W\d_]{2,24}", re.IGNORECASE)
FILE_ENDING = re.compile(
    r"asp|aspx|bat|cmd|csv|docm?|docx|eml|exe|gif|html?|ics|iso|jpe?g|js|json|jsp|md|msg|pdf|php|png|pptx?|rar|rtf|txt|xls[mx]?|xml|zip",
    re.IGNORECASE,
)
SHARED_SECOND_LEVEL = re.compile(r"ac|com?|edu|go|gob|gouv|gov|gr|id|mil|net?|nom|org?")
NUMBER = re.compile(r"0x[0-9a-f]{0,16}|\d{1,16}")

# Letters of other scripts, and digits, that pass for an ASCII letter. Our own short table of those that are seen in mail.
LOOKALIKES = str.maketrans(
    dict(
        pair
        for plain, letters in (
            *(("a", "аɑα"), ("b", "вьЬ"), ("c", "сϲ"), ("d", "ԁđ"), ("e", "еεє"), ("f", "ғ"), ("g", "ɡց"), ("h", "һнհ"), ("i", "іıιɩ")),
            *(("j", "ј"), ("k", "кκ"), ("l", "ӏł1"), ("m", "м"), ("n", "пոη"), ("o", "оοσօø0"), ("p", "рρ"), ("q", "ԛ"), ("r", "г")),
            *(("s", "ѕ"), ("t", "тτ"), ("u", "υսц"), ("v", "νѵ"), ("w", "ѡωшԝ"), ("x", "хχ"), ("y", "уγү"), ("z", "ʐ")),
        )
        for pair in zip(letters, plain * len(letters), strict=True)
    )
)


@dataclass(frozen=True, slots=True)
class Destination:
    """A link target in its parts. `host` is in its ASCII form; "" for targets that have none."""

    scheme: str
    host: str
    user: str = ""  # what stands before an @ in front of the host


@dataclass(frozen=True, slots=True)
class Deception:
    """Deceptive property of a link: its kind and a sentence."""

    kind: str
    sentence: str


def browser_target(target: str) -> str:
    """The target as a browser takes it: without white space and controls at its ends, and without line ends and tabs anywhere."""
    return re.sub(r"[\t\r\n]", "", target.strip(ENDS))


def link_destination(target: str) -> Destination:
    """Returns the destination of a link. Targets without a scheme count as web addresses when they start with // or www."""
    text = browser_target(target[:TARGET_LIMIT])
    if text.startswith(("//", "\\\\")) or text[:4].casefold() == "www.":
        text = "http:" + text
    scheme = SCHEME.match(text)
    if scheme is None:
        return Destination("", "")
    name, rest = scheme[1].casefold(), text[scheme.end() :]
    if name == "mailto":
        return Destination(name, host_name(rest.partition("?")[0].rpartition("@")[2]))
    if name not in WEB and not rest.startswith("//"):
        return Destination(name, "")
    authority = re.split(r"[/?#]", rest.replace("\\", "/").lstrip("/"), maxsplit=1)[0]
    user, _, host = authority.rpartition("@")
    return Destination(name, host_name(re.sub(r":\d{0,9}$", "", host)), user)


def host_name(text: str) -> str:
    """A host as the browser looks it up: percent escapes and full-width letters undone, numbers as an IP address, IDN in ASCII.

    What no name can be, since it is too long or too much is on one letter, stays as it stands but for its case.
    """
    host = IGNORED.sub("", unquote(text))
    return host.casefold() if len(host) > LONGEST_WRITTEN else unescape_host(host)


@lru_cache(maxsize=HOSTS)
def unescape_host(host: str) -> str:
    """The same of a host without percent escapes."""
    try:
        normal = normal_domain(host).strip().casefold().rstrip(".").replace("。", ".")
    except ValueError:
        return host.casefold()
    if address := ip_address(normal):
        return address
    try:
        return normal if normal.isascii() else old_ascii_domain(normal)
    except ValueError:
        return normal


def ip_address(host: str) -> str:
    """The IP address that a host is, also written as one number, in hex or in octal (WHATWG URL, 3.5); "" when it is a name."""
    if host.startswith("["):
        try:
            address = ipaddress.IPv6Address(host.strip("[]").partition("%")[0])
            return str(address.ipv4_mapped or address)
        except ValueError:
            return ""
    pieces = host.split(".")
    if len(pieces) > 4 or not all(NUMBER.fullmatch(piece) for piece in pieces):
        return ""
    try:
        *high, low = (int(piece[2:] or "0", 16) if piece.startswith("0x") else int(piece, 8 if piece[0] == "0" else 10) for piece in pieces)
    except ValueError:
        return ""
    if any(number > 255 for number in high) or low >= 256 ** (5 - len(pieces)):
        return ""
    return str(ipaddress.IPv4Address(sum(number << 24 - 8 * place for place, number in enumerate(high)) + low))


def registered_organisation(host: str) -> str:
    """The part of a host that somebody registered, as far as can be told without the Public Suffix List."""
    labels = host.rstrip(".").split(".")
    if ip_address(host):
        return host
    if tenant := tenant_of(".".join(labels)):
        return tenant
    shared = len(labels) > 2 and len(labels[-1]) == 2 and bool(SHARED_SECOND_LEVEL.fullmatch(labels[-2]))
    return ".".join(labels[-3 if shared else -2 :])


def is_related_host(one: str, other: str) -> bool:
    """Whether two hosts belong to the same organisation."""
    return bool(one) and registered_organisation(one) == registered_organisation(other)


def shown_host(text: str) -> str:
    """The host that a link's text names; "" when it names none."""
    text = DOTS.sub(".", text)
    if url := WRITTEN_URL.search(text):
        return link_destination(url[0]).host
    word = text.strip(ENDS + "<>()[]\"'.,:;!")
    address = word.rpartition("@")[2]
    written = WRITTEN_HOST.match(address)
    whole = written and (written.end() == len(address) or address[written.end()] in "/?#:")
    if not written or not whole or " " in word or FILE_ENDING.fullmatch(written[0].rpartition(".")[2]):
        return ""
    return host_name(written[0])


def link_deceptions(text: str, target: str) -> tuple[Deception, ...]:
    """Finds what could deceive in a link's text and target."""
    to = link_destination(target)
    shown = shown_host(text)
    found = []
    if shown and to.host and not is_related_host(shown, to.host):
        found.append(
            Deception(
                "link-differs",
                say("Link text and target differ: shows {shown}, opens {host}.", shown=display_host(shown), host=display_host(to.host)),
            )
        )
    if to.user and to.scheme in WEB:
        found.append(Deception("link-hides-host", say("The part before the @ is decoration; opens {host}.", host=display_host(to.host))))
    if to.scheme == "data":
        found.append(Deception("link-data", say("Opens a page contained in the message itself (“data:”).")))
    elif to.scheme and to.scheme not in USUAL:
        found.append(Deception("link-odd", say("Not a web address: begins with “{scheme}:”.", scheme=to.scheme)))
    return (*found, *host_deceptions(to.host))


def host_deceptions(host: str) -> tuple[Deception, ...]:
    """Finds what could deceive in a host name: a bare IP address, letters of foreign scripts."""
    if ip_address(host):
        return (Deception("link-to-number", say("Opens an IP address ({host}) instead of a name.", host=host)),)
    name = display_host(host)
    if "xn--" not in host:
        return ()
    if unread := [label for label in name.split(".") if label.startswith("xn--")]:
        said = say("The name {name} is invalid: {label} is no valid encoding of foreign letters.", name=name, label=unread[0])
        return (Deception("link-foreign-letters", said),)
    if any(is_mixed(label) for label in name.split(".")):
        return (
            Deception(
                "link-foreign-letters",
                say("The name {name} mixes letters of different alphabets; it really is {host}.", name=name, host=host),
            ),
        )
    plain = look_alike_skeleton(name)
    sentence = say("The name {name} has foreign letters; it really is {host}.", name=name, host=host)
    looks = say("It looks like {plain} and is not.", plain=plain) if plain.isascii() and not is_accented(name) else ""
    return (Deception("link-foreign-letters", join_parts(" ", [sentence, looks])),)


def link_warnings(text: str, target: str) -> tuple[str, ...]:
    """Returns one sentence for each deceptive feature of a link, for people who know mail and not URLs."""
    return tuple(deception.sentence for deception in link_deceptions(text, target))


def display_host(host: str) -> str:
    """A host as it looks to the reader: A-labels as the letters they stand for."""
    return ".".join(unicode_label(label) for label in host.split("."))


@lru_cache(maxsize=1024)
def unicode_label(label: str) -> str:
    """Label of a host as its reader sees it; unchanged when it does not decode safely."""
    if not label.startswith("xn--") or len(label) > 63:
        return label
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label
    return decoded if decoded.isprintable() and not decoded.isascii() else label  # what is all ASCII needs no such form (RFC 5890)


def is_mixed(label: str) -> bool:
    """Whether one label mixes alphabets. Japanese and Korean mix theirs lawfully."""
    scripts = {letter_script(letter) for letter in label if letter.isalpha()}
    if scripts & {"HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"}:
        scripts -= {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "LATIN"}
    return len(scripts) > 1


def is_accented(name: str) -> bool:
    """Whether it is Latin throughout, so that its accents are plain to see."""
    return {letter_script(letter) for letter in name if letter.isalpha()} <= {"LATIN"}


def letter_script(letter: str) -> str:
    """The alphabet of a letter, by the first word of its Unicode name."""
    return re.split(r"[ -]", unicodedata.name(letter, ""), maxsplit=1)[0]


def look_alike_skeleton(text: str) -> str:
    """The text as a hasty eye reads it: accents gone, look-alike letters and digits as the letter they pass for."""
    folded = unicodedata.normalize("NFKD", text.casefold().translate(LOOKALIKES))
    if folded.isascii():
        return folded.translate(LOOKALIKES)
    return "".join(letter for letter in folded if unicodedata.category(letter) != "Mn").casefold().translate(LOOKALIKES)
