"""A sent message's header block is read quickly, and never otherwise than by the parser that judges what comes in."""

import tarfile
from dataclasses import fields
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from triage.message import authors
from triage.message.mime.mime_parts import headers_of
from triage.policy.contacts.contact_evidence import ANSWERS, Reason, Sent, why_not_subject
from triage.policy.contacts.sent_headers import PlainReader, date_of, quick_date, read_addresses, read_elaborately, slow_date

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ADA = "ada@company.example"
PLAIN = b"From: Ada <ada@company.example>\r\nTo: bob@partner.example\r\nSubject: Re: order\r\nMessage-ID: <1@company.example>\r\n"


READER = PlainReader(ADA)  # which has met all of them before


def sent(head: bytes) -> Sent:
    """As it is read in the end."""
    if plain := READER.read(head, NOW):
        return Sent(**{one.name: getattr(plain, one.name) for one in fields(Sent) if one.name != "uid"})
    return read_elaborately(head, ADA, lambda: None, NOW)


def test_a_line_without_a_colon_is_looked_through_once() -> None:
    """Matching a name again from each letter would take half an hour."""
    assert sent(PLAIN + b"X-A: y\n" + b"a" * 250_000 + b"\nTo: eve@x.example\n").recipients == ("bob@partner.example", "eve@x.example")


def test_a_plain_mail_says_whom_it_went_to() -> None:
    copied = b"Cc: =?utf-8?q?Carl?= <Carl@Other.Example>,\r\n dora@third.example\r\nBcc: eve@x.example\r\n"
    head = PLAIN + copied + b"Date: 2 Nov 2026 10:00:00 +0200\r\n\r\n"
    assert PlainReader(ADA).fields(head) is not None
    found = sent(head)
    assert found.recipients == ("bob@partner.example", "carl@other.example", "dora@third.example", "eve@x.example")
    assert (found.author, found.message_id, found.why_not) == (ADA, "1@company.example", None)
    assert found.at == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert found.subject_digest == sent(PLAIN.replace(b"Re: order", b"AW: Order")).subject_digest != ""


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (b"Auto-Submitted: auto-replied", Reason.AUTOMATIC),
        (b"Auto-Submitted: no", None),
        (b"X-Autoreply: yes", Reason.AUTOMATIC),
        (b"Precedence: bulk", Reason.BULK),
        (b"List-Id: <x.lists.example>", Reason.LIST),
        (b"Content-Type: multipart/report; report-type=disposition-notification", Reason.RECEIPT),
        (b"Content-Type: multipart/report; report-type=delivery-status", Reason.BOUNCE),
        (b"Content-Type: text/plain", None),
        (b"Cc: undisclosed-recipients:;", None),
        (b"To: " + b", ".join(b"p%d@x.example" % number for number in range(5000)), Reason.BULK),
        (b"Cc: " + b",\r\n ".join(b"Person <p%d@x.example>" % number for number in range(5000)), Reason.BULK),
    ],
)
def test_why_a_mail_teaches_nothing(more: bytes, why: Reason | None) -> None:
    head = PLAIN.replace(b"To: bob@partner.example", more) if more.startswith(b"To") else PLAIN + more + b"\r\n"
    found = sent(head + b"\r\n")
    assert (found.why_not, found.author) == (why, ADA)


@pytest.mark.parametrize(
    ("to", "recipients"),
    [
        (b"Team: bob@partner.example, carl@other.example;", ("bob@partner.example", "carl@other.example")),
        (b"undisclosed-recipients:;", ()),
        (b"=?koi8-r?B?8sHSIOvPzQ==?= <bob@partner.example>", ("bob@partner.example",)),
        (b"\xe9l\xe8ve <bob@partner.example>", ("bob@partner.example",)),
        (b"\"a, b\" <bob@partner.example> (comment, x@y.example)", ("bob@partner.example",)),
        (b"b\xf6b@partner.example", ("",)),
        (b"bob", ("",)),
        (b"eve@evil.example <bob@partner.example>", ("bob@partner.example",)),
        (b"\"eve@evil.example\"@x <bob@partner.example>, \"q q\"@y.example", ("bob@partner.example", "")),
        (b"", ()),
    ],
)  # fmt: skip
def test_groups_and_legacy_charsets(to: bytes, recipients: tuple[str, ...]) -> None:
    found = sent(b"From: ada@company.example\r\nTo: " + to + b"\r\nSubject: \xe4\xf6\xfc\r\n\r\n")
    assert found.recipients == recipients


@pytest.mark.parametrize(
    ("date", "at"),
    [
        (b"Tue, 3 Nov 2026 10:00:00 +0200", datetime(2026, 11, 3, 8, tzinfo=UTC)),
        (b"03 Nov 2026 10:00 -0130", datetime(2026, 11, 3, 11, 30, tzinfo=UTC)),
        (b"Tue, 03 Nov 26 10:00:00 GMT", datetime(2026, 11, 3, 10, tzinfo=UTC)),
        (b"Tue, 03 Nov 2026 10:00:30 EST", datetime(2026, 11, 3, 15, tzinfo=UTC)),
        (b"Tue, 03 Nov 2126 10:00:00 +0000", NOW - timedelta(days=1)),
        (b"Tue, 03 Nov 1926 10:00:00 +0000", NOW - timedelta(days=1)),
        (b"Tue, 99 Nov 2026 10:00:00 +9999", NOW - timedelta(days=1)),
        (b"yesterday", NOW - timedelta(days=1)),
        (b"\xff\x00", NOW - timedelta(days=1)),
        (b"", NOW - timedelta(days=1)),
        (b"Tue, 24 Nov 2026 20:00:00 +0000", NOW),
    ],
)
def test_when_it_was_written(date: bytes, at: datetime) -> None:
    assert abs(date_of(date, lambda: NOW - timedelta(days=1), NOW) - at) < timedelta(minutes=1, seconds=1)


ZONES = st.builds("{}{:02}{:02}".format, st.sampled_from("+-"), st.integers(0, 23), st.integers(0, 59))


@given(st.dates(date(1983, 1, 1), date(9998, 12, 30)), st.times(), st.sampled_from(["%H:%M:%S", "%H:%M"]), ZONES)
def test_a_date_is_read_quickly_as_the_library_reads_it(day: date, at: time, clock: str, zone: str) -> None:
    written = f"{day.day} {day:%b} {day.year} {at.strftime(clock)} {zone}".encode()
    assert quick_date(written) == quick_date(b"\tMon, " + written + b"\r") == slow_date(written)


NAMES = b"From,To,Cc,BCC,Subject,Date,Message-ID,Content-Type,Precedence,List-Post,X,to ".split(b",")
WRITTEN = [
    *(b"a@b.example", b"Ada B. <Ada.B@Company.Example>", b"G: a@b.example, c@d.example;", b"<1@x.example>", b"multipart/report"),
    *(b"text/calendar; method=REPLY", b"bulk", b"Mon, 2 Nov 2026 10:00:00 +0200", b"Re: Out of Office", b"=?utf-8?q?Vacation?= reply"),
    *(
        b"2 Nov 2026 23:59 -0000",
        b"2 Nov 2026 24:00:00 +0000",
        b"2 Nov 2026 10:60:00 +0000",
        b"2 Nov 2026 10:00:99 +0000",
        b"31 Feb 2026 10:00:00 +0000",
    ),
    *(b"24 Nov 2026 23:59:59 +0000", b"26 Nov 2026 10:00:00 +0000", b"1 Jan 1970 00:00 +0000", b"2 Nov 1926 10:00:00 +0000"),
    *(
        b"\t<1@x.example>  ",
        b"<1@x.example> <2@x.example>",
        b"x <1 @x.example>",
        b"<\xe4@x.example>",
        b"<<1@x.example>>",
        b"<" + b"1" * 600 + b">",
    ),
    *(b"a@b.example,a@b.example", b", ".join(b"p%d@b.example" % number for number in range(600)), b"undisclosed-recipients:;"),
]
ANYTHING = st.binary(max_size=40).filter(lambda value: b"\n\n" not in value and b"\n\r\n" not in value)
FIELDS = st.tuples(
    st.sampled_from(NAMES), st.one_of(st.sampled_from(WRITTEN), ANYTHING), st.sampled_from([b"\r\n", b"\n", b"\r\n ", b"\r", b"\n\t"])
)
BEGINNINGS = st.sampled_from([b"", b"From: ada@company.example\r\nDate: 2 Nov 2026 10:00:00 +0200\r\n"])


@given(BEGINNINGS, st.lists(FIELDS, max_size=8))
def test_the_quick_way_reads_what_the_careful_one_reads(beginning: bytes, written: list[tuple[bytes, bytes, bytes]]) -> None:
    head = headers_of(beginning + b"".join(name + b": " + value + end for name, value, end in written) + b"\r\n\r\n")
    assert sent(head) == read_elaborately(head, ADA, lambda: None, NOW)


PIECES = ["a", "B", "ada", "x-y", "9", "_", "@", ".", "..", ".example", " ", "  ", ",", "<", ">", "'", '"', "(", ")", ";", ":", "="]
PIECES += [
    "+",
    "%",
    "\\",
    "\t",
    "\r\n ",
    "\x0b",
    "ö",
    "ß",
    "ı",
    "=?utf-8?q?a?=",
    "a@b.example",
    "Ada <ada@company.example>",
    "a" * 64,
    "b" * 63 + ".",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_the_quick_way_reads_the_addresses_that_the_careful_one_reads(text: str) -> None:
    assert read_addresses(text.encode()) == tuple(mailbox.address for mailbox in authors.read_mailbox(text.encode()).mailboxes)


SUBJECTS = ["Re: ", "AW:", "re[2]: ", "Out of Office", "out  of office", "\t", "Autosvar", "nicht im büro", "x"]


@given(st.lists(st.sampled_from(SUBJECTS), max_size=5))
def test_a_subject_is_judged_as_without_the_words_that_answering_puts_before_it(words: list[str]) -> None:
    assert why_not_subject("".join(words)) == why_not_subject(ANSWERS.sub("", "".join(words), count=1))


@pytest.mark.corpus
def test_the_quick_way_reads_real_mail_alike(corpus: Path) -> None:
    quick = 0
    with tarfile.open(corpus / "maildirs.tar.gz") as packed:
        for entry in packed:
            if entry.isfile() and (file := packed.extractfile(entry)):
                head = headers_of(file.read())
                quick += PlainReader(ADA).fields(head) is not None
                assert sent(head) == read_elaborately(head, ADA, lambda: None, NOW), entry.name
    assert quick > 500
