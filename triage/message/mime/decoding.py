"""Bytes of mail as text: charsets, encoded words (RFC 2047), parameters (RFC 2231), transfer encodings. Never raises."""

import binascii
import codecs
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote_to_bytes

NAME = re.compile(r"[A-Za-z0-9._:+-]{1,40}")
ALLOWED = re.compile(
    r"ascii|utf-(?:8|7|16|32)(?:-[bl]e)?|cp\d{3,4}|iso8859-\d+|koi8-[rtu]|mac-[a-z0-9]+|big5(?:hkscs)?|gb(?:2312|k|18030)"
    r"|euc_(?:jp|jis_2004|jisx0213|kr)|shift_jis(?:x0213|_2004)?|iso2022_(?:jp(?:_\w+)?|kr)|johab|hz|tis-620|ptcp154|kz1048"
)
AS_READ = {  # what mail programs and browsers take a charset for (encoding.spec.whatwg.org): what Windows made of it, with more letters
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
ALSO_CALLED = {
    "windows-31j": "cp932",
    "x-sjis": "cp932",
    "windows-874": "cp874",
    "x-gbk": "gb18030",
    "x-euc-jp": "euc_jp",
    "x-mac-roman": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-cp1250": "cp1250",
    "x-cp1251": "cp1251",
    "x-cp1252": "cp1252",
    "koi8-ru": "koi8-u",
    "windows-932": "cp932",
    "windows-936": "gb18030",
    "windows-949": "cp949",
    "windows-950": "cp950",
    "gb_2312-80": "gb18030",
    "csgb2312": "gb18030",
    "cn-gb": "gb18030",
    "cn-big5": "big5",
    "x-x-big5": "big5",
    "ks_c_5601-1989": "cp949",
    "ksc_5601": "cp949",
    "cp50220": "iso2022_jp",
    "cp50221": "iso2022_jp",
    "iso-2022-jp-ms": "iso2022_jp",
}
WORD = re.compile(r"=\?([^?*\s]{1,60})(?:\*[^?\s]{0,20})?\?([bBqQ])\?([^?]*)\?=")
PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)([^;]*)', re.DOTALL)
SECTION = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*?)")
STRUCTURED = re.compile(r'\\.|[()"]|[^\\()"]+', re.DOTALL)
ENCODING = re.compile(r'[\s"]*([^\s";,]*)')
PARAMETER_LIMIT = 16 * 1024  # characters of one structured field
NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
PADDING = re.compile(rb"=")
FILE_NAMES = frozenset({"name", "filename"})
UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]{1,255})\r?\n(?=[!-M][ -`]{1,84}\r?$)", re.MULTILINE)
NARROW = b"\x1b(I"  # ISO-2022-JP: JIS X 0201 katakana follow
ESCAPE = b"\x1b"
PRINTABLE = bytes(range(0x20, 0x7F))
SLICE = 1024 * 1024  # bytes


@lru_cache(maxsize=256)
def find_codec(charset: str) -> str:
    """The Python codec for a charset named in mail; "" when unknown. Codecs that are no charsets (zlib, idna …) are unknown."""
    folded = charset.strip().strip("\"'").casefold()
    if not NAME.fullmatch(folded):
        return ""
    try:
        name = codecs.lookup(ALSO_CALLED.get(folded) or folded.removesuffix("-i")).name
    except (LookupError, ValueError):
        return ""
    return AS_READ.get(name) or (name if ALLOWED.fullmatch(name) else "")


def text_of(data: bytes, charset: str = "") -> str:
    """The bytes as text. An unknown charset is read as UTF-8, and where that fails as Windows-1252."""
    name = find_codec(charset) if charset else ""
    if name == "iso2022_jp":
        return decode_japanese(data)
    if name and name != "cp1252":
        return data.decode(name, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def field_text(data: bytes, charset: str = "") -> str:
    """A header field as text where its writer has not encoded it (RFC 2047): in UTF-8, or else in `charset`, that of the message's text.

    So do mail programs. What does not fit that charset is read as without it.
    """
    name = keeps_ascii(charset) if charset and needs_charset(data) else ""
    if not name or is_utf8(data):
        return text_of(data)
    text = text_of(data, charset)
    return text if "\ufffd" not in text else text_of(data)


def needs_charset(data: bytes) -> bool:
    """Whether it holds letters of which it does not say what they are."""
    return ESCAPE in data or not data.isascii()


def is_utf8(data: bytes) -> bool:
    """Whether it holds letters in UTF-8 and nothing else that is not ASCII."""
    try:
        return not data.decode("utf-8").isascii()
    except UnicodeDecodeError:
        return False


@lru_cache(maxsize=256)
def keeps_ascii(charset: str) -> str:
    """The codec of a charset that has ASCII where all have it, so that a message without other letters reads alike; "" for others."""
    name = find_codec(charset)
    return name if name and PRINTABLE.decode(name, "replace").encode("ascii", "replace") == PRINTABLE else ""


def decode_japanese(data: bytes) -> str:
    """ISO-2022-JP as it is written: with ① and ㈱, which JIS X 0208 leaves out and JIS X 0213 has there, or with narrow letters."""
    if NARROW in data:
        return data.decode("iso2022_jp_ext", "replace")
    for given, wider in (b"\x1b$B", b"\x1b$(Q"), (b"\x1b$@", b"\x1b$(Q"), (b"\x1b(J", b"\x1b(B"):
        data = data.replace(given, wider)
    return data.decode("iso2022_jp_2004", "replace")


def decode_words(text: str) -> str:
    """A header field's text with its encoded words decoded (RFC 2047), also where they stand against the rules, as mail programs do."""
    out: list[str] = []
    pending, charset, end = b"", "", 0
    for found in WORD.finditer(text):
        gap = text[end : found.start()]
        between = bool(charset) and not gap.strip()  # white space between encoded words is not part of the text
        if not between or found[1].casefold() != charset:  # a character may be split over two words of one charset
            out.append(text_of(pending, charset))
            pending = b""
        if not between:
            out.append(gap)
        pending += word_bytes(found[2], found[3])
        charset, end = found[1].casefold(), found.end()
    return "".join([*out, text_of(pending, charset), text[end:]])


def word_bytes(encoding: str, text: str) -> bytes:
    """The bytes of one encoded word."""
    raw = text.encode("utf-8", "replace")
    return base64_bytes(raw) if encoding in "bB" else binascii.a2b_qp(raw, header=True)


def base64_bytes(data: bytes | memoryview) -> bytes:
    """Decoded base64 up to its padding; foreign characters are passed over and what is cut off at the end is left out.

    In slices, so that a large attachment is not in memory several times; binascii alone reads what follows padding differently
    on Python 3.11 and 3.13.
    """
    view = memoryview(data)
    padding = PADDING.search(view)
    end = padding.start() if padding else len(view)
    out, rest = bytearray(), b""
    for start in range(0, end, SLICE):
        clean = rest + bytes(view[start : min(end, start + SLICE)]).translate(None, NOT_BASE64)
        whole = len(clean) - len(clean) % 4
        out += binascii.a2b_base64(clean[:whole])
        rest = clean[whole:]
    if len(rest) > 1:
        out += binascii.a2b_base64(rest + b"=" * (4 - len(rest)))
    return bytes(out)


def uu_bytes(data: bytes) -> bytes:
    """Decoded uuencode, as far as it is well formed."""
    out = bytearray()
    for line in data.partition(b"begin ")[2].splitlines()[1:]:
        if line.strip() in (b"end", b"`"):
            break
        try:
            out += binascii.a2b_uu(line)
        except binascii.Error:
            continue
    return bytes(out)


def uu_files(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file that stands in a text in uuencode, as mail had them before MIME; mail programs take them out still."""
    begins = [*UU_BEGIN.finditer(text)]
    ends = [*(one.start() for one in begins[1:]), len(text)]
    for begin, end in zip(begins, ends, strict=False):
        if content := uu_bytes(text[begin.start() : end]):
            yield text_of(begin[1]).strip(), content


def transfer_decoded(data: memoryview, encoding: str) -> bytes:
    """A body without its Content-Transfer-Encoding; an unknown encoding leaves the bytes as they are."""
    if encoding == "base64":
        return base64_bytes(data)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data)
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return uu_bytes(bytes(data))
    return bytes(data)


def encoding_of(field: str) -> str:
    """The name in a Content-Transfer-Encoding, folded; what stands beside it changes nothing for mail programs."""
    found = ENCODING.match(strip_comments(field[:PARAMETER_LIMIT]))
    return found[1].casefold() if found else ""


def strip_comments(field: str) -> str:
    """A structured field without its comments (RFC 5322, 3.2.2); as it is where one never ends."""
    if "(" not in field:
        return field
    kept: list[str] = []
    depth, quoted = 0, False
    for piece in STRUCTURED.findall(field):
        if piece == '"' and not depth:
            quoted = not quoted
        elif piece in ("(", ")") and not quoted and (depth or piece == "("):
            depth += 1 if piece == "(" else -1
            continue
        if not depth:
            kept.append(piece)
    return field if depth else "".join(kept)


def parse_parameters(field: str) -> tuple[str, dict[str, str]]:
    """The value and the parameters of a field such as Content-Type, folded names; RFC 2231 and encoded words decoded."""
    written = field[:PARAMETER_LIMIT]
    field = strip_comments(written)
    value, found = read_parameters(field)
    if field == written:
        return value, found
    as_written = read_parameters(written)[1]
    return value, found | {name: with_brackets(found[name], as_written.get(name, "")) for name in FILE_NAMES & found.keys()}


def with_brackets(name: str, written: str) -> str:
    """A file's name as somebody wrote it who put no quotes around its brackets, unless that would hide how it ends."""
    _, dot, ending = name.rpartition(".")
    return written if dot and written.endswith(dot + ending) else name


def read_parameters(field: str) -> tuple[str, dict[str, str]]:
    """The same of a field without comments."""
    value = field.partition(";")[0].strip().casefold()
    plain: dict[str, str] = {}
    sections: dict[str, list[tuple[int, bool, str]]] = {}
    for name, text in parameter_pairs(field):
        section = SECTION.fullmatch(name)
        if section is None or "*" not in name:
            plain.setdefault(name, decode_words(text))
        else:
            sections.setdefault(section[1], []).append((int(section[2] or 0), bool(section[3]), text))
    return value, plain | {name: decode_words(join_sections(parts)) for name, parts in sections.items()}


def values_given(field: str, wanted: frozenset[str]) -> Iterator[str]:
    """Lists the values of a parameter, with comments as text: all of several; of sections with a gap also the value before the gap."""
    sections: dict[str, list[tuple[int, bool, str]]] = {}
    for name, text in parameter_pairs(field[:PARAMETER_LIMIT]):
        section = SECTION.fullmatch(name)
        if name in wanted:
            yield decode_words(text)
        elif section and section[1] in wanted:
            sections.setdefault(section[1], []).append((int(section[2] or 0), bool(section[3]), text))
    for parts in sections.values():
        yield decode_words(join_sections(parts))
        before_gap = [part for place, part in enumerate(sorted(parts)) if part[0] == place]
        yield decode_words(join_sections(before_gap)) if before_gap else ""


def parameter_pairs(field: str) -> Iterator[tuple[str, str]]:
    """Name and unquoted value of each parameter; of a file's name with quotes in its midst also all of it, up to the last one."""
    for found in PARAMETER.finditer(field):
        text = found[2]
        if found[1].casefold() in FILE_NAMES and found[3].strip():
            yield found[1].casefold(), (text + found[3]).strip().removeprefix('"').removesuffix('"')
        if text.startswith('"'):
            text = re.sub(r"\\(.)", r"\1", text[1:].removesuffix('"') if len(text) > 1 else "", flags=re.DOTALL)
        yield found[1].casefold(), text.strip()


def join_sections(sections: list[tuple[int, bool, str]]) -> str:
    """A parameter value in its RFC 2231 sections, charset'language'value."""
    ordered = sorted(sections)
    charset = ""
    if ordered[0][1] and ordered[0][2].count("'") >= 2:
        charset, _, rest = ordered[0][2].split("'", 2)
        ordered[0] = (ordered[0][0], True, rest)
    data = b"".join(unquote_to_bytes(text) if encoded else text.encode("utf-8", "replace") for _, encoded, text in ordered)
    return text_of(data, charset)
