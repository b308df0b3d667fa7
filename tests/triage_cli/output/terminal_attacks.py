"""Attacks on terminals by kind, as suites for the security of terminals collect them; and how they are found in output."""

import re
import unicodedata

CLIPBOARD, IMAGE = "T0JFWUVE", "iVBORw0KGgo="
ATTACKS = {
    "C0": "".join(f"{chr(code)}c0" for code in range(0x20)),
    "delete": "\x7fdel",
    "C1": "".join(f"{chr(code)}c1" for code in range(0x80, 0xA0)),
    "CSI erase, home": "\x1b[2J\x1b[3J\x1b[H\x1b[1A\x1b[2K",
    "CSI reports": "\x1b[6n\x1b[c\x1b[>c\x1b[=c\x1b[>q\x1b[21t\x1b[20t\x1b[?996n\x1b[x\x1b[5n",
    "CSI printer, repeat": "\x1b[5i\x1b[4i\x1bA\x1b[99999b",
    "CSI colour, hidden": "\x1b[8m\x1b[31;5;7m\x1b[38;2;0;0;0m",
    "CSI modes": "\x1b[?1049h\x1b[?1003h\x1b[?1006h\x1b[?2026h\x1b[?2027h\x1b[4h\x1b[>4;2m\x1b[>31u\x1b[?u\x1b[!p",
    "CSI of one byte": "\x9b2J\x9b31m",
    "bracketed paste": "\x1b[?2004l\x1b[201~touch obeyed\n\x1b[200~",
    "OSC title": "\x1b]0;obeyed\x07\x1b]1;obeyed\x1b\\\x1b]2;obeyed\x07\x1bkobeyed\x1b\\",
    "OSC colours": "\x1b]4;1;?\x07\x1b]10;?\x1b\\\x1b]11;?\x07\x1b]12;red\x07\x1b]104\x07",
    "OSC directory": "\x1b]7;file://obeyed.example/\x07\x1b]50;?\x07\x1b]51;A\x07",
    "OSC 8 link": "\x1b]8;;https://obeyed.example/\x1b\\look\x1b]8;;\x1b\\\x1b]8;id=1;file:///etc/passwd\x07a\x1b]8;;\x07",
    "OSC notification": "\x1b]9;obeyed\x07\x1b]99;;obeyed\x1b\\\x1b]777;notify;obeyed;now\x07\x1b]133;C\x07",
    "OSC 52 clipboard": f"\x1b]52;c;{CLIPBOARD}\x07\x1b]52;p;?\x1b\\",
    "OSC 1337": f"\x1b]1337;File=inline=1:{IMAGE}\x07\x1b]1337;ReportVariable=c2g=\x07\x1b]1337;SetUserVar=a=Yg==\x07",
    "OSC of one byte": f"\x9d52;c;{CLIPBOARD}\x9c",
    "DCS": "\x1bP$qm\x1b\\\x1bP+q544e\x1b\\\x1bP0;0|0A/0A\x1b\\\x1bPtmux;\x1b\x1b]0;obeyed\x07\x1b\\\x901$r0m\x9c",
    "sixel, ReGIS": "\x1bPq#0;2;0;0;0#0~~@@vv$-\x1b\\\x1bPpS(E)\x1b\\",
    "APC, PM, SOS": f"\x1b_Gf=100,a=T,t=f;{IMAGE}\x1b\\\x1b_Gi=1,a=q,t=s;b2JleWVk\x1b\\\x9fGa=d\x9c\x1b^pm\x1b\\\x1bXsos\x1b\\",
    "reset, charset": "\x1bc\x1b#8\x1b(0\x1b%@\x1bN\x1bO\x1b7\x1b8\x1bD\x1bM\x0eshift\x0f\x05",
    "overstrike": "safe\rhidden\x08\x08\x08over\x0b\x0c",
    "bidi": "\u202aa\u202bb\u202dc\u202ed\u202c\u2066e\u2067f\u2068g\u2069\u200eh\u200fi\u061cj",
    "lines": "one\u2028two\u2029three\x85four\x1cfive",
    "unseen": "\u200b\u2060\ufeff\u00ad\U000e0001\U000e0041\U000e007f\ufff9a\ufffab\ufffb",
}
MARK = "ATTACKED"  # stands in every attack as a whole, to show that it was printed
EVERYTHING = MARK + "".join(ATTACKS.values()) + MARK
TYPED = (EVERYTHING + "\udc9b2J\udc90").replace("\0", "")  # as an argument: what is not UTF-8 comes as surrogates, and NUL ends it
BYTES = EVERYTHING.encode() + b"".join(b"%cC1" % code for code in range(0x80, 0xA0)) + b"\x9b2J\x9d52;c;T0JFWUVE\x9c" + MARK.encode()
OWN = re.compile(
    rb"\x1b\[\?25[lh]|\r(?=[ \w]* *\[|[\d,]+ \w|\x1b\[\?25|\n|\Z)|(?<=\d%)\x1b\[K"
)  # progress: cursor off and on, the line again
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS, TAGS = "\u200e\u200f\u061c", range(0xE0000, 0xE0080)


def find_obeyed(printed: bytes) -> list[str]:
    """Finds characters that a terminal obeys or hides, each with the text before it. Knows nothing of how Mailroom escapes."""
    try:
        text = OWN.sub(b"", printed).decode()
    except UnicodeDecodeError as fault:
        return [f"{fault}: {printed[max(0, fault.start - 60) : fault.end]!r}"]
    return [f"{text[max(0, place - 60) : place + 1]!r}" for place, one in enumerate(text) if is_obeyed(one)]


def is_obeyed(one: str) -> bool:
    """Whether a terminal does something else with a character than to show it. A line end and a tab are meant."""
    if one in "\n\t":
        return False
    odd = unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(one) in BIDI
    return odd or one in MARKS or ord(one) in TAGS
