"""Summary of a message."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings as effort, strategies as st

from tests.effort import examples
from tests.triage.message.mime.test_archives import zipped
from tests.triage.messages import GIF, PNG, html_mail, mail, multipart, part, sample
from tests.triage.text.test_sanitize import HARMLESS_LINES, harmful
from triage.message.mime.archives import NAMES
from triage.message.mime.attachments import find_attachment
from triage.message.mime.delivery_status import Status
from triage.message.mime.mime_parts import PART_LIMIT
from triage.message.signals.attachments import named_danger
from triage.message.summary import (
    LINK_LIMIT,
    NAMED_LIMIT,
    NAMES_LIMIT,
    TARGETS_LIMIT,
    TEXT_LIMIT,
    WITHIN_LIMIT,
    Attachment,
    Link,
    Summary,
    make_summary,
    summarise_json,
)
from triage.text.json_values import as_dict


def test_a_whole_message() -> None:
    summary = make_summary(
        mail(
            """
Received: from a by b
Received: from c by d
From: =?utf-8?q?J=C3=B6rg?= <Joerg@Sender.example>
Sender: list@lists.example
Reply-To: Desk <desk@sender.example>
To: Rosa <rosa@company.example>, it@company.example
Cc: max@company.example
Subject: =?utf-8?q?Caf=C3=A9?=
 at noon
Date: Tue, 24 Nov 2026 09:30:00 +0000
Message-ID: <1@sender.example>
In-Reply-To: <0@company.example>
References: <9@company.example> <0@company.example>
List-Id: News <news.lists.example>
Auto-Submitted: auto-generated; x
Precedence: Bulk
Content-Type: text/plain; charset=utf-8
""",
            "Hello,\n\nlook at https://shop.example/x?a=1.\n",
        )
    )
    assert replace(summary, fingerprint="") == Summary(
        parsed=True,
        author_name="Jörg",
        author="joerg@sender.example",
        authors=("joerg@sender.example",),
        sender="list@lists.example",
        reply_to=("desk@sender.example",),
        to=("rosa@company.example", "it@company.example", "max@company.example"),
        subject="Café at noon",
        date="Tue, 24 Nov 2026 09:30:00 +0000",
        message_id="1@sender.example",
        in_reply_to=("0@company.example",),
        references=("9@company.example", "0@company.example"),
        list_id="news.lists.example",
        auto_submitted="auto-generated",
        precedence="bulk",
        automatic="list-id",
        content_type="text/plain",
        hops=2,
        text="Hello,\n\nlook at https://shop.example/x?a=1.",
        links=(Link("https://shop.example/x?a=1", "https://shop.example/x?a=1"),),
    )
    assert Summary.from_json(json.loads(json.dumps(summary.as_json()))) == summary


@pytest.mark.parametrize(
    ("head", "author", "problem"),
    [
        ("From: a@b.example", "a@b.example", None),
        ("Subject: x", "", "It has no From field."),
        ("From: a@b.example\nFrom: a@b.example", "", "It has 2 From fields."),
        ("From: a@b.example\nfrOM: c@d.example", "", "It has 2 From fields."),
        ("From: a@b.example\nnot a field\nFrom: c@d.example", "", "It has 2 From fields."),
        ("From: a@b.example, c@d.example", "", "Its From field names 2 addresses."),
        ("From : a@b.example", "", "Its From field is malformed: programs would read it in different ways."),
        ("From: a@b.example\n \nFrom: c@d.example", "", "It has 2 From fields."),
        ("From: a@b.example\nnot a field", "a@b.example", "A line of the header block is malformed."),
    ],
)
def test_exactly_one_author(head: str, author: str, problem: str | None) -> None:
    summary = make_summary(mail(head, "x"))
    assert summary.author == author
    assert summary.parsed
    assert (problem in summary.problems) if problem else not summary.problems


def test_plain_text_goes_before_html_and_links_come_from_both() -> None:
    summary = make_summary(
        multipart(
            part("Content-Type: text/plain", b"plain http://one.test/"),
            part("Content-Type: text/html", b"<p>rich <a href='http://two.test/'>two</a>"),
            subtype="alternative",
        )
    )
    assert summary.text == "plain http://one.test/"
    assert [link.target for link in summary.links] == ["http://one.test/", "http://two.test/"]


def test_html_is_read_when_plain_text_is_empty() -> None:
    raw = multipart(part("Content-Type: text/plain", b"  \r\n "), part("Content-Type: text/html", b"<p>rich</p>"), subtype="alternative")
    assert make_summary(raw).text == "rich"


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see www.a.test, please", [("www.a.test", "http://www.a.test")]),
        ("<https://a.test/x>", [("https://a.test/x", "https://a.test/x")]),
        ("(https://a.test/x)", [("https://a.test/x", "https://a.test/x")]),
        ("https://a.test/x_(y)", [("https://a.test/x_(y)", "https://a.test/x_(y)")]),
        ("no link at all.", []),
    ],
)
def test_links_in_plain_text(text: str, links: list[tuple[str, str]]) -> None:
    assert [(link.text, link.target) for link in make_summary(mail("From: a@b.example", text)).links] == links


def test_attachments() -> None:
    raw = multipart(
        part("Content-Type: text/plain", b"text"),
        part('Content-Type: application/pdf; name="=?utf-8?q?R=C3=A4chnung.pdf?="', b"%PDF", encoded=True),
        part("Content-Type: image/png\nContent-ID: <logo@x>\nContent-Disposition: inline; filename=logo.png", PNG, encoded=True),
        part("Content-Type: image/gif\nContent-Disposition: attachment; filename=photo.gif", GIF, encoded=True),
        part("Content-Type: image/svg+xml\nContent-ID: <s@x>", b"<svg/>"),
        part("Content-Type: image/png\nContent-ID: <t@x>\nContent-Disposition: inline; filename=tool.exe", b"MZ"),
        part(
            "Content-Type: text/html\nContent-Disposition: attachment; filename*=utf-8''..%2F..%2Fa%E2%80%AEfdp.html",
            b"<a href='http://x.test'>",
        ),
        part("Content-Type: message/rfc822", mail("Subject: inner", "inner text")),
    )
    summary = make_summary(raw)
    assert [(one.number, one.name, one.media_type, one.size) for one in summary.attachments] == [
        (1, "Rächnung.pdf", "application/pdf", 4),
        (2, "photo.gif", "image/gif", len(GIF)),
        (3, "", "image/svg+xml", 6),
        (4, "tool.exe", "image/png", 2),
        (5, "a\\u202efdp.html", "text/html", 24),
        (6, "", "message/rfc822", 28),
    ]
    assert summary.attachments[0] == Attachment(1, "Rächnung.pdf", "application/pdf", 4, hashlib.sha256(b"%PDF").hexdigest())
    assert summary.text == "text\n\ninner text"
    assert summary.links == ()
    for one in summary.attachments:
        assert hashlib.sha256(find_attachment(raw, one.sha256)).hexdigest() == one.sha256
    with pytest.raises(LookupError):
        find_attachment(raw, "0" * 64)


@pytest.mark.parametrize(
    ("fields", "name", "also"),
    [
        ("Content-Disposition: attachment; filename=a.pdf", "a.pdf", ()),
        ("Content-Disposition: attachment; filename=a.exe/", "a.exe", ()),
        (f"Content-Disposition: attachment; filename={'a' * 300}.exe. .", f"{'a' * 127}…{'a' * 123}.exe", ()),
        ("Content-Type: a/b; name=a.exe\nContent-Disposition: attachment; filename=a.pdf", "a.pdf", ("a.exe",)),
        ("Content-Disposition: attachment; filename=a.exe; filename*=utf-8''a.pdf", "a.pdf", ("a.exe",)),
        ("Content-Disposition: attachment; filename=a.pdf\nContent-Disposition: attachment; filename=b/a.exe", "a.pdf", ("a.exe",)),
    ],
)
def test_names_of_attachments(fields: str, name: str, also: tuple[str, ...]) -> None:
    raw = multipart(part("Content-Type: text/plain", b"text"), part(f"Content-Type: application/octet-stream\n{fields}", b"MZ"))
    (found,) = make_summary(raw).attachments
    assert (found.name, found.also) == (name, also)
    assert Attachment.from_json(as_dict(found)) == found


def unencoded(codec: str, charset: str, *, name: str, subject: str, author: str = '"{name}" <ann@sender.example>') -> bytes:
    """A message with names as somebody wrote them who knows no encoded words."""
    raw = multipart(
        part(f"Content-Type: text/plain; charset={charset}", b"text"),
        part("Content-Type: application/pdf; name=NAME.pdf\nContent-Disposition: attachment; filename=NAME.pdf", b"%PDF", encoded=True),
        head="From: AUTHOR\nSubject: SUBJECT",
    )
    for place, text in ((b"AUTHOR", author.format(name=name)), (b"SUBJECT", subject), (b"NAME.pdf", f'"{name}.pdf"')):
        raw = raw.replace(place, text.encode(codec))
    return raw


@pytest.mark.parametrize(
    ("codec", "charset", "name", "subject"),
    [
        ("iso2022_jp", "ISO-2022-JP", "山田 太郎", "会議のお知らせ"),
        ("cp932", "Shift_JIS", "ソフト開発", "見積りの件"),  # with a backslash, which would quote what follows
        ("gbk", "gb2312", "王小明", "发票 №1"),
        ("big5", "big5", "許功小姐", "會議通知"),  # with two
        ("euc_kr", "euc-kr", "김철수", "회의 안내"),
        ("koi8-r", "koi8-r", "Иван Петров", "Счёт на оплату"),
        ("cp1251", "windows-1251", "Иван Петров", "Счёт на оплату"),
        ("cp1250", "windows-1250", "Jiří Žluťoučký", "Smlouva č. 1"),
        ("utf-8", "windows-1251", "Иван Петров", "Счёт на оплату"),
    ],
)
def test_what_nobody_encoded_is_read_in_the_charset_of_the_text(codec: str, charset: str, name: str, subject: str) -> None:
    raw = unencoded(codec, charset, name=name, subject=subject)
    found = make_summary(raw)
    assert (found.author, found.author_name, found.subject) == ("ann@sender.example", name, subject)
    assert [(one.name, one.also) for one in found.attachments] == [(f"{name}.pdf", ())]
    without = make_summary(raw.replace(f"charset={charset}".encode(), b"charset=us-ascii"))
    who = ("author", "authors", "sender", "reply_to", "to", "message_id", "list_id", "by_mail_system", "problems")
    assert [getattr(found, one) for one in who] == [getattr(without, one) for one in who]
    assert found.author_name_as_sent == ("" if codec == "utf-8" else without.author_name)


@pytest.mark.parametrize(("codec", "charset"), [("iso2022_jp", "iso-2022-jp"), ("cp932", "shift_jis")])
@pytest.mark.parametrize(
    "author",
    [
        "{name} <ann@sender.example>",
        '"{name}" <ann@sender.example>',  # in Shift_JIS its last byte quotes what should end it
        "{name} <ann@sender.example>, bob@other.example",
        "ann@{name}.example",
    ],
)
def test_a_charset_changes_nothing_about_who_wrote_it(author: str, codec: str, charset: str) -> None:
    raw = unencoded(codec, charset, name="会議表", subject="x", author=author)
    found, without = make_summary(raw), make_summary(raw.replace(charset.encode(), b"us-ascii"))
    assert (found.author, found.authors, found.problems) == (without.author, without.authors, without.problems)


@pytest.mark.parametrize(
    ("written", "name", "also"),
    [
        (b"\x1b$B2q5D\x1b(B.pdf", "会議.pdf", ()),
        (b"\x1b$B2q5D\x1b(B", "会議", ()),
        (b"a.exe\x1b$B2q\x1b(B", "a.exe会", ("a.exe\\x1b$B2q\\x1b(B",)),
        (b"a.\x1b$B2q.exe.pdf\x1b(B", "a.会勐皪卣粭", ("a.\\x1b$B2q.exe.pdf\\x1b(B",)),
    ],
)
def test_a_file_whose_name_ends_otherwise_without_the_charset_bears_both(written: bytes, name: str, also: tuple[str, ...]) -> None:
    raw = multipart(
        part("Content-Type: text/plain; charset=iso-2022-jp", b"text"),
        part("Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=NAME", b"MZ"),
    )
    (found,) = make_summary(raw.replace(b"NAME", b'"' + written + b'"')).attachments
    assert (found.name, found.also) == (name, also)


@pytest.mark.parametrize(
    ("fields", "encoded"),
    [
        ("Content-Type: message/rfc822", False),
        ("Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit", False),
        ("Content-Type: message/rfc822", True),
        ("Content-Type: application/octet-stream; name=Note.EML", False),
        ("Content-Type: application/octet-stream; name=note.eml", True),
        ("Content-Type: text/plain; name=note.eml", True),
    ],
)
def test_what_an_attached_message_attaches(fields: str, encoded: bool) -> None:
    inside = part("Content-Type: text/plain", b"inner"), part("Content-Type: a/b; name=a.exe", b"MZ")
    inner = multipart(*inside).replace(b"cut", b"cat")
    raw = multipart(part("Content-Type: text/plain", b"outer"), part(fields, inner, encoded=encoded))
    summary = make_summary(raw)
    assert [one.name for one in summary.attachments][1:] == ["a.exe"]
    assert find_attachment(raw, summary.attachments[1].sha256) == b"MZ"
    assert summary.text == "outer\n\ninner"


@pytest.mark.parametrize(
    ("fields", "called"),
    [
        ("Content-Type: message/rfc822", "An attachment"),
        ('Content-Type: application/octet-stream; name="Messdaten 7.eml"', "The attachment Messdaten 7.eml"),
    ],
)
def test_an_attachment_that_is_only_called_a_mail_is_an_attachment(fields: str, called: str) -> None:
    uu = b"begin 644 a.exe\n%:&5L;&\\ \n`\nend\n"
    numbers = b"10:15 4711\r\n" * 30_000 + uu
    summary = make_summary(multipart(part("Content-Type: text/plain", b"see"), part(fields, numbers, encoded=True)))
    assert (summary.parsed, summary.text) == (True, "see")
    assert [(one.name, one.size) for one in summary.attachments] == [(summary.attachments[0].name, len(numbers)), ("a.exe", 5)]
    assert summary.overlooked == summary.problems == (f"{called} claims to be a message and is none.",)


EVENT = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Budget\r\nDESCRIPTION:https://meet.example/1\r\nEND:VEVENT\r\n"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "Budget\n\nhttps://meet.example/1"),
        ([part("Content-Type: text/plain", b" ")], "Budget\n\nhttps://meet.example/1"),
        ([part("Content-Type: text/plain", b"Come at ten")], "Come at ten"),
        ([part("Content-Type: text/html", b"<p>Come at ten</p>")], "Come at ten"),
    ],
)
def test_an_invitation_speaks_where_nothing_else_does_and_its_links_are_always_seen(words: list[bytes], text: str) -> None:
    raw = multipart(*words, part("Content-Type: text/calendar; method=REQUEST", EVENT), subtype="alternative")
    summary = make_summary(raw)
    assert summary.text == text
    assert [link.target for link in summary.links] == ["https://meet.example/1"]


@pytest.mark.parametrize(
    ("fields", "target"),
    [
        ("format=flowed; delsp=yes", "https://stranger.example/a/b"),
        ("Format=Flowed", "https://stranger.example/a"),
        ("delsp=yes", "https://stranger.example/a"),
    ],
)
def test_a_link_that_was_broken_for_the_way_is_whole(fields: str, target: str) -> None:
    raw = mail(f"From: a@b.example\nContent-Type: text/plain; charset=utf-8; {fields}", "see https://stranger.example/a \n/b")
    assert [link.target for link in make_summary(raw).links] == [target]


def test_a_name_behind_more_than_is_read_makes_the_mail_unreadable() -> None:
    fields = f"Content-Type: application/octet-stream\nContent-Disposition: attachment; x={'a' * 20_000}; filename=a.exe"
    summary = make_summary(multipart(part("Content-Type: text/plain", b"text"), part(fields, b"MZ")))
    assert (summary.parsed, summary.problems) == (False, ("It could not be read: the header fields of a part are longer than 16 KiB.",))


def test_files_in_uuencode_within_text_are_attachments() -> None:
    uu = "begin 644 a.exe\n%:&5L;&\\ \n`\nend\n"
    raw = mail("From: a@b.example", f"see\n\n{uu}\n{uu.replace('a.exe', 'b.txt')}begin 644 is no file\nat all")
    summary = make_summary(raw)
    assert [(one.name, one.size) for one in summary.attachments] == [("a.exe", 5), ("b.txt", 5)]
    assert find_attachment(raw, summary.attachments[0].sha256) == b"hello"


def test_more_files_in_uuencode_than_a_message_may_have_parts_are_too_much() -> None:
    summary = make_summary(mail("From: a@b.example", "begin 644 a\n#35I0\n" * (PART_LIMIT + 1)))
    assert (summary.parsed, summary.problems) == (False, ("It could not be read: it has more than 1,000 parts.",))


def test_of_all_archives_together_so_many_names_are_kept() -> None:
    full = [
        part("Content-Type: application/zip", zipped(*(f"{number}.txt" for number in range(NAMES)))) for _ in range(NAMES_LIMIT // NAMES)
    ]
    one_more = part("Content-Type: application/zip", zipped("a.exe"))
    seen = make_summary(multipart(*full, one_more, part("Content-Type: application/pdf", b"%PDF"))).attachments
    assert sum(len(one.names) for one in seen) == NAMES_LIMIT
    assert [one.closed for one in seen] == [False] * len(full) + [True, False]
    assert named_danger(seen[-2], ())


def test_of_long_names_in_archives_fewer_are_kept() -> None:
    names = [f"{number:03}{'n' * 197}" for number in range(NAMES)]
    one = part("Content-Type: application/zip", zipped(*names))
    seen = make_summary(multipart(*[one] * (WITHIN_LIMIT // 200 // NAMES + 2))).attachments
    kept = [name for attachment in seen for name in attachment.names]
    assert len(kept) == WITHIN_LIMIT // 200
    assert [attachment.closed for attachment in seen] == [len(attachment.names) < NAMES for attachment in seen]


@pytest.mark.parametrize("also", [0, 10])
def test_attachments_whose_names_are_too_long_together_are_too_much(also: int) -> None:
    names = "".join(f";\r\n name={number:02}{'n' * 198}" for number in range(also + 1))
    attached = part(f"Content-Type: application/pdf{names}", b"%PDF")
    count = NAMED_LIMIT // (200 * (also + 1))
    assert len(make_summary(multipart(*[attached] * count)).attachments) == count
    summary = make_summary(multipart(*[attached] * (count + 1)))
    assert summary.problems == ("It could not be read: the names of its attachments together are longer than 65,536 characters.",)


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ("Content-Type: text/plain; name=a.bat", ["a.bat"]),
        ("Content-Type: text/html; name=a.html", []),
        ("Content-Type: image/png; name=a.exe\nContent-ID: <x>\nContent-Disposition: inline; filename=a.png", ["a.png"]),
    ],
)
def test_what_is_shown_and_bears_the_name_of_something_else_is_an_attachment_too(fields: str, names: list[str]) -> None:
    raw = multipart(part("Content-Type: text/plain", b"text"), part(fields, b"x"), subtype="alternative")
    assert [one.name for one in make_summary(raw).attachments] == names


@pytest.mark.parametrize(
    "field",
    [
        "Content-Type: multipart/mixed x; boundary=cut",
        "Content-Type: multipart/mixed, x; boundary=cut",
        'Content-Type: "multipart/mixed"; boundary=cut',
        "Content-Type: multipart/mixed; boundary=cut; boundary=x",
        "Content-Type: multipart/mixed; boundary=x; boundary=cut",
        "Content-Type: multipart/mixed; boundary=cut; boundary*=utf-8''x",
        "Content-Type: multipart/mixed; boundary=x\nContent-Type: multipart/mixed; boundary=cut",
        "Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=cut",
        "Content-Type: multipart/mixed; boundary=cut\nContent-Type: text/plain",
    ],
)
def test_parts_are_found_by_every_boundary(field: str) -> None:
    inside = multipart(part("Content-Type: text/plain", b"text"), part("Content-Type: a/b; name=a.exe", b"MZ")).partition(b"\r\n\r\n")[2]
    summary = make_summary(mail(f"From: a@b.example\n{field}", inside))
    assert (summary.text, [one.name for one in summary.attachments]) == ("text", ["a.exe"])


@pytest.mark.parametrize("encodings", [("base64",), ("7bit", "base64"), ("base64", "7bit")])
def test_of_several_transfer_encodings_one_counts_that_changes_something(encodings: tuple[str, ...]) -> None:
    fields = "".join(f"\nContent-Transfer-Encoding: {one}" for one in encodings)
    (found,) = make_summary(multipart(part(f"Content-Type: a/b{fields}", b"TVo="))).attachments
    assert found.size == 2


def test_the_whole_message_may_be_an_attachment() -> None:
    summary = make_summary(mail("From: a@b.example\nContent-Type: text/html\nContent-Disposition: attachment; filename=x.html", "<p>x"))
    assert (summary.text, [one.name for one in summary.attachments]) == ("", ["x.html"])


def test_limits_of_what_is_kept() -> None:
    summary = make_summary(
        html_mail("".join(f"<a href='http://a.test/{number}'>x</a>" for number in range(LINK_LIMIT + 7)) + "word " * 50_000)
    )
    assert len(summary.links) == LINK_LIMIT
    assert len(summary.text) <= TEXT_LIMIT
    assert summary.problems == (f"It has {LINK_LIMIT + 7} links; the first {LINK_LIMIT} are listed.",)


def test_of_links_with_long_targets_fewer_are_listed() -> None:
    fit = TARGETS_LIMIT // 2_000
    targets = [f"http://a.test/{number:03}".ljust(2_000, "x") for number in range(fit + 1)]
    pages = [html_mail("".join(f"<a href='{target}'>x</a>" for target in targets[:count])) for count in (fit, fit + 1)]
    within, beyond = map(make_summary, pages)
    assert [link.target for link in within.links] == [link.target for link in beyond.links] == targets[:fit]
    assert (within.overlooked, beyond.overlooked) == ((), (f"It has {fit + 1} links; the first {fit} are listed.",))


BOMBS = {
    "nesting": b"Content-Type: message/rfc822\r\n\r\n" * 5_000,
    "parts": multipart(*[b"\r\nx"] * 2_000),
    "fields": b"From: a@b.example\r\n" + b"X: y\r\n" * 3_000 + b"\r\nbody",
    "a long field": b"From: a@b.example\r\nX: " + b"y" * 300_000 + b"\r\n\r\nbody",
}


@pytest.mark.parametrize("raw", BOMBS.values(), ids=BOMBS.keys())
def test_bombs_are_not_parsed_and_say_why(raw: bytes) -> None:
    summary = make_summary(raw)
    assert not summary.parsed
    assert summary.problems[-1].startswith("It could not be read: ")


def test_too_much_html_is_read_roughly() -> None:
    summary = make_summary(html_mail("<div>" * 2_000 + "words"))
    assert summary.parsed
    assert (summary.text, summary.problems) == ("words", ("Only its text is shown: its HTML is nested too deeply.",))


def test_no_character_reference_makes_it_unreadable() -> None:
    assert make_summary(html_mail("<b>" * 200 + "words &#" + "1" * 5_000)).text == "words \ufffd"


def test_headers_only() -> None:
    raw = mail("From: a@b.example\nSubject: x", "http://a.test/")
    summary = make_summary(raw, headers_only=True)
    assert (summary.author, summary.subject, summary.parsed, summary.text, summary.links) == ("a@b.example", "x", False, "", ())
    assert Summary.from_json(json.loads(summarise_json(raw, {"headers_only": True}))) == summary
    assert Summary.from_json(json.loads(summarise_json(raw, {}))) == make_summary(raw)


def assert_harmless(summary: Summary) -> None:
    """No text of a summary holds a control or bidi character, and all of it can be stored."""
    values = summary.as_json()
    text = values.pop("text")
    assert harmful(text, HARMLESS_LINES) == []
    assert harmful(json.dumps(values, ensure_ascii=False), "") == []
    json.dumps(summary.as_json(), ensure_ascii=False).encode()
    assert "\x00" not in text


def test_a_media_type_with_a_control_character() -> None:
    assert make_summary(b"Content-Type: te\x7fxt/plain\r\n\r\nx").content_type == "te\\x7fxt/plain"


@given(st.binary(max_size=600))
def test_any_bytes(raw: bytes) -> None:
    assert_harmless(make_summary(raw))


PIECES = [
    *(
        b"From: ",
        b"a@b.example",
        b"<",
        b">",
        b'"',
        b",",
        b"\r\n",
        b"\r\n\r\n",
        b"\n \n",
        b"=?utf-8?b?G1s=?=",
        b"=?utf-8?q?=E2=80=AE?=",
        b"\x1b[2J",
    ),
    *(
        b"Subject: ",
        b"Content-Type: ",
        b"multipart/mixed; boundary=x",
        b"text/html",
        b"text/plain; charset=utf-16",
        b"message/rfc822",
        b"--x",
        b"--x--",
    ),
    *(
        b"Content-Transfer-Encoding: base64\r\n",
        b"<a href='java\x01script:x\xe2\x80\xae'>",
        b"<p>",
        b"\x00",
        b"\xff\xfe",
        b"\xe2\x80\xa8",
        b"name=\x1b.exe;",
    ),
]


@effort(max_examples=examples(60))
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_any_arrangement_of_awkward_pieces(pieces: list[bytes]) -> None:
    assert_harmless(make_summary(b"".join(pieces)))


@pytest.mark.corpus
@pytest.mark.parametrize("archive", ["mail-phish", "mail-other", "mime-torture"])
def test_real_and_tortured_mail(corpus: Path, archive: str) -> None:
    unclear = []
    for name, raw in sample(corpus, archive):
        summary = make_summary(raw)
        assert summary.parsed, name
        assert_harmless(summary)
        assert Summary.from_json(json.loads(json.dumps(summary.as_json()))) == summary
        if not summary.author:
            unclear.append(name)
    if archive == "mail-other":
        assert [name for name in unclear if "/ham/" in name or "/hard-ham/" in name] == [], (
            "wanted mail must not be held for its From field"
        )


@pytest.mark.parametrize(
    ("head", "field"),
    [
        ("From: ann@sender.example", ""),
        ("Auto-Submitted: no", ""),
        ("Precedence: first-class", ""),
        ("X-Listing: 4", ""),
        ("Auto-Submitted: auto-replied (vacation)", "auto-submitted"),
        ("AUTO-SUBMITTED:", "auto-submitted"),
        ("Precedence: Bulk", "precedence"),
        ("Precedence: junk", "precedence"),
        ("List-Unsubscribe: <https://news.example/u>", "list-unsubscribe"),
        ("List-Post: NO", "list-post"),
        ("X-Auto-Response-Suppress: OOF", "x-auto-response-suppress"),
        ("Feedback-ID: 1:2:3:esp", "feedback-id"),
        ("X-Mailroom-Notice: failure", "x-mailroom-notice"),
    ],
)
def test_what_nobody_waits_for_an_answer_to(head: str, field: str) -> None:
    assert make_summary(mail(head)).automatic == field


@pytest.mark.parametrize(
    "before", [[], [part("Content-Type: message/delivery-status", b"I could not.\r\n")]], ids=["alone", "behind words"]
)
def test_what_a_delivery_report_says(before: list[bytes]) -> None:
    status = b"Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; joe@x.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    whole = multipart(
        part("Content-Type: text/plain", b"I could not."),
        *before,  # InterMail says its words as a part of the report
        part("Content-Type: message/delivery-status", status),
        subtype="report; report-type=delivery-status",
    )
    summary = make_summary(whole)
    assert (summary.content_type, summary.report_type) == ("multipart/report", "delivery-status")
    assert summary.statuses == (Status("joe@x.example", "failed", "5.1.1", ""),)
    assert Summary.from_json(json.loads(json.dumps(summary.as_json()))) == summary
