"""Returned messages in the formats of mail systems, and their imitations."""

import pytest
from hypothesis import given, strategies as st

from tests.triage.messages import mail, multipart, part
from triage.message.mime.mime_parts import FIELD_LIMIT, parts_of
from triage.message.returned import TEXT_LIMIT, attached_ids, receipt_id, written_ids
from triage.message.summary import make_summary

ID = "offer.1@company.example"
HEADER = (
    f"Received: from pc (192.0.2.1)\n  by mx.company.example\nMessage-ID: <{ID}>\nDate: 24 Nov 2026 09:30\nFrom: Joe <joe@company.example>"
)
QMAIL = f"""\
Hi. This is the qmail-send program at mx.supplier.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<ann@supplier.example>:
user is over quota

--- Below this line is a copy of the message.

Return-Path: <joe@company.example>
{HEADER}
Subject: Offer

Dear Ann
"""
EXIM = f"""\
This message was created automatically by mail delivery software.

The following address(es) failed:

  ann@supplier.example
    Unrouteable address

------ This is a copy of the message, including all the headers. ------

{HEADER}

Dear Ann
"""
NOTES = f"""\
------- Failure Reasons  --------

User not listed
ann@supplier.example

------- Returned Message --------
{HEADER}
Subject: Offer
"""
UNITED = f"Not delivered.\n\n--- The header of the original message is following. ---\n\n{HEADER}\nX-Priority: 3\n"
WORDS = part("Content-Type: text/plain", b"Unable to deliver message to: <ann@supplier.example>")
IN_FULL = mail(HEADER, "Dear Ann\n")
GATEWAY = multipart(WORDS, part("Content-Type: message/rfc822\nContent-Disposition: inline", IN_FULL))
MAIL2000 = multipart(WORDS, IN_FULL)


@pytest.mark.parametrize(
    "raw",
    [
        *(mail("From: MAILER-DAEMON@mx.supplier.example", text) for text in (QMAIL, EXIM, NOTES, UNITED)),
        mail("From: mailer-daemon@mx.supplier.example\nContent-Transfer-Encoding: quoted-printable", EXIM.replace("=", "=3D")),
        QMAIL.encode().replace(b"Hi.", b"Content-Type: text/plain\n\nHi.", 1),
        *(one.replace(b"From: ann@sender.example", b"From: postmaster@mx.supplier.example") for one in (GATEWAY, MAIL2000)),
    ],
    ids=["qmail", "Exim", "Notes", "GMX", "Gmail", "without CR", "MailFoundry", "Mail2000"],
)
def test_forms_of_what_comes_back(raw: bytes) -> None:
    assert ID in [one.decode().strip(" <>") for one in [*attached_ids(parts_of(raw)), *written_ids(parts_of(raw))]]


@pytest.mark.parametrize(
    "text",
    [
        f"Your message <{ID}> could not be delivered.\n",
        f"Message-ID: <{ID}>\nSubject: Offer\n",  # whoever quotes so much quotes the header
        f"> {HEADER}".replace("\n", "\n> "),  # an answer
        f"Date: 24 Nov 2026\nFrom: Joe <joe@company.example>\n\nMessage-ID: <{ID}>\n",
        "x\n" * TEXT_LIMIT + f"\n{HEADER}\n",
    ],
)
def test_what_is_no_header(text: str) -> None:
    assert written_ids(parts_of(mail("From: MAILER-DAEMON@mx.supplier.example", text))) == []


@pytest.mark.parametrize(
    ("author", "ids"),
    [("Mailer-Daemon@mx.supplier.example", (ID,)), ("Mail Delivery System <>", (ID,)), ("ann@supplier.example", ()), ("Boss <>", ())],
)
def test_only_a_mail_system_returns_in_words(author: str, ids: tuple[str, ...]) -> None:
    assert make_summary(mail(f"From: {author}", EXIM)).returned_ids == ids
    assert make_summary(GATEWAY.replace(b"ann@sender.example", author.encode())).returned_ids == ids


def file(head: str, content: bytes = b"data") -> bytes:
    return part(f"Content-Type: {head}", content)


def within(*parts: bytes, **more: str) -> bytes:
    """A multipart that stands in another one."""
    return multipart(*parts, **more).replace(b"cut", f"cut{len(parts)}".encode() + more.get("subtype", "").encode())


OURS_WITH_FILE = within(WORDS, file("application/pdf; name=offer.pdf"), head=f"{HEADER}\nSubject: Offer")
GMAIL = multipart(
    within(
        within(WORDS, file("text/html", b"<a href='https://support.example'>More</a><img src='cid:icon.png'>"), subtype="alternative"),
        file('image/png; name="icon.png"\nContent-Disposition: attachment; filename="icon.png"\nContent-ID: <icon.png>'),
        subtype="related",
    ),
    file("message/delivery-status", b"Final-Recipient: rfc822; ann@supplier.example\r\nAction: failed\r\n"),
    part("Content-Type: message/rfc822", OURS_WITH_FILE),
    subtype="report; report-type=delivery-status",
    head="From: mailer-daemon@googlemail.com",
)


def with_beside(*parts: bytes) -> bytes:
    """A bounce with these parts behind what it returns."""
    return multipart(WORDS, part("Content-Type: message/rfc822", OURS_WITH_FILE), *parts, head="From: mailer-daemon@mx.supplier.example")


@pytest.mark.parametrize(
    ("raw", "added"),
    [
        (GMAIL, ""),
        (with_beside(), ""),
        (with_beside(file("text/plain; name=details.txt"), file("text/plain; name=ATT00001")), ""),
        (with_beside(file("application/pkcs7-signature; name=smime.p7s")), ""),
        (with_beside(file("application/pdf; name=invoice.pdf")), "invoice.pdf"),
        (with_beside(file("application/octet-stream")), "application/octet-stream"),
        (with_beside(file("text/html; name=login.html")), "login.html"),
        (with_beside(file("text/plain; name=login.html")), "login.html"),
        (with_beside(file("text/plain; name=note.txt\nContent-Disposition: attachment; filename=login.html")), "login.html"),
        (with_beside(file("message/delivery-status; name=login.html")), "login.html"),
        (with_beside(file("image/svg+xml; name=logo.svg")), "logo.svg"),
        (with_beside(file("text/calendar; method=REQUEST", b"BEGIN:VCALENDAR\r\n")), "text/calendar"),
        (with_beside(within(WORDS, file("application/pdf; name=deep.pdf"))), "deep.pdf"),
        (with_beside(within(file("application/pdf; name=below.pdf"), head=HEADER)), "below.pdf"),  # only Mail2000 returns so
        (with_beside().replace(b"mailer-daemon@mx.supplier.example", b"ann@supplier.example"), ""),  # returns nothing
    ],
)
def test_files_beside_what_is_returned(raw: bytes, added: str) -> None:
    assert make_summary(raw).added == added


def receipt(fields: str, report_type: str = "disposition-notification") -> bytes:
    return multipart(
        part("Content-Type: text/plain", b"It was displayed."),
        part("Content-Type: message/disposition-notification", fields.replace("\n", "\r\n").encode()),
        subtype=f"report; report-type={report_type}",
    )


NOTIFICATION = f"Final-Recipient: rfc822;ann@supplier.example\nOriginal-Message-ID: <{ID}>\nDisposition: manual-action; displayed\n"


def test_a_receipt_answers_the_mail_that_it_is_for() -> None:
    assert make_summary(receipt(NOTIFICATION)).in_reply_to == (ID,)
    assert make_summary(receipt(NOTIFICATION.replace(f"Original-Message-ID: <{ID}>\n", ""))).in_reply_to == ()
    assert make_summary(receipt(NOTIFICATION, "delivery-status")).in_reply_to == ()


@given(st.binary(max_size=300) | st.text("MesagI-D:<x>FromDt \r\n\t", max_size=300).map(str.encode))
def test_any_bytes(data: bytes) -> None:
    kinds = ("text/plain", "message/rfc822", "message/disposition-notification")
    parts = parts_of(multipart(*(part(f"Content-Type: {kind}", data) for kind in kinds)))
    assert len([*attached_ids(parts), *written_ids(parts), *receipt_id(parts)]) <= len(data)


@pytest.mark.parametrize(("more", "found"), [(1_000, 1), (FIELD_LIMIT, 0)])
def test_a_header_with_more_fields_than_one_may_have_is_none(more: int, found: int) -> None:
    header = mail(f"{HEADER}\n" + "X: y\n" * more)
    assert len(written_ids(parts_of(mail("From: postmaster@x.example", header)))) == found
