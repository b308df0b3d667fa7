"""Charsets, encoded words, parameters and transfer encodings."""

import base64

import pytest
from hypothesis import given, strategies as st

from triage.message.mime.decoding import (
    FILE_NAMES,
    base64_bytes,
    decode_words,
    encoding_of,
    field_text,
    find_codec,
    parse_parameters,
    text_of,
    transfer_decoded,
    uu_bytes,
    values_given,
)


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("UTF-8", "utf-8"),
        ("us-ascii", "cp1252"),
        ("ISO-8859-1", "cp1252"),
        ("windows-1251", "cp1251"),
        ("gb2312", "gb18030"),
        ("GBK", "gb18030"),
        ("ks_c_5601-1987", "cp949"),
        ("Shift_JIS", "cp932"),
        ("windows-31j", "cp932"),
        ("Big5", "big5hkscs"),
        ("TIS-620", "cp874"),
        ("iso-8859-9", "cp1254"),
        ("ISO-2022-JP", "iso2022_jp"),
        ("iso-8859-8-i", "iso8859-8"),
        ("x-unknown", ""),
        ("../../etc/passwd", ""),
        ("utf-8\x00", ""),
        ("zlib", ""),
        ("base64", ""),
        ("idna", ""),
        ("punycode", ""),
        ("unicode_escape", ""),
        ("", ""),
    ],
)
def test_codecs(charset: str, name: str) -> None:
    assert find_codec(charset) == name


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("gb2312", "朱镕基 發".encode("gbk"), "朱镕基 發"),
        ("euc-kr", "똠방각하".encode("cp949"), "똠방각하"),
        ("Shift_JIS", "①㈱髙".encode("cp932"), "①㈱髙"),
        ("big5", "恒銹".encode("cp950"), "恒銹"),
        ("tis-620", "“ไทย”".encode("cp874"), "“ไทย”"),
        ("ISO-2022-JP", "会議です。".encode("iso2022_jp"), "会議です。"),
        ("ISO-2022-JP", b"\x1b$B-!-j2q5D\x1b(B no. 1", "①㈱会議 no. 1"),
        ("ISO-2022-JP", b"\x1b(I1\x1b(B \x1b$B2q\x1b(B", "ｱ 会"),
        ("ISO-2022-JP", b"\x1b$@2q\x1b(J1", "会1"),
        ("ISO-2022-JP", b"\x1b$B2", "\ufffd"),
    ],
)
def test_charsets_are_read_as_mail_programs_read_them(charset: str, data: bytes, text: str) -> None:
    assert text_of(data, charset) == text


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("iso-2022-jp", "会議のお知らせ".encode("iso2022_jp"), "会議のお知らせ"),
        ("cp50220", b"\x1b$B2q5D\x1b(B no. 1", "会議 no. 1"),
        ("Shift_JIS", "ソフト表".encode("cp932"), "ソフト表"),  # with backslashes
        ("euc-jp", "会議".encode("euc_jp"), "会議"),
        ("gb2312", "发票".encode("gbk"), "发票"),
        ("GBK", "發票".encode("gbk"), "發票"),
        ("windows-936", "发票".encode("gbk"), "发票"),
        ("big5", "會議".encode("big5"), "會議"),
        ("euc-kr", "회의".encode("euc_kr"), "회의"),
        ("windows-949", "똠".encode("cp949"), "똠"),
        ("koi8-r", "Привет".encode("koi8-r"), "Привет"),
        ("windows-1251", "Привет".encode("cp1251"), "Привет"),
        ("windows-1250", "Žluťoučký".encode("cp1250"), "Žluťoučký"),
        ("koi8-r", "Привет".encode(), "Привет"),  # in UTF-8, whatever the text is in
        ("iso-2022-jp", "会議".encode("euc_jp"), "²ñµÄ"),  # in neither
        ("iso-2022-jp", b"\x1b$Bcut", "\x1b$Bcut"),
        ("hz", b"~{VPND~} \xe4", "~{VPND~} ä"),
        ("utf-7", b"+AGE- \xe4", "+AGE- ä"),
        ("utf-16", b"\xe4b", "äb"),
        ("cp037", b"\xc1\xc2", "ÁÂ"),
        ("nonsense", b"\xe4", "ä"),
        ("", b"\xe4", "ä"),
        ("koi8-r", b"plain", "plain"),
    ],
)
def test_what_nobody_encoded_is_in_the_charset_of_the_text(charset: str, data: bytes, text: str) -> None:
    assert field_text(data, charset) == text


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?a_b=3F?=", "a b?"),
        ("=?UTF-8?B?w6Q=?=", "ä"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b"),
        ("=?utf-8?q?=E2=9C?= =?utf-8?q?=93?=", "✓"),  # one character over two words
        ("=?iso-8859-1*de?q?=E4?=", "ä"),  # RFC 2231, with a language
        ("=?windows-1251?b?z/Do4uXy?=", "Привет"),
        ("=?nonsense?q?=E4?=", "ä"),
        ("=?utf-8?b?!!!?=", ""),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("=?utf-8?q?open", "=?utf-8?q?open"),
    ],
)
def test_encoded_words(field: str, text: str) -> None:
    assert decode_words(field) == text


@pytest.mark.parametrize(
    ("field", "value", "given"),
    [
        ("text/plain", "text/plain", {}),
        ('Text/HTML; Charset="UTF-8"', "text/html", {"charset": "UTF-8"}),
        ("a/b; name=x y.pdf ; z=1", "a/b", {"name": "x y.pdf", "z": "1"}),
        ('a/b; name="a;b\\"c"', "a/b", {"name": 'a;b"c'}),
        ('a/b; name="open', "a/b", {"name": "open"}),
        ("a/b; filename*=utf-8''%e2%82%ac.pdf", "a/b", {"filename": "€.pdf"}),
        ("a/b; filename*0*=utf-8''%e2%82; filename*1*=%ac; filename*2=.pdf", "a/b", {"filename": "€.pdf"}),
        ("a/b; filename=old.txt; filename*=utf-8''new.txt", "a/b", {"filename": "new.txt"}),
        ("a/b; name==?utf-8?q?=C3=A4.pdf?=", "a/b", {"name": "ä.pdf"}),
        ("a/b;;;=;name=x", "a/b", {"name": "x"}),
        # against the rules, as mail programs write it
        ('a/b; filename="=?utf-8?b?UsOkY2hudW5n?= =?utf-8?q?_=C3=A4.pdf?="', "a/b", {"filename": "Rächnung ä.pdf"}),
        ('a/b; filename*0="=?utf-8?q?R=C3=A4chn"; filename*1="ung.pdf?="', "a/b", {"filename": "Rächnung.pdf"}),
        ('a/b; filename*="=?utf-8?q?=C3=A4.pdf?="', "a/b", {"filename": "ä.pdf"}),
        ("a/b; filename*=\"utf-8''%C3%A4.pdf\"", "a/b", {"filename": "ä.pdf"}),
        ('a/b; filename="the "last" offer.pdf"; size=1', "a/b", {"filename": 'the "last" offer.pdf', "size": "1"}),
        ('a/b; boundary="cut" x', "a/b", {"boundary": "cut"}),
        ("", "", {}),
    ],
)
def test_parameters(field: str, value: str, given: dict[str, str]) -> None:
    assert parse_parameters(field) == (value, given)


@pytest.mark.parametrize(
    ("field", "value", "given"),
    [
        ("multipart/mixed (mixed); boundary=b (the boundary)", "multipart/mixed", {"boundary": "b"}),
        ('(a (b) "c) multipart/mixed(x); boundary=b(x)', "multipart/mixed", {"boundary": "b"}),
        ("multipart/mixed (; boundary=z;); boundary=b", "multipart/mixed", {"boundary": "b"}),
        ('multipart/mixed; boundary="b (x)"', "multipart/mixed", {"boundary": "b (x)"}),
        ("multipart/mixed (it never ends; boundary=b", "multipart/mixed (it never ends", {"boundary": "b"}),
        ("attachment; filename=a.exe (really)", "attachment", {"filename": "a.exe"}),
        ("attachment (; filename=a.txt;); filename=a.exe", "attachment", {"filename": "a.exe"}),
        ("attachment; filename=Invoice (2).pdf", "attachment", {"filename": "Invoice (2).pdf"}),
    ],
)
def test_comments_say_nothing(field: str, value: str, given: dict[str, str]) -> None:
    assert parse_parameters(field) == (value, given)


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("attachment; filename=a.txt", ["a.txt"]),
        ("attachment; filename=a.txt; filename=a.exe", ["a.txt", "a.exe"]),
        ("attachment; filename=a.exe; filename*=utf-8''a.txt", ["a.exe", "a.txt", "a.txt"]),
        ("attachment; filename*0=a.exe; filename*2=.txt", ["a.exe.txt", "a.exe"]),
        ('attachment; filename="a.txt".exe', ['a.txt".exe', "a.txt"]),
        ('attachment; filename*0="=?utf-8?q?a=2Eex"; filename*1="e?="', ["a.exe", "a.exe"]),
        ("text/plain; charset=utf-8", []),
    ],
)
def test_every_name_that_programs_may_take(field: str, names: list[str]) -> None:
    assert list(values_given(field, FILE_NAMES)) == names


@pytest.mark.parametrize("field", ["base64", " BASE64 ", "base64 (x)", "(x) base64", "base64; x=y", '"base64"', "base64, 8bit"])
def test_transfer_encodings_are_named_in_many_ways(field: str) -> None:
    assert encoding_of(field) == "base64"


def test_a_field_may_name_no_transfer_encoding() -> None:
    assert (encoding_of(""), encoding_of("(base64)"), encoding_of("x-base64")) == ("", "", "x-base64")


@given(st.binary(max_size=2000))
def test_base64_round_trip(data: bytes) -> None:
    assert base64_bytes(base64.encodebytes(data)) == data
    assert base64_bytes(memoryview(base64.b64encode(data).rstrip(b"="))) == data


@given(st.binary(max_size=500))
def test_quoted_printable_round_trip(data: bytes) -> None:
    encoded = "=\r\n".join(f"={byte:02X}" for byte in data).encode()
    assert transfer_decoded(memoryview(encoded), "quoted-printable") == data


@pytest.mark.parametrize(
    ("data", "decoded"), [(b"YQ==YQ==", b"a"), (b"Y\r\nQ", b"a"), (b"Y", b""), (b"YWJj====\r\n--\r\nlist footer", b"abc")]
)
def test_broken_base64(data: bytes, decoded: bytes) -> None:
    assert base64_bytes(data) == decoded


def test_base64_over_slices() -> None:
    data = bytes(range(256)) * 10_000
    assert base64_bytes(base64.encodebytes(data)) == data


def test_uuencode() -> None:
    assert uu_bytes(b"begin 644 a.txt\r\n%:&5L;&\\ \r\n`\r\nend\r\n") == b"hello"
    assert uu_bytes(b"no beginning") == b""


@given(st.binary(max_size=200), st.text(max_size=30))
def test_any_bytes_in_any_charset(data: bytes, charset: str) -> None:
    assert isinstance(text_of(data, charset), str)
    assert isinstance(field_text(data, charset), str)
    assert isinstance(decode_words(text_of(data)), str)
    assert isinstance(parse_parameters(text_of(data))[1], dict)
